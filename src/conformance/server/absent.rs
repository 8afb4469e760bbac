//! Stands where TLS is not compiled in.

use std::io;

use tokio::net::TcpStream;

use super::Stream;
use crate::{Error, ErrorKind, Result};

/// There is none of it.
#[derive(Clone)]
pub(super) enum Tls {}

impl Tls {
    pub(super) fn new() -> Result<Self> {
        Err(Error::new(ErrorKind::Configuration, "the feature `conformance-tls` is off"))
    }

    pub(super) fn root_certificate(&self) -> String {
        match *self {}
    }

    #[allow(clippy::unused_async, reason = "as where there is TLS")]
    pub(super) async fn accept(&self, _: TcpStream) -> io::Result<Box<dyn Stream>> {
        match *self {}
    }
}
