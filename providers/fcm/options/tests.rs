use serde_json::{Value, json};

use super::*;
use crate::{ErrorKind, Result};

#[test]
fn raw_members_cannot_replace_what_is_sealed() {
    let refused = |result: Result<()>, json: &str| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{json}");
        assert!(!error.to_string().contains("marker"), "{error}");
    };
    for json in [
        r#"{"data":{"e2ee":"marker"}}"#,
        r#"{"Data":{}}"#,
        r#"{"collapseKey":"marker"}"#,
        r#"{"collapse_key":"marker"}"#,
        r#"{"priority":"HIGH"}"#,
        r#"{"ttl":"5s"}"#,
        "[]",
        "{",
        "marker",
    ] {
        refused(AndroidOptions::new().with_json_visible_to_provider(json).map(drop), json);
    }
    for json in [
        r#"{"payload":{"e2ee":"marker"}}"#,
        r#"{"payload":{"aps":{"alert":"marker"}}}"#,
        r#"{"payload":{"aps":{"alert":{"body":"marker"}}}}"#,
        r#"{"payload":{"aps":{"content-available":0}}}"#,
        r#"{"payload":{"aps":{"mutable-content":0}}}"#,
        r#"{"headers":{"apns-collapse-id":"marker"}}"#,
        r#"{"headers":{"apns-expiration":"1"}}"#,
        r#"{"headers":{"apns-priority":"1"}}"#,
        r#"{"headers":{"APNS-Push-Type":"voip"}}"#,
    ] {
        refused(ApnsOptions::new().with_json_visible_to_provider(json).map(drop), json);
    }
    for json in [
        r#"{"data":{}}"#,
        r#"{"headers":{"ttl":"1"}}"#,
        r#"{"headers":{"Topic":"marker"}}"#,
        r#"{"headers":{"urgency":"high"}}"#,
    ] {
        refused(WebPushOptions::new().with_json_visible_to_provider(json).map(drop), json);
    }
}

#[test]
fn raw_members_are_merged() {
    let options = ApnsOptions::new()
        .with_badge(3)
        .with_json_visible_to_provider(r#"{"payload":{"aps":{"relevance-score":0.5}}}"#)
        .unwrap();
    assert_eq!(
        Value::Object(options.render("New message")),
        json!({"payload": {"aps": {
            "alert": {"body": "New message"},
            "badge": 3,
            "mutable-content": 1,
            "relevance-score": 0.5,
        }}})
    );
}

#[test]
fn an_icon_alone_shows_no_placeholder() {
    // With a notification part, FCM's service worker shows it, whatever else it holds.
    let options = WebPushOptions::new().with_icon("https://example.net/i.png");
    assert_eq!(Value::Object(options.render("New message")), json!({}));
    assert_eq!(
        Value::Object(options.with_placeholder_shown().render("New message")),
        json!({"notification": {"body": "New message", "icon": "https://example.net/i.png"}})
    );
}
