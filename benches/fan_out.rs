//! `Client::send_many` through `WebPush` to the embedded push service, over cleartext HTTP/2.
//!
//! `cargo bench --bench fan_out -- 10000 100000 1000000` prints, for each number of messages, how
//! fast they went and what they cost the sender: the service runs in a process of its own, and so
//! does each run, so that its peak memory is its own.

#![allow(clippy::unwrap_used, reason = "a bench ends at the first surprise")]

mod cost;

use std::io::{BufRead, BufReader, Write, stdin};
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use futures_util::{StreamExt, stream};
use sealpush::layers::{RetryPolicy, Trace};
use sealpush::local::{PushService, UserAgent};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::transport::{HyperTransport, ReqwestTransport};
use sealpush::{Client, EndpointGuard, Message, Token, Ttl};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match arguments.first().map(String::as_str) {
        Some("serve") => runtime.block_on(serve()),
        Some("send") => {
            // As a task: the thread in `block_on` would be woken from outside for every outcome.
            let transport = TRANSPORTS.into_iter().find(|name| *name == arguments[2]).unwrap();
            let sending = runtime.spawn(send(arguments[1].parse().unwrap(), transport));
            runtime.block_on(sending).unwrap();
        }
        None => compare(&[10_000, 100_000]),
        Some(_) => compare(&arguments.iter().map(|n| n.parse().unwrap()).collect::<Vec<_>>()),
    }
}

/// Runs every number of messages in a process of its own.
fn compare(counts: &[usize]) {
    cost::print_setting(&["aws-lc-rs", "h2", "hyper", "reqwest", "tokio"]);
    println!("{} in flight over {} connections, 256 octets of text", IN_FLIGHT, CONNECTIONS);
    println!(
        "{:>9} {:>9} {:>9} {:>12} {:>18} {:>10}",
        "transport", "messages", "seconds", "messages/s", "CPU µs/message", "peak MiB"
    );

    let mut service = child(&["serve"]);
    let mut tokens = String::new();
    let mut lines = BufReader::new(service.stdout.take().unwrap());
    for _ in 0..SUBSCRIPTIONS {
        lines.read_line(&mut tokens).unwrap();
    }
    // In turn, so that what else the machine does meets both.
    let runs = counts.iter().flat_map(|count| TRANSPORTS.map(|transport| (count, transport)));
    for (count, transport) in runs {
        let mut sender = child(&["send", &count.to_string(), transport]);
        sender.stdin.take().unwrap().write_all(tokens.as_bytes()).unwrap();
        let output = sender.wait_with_output().unwrap();
        assert!(output.status.success());
        print!("{}", String::from_utf8(output.stdout).unwrap());
    }
    // Its input ends, and so does it.
    drop(service.stdin.take());
    assert!(service.wait().unwrap().success());
}

fn child(arguments: &[&str]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Prints the tokens of user agents that are away, and serves until the input ends.
async fn serve() {
    let service = PushService::start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    for _ in 0..SUBSCRIPTIONS {
        println!("{}", user_agent.subscribe(None).await.unwrap().token().to_json());
    }
    user_agent.disconnect().await;
    tokio::task::spawn_blocking(|| stdin().read_line(&mut String::new())).await.unwrap().unwrap();
}

async fn send(count: usize, transport: &str) {
    let tokens: Vec<Token> = stdin().lines().map(|line| line.unwrap().parse().unwrap()).collect();
    let subject = "mailto:bench@push-bench.net".parse().unwrap();
    let (guard, key) = (EndpointGuard::loopback_for_tests(), VapidKey::generate().unwrap());
    let connections = NonZeroUsize::new(CONNECTIONS).unwrap();
    let provider = WebPush::builder().vapid(VapidKeys::new(subject, key));
    let provider = match transport {
        "hyper" => {
            let builder = HyperTransport::builder().guard(guard).http2_prior_knowledge();
            provider.transport(builder.connections(connections).build().unwrap())
        }
        _ => {
            let builder = ReqwestTransport::builder().guard(guard).http2_prior_knowledge();
            provider.transport(builder.connections(connections).build().unwrap())
        }
    };
    let provider = provider.build().unwrap();
    let client = Client::builder()
        .provider(Trace::new(provider))
        .retry(RetryPolicy::default())
        .in_flight(NonZeroUsize::new(IN_FLIGHT).unwrap())
        .in_flight_per_origin(NonZeroUsize::new(IN_FLIGHT).unwrap())
        .build()
        .unwrap();

    // Dropped by the service at once: nobody is there.
    let message = Message::new(vec![b'x'; 256]).with_ttl(Ttl::NOW);
    let (started, cpu) = (Instant::now(), cost::process_cpu());
    let jobs =
        stream::iter(0..count).map(|n| (n, tokens[n % tokens.len()].clone(), message.clone()));
    let mut outcomes = client.send_many(jobs);
    let mut sent = 0;
    while let Some((_, outcome)) = outcomes.next().await {
        outcome.unwrap();
        sent += 1;
    }
    assert_eq!(sent, count);
    let (took, cpu) = (started.elapsed().as_secs_f64(), cost::process_cpu() - cpu);
    println!(
        "{transport:>9} {count:>9} {took:>9.2} {:>12.0} {:>18.1} {:>10.1}",
        count as f64 / took,
        cpu.as_secs_f64() * 1e6 / count as f64,
        cost::peak_memory(),
    );
}

const TRANSPORTS: [&str; 2] = ["hyper", "reqwest"];
const IN_FLIGHT: usize = 256;
const CONNECTIONS: usize = 4;
const SUBSCRIPTIONS: usize = 64;
