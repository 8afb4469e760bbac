//! The guard inside name resolution: the addresses that are checked are the addresses that are
//! dialled.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::error::Error;
use crate::guard::{EndpointGuard, Reach};
use crate::transport::lookup::Lookup;

/// Resolves names for one kind of client, and refuses what is out of its reach.
#[derive(Clone, Debug)]
pub(super) struct GuardedResolver {
    pub(super) lookup: Arc<dyn Lookup>,
    /// None where a proxy is the only one whose name is resolved.
    pub(super) guard: Option<EndpointGuard>,
    pub(super) reach: Reach,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { lookup, guard, reach } = self.clone();
        Box::pin(async move {
            let addresses = lookup.lookup(name.as_str()).await?;
            if let Some(guard) = guard {
                guard.check_reach(reach, addresses.iter().map(SocketAddr::ip)).map_err(Refused)?;
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

/// The guard's refusal on its way through the HTTP client, which knows only boxed errors.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Error);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Refused {}
