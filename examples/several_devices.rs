//! One person, several devices: the first that takes the message is enough, and nobody is notified
//! twice.
//!
//! `cargo run --example several_devices`

use sealpush::local::{PushService, UserAgent};
use sealpush::providers::WebPush;
use sealpush::{Client, EndpointGuard, Message};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = PushService::start().await?;
    let mut old_phone = UserAgent::connect(&service.websocket_url()).await?;
    let mut laptop = UserAgent::connect(&service.websocket_url()).await?;
    let left = old_phone.subscribe(None).await?;
    // In the order in which they are to be tried. They may belong to different providers.
    let tokens = [left.token(), laptop.subscribe(None).await?.token()];
    old_phone.unsubscribe(&left).await?;

    let client = Client::builder()
        .provider(WebPush::builder().guard(EndpointGuard::loopback_for_tests()).build()?)
        .build()?;
    let first = client.send_first(&tokens, &Message::new("The door is open.")).await;

    for (token, error) in first.failures() {
        let what = if error.is_token_dead() { "delete" } else { "keep" };
        println!("{what:<15} {token:?}: {error}");
    }
    assert_eq!(first.failures().len(), 1);
    let accepted = first.into_result()?;
    let opened = laptop.next().await?.payload.unwrap_or_default();
    println!("accepted        by {}", accepted.provider);
    println!("opened          {} on the laptop", String::from_utf8_lossy(&opened));
    Ok(())
}
