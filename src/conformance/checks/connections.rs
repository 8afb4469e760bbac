//! A provider with an HTTP client of its own keeps few connections, and lets them go.

use std::time::Duration;

use crate::conformance::check::{Checked, checks, ensure, skip};
use crate::conformance::kit::Kit;

checks! { "connections";
    messages_in_a_row_share_a_connection:
        "100 messages one after another make four connections at most"
        because "each one costs a handshake, and push services count them";
    no_connection_is_left_behind:
        "when the provider is gone, so are its connections"
        because "descriptors run out, and a settings change makes a new provider";
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

fn needs_a_client(kit: &Kit) -> Checked {
    if kit.brings_a_client() { Ok(()) } else { skip("brings no HTTP client") }
}
