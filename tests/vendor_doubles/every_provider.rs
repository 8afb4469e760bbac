//! What every provider tells of the same troubles.

use super::*;

/// A provider, the same with a wrong credential, a token, and what the wrong credential is.
type Row = (Box<dyn PushProvider>, Box<dyn PushProvider>, Token, ErrorKind);

/// A wrong credential, a dead token and a rate limit come out as their kinds from all of them.
/// Klaviyo never tells of a dead token, and takes the message.
#[tokio::test]
async fn three_troubles_come_out_as_their_kinds_from_every_provider() {
    let service = PushService::start().await.unwrap();
    let (project, other) = (service.fcm(PROJECT), service.fcm("other-project"));
    let (apple, stranger) =
        (service.apns("com.example.door").unwrap(), service.apns("com.example.x"));
    let app = service.onesignal(APP).unwrap();
    let (doors, account) = (service.sailthru("doors").unwrap(), service.klaviyo("doors").unwrap());
    let on_apple = apple.register().unwrap();
    let on_firebase = project.register(Platform::Android).unwrap();
    let on_onesignal = app.register(None).unwrap();
    let (cloud, other_cloud) = (service.pubsub(PROJECT), service.pubsub("other-project"));
    let on_pubsub = cloud.subscribe("doors").unwrap();
    let on_sailthru = doors.register(None).unwrap();
    let on_klaviyo = account.register("user-7").unwrap();
    let mut browser = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let (key, wrong_key) = (VapidKey::generate().unwrap(), VapidKey::generate().unwrap());
    let subscription = browser.subscribe(Some(&key.public_key_base64())).await.unwrap();
    let web_push = |key: VapidKey| -> Box<dyn PushProvider> {
        let builder = WebPush::builder().vapid(VapidKeys::for_loopback(key));
        Box::new(builder.guard(EndpointGuard::loopback_for_tests()).build().unwrap())
    };
    let apns = |app: &ApnsApp| -> Box<dyn PushProvider> {
        let key = AuthKey::from_pem(&app.private_key_pem(), &app.key_id(), &app.team_id()).unwrap();
        let builder = Apns::builder().auth_key(key).bundle_id(apple.bundle_id());
        let builder = builder.base_url(app.base_url());
        Box::new(builder.guard(EndpointGuard::loopback_for_tests()).build().unwrap())
    };
    let publisher = |credentials: &PubSubProject| -> Box<dyn PushProvider> {
        let account = credentials.service_account_json().unwrap();
        let account = pubsub::ServiceAccount::from_json(&account).unwrap();
        let builder = PubSub::builder().credentials(account).project_id(PROJECT.parse().unwrap());
        let builder = builder.base_url(cloud.base_url());
        Box::new(builder.guard(EndpointGuard::loopback_for_tests()).build().unwrap())
    };
    let wrong_onesignal = OneSignal::builder()
        .app_id(APP.parse().unwrap())
        .api_key("os_v2_app_x")
        .base_url(app.base_url())
        .guard(EndpointGuard::loopback_for_tests())
        .build()
        .unwrap();
    let mock = Mock::new();
    let on_mock = Mock::token("desk", user_agent().keys().clone());
    for kind in [ErrorKind::Unauthorized, ErrorKind::RateLimited, ErrorKind::Expired] {
        mock.answer(Err(Error::new(kind, "as scripted")));
    }
    let rows: [Row; 8] = [
        (apns(&apple), apns(&stranger.unwrap()), on_apple.token(), ErrorKind::Unauthorized),
        (
            Box::new(fcm(&project)),
            Box::new(fcm(&other)),
            on_firebase.token(),
            ErrorKind::TokenMismatch,
        ),
        (
            Box::new(klaviyo(&account, account.api_key())),
            Box::new(klaviyo(&account, "pk_x")),
            on_klaviyo.token(),
            ErrorKind::Unauthorized,
        ),
        (Box::new(mock.clone()), Box::new(mock.clone()), on_mock, ErrorKind::Unauthorized),
        (
            Box::new(onesignal(&app)),
            Box::new(wrong_onesignal),
            on_onesignal.token(),
            ErrorKind::Unauthorized,
        ),
        (publisher(&cloud), publisher(&other_cloud), on_pubsub.token(), ErrorKind::Unauthorized),
        (
            Box::new(sailthru(&doors, doors.api_key())),
            Box::new(sailthru(&doors, doors.api_key_without_push())),
            on_sailthru.token(),
            ErrorKind::Unauthorized,
        ),
        (web_push(key), web_push(wrong_key), subscription.token(), ErrorKind::TokenMismatch),
    ];
    for (good, wrong, token, kind) in &rows {
        let error = wrong.send_encrypted(token, &message("x")).await.unwrap_err();
        assert_eq!(error.kind(), *kind, "{error}");
        service.set_faults(Faults::script([Fault::status(429)]));
        let error = good.send_encrypted(token, &message("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
        service.set_faults(Faults::none());
    }
    on_apple.unregister();
    on_firebase.unregister();
    on_onesignal.unsubscribe();
    cloud.delete_topic("doors");
    on_sailthru.uninstall();
    on_klaviyo.uninstall();
    browser.unsubscribe(&subscription).await.unwrap();
    for (good, _, token, _) in &rows {
        match good.send_encrypted(token, &message("x")).await {
            Ok(accepted) => {
                assert_eq!(accepted.provider, Klaviyo::ID);
                assert_eq!(accepted.stage, Stage::Queued);
            }
            Err(error) => assert!(error.is_token_dead(), "{error}"),
        }
    }
}
