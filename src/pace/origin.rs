//! Whom a message goes to, as far as limits are concerned.

use std::fmt;

use crate::endpoint;
use crate::provider::ProviderId;
use crate::token::Token;

/// A provider, with the origin of the token's `endpoint` where it has one: all spellings of a
/// server are one.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(crate) struct Origin {
    provider: ProviderId,
    server: Option<endpoint::Origin>,
}

impl Origin {
    /// Tokens whose endpoint cannot be read share one origin: no request of theirs goes out.
    pub(crate) fn of(token: &Token) -> Self {
        let server = token.endpoint().ok().map(|endpoint| endpoint.origin().clone());
        Self { provider: token.provider().clone(), server }
    }

    /// Whether a stranger chose the server, and so may bring as many as there are names. Else it is
    /// the provider's own.
    pub(crate) fn is_strangers_choice(&self) -> bool {
        self.server.is_some()
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.provider)?;
        self.server.as_ref().map_or(Ok(()), |server| write!(f, " {server}"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One of many hosts at Web Push.
    pub(crate) fn host(n: usize) -> Origin {
        let endpoint: endpoint::Endpoint = format!("https://host{n}.example").parse().unwrap();
        let server = Some(endpoint.origin().clone());
        Origin { provider: ProviderId::from_static("webpush"), server }
    }

    fn origin(provider: &str, endpoint: &str) -> String {
        let text = format!(
            r#"{{"provider":"{provider}","endpoint":{},"keys":{{"p256dh":"{P256DH}","auth":"{AUTH}"}}}}"#,
            serde_json::to_string(endpoint).unwrap(),
        );
        format!("{:?}", Origin::of(&text.parse().unwrap()))
    }

    const P256DH: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    #[test]
    fn an_origin_is_a_provider_and_every_spelling_of_its_server() {
        let plain = origin("webpush", "https://push.example.net/p/abc?x");
        assert_eq!(plain, "webpush https://push.example.net");
        for spelling in ["HTTPS://Push.Example.NET:443/q", "https://push.example.net.:00443/"] {
            assert_eq!(origin("webpush", spelling), plain, "{spelling}");
        }
        for other in ["https://push.example.net:8443/p", "http://push.example.net/p"] {
            assert_ne!(origin("webpush", other), plain, "{other}");
        }
        assert_ne!(origin("a", "https://h/"), origin("b", "https://h/"));
        for bad in ["no url", "", "https://a:b@push.example.net/p@q", "https://h/p#f"] {
            assert_eq!(origin("webpush", bad), "webpush", "{bad}");
        }
    }

    #[test]
    fn an_origin_shows_nothing_of_the_path() {
        assert!(!origin("webpush", "https://push.example.net/secret").contains("secret"));
    }
}
