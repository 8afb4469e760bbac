//! A sealed body as text, in a map of names and texts: how FCM and OneSignal carry it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{OpenError, UserAgentSecret, open};

/// The field of a data map that holds the sealed body in base64url without padding.
pub const DATA_FIELD: &str = "e2ee";

/// Opens the sealed body in the data map that an app received: FCM's `data`, OneSignal's
/// `additionalData`.
///
/// `None` for a map without the field [`DATA_FIELD`], which another sender made, and for a push
/// without a payload, whose field is empty.
///
/// # Errors
///
/// [`OpenError`] for text that is not canonical base64url without padding, for a field that
/// occurs twice, and as [`open`] does.
///
/// ```
/// use sealpush::UserAgentSecret;
/// use sealpush::seal::open_data;
/// use std::collections::HashMap;
///
/// let app = UserAgentSecret::generate()?;
/// let data = HashMap::from([("from".to_owned(), "another sender".to_owned())]);
/// assert_eq!(open_data(&app, &data).unwrap(), None);
/// # Ok::<_, sealpush::Error>(())
/// ```
pub fn open_data<K: AsRef<str>, V: AsRef<str>>(
    secret: &UserAgentSecret,
    data: impl IntoIterator<Item = (K, V)>,
) -> Result<Option<Vec<u8>>, OpenError> {
    let mut fields = data.into_iter().filter(|(name, _)| name.as_ref() == DATA_FIELD);
    match (fields.next(), fields.next()) {
        (None, _) => Ok(None),
        (Some((_, text)), None) if text.as_ref().is_empty() => Ok(None),
        (Some((_, text)), None) => open_data_field(secret, text.as_ref()).map(Some),
        (Some(_), Some(_)) => Err(OpenError),
    }
}

/// Opens a sealed body that arrived as text, the value of [`DATA_FIELD`].
///
/// # Errors
///
/// [`OpenError`] for text that is not canonical base64url without padding, and as [`open`] does.
pub fn open_data_field(secret: &UserAgentSecret, text: &str) -> Result<Vec<u8>, OpenError> {
    let body = URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError)?;
    open(secret, &body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{Padding, seal};

    fn sealed() -> (UserAgentSecret, String) {
        let secret = UserAgentSecret::generate().unwrap();
        let sealed = seal(secret.keys(), b"hello", Padding::To(512)).unwrap();
        let text = URL_SAFE_NO_PAD.encode(&sealed);
        (secret, text)
    }

    #[test]
    fn a_data_map_is_opened() {
        let (secret, text) = sealed();
        let data = [("other", "x"), (DATA_FIELD, &text)];
        assert_eq!(open_data(&secret, data).unwrap().unwrap(), b"hello");
    }

    #[test]
    fn a_map_without_a_body_is_no_error() {
        let (secret, _) = sealed();
        assert_eq!(open_data(&secret, [("other", "x")]), Ok(None));
        assert_eq!(open_data(&secret, [(DATA_FIELD, "")]), Ok(None));
    }

    #[test]
    fn the_text_has_one_form() {
        let (secret, text) = sealed();
        // 512 octets leave four bits over, which must be zero: the last character's neighbour in
        // the alphabet sets one of them.
        let (head, last) = text.split_at(text.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        for bad in [
            format!("{text}="),
            format!("{text}\n"),
            format!(" {text}"),
            format!("{head}{next}"),
            head.to_owned(),
            "+/+/".to_owned(),
        ] {
            assert_eq!(open_data(&secret, [(DATA_FIELD, &bad)]), Err(OpenError), "{bad}");
        }
        assert_eq!(open_data(&secret, [(DATA_FIELD, &text), (DATA_FIELD, &text)]), Err(OpenError));
    }
}
