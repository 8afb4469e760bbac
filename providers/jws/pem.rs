//! Private keys in PEM, as far as a reader may go (RFC 7468 §3, figure 1): blanks anywhere between
//! the boundaries, lines of any length and with any end. The crates for it read the strict form,
//! which refuses what OpenSSL, Node and Python take.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::Fact;

/// A private key's octets and what they are.
pub(super) struct PrivateKey {
    pub(super) label: Label,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// The forms of a private key that is neither encrypted nor of a tool's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Label {
    /// `RSA PRIVATE KEY`.
    Pkcs1,
    /// `PRIVATE KEY`.
    Pkcs8,
    /// `EC PRIVATE KEY`.
    Sec1,
}

/// The first private key of a text.
pub(super) fn private_key(text: &str) -> Result<PrivateKey, Fact> {
    let mut other = None;
    let mut rest = text;
    while let Some((_, found)) = rest.split_once(BEGIN) {
        rest = found;
        let Some((label, after)) = found.split_once(DASHES) else { break };
        let label = match label.trim() {
            "PRIVATE KEY" => Label::Pkcs8,
            "EC PRIVATE KEY" => Label::Sec1,
            "RSA PRIVATE KEY" => Label::Pkcs1,
            "ENCRYPTED PRIVATE KEY" => return Err(ENCRYPTED),
            "OPENSSH PRIVATE KEY" => return Err(OPENSSH),
            name => {
                other = other.or_else(|| Some(not_private(name)));
                continue;
            }
        };
        return block(label, after);
    }
    Err(other.unwrap_or_else(|| not_pem(text)))
}

/// What stands between the boundaries; `after` begins behind the first.
fn block(label: Label, after: &str) -> Result<PrivateKey, Fact> {
    let (content, end) = after
        .split_once("-----END ")
        .ok_or(Fact::new("has no line '-----END …': the PEM was cut off"))?;
    let same =
        |text: &str| text.split(DASHES).next().is_some_and(|name| name.trim() == name_of(label));
    if !same(end) || !end.contains(DASHES) {
        return Err(Fact::new("has boundary lines that do not belong together"));
    }
    if content.contains("\\n") || content.contains("\\r") {
        return Err(Fact::new(
            "has '\\n' as two characters where lines end; replace them by line breaks",
        ));
    }
    // OpenSSL's older form names the cipher in a header field: `Proc-Type: 4,ENCRYPTED`.
    if content.contains(':') {
        return Err(ENCRYPTED);
    }
    let mut base64 = Zeroizing::new(String::with_capacity(content.len()));
    base64.extend(content.chars().filter(|character| !is_blank(*character)));
    let mut der = Zeroizing::new(Vec::with_capacity(base64.len()));
    let digits = base64.strip_suffix("==").or_else(|| base64.strip_suffix('='));
    STANDARD_NO_PAD
        .decode_vec(digits.unwrap_or(&base64), &mut der)
        .map_err(|_| Fact::new("is damaged: between the lines of dashes stands no base64"))?;
    if der.is_empty() {
        return Err(Fact::new("is empty: nothing stands between the lines of dashes"));
    }
    Ok(PrivateKey { label, der })
}

fn not_private(label: &str) -> Fact {
    Fact::new(if label.contains("PUBLIC KEY") {
        "is not there: the PEM holds a public key, no private key"
    } else if label.contains("CERTIFICATE") {
        "is not there: the PEM holds a certificate, no private key"
    } else {
        "is not there: the PEM holds no private key"
    })
}

fn not_pem(text: &str) -> Fact {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    Fact::new(if text.starts_with('{') {
        "is JSON, where PEM is expected"
    } else if text.contains("BEGIN") {
        "is no PEM: its first line must be '-----BEGIN PRIVATE KEY-----'"
    } else {
        "is not PEM"
    })
}

/// The white space of RFC 7468 §3.
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n' | '\u{b}' | '\u{c}')
}

const fn name_of(label: Label) -> &'static str {
    match label {
        Label::Pkcs1 => "RSA PRIVATE KEY",
        Label::Pkcs8 => "PRIVATE KEY",
        Label::Sec1 => "EC PRIVATE KEY",
    }
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";
const ENCRYPTED: Fact =
    Fact::new("is encrypted; decrypt it first, for example with 'openssl pkcs8 -topk8 -nocrypt'");
const OPENSSH: Fact = Fact::new(
    "is in OpenSSH's own form; convert it, for example with 'ssh-keygen -p -m PKCS8 -f FILE'",
);
