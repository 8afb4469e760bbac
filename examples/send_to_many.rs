//! The same message to many people: bounded memory, a line of progress, a summary, and the tokens
//! to delete.
//!
//! `cargo run --example send_to_many`

use std::io::{IsTerminal, Write, stderr};

use futures_util::StreamExt;
use sealpush::client::Summary;
use sealpush::layers::RetryPolicy;
use sealpush::local::{Fault, Faults, PushService, UserAgent};
use sealpush::providers::WebPush;
use sealpush::{Client, EndpointGuard, Message};

const PEOPLE: u32 = 200;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A push service where one request in twenty is refused for the moment, and some people who
    // have left.
    let service = PushService::start().await?;
    service.set_faults(Faults::seeded(7).with(0.05, Fault::status(503)));
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await?;
    let mut tokens = Vec::new();
    for person in 0..PEOPLE {
        let subscription = user_agent.subscribe(None).await?;
        tokens.push((person, subscription.token()));
        if person % 50 == 0 {
            user_agent.unsubscribe(&subscription).await?;
        }
    }

    let client = Client::builder()
        .provider(WebPush::builder().guard(EndpointGuard::loopback_for_tests()).build()?)
        .retry(RetryPolicy::default())
        .build()?;
    // The number is the key of your own by which you know the person; it comes back with the
    // outcome, in the order in which they finish.
    let message = Message::new("The door is open.");
    let jobs = tokens.into_iter().map(|(person, token)| (person, token, message.clone()));
    let mut outcomes = client.send_all(jobs);
    let (mut summary, mut gone) = (Summary::default(), Vec::new());
    while let Some((person, outcome)) = outcomes.next().await {
        summary.add(&outcome);
        if outcome.is_err_and(|error| error.is_token_dead()) {
            gone.push(person);
        }
        if stderr().is_terminal() {
            eprint!("\r{} of {PEOPLE}", summary.total());
            stderr().flush()?;
        }
    }
    gone.sort_unstable();
    println!("\nsummary         {summary}");
    println!("delete          the tokens of {gone:?}");
    assert_eq!(gone, [0, 50, 100, 150]);
    Ok(())
}
