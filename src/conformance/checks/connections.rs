//! A provider with an HTTP client of its own keeps few connections, and lets them go.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::conformance::again::Place;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::kit::Kit;

checks! { "connections";
    messages_in_a_row_share_a_connection:
        "100 messages one after another make four connections at most"
        because "each one costs a handshake, and push services count them";
    no_connection_is_left_behind:
        "when the provider is gone, so are its connections"
        because "descriptors run out, and a settings change makes a new provider";
    proxies_of_the_environment_are_not_used:
        "a proxy that the environment names is not asked for"
        because "whoever sets a variable would get the addresses, and decide who is reached";
}

async fn messages_in_a_row_share_a_connection(kit: Kit) -> Checked {
    needs_a_client(&kit)?;
    let (provider, token) = (kit.provider(), kit.token());
    kit.script([kit.accepted()]);
    for _ in 0..100 {
        kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    }
    let (opened, _) = kit.vendor.connections();
    ensure(opened <= 4, || format!("{opened} connections were made"))
}

async fn no_connection_is_left_behind(kit: Kit) -> Checked {
    needs_a_client(&kit)?;
    let (provider, token) = (kit.provider(), kit.token());
    kit.script([kit.accepted()]);
    kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    drop(provider);
    for _ in 0..500 {
        if kit.vendor.connections().1 == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (_, open) = kit.vendor.connections();
    ensure(open == 0, || format!("{open} connections are there after 5 s"))
}

async fn proxies_of_the_environment_are_not_used(kit: Kit) -> Checked {
    needs_a_client(&kit)?;
    let again = match &*kit.place {
        // Whatever comes of it: who was asked is seen by the other process.
        Place::Apart => return kit.attempt(kit.accepted()).await.map(drop),
        Place::Here(Some(again)) => again,
        Place::Here(None) => return skip(NO_WAY),
    };
    let Some(canary) = Canary::sing() else { return fail("no loopback port is free") };
    let set: Vec<_> = PROXIES.iter().map(|name| (*name, canary.url.as_str())).collect();
    let unset = ["NO_PROXY", "no_proxy", "REQUEST_METHOD"];
    let ended = again.start("proxies_of_the_environment_are_not_used", &set, &unset);
    let asked = canary.asked.load(Ordering::Relaxed);
    ensure(asked == 0, || format!("the proxy was asked {asked} times"))?;
    ended?.verdict()
}

/// A proxy that counts who comes, and answers nobody.
struct Canary {
    url: String,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Canary {
    fn sing() -> Option<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        listener.set_nonblocking(true).ok()?;
        let url = format!("http://{}", listener.local_addr().ok()?);
        let (asked, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let canary = Self { url, asked: asked.clone(), over: over.clone() };
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok(_) => drop(asked.fetch_add(1, Ordering::Relaxed)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    Err(_) => return,
                }
            }
        });
        Some(canary)
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn needs_a_client(kit: &Kit) -> Checked {
    if kit.brings_a_client() { Ok(()) } else { skip("brings no HTTP client") }
}

/// The variables by which HTTP clients find a proxy.
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// Why a check that needs a second process was not asked.
pub(crate) const NO_WAY: &str =
    "needs a process of its own, and how to start one is not known here; see `Harness::again`";
