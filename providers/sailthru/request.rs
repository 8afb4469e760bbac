//! From a sealed message to a request for a transactional notification. Pure.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::providers::http::{authorization, post_json};
use crate::providers::visible::Members;
use crate::seal::DATA_FIELD;
use crate::{Error, ErrorKind, Result, SealedMessage};

use super::{Address, Group};

/// The request's body.
///
/// # Errors
///
/// `PayloadTooLarge` when placeholder and options leave too little room for the message.
pub(super) fn body(
    group: Option<&Group>,
    options: Members,
    address: &Address,
    message: &SealedMessage,
) -> Result<Bytes> {
    let mut payload = options;
    let mut set = |name: &str, value: Value| payload.insert(name.to_owned(), value);
    set("alert", message.placeholder().as_str().into());
    set("mutable_content", true.into());
    set(DATA_FIELD, URL_SAFE_NO_PAD.encode(message.body()).into());
    let payload = Value::Object(payload);
    let len = payload.to_string().len();
    if len > MAX_PAYLOAD {
        return Err(Error::new(
            ErrorKind::PayloadTooLarge,
            format!("the notification is {len} octets of JSON, limit {MAX_PAYLOAD}"),
        ));
    }
    let mut request = json!({ "to": address.target(), "notification": { "payload": payload } });
    if let Some(group) = group {
        request["group"] = group.as_str().into();
    }
    Ok(request.to_string().into())
}

/// The request.
pub(super) fn request(endpoint: &Uri, authorization: &HeaderValue, body: Bytes) -> Request<Bytes> {
    let mut request = post_json(endpoint, body);
    request.headers_mut().insert(AUTHORIZATION, authorization.clone());
    request
}

/// HTTP Basic (RFC 7617) with an empty name and the key as password.
///
/// # Errors
///
/// `Configuration` for a key that is empty or not printable ASCII without spaces.
pub(super) fn basic(api_key: &str) -> Result<HeaderValue> {
    // In base64 everything can stand in a header; a key with spaces is still none.
    authorization("Bearer", api_key)?;
    let mut pair = Zeroizing::new(String::with_capacity(1 + api_key.len()));
    pair.push(':');
    pair.push_str(api_key);
    authorization("Basic", &Zeroizing::new(STANDARD.encode(pair.as_bytes())))
}

/// What Apple's and Google's devices take, in octets of JSON. Sailthru adds members of its own and
/// documents no limit of its own.
const MAX_PAYLOAD: usize = 4096;
