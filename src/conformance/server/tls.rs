//! TLS with a certificate that is made for one check.

use std::io;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::serve::Carrier;
use crate::{Error, ErrorKind, Result};

/// Speaks TLS 1.2 and 1.3, and offers HTTP/2 and HTTP/1.1.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    root: Arc<str>,
}

impl Tls {
    pub(super) fn new() -> Result<Self> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(ErrorKind::Configuration, "TLS cannot be set up").with_source(error)
        };
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let made = generate_simple_self_signed(names).map_err(|error| failed(error.into()))?;
        let CertifiedKey { cert, signing_key } = made;
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.into()))?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .map_err(|error| failed(error.into()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), root: cert.pem().into() })
    }

    pub(super) fn root_certificate(&self) -> String {
        self.root.to_string()
    }
}

impl Carrier for Tls {
    async fn carry(
        &self,
        stream: TcpStream,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.acceptor.accept(stream).await
    }
}
