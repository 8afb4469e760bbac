//! Three people, their browsers, and what becomes of their subscriptions. Offline: the push
//! services are embedded, and the program ends by itself.
//!
//! `cargo run -p axum-sqlite`

use std::net::SocketAddr;
use std::time::SystemTime;

use axum_sqlite::{DOUBT, Failure, Site};
use sealpush::clock::SetClock;
use sealpush::local::{Fault, Faults, PushService, UserAgent};
use sealpush::providers::WebPush;
use sealpush::transport::{HyperTransport, Transport};
use sealpush::{EndpointGuard, Message, Token};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("axum-sqlite-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let told = story(&folder.join("subscriptions.sqlite")).await;
    std::fs::remove_dir_all(&folder)?;
    told
}

async fn story(database: &std::path::Path) -> Result<(), Failure> {
    // In production: `EndpointGuard::public()`, which is the default, VAPID keys, a key of random
    // octets, `SystemClock`.
    let clock = SetClock::at(SystemTime::UNIX_EPOCH);
    let web_push = WebPush::builder().guard(EndpointGuard::loopback_for_tests()).build()?;
    let site = Site::open(database, [7; 32], web_push, clock.clone())?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(axum::serve(listener, site.clone().router()).into_future());

    // Two push services, because one of them is about to have trouble.
    let (service, other) = (PushService::start().await?, PushService::start().await?);
    let mut alice = UserAgent::connect(&service.websocket_url()).await?;
    let mut bob = UserAgent::connect(&service.websocket_url()).await?;
    let mut carol = UserAgent::connect(&other.websocket_url()).await?;
    let bobs = bob.subscribe(None).await?;
    let alices = alice.subscribe(None).await?.token();
    let carols = carol.subscribe(None).await?.token();
    for (who, token) in [("alice", &alices), ("bob", &bobs.token()), ("carol", &carols)] {
        tell(&format!("{who} subscribes"), at_the_door(address, token).await?);
    }
    tell("alice's page loads again", at_the_door(address, &alices).await?);
    tell("nonsense at the door", post(address, "{}").await?);

    let message = Message::new("The door is open.");
    tell("everybody is there", site.announce(&message).await?.summary);
    let opened = alice.next().await?.payload.unwrap_or_default();
    tell("alice reads", String::from_utf8_lossy(&opened));

    bob.unsubscribe(&bobs).await?;
    other.set_faults(Faults::seeded(7).with(1.0, Fault::status(404)));
    tell("bob has left, carol is doubted", site.announce(&message).await?.summary);
    tell("subscriptions", site.subscriptions().await?);
    assert_eq!(site.subscriptions().await?, 2);

    clock.advance(DOUBT);
    tell("three days later", site.announce(&message).await?.summary);
    tell("subscriptions", site.subscriptions().await?);
    assert_eq!(site.subscriptions().await?, 1);
    server.abort();
    Ok(())
}

fn tell(what: &str, came: impl std::fmt::Display) {
    println!("{what:<32}{came}");
}

/// What a page does with `PushSubscription.toJSON()`; the
/// answer's status.
async fn at_the_door(address: SocketAddr, token: &Token) -> Result<u16, Failure> {
    post(address, &token.to_json()).await
}

async fn post(address: SocketAddr, body: &str) -> Result<u16, Failure> {
    let browser = HyperTransport::builder().guard(EndpointGuard::loopback_for_tests()).build()?;
    let request = axum::http::Request::post(format!("http://{address}/subscriptions"));
    let answer = browser.send(request.body(body.to_owned().into())?).await?;
    Ok(answer.status().as_u16())
}
