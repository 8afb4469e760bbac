//! The double of FCM.

use sealpush::local::{FcmDevice, Platform};
use serde_json::{Value, json};

use crate::{Account, NOW, PROJECT, post, start, transport};

#[tokio::test]
async fn fcm_checks_the_access_token_first() {
    let transport = transport();
    let service = start().await;
    let (project, other) = (service.fcm(PROJECT), service.fcm("other-project"));
    let url = format!("{}/v1/projects/{PROJECT}/messages:send", project.base_url());
    let bearer = Account::of(&project).bearer().await;
    let theirs = Account::of(&other).bearer().await;
    for (authorization, expected) in [
        ("", 401),
        ("Bearer", 401),
        ("Bearer x", 401),
        (&bearer.replace("Bearer", "Key"), 401),
        (&theirs, 403),
        (&bearer, 400),
    ] {
        let headers = [("authorization", authorization), ("content-type", "application/json")];
        let (status, answer) = post(&transport, &url, &headers, "{}").await;
        assert_eq!(status, expected, "{authorization}");
        assert_eq!(answer["error"]["code"], expected);
    }
}

#[tokio::test]
async fn fcm_checks_the_message() {
    let transport = transport();
    let service = start().await;
    let project = service.fcm(PROJECT);
    let url = format!("{}/v1/projects/{PROJECT}/messages:send", project.base_url());
    let bearer = Account::of(&project).bearer().await;
    let mut device = project.register(Platform::Android).unwrap();
    let token = device.token().expose("token").unwrap().to_owned();
    let send = async |body: Value| {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        post(&transport, &url, &headers, body.to_string()).await
    };
    let with = |name: &str, value: Value| json!({"message": {"token": token, "data": {"marker": "x"}, name: value}});
    for bad in [
        json!([]),
        json!({}),
        json!({"message": 7}),
        json!({"message": {}, "surprise": 1}),
        json!({"message": {"token": token}, "validate_only": "yes"}),
        json!({"message": {"data": {}}}),
        json!({"message": {"token": 7}}),
        json!({"message": {"token": token, "fid": "x"}}),
        json!({"message": {"token": token, "topic": "x"}}),
        json!({"message": {"topic": "/topics/news"}}),
        json!({"message": {"topic": ""}}),
        json!({"message": {"topic": "x".repeat(901)}}),
        json!({"message": {"condition": "news"}}),
        json!({"message": {"fid": "no-installation"}}),
        json!({"message": {"token": "no-token"}}),
        with("surprise", json!({})),
        with("data", json!({"n": 12})),
        with("data", json!({"from": "x"})),
        with("data", json!({"gcm": "x"})),
        with("data", json!({"google.x": "x"})),
        with("data", json!({"gcm.notification.x": "x"})),
        with("data", json!({"message_type": "x"})),
        with("data", json!({"e2ee": "x".repeat(4093)})),
        with("android", json!([])),
        with("android", json!({"surprise": 1})),
        with("android", json!({"priority": "very-high"})),
        with("android", json!({"priority": 10})),
        with("android", json!({"ttl": 60})),
        with("android", json!({"ttl": "60"})),
        with("android", json!({"ttl": "-1s"})),
        with("android", json!({"ttl": "1.s"})),
        with("android", json!({"ttl": "2419201s"})),
        with("android", json!({"collapse_key": 7})),
        with("apns", json!({"payload": {}})),
        with("apns", json!({"payload": {"aps": 1}})),
        with("apns", json!({"headers": {"apns-priority": 10}})),
        with("apns", json!({"headers": {"apns-priority": "7"}})),
        with("apns", json!({"headers": {"apns-push-type": "surprise"}})),
        with("apns", json!({"headers": {"apns-push-type": "background", "apns-priority": "10"}})),
        with("apns", json!({"headers": {"apns-push-type": "background", "apns-priority": "5"}})),
        with("apns", json!({"headers": {"apns-expiration": "soon"}})),
        with("apns", json!({"headers": {"apns-collapse-id": "x".repeat(65)}})),
        with("webpush", json!({"headers": {"Urgency": "urgent"}})),
        with("webpush", json!({"headers": {"TTL": "-1"}})),
        with("webpush", json!({"headers": {"Topic": "a b"}})),
        with("webpush", json!({"fcm_options": {"link": "http://example.net/"}})),
    ] {
        let (status, answer) = send(bad.clone()).await;
        assert_eq!(
            (status, &answer["error"]["status"]),
            (400, &json!("INVALID_ARGUMENT")),
            "{bad}"
        );
    }
    let unknown = token.replace("APA91b", "APA91bx");
    let (status, answer) = send(json!({"message": {"token": unknown}})).await;
    assert_eq!(status, 404);
    assert_eq!(answer["error"]["details"][0]["errorCode"], "UNREGISTERED");

    // Nothing of it was kept, and both spellings are taken.
    let good = json!({"validateOnly": false, "message": {
        "token": token,
        "data": {"e2ee": ""},
        "android": {"collapseKey": "x", "ttl": "3.5s", "priority": "high", "directBootOk": true},
    }});
    let (status, answer) = send(good).await;
    assert_eq!(status, 200, "{answer}");
    let delivery = device.next().await.unwrap();
    assert!(!delivery.data.contains_key("marker") && delivery.payload.is_none());
}

/// A sender with an access token, which answers status and JSON.
macro_rules! sender {
    ($project:expr) => {{
        let transport = transport();
        let url = format!("{}/v1/projects/{PROJECT}/messages:send", $project.base_url());
        let bearer = Account::of(&$project).bearer().await;
        async move |message: Value| {
            let headers =
                [("authorization", bearer.as_str()), ("content-type", "application/json")];
            post(&transport, &url, &headers, json!({ "message": message }).to_string()).await
        }
    }};
}

fn token(device: &FcmDevice) -> String {
    device.token().expose("token").unwrap().to_owned()
}

#[tokio::test]
async fn fcm_checks_every_level_and_names_the_member() {
    let service = start().await;
    let project = service.fcm(PROJECT);
    let mut device = project.register(Platform::Android).unwrap();
    let token = token(&device);
    let send = sender!(project);
    let android = |notification: Value| json!({"android": {"notification": notification}});
    let lights = json!({
        "color": {"red": 1, "green": 0.5, "blue": 0, "alpha": 1},
        "light_on_duration": "1s",
        "light_off_duration": "0.5s",
    });
    let lights_with = |name: &str, value: Value| {
        let mut lights = lights.clone();
        lights[name] = value;
        android(json!({ "light_settings": lights }))
    };
    let at = "message.android.notification";
    for (parts, field) in [
        (json!({"notification": {"titel": "x"}}), "message.notification"),
        (json!({"notification": {"title": 7}}), "message.notification.title"),
        (json!({"notification": "x"}), "message.notification"),
        (json!({"notification": {"body": "x".repeat(4097)}}), "message.notification"),
        (json!({"data": {"a": {"b": "c"}}}), "message.data[0].value"),
        (json!({"data": []}), "message.data"),
        (json!({"fcm_options": {"label": "x"}}), "message.fcm_options"),
        (json!({"fcm_options": {"analytics_label": "a b"}}), "message.fcm_options.analytics_label"),
        (json!({"fcm_options": {"analytics_label": ""}}), "message.fcm_options.analytics_label"),
        (
            json!({"fcm_options": {"analytics_label": "x".repeat(51)}}),
            "message.fcm_options.analytics_label",
        ),
        (json!({"android": {"direct_boot_ok": "true"}}), "message.android.direct_boot_ok"),
        (
            json!({"android": {"restricted_package_name": 7}}),
            "message.android.restricted_package_name",
        ),
        (json!({"android": {"data": {"n": 7}}}), "message.android.data[0].value"),
        (json!({"android": {"data": {"from": "x"}}}), "message.android.data"),
        (json!({"android": {"data": {"google.x": "x"}}}), "message.android.data"),
        (json!({"android": {"ttl": "3.1234567890s"}}), "message.android.ttl"),
        (json!({"android": {"ttl": "-3s"}}), "message.android.ttl"),
        (
            json!({"android": {"fcm_options": {"analytics_label": "ä"}}}),
            "message.android.fcm_options.analytics_label",
        ),
        (android(json!({"surprise": 1})), at),
        (android(json!({"title": true})), &format!("{at}.title")),
        (android(json!({"color": "red"})), &format!("{at}.color")),
        (android(json!({"color": "#12345"})), &format!("{at}.color")),
        (android(json!({"color": "#12345g"})), &format!("{at}.color")),
        (android(json!({"visibility": "LOUD"})), &format!("{at}.visibility")),
        (android(json!({"visibility": 1})), &format!("{at}.visibility")),
        (android(json!({"notification_priority": "HIGH"})), &format!("{at}.notification_priority")),
        (android(json!({"proxy": "MAYBE"})), &format!("{at}.proxy")),
        (android(json!({"sticky": 1})), &format!("{at}.sticky")),
        (android(json!({"notification_count": "3"})), &format!("{at}.notification_count")),
        (android(json!({"notification_count": 1.5})), &format!("{at}.notification_count")),
        (
            android(json!({"notification_count": 2_147_483_648_u64})),
            &format!("{at}.notification_count"),
        ),
        (android(json!({"event_time": "tomorrow"})), &format!("{at}.event_time")),
        (android(json!({"event_time": "2027-13-15T08:00:00Z"})), &format!("{at}.event_time")),
        (android(json!({"vibrate_timings": "1s"})), &format!("{at}.vibrate_timings")),
        (android(json!({"vibrate_timings": ["1s", "1"]})), &format!("{at}.vibrate_timings[1]")),
        (android(json!({"title_loc_args": [7]})), &format!("{at}.title_loc_args[0]")),
        (android(json!({"title_loc_args": ["x"]})), &format!("{at}.title_loc_key")),
        (android(json!({"light_settings": {}})), &format!("{at}.light_settings.color")),
        (
            lights_with("light_on_duration", json!(1)),
            &format!("{at}.light_settings.light_on_duration"),
        ),
        (lights_with("color", json!({"red": 2})), &format!("{at}.light_settings.color.red")),
        (lights_with("color", json!({"rot": 1})), &format!("{at}.light_settings.color")),
        (json!({"android_v2": {"priority": "HIGH"}}), "message.android_v2"),
        (
            json!({"android_v2": {"background_sync": {"x": 1}}}),
            "message.android_v2.background_sync",
        ),
        (json!({"android": {}, "android_v2": {}}), "message.android_v2"),
        (
            json!({"android_v2": {"background_sync": {}, "remote_notification": {}}}),
            "message.android_v2",
        ),
        (
            json!({"android_v2": {"remote_notification": {"notification": {"proxy": "ALLOW"}}}}),
            "message.android_v2.remote_notification.notification",
        ),
        (json!({"apns": {"surprise": 1}}), "message.apns"),
        (json!({"apns": {"payload": "x"}}), "message.apns.payload"),
        (json!({"apns": {"payload": {"aps": {"alert": 7}}}}), "message.apns.payload.aps.alert"),
        (json!({"apns": {"payload": {"aps": {"badge": "1"}}}}), "message.apns.payload.aps.badge"),
        (
            json!({"apns": {"payload": {"aps": {"mutable-content": true}}}}),
            "message.apns.payload.aps.mutable-content",
        ),
        (json!({"apns": {"headers": ["x"]}}), "message.apns.headers"),
        (
            json!({"apns": {"fcm_options": {"analytics_label": "a b"}}}),
            "message.apns.fcm_options.analytics_label",
        ),
        (
            json!({"apns": {"headers": {"apns-push-type": "liveactivity"}}}),
            "message.apns.payload.aps.event",
        ),
        (json!({"apns": {"live_activity_token": 7}}), "message.apns.live_activity_token"),
        (json!({"webpush": {"surprise": 1}}), "message.webpush"),
        (json!({"webpush": {"data": {"gcm": "x"}}}), "message.webpush.data"),
        (json!({"webpush": {"notification": "x"}}), "message.webpush.notification"),
        (json!({"webpush": {"headers": {"TTL": 60}}}), "message.webpush.headers[0].value"),
        (json!({"webpush": {"fcm_options": {"link": "/x"}}}), "message.webpush.fcm_options.link"),
        (
            json!({"webpush": {"fcm_options": {"analytics_label": "a b"}}}),
            "message.webpush.fcm_options.analytics_label",
        ),
    ] {
        let mut message = json!({ "token": token });
        message.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        let (status, answer) = send(message).await;
        assert_eq!(status, 400, "{parts}: {answer}");
        assert_eq!(answer["error"]["status"], "INVALID_ARGUMENT");
        let details = answer["error"]["details"].as_array().unwrap();
        let violations = details
            .iter()
            .find(|detail| detail["@type"] == "type.googleapis.com/google.rpc.BadRequest")
            .unwrap();
        assert_eq!(violations["fieldViolations"][0]["field"], field, "{parts}: {answer}");
        assert!(violations["fieldViolations"][0]["description"].is_string());
    }
    for right in [
        android(json!({ "light_settings": lights, "color": "#A0b1C2", "visibility": "private" })),
        android(json!({"event_time": "2027-01-15T08:00:00.5Z", "vibrate_timings": ["0.5s"]})),
        android(json!({"notificationCount": 3, "bodyLocKey": "k", "bodyLocArgs": ["a"]})),
        json!({"fcmOptions": {"analyticsLabel": "a-b_c.d~e%20"}}),
        json!({"androidV2": {"remoteNotification": {"notification": {"id": 7, "body": "x"}}}}),
        // In Protocol Buffers' JSON null is absent, on every level.
        json!({"apns": null, "android": {"ttl": null, "notification": {"title": null}}}),
        json!({"data": null, "topic": null, "condition": null, "fid": null}),
    ] {
        let mut message = json!({ "token": token });
        message.as_object_mut().unwrap().extend(right.as_object().unwrap().clone());
        let (status, answer) = send(message).await;
        assert_eq!(status, 200, "{right}: {answer}");
        assert!(device.next_data().await.unwrap().is_empty());
    }
    let (status, answer) =
        send(json!({"token": token, "android": {"data": {"x": "y".repeat(4096)}}})).await;
    assert_eq!(status, 400);
    assert!(answer["error"]["message"].as_str().unwrap().contains("too large"));
}

#[tokio::test]
async fn a_malformed_address_is_named_and_either_kind_is_good_in_token() {
    let service = start().await;
    let project = service.fcm(PROJECT);
    let mut device = project.register(Platform::Android).unwrap();
    let send = sender!(project);
    for (name, wrong) in [("token", "no-token"), ("token", ""), ("fid", "x")] {
        let (status, answer) = send(json!({ name: wrong })).await;
        assert_eq!(status, 400);
        let details = &answer["error"]["details"];
        assert_eq!(details[0]["errorCode"], "INVALID_ARGUMENT");
        let field = format!("message.{name}");
        assert_eq!(details[1]["fieldViolations"][0]["field"], field, "{answer}");
    }
    let fid = device.installation_token().expose("fid").unwrap().to_owned();
    let (status, answer) = send(json!({"token": fid, "data": {"a": "b"}})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(device.next_data().await.unwrap()["a"], "b");
    let (status, answer) = send(json!({"token": "A".repeat(22)})).await;
    assert_eq!(
        (status, &answer["error"]["details"][0]["errorCode"]),
        (404, &json!("UNREGISTERED"))
    );
}

#[tokio::test]
async fn the_data_of_a_platform_replaces_the_common_data() {
    let service = start().await;
    let project = service.fcm(PROJECT);
    let send = sender!(project);
    for (platform, expected) in [
        (Platform::Android, json!({"own": "android"})),
        (Platform::Web, json!({"own": "web"})),
        (Platform::Apple, json!({"common": "x", "custom": "apple"})),
    ] {
        let mut device = project.register(platform).unwrap();
        let message = json!({
            "token": token(&device),
            "data": {"common": "x"},
            "android": {"data": {"own": "android"}},
            "webpush": {"data": {"own": "web"}},
            "apns": {"payload": {"aps": {}, "custom": "apple"}},
        });
        assert_eq!(send(message).await.0, 200);
        assert_eq!(json!(device.next_data().await.unwrap()), expected, "{platform:?}");
    }
}

#[tokio::test]
async fn a_live_activity_needs_an_event_and_a_time() {
    let service = start().await;
    let project = service.fcm(PROJECT);
    let device = project.register(Platform::Apple).unwrap();
    let send = sender!(project);
    let activity = |aps: Value| {
        json!({"token": token(&device), "apns": {
            "live_activity_token": "a1b2",
            "headers": {"apns-push-type": "liveactivity", "apns-priority": "10"},
            "payload": {"aps": aps},
        }})
    };
    let good = json!({"event": "update", "timestamp": NOW, "content-state": {"left": 3}});
    assert_eq!(send(activity(good)).await.0, 200);
    for wrong in [
        json!({}),
        json!({"event": "pause", "timestamp": NOW}),
        json!({"event": "end"}),
        json!({"event": "end", "timestamp": "now"}),
    ] {
        assert_eq!(send(activity(wrong.clone())).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn topics_and_conditions_reach_those_who_subscribed() {
    let service = start().await;
    let (project, other) = (service.fcm(PROJECT), service.fcm("other-project"));
    let send = sender!(project);
    let mut devices: Vec<_> =
        (0..3).map(|_| project.register(Platform::Android).unwrap()).collect();
    let stranger = other.register(Platform::Android).unwrap();
    devices[0].subscribe_to_topic("news").unwrap();
    devices[1].subscribe_to_topic("news").unwrap();
    devices[1].subscribe_to_topic("sport").unwrap();
    stranger.subscribe_to_topic("news").unwrap();
    assert!(stranger.subscribe_to_topic("/topics/news").is_err());
    let reached = async |devices: &mut [FcmDevice], target: Value| {
        let (status, answer) = send(target).await;
        assert_eq!(status, 200, "{answer}");
        assert!(answer["name"].as_str().unwrap().starts_with("projects/example-project/messages/"));
        let mut reached = Vec::new();
        for (index, device) in devices.iter_mut().enumerate() {
            // What comes after it shows what did not come.
            assert_eq!(send(json!({"token": token(device), "data": {"end": ""}})).await.0, 200);
            let data = device.next_data().await.unwrap();
            if data.contains_key("x") {
                reached.push(index);
                device.next_data().await.unwrap();
            }
        }
        reached
    };
    let with = |name: &str, target: &str| json!({name: target, "data": {"x": ""}});
    assert_eq!(reached(&mut devices, with("topic", "news")).await, [0, 1]);
    assert_eq!(reached(&mut devices, with("topic", "nobody")).await, [] as [usize; 0]);
    let condition = "'news' in topics && !('sport' in topics)";
    assert_eq!(reached(&mut devices, with("condition", condition)).await, [0]);
    devices[0].unsubscribe_from_topic("news");
    assert_eq!(reached(&mut devices, with("topic", "news")).await, [1]);

    // A topic takes half as much.
    let large = |octets: usize| json!({"topic": "news", "data": {"x": "y".repeat(octets - 1)}});
    assert_eq!(send(large(2048)).await.0, 200);
    assert_eq!(send(large(2049)).await.0, 400);
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_answered_in_googles_json() {
    let service = start().await;
    let transport = transport();
    for path in [
        "/v1/projects/example-project/messages",
        "/v1/projects/example-project",
        "/v1/projects/a/b/messages:send",
        "/v1/",
    ] {
        let url = format!("{}{path}", service.origin());
        let (status, answer) = post(&transport, &url, &[], "{}").await;
        assert_eq!((status, &answer["error"]["status"]), (404, &json!("NOT_FOUND")), "{path}");
        assert!(answer["error"].get("details").is_none());
    }
}
