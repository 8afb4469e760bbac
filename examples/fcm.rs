//! From a service account's key file to a text that only the app can read.
//!
//! `cargo run --example fcm` sends through the double of FCM to a device in this process.
//!
//! `cargo run --example fcm -- browser` sends through the double to the service worker of
//! `examples/web-receiver` in your browser. No account needed; its README has the steps.
//!
//! `GOOGLE_APPLICATION_CREDENTIALS=service-account.json cargo run --example fcm -- token.json`
//! sends through Google to your own app, whose token file is
//! `{"provider":"fcm","token":"…","keys":{"p256dh":"…","auth":"…"}}`: the registration token that
//! Firebase gave to the app, and the public half of the keys that the app made.

use std::error::Error;
use std::io;

use sealpush::local::PushService;
use sealpush::local::{FcmProject, Platform};
use sealpush::notification::Notification;
use sealpush::providers::Fcm;
use sealpush::providers::fcm::{ApplicationDefault, ServiceAccount};
use sealpush::{EndpointGuard, Message, MessageId, PushProviderExt, Token, Urgency};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => through_the_double().await,
        Some("browser") => through_the_double_to_a_browser().await,
        Some(token_file) => through_google(&std::fs::read_to_string(token_file)?.parse()?).await,
    }
}

async fn through_google(token: &Token) -> Result<(), Box<dyn Error>> {
    let fcm = Fcm::builder().credentials(ApplicationDefault::find().await?).build()?;
    println!("project         {}", fcm.project_id());
    send(&fcm, token).await
}

async fn through_the_double() -> Result<(), Box<dyn Error>> {
    // Google's side, and a phone with the app on it.
    let service = PushService::start().await?;
    let project = service.fcm("example-project");
    let mut device = project.register(Platform::Android)?;

    let fcm = sender(&project)?;
    println!("project         {}, at the double on {}", fcm.project_id(), service.origin());
    send(&fcm, &device.token()).await?;

    for request in service.requests() {
        println!("request         {:?}, {} octets", request.kind, request.body_len);
    }
    let delivery = device.next().await?;
    for (name, value) in &delivery.data {
        let start: String = value.chars().take(40).collect();
        println!("FCM saw         {name}: {start}… ({} characters)", value.len());
    }
    let opened = delivery.payload.unwrap_or_default();
    println!("the app opened  {}", String::from_utf8_lossy(&opened));
    assert_eq!(Notification::from_json(&opened)?.title(), TITLE);
    Ok(())
}

async fn through_the_double_to_a_browser() -> Result<(), Box<dyn Error>> {
    let service = PushService::start().await?;
    let project = service.fcm("example-project");
    let mut device = project.register(Platform::Web)?;
    let registration_token = device.token().expose("token").unwrap_or_default().to_owned();
    println!("Give this registration token to the page:\n\n{registration_token}\n");

    println!("Paste the token that the page makes, and press Enter:\n");
    let mut token = String::new();
    io::stdin().read_line(&mut token)?;
    send(&sender(&project)?, &token.trim().parse()?).await?;

    // Google would encrypt this once more for the browser's push service, which opens that part.
    let push = json!({ "from": "1234567890", "data": device.next_data().await? });
    println!("\nPush this text to the service worker, from the developer tools:\n\n{push}");
    Ok(())
}

/// The application server: what you write. With a key file of your own it is
/// `ServiceAccount::from_file("service-account.json")`, without base URL and guard.
fn sender(project: &FcmProject) -> sealpush::Result<Fcm> {
    Fcm::builder()
        .credentials(ServiceAccount::from_json(&project.service_account_json()?)?)
        .base_url(project.base_url())
        .guard(EndpointGuard::loopback_for_tests())
        .build()
}

async fn send(fcm: &Fcm, token: &Token) -> Result<(), Box<dyn Error>> {
    println!("token           {token:?}");
    // The receivers in `examples/` show a `Notification`, and nothing for a text without that form.
    let notification = Notification::new(TITLE, "/".parse()?).with_body("Since five minutes.");
    let message = Message::from(notification).with_urgency(Urgency::High);
    let accepted = fcm.send_encrypted(token, &message).await?;
    println!("accepted        as {}", accepted.message_id.as_ref().map_or("", MessageId::expose));
    Ok(())
}

const TITLE: &str = "The door is open.";
