//! The whole path: the provider, its vendor's double, the service worker, the notification.
//!
//! The page makes its token with the address of a device at the double, and keys of its own. The
//! device hands over the data as it came, and it goes on in the vendor's web envelope.

use std::collections::BTreeMap;

use sealpush::local::PushService;
use sealpush::local::{FcmProject, Platform};
use sealpush::providers::fcm::ServiceAccount;
use sealpush::providers::{Fcm, OneSignal};
use sealpush::{EndpointGuard, Message, PushProviderExt};
use serde_json::json;

use super::notification;
use super::receiver::Receiver;

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_goes_from_the_key_file_through_fcm_to_the_screen() {
    let Some(receiver) = Receiver::start() else { return };
    let service = PushService::start().await.unwrap();
    let project = service.fcm("example-project");
    let mut device = project.register(Platform::Web).unwrap();
    let token = receiver.token_for("fcm", device.token().expose("token").unwrap());

    let message = Message::from(notification("fcm"));
    fcm(&project).send_encrypted(&token, &message).await.unwrap();
    receiver.push(&by_fcm(&device.next_data().await.unwrap()));
    assert_eq!(receiver.titles(), ["fcm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_for_other_keys_shows_nothing() {
    let Some(receiver) = Receiver::start() else { return };
    let service = PushService::start().await.unwrap();
    let project = service.fcm("example-project");
    let mut device = project.register(Platform::Web).unwrap();

    let message = Message::from(notification("fcm"));
    fcm(&project).send_encrypted(&device.token(), &message).await.unwrap();
    let message = by_fcm(&device.next_data().await.unwrap());
    receiver.push(&message);
    assert!(receiver.shown().is_empty());
    receiver.import_keys(device.secret());
    receiver.push(&message);
    assert_eq!(receiver.titles(), ["fcm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_goes_through_onesignal_to_the_screen() {
    let Some(receiver) = Receiver::start() else { return };
    let service = PushService::start().await.unwrap();
    let app = service.onesignal("0a0a0a0a-0000-4000-8000-0123456789ab").unwrap();
    let onesignal = OneSignal::builder()
        .app_id(app.app_id().parse().unwrap())
        .api_key(app.api_key())
        .base_url(app.base_url())
        .guard(EndpointGuard::loopback_for_tests())
        .build()
        .unwrap();
    let mut device = app.register(None).unwrap();
    let id = device.token().expose("subscription_id").unwrap().to_owned();
    let token = receiver.token_for("onesignal", &id);

    let message = Message::from(notification("onesignal"));
    onesignal.send_encrypted(&token, &message).await.unwrap();
    let data = device.next_data().await.unwrap();
    receiver.push(&json!({"custom": {"i": "5d0b", "a": data}, "alert": "New message"}).to_string());
    assert_eq!(receiver.titles(), ["onesignal"]);
}

fn fcm(project: &FcmProject) -> Fcm {
    let account = project.service_account_json().unwrap();
    Fcm::builder()
        .credentials(ServiceAccount::from_json(&account).unwrap())
        .base_url(project.base_url())
        .guard(EndpointGuard::loopback_for_tests())
        .build()
        .unwrap()
}

/// What FCM's web push carries.
fn by_fcm(data: &BTreeMap<String, String>) -> String {
    json!({"data": data, "from": "1234567890", "fcmMessageId": "3b1f7a6e"}).to_string()
}
