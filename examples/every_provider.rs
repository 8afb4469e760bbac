//! One message to a device behind every push service, through one client: each opens it.
//!
//! `cargo run --example every_provider`

use futures_util::{StreamExt, stream};
use sealpush::local::{PushService, UserAgent};
use sealpush::providers::apns::AuthKey;
use sealpush::providers::fcm::ServiceAccount;
use sealpush::providers::pubsub;
use sealpush::providers::{Apns, Fcm, Klaviyo, Mock, OneSignal, PubSub, Sailthru, WebPush};
use sealpush::{Client, EndpointGuard, Message, UserAgentSecret, open};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Doubles of all of them on one port, with a device each.
    let service = PushService::start().await?;
    let mut browser = UserAgent::connect(&service.websocket_url()).await?;
    let subscription = browser.subscribe(None).await?;
    let apple = service.apns("com.example.door")?;
    let firebase = service.fcm("example-project");
    let onesignal = service.onesignal("0a0a0a0a-0000-4000-8000-0123456789ab")?;
    let google_cloud = service.pubsub("example-project");
    let sailthru = service.sailthru("doors")?;
    let klaviyo = service.klaviyo("doors")?;
    klaviyo.add_flow("Sealed message");
    let mut on_apple = apple.register()?;
    let mut on_firebase = firebase.register(sealpush::local::Platform::Android)?;
    let mut on_onesignal = onesignal.register(None)?;
    let mut on_pubsub = google_cloud.subscribe("doors")?;
    let mut on_sailthru = sailthru.register(None)?;
    let mut on_klaviyo = klaviyo.register("user-7")?;
    let (mock, on_mock) = (Mock::new(), UserAgentSecret::generate()?);

    let guard = EndpointGuard::loopback_for_tests;
    let key = AuthKey::from_pem(&apple.private_key_pem(), &apple.key_id(), &apple.team_id())?;
    let account = ServiceAccount::from_json(&firebase.service_account_json()?)?;
    let worker = pubsub::ServiceAccount::from_json(&google_cloud.service_account_json()?)?;
    let url = service.origin();
    let client = Client::builder()
        .provider(
            Apns::builder()
                .auth_key(key)
                .bundle_id(apple.bundle_id())
                .base_url(url)
                .guard(guard())
                .build()?,
        )
        .provider(Fcm::builder().credentials(account).base_url(url).guard(guard()).build()?)
        .provider(
            Klaviyo::builder()
                .api_key(klaviyo.api_key())
                .metric("Sealed message".parse()?)
                .base_url(url)
                .guard(guard())
                .build()?,
        )
        .provider(mock.clone())
        .provider(
            OneSignal::builder()
                .app_id(onesignal.app_id().parse()?)
                .api_key(onesignal.api_key())
                .base_url(url)
                .guard(guard())
                .build()?,
        )
        .provider(
            PubSub::builder()
                .credentials(worker)
                .project_id("example-project".parse()?)
                .base_url(url)
                .guard(guard())
                .build()?,
        )
        .provider(
            Sailthru::builder().api_key(sailthru.api_key()).base_url(url).guard(guard()).build()?,
        )
        .provider(WebPush::builder().guard(guard()).build()?)
        .build()?;

    // Fits behind each of them: the smallest takes 1424 octets, two know no TTL and no urgency.
    let message = Message::new("The door is open.");
    let tokens = [
        on_apple.token(),
        on_firebase.token(),
        on_klaviyo.token(),
        Mock::token("on the desk", on_mock.keys().clone()),
        on_onesignal.token(),
        on_pubsub.token(),
        on_sailthru.token(),
        subscription.token(),
    ];
    let count = tokens.len();
    let jobs = tokens.map(|token| (token.provider().clone(), token, message.clone()));
    let mut outcomes = client.send_many(stream::iter(jobs));
    println!("{:<10} {:<7} opened there", "through", "stage");
    let mut opened = 0;
    while let Some((provider, outcome)) = outcomes.next().await {
        let stage = outcome?.stage;
        let payload = match provider.as_str() {
            "apns" => on_apple.next().await?.payload,
            "fcm" => on_firebase.next().await?.payload,
            "klaviyo" => on_klaviyo.next().await?.payload,
            "mock" => {
                let sent = mock.sent().pop().ok_or("the mock got nothing")?;
                Some(open(&on_mock, sent.message.body())?)
            }
            "onesignal" => on_onesignal.next().await?.payload,
            "pubsub" => on_pubsub.next().await?.payload,
            "sailthru" => on_sailthru.next().await?.payload,
            _ => browser.next().await?.payload,
        };
        let payload = payload.unwrap_or_default();
        assert_eq!(payload, b"The door is open.");
        opened += 1;
        let text = String::from_utf8_lossy(&payload);
        println!("{:<10} {:<7} {text}", provider.as_str(), stage.as_str());
    }
    assert_eq!(opened, count);
    Ok(())
}
