//! An outbox in a file: the process that took the messages dies, another one sends them.
//!
//! `cargo run --example outbox`

use std::time::Duration;

use futures_util::StreamExt;
use sealpush::local::{Fault, Faults, PushService, UserAgent};
use sealpush::outbox::{KeyRing, Letter, Outbox, ParcelId, Sqlite, Verdict};
use sealpush::providers::WebPush;
use sealpush::{Client, EndpointGuard, Message};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = PushService::start().await?;
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await?;
    let token = user_agent.subscribe(None).await?.token();
    let webpush = WebPush::builder().guard(EndpointGuard::loopback_for_tests()).build()?;
    let client = Client::builder().provider(webpush).build()?;

    // The operator's secret, kept apart from the file.
    let keys = KeyRing::generate()?;
    let path = std::env::temp_dir().join(format!("{}.db", ParcelId::random()?));

    // This one stands for a process that dies: what it has added is in the file, nothing else of it
    // remains.
    let outbox = Outbox::builder(Sqlite::open(&path).await?, keys.clone()).build();
    for number in 1..=3 {
        let sealed = client.seal(&token, &Message::new(format!("message {number}")))?;
        let letter = Letter::new(token.clone(), sealed).with_tag(format!("user-{number}").parse()?);
        outbox.add([letter]).await?;
    }
    drop(outbox);

    // And this for the next one, in which the push service has a bad moment.
    service.set_faults(Faults::script([Fault::status(503)]));
    let outbox = Outbox::builder(Sqlite::open(&path).await?, keys)
        .backoff(Duration::from_millis(100), Duration::from_secs(60))
        .build();
    let mut run = outbox.run(client);
    for _ in 0..3 {
        let Some(outcome) = run.next().await.transpose()? else { break };
        let tag = outcome.tag.as_ref().map_or("", |tag| tag.as_str());
        println!("{tag}: {} after {} attempts", outcome.verdict, outcome.attempts);
        assert_eq!(outcome.verdict, Verdict::Accepted);
    }
    run.drain(Duration::from_secs(5)).await;
    let status = outbox.status().await?;
    println!("{} accepted, {} open", status.accepted, status.open());
    assert_eq!((status.accepted, status.open()), (3, 0));

    drop((run, outbox));
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    Ok(())
}
