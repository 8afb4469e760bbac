//! The main job, offline: seal a message, push it through the embedded push service, open it.
//!
//! `cargo run --example send_encrypted`

use sealpush::local::{PushService, UserAgent};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::{EndpointGuard, Message, PushProviderExt, Urgency};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The push service and the user agent would be Mozilla's, Google's or Apple's.
    let service = PushService::builder().start().await?;
    let vapid_key = VapidKey::generate()?;
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await?;
    let subscription = user_agent.subscribe(Some(&vapid_key.public_key_base64())).await?;

    // The application server: what you write.
    // For real push services, `VapidKeys::new` with a contact of yours, and without `guard`.
    let webpush = WebPush::builder()
        .vapid(VapidKeys::for_loopback(vapid_key))
        .guard(EndpointGuard::loopback_for_tests())
        .build()?;
    let token = subscription.token();
    let text = "The door is open.";
    let message = Message::new(text).with_urgency(Urgency::High);
    let accepted = webpush.send_encrypted(&token, &message).await?;

    let delivery = user_agent.next().await?;
    let opened = delivery.payload.unwrap_or_default();

    println!("push service    {}", service.origin());
    println!("token           {token:?}");
    println!("message         {} octets, padded to hide the length", text.len());
    for request in service.requests().iter().filter(|request| request.method == "POST") {
        println!("request         POST to the push resource, {} octets", request.body_len);
        for name in ["ttl", "urgency", "content-encoding", "authorization"] {
            if let Some(value) = request.headers.get(name) {
                let value: String = value.to_str()?.chars().take(40).collect();
                println!("                {name}: {value}");
            }
        }
        println!("answer          {}", request.status.map_or(0, |status| status.as_u16()));
    }
    println!("accepted        by {}", accepted.provider);
    println!("opened          {}", String::from_utf8_lossy(&opened));
    assert_eq!(opened, text.as_bytes());
    Ok(())
}
