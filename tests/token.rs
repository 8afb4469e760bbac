//! A token is what a browser exports, is kept as it came, and shows nothing.

use sealpush::{ErrorKind, ProviderId, Token, Topic, UserAgentKeys, UserAgentSecret};

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

/// The expected values are from Python's `hmac`.
#[test]
fn an_id_is_the_same_in_every_process_and_stands_for_the_address() {
    let key: [u8; 32] = std::array::from_fn(|n| u8::try_from(n).unwrap());
    let with_other_keys = UserAgentSecret::generate().unwrap();
    let keys = serde_json::json!({ "p256dh": P256DH, "auth": AUTH });
    let token =
        |members: &str| -> Token { format!(r#"{{{members},"keys":{keys}}}"#).parse().unwrap() };
    let web_push = "e522d89a2903735185c92a4288776a8d4f7da9e976bde50faf659f97036792a2";
    assert_eq!(token(&format!(r#""endpoint":"{ENDPOINT}""#)).id(&key).to_string(), web_push);
    let renewed = format!(r#""endpoint":"{ENDPOINT}","expirationTime":7"#);
    assert_eq!(token(&renewed).id(&key).to_string(), web_push);
    let address = serde_json::json!({ "endpoint": ENDPOINT });
    let provider = ProviderId::from_static("webpush");
    let renewed = Token::new(provider, &address, with_other_keys.keys().clone()).unwrap();
    assert_eq!(renewed.id(&key).to_string(), web_push);
    for (members, expected) in [
        (
            r#""provider":"fcm","token":"abc""#,
            "286b5e827a22c7020a9e8f9660b707777779042f20342ebf7b8289b48efd674e",
        ),
        (
            r#""provider":"pager","device":7,"a":{"x":1}"#,
            "5c83545e92ef91b5f0dc2c2bff193fe9ec4921fe5c85eb8fa861e9b5f1582444",
        ),
        (
            r#""a":{"x":1},"provider":"pager","device":7"#,
            "5c83545e92ef91b5f0dc2c2bff193fe9ec4921fe5c85eb8fa861e9b5f1582444",
        ),
    ] {
        let id = token(members).id(&key);
        assert_eq!(id.to_string(), expected, "{members}");
        assert_eq!(format!("{id:?}"), format!("TokenId({expected})"));
        assert_eq!(id.octets()[0], u8::from_str_radix(&expected[..2], 16).unwrap());
    }
    let others = [
        token(&format!(r#""endpoint":"{ENDPOINT}x""#)).id(&key),
        token(&format!(r#""provider":"fcm","endpoint":"{ENDPOINT}""#)).id(&key),
        token(&format!(r#""endpoint":"{ENDPOINT}""#)).id(&[0; 32]),
        token(r#""provider":"fcm","fid":"abc""#).id(&key),
    ];
    assert!(others.iter().all(|id| {
        id.to_string() != web_push
            && !id
                .to_string()
                .starts_with("286b5e827a22c7020a9e8f9660b707777779042f20342ebf7b8289b48efd674e")
    }));
}

#[test]
fn a_keyed_topic_says_nothing_of_its_name() {
    let key: [u8; 32] = std::array::from_fn(|n| u8::try_from(n).unwrap());
    let topic = Topic::keyed(&key, "chat 4711 of user 12");
    assert_eq!(topic.as_str(), "Hp03Rflos0h_IySFlEsuJ3a1tiGt55zs");
    assert_eq!(topic.as_str().parse::<Topic>().unwrap(), topic);
    assert_ne!(topic, Topic::keyed(&[0; 32], "chat 4711 of user 12"));
}
