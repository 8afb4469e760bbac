//! A token is what a browser exports, is kept as it came, and shows nothing.

use sealpush::{ErrorKind, ProviderId, Token, UserAgentKeys};

const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const ENDPOINT: &str = "https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV";

fn subscription() -> String {
    format!(
        r#"{{"endpoint":"{ENDPOINT}","expirationTime":null,"keys":{{"p256dh":"{P256DH}","auth":"{AUTH}"}}}}"#
    )
}

#[test]
fn a_push_subscription_is_a_token_of_web_push() {
    let token: Token = subscription().parse().unwrap();
    assert_eq!(token.provider().as_str(), "webpush");
    assert_eq!(token.expose("endpoint"), Some(ENDPOINT));
    assert_eq!(token.expose("expirationTime"), None);
    assert_eq!(token.keys().public_octets()[0], 4);
}

#[test]
fn members_that_we_do_not_know_survive() {
    let text = format!(
        r#"{{"provider":"fcm","token":"abc","later":{{"deep":[1,null]}},"keys":{{"p256dh":"{P256DH}","auth":"{AUTH}"}}}}"#
    );
    let token: Token = text.parse().unwrap();
    let again: Token = token.to_json().parse().unwrap();
    assert_eq!(token, again);
    let value: serde_json::Value = serde_json::from_str(&again.to_json()).unwrap();
    assert_eq!(value, serde_json::from_str::<serde_json::Value>(&text).unwrap());
    assert_eq!(serde_json::from_str::<Token>(&text).unwrap(), token);
}

#[test]
fn a_typed_address_is_read_from_the_members() {
    #[derive(serde::Deserialize, serde::Serialize)]
    struct Address {
        device: u64,
    }
    let keys = UserAgentKeys::from_base64(P256DH, AUTH).unwrap();
    let provider = ProviderId::from_static("pager");
    let token = Token::new(provider.clone(), &Address { device: 7 }, keys.clone()).unwrap();
    assert_eq!(token.address::<Address>().unwrap().device, 7);

    let other: Token = subscription().parse().unwrap();
    let error = other.address::<Address>().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidToken);
    assert!(!format!("{error:?}").contains("JzLQ3"));

    for bad in [serde_json::json!([1]), serde_json::json!({"keys": 1}), serde_json::json!("x")] {
        let error = Token::new(provider.clone(), &bad, keys.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidToken);
    }
}

#[test]
fn a_bad_token_is_refused_with_a_reason_and_without_its_text() {
    let long = format!("{}{}", subscription(), " ".repeat(Token::MAX_LEN));
    let off_curve = format!("BA{}", "A".repeat(85));
    let cases = [
        ("", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("\"SECRET\"", "not a JSON object"),
        (r#"{"endpoint":"SECRET""#, "not a JSON object"),
        (r#"{"endpoint":"SECRET"}"#, "'keys'"),
        (r#"{"endpoint":"SECRET","keys":["p256dh","auth"]}"#, "'keys'"),
        (r#"{"endpoint":"SECRET","keys":{"p256dh":"SECRET"}}"#, "'p256dh' and 'auth'"),
        (r#"{"endpoint":"SECRET","keys":{"p256dh":4,"auth":"SECRET"}}"#, "'p256dh' and 'auth'"),
        (r#"{"provider":7,"keys":{}}"#, "'provider' must be text"),
        (r#"{"provider":"SECRET NAME","keys":{}}"#, "a-z"),
        (r#"{"keys":{"p256dh":"*SECRET*","auth":"AAAA"}}"#, "'p256dh' is not base64"),
        (r#"{"keys":{"p256dh":"SECRETSE","auth":"AAAA"}}"#, "65 octets"),
        (&format!(r#"{{"keys":{{"p256dh":"{off_curve}","auth":"{AUTH}"}}}}"#), "not a point"),
        (
            &format!(r#"{{"keys":{{"p256dh":"{P256DH}","auth":"*SECRET"}}}}"#),
            "'auth' is not base64",
        ),
        (&format!(r#"{{"keys":{{"p256dh":"{P256DH}","auth":"AAAA"}}}}"#), "16 octets"),
        (long.as_str(), "limit 8192"),
    ];
    for (text, reason) in cases {
        let error = text.parse::<Token>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidToken, "{text}");
        assert!(error.to_string().contains(reason), "{text}: {error}");
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
    }
}

#[test]
fn debug_shows_a_fingerprint_only() {
    let token: Token = subscription().parse().unwrap();
    let shown = format!("{token:?} {token:#?} {:?}", token.keys());
    for secret in ["push.example.net", "JzLQ3", P256DH, AUTH] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(&token.fingerprint().to_string()));
    assert_eq!(token.fingerprint(), token.clone().fingerprint());
}

#[test]
fn a_token_of_another_provider_is_a_mismatch() {
    let token: Token = subscription().parse().unwrap();
    let error = token.require(&ProviderId::from_static("fcm")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenMismatch);
    assert!(!error.is_token_dead());
}
