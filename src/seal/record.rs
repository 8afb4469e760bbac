//! The `aes128gcm` content coding (RFC 8188), reduced to what RFC 8291 §4 allows: a header and
//! exactly one record.

use super::keys::POINT_LEN;

/// Octets of the salt (RFC 8188 §2.1).
pub(crate) const SALT_LEN: usize = 16;
/// Octets before the record: salt, record size, key id length, and the sender's public key as the
/// key id (RFC 8291 §4).
pub(crate) const HEADER_LEN: usize = SALT_LEN + 4 + 1 + POINT_LEN;
/// Octets of the AES-GCM tag.
pub(crate) const TAG_LEN: usize = 16;
/// Octets that sealing adds: header, delimiter and tag.
pub(crate) const OVERHEAD: usize = HEADER_LEN + 1 + TAG_LEN;
/// The delimiter of the last record (RFC 8188 §2).
pub(crate) const DELIMITER: u8 = 2;

/// The record size that we write, customary and large enough for every body we make.
const RECORD_SIZE: u32 = 4096;
/// A record holds a delimiter, a tag and one octet more (RFC 8188 §2.1).
const MIN_RECORD_SIZE: u32 = 18;
/// Firefox reads the record size as a signed number.
const MAX_RECORD_SIZE: u32 = (1 << 31) - 1;

/// A sealed body taken apart; nothing in it has been authenticated.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) salt: &'a [u8; SALT_LEN],
    pub(crate) key_id: &'a [u8; POINT_LEN],
    /// Ciphertext without the tag: at least the delimiter.
    pub(crate) ciphertext: &'a [u8],
    pub(crate) tag: &'a [u8; TAG_LEN],
}

impl<'a> Parts<'a> {
    /// Takes a body apart, refusing everything but one record with a key id of 65 octets.
    pub(crate) fn parse(body: &'a [u8]) -> Option<Self> {
        let (salt, rest) = body.split_first_chunk::<SALT_LEN>()?;
        let (record_size, rest) = rest.split_first_chunk::<4>()?;
        let (&[key_id_len], rest) = rest.split_first_chunk::<1>()?;
        if usize::from(key_id_len) != POINT_LEN {
            return None;
        }
        let (key_id, record) = rest.split_first_chunk::<POINT_LEN>()?;
        let record_size = u32::from_be_bytes(*record_size);
        if !(MIN_RECORD_SIZE..=MAX_RECORD_SIZE).contains(&record_size)
            || usize::try_from(record_size).is_ok_and(|size| record.len() > size)
        {
            return None;
        }
        let (ciphertext, tag) = record.split_last_chunk::<TAG_LEN>()?;
        (!ciphertext.is_empty()).then_some(Self { salt, key_id, ciphertext, tag })
    }
}

/// Appends the header of a body whose key id is the sender's public key.
pub(crate) fn write_header(body: &mut Vec<u8>, salt: &[u8; SALT_LEN], key_id: &[u8; POINT_LEN]) {
    body.extend_from_slice(salt);
    body.extend_from_slice(&RECORD_SIZE.to_be_bytes());
    body.push(POINT_LEN as u8);
    body.extend_from_slice(key_id);
}

/// The length of the message in a decrypted record: what stands before the delimiter 0x02 and its
/// zeros. `None` if that is not how the record ends.
pub(crate) fn unpadded_len(record: &[u8]) -> Option<usize> {
    let last = record.iter().rposition(|&octet| octet != 0)?;
    (record.get(last) == Some(&DELIMITER)).then_some(last)
}
