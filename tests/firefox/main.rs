//! The main job, seen by a real browser: `send_encrypted` reaches Firefox, and Firefox opens what
//! arrived. One Firefox for all of it; it is not driven, its page subscribes by itself.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod browser;
#[path = "../support/installed.rs"]
mod installed;
mod page;

use std::time::{Duration, Instant};

use sealpush::clock::{Clock, SetClock, SystemClock};
use sealpush::local::{Acknowledgement, PushService};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::{
    EndpointGuard, ErrorKind, Message, MessageId, Padding, PushProviderExt, Token, Ttl, Urgency,
};
use serde_json::{Value, json};

use self::browser::Firefox;
use self::page::Page;

#[tokio::test]
async fn firefox_opens_what_was_sent() {
    let Some(program) = Firefox::find() else { return };
    let mut bench = Bench::start(&program).await;

    bench.messages_of_every_kind_are_opened().await;
    bench.what_was_stored_follows_when_back_online().await;
    bench.a_message_under_a_wrong_secret_leads_to_no_event().await;
    bench.an_ended_subscription_is_expired().await;
}

/// Everything between a sender and a browser.
struct Bench {
    clock: SetClock,
    push_service: PushService,
    web_push: WebPush,
    page: Page,
    token: Token,
    _firefox: Firefox,
}

impl Bench {
    async fn start(program: &std::path::Path) -> Self {
        let clock = SetClock::at(SystemClock.now());
        let push_service = PushService::builder().clock(clock.clone()).start().await.unwrap();
        let key = VapidKey::generate().unwrap();
        let application_server_key = key.public_key_base64();
        let web_push = WebPush::builder()
            .vapid(VapidKeys::new("mailto:ops@push-demo.dev".parse().unwrap(), key))
            .guard(EndpointGuard::loopback_for_tests())
            .clock(clock.clone())
            .build()
            .unwrap();

        let mut page = Page::serve().await;
        let started = Instant::now();
        let firefox = Firefox::start(program, &page.url, &push_service.websocket_url());
        // What a page asks of Firefox before its push service is up is lost.
        tokio::time::timeout(PATIENCE, push_service.connected()).await.unwrap();
        page.command(json!({"name": "subscribe", "applicationServerKey": application_server_key}));
        let subscription = page.report("subscribed").await;
        eprintln!("Firefox subscribed {:?} after its start", started.elapsed());
        let token = subscription.to_string().parse().unwrap();
        Self { clock, push_service, web_push, page, token, _firefox: firefox }
    }

    async fn messages_of_every_kind_are_opened(&mut self) {
        let text = "Grüße, 世界 🦀 \u{202e}\0\u{fffd}";
        let every_octet: Vec<u8> = (0..=u8::MAX).collect();
        let longest: Vec<u8> = every_octet.iter().copied().cycle().take(3993).collect();
        let messages = [
            ("text", Message::new("hello")),
            ("Unicode", Message::new(text)),
            ("binary", Message::new(every_octet)),
            ("now or never", Message::new("now").with_ttl(Ttl::NOW)),
            ("urgent", Message::new("urgent").with_urgency(Urgency::High)),
            ("unpadded", Message::new("x").with_padding(Padding::None)),
            ("padded to 1500", Message::new("x").with_padding(Padding::To(1500))),
            ("padded to 4096", Message::new("x").with_padding(Padding::To(4096))),
            ("3993 octets", Message::new(longest).with_padding(Padding::None)),
            ("without payload", Message::new("")),
        ];
        for (name, message) in messages {
            let started = Instant::now();
            self.send(&message).await;
            let opened = self.page.report("pushed").await;
            eprintln!("{name}: opened {:?} after the send", started.elapsed());
            assert_opened(&opened, message.expose());
        }
    }

    async fn what_was_stored_follows_when_back_online(&mut self) {
        self.push_service.set_online(false);
        let stored = |text: &str| Message::new(text).with_ttl(Ttl::from_secs(3600));
        let topic = |text: &str| stored(text).with_topic("score".parse().unwrap());
        self.send(&Message::new("never").with_ttl(Ttl::NOW)).await;
        self.send(&Message::new("expired").with_ttl(Ttl::from_secs(60))).await;
        self.send(&topic("replaced")).await;
        self.send(&stored("stored")).await;
        let replacement = self.send(&topic("replacement")).await;
        self.clock.advance(Duration::from_secs(60));
        self.push_service.set_online(true);

        let mut opened = [self.page.report("pushed").await, self.page.report("pushed").await];
        // The worker's two reports may overtake each other.
        opened.sort_unstable_by_key(|report| report["text"].to_string());
        let [first, second] = opened;
        assert_opened(&first, b"replacement");
        assert_opened(&second, b"stored");
        let acknowledgement = self.push_service.acknowledgement(&replacement).await;
        assert_eq!(acknowledgement, Acknowledgement::Delivered);
    }

    async fn a_message_under_a_wrong_secret_leads_to_no_event(&mut self) {
        let mut token: Value = serde_json::from_str(&self.token.to_json()).unwrap();
        token["keys"]["auth"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
        let wrong: Token = token.to_string().parse().unwrap();
        let accepted = self.web_push.send_encrypted(&wrong, &Message::new("wrong")).await.unwrap();
        let message = accepted.message_id.expect("a Location");
        let acknowledgement = self.push_service.acknowledgement(&message).await;
        assert_eq!(acknowledgement, Acknowledgement::NotOpened);
        // The event of the wrong message would have come first.
        self.send(&Message::new("good")).await;
        assert_opened(&self.page.report("pushed").await, b"good");
    }

    async fn an_ended_subscription_is_expired(&mut self) {
        self.page.command(json!({"name": "unsubscribe"}));
        assert_eq!(self.page.report("unsubscribed").await, true);
        tokio::time::timeout(PATIENCE, self.push_service.unsubscribed(&self.token)).await.unwrap();
        let error =
            self.web_push.send_encrypted(&self.token, &Message::new("late")).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Expired, Some(410)));
        assert!(error.is_token_dead());
    }

    /// Sends a message that must be accepted; answers its message resource.
    async fn send(&self, message: &Message) -> MessageId {
        let accepted = self.web_push.send_encrypted(&self.token, message).await.unwrap();
        accepted.message_id.expect("a Location")
    }
}

/// Compares what the worker reported with what was sent: the octets, and the text where it is one.
fn assert_opened(report: &Value, payload: &[u8]) {
    if payload.is_empty() {
        assert_eq!(*report, Value::Null);
        return;
    }
    assert_eq!(report["octets"], json!(payload));
    if let Ok(text) = std::str::from_utf8(payload) {
        assert_eq!(report["text"], text);
    }
}

/// Longest wait for the browser; its start alone takes from 4 to 9 seconds.
const PATIENCE: Duration = Duration::from_secs(40);
