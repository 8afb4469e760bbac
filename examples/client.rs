//! One client for everything an application sends: retries, a time limit, a word on each attempt.
//!
//! `cargo run --example client`

use std::time::Duration;

use sealpush::layers::{RetryPolicy, Timeout, Trace};
use sealpush::local::{Fault, Faults, PushService, UserAgent};
use sealpush::providers::WebPush;
use sealpush::{Client, EndpointGuard, Message};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = PushService::start().await?;
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await?;
    let token = user_agent.subscribe(None).await?.token();

    // Layers go around a provider, outermost first: this reports each attempt to `tracing`, and an
    // attempt takes 15 seconds at most. The client repeats what may succeed later.
    let webpush = WebPush::builder().guard(EndpointGuard::loopback_for_tests()).build()?;
    let client = Client::builder()
        .provider(Trace::new(Timeout::new(webpush, Duration::from_secs(15))))
        .retry(RetryPolicy::default())
        .build()?;

    // The push service has two bad moments.
    service.set_faults(Faults::script([Fault::status(503), Fault::status(503)]));
    client.send_encrypted(&token, &Message::new("The door is open.")).await?;

    let answers: Vec<u16> = service
        .requests()
        .iter()
        .filter(|request| request.method == "POST")
        .filter_map(|request| request.status.map(|status| status.as_u16()))
        .collect();
    let opened = user_agent.next().await?.payload.unwrap_or_default();
    println!("answers         {answers:?}");
    println!("opened          {}", String::from_utf8_lossy(&opened));
    assert_eq!(answers, [503, 503, 201]);
    Ok(())
}
