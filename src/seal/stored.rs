//! The secret half of a user agent's keys as text, to store.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::keys::{UserAgentSecret, decode_base64};
use crate::error::{Error, ErrorKind, Result};

/// Borrowed, so that there is no copy to wipe.
#[derive(Deserialize)]
struct Stored<'a> {
    private_key: &'a str,
    auth: &'a str,
}

impl UserAgentSecret {
    /// The text form, to store: `{"private_key":"…","auth":"…"}` in base64url without padding.
    /// Whoever has it opens every message to this user agent.
    ///
    /// ```
    /// use sealpush::UserAgentSecret;
    ///
    /// let secret = UserAgentSecret::generate()?;
    /// let again = UserAgentSecret::from_json(&secret.to_json())?;
    /// assert_eq!(again.keys(), secret.keys());
    /// # Ok::<_, sealpush::Error>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<String> {
        // In one allocation: text that grows leaves its beginning behind.
        let mut text = Zeroizing::new(String::with_capacity(CAPACITY));
        text.push_str(r#"{"private_key":""#);
        URL_SAFE_NO_PAD.encode_string(self.expose_private_key().as_slice(), &mut text);
        text.push_str(r#"","auth":""#);
        URL_SAFE_NO_PAD.encode_string(self.keys().auth_secret().expose(), &mut text);
        text.push_str(r#""}"#);
        text
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for text that is none, and as [`new`](Self::new). Nothing of it is repeated.
    pub fn from_json(text: &str) -> Result<Self> {
        let read = || {
            let stored: Stored<'_> = serde_json::from_str(text).ok()?;
            Some((decode_base64(stored.private_key)?, decode_base64(stored.auth)?))
        };
        let (private_key, auth) = read().ok_or_else(|| {
            Error::new(ErrorKind::InvalidToken, "the text is not a stored secret of a user agent")
        })?;
        Self::new(&private_key, &auth)
    }
}

/// Octets of the names and marks, and of 32 and 16 octets in base64.
const CAPACITY: usize = r#"{"private_key":"","auth":""}"#.len() + 43 + 22;

#[cfg(test)]
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod tests {
    use super::*;

    #[test]
    fn a_stored_secret_fits_in_what_was_allocated_and_is_read_back() {
        let secret = UserAgentSecret::generate().unwrap();
        let text = secret.to_json();
        assert_eq!((text.len(), text.capacity()), (CAPACITY, CAPACITY));
        let again = UserAgentSecret::from_json(&text).unwrap();
        assert_eq!(again.expose_private_key(), secret.expose_private_key());
        assert_eq!(again.keys(), secret.keys());
    }

    #[test]
    fn text_that_is_no_secret_is_refused_and_not_shown() {
        let zero = "A".repeat(43);
        for bad in [
            "MARKER".to_owned(),
            r#"{"private_key":"MARKER"}"#.to_owned(),
            r#"{"private_key":"MARKER","auth":"MARKER"}"#.to_owned(),
            format!(r#"{{"private_key":"{zero}","auth":"AAAAAAAAAAAAAAAAAAAAAA"}}"#),
        ] {
            let error = UserAgentSecret::from_json(&bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidToken, "{bad}");
            assert!(!format!("{error:?}").contains("MARKER"));
        }
    }
}
