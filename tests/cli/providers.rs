//! `send` through every provider that is compiled in.

use sealpush::UserAgentSecret;
use sealpush::local::Platform;

use super::*;

fn token(address: Value) -> String {
    let keys = UserAgentSecret::generate().unwrap();
    let mut token = address;
    token["keys"] = json!(keys.keys());
    token.to_string()
}

#[tokio::test]
async fn the_mock_accepts_and_sends_nothing() {
    let token = token(json!({ "provider": "mock", "name": "alice" }));
    let output = run(&["send", "hi"], &[], token.as_bytes()).await;
    assert_eq!((output.code, output.text()), (0, "accepted by mock\n"), "{}", output.stderr);
}

#[tokio::test]
async fn a_provider_without_credentials_says_which_it_needs() {
    let fcm = token(json!({ "provider": "fcm", "token": "SECRET" }));
    let output = run(&["send", "hi"], &[], fcm.as_bytes()).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("--fcm-credentials"), "{}", output.stderr);
    let onesignal = token(
        json!({ "provider": "onesignal", "subscription_id": "1dad4a3e-0000-4000-8000-0123456789ab" }),
    );
    let output = run(&["send", "hi"], &[], onesignal.as_bytes()).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("ONESIGNAL_API_KEY"), "{}", output.stderr);
    let pigeon = token(json!({ "provider": "pigeon" }));
    let output = run(&["send", "hi"], &[], pigeon.as_bytes()).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stderr.contains("no provider 'pigeon'"), "{}", output.stderr);
}

#[tokio::test]
async fn apple_is_sent_to_with_the_key_of_a_developer() {
    let service = PushService::start().await.unwrap();
    let app = service.apns("com.example.door").unwrap();
    let mut device = app.register().unwrap();
    let token = device.token().to_json();
    let output = run(&["send", "hi"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("--apns-key-file"), "{}", output.stderr);
    let directory = Directory::new();
    let key_file = directory.file("AuthKey.p8", app.private_key_pem());
    let (key_id, team_id, base_url) = (app.key_id(), app.team_id(), app.base_url());
    let environment = [
        ("APNS_KEY_FILE", &*key_file),
        ("APNS_KEY_ID", &key_id),
        ("APNS_TEAM_ID", &team_id),
        ("APNS_BUNDLE_ID", app.bundle_id()),
        ("APNS_BASE_URL", &base_url),
    ];
    let output = run(&["send", "hi", "--allow-loopback"], &environment, token.as_bytes()).await;
    assert_eq!((output.code, output.text()), (0, "accepted by apns\n"), "{}", output.stderr);
    assert_eq!(device.next().await.unwrap().payload.unwrap(), b"hi");
}

#[tokio::test]
async fn fcm_is_sent_to_with_the_key_file_of_a_service_account() {
    let service = PushService::start().await.unwrap();
    let project = service.fcm("example-project");
    let mut device = project.register(Platform::Android).unwrap();
    let token = device.token().to_json();
    let directory = Directory::new();
    let credentials =
        directory.file("service-account.json", project.service_account_json().unwrap());
    let base_url = project.base_url();
    for (arguments, environment) in [
        (&["--fcm-credentials", &*credentials, "--fcm-base-url", &base_url][..], &[][..]),
        (&[], &[("GOOGLE_APPLICATION_CREDENTIALS", &*credentials), ("FCM_BASE_URL", &*base_url)]),
    ] {
        let arguments = [&["send", "hi", "--allow-loopback"], arguments].concat();
        let output = run(&arguments, environment, token.as_bytes()).await;
        assert_eq!((output.code, output.text()), (0, "accepted by fcm\n"), "{}", output.stderr);
        assert_eq!(device.next().await.unwrap().payload.unwrap(), b"hi");
    }
}

#[tokio::test]
async fn onesignal_is_sent_to_with_a_key_from_a_file_or_the_environment() {
    let service = PushService::start().await.unwrap();
    let app = service.onesignal("1dad4a3e-0000-4000-8000-0123456789ab").unwrap();
    let mut device = app.register(None).unwrap();
    let token = device.token().to_json();
    let directory = Directory::new();
    let key_file = directory.file("key", format!("{}\n", app.api_key()));
    let base_url = app.base_url();
    let common = [("ONESIGNAL_APP_ID", app.app_id()), ("ONESIGNAL_BASE_URL", &base_url)];
    for credential in [("ONESIGNAL_API_KEY_FILE", &*key_file), ("ONESIGNAL_API_KEY", app.api_key())]
    {
        let environment = [&common[..], &[credential]].concat();
        let output = run(&["send", "hi", "--allow-loopback"], &environment, token.as_bytes()).await;
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert_eq!(device.next().await.unwrap().payload.unwrap(), b"hi");
    }
}

#[tokio::test]
async fn sailthru_is_sent_to_with_a_key_from_a_file_or_the_environment() {
    let service = PushService::start().await.unwrap();
    let app = service.sailthru("doors").unwrap();
    let mut device = app.register(None).unwrap();
    let token = device.token().to_json();
    let output = run(&["send", "hi"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("SAILTHRU_API_KEY"), "{}", output.stderr);
    let directory = Directory::new();
    let key_file = directory.file("key", format!("{}\n", app.api_key()));
    let base_url = app.base_url();
    for credential in [("SAILTHRU_API_KEY_FILE", &*key_file), ("SAILTHRU_API_KEY", app.api_key())] {
        let environment = [("SAILTHRU_BASE_URL", &*base_url), credential];
        let arguments = ["send", "hi", "--allow-loopback", "--sailthru-group", "by-hand"];
        let output = run(&arguments, &environment, token.as_bytes()).await;
        assert_eq!(
            (output.code, output.text()),
            (0, "accepted by sailthru\n"),
            "{}",
            output.stderr
        );
        assert_eq!(device.next().await.unwrap().payload.unwrap(), b"hi");
    }
}

#[tokio::test]
async fn klaviyo_is_sent_to_and_said_to_have_queued_it() {
    let service = PushService::start().await.unwrap();
    let account = service.klaviyo("doors").unwrap();
    account.add_flow("Sealed message");
    let mut device = account.register("user-7").unwrap();
    let token = device.token().to_json();
    let output = run(&["send", "hi"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("KLAVIYO_METRIC"), "{}", output.stderr);
    let base_url = account.base_url();
    let environment = [
        ("KLAVIYO_API_KEY", account.api_key()),
        ("KLAVIYO_METRIC", "Sealed message"),
        ("KLAVIYO_BASE_URL", &base_url),
    ];
    let output = run(&["send", "hi", "--allow-loopback"], &environment, token.as_bytes()).await;
    assert_eq!((output.code, output.text()), (0, "queued at klaviyo\n"), "{}", output.stderr);
    assert_eq!(device.next().await.unwrap().payload.unwrap(), b"hi");
    let json = ["send", "hi", "--allow-loopback", "--json"];
    let output = run(&json, &environment, token.as_bytes()).await;
    let outcome: Value = serde_json::from_str(output.text()).unwrap();
    assert_eq!(outcome["stage"], "queued", "{outcome}");
}

#[tokio::test]
async fn a_topic_is_published_to_with_the_key_file_of_a_service_account() {
    let service = PushService::start().await.unwrap();
    let project = service.pubsub("example-project");
    let mut receiver = project.subscribe("doors").unwrap();
    let token = receiver.token().to_json();
    let directory = Directory::new();
    let key_file = directory.file("account.json", project.service_account_json().unwrap());
    let base_url = project.base_url();
    let environment =
        [("GOOGLE_APPLICATION_CREDENTIALS", &*key_file), ("PUBSUB_BASE_URL", &base_url)];
    let output = run(&["send", "hi", "--allow-loopback"], &environment, token.as_bytes()).await;
    assert_eq!((output.code, output.text()), (0, "queued at pubsub\n"), "{}", output.stderr);
    assert_eq!(receiver.next().await.unwrap().payload.unwrap(), b"hi");
    let output = run(&["send", "hi"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("--pubsub-credentials"), "{}", output.stderr);
}
