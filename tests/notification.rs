//! A notification: the JSON form that browsers know, nothing lost, nothing shown, bad ones refused.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use sealpush::notification::{Action, Direction, Link, Notification};
use sealpush::{ErrorKind, Message, Padding, UserAgentSecret, open};
use serde_json::{Value, json};

fn link(text: &str) -> Link {
    text.parse().unwrap()
}

fn full() -> Notification {
    Notification::new("The door is open", link("https://www.example.net/door"))
        .with_body("Since five minutes")
        .with_icon(link("/door.png"))
        .with_image(link("https://img.example.net/door.jpg"))
        .with_badge(link("/badge.png"))
        .with_tag("door")
        .with_action(
            Action::new("close", "Close it", link("/door/close")).with_icon(link("/x.png")),
        )
        .with_action(Action::new("ignore", "Ignore", link("/")))
        .with_data(&json!({"door": 7, "since": [1, 2]}))
        .unwrap()
        .with_lang("en-GB")
        .with_dir(Direction::Ltr)
        .with_silent(false)
        .with_renotify()
        .with_require_interaction()
        .with_timestamp(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123))
        .with_app_badge(3)
        .with_mutable()
        .with_member("vibrate", &[200, 100])
        .unwrap()
}

fn full_json() -> Value {
    json!({
        "web_push": 8030,
        "notification": {
            "title": "The door is open",
            "navigate": "https://www.example.net/door",
            "body": "Since five minutes",
            "icon": "/door.png",
            "image": "https://img.example.net/door.jpg",
            "badge": "/badge.png",
            "tag": "door",
            "actions": [
                {"action": "close", "title": "Close it", "navigate": "/door/close", "icon": "/x.png"},
                {"action": "ignore", "title": "Ignore", "navigate": "/"}
            ],
            "data": {"door": 7, "since": [1, 2]},
            "lang": "en-GB",
            "dir": "ltr",
            "silent": false,
            "renotify": true,
            "requireInteraction": true,
            "timestamp": 1_700_000_000_123_u64,
            "app_badge": 3,
            "mutable": true,
            "vibrate": [200, 100]
        },
        "app_badge": 3,
        "mutable": true
    })
}

fn parse(value: &Value) -> sealpush::Result<Notification> {
    Notification::from_json(value.to_string().as_bytes())
}

#[test]
fn the_json_form_is_that_of_declarative_web_push() {
    let json: Value = serde_json::from_str(&full().to_json()).unwrap();
    assert_eq!(json, full_json());

    let least = Notification::new("Hi", link("/"));
    assert_eq!(
        least.to_json(),
        r#"{"web_push":8030,"notification":{"title":"Hi","navigate":"/"}}"#
    );
}

#[test]
fn what_was_written_is_read_back() {
    let notification = full();
    let again: Notification = notification.to_json().parse().unwrap();
    assert!(again == notification);

    assert_eq!(again.title(), "The door is open");
    assert_eq!(again.navigate().expose(), "https://www.example.net/door");
    assert_eq!(again.body(), Some("Since five minutes"));
    assert_eq!(again.icon().map(Link::expose), Some("/door.png"));
    assert_eq!(again.image().map(Link::expose), Some("https://img.example.net/door.jpg"));
    assert_eq!(again.badge().map(Link::expose), Some("/badge.png"));
    assert_eq!(again.tag(), Some("door"));
    assert_eq!(again.lang(), Some("en-GB"));
    assert_eq!(again.dir(), Some(Direction::Ltr));
    assert_eq!(again.silent(), Some(false));
    assert!(again.renotify() && again.require_interaction() && again.mutable());
    assert_eq!(again.app_badge(), Some(3));
    assert_eq!(
        again.timestamp(),
        Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123))
    );
    assert_eq!(again.member::<Vec<u32>>("vibrate").unwrap(), Some(vec![200, 100]));
    let [close, ignore] = again.actions() else { panic!("two actions") };
    assert_eq!((close.action(), close.title()), ("close", "Close it"));
    assert_eq!(close.navigate().expose(), "/door/close");
    assert_eq!(close.icon().map(Link::expose), Some("/x.png"));
    assert!(ignore.icon().is_none());

    #[derive(serde::Deserialize)]
    struct Data {
        door: u32,
    }
    assert_eq!(again.data::<Data>().unwrap().unwrap().door, 7);
    assert_eq!(again.data::<String>().unwrap_err().kind(), ErrorKind::Rejected);
    assert!(Notification::new("Hi", link("/")).data::<Data>().unwrap().is_none());
}

#[test]
fn members_of_later_versions_survive() {
    let mut value = full_json();
    value["later"] = json!({"deep": [1, null]});
    value["notification"]["later"] = json!("x");
    value["notification"]["actions"][0]["later"] = json!(false);
    let notification = parse(&value).unwrap();
    let again: Value = serde_json::from_str(&notification.to_json()).unwrap();
    assert_eq!(again, value);
    assert_eq!(notification.member::<String>("later").unwrap().as_deref(), Some("x"));
    assert_eq!(notification.member::<u32>("later").unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(notification.member::<u32>("absent").unwrap(), None);
    assert!(serde_json::from_value::<Notification>(value).unwrap() == notification);
}

#[test]
fn the_forms_of_safari_are_read() {
    let notification: Notification = r#"{"web_push":8030,"notification":{
        "title":"Hi","navigate":"https://www.example.net/","app_badge":"12","mutable":true,
        "body":null}}"#
        .parse()
        .unwrap();
    assert_eq!(notification.app_badge(), Some(12));
    assert!(notification.mutable());
    assert_eq!(notification.body(), None);
}

#[test]
fn every_bad_member_is_refused_by_name() {
    let bad = [
        ("title", json!(7)),
        ("title", Value::Null),
        ("navigate", json!("javascript:alert('marker')")),
        ("navigate", json!("http://marker.example/")),
        ("navigate", Value::Null),
        ("body", json!(["marker"])),
        ("icon", json!("data:marker")),
        ("image", json!("//marker")),
        ("badge", json!(1)),
        ("tag", json!({"marker": 1})),
        ("actions", json!({"marker": 1})),
        ("actions", json!([1])),
        ("actions", json!([{"action": "marker", "title": "A"}])),
        ("actions", json!([{"action": "marker", "navigate": "/"}])),
        ("actions", json!([{"title": "marker", "navigate": "/"}])),
        ("actions", json!([{"action": "a", "title": "A", "navigate": "marker"}])),
        ("actions", json!([{"action": "a", "title": "A", "navigate": "/", "icon": "marker"}])),
        ("actions", json!(vec![json!({"action": "a", "title": "A", "navigate": "/"}); 9])),
        ("lang", json!(1)),
        ("dir", json!("marker")),
        ("silent", json!("marker")),
        ("renotify", json!(1)),
        ("requireInteraction", json!("marker")),
        ("timestamp", json!(-1)),
        ("timestamp", json!(1.5)),
        ("timestamp", json!("2026")),
        ("timestamp", json!(8_640_000_000_000_001_u64)),
        ("app_badge", json!(-1)),
        ("app_badge", json!("+1")),
        ("app_badge", json!("marker")),
        ("mutable", json!("marker")),
    ];
    for (name, member) in bad {
        let mut value = full_json();
        value["notification"][name] = member;
        let error = parse(&value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{value}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(name), "{text} does not name '{name}'");
        assert!(!text.contains("marker"), "{text}");
    }
}

#[test]
fn what_is_no_declarative_message_is_refused() {
    let mut other_number = full_json();
    other_number["web_push"] = json!(8031);
    let mut text_number = full_json();
    text_number["web_push"] = json!("8030");
    let mut no_number = full_json();
    no_number.as_object_mut().unwrap().remove("web_push");
    let mut no_notification = full_json();
    no_notification["notification"] = json!("marker");
    let large = format!("{}{}", " ".repeat(65_536), full_json());
    for text in [
        other_number.to_string().as_str(),
        text_number.to_string().as_str(),
        no_number.to_string().as_str(),
        no_notification.to_string().as_str(),
        large.as_str(),
        "",
        "marker",
        "\"marker\"",
        "[]",
        "{}",
        "{\"web_push\":8030,\"marker",
        &"[".repeat(60_000),
    ] {
        let error = text.parse::<Notification>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{text:.60}");
        assert!(!format!("{error:?}").contains("marker"));
    }
    assert!(
        Notification::from_json(b"{\"web_push\":8030,\"notification\":{\"title\":\"\xff\"}}")
            .is_err()
    );
}

#[test]
fn check_finds_what_a_browser_would_refuse() {
    let action = |name: &str, title: &str| Action::new(name, title, link("/"));
    let hi = || Notification::new("Hi", link("/"));
    for good in [full(), hi(), hi().with_tag("a").with_renotify()] {
        good.check().unwrap();
    }
    let many = (0..9).fold(hi(), |it, n| it.with_action(action(&n.to_string(), "A")));
    for bad in [
        Notification::new("", link("/")),
        hi().with_renotify(),
        hi().with_tag("").with_renotify(),
        hi().with_action(action("", "A")),
        hi().with_action(action("a", "")),
        hi().with_action(action("a", "A")).with_action(action("a", "B")),
        many,
    ] {
        assert_eq!(bad.check().unwrap_err().kind(), ErrorKind::Configuration);
    }
    for name in ["title", "requireInteraction", "app_badge"] {
        let error = hi().with_member(name, &1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}

#[test]
fn a_notification_that_no_push_service_takes_is_refused_before_sending() {
    let frame = Notification::new("", link("/")).to_json().len();
    let of_octets = |octets: usize| Notification::new("x".repeat(octets - frame), link("/"));
    of_octets(3993).check().unwrap();
    let error = of_octets(3994).check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    assert_eq!(error.to_string(), "the notification is 3994 octets of JSON, limit 3993");

    let secret = UserAgentSecret::generate().unwrap();
    let seal = |octets, max_body| {
        Message::from(of_octets(octets)).seal(secret.keys(), max_body).map_err(|error| error.kind())
    };
    assert!(seal(3993, 4096).is_ok());
    assert_eq!(seal(3994, 4096).unwrap_err(), ErrorKind::PayloadTooLarge);
    assert_eq!(seal(1425, 1527).unwrap_err(), ErrorKind::PayloadTooLarge);
}

#[test]
fn a_sealed_notification_is_opened_and_read() {
    let secret = UserAgentSecret::generate().unwrap();
    let sealed =
        Message::from(full()).with_padding(Padding::Buckets).seal(secret.keys(), 4096).unwrap();
    let opened = Notification::from_json(&open(&secret, sealed.body()).unwrap()).unwrap();
    assert!(opened == full());
}

#[test]
fn debug_shows_nothing_of_the_content() {
    let shown = format!("{:?} {:?} {:#?}", full(), full().actions(), Message::from(full()));
    for secret in ["door", "Since", "Close", "example.net", "ltr", "8030"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_time_before_the_epoch_becomes_the_epoch() {
    let time = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    let notification = Notification::new("Hi", link("/")).with_timestamp(time);
    assert_eq!(notification.timestamp(), Some(SystemTime::UNIX_EPOCH));
}

#[test]
fn a_time_after_the_last_of_javascript_is_read_back() {
    let Some(time) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(10_000_000_000_000))
    else {
        return;
    };
    let notification = Notification::new("Hi", link("/")).with_timestamp(time);
    assert_eq!(notification.to_json().parse::<Notification>().unwrap(), notification);
}

#[test]
fn a_message_is_made_from_a_notification_as_from_any_payload() {
    let notification = Notification::new("New mail", "/inbox/7".parse().unwrap());
    let message = Message::new(notification.clone());
    assert_eq!(message.expose(), notification.to_json().as_bytes());
    // No larger than its content, so that nothing was left behind on the way.
    let json = notification.to_json();
    assert_eq!(json.capacity(), json.len());
}
