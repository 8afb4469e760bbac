//! The double of OneSignal.

use http::Request;
use sealpush::transport::Transport;
use serde_json::{Value, json};

use crate::{APP, post, post_for_response, start, transport};

#[tokio::test]
async fn onesignal_checks_the_message() {
    let transport = transport();
    let service = start().await;
    let app = service.onesignal(APP).unwrap();
    let mut device = app.register(Some("user-7")).unwrap();
    let id = device.token().expose("subscription_id").unwrap().to_owned();
    let url = format!("{}/notifications", app.base_url());
    let key = format!("Key {}", app.api_key());
    let send = async |body: Value| {
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        post_for_response(&transport, &url, &headers, body.to_string()).await
    };
    let good = |extra: Value| {
        let mut request = json!({
            "app_id": APP,
            "contents": {"en": "New message"},
            "data": {"marker": "x"},
            "include_subscription_ids": [id],
        });
        for (name, value) in extra.as_object().unwrap() {
            request[name] = value.clone();
        }
        request
    };
    for bad in [
        json!([]),
        json!({"app_id": "x"}),
        good(json!({"contents": null})),
        good(json!({"contents": {"de": "Neu"}})),
        good(json!({"contents": {"en": ""}})),
        good(json!({"data": "x"})),
        good(json!({"data": {"e2ee": "x".repeat(2038)}})),
        good(json!({"ttl": "60"})),
        good(json!({"ttl": -1})),
        good(json!({"ttl": 2_419_201})),
        good(json!({"priority": 7})),
        good(json!({"priority": "10"})),
        good(json!({"collapse_id": "x".repeat(65)})),
        good(json!({"collapse_id": 7})),
        good(json!({"idempotency_key": "x"})),
        good(json!({"include_subscription_ids": []})),
        good(json!({"include_subscription_ids": "x"})),
        good(json!({"include_subscription_ids": ["x"]})),
        good(json!({"include_aliases": {"external_id": ["user-7"]}})),
        good(json!({"included_segments": ["All"]})),
        json!({"app_id": APP, "contents": {"en": "x"}}),
        json!({"app_id": APP, "contents": {"en": "x"}, "included_segments": ["All"]}),
        json!({"app_id": APP, "contents": {"en": "x"}, "include_aliases": {"external_id": ["a"]}}),
    ] {
        let (response, answer) = send(bad.clone()).await;
        assert_eq!(response.status(), 400, "{bad}");
        assert!(answer["errors"][0].is_string(), "{bad}");
    }
    for authorization in ["", "Key x", &key.replace("Key", "Basic")] {
        let headers = [("authorization", authorization), ("content-type", "application/json")];
        let (status, _) = post(&transport, &url, &headers, good(json!({})).to_string()).await;
        assert_eq!(status, 403, "{authorization}");
    }

    let request = good(json!({
        "data": {"e2ee": ""},
        "idempotency_key": "2f2f2f2f-0000-4000-8000-00000000000b",
    }));
    let (first, answer) = send(request.clone()).await;
    assert_eq!(first.status(), 200, "{answer}");
    assert!(first.headers().get("idempotent-replayed").is_none());
    let (again, repeated) = send(request.clone()).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(answer["id"], repeated["id"]);
    let (conflict, _) = send(good(json!({
        "ttl": 5,
        "idempotency_key": "2f2f2f2f-0000-4000-8000-00000000000b",
    })))
    .await;
    assert_eq!(conflict.status(), 409);
    assert!(!device.next().await.unwrap().data.contains_key("marker"));

    device.unsubscribe();
    let (nobody, answer) = send(good(json!({}))).await;
    assert_eq!(nobody.status(), 200);
    assert_eq!(answer, json!({"id": "", "errors": ["All included players are not subscribed"]}));
    let other = app.register(None).unwrap();
    let other = other.token().expose("subscription_id").unwrap().to_owned();
    let (some, answer) = send(good(json!({"include_subscription_ids": [id, other]}))).await;
    assert_eq!(some.status(), 200);
    assert_eq!(answer["errors"], json!({"invalid_player_ids": [id]}));
    assert!(!answer["id"].as_str().unwrap().is_empty());
}
/// A sender with the app's key, which answers status and JSON.
macro_rules! sender {
    ($app:expr) => {{
        let transport = transport();
        let url = format!("{}/notifications", $app.base_url());
        let key = format!("Key {}", $app.api_key());
        async move |mut request: Value| {
            request["app_id"] = APP.into();
            let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
            post(&transport, &url, &headers, request.to_string()).await
        }
    }};
}

#[tokio::test]
async fn a_silent_message_needs_no_contents_and_null_is_absent() {
    let service = start().await;
    let app = service.onesignal(APP).unwrap();
    let mut device = app.register(None).unwrap();
    let id = device.token().expose("subscription_id").unwrap().to_owned();
    let send = sender!(app);
    let silent = |flag: Value| {
        json!({
            "include_subscription_ids": [id],
            "content_available": flag,
            "contents": null,
            "headings": null,
            "data": {"a": "b"},
        })
    };
    let (status, answer) = send(silent(true.into())).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(device.next_data().await.unwrap()["a"], "b");
    for flag in [json!(false), json!("true"), json!(1), Value::Null] {
        assert_eq!(send(silent(flag.clone())).await.0, 400, "{flag}");
    }
}

#[tokio::test]
async fn every_label_names_people() {
    let service = start().await;
    let app = service.onesignal(APP).unwrap();
    let mut phone = app.register(Some("user-7")).unwrap();
    let tablet = app.register(Some("user-7")).unwrap();
    assert_eq!(phone.onesignal_id(), tablet.onesignal_id());
    assert_ne!(phone.onesignal_id(), app.register(None).unwrap().onesignal_id());
    phone.add_alias("crm", "a-1");
    let send = sender!(app);
    let to = |aliases: Value| json!({"include_aliases": aliases, "target_channel": "push", "contents": {"en": "x"}});
    let everybody = json!({"crm": ["a-1"], "onesignal_id": [phone.onesignal_id()]});
    for aliases in [json!({"crm": ["a-1"]}), everybody] {
        let (status, answer) = send(to(aliases)).await;
        assert_eq!((status, answer.get("errors")), (200, None));
        assert!(!answer["id"].as_str().unwrap().is_empty());
        phone.next_data().await.unwrap();
    }

    // One of the person's devices is reached: an id, and the alias of the other.
    tablet.unsubscribe();
    let (status, answer) = send(to(json!({"external_id": ["user-7", "user-8"]}))).await;
    assert_eq!(status, 200);
    assert!(!answer["id"].as_str().unwrap().is_empty());
    let invalid = json!({"invalid_aliases": {"external_id": ["user-7", "user-8"]}});
    assert_eq!(answer["errors"], invalid);
    phone.next_data().await.unwrap();

    // None is: the same errors, and no id.
    phone.unsubscribe();
    let (status, answer) = send(to(json!({"external_id": ["user-7"]}))).await;
    let invalid = json!({"invalid_aliases": {"external_id": ["user-7"]}});
    assert_eq!((status, answer), (200, json!({"id": "", "errors": invalid})));
    for wrong in
        [json!({}), json!([]), json!({"crm": []}), json!({"crm": "a"}), json!({"crm": [7]})]
    {
        assert_eq!(send(to(wrong.clone())).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn twenty_thousand_ids_are_taken_and_not_one_more() {
    let service = start().await;
    let app = service.onesignal(APP).unwrap();
    let mut device = app.register(None).unwrap();
    let send = sender!(app);
    let own = device.token().expose("subscription_id").unwrap().to_owned();
    let mut ids: Vec<_> =
        (1..20_000).map(|id| format!("{id:08x}-0000-4000-8000-000000000000")).collect();
    ids.push(own);
    let to = |ids: &[String]| json!({"include_subscription_ids": ids, "contents": {"en": "x"}});
    let (status, answer) = send(to(&ids)).await;
    assert_eq!((status, answer.get("errors")), (200, None), "{answer}");
    device.next_data().await.unwrap();
    ids.push("ffffffff-0000-4000-8000-000000000000".to_owned());
    assert_eq!(send(to(&ids)).await.0, 400);
}

#[tokio::test]
async fn a_message_can_be_looked_at_and_cancelled() {
    let service = start().await;
    let app = service.onesignal(APP).unwrap();
    let mut device = app.register(None).unwrap();
    let own = device.token().expose("subscription_id").unwrap().to_owned();
    let send = sender!(app);
    let message = |text: &str| {
        json!({
            "include_subscription_ids": [own],
            "contents": {"en": "New message"},
            "data": {"text": text},
        })
    };
    let key = format!("Key {}", app.api_key());
    let ask = async |method: &str, id: &str, app_id: &str, key: &str| {
        let url = format!("{}/notifications/{id}?app_id={app_id}", app.base_url());
        let request = Request::builder().method(method).uri(url).header("authorization", key);
        let answer = transport().send(request.body(bytes::Bytes::new()).unwrap()).await.unwrap();
        let json: Value = serde_json::from_slice(answer.body()).unwrap();
        (answer.status().as_u16(), json)
    };
    let (_, answer) = send(message("first")).await;
    let first = answer["id"].as_str().unwrap().to_owned();
    device.next_data().await.unwrap();
    let (status, view) = ask("GET", &first, APP, &key).await;
    assert_eq!((status, &view["id"], &view["app_id"]), (200, &json!(first), &json!(APP)));
    assert_eq!((&view["successful"], &view["received"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&view["canceled"], &view["contents"]["en"]),
        (&json!(false), &json!("New message"))
    );

    device.disconnect();
    let (_, answer) = send(message("cancelled")).await;
    let cancelled = answer["id"].as_str().unwrap().to_owned();
    send(message("kept")).await;
    let answer = ask("DELETE", &cancelled, APP, &key).await;
    assert_eq!(answer, (200, json!({"success": true})));
    device.reconnect().unwrap();
    assert_eq!(device.next_data().await.unwrap()["text"], "kept");
    assert_eq!(ask("GET", &cancelled, APP, &key).await.1["canceled"], true);

    let nobody = "0c0c0c0c-0000-4000-8000-0123456789ab";
    assert_eq!(ask("DELETE", nobody, APP, &key).await, (404, json!({"success": false})));
    assert_eq!(ask("GET", nobody, APP, &key).await.0, 404);
    assert_eq!(ask("GET", &first, nobody, &key).await.0, 403);
    assert_eq!(ask("GET", &first, "x", &key).await.0, 400);
    assert_eq!(ask("GET", &first, APP, "Key x").await.0, 403);
    assert_eq!(ask("PUT", &first, APP, &key).await.0, 405);
    assert_eq!(ask("GET", "no-uuid", APP, &key).await.0, 404);
}

#[tokio::test]
async fn an_older_base_url_and_a_wrong_path_are_onesignals_too() {
    let service = start().await;
    let app = service.onesignal(APP).unwrap();
    let headers = [("content-type", "application/json")];
    for (path, status) in
        [("/api/v1/notifications", 403), ("/api/v1/apps/x/users", 404), ("/apps/x", 404)]
    {
        let url = format!("{}{path}", app.base_url());
        let (given, answer) = post(&transport(), &url, &headers, "{}").await;
        assert_eq!(given, status);
        assert!(answer["errors"][0].is_string(), "{answer}");
    }
}
