//! A new VAPID key, without losing those who subscribed with the old one: a token names the key
//! that its browser subscribed with, and both sign until the tokens are renewed.
//!
//! `cargo run --example rotate_vapid_key`

use sealpush::local::{PushService, UserAgent};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::{EndpointGuard, ErrorKind, Message, PushProviderExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = PushService::start().await?;
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await?;
    let (old, new) = (VapidKey::generate()?, VapidKey::generate()?);
    let subscribed_last_year = user_agent.subscribe(Some(&old.public_key_base64())).await?.token();
    let subscribed_today = user_agent.subscribe(Some(&new.public_key_base64())).await?.token();

    let build =
        |keys| WebPush::builder().vapid(keys).guard(EndpointGuard::loopback_for_tests()).build();
    let copy = VapidKey::from_base64(&new.expose_private_key_base64())?;
    // For real push services, `VapidKeys::new` with a contact of yours, and without `guard`.
    // Pages subscribe with the public half of the first key; the older ones only sign.
    let both = build(VapidKeys::for_loopback(new).with_key(old))?;
    let only_new = build(VapidKeys::for_loopback(copy))?;

    let message = Message::new("The door is open.");
    for token in [&subscribed_last_year, &subscribed_today] {
        both.send_encrypted(token, &message).await?;
        user_agent.next().await?;
        println!("both keys       {token:?}: accepted");
    }
    // Without the old key its tokens are not dead, only not ours to reach: they are kept.
    let refused = only_new.send_encrypted(&subscribed_last_year, &message).await;
    let error = refused.expect_err("the token is of a key that is not in the ring");
    println!("new key only    {subscribed_last_year:?}: {error}");
    assert_eq!(error.kind(), ErrorKind::TokenMismatch);
    assert!(!error.is_token_dead());
    Ok(())
}
