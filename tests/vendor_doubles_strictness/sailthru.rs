//! The double of Sailthru Mobile.

use base64::engine::general_purpose::STANDARD;
use sealpush::local::{Fault, Faults, SailthruApp};

use super::*;

fn basic(name: &str, key: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{key}")))
}

async fn send(app: &SailthruApp, authorization: &str, body: impl Into<Bytes>) -> (u16, Value) {
    let url = format!("{}/v6/transactional/notifications", app.base_url());
    let headers = [("authorization", authorization), ("content-type", "application/json")];
    post(&transport(), &url, &headers, body).await
}

#[tokio::test]
async fn sailthru_checks_who_asks() {
    let service = start().await;
    let app = service.sailthru("doors").unwrap();
    let device = app.register(None).unwrap();
    let id = device.token().expose("device_id").unwrap().to_owned();
    let good = json!({
        "to": {"field": "device_id", "value": id},
        "notification": {"payload": {"alert": "x"}},
    });
    let other = service.sailthru("other").unwrap();
    for (authorization, status, error) in [
        ("", 401, "unauthorized"),
        ("Bearer x", 401, "unauthorized"),
        ("Basic x", 401, "unauthorized"),
        (&*basic("", "x"), 401, "unauthorized"),
        (&*basic(app.api_key(), ""), 401, "unauthorized"),
        (
            &*basic("", app.api_key_without_push()),
            403,
            "your api client does not have the correct roles",
        ),
    ] {
        let answer = send(&app, authorization, good.to_string()).await;
        assert_eq!(answer, (status, json!({"error": error})), "{authorization}");
    }
    for name in ["", "net.example.doors"] {
        let (status, answer) = send(&app, &basic(name, app.api_key()), good.to_string()).await;
        assert_eq!((status, &answer["results"]["success"]), (200, &json!(1)), "{answer}");
    }
    // Another app's key sends to its own devices only.
    let (status, answer) = send(&app, &basic("", other.api_key()), good.to_string()).await;
    assert_eq!((status, &answer["results"]["success"]), (200, &json!(0)), "{answer}");
    let url = format!("{}/v6/devices/{id}", app.base_url());
    assert_eq!(post(&transport(), &url, &[], "{}").await.0, 404);
}

#[tokio::test]
async fn sailthru_checks_the_notification() {
    let service = start().await;
    let app = service.sailthru("doors").unwrap();
    let key = basic("", app.api_key());
    let to = json!({"field": "user_id", "value": "user-7"});
    let with = |payload: Value| json!({"to": to, "notification": {"payload": payload}});
    let mut strange = with(json!({"alert": "x"}));
    strange["ttl"] = 60.into();
    let mut bad_group = with(json!({"alert": "x"}));
    bad_group["group"] = "a b c".into();
    for bad in [
        json!([]),
        json!({}),
        json!({"to": {"field": "token", "value": "x"}, "notification": {"payload": {"alert": "x"}}}),
        json!({"to": {"field": "sid", "value": ""}, "notification": {"payload": {"alert": "x"}}}),
        json!({"to": {"field": "sid", "value": 7}, "notification": {"payload": {"alert": "x"}}}),
        json!({"to": to, "payload": {"alert": "x"}}),
        strange,
        bad_group,
        with(json!({})),
        with(json!({"alert": ""})),
        with(json!({"alert": 7})),
        with(json!({"alert": "x", "mutable_content": 1})),
        with(json!({"alert": "x", "badge": "1"})),
        with(json!({"alert": "x", "relevance_score": 2})),
        with(json!({"alert": "x", "collapse_key": "x".repeat(65)})),
        with(json!({"alert": "x", "_st": "x"})),
        with(json!({"alert": "x", "e2ee": "x"})),
    ] {
        let (status, answer) = send(&app, &key, bad.to_string()).await;
        assert_eq!(status, 400, "{bad}");
        assert!(answer["error"].is_string(), "{bad}");
    }
    assert_eq!(send(&app, &key, "{").await.0, 400);
    let large = with(json!({"alert": "x".repeat(4096)}));
    assert_eq!(send(&app, &key, large.to_string()).await.0, 413);
    assert_eq!(send(&app, &key, vec![b' '; 20_000]).await.0, 413);
    let url = format!("{}/v6/transactional/notifications", app.base_url());
    let plain = [("authorization", &*key), ("content-type", "text/plain")];
    assert_eq!(
        post(&transport(), &url, &plain, with(json!({"alert": "x"})).to_string()).await.0,
        400
    );

    service.set_faults(Faults::script([
        Fault::status(401),
        Fault::status(429),
        Fault::status(500),
    ]));
    for (status, answer) in [
        (401, json!({"error": "unauthorized"})),
        (429, json!({"error": "a scripted fault"})),
        (500, Value::Null),
    ] {
        assert_eq!(send(&app, &key, "{}").await, (status, answer));
    }
}

#[tokio::test]
async fn sailthru_counts_what_became_of_each_installation() {
    let service = PushService::builder().max_stored(1).start().await.unwrap();
    let app = service.sailthru("doors").unwrap();
    let [mut phone, tablet] = [0; 2].map(|_| app.register(Some("user-7")).unwrap());
    assert_eq!(phone.sid_token().expose("sid"), tablet.sid_token().expose("sid"));
    let stranger = app.register(None).unwrap();
    assert_ne!(phone.sid_token().expose("sid"), stranger.sid_token().expose("sid"));
    let count = async |user: &str| {
        let body = json!({
            "to": {"field": "user_id", "value": user},
            "notification": {"payload": {"alert": "x", "own": "y", "title": "z"}},
        });
        let (status, answer) = send(&app, &basic("", app.api_key()), body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        assert!(answer["id"].is_string());
        answer["results"].clone()
    };
    assert_eq!(count("user-7").await, json!({"success": 2, "uninstalled": 0, "failures": []}));
    assert_eq!(
        phone.next_data().await.unwrap().into_iter().collect::<Vec<_>>(),
        [("own".to_owned(), "y".to_owned())]
    );
    let id = tablet.token().expose("device_id").unwrap().to_owned();
    assert_eq!(count("user-7").await, json!({"success": 1, "uninstalled": 0, "failures": [id]}));
    tablet.uninstall();
    phone.next_data().await.unwrap();
    assert_eq!(count("user-7").await, json!({"success": 1, "uninstalled": 1, "failures": []}));
    assert_eq!(count("user-8").await, json!({"success": 0, "uninstalled": 0, "failures": []}));
    let shown = format!("{app:?} {phone:?}");
    assert!(!shown.contains(app.api_key()) && !shown.contains("user-7"), "{shown}");
}
