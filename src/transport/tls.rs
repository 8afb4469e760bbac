//! TLS for the transports: rustls, with the root certificates loaded once.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::failure::{self, Failure};
use crate::error::{Error, ErrorKind, Result};

/// What a transport trusts.
pub(super) struct Tls {
    added: Vec<CertificateDer<'static>>,
    config: OnceLock<Result<Arc<ClientConfig>, Failure>>,
}

impl Tls {
    /// Trusts the system's roots and these certificates.
    ///
    /// # Errors
    ///
    /// `Configuration` when one of them is not PEM.
    pub(super) fn new(pems: &[Vec<u8>]) -> Result<Self> {
        let mut added = Vec::new();
        for pem in pems {
            let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
            let readable =
                |root: &CertificateDer<'static>| RootCertStore::empty().add(root.clone()).is_ok();
            match found {
                Ok(found) if !found.is_empty() && found.iter().all(readable) => added.extend(found),
                _ => {
                    let fact = "a root certificate is not in PEM form";
                    return Err(Error::new(ErrorKind::Configuration, fact));
                }
            }
        }
        Ok(Self { added, config: OnceLock::new() })
    }

    /// The settings of every connection. The roots are loaded at the first call, so that a program
    /// without TLS needs none.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, Failure> {
        self.config.get_or_init(|| self.load()).clone()
    }

    /// The certificates that are trusted: the system's, the compiled-in ones where the system has
    /// none, and those that were added.
    pub(super) fn certificates(&self) -> Vec<CertificateDer<'static>> {
        let mut certificates = rustls_native_certs::load_native_certs().certs;
        if certificates.is_empty() {
            certificates.extend_from_slice(compiled_in::ROOTS);
        }
        certificates.extend_from_slice(&self.added);
        certificates
    }

    fn load(&self) -> Result<Arc<ClientConfig>, Failure> {
        let mut roots = RootCertStore::empty();
        // Some in a system's store are of a kind that rustls does not read.
        roots.add_parsable_certificates(self.certificates());
        if roots.is_empty() {
            return Err(failure::NO_ROOTS);
        }
        let provider = provider::provider().ok_or(NO_PROVIDER)?;
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().map_err(|_| NO_PROVIDER)?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// rustls takes its cryptography from a provider. Those in pure Rust are not ready, so without
/// aws-lc-rs the program brings one.
const NO_PROVIDER: Failure = Failure::before(
    ErrorKind::Configuration,
    "TLS needs cryptography: turn on the feature aws-lc, or install a provider of your own as \
     rustls' process-wide default; nothing was sent",
);

#[cfg(feature = "aws-lc")]
mod provider {
    use super::{Arc, CryptoProvider};

    /// Never the process-wide default: another crate could have set it.
    pub(super) fn provider() -> Option<Arc<CryptoProvider>> {
        Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
    }
}

#[cfg(not(feature = "aws-lc"))]
mod provider {
    use super::{Arc, CryptoProvider};

    pub(super) fn provider() -> Option<Arc<CryptoProvider>> {
        CryptoProvider::get_default().cloned()
    }
}

#[cfg(feature = "webpki-roots")]
mod compiled_in {
    pub(super) use webpki_root_certs::TLS_SERVER_ROOT_CERTS as ROOTS;
}

#[cfg(not(feature = "webpki-roots"))]
mod compiled_in {
    use super::CertificateDer;

    pub(super) const ROOTS: &[CertificateDer<'static>] = &[];
}
