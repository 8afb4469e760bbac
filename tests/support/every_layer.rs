//! Every layer of the crate, to put a provider behind it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use sealpush::PushProvider;
use sealpush::conformance::{Harness, behind, run};
use sealpush::layers::{Failover, Rate, RateLimit, Retry, RetryPolicy, Timeout, Trace};

type Provider = Arc<dyn PushProvider>;

/// Asks a provider for every promise, behind each layer and behind all of them.
pub(crate) fn keeps_the_promises<H: Harness>(harness: impl Fn() -> H) {
    for (layer, wrap) in [
        ("failover", failover as fn(Provider) -> Provider),
        ("rate limit", rate_limit),
        ("timeout", timeout),
        ("trace", trace),
    ] {
        let report = run(behind(harness(), wrap));
        assert!(report.is_ok(), "behind {layer}: {report}");
    }
    for (layers, wrap) in [("retry", retry as fn(Provider) -> Provider), ("all layers", all)] {
        let report = run(behind(harness(), wrap).repeating());
        assert!(report.is_ok(), "behind {layers}: {report}");
    }
}

fn failover(provider: Provider) -> Provider {
    Arc::new(Failover::new([provider]).unwrap())
}

fn rate_limit(provider: Provider) -> Provider {
    Arc::new(RateLimit::new(provider, Rate::per_second(NonZeroU32::new(500).unwrap())))
}

fn retry(provider: Provider) -> Provider {
    Arc::new(Retry::new(provider, RetryPolicy::default().with_seed(7)))
}

/// Longer than the deadline of a request, so that it is not the layer that gives up.
fn timeout(provider: Provider) -> Provider {
    Arc::new(Timeout::new(provider, Duration::from_secs(60)))
}

fn trace(provider: Provider) -> Provider {
    Arc::new(Trace::new(provider))
}

/// In the order that `sealpush::layers` gives.
fn all(provider: Provider) -> Provider {
    trace(retry(failover(rate_limit(timeout(provider)))))
}
