//! What every provider of this crate keeps: the contract about a renewal, which stands in the same
//! words wherever an author may look for it, and options that reach nobody but their own provider.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use sealpush::providers::apns::{self, ApnsOptions};
use sealpush::providers::fcm::{self, AndroidNotification, AndroidOptions, FcmOptions};
use sealpush::providers::onesignal::{self, OneSignalOptions};
use sealpush::providers::pubsub::{PubSubOptions, TopicId};
use sealpush::providers::{Apns, Fcm, OneSignal, PubSub, WebPush};
use sealpush::{
    ErrorKind, Message, ProviderId, ProviderOptions, PushProvider, PushProviderExt, Result,
    SealedMessage, Token,
};
use serde_json::json;

use self::support::script::Script;
use self::support::vendors::user_agent;

const CONTRACT: &str = "One call is one attempt; a refused credential may be renewed once and the \
                        request repeated inside one call.";

#[test]
fn the_contract_about_a_renewal_is_the_same_everywhere() {
    for path in ["src/provider.rs", "src/guide/providers.md", "CONTRIBUTING.md"] {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        let words: Vec<_> = text.split_whitespace().filter(|word| *word != "///").collect();
        assert!(words.join(" ").contains(CONTRACT), "{path}");
    }
}

/// Options for a provider that is not there.
#[derive(serde::Deserialize, serde::Serialize)]
struct Stranger {
    marker: String,
}

impl ProviderOptions for Stranger {
    const PROVIDER: ProviderId = ProviderId::from_static("stranger");
}

#[derive(Debug)]
struct Login;

#[async_trait::async_trait]
impl fcm::Credentials for Login {
    async fn access_token(&self, request: fcm::AccessTokenRequest<'_>) -> Result<fcm::AccessToken> {
        fcm::AccessToken::new("access", request.now + std::time::Duration::from_secs(3600))
    }
}

/// The providers, each with a token of its own.
fn providers(script: &Script) -> [(Box<dyn PushProvider>, Token); 5] {
    let keys = user_agent().keys().clone();
    let pem = include_str!("keys/p256-pkcs8.pem");
    let key = apns::AuthKey::from_pem(pem, "ABC123DEFG", "DEF123GHIJ").unwrap();
    let apns = Apns::builder().auth_key(key).bundle_id("net.example.app");
    let device = apns::Address::new("0a1b".repeat(16).parse().unwrap());
    let project: fcm::ProjectId = "example-project".parse().unwrap();
    let pubsub = PubSub::builder().credentials(Login).project_id(project.clone());
    let topic: TopicId = "doors".parse().unwrap();
    let fcm = Fcm::builder().credentials(Login).project_id(project);
    let registration = fcm::Address::Token("fGx9:APA91b-example".parse().unwrap());
    let onesignal = OneSignal::builder().api_key("key");
    let onesignal = onesignal.app_id("0a0a0a0a-0000-4000-8000-0123456789ab".parse().unwrap());
    let subscription = "1dad4a3e-0000-4000-8000-0123456789ab".parse().unwrap();
    let endpoint = json!({"endpoint": "https://push.example.net/p/1"});
    let transport = || script.clone();
    [
        (
            Box::new(apns.transport(transport()).build().unwrap()),
            device.to_token(keys.clone()).unwrap(),
        ),
        (
            Box::new(fcm.transport(transport()).build().unwrap()),
            registration.to_token(keys.clone()).unwrap(),
        ),
        (
            Box::new(onesignal.transport(transport()).build().unwrap()),
            onesignal::Address::Subscription(subscription).to_token(keys.clone()).unwrap(),
        ),
        (
            Box::new(pubsub.transport(transport()).build().unwrap()),
            topic.to_token(keys.clone()).unwrap(),
        ),
        (
            Box::new(WebPush::builder().transport(transport()).build().unwrap()),
            Token::new(WebPush::ID, &endpoint, keys).unwrap(),
        ),
    ]
}

#[tokio::test]
async fn options_reach_their_own_provider_and_no_other() {
    let channel = AndroidNotification::new().with_channel_id("MARKER-fcm");
    let fcm = AndroidOptions::new().with_placeholder_shown(channel);
    let pubsub = PubSubOptions::new().with_ordering_key("MARKER-pubsub").unwrap();
    let message = Message::new("hello")
        .with_provider_options(&pubsub)
        .and_then(|m| m.with_provider_options(&FcmOptions::new().with_android(fcm)))
        .and_then(|m| m.with_provider_options(&ApnsOptions::new().with_category("MARKER-apns")))
        .and_then(|m| {
            m.with_provider_options(&OneSignalOptions::new().with_name("MARKER-onesignal"))
        })
        .and_then(|m| m.with_provider_options(&Stranger { marker: "MARKER-stranger".to_owned() }))
        .unwrap();
    let script = Script::default();
    script.answer(200, r#"{"name":"projects/example-project/messages/1","id":"1"}"#);
    for (sent, (provider, token)) in providers(&script).into_iter().enumerate() {
        // What the answer means is nothing to this test.
        let _ = provider.send_encrypted(&token, &message).await;
        assert_eq!(script.requests().len(), sent + 1);
        let seen = format!("{:?}", script.requests().pop().unwrap());
        let own = match provider.id().as_str() {
            "webpush" => 0,
            id => seen.matches(&format!("MARKER-{id}")).count(),
        };
        assert_eq!(seen.matches("MARKER").count(), own, "{seen}");
        assert_eq!(own, usize::from(provider.id() != WebPush::ID), "{seen}");
    }
}

#[tokio::test]
async fn options_that_a_provider_cannot_read_are_refused_before_anything_is_sent() {
    let message = Message::new("hello").seal(user_agent().keys(), 1400).unwrap();
    let mut stored: serde_json::Value = serde_json::from_str(&message.to_json()).unwrap();
    stored["provider_options"] = json!({
        // Unknown to this version, and where the message's own octets stand.
        "apns": {"chime": "MARKER"},
        "fcm": {"android": {"chime": "MARKER"}},
        "pubsub": {"ordering_key": ["MARKER"]},
        "onesignal": {"data": {"e2ee": "MARKER"}},
    });
    let message: SealedMessage = stored.to_string().parse().unwrap();
    let script = Script::default();
    script.answer(201, "");
    for (provider, token) in providers(&script) {
        if provider.id() == WebPush::ID {
            continue;
        }
        let error = provider.send(&token, &message).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert_eq!(error.provider(), Some(&provider.id()));
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("MARKER"), "{shown}");
    }
    assert_eq!(script.requests().len(), 0);
}
