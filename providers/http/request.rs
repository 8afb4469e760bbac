//! The parts of a request that most vendors' APIs share.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Result};

/// A `POST` of JSON: what most vendors' APIs take.
#[must_use]
pub fn post_json(url: &Uri, json: Bytes) -> Request<Bytes> {
    let mut request = Request::new(json);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.clone();
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

/// A credential as a header's value, marked as sensitive: `Bearer` and a text, `Key` and a text.
///
/// # Errors
///
/// `Configuration` for a credential that is empty or not printable ASCII without spaces. Nothing of
/// it is repeated.
pub fn authorization(scheme: &str, credential: &str) -> Result<HeaderValue> {
    let graphic = credential.bytes().all(|octet| octet.is_ascii_graphic());
    if credential.is_empty() || !graphic {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the credential is empty, or not printable ASCII without spaces",
        ));
    }
    let mut text = Zeroizing::new(String::with_capacity(scheme.len() + 1 + credential.len()));
    text.push_str(scheme);
    text.push(' ');
    text.push_str(credential);
    sensitive(text)
}

/// A header's value that holds a secret: marked as sensitive, and wiped when its last clone is
/// dropped.
///
/// # Errors
///
/// `Configuration` for text with characters that cannot stand in a header.
pub fn sensitive(text: Zeroizing<String>) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(wiped(text)).map_err(|_| {
        Error::new(
            ErrorKind::Configuration,
            "the credential has characters that cannot stand in a header",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A text as octets that are wiped when their last clone is dropped.
#[must_use]
pub fn wiped(text: Zeroizing<String>) -> Bytes {
    struct Wiped(Zeroizing<String>);

    impl AsRef<[u8]> for Wiped {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }

    Bytes::from_owner(Wiped(text))
}
