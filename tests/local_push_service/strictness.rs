//! What is refused, with which status.

use sealpush::local::PushService;
use serde_json::json;

use crate::sender::{ApplicationServer, Request, SMALL, sealed};
use crate::{NOW, connected, endpoint};

#[tokio::test]
async fn a_good_push_is_created_with_its_location_and_ttl() {
    let (service, _, mut user_agent) = connected().await;
    let endpoint = endpoint(&user_agent.subscribe(None).await.unwrap());
    assert!(endpoint.starts_with(&format!("{}/wpush/v1/", service.origin())));
    let answer = Request::push(&endpoint).answer().await;
    assert_eq!(answer.status, 201);
    assert!(answer.fields["location"].starts_with(&format!("{}/m/", service.origin())));
    assert_eq!(answer.fields["ttl"], "60");
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn the_ttl_is_required_and_reduced_to_thirty_days() {
    let (_service, _, mut user_agent) = connected().await;
    let endpoint = endpoint(&user_agent.subscribe(None).await.unwrap());
    let push = Request::push(&endpoint).without("ttl");
    assert_refused(&push, 400, 111).await;
    for ttl in ["", "-1", "+1", "1.5", "soon", "0x10"] {
        assert_refused(&push.clone().with("ttl", ttl), 400, 111).await;
    }
    assert_refused(&push.clone().with("ttl", "1").with("ttl", "2"), 400, 111).await;
    for (asked, given) in [
        ("0", "0"),
        ("2592000", "2592000"),
        ("2592001", "2592000"),
        ("99999999999999999999999", "2592000"),
    ] {
        let answer = push.clone().with("ttl", asked).answer().await;
        assert_eq!((answer.status, answer.fields["ttl"].as_str()), (201, given));
    }
}

#[tokio::test]
async fn topic_and_urgency_are_checked() {
    let (_service, _, mut user_agent) = connected().await;
    let endpoint = endpoint(&user_agent.subscribe(None).await.unwrap());
    let push = Request::push(&endpoint);
    for topic in ["", "a b", "a=", &"a".repeat(33)] {
        assert_refused(&push.clone().with("topic", topic), 400, 113).await;
    }
    assert_refused(&push.clone().with("topic", "a").with("topic", "b"), 400, 113).await;
    for urgency in ["", "urgent", "High"] {
        assert_refused(&push.clone().with("urgency", urgency), 400, 110).await;
    }
    for urgency in ["very-low", "low", "normal", "high"] {
        let push = push.clone().with("urgency", urgency).with("topic", "a".repeat(32));
        assert_eq!(push.answer().await.status, 201);
    }
}

#[tokio::test]
async fn a_body_is_aes128gcm_of_at_most_4096_octets() {
    let (service, _, mut user_agent) = connected().await;
    let endpoint = endpoint(&user_agent.subscribe(None).await.unwrap());
    let push = Request::push(&endpoint);
    assert_refused(&push.clone().without("content-encoding"), 400, 110).await;
    for coding in ["gzip", "aesgcm", "AES128GCM", "aes128gcm, gzip"] {
        let push = push.clone().without("content-encoding").with("content-encoding", coding);
        assert_refused(&push, 415, 110).await;
    }
    let bare = push.clone().without("content-encoding").with_body([]);
    assert_eq!(bare.answer().await.status, 201);
    assert_eq!(push.clone().with_body(sealed(4096)).answer().await.status, 201);
    assert_refused(&push.clone().with_body([0; 4097]), 413, 104).await;
    assert_refused(&push.with_body(vec![0; 100_000]), 413, 104).await;
    assert_eq!(service.requests().last().unwrap().body_len, 100_000);
}

#[tokio::test]
async fn a_body_is_one_record_with_a_public_key_as_its_key_id() {
    let (_service, _, mut user_agent) = connected().await;
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()));
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut body = sealed(200);
        change(&mut body);
        push.clone().with_body(body)
    };
    for wrong in [
        changed(|body| *body = b"sealed".to_vec()),
        changed(|body| body.truncate(85)),
        changed(|body| body.truncate(SMALL - 1)),
        changed(|body| body[16..20].copy_from_slice(&17_u32.to_be_bytes())),
        // Two records, though the octets would do for one.
        changed(|body| body[16..20].copy_from_slice(&100_u32.to_be_bytes())),
        changed(|body| body[20] = 0),
        changed(|body| body[20] = 64),
        changed(|body| body[21] = 3),
        changed(|body| body[40] ^= 1),
    ] {
        let answer = assert_refused(&wrong, 400, 110).await;
        assert!(answer.error().1.contains("one record"), "{answer:?}");
    }
    for right in [changed(|_| {}), changed(|body| body.truncate(SMALL))] {
        assert_eq!(right.answer().await.status, 201);
    }
}

#[tokio::test]
async fn an_unknown_subscription_is_404_and_an_ended_one_410() {
    let (service, _, mut user_agent) = connected().await;
    let subscription = user_agent.subscribe(None).await.unwrap();
    let endpoint = endpoint(&subscription);
    let other_version = endpoint.replace("/v1/", "/v2/");
    let unknown = format!("{}/wpush/v1/nobody", service.origin());
    for wrong in [&other_version, &unknown, &format!("{}/wpush/v3/x", service.origin())] {
        assert_refused(&Request::push(wrong), 404, 102).await;
    }
    user_agent.unsubscribe(&subscription).await.unwrap();
    assert_refused(&Request::push(&endpoint), 410, 106).await;
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let (service, _, mut user_agent) = connected().await;
    let endpoint = endpoint(&user_agent.subscribe(None).await.unwrap());
    assert_refused(&Request::new("GET", &endpoint), 405, 999).await;
    assert_refused(&Request::new("PUT", &format!("{}/m/x", service.origin())), 405, 999).await;
    assert_refused(&Request::new("GET", &format!("{}/", service.origin())), 426, 999).await;
}

#[tokio::test]
async fn a_restricted_subscription_takes_its_own_application_server_only() {
    let (service, _, mut user_agent) = connected().await;
    let (own, other) = (ApplicationServer::new(), ApplicationServer::new());
    let subscription = user_agent.subscribe(Some(&own.public_key())).await.unwrap();
    let endpoint = endpoint(&subscription);
    assert!(endpoint.starts_with(&format!("{}/wpush/v2/", service.origin())));
    let named = subscription.token();
    assert_eq!(named.expose("applicationServerKey"), Some(own.public_key().as_str()));

    let claims = json!({"aud": service.origin(), "exp": NOW + 60, "sub": "mailto:a@example.com"});
    let push = Request::push(&endpoint);
    let answer = assert_refused(&push, 401, 109).await;
    assert_eq!(answer.fields["www-authenticate"], "vapid");
    let good = push.clone().with("authorization", own.authorization(&claims));
    assert_eq!(good.answer().await.status, 201);
    let wrong = push.with("authorization", other.authorization(&claims));
    let answer = assert_refused(&wrong, 403, 109).await;
    assert_eq!(answer.error().1, "VAPID public key mismatch");
}

#[tokio::test]
async fn a_vapid_header_is_checked_to_the_last_claim() {
    let (service, _, mut user_agent) = connected().await;
    let (own, other) = (ApplicationServer::new(), ApplicationServer::new());
    let subscription = user_agent.subscribe(Some(&own.public_key())).await.unwrap();
    let push = Request::push(&endpoint(&subscription));
    let origin = service.origin();
    let host = origin.rsplit_once(':').unwrap().0;
    let good = own.authorization(&json!({"aud": origin, "exp": NOW + 60}));
    let foreign = other.authorization(&json!({"aud": origin, "exp": NOW + 60}));
    let stolen_key = format!("{}k={}", foreign.split_once("k=").unwrap().0, own.public_key());

    let refused = [
        (own.authorization(&json!({"aud": host, "exp": NOW + 60})), "audience"),
        (own.authorization(&json!({"aud": format!("{origin}/"), "exp": NOW + 60})), "audience"),
        (
            own.authorization(&json!({"aud": "https://push.example.net", "exp": NOW + 60})),
            "audience",
        ),
        (own.authorization(&json!({"aud": origin, "exp": NOW})), "expiry"),
        (own.authorization(&json!({"aud": origin, "exp": NOW - 1})), "expiry"),
        (own.authorization(&json!({"aud": origin, "exp": NOW as f64 - 0.5})), "expiry"),
        (own.authorization(&json!({"aud": origin, "exp": NOW as f64 + 86_400.5})), "too long"),
        (own.authorization(&json!({"aud": origin, "exp": NOW + 86_401})), "too long"),
        (own.authorization(&json!({"aud": origin})), "VAPID token"),
        (own.authorization(&json!({"exp": NOW + 60})), "VAPID token"),
        (own.authorization(&json!({"aud": origin, "exp": "soon"})), "VAPID token"),
        (
            own.authorization_with(
                &json!({"typ": "JWT", "alg": "none"}),
                &json!({"aud": origin, "exp": NOW + 60}),
            ),
            "VAPID token",
        ),
        (stolen_key, "VAPID token"),
        (good.replace("vapid ", "Bearer "), "scheme"),
        (good.replace("t=", "x="), "Missing VAPID token"),
        (good.replace("k=", "x="), "Missing VAPID public key"),
        (good.replace("k=B", "k=C"), "Invalid VAPID public key"),
        ("vapid".to_owned(), "scheme"),
    ];
    for (authorization, message) in refused {
        let push = push.clone().with("authorization", authorization);
        let answer = assert_refused(&push, 403, 109).await;
        assert!(answer.error().1.contains(message), "{message}: {answer:?}");
    }
    let longest = own.authorization(&json!({"aud": origin, "exp": NOW + 86_400}));
    let fraction = own.authorization(&json!({"aud": origin, "exp": NOW as f64 + 0.5}));
    for authorization in [&longest, &fraction, &good, &good.replace("vapid ", "VAPID ")] {
        let push = push.clone().with("authorization", authorization);
        assert_eq!(push.answer().await.status, 201);
    }
    let twice = push.with("authorization", &*good).with("authorization", &*good);
    assert_refused(&twice, 403, 109).await;
}

#[tokio::test]
async fn vapid_is_checked_even_where_it_is_not_needed() {
    let (service, _, mut user_agent) = connected().await;
    let server = ApplicationServer::new();
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()));
    let stale = server.authorization(&json!({"aud": service.origin(), "exp": NOW - 1}));
    assert_refused(&push.clone().with("authorization", stale), 403, 109).await;
    let good = server.authorization(&json!({"aud": service.origin(), "exp": NOW + 1}));
    assert_eq!(push.with("authorization", good).answer().await.status, 201);
}

#[tokio::test]
async fn vapid_can_be_required_of_all() {
    let service = PushService::builder().require_vapid(true).start().await.unwrap();
    let mut user_agent =
        sealpush::local::UserAgent::connect(&service.websocket_url()).await.unwrap();
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()));
    assert_refused(&push, 401, 109).await;
}

#[tokio::test]
async fn one_key_must_not_sign_and_encrypt() {
    let (service, _, mut user_agent) = connected().await;
    let server = ApplicationServer::new();
    let subscription = user_agent.subscribe(Some(&server.public_key())).await.unwrap();
    let mut body = sealpush::seal(subscription.token().keys(), b"x", sealpush::Padding::None)
        .unwrap()
        .as_ref()
        .to_vec();
    let good = server.authorization(&json!({"aud": service.origin(), "exp": NOW + 60}));
    let push = Request::push(&endpoint(&subscription)).with("authorization", good);
    assert_eq!(push.clone().with_body(body.clone()).answer().await.status, 201);
    let key = server.public_key();
    let key = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, key);
    body[21..86].copy_from_slice(&key.unwrap());
    assert_refused(&push.with_body(body), 400, 110).await;
}

async fn assert_refused(request: &Request, status: u16, errno: u64) -> crate::sender::Answer {
    let answer = request.answer().await;
    assert_eq!((answer.status, answer.error().0), (status, errno), "{answer:?}");
    answer
}
