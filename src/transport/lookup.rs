//! Name resolution, as far as the guard has to come in between.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;

/// Turns a name into addresses. Port 0 stands for the port of the URL.
#[async_trait]
pub(super) trait Lookup: Debug + Send + Sync + 'static {
    async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>>;
}

/// The operating system's resolver.
#[derive(Debug)]
pub(super) struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}
