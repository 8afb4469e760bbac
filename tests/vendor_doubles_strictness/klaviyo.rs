//! The double of Klaviyo.

use sealpush::local::{Fault, Faults, KlaviyoAccount};

use super::*;

async fn ask(account: &KlaviyoAccount, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}{path}", account.base_url());
    let headers = [
        ("authorization", key),
        ("content-type", "application/vnd.api+json"),
        ("revision", "2026-10-15"),
    ];
    post(&transport(), &url, &headers, body.to_string()).await
}

fn key(account: &KlaviyoAccount) -> String {
    format!("Klaviyo-API-Key {}", account.api_key())
}

fn event(changed: Value) -> Value {
    let mut attributes = json!({
        "metric": {"data": {"type": "metric", "attributes": {"name": "Sealed message"}}},
        "profile": {"data": {"type": "profile", "attributes": {"external_id": "user-7"}}},
        "properties": {"e2ee": "x"},
        "unique_id": "1",
    });
    for (name, value) in changed.as_object().unwrap() {
        attributes[name] = value.clone();
    }
    json!({"data": {"type": "event", "attributes": attributes}})
}

fn push_token(changed: Value) -> Value {
    let mut attributes = json!({
        "platform": "android",
        "profile": {"data": {"type": "profile", "attributes": {"external_id": "user-7"}}},
        "token": "x",
        "vendor": "fcm",
    });
    for (name, value) in changed.as_object().unwrap() {
        attributes[name] = value.clone();
    }
    json!({"data": {"type": "push-token", "attributes": attributes}})
}

#[tokio::test]
async fn klaviyo_checks_who_asks() {
    let service = start().await;
    let account = service.klaviyo("doors").unwrap();
    let good = event(json!({}));
    for (key, status, code) in [
        ("", 401, "not_authenticated"),
        ("Bearer x", 401, "not_authenticated"),
        ("Klaviyo-API-Key x", 401, "authentication_failed"),
        (
            &*format!("Klaviyo-API-Key {}", account.api_key_without_scopes()),
            403,
            "permission_denied",
        ),
    ] {
        let (given, answer) = ask(&account, "/api/events", key, &good).await;
        assert_eq!((given, &answer["errors"][0]["code"]), (status, &json!(code)), "{answer}");
        assert_eq!(answer["errors"][0]["status"], status);
    }
    let key = key(&account);
    assert_eq!(ask(&account, "/api/events", &key, &good).await, (202, Value::Null));
    assert_eq!(ask(&account, "/api/profiles", &key, &good).await.0, 404);
    let url = format!("{}/api/events", account.base_url());
    let (json_api, revision) =
        (("content-type", "application/vnd.api+json"), ("revision", "2026-10-15"));
    for (headers, status) in [
        ([("authorization", &*key), json_api, ("x", "y")], 400),
        ([("authorization", &*key), json_api, ("revision", "latest")], 400),
        ([("authorization", &*key), ("content-type", "application/json"), revision], 415),
    ] {
        assert_eq!(post(&transport(), &url, &headers, good.to_string()).await.0, status);
    }
    let faults = [401, 403, 404, 429, 503].map(Fault::status);
    service.set_faults(Faults::script(faults));
    for (status, code) in [
        (401, json!("authentication_failed")),
        (403, json!("permission_denied")),
        (404, json!("not_found")),
        (429, json!("throttled")),
        (503, Value::Null),
    ] {
        let (given, answer) = ask(&account, "/api/events", &key, &good).await;
        assert_eq!((given, &answer["errors"][0]["code"]), (status, &code));
    }
}

#[tokio::test]
async fn klaviyo_checks_events_and_push_tokens() {
    let service = start().await;
    let account = service.klaviyo("doors").unwrap();
    let key = key(&account);
    let profile =
        |attributes: Value| json!({"data": {"type": "profile", "attributes": attributes}});
    let nested = (0..11).fold(json!(1), |inner, _| json!([inner]));
    let many: serde_json::Map<_, _> =
        (0..401).map(|number| (format!("p{number}"), json!(1))).collect();
    for bad in [
        json!([]),
        json!({"data": {"type": "events", "attributes": {}}}),
        json!({"data": {"type": "event"}}),
        event(json!({"ttl": 60})),
        event(json!({"metric": null})),
        event(json!({"metric": {"data": {"type": "metric", "attributes": {"name": ""}}}})),
        event(
            json!({"metric": {"data": {"type": "metric", "attributes": {"name": "x".repeat(129)}}}}),
        ),
        event(json!({"profile": profile(json!({}))})),
        event(json!({"profile": profile(json!({"external_id": 7}))})),
        event(json!({"profile": {"data": {"type": "person"}}})),
        event(json!({"properties": null})),
        event(json!({"properties": []})),
        event(json!({"properties": {"x": nested}})),
        event(json!({"properties": {"x": "y".repeat(100_001)}})),
        event(json!({"properties": {"x": vec![1; 4001]}})),
        event(json!({"properties": many})),
        event(json!({"unique_id": 7})),
        event(json!({"time": "yesterday"})),
        event(json!({"value": "1"})),
        event(json!({"backfill": "true"})),
    ] {
        let (status, answer) = ask(&account, "/api/events", &key, &bad).await;
        assert_eq!(status, 400, "{bad}");
        assert!(answer["errors"][0]["source"]["pointer"].is_string(), "{answer}");
    }
    let large = event(json!({"properties": {"x": vec!["y".repeat(90_000); 3]}}));
    assert_eq!(ask(&account, "/api/events", &key, &large).await.0, 413);
    for bad in [
        event(json!({})),
        push_token(json!({"token": ""})),
        push_token(json!({"token": 7})),
        push_token(json!({"platform": "web"})),
        push_token(json!({"vendor": "wns"})),
        push_token(json!({"background": "maybe"})),
        push_token(json!({"enablement_status": "YES"})),
        push_token(json!({"profile": null})),
        push_token(json!({"keys": {}})),
    ] {
        assert_eq!(ask(&account, "/api/push-tokens", &key, &bad).await.0, 400, "{bad}");
    }
    let full = push_token(json!({
        "background": "AVAILABLE", "device_metadata": {}, "enablement_status": "PROVISIONAL",
    }));
    assert_eq!(ask(&account, "/api/push-tokens", &key, &full).await, (202, Value::Null));
}

#[tokio::test]
async fn an_event_becomes_a_push_where_a_flow_waits_for_it() {
    let service = start().await;
    let account = service.klaviyo("doors").unwrap();
    let mut device = account.register("user-7").unwrap();
    let silent = account.install("user-7").unwrap();
    let key = key(&account);
    let raise = async |changed: Value| {
        let answer = ask(&account, "/api/events", &key, &event(changed)).await;
        assert_eq!(answer, (202, Value::Null));
    };
    // No flow yet; another metric; a known event; events of the past; nobody's.
    raise(json!({})).await;
    account.add_flow("Sealed message");
    raise(json!({})).await;
    raise(json!({"unique_id": "2", "backfill": true})).await;
    let nobody = json!({"data": {"type": "profile", "attributes": {"external_id": "user-8"}}});
    raise(json!({"unique_id": "3", "profile": nobody})).await;
    let other = json!({"data": {"type": "metric", "attributes": {"name": "Other"}}});
    raise(json!({"unique_id": "4", "metric": other})).await;
    raise(json!({"unique_id": "5", "properties": {"e2ee": "first"}})).await;
    // Without an id, one event in a second; the clock stands.
    raise(json!({"unique_id": null, "properties": {"e2ee": "second"}})).await;
    raise(json!({"unique_id": null, "properties": {"e2ee": "lost"}})).await;
    raise(json!({"unique_id": "6", "properties": {"e2ee": "third"}})).await;
    for expected in ["first", "second", "third"] {
        assert_eq!(device.next_data().await.unwrap()["e2ee"], expected);
    }
    let shown = format!("{account:?} {silent:?}");
    assert!(!shown.contains("pk_") && !shown.contains("user-7"), "{shown}");
    assert!(!shown.contains(silent.push_token()), "{shown}");
}
