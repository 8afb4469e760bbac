//! An error names its provider also where nothing was sent yet.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use bytes::Bytes;
use http::{Request, Response};
use sealpush::providers::fcm::AuthorizedUser;
use sealpush::providers::{Fcm, Klaviyo, Mock, OneSignal, Sailthru, WebPush};
use sealpush::transport::Transport;
use sealpush::{
    EndpointGuard, ErrorKind, Message, Padding, ProviderId, PushProvider, PushProviderExt, Result,
    Token, UserAgentSecret,
};
use serde_json::json;

fn providers() -> Vec<Box<dyn PushProvider>> {
    let login = r#"{"type":"authorized_user","client_id":"a","client_secret":"b",
                    "refresh_token":"c","quota_project_id":"a-project"}"#;
    let login = AuthorizedUser::from_json(login).unwrap();
    let app = "1dad4a3e-0000-4000-8000-0123456789ab".parse().unwrap();
    vec![
        Box::new(Fcm::builder().credentials(login).build().unwrap()),
        Box::new(
            Klaviyo::builder().api_key("key").metric("doors".parse().unwrap()).build().unwrap(),
        ),
        Box::new(Mock::new()),
        Box::new(OneSignal::builder().app_id(app).api_key("key").build().unwrap()),
        Box::new(Sailthru::builder().api_key("key").build().unwrap()),
        Box::new(WebPush::builder().build().unwrap()),
    ]
}

#[tokio::test]
async fn an_error_before_sending_names_the_provider() {
    let keys = UserAgentSecret::generate().unwrap().keys().clone();
    let token = |id: ProviderId| Token::new(id, &json!({ "name": "a" }), keys.clone()).unwrap();
    for provider in providers() {
        let id = provider.id();
        let foreign = token("another".parse().unwrap());
        let error = provider.send_encrypted(&foreign, &Message::new("x")).await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (ErrorKind::TokenMismatch, Some(&id)));

        let long = Message::new(vec![7; 5000]).with_padding(Padding::None);
        let error = provider.send_encrypted(&token(id.clone()), &long).await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (ErrorKind::PayloadTooLarge, Some(&id)));
        assert!(error.to_string().starts_with(&format!("{id}: ")), "{error}");
    }
}

#[derive(Debug)]
struct Unreachable;

#[async_trait::async_trait]
impl Transport for Unreachable {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>> {
        panic!("the guard let it pass")
    }
}

#[tokio::test]
async fn a_guard_is_honoured_beside_an_own_transport_in_every_provider() {
    let login = r#"{"type":"authorized_user","client_id":"a","client_secret":"b",
                    "refresh_token":"c","quota_project_id":"a-project",
                    "token_uri":"http://127.0.0.1:1/token"}"#;
    let login = AuthorizedUser::from_json(login).unwrap();
    let app = "1dad4a3e-0000-4000-8000-0123456789ab".parse().unwrap();
    let (base, guard) = ("http://127.0.0.1:1", EndpointGuard::public);
    let fcm = Fcm::builder().credentials(login).base_url(base).guard(guard());
    let onesignal = OneSignal::builder().app_id(app).api_key("key").base_url(base).guard(guard());
    let providers: [Box<dyn PushProvider>; 3] = [
        Box::new(fcm.transport(Unreachable).build().unwrap()),
        Box::new(onesignal.transport(Unreachable).build().unwrap()),
        Box::new(WebPush::builder().guard(guard()).transport(Unreachable).build().unwrap()),
    ];
    let keys = UserAgentSecret::generate().unwrap().keys().clone();
    let addresses = [
        json!({ "token": "a" }),
        json!({ "subscription_id": "1dad4a3e-0000-4000-8000-0123456789ab" }),
        json!({ "endpoint": "http://127.0.0.1:1/a" }),
    ];
    for (provider, address) in providers.iter().zip(addresses) {
        let token = Token::new(provider.id(), &address, keys.clone()).unwrap();
        let error = provider.send_encrypted(&token, &Message::new("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Blocked, "{}: {error}", provider.id());
    }
}

#[test]
fn a_builder_names_the_provider() {
    let error = OneSignal::builder().build().unwrap_err();
    assert_eq!(error.provider(), Some(&OneSignal::ID));
    let error = Fcm::builder().build().unwrap_err();
    assert_eq!(error.provider(), Some(&Fcm::ID));
    let app = "1dad4a3e-0000-4000-8000-0123456789ab".parse().unwrap();
    let error = OneSignal::builder().app_id(app).api_key("key").base_url("x").build().unwrap_err();
    assert_eq!(error.provider(), Some(&OneSignal::ID));
}
