//! The push resource of a token, read once for all its clones.

use super::Token;
use crate::endpoint::{Endpoint, read};
use crate::error::{Error, ErrorKind, Result};

impl Token {
    /// The member `endpoint`, read. It is read at the first call and kept for all clones.
    ///
    /// # Errors
    ///
    /// `InvalidToken` when the member is absent, no text, or no push resource.
    ///
    /// ```
    /// # let text = r#"{"endpoint": "https://push.example.net:443/p/JzLQ3raZ", "keys": {
    /// #     "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    /// #     "auth": "BTBZMqHH6r4Tts7J_aSIgg" } }"#;
    /// let token: sealpush::Token = text.parse()?;
    /// assert_eq!(token.endpoint()?.origin().as_str(), "https://push.example.net");
    /// # Ok::<_, sealpush::Error>(())
    /// ```
    pub fn endpoint(&self) -> Result<&Endpoint> {
        let read = self.0.address.endpoint.get_or_init(|| {
            self.expose("endpoint").ok_or("the token has no 'endpoint' as text").and_then(read)
        });
        read.as_ref().map_err(|&rule| Error::new(ErrorKind::InvalidToken, rule))
    }
}
