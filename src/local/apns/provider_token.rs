//! The authentication tokens of a team: ES256, an hour at most, and not a new one every few seconds.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pem_rfc7468::LineEnding;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::es256::is_signed;
use super::super::store::PublicKey;
use super::refusal::Refusal;
use crate::{Error, ErrorKind, Result};

/// A key of a developer's account, with what was signed by it.
pub(super) struct TeamKey {
    pub(super) key_id: String,
    pub(super) team_id: String,
    pem: Zeroizing<String>,
    public_key: PublicKey,
    revoked: bool,
    /// Signatures of the tokens that were used, by when each was first.
    used: BTreeMap<Vec<u8>, u64>,
}

impl TeamKey {
    pub(super) fn generate(key_id: String, team_id: String) -> Result<Self> {
        let failed = || Error::new(ErrorKind::Unavailable, "no P-256 key can be made");
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new());
        let document = document.map_err(|_| failed())?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref()).map_err(|_| failed())?;
        let public_key = pair.public_key().as_ref().try_into().map_err(|_| failed())?;
        let pem = pem_rfc7468::encode_string("PRIVATE KEY", LineEnding::LF, document.as_ref());
        let pem = pem.map(Zeroizing::new).map_err(|_| failed())?;
        Ok(Self { key_id, team_id, pem, public_key, revoked: false, used: BTreeMap::new() })
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn revoke(&mut self) {
        self.revoked = true;
    }

    /// Looks at the token of a request.
    pub(super) fn check(&mut self, token: &str, now: SystemTime) -> Result<(), Refusal> {
        let invalid = || Refusal::new(403, "InvalidProviderToken");
        let (claims, signature) = self.verify(token).ok_or_else(invalid)?;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        if claims.iss != self.team_id || claims.iat > now.saturating_add(LEEWAY) {
            return Err(invalid());
        }
        if now.saturating_sub(claims.iat) > MAX_AGE {
            return Err(Refusal::new(403, "ExpiredProviderToken"));
        }
        self.used.retain(|_, first| now.saturating_sub(*first) < LEAST_AGE);
        if !self.used.contains_key(&signature) && self.used.len() >= MAX_UPDATES {
            return Err(Refusal::new(429, "TooManyProviderTokenUpdates"));
        }
        self.used.entry(signature).or_insert(now);
        Ok(())
    }

    fn verify(&self, token: &str) -> Option<(Claims, Vec<u8>)> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: JoseHeader = serde_json::from_slice(&decode(header)?).ok()?;
        let signature = decode(signature)?;
        let is_good = !self.revoked
            && header.alg == "ES256"
            && header.kid == self.key_id
            && is_signed(&self.public_key, signed.as_bytes(), &signature);
        if !is_good {
            return None;
        }
        Some((serde_json::from_slice(&decode(claims)?).ok()?, signature))
    }
}

impl fmt::Debug for TeamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TeamKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct JoseHeader {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    iat: u64,
}

/// Oldest token that is taken, in seconds.
const MAX_AGE: u64 = 3600;
/// How soon a token may follow another, in seconds.
const LEAST_AGE: u64 = 20 * 60;
/// How many tokens of one key may be in use within that time. Apple names no number; several
/// servers of one team have one each.
const MAX_UPDATES: usize = 10;
/// How far the sender's clock may be ahead, in seconds.
const LEEWAY: u64 = 300;
