//! Stands where TLS is not compiled in.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::serve::Carrier;
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
}

impl Carrier for Tls {
    async fn carry(
        &self,
        stream: TcpStream,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Ok(stream)
    }
}
