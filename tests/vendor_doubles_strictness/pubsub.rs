//! The double of Pub/Sub: from the key file to who subscribed, and what it refuses.

use sealpush::local::{Fault, Faults, PubSubProject};
use sealpush::providers::PubSub;
use sealpush::providers::fcm;
use sealpush::providers::pubsub::{
    AccessToken, AccessTokenRequest, Credentials, PubSubOptions, ServiceAccount,
};
use sealpush::{Error, ErrorKind, Message, PushProviderExt, Token};

use super::*;

fn account(project: &PubSubProject) -> ServiceAccount {
    ServiceAccount::from_json(&project.service_account_json().unwrap()).unwrap()
}

fn provider(project: &PubSubProject, credentials: impl Credentials) -> PubSub {
    PubSub::builder()
        .credentials(credentials)
        .project_id(PROJECT.parse().unwrap())
        .base_url(project.base_url())
        .guard(EndpointGuard::loopback_for_tests())
        .clock(SetClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)))
        .build()
        .unwrap()
}

async fn refused(pubsub: &PubSub, token: &Token) -> Error {
    pubsub.send_encrypted(token, &Message::new("hi")).await.unwrap_err()
}

/// Asks for another scope than it is asked for.
#[derive(Debug)]
struct OfFcm(ServiceAccount);

#[async_trait::async_trait]
impl Credentials for OfFcm {
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> sealpush::Result<AccessToken> {
        let scopes = [fcm::SCOPE];
        let request = AccessTokenRequest::new(&scopes, request.transport, request.now);
        self.0.access_token(request).await
    }
}

#[tokio::test]
async fn a_message_reaches_everyone_who_subscribed_with_its_attributes() {
    let service = start().await;
    let project = service.pubsub(PROJECT);
    let pubsub = provider(&project, account(&project));
    let (mut relay, mut archive) =
        (project.subscribe("doors").unwrap(), project.subscribe("doors").unwrap());
    let options = PubSubOptions::new().with_ordering_key("door-7").unwrap();
    let message = Message::new("hello")
        .with_ttl(Duration::from_secs(60))
        .with_provider_options(&options)
        .unwrap();
    let accepted = pubsub.send_encrypted(&relay.token(), &message).await.unwrap();
    assert!(accepted.message_id.is_some());
    // The archive gets what it cannot open.
    let sealed = archive.next_data().await.unwrap();
    let delivery = relay.next().await.unwrap();
    assert_eq!(delivery.payload.as_deref(), Some(&b"hello"[..]));
    assert_eq!(delivery.data, sealed);
    for (name, value) in [("ttl", "60"), ("urgency", "normal"), ("googOrderingKey", "door-7")] {
        assert_eq!(sealed.get(name).map(String::as_str), Some(value));
    }
}

#[tokio::test]
async fn wrong_credentials_dead_topics_and_rates_come_out_as_their_kinds() {
    let service = start().await;
    let project = service.pubsub(PROJECT);
    let relay = project.subscribe("doors").unwrap();
    let pubsub = provider(&project, account(&project));

    service.set_faults(Faults::script([Fault::status(429), Fault::status(503)]));
    assert_eq!(refused(&pubsub, &relay.token()).await.kind(), ErrorKind::RateLimited);
    assert_eq!(refused(&pubsub, &relay.token()).await.kind(), ErrorKind::Unavailable);

    project.revoke_access_tokens();
    pubsub.send_encrypted(&relay.token(), &Message::new("hi")).await.unwrap();

    let scope = provider(&project, OfFcm(account(&project)));
    let error = refused(&scope, &relay.token()).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(403)));
    let other = service.pubsub("other-project");
    let error = refused(&provider(&project, account(&other)), &relay.token()).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(403)));

    project.delete_topic("doors");
    assert!(refused(&pubsub, &relay.token()).await.is_token_dead());

    project.revoke_service_account();
    let error = refused(&pubsub, &relay.token()).await;
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
}

#[tokio::test]
async fn every_message_is_what_google_documents() {
    let service = start().await;
    let project = service.pubsub(PROJECT);
    let relay = project.subscribe("doors").unwrap();
    let pubsub = provider(&project, account(&project));
    let url = format!("{}/v1/projects/{PROJECT}/topics/doors:publish", project.base_url());
    pubsub.send_encrypted(&relay.token(), &Message::new("hi")).await.unwrap();
    let sent = service.requests().pop().unwrap();
    let authorization = sent.headers["authorization"].to_str().unwrap().to_owned();

    let many: Vec<_> = (0..1001).map(|_| json!({ "data": "aGk=" })).collect();
    let attributes: serde_json::Map<_, _> =
        (0..101).map(|n| (format!("a{n}"), json!("x"))).collect();
    for (body, good) in [
        (json!({ "messages": [{ "data": "aGk=" }] }), true),
        (json!({ "messages": [{ "attributes": { "a": "b" } }] }), true),
        (json!({ "messages": [{ "data": "aGk=" }, { "data": "aGk=" }] }), true),
        (json!({ "messages": [] }), false),
        (json!({}), false),
        (json!([]), false),
        (json!({ "messages": many }), false),
        (json!({ "messages": [{}] }), false),
        (json!({ "messages": [{ "data": "" }] }), false),
        (json!({ "messages": [{ "data": "not base64!" }] }), false),
        (json!({ "messages": [{ "data": 7 }] }), false),
        (json!({ "messages": [{ "data": "aGk=", "ttl": 7 }] }), false),
        (json!({ "messages": [{ "data": "aGk=" }], "ttl": 7 }), false),
        (json!({ "messages": [{ "attributes": { "a": 7 } }] }), false),
        (json!({ "messages": [{ "attributes": { "goog-a": "b" } }] }), false),
        (json!({ "messages": [{ "attributes": { "a": "x".repeat(1025) } }] }), false),
        (json!({ "messages": [{ "attributes": attributes }] }), false),
        (json!({ "messages": [{ "data": "aGk=", "orderingKey": "k".repeat(1025) }] }), false),
        (
            json!({ "messages": [
                { "data": "aGk=", "orderingKey": "a" },
                { "data": "aGk=", "orderingKey": "b" },
            ] }),
            false,
        ),
    ] {
        let headers =
            [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let (status, answer) = post(&transport(), &url, &headers, body.to_string()).await;
        let expected = if good { 200 } else { 400 };
        assert_eq!(status, expected, "{answer}");
        if !good {
            assert_eq!(answer["error"]["status"], "INVALID_ARGUMENT");
        }
    }
    let (status, answer) = post(&transport(), &url, &[], "").await;
    assert_eq!((status, &answer["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
}
