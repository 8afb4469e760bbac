//! A transport of your own: here one that counts octets on their way out. The same door takes
//! another HTTP library, a proxy, or a record of what would have been sent.
//!
//! `cargo run --example own_transport`

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::local::{PushService, UserAgent};
use sealpush::providers::WebPush;
use sealpush::transport::{HyperTransport, Transport};
use sealpush::{EndpointGuard, Message, PushProviderExt};

/// Counts what another transport sends. Like every layer it takes and gives the same types.
#[derive(Debug)]
struct Counted<T> {
    inner: T,
    octets: Arc<AtomicUsize>,
}

#[async_trait]
impl<T: Transport> Transport for Counted<T> {
    async fn send(&self, request: Request<Bytes>) -> sealpush::Result<Response<Bytes>> {
        // The URL is a capability, whoever knows it can push: never print it.
        self.octets.fetch_add(request.body().len(), Ordering::Relaxed);
        self.inner.send(request).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = PushService::start().await?;
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await?;
    let token = user_agent.subscribe(None).await?.token();

    // The guard belongs to what opens connections: addresses come from strangers.
    let inner = HyperTransport::builder().guard(EndpointGuard::loopback_for_tests()).build()?;
    let octets = Arc::new(AtomicUsize::new(0));
    let counted = Counted { inner, octets: Arc::clone(&octets) };
    let webpush = WebPush::builder().transport(counted).build()?;

    for text in ["short", "a little longer", &"x".repeat(1000)] {
        webpush.send_encrypted(&token, &Message::new(text)).await?;
        user_agent.next().await?;
        println!(
            "{:>5} octets of text, {:>5} sent so far",
            text.len(),
            octets.load(Ordering::Relaxed)
        );
    }
    // Padding hides which of the first two was longer.
    assert_eq!(octets.load(Ordering::Relaxed), 512 + 512 + 1500);
    Ok(())
}
