//! The doubles of the vendors: from the credentials to what an app opens, and back.

#![cfg(all(
    feature = "apns",
    feature = "fcm",
    feature = "klaviyo",
    feature = "local",
    feature = "onesignal",
    feature = "pubsub",
    feature = "sailthru"
))]
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod every_provider;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use futures_util::FutureExt;
use sealpush::local::{Acknowledgement, Fault, Faults, PathKind, PushService, UserAgent};
use sealpush::local::{
    ApnsApp, FcmDevice, FcmProject, KlaviyoAccount, OneSignalApp, Platform, PubSubProject,
    SailthruApp,
};
use sealpush::providers::apns::AuthKey;
use sealpush::providers::fcm::ServiceAccount;
use sealpush::providers::klaviyo::{Profile, PushToken};
use sealpush::providers::onesignal::{Address, Alias};
use sealpush::providers::pubsub;
use sealpush::providers::sailthru;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::providers::{Apns, Fcm, Klaviyo, Mock, OneSignal, PubSub, Sailthru, WebPush};
use sealpush::seal::open_data;
use sealpush::transport::ReqwestTransport;
use sealpush::{
    EndpointGuard, Error, ErrorKind, Message, Padding, PushProvider, PushProviderExt, Stage, Token,
    Topic, Ttl,
};
use serde_json::Value;

use self::support::script::{self, seconds};
use self::support::vendors::{message, user_agent};

const PROJECT: &str = "example-project";
const APP: &str = "0a0a0a0a-0000-4000-8000-0123456789ab";

fn transport() -> Arc<ReqwestTransport> {
    let guard = EndpointGuard::loopback_for_tests();
    Arc::new(ReqwestTransport::builder().guard(guard).build().unwrap())
}

fn account(project: &FcmProject) -> ServiceAccount {
    ServiceAccount::from_json(&project.service_account_json().unwrap()).unwrap()
}

fn fcm(project: &FcmProject) -> Fcm {
    Fcm::builder()
        .credentials(account(project))
        .base_url(project.base_url())
        .guard(EndpointGuard::loopback_for_tests())
        .build()
        .unwrap()
}

fn onesignal(app: &OneSignalApp) -> OneSignal {
    OneSignal::builder()
        .app_id(app.app_id().parse().unwrap())
        .api_key(app.api_key())
        .base_url(app.base_url())
        .guard(EndpointGuard::loopback_for_tests())
        .build()
        .unwrap()
}

/// Sends a marker and shows that it is the next thing the device gets: nothing came before.
async fn assert_nothing_came(fcm: &Fcm, device: &mut FcmDevice) {
    fcm.send_encrypted(&device.token(), &message("marker")).await.unwrap();
    assert_eq!(device.next().await.unwrap().payload.as_deref(), Some(&b"marker"[..]));
}

#[tokio::test]
async fn a_message_goes_from_the_key_file_to_the_app() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let fcm = fcm(&project);
    for (platform, shown) in
        [(Platform::Android, None), (Platform::Apple, Some("New message")), (Platform::Web, None)]
    {
        let mut device = project.register(platform).unwrap();
        for token in [device.token(), device.installation_token()] {
            let accepted = fcm.send_encrypted(&token, &Message::new("hello")).await.unwrap();
            let delivery = device.next().await.unwrap();
            assert_eq!(delivery.payload.as_deref(), Some(&b"hello"[..]));
            assert_eq!(delivery.shown.as_deref(), shown);
            assert_eq!(delivery.data.keys().collect::<Vec<_>>(), ["e2ee"]);
            let id = accepted.message_id.unwrap();
            assert_eq!(service.acknowledgement(&id).await, Acknowledgement::Delivered);
        }
    }
    assert_eq!(project.access_tokens(), 1);
    let kinds: Vec<_> = service.requests().iter().map(|request| request.kind).collect();
    assert_eq!(kinds[0], PathKind::AccessToken);
    assert_eq!(kinds[1..], [PathKind::FcmMessages; 6]);
}

#[tokio::test]
async fn a_token_of_another_project_is_neither_delivered_nor_deleted() {
    let service = PushService::start().await.unwrap();
    let (ours, theirs) = (service.fcm(PROJECT), service.fcm("other-project"));
    let mut device = theirs.register(Platform::Android).unwrap();
    for token in [device.token(), device.installation_token()] {
        let error = fcm(&ours).send_encrypted(&token, &message("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TokenMismatch);
        assert!(!error.is_token_dead() && !error.is_retryable() && error.is_outcome_known());
    }
    assert_nothing_came(&fcm(&theirs), &mut device).await;
}

#[tokio::test]
async fn a_rotated_token_and_an_uninstalled_app_are_expired() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let fcm = fcm(&project);
    let mut device = project.register(Platform::Android).unwrap();
    let before = device.token();
    device.rotate_token().unwrap();
    let error = fcm.send_encrypted(&before, &message("x")).await.unwrap_err();
    assert!(error.is_token_dead());
    assert_nothing_came(&fcm, &mut device).await;

    device.unregister();
    for token in [device.token(), device.installation_token()] {
        assert!(fcm.send_encrypted(&token, &message("x")).await.unwrap_err().is_token_dead());
    }
}

#[tokio::test]
async fn revoked_access_tokens_are_replaced_and_a_revoked_key_is_not() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let fcm = fcm(&project);
    let mut device = project.register(Platform::Android).unwrap();
    assert_nothing_came(&fcm, &mut device).await;
    project.revoke_access_tokens();
    assert_nothing_came(&fcm, &mut device).await;
    assert_eq!(project.access_tokens(), 2);

    project.revoke_service_account();
    let error = fcm.send_encrypted(&device.token(), &message("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(project.access_tokens(), 2);
    // A new key file of the same project works.
    assert_nothing_came(&self::fcm(&project), &mut device).await;
}

#[tokio::test]
async fn an_access_token_expires_at_the_double_too() {
    let clock = script::clock();
    let service = PushService::builder().clock(clock.clone()).start().await.unwrap();
    let project = service.fcm(PROJECT);
    // The sender's clock stands still.
    let sender = || {
        let builder = Fcm::builder().credentials(account(&project)).base_url(project.base_url());
        builder.transport(transport()).clock(script::clock()).build().unwrap()
    };
    let fcm = sender();
    let mut device = project.register(Platform::Android).unwrap();
    assert_nothing_came(&fcm, &mut device).await;
    clock.advance(seconds(3599));
    assert_nothing_came(&fcm, &mut device).await;
    assert_eq!(project.access_tokens(), 2);
    // An assertion from two hours ago is too old.
    clock.advance(seconds(3601));
    let error = sender().send_encrypted(&device.token(), &message("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("clock"), "{error}");
}

#[tokio::test]
async fn a_dry_run_checks_and_delivers_nothing() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let dry = Fcm::builder()
        .credentials(account(&project))
        .base_url(project.base_url())
        .transport(transport())
        .dry_run(true)
        .build()
        .unwrap();
    let mut device = project.register(Platform::Android).unwrap();
    let accepted = dry.send_encrypted(&device.token(), &message("x")).await.unwrap();
    assert!(accepted.message_id.unwrap().expose().ends_with("/fake_message_id"));
    assert_nothing_came(&fcm(&project), &mut device).await;
    let before = device.token();
    device.rotate_token().unwrap();
    assert!(dry.send_encrypted(&before, &message("x")).await.unwrap_err().is_token_dead());
}

#[tokio::test]
async fn topic_and_ttl_are_kept_while_a_device_is_away() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let fcm = fcm(&project);
    for platform in [Platform::Android, Platform::Apple, Platform::Web] {
        let mut device = project.register(platform).unwrap();
        device.disconnect();
        let topic: Topic = "door".parse().unwrap();
        for (text, topic, ttl) in [
            ("replaced", Some(&topic), Ttl::from_secs(60)),
            ("now or never", None, Ttl::NOW),
            ("first", None, Ttl::from_secs(60)),
            ("last", Some(&topic), Ttl::from_secs(60)),
        ] {
            let mut message = message(text).with_ttl(ttl);
            if let Some(topic) = topic {
                message = message.with_topic(topic.clone());
            }
            fcm.send_encrypted(&device.token(), &message).await.unwrap();
        }
        device.reconnect().unwrap();
        for text in ["first", "last"] {
            let delivery = device.next().await.unwrap();
            assert_eq!(delivery.payload.as_deref(), Some(text.as_bytes()), "{platform:?}");
        }
        assert_nothing_came(&fcm, &mut device).await;
    }
}

#[tokio::test]
async fn an_apple_device_takes_less() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let fcm = fcm(&project);
    let mut device = project.register(Platform::Apple).unwrap();
    let sized = |octets| Message::new("x").with_padding(Padding::To(octets));
    fcm.send_encrypted(&device.token(), &sized(3019)).await.unwrap();
    assert!(device.next().await.is_ok());
    let error = fcm.send_encrypted(&device.token(), &sized(3020)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    let android = project.register(Platform::Android).unwrap();
    fcm.send_encrypted(&android.token(), &sized(3069)).await.unwrap();

    // Every padded message reaches it once the limit says so.
    let lowered = Fcm::builder()
        .credentials(account(&project))
        .base_url(project.base_url())
        .transport(transport())
        .max_body(2800)
        .build()
        .unwrap();
    for octets in [1, 410, 1400, 2642, 2697] {
        let message = Message::new("x".repeat(octets));
        assert_eq!(fcm.send_encrypted(&device.token(), &message).await.is_ok(), octets < 2642);
        lowered.send_encrypted(&device.token(), &message).await.unwrap();
    }
}

#[tokio::test]
async fn scripted_faults_are_worded_as_the_vendor_does() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let app = service.onesignal(APP).unwrap();
    let fcm_device = project.register(Platform::Android).unwrap();
    let onesignal_device = app.register(None).unwrap();
    let (fcm, onesignal) = (fcm(&project), onesignal(&app));
    for (fault, of_fcm, of_onesignal) in [
        (Fault::status(404), ErrorKind::Expired, ErrorKind::Rejected),
        (Fault::status(403), ErrorKind::Unauthorized, ErrorKind::Unauthorized),
        (Fault::status(429), ErrorKind::RateLimited, ErrorKind::RateLimited),
        (Fault::status(500), ErrorKind::Unavailable, ErrorKind::Unavailable),
        (Fault::status(503), ErrorKind::Unavailable, ErrorKind::Unavailable),
        (Fault::status(302), ErrorKind::Rejected, ErrorKind::Rejected),
        (
            Fault::Garbage { status: 200 },
            ErrorKind::UnexpectedResponse,
            ErrorKind::UnexpectedResponse,
        ),
        (Fault::Garbage { status: 404 }, ErrorKind::Rejected, ErrorKind::Rejected),
    ] {
        service.set_faults(Faults::script([fault.clone(), fault.clone()]));
        let error = fcm.send_encrypted(&fcm_device.token(), &message("x")).await.unwrap_err();
        assert_eq!(error.kind(), of_fcm, "{fault:?}");
        let token = onesignal_device.token();
        let error = onesignal.send_encrypted(&token, &message("x")).await.unwrap_err();
        assert_eq!(error.kind(), of_onesignal, "{fault:?}");
    }
}

#[tokio::test]
async fn onesignal_delivers_a_repeated_message_once() {
    let service = PushService::start().await.unwrap();
    let app = service.onesignal(APP).unwrap();
    let mut device = app.register(None).unwrap();
    let onesignal = onesignal(&app);
    let sealed = message("once").seal(device.secret().keys(), OneSignal::MAX_BODY).unwrap();
    service.set_faults(Faults::script([Fault::ResetAfterStore]));
    let error = onesignal.send(&device.token(), &sealed).await.unwrap_err();
    assert!(error.is_retryable() && !error.is_outcome_known(), "{error:?}");
    let accepted = onesignal.send(&device.token(), &sealed).await.unwrap();
    onesignal.send_encrypted(&device.token(), &message("after")).await.unwrap();
    for text in ["once", "after"] {
        let delivery = device.next().await.unwrap();
        assert_eq!(delivery.payload.as_deref(), Some(text.as_bytes()));
        assert_eq!(delivery.shown.as_deref(), Some("New message"));
    }
    let id = accepted.message_id.unwrap();
    assert_eq!(service.acknowledgement(&id).await, Acknowledgement::Delivered);
}

#[tokio::test]
async fn onesignal_knows_who_is_subscribed() {
    let service = PushService::start().await.unwrap();
    let app = service.onesignal(APP).unwrap();
    let onesignal = onesignal(&app);
    let mut device = app.register(Some("user-7")).unwrap();
    let alias = device.alias_token().unwrap();
    onesignal.send_encrypted(&alias, &message("to a person")).await.unwrap();
    assert_eq!(device.next().await.unwrap().payload.as_deref(), Some(&b"to a person"[..]));

    let stranger = Alias::new(Alias::EXTERNAL_ID, "user-8").unwrap();
    let stranger = Address::Alias(stranger).to_token(device.secret().keys().clone()).unwrap();
    assert!(onesignal.send_encrypted(&stranger, &message("x")).await.unwrap_err().is_token_dead());
    device.unsubscribe();
    let token = device.token();
    assert!(onesignal.send_encrypted(&token, &message("x")).await.unwrap_err().is_token_dead());

    // Another app's key opens nothing here.
    let other = service.onesignal("0b0b0b0b-0000-4000-8000-0123456789ab").unwrap();
    let confused = OneSignal::builder()
        .app_id(APP.parse().unwrap())
        .api_key(other.api_key())
        .base_url(other.base_url())
        .transport(transport())
        .build()
        .unwrap();
    let error = confused.send_encrypted(&device.token(), &message("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn a_message_for_another_key_does_not_open() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let fcm = fcm(&project);
    let mut device = project.register(Platform::Android).unwrap();
    let sealed = message("x").seal(user_agent().keys(), Fcm::MAX_BODY).unwrap();
    let accepted = fcm.send(&device.token(), &sealed).await.unwrap();
    assert_eq!(device.next().await.unwrap_err().kind(), ErrorKind::Rejected);
    let id = accepted.message_id.unwrap();
    assert_eq!(service.acknowledgement(&id).await, Acknowledgement::NotOpened);

    // Its owner gets it from the device that does not have the keys.
    fcm.send(&device.token(), &sealed).await.unwrap();
    let data = device.next_data().await.unwrap();
    assert_eq!(open_data(&user_agent(), &data).unwrap().unwrap(), b"x");
    assert_nothing_came(&fcm, &mut device).await;
}

#[tokio::test]
async fn going_offline_hangs_up_and_a_dropped_wait_loses_nothing() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let fcm = fcm(&project);
    let mut device = project.register(Platform::Android).unwrap();
    assert!(device.next().boxed().as_mut().now_or_never().is_none());
    assert_nothing_came(&fcm, &mut device).await;
    service.set_online(false);
    assert_eq!(device.next().await.unwrap_err().kind(), ErrorKind::Transport);
    assert_eq!(device.reconnect().unwrap_err().kind(), ErrorKind::Transport);
    fcm.send_encrypted(&device.token(), &message("stored")).await.unwrap();
    service.set_online(true);
    device.reconnect().unwrap();
    assert_eq!(device.next().await.unwrap().payload.as_deref(), Some(&b"stored"[..]));
}

#[tokio::test]
async fn nothing_shows_a_credential() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm(PROJECT);
    let file: Value = serde_json::from_str(&project.service_account_json().unwrap()).unwrap();
    let app = service.onesignal(APP).unwrap();
    let device = project.register(Platform::Android).unwrap();
    let shown = format!("{service:?} {project:?} {app:?} {device:?} {:?}", app.register(None));
    assert!(!shown.contains("os_v2") && !shown.contains("APA91b") && !shown.contains("MII"));
    assert!(file["private_key"].as_str().unwrap().contains("MII"));
    assert!(service.onesignal("x").is_err());
}

fn sailthru(app: &SailthruApp, key: &str) -> Sailthru {
    let builder = Sailthru::builder().api_key(key).base_url(app.base_url());
    builder.guard(EndpointGuard::loopback_for_tests()).build().unwrap()
}

fn klaviyo(account: &KlaviyoAccount, key: &str) -> Klaviyo {
    let builder = Klaviyo::builder().api_key(key).base_url(account.base_url());
    let builder = builder.metric("Sealed message".parse().unwrap());
    builder.guard(EndpointGuard::loopback_for_tests()).build().unwrap()
}

#[tokio::test]
async fn sailthru_reaches_a_device_and_a_person() {
    let service = PushService::start().await.unwrap();
    let app = service.sailthru("doors").unwrap();
    let provider = sailthru(&app, app.api_key());
    let mut device = app.register(Some("user-7")).unwrap();
    for token in [device.token(), device.sid_token(), device.user_token().unwrap()] {
        let accepted = provider.send_encrypted(&token, &message("hello")).await.unwrap();
        assert_eq!(accepted.stage, Stage::Taken);
        let delivery = device.next().await.unwrap();
        assert_eq!(delivery.payload.as_deref(), Some(&b"hello"[..]));
        assert_eq!(delivery.shown.as_deref(), Some("New message"));
        let id = accepted.message_id.unwrap();
        assert_eq!(service.acknowledgement(&id).await, Acknowledgement::Delivered);
    }
    let nobody = sailthru::Address::User("user-8".parse().unwrap());
    let nobody = nobody.to_token(device.secret().keys().clone()).unwrap();
    let error = provider.send_encrypted(&nobody, &message("x")).await.unwrap_err();
    assert!(error.is_token_doubtful() && !error.is_retryable(), "{error}");

    let small = PushService::builder().max_stored(1).start().await.unwrap();
    let app = small.sailthru("doors").unwrap();
    let (provider, device) = (sailthru(&app, app.api_key()), app.register(None).unwrap());
    provider.send_encrypted(&device.token(), &message("x")).await.unwrap();
    let error = provider.send_encrypted(&device.token(), &message("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn klaviyo_registers_a_device_and_raises_a_repeated_message_once() {
    let service = PushService::start().await.unwrap();
    let account = service.klaviyo("doors").unwrap();
    let provider = klaviyo(&account, account.api_key());
    let mut device = account.install("user-7").unwrap();
    let send = async |text: &str| {
        let accepted = provider.send_encrypted(&device.token(), &message(text)).await.unwrap();
        assert_eq!((accepted.stage, accepted.message_id), (Stage::Queued, None));
    };
    // Nobody says that there is no flow, no device.
    send("no flow").await;
    account.add_flow("Sealed message");
    send("no device").await;
    let push_token = PushToken::android(device.push_token()).unwrap();
    let profile = Profile::try_from(&device.token()).unwrap();
    for _ in 0..2 {
        provider.register(&push_token, &profile).await.unwrap();
    }
    provider.register(&PushToken::ios("00fc13ad").unwrap(), &profile).await.unwrap();

    let sealed = message("once").seal(device.secret().keys(), Klaviyo::MAX_BODY).unwrap();
    service.set_faults(Faults::script([Fault::ResetAfterStore]));
    let error = provider.send(&device.token(), &sealed).await.unwrap_err();
    assert!(error.is_retryable() && !error.is_outcome_known(), "{error:?}");
    provider.send(&device.token(), &sealed).await.unwrap();
    let after = message("after").with_placeholder("Neu".parse().unwrap());
    provider.send_encrypted(&device.token(), &after).await.unwrap();
    for (text, shown) in [("once", "New message"), ("after", "Neu")] {
        let delivery = device.next().await.unwrap();
        assert_eq!(delivery.payload.as_deref(), Some(text.as_bytes()));
        assert_eq!(delivery.shown.as_deref(), Some(shown));
    }
}
