//! `Mock` keeps the promises that can be asked of a provider without a wire.

#![cfg(all(feature = "conformance", feature = "mock"))]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod support;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use sealpush::conformance::{Harness, Scenario, Vendor, Wire};
use sealpush::providers::Mock;
use sealpush::{PushProvider, Token, UserAgentKeys};

/// Keeps the mock that it handed out, to look at what reached it.
#[derive(Default)]
struct MockHarness(Mutex<Mock>);

impl Harness for MockHarness {
    fn provider(&self, _: &Vendor) -> Arc<dyn PushProvider> {
        // One mock for a whole check: its record is the vendor's.
        Arc::new(self.0.lock().unwrap().clone())
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        Mock::token(name, keys)
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        match scenario {
            Scenario::Accepted => vec![Response::new(Bytes::new())],
            _ => Vec::new(),
        }
    }

    fn body(&self, _: &Request<Bytes>) -> Option<Bytes> {
        None
    }

    fn wire(&self) -> Wire {
        Wire::None
    }

    fn checks_addresses(&self) -> bool {
        false
    }

    fn arrived(&self, _: &Vendor) -> Vec<Bytes> {
        let sent = self.0.lock().unwrap().sent();
        sent.into_iter().map(|sent| sent.message.body().clone()).collect()
    }
}

sealpush::conformance_tests!(bare, MockHarness::default());

#[test]
fn every_layer_keeps_the_promises() {
    support::every_layer::keeps_the_promises(MockHarness::default);
}
