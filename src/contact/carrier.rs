//! Where a device can be reached, in the binary form that an address seals.

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::SizeClass;
use super::octets::{Reader, sha256};
use crate::seal::keys::decode_base64;
use crate::{Error, ErrorKind, ProviderId, Result, Token, UserAgentKeys};

/// A [`Token`] in the one binary form that contact gives it: `provider 1 ‖ length 2 ‖ the carrier's
/// address ‖ p256dh 65 ‖ auth 16 ‖ VAPID key id 8`.
///
/// One form, so that a token cannot be spelt anew to be counted anew.
#[derive(Clone)]
pub(crate) struct CarrierToken {
    pub(crate) provider: u8,
    pub(crate) address: Zeroizing<String>,
    pub(crate) keys: UserAgentKeys,
    /// First 8 octets of SHA-256 of the VAPID key that the subscription was made with; zeros where
    /// it was made without.
    pub(crate) vapid: VapidId,
}

pub(crate) type VapidId = [u8; 8];

impl CarrierToken {
    /// Longest address of a carrier, in octets.
    pub(crate) const MAX_ADDRESS: usize = 530;

    pub(crate) fn from_token(token: &Token) -> Result<Self> {
        let member = |name| token.expose(name).map(str::to_owned);
        let (provider, address) = match token.provider().as_str() {
            "webpush" => (WEB_PUSH, member("endpoint")),
            "fcm" if token.expose("fid").is_some() => (FCM_INSTALLATION, member("fid")),
            "fcm" => (FCM, member("token")),
            "onesignal" if token.expose("subscription_id").is_some() => {
                (ONESIGNAL, member("subscription_id"))
            }
            _ => (OTHER, other_address(token)),
        };
        let address = address.map(Zeroizing::new).ok_or_else(|| {
            Error::new(ErrorKind::InvalidToken, "the token has no address of its provider")
        })?;
        if address.len() > Self::MAX_ADDRESS {
            return Err(Error::new(
                ErrorKind::InvalidToken,
                format!(
                    "the token's address is {} octets, an address for contacts holds {}",
                    address.len(),
                    Self::MAX_ADDRESS
                ),
            ));
        }
        let vapid = match token.expose("applicationServerKey") {
            None => [0; 8],
            Some(key) => vapid_id(&decode_base64(key).ok_or_else(|| {
                Error::new(ErrorKind::InvalidToken, "the applicationServerKey is not base64")
            })?),
        };
        Ok(Self { provider, address, keys: token.keys().clone(), vapid })
    }

    /// The token again; `vapid_key` is the relay's key that the id names, in base64url.
    pub(crate) fn to_token(&self, vapid_key: Option<&str>) -> Result<Token> {
        let address = self.address.as_str();
        let id = ProviderId::from_static;
        let (provider, mut members) = match self.provider {
            WEB_PUSH => (id("webpush"), json!({ "endpoint": address })),
            FCM => (id("fcm"), json!({ "token": address })),
            FCM_INSTALLATION => (id("fcm"), json!({ "fid": address })),
            ONESIGNAL => (id("onesignal"), json!({ "subscription_id": address })),
            _ => {
                let mut members: Map<String, Value> =
                    serde_json::from_str(address).map_err(|_| unknown())?;
                let Some(Value::String(name)) = members.remove("provider") else {
                    return Err(unknown());
                };
                (name.parse()?, members.into())
            }
        };
        if let (Some(key), Some(members)) = (vapid_key, members.as_object_mut()) {
            members.insert("applicationServerKey".to_owned(), key.into());
        }
        Token::new(provider, &members, self.keys.clone())
    }

    pub(crate) fn to_octets(&self) -> Zeroizing<Vec<u8>> {
        let mut octets = self.head();
        octets.extend_from_slice(self.keys.public_octets());
        octets.extend_from_slice(self.keys.auth_secret().expose());
        octets.extend_from_slice(&self.vapid);
        octets
    }

    /// Reads the binary form, and nothing that follows it.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader(octets);
        let (provider, address, keys) = Self::read_head(&mut reader)?;
        let vapid = *reader.array()?;
        reader.end()?;
        Some(Self { provider, address, keys, vapid })
    }

    /// Provider, length, address and keys: how an address begins as well.
    pub(crate) fn read_head(
        reader: &mut Reader<'_>,
    ) -> Option<(u8, Zeroizing<String>, UserAgentKeys)> {
        let provider = reader.u8().filter(|provider| PROVIDERS.contains(provider))?;
        let len = reader.u16().map(usize::from).filter(|len| *len <= Self::MAX_ADDRESS)?;
        let address = Zeroizing::new(std::str::from_utf8(reader.take(len)?).ok()?.to_owned());
        let keys = UserAgentKeys::new(reader.array::<65>()?, reader.array::<16>()?).ok()?;
        Some((provider, address, keys))
    }

    pub(crate) fn head(&self) -> Zeroizing<Vec<u8>> {
        let mut octets = Zeroizing::new(Vec::with_capacity(640));
        octets.push(self.provider);
        // At most `MAX_ADDRESS`.
        octets.extend_from_slice(&(self.address.len() as u16).to_be_bytes());
        octets.extend_from_slice(self.address.as_bytes());
        octets
    }

    /// Whether the carrier's own software opens an outer layer: the browser does.
    pub(crate) fn has_outer_layer(&self) -> bool {
        self.provider == WEB_PUSH
    }

    /// The largest message that the carrier takes: OneSignal 1527 octets, hint included.
    pub(crate) fn largest(&self) -> SizeClass {
        if self.provider == ONESIGNAL { SizeClass::Medium } else { SizeClass::Large }
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(&[&self.to_octets()])
    }
}

/// What an address says about a VAPID key.
pub(crate) fn vapid_id(public_key: &[u8]) -> VapidId {
    *sha256(&[public_key]).first_chunk().expect("8 of 32 octets")
}

/// The token's own JSON without keys, in the order of the names.
fn other_address(token: &Token) -> Option<String> {
    let Ok(Value::Object(mut members)) = serde_json::to_value(token) else { return None };
    members.remove("keys");
    members.sort_keys();
    serde_json::to_string(&members).ok()
}

fn unknown() -> Error {
    Error::new(ErrorKind::InvalidToken, "the address is not of a provider")
}

const WEB_PUSH: u8 = 1;
const FCM: u8 = 2;
const FCM_INSTALLATION: u8 = 3;
const ONESIGNAL: u8 = 4;
/// Any other provider: its token as JSON.
const OTHER: u8 = 255;
const PROVIDERS: [u8; 5] = [WEB_PUSH, FCM, FCM_INSTALLATION, ONESIGNAL, OTHER];
