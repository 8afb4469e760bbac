//! A body sealed by the crate is opened by a service worker in a real Chromium, with keys that no
//! script can read; what was tampered with shows nothing.

#![allow(clippy::unwrap_used)]

mod driver;
#[path = "../support/installed.rs"]
mod installed;
mod receiver;
mod records;
mod site;
mod vendors;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpush::Message;
use sealpush::notification::{Action, Notification};
use sealpush::providers::onesignal;
use serde_json::{Value, json};

use driver::{Browser, DOWN, ENTER, TAB};
use receiver::Receiver;

/// Largest bodies of FCM and OneSignal, in octets.
const FCM_BODY: usize = 3069;
const ONE_SIGNAL_BODY: usize = 1527;

fn notification(title: &str) -> Notification {
    Notification::new(title, "/inbox/7".parse().unwrap())
        .with_body("Grüße 🚪")
        .with_tag(title)
        .with_action(Action::new("close", "Close it", "/close".parse().unwrap()))
}

fn sealed(receiver: &Receiver, title: &str, max_body: usize) -> Vec<u8> {
    let message = Message::from(notification(title));
    message.seal(receiver.token.keys(), max_body).unwrap().body().to_vec()
}

/// What FCM's web push carries.
fn fcm(body: &[u8]) -> String {
    json!({
        "data": {"e2ee": URL_SAFE_NO_PAD.encode(body)},
        "from": "1234567890",
        "fcmMessageId": "3b1f7a6e",
        "priority": "high",
    })
    .to_string()
}

/// What OneSignal's web push carries.
fn one_signal(body: &[u8]) -> String {
    json!({
        "custom": {"i": "5d0b", "a": {"e2ee": URL_SAFE_NO_PAD.encode(body)}},
        "title": "New message",
        "alert": "New message",
    })
    .to_string()
}

#[test]
fn a_sealed_notification_is_shown_however_it_travels() {
    let Some(receiver) = Receiver::start() else { return };
    receiver.push_all(&[
        &fcm(&sealed(&receiver, "by fcm", FCM_BODY)),
        &one_signal(&sealed(&receiver, "by onesignal", ONE_SIGNAL_BODY)),
    ]);
    assert_eq!(receiver.titles(), ["by fcm", "by onesignal"]);

    let first = &receiver.shown()[0];
    assert_eq!(first["body"], "Grüße 🚪");
    assert_eq!(first["tag"], "by fcm");
    assert_eq!(first["actions"], json!([{"action": "close", "title": "Close it"}]));
    assert_eq!(first["data"]["navigate"], format!("{}/inbox/7", receiver.origin));
    assert_eq!(first["data"]["targets"]["close"], format!("{}/close", receiver.origin));
}

#[test]
fn an_unsealed_notification_needs_the_browsers_own_subscription() {
    let Some(receiver) = Receiver::start() else { return };
    let unsealed = notification("unsealed").to_json();
    receiver.push(&unsealed);
    assert!(receiver.shown().is_empty());
    receiver.run("await (await import('/store.js')).savePlain(true);");
    receiver.push(&unsealed);
    assert_eq!(receiver.titles(), ["unsealed"]);
}

#[test]
fn a_stopped_worker_finds_its_keys_again() {
    let Some(receiver) = Receiver::start() else { return };
    receiver.push(&fcm(&sealed(&receiver, "1 before", FCM_BODY)));
    receiver.stop_worker();
    receiver.push(&fcm(&sealed(&receiver, "2 after", FCM_BODY)));
    assert_eq!(receiver.titles(), ["1 before", "2 after"]);
}

#[test]
fn the_private_key_cannot_be_exported() {
    let Some(receiver) = Receiver::start() else { return };
    let refusals = receiver.run(
        "const { privateKey } = await (await import('/store.js')).loadKeys();
         const refusals = [privateKey.extractable];
         for (const format of ['raw', 'jwk', 'pkcs8', 'spki']) {
           await crypto.subtle.exportKey(format, privateKey).then(
             () => refusals.push('exported'),
             (error) => refusals.push(error.name));
         }
         return refusals;",
    );
    let no = "InvalidAccessError";
    assert_eq!(refusals, json!([false, no, no, no, no]));
}

#[test]
fn a_click_opens_the_page_and_closes_the_notification() {
    let Some(receiver) = Receiver::start() else { return };
    for (action, page) in [("", "/inbox/7"), ("close", "/close")] {
        receiver.push(&fcm(&sealed(&receiver, "door", FCM_BODY)));
        assert_eq!(receiver.click("door", action), format!("{}{page}", receiver.origin));
        assert!(receiver.shown().is_empty());
    }
}

#[test]
fn what_does_not_open_shows_nothing_while_the_app_is_visible() {
    let Some(receiver) = Receiver::start() else { return };
    let good = sealed(&receiver, "good", FCM_BODY);
    let flipped = |position: usize| {
        let mut body = good.clone();
        body[position] ^= 1;
        body
    };
    let record_len = u32::try_from(good.len() - 86).unwrap();
    let mut two_records = good.clone();
    two_records[16..20].copy_from_slice(&(record_len / 2).to_be_bytes());
    let stranger = sealpush::UserAgentSecret::generate().unwrap();
    let for_another = Message::from(notification("for another"));
    let for_another = for_another.seal(stranger.keys(), FCM_BODY).unwrap();
    let no_notification = Message::new("text").seal(receiver.token.keys(), FCM_BODY).unwrap();

    for body in [
        flipped(0),
        flipped(30),
        flipped(90),
        flipped(good.len() - 1),
        good[..good.len() - 1].to_vec(),
        good[..86].to_vec(),
        [&good[..], &[0]].concat(),
        two_records,
        for_another.body().to_vec(),
        no_notification.body().to_vec(),
    ] {
        receiver.push(&fcm(&body));
        receiver.push(&one_signal(&body));
    }
    for message in ["", "text", "{}", r#"{"data":{"e2ee":"*"}}"#, r#"{"data":{"e2ee":7}}"#] {
        receiver.push(message);
    }
    assert_eq!(receiver.titles(), Vec::<String>::new());
    receiver.push(&fcm(&good));
    assert_eq!(receiver.titles(), ["good"]);
}

/// Safari ends a subscription after three pushes that show nothing.
#[test]
fn without_a_visible_window_every_push_shows_something() {
    let Some(receiver) = Receiver::start() else { return };
    let mut flipped = sealed(&receiver, "flipped", FCM_BODY);
    flipped[90] ^= 1;
    let bare_text = Message::new("text").seal(receiver.token.keys(), FCM_BODY).unwrap();
    for message in ["", "text", "{}", &fcm(&flipped), &fcm(&[]), &fcm(bare_text.body())] {
        receiver.push_unseen(message);
        let shown = receiver.shown();
        assert_eq!(receiver.titles(), ["New message"], "{message:.20}");
        assert_eq!(shown[0]["data"]["navigate"], format!("{}/", receiver.origin));
        receiver.clear();
    }
    receiver.push_unseen(&fcm(&sealed(&receiver, "good", FCM_BODY)));
    assert_eq!(receiver.titles(), ["good"]);
}

#[test]
fn two_records_show_nothing_where_one_does() {
    let Some(receiver) = Receiver::start() else { return };
    receiver.import_keys(&records::secret());
    let text = notification("records").to_json();
    receiver.push(&fcm(&records::two(&text)));
    assert!(receiver.shown().is_empty());
    receiver.push(&fcm(&records::one(&text)));
    assert_eq!(receiver.titles(), ["records"]);
}

#[test]
fn the_page_works_by_keyboard() {
    let Some(browser) = Browser::start() else { return };
    browser.open(&site::serve("examples/web-receiver"));
    let focused = || browser.run("return document.activeElement.id;", &Value::Null);
    let until = |holds: &str| {
        let script = format!("while (!({holds})) await new Promise(requestAnimationFrame);");
        browser.run(&script, &Value::Null);
    };
    until("!document.getElementById('make-keys').disabled");
    browser.press(TAB);
    assert_eq!(focused(), "make-keys");
    browser.press(ENTER);
    until("!document.getElementById('make-token').disabled");
    // The button for the permission is disabled, because it was granted. Then come the radio
    // buttons as one stop.
    browser.press(TAB);
    browser.press(DOWN);
    browser.press(TAB);
    assert_eq!(focused(), "value");
    browser.press("1dad4a3e-7c1b-4f7d-9a51-0f5f0c6b2d11");
    browser.press(ENTER);
    until("document.activeElement.id === 'token'");
    browser.press(TAB);
    assert_eq!(focused(), "copy");
    let token = browser.run("return document.getElementById('token').value;", &Value::Null);
    let token: sealpush::Token = token.as_str().unwrap().parse().unwrap();
    assert!(onesignal::Address::try_from(&token).is_ok());
}
