//! Sealing and opening 256 octets on the crypto backend that is compiled in: the default one with
//! `cargo bench --bench seal`, the portable one with
//! `cargo bench --manifest-path .ci/core-only/Cargo.toml`.

#![allow(clippy::unwrap_used, reason = "a bench ends at the first surprise")]

mod cost;

use sealpush::{Padding, UserAgentSecret, open, seal};

fn main() {
    cost::print_setting(&["aws-lc-rs", "p256"]);
    let secret = UserAgentSecret::generate().unwrap();
    let text = [b'x'; 256];
    let body = seal(secret.keys(), &text, Padding::None).unwrap();
    let body = body.as_ref().to_vec();
    assert_eq!(open(&secret, &body).unwrap(), text);

    let (mut sealing, mut opening) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        sealing.push(cpu_micros(|| drop(seal(secret.keys(), &text, Padding::None).unwrap())));
        opening.push(cpu_micros(|| drop(open(&secret, &body).unwrap())));
    }
    for (name, costs) in [("seal", sealing), ("open", opening)] {
        let micros = cost::median(costs);
        println!("{name} {micros:>8.1} µs CPU, {:>7.0} messages per CPU second", 1e6 / micros);
    }
}

/// CPU time of one call, from many.
fn cpu_micros(work: impl Fn()) -> f64 {
    let started = cost::thread_cpu();
    (0..CALLS).for_each(|_| work());
    (cost::thread_cpu() - started).as_secs_f64() * 1e6 / f64::from(CALLS)
}

const ROUNDS: usize = 15;
const CALLS: u32 = 1_000;
