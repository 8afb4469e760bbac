//! What the client and the layers add to a bare provider, and what a healthy origin feels of two
//! that are not.

#![allow(clippy::unwrap_used, reason = "a bench ends at the first surprise")]

mod cost;

use std::collections::BTreeMap;
use std::iter::repeat_n;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use sealpush::layers::{Retry, RetryPolicy, Timeout, Trace};
use sealpush::local::{Fault, Faults, PushService, RetryAfter, UserAgent};
use sealpush::providers::WebPush;
use sealpush::transport::HyperTransport;
use sealpush::{
    Accepted, Capabilities, Client, EndpointGuard, Message, ProviderId, PushProvider,
    PushProviderExt, Result, SealedMessage, Token, Ttl, UserAgentSecret,
};

fn main() {
    cost::print_setting(&["aws-lc-rs", "tokio", "tracing"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(overhead());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(beside_the_sick());
}

/// CPU time of one message through a provider that does nothing, bare and wrapped, interleaved.
async fn overhead() {
    let policy = RetryPolicy::default;
    let bare = Nothing;
    let layered = Trace::new(Retry::new(Timeout::new(Nothing, Duration::from_secs(15)), policy()));
    let provider = Trace::new(Timeout::new(Nothing, Duration::from_secs(15)));
    let client = Client::builder().provider(provider).retry(policy()).build().unwrap();
    let (token, message) = (token(), Message::new(vec![b'x'; 256]));

    let mut costs = BTreeMap::<&str, Vec<f64>>::new();
    for _ in 0..ROUNDS {
        let mut add = |name, cpu: Duration| {
            costs.entry(name).or_default().push(cpu.as_secs_f64() * 1e6 / MESSAGES as f64);
        };
        let started = cost::thread_cpu();
        for _ in 0..MESSAGES {
            bare.send_encrypted(&token, &message).await.unwrap();
        }
        add("bare", cost::thread_cpu() - started);

        let started = cost::thread_cpu();
        for _ in 0..MESSAGES {
            layered.send_encrypted(&token, &message).await.unwrap();
        }
        add("layers", cost::thread_cpu() - started);

        let started = cost::thread_cpu();
        for _ in 0..MESSAGES {
            client.send_encrypted(&token, &message).await.unwrap();
        }
        add("client", cost::thread_cpu() - started);

        let started = cost::thread_cpu();
        let jobs = stream::iter(0..MESSAGES).map(|n| (n, token.clone(), message.clone()));
        assert_eq!(client.send_many(jobs).count().await, MESSAGES);
        add("send_many", cost::thread_cpu() - started);
    }

    println!(
        "\nCPU µs per message, sealing included, a provider that does nothing, median of {ROUNDS}"
    );
    let bare = cost::median(costs["bare"].clone());
    for (name, what) in [
        ("bare", "the provider alone"),
        ("layers", "Trace(Retry(Timeout(provider)))"),
        ("client", "Client::send_encrypted, retry, Trace(Timeout(provider))"),
        ("send_many", "Client::send_many, the same"),
    ] {
        let cost = cost::median(costs[name].clone());
        println!("{cost:>8.2} {:>+7.2} µs  {what}", cost - bare);
    }
}

const ROUNDS: usize = 15;
const MESSAGES: usize = 5_000;

#[derive(Debug)]
struct Nothing;

#[async_trait]
impl PushProvider for Nothing {
    fn id(&self) -> ProviderId {
        ProviderId::from_static("webpush")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(4096).with_ttl()
    }

    async fn send(&self, token: &Token, _: &SealedMessage) -> Result<Accepted> {
        token.require(&self.id())?;
        Ok(Accepted::new(self.id()))
    }
}

fn token() -> Token {
    let keys = UserAgentSecret::generate().unwrap().keys().clone();
    let address = BTreeMap::from([("endpoint", "https://push.example.net/p/abcdefghijklmnop")]);
    Token::new(ProviderId::from_static("webpush"), &address, keys).unwrap()
}

/// Latency of a healthy origin, from intake to outcome, alone and beside one that hangs and one
/// that answers 429 to everything, each with as many messages. Over loopback HTTP.
async fn beside_the_sick() {
    let healthy = PushService::start().await.unwrap();
    let (well, fit) = (PushService::start().await.unwrap(), PushService::start().await.unwrap());
    let (hanging, flooding) =
        (PushService::start().await.unwrap(), PushService::start().await.unwrap());
    let settings = [
        ("alone", vec![&healthy]),
        ("beside two well ones", vec![&healthy, &well, &fit]),
        ("beside two sick ones", vec![&healthy, &hanging, &flooding]),
    ];
    let mut runs = settings.each_ref().map(|_| Vec::new());
    for _ in 0..5 {
        // Well first, so that they have come to many requests at once.
        hanging.set_faults(after_a_while(Fault::Latency(Duration::from_secs(3600))));
        flooding.set_faults(after_a_while(Fault::retry_after(429, RetryAfter::Seconds(30))));
        for (runs, (_, services)) in runs.iter_mut().zip(&settings) {
            runs.push(latencies(services).await);
        }
    }
    println!("\nlatency of a healthy origin at {PER_SECOND} messages/s, ms, median of 5 runs");
    println!("{:>20} {:>8} {:>8}", "", "median", "p99");
    for ((name, _), runs) in settings.iter().zip(runs) {
        let at = |part| cost::median(runs.iter().map(|run| quantile(run, part)).collect());
        println!("{name:>20} {:>8.2} {:>8.2}", at(0.5), at(0.99));
    }
}

fn after_a_while(fault: Fault) -> Faults {
    Faults::script(repeat_n(Fault::None, 100).chain(repeat_n(fault, 10_000)))
}

/// Sorted, in milliseconds.
async fn latencies(services: &[&PushService]) -> Vec<f64> {
    let transport = HyperTransport::builder()
        .guard(EndpointGuard::loopback_for_tests())
        .http2_prior_knowledge()
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let provider = WebPush::builder()
        .guard(EndpointGuard::loopback_for_tests())
        .transport(transport)
        .build()
        .unwrap();
    let client = Client::builder()
        .provider(provider)
        .retry(RetryPolicy::default())
        .queue(NonZeroUsize::new(10_000).unwrap())
        .build()
        .unwrap();
    let mut tokens = Vec::new();
    for service in services {
        let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
        tokens.push(user_agent.subscribe(None).await.unwrap().token());
        user_agent.disconnect().await;
    }

    let message = Message::new(vec![b'x'; 256]).with_ttl(Ttl::NOW);
    let ticks = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    let rounds = stream::unfold(ticks, async |mut ticks| {
        ticks.tick().await;
        Some((Instant::now(), ticks))
    });
    let jobs = rounds.flat_map(|at| {
        stream::iter(tokens.iter().enumerate())
            .map(move |(service, token)| (service, at, token.clone()))
    });
    let jobs = jobs.map(|(service, at, token)| ((service, at), token, message.clone()));
    let mut outcomes = client.send_many(Box::pin(jobs));
    let mut latencies = Vec::new();
    while latencies.len() < 4 * PER_SECOND as usize {
        let ((service, at), outcome) = outcomes.next().await.unwrap();
        if service == 0 {
            outcome.unwrap();
            latencies.push(at.elapsed().as_secs_f64() * 1e3);
        }
    }
    latencies.sort_by(f64::total_cmp);
    latencies
}

fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * fraction) as usize]
}

const PER_SECOND: u32 = 400;
