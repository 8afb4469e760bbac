//! A tunnel through an HTTP proxy (RFC 9110 §9.3.6).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use crate::endpoint::{Endpoint, Origin};
use crate::error::{Error, ErrorKind, Result};
use crate::transport::failure::Failure;

/// Where every connection goes through.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) origin: Origin,
    /// The value of `Proxy-Authorization`.
    authorization: Option<Zeroizing<String>>,
}

impl Proxy {
    /// Reads `http://host:port`, also with `user:password@` before the host.
    pub(super) fn read(url: &str) -> Result<Self> {
        let invalid = || {
            Error::new(
                ErrorKind::Configuration,
                "the proxy is not `http://host:port`, with `user:password@` before the host if it \
                 asks for them",
            )
        };
        let server = url.strip_prefix("http://").ok_or_else(invalid)?;
        let (user, server) = match server.rsplit_once('@') {
            Some((user, server)) => (Some(user), server),
            None => (None, server),
        };
        let endpoint: Endpoint = format!("http://{server}").parse().map_err(|_| invalid())?;
        if endpoint.expose().path() != "/" || endpoint.expose().query().is_some() {
            return Err(invalid());
        }
        let authorization = match user {
            Some(user) if user.contains(':') => {
                let user = Zeroizing::new(unescape(user).ok_or_else(invalid)?);
                Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(&*user))))
            }
            Some(_) => return Err(invalid()),
            None => None,
        };
        Ok(Self { origin: endpoint.origin().clone(), authorization })
    }

    /// Asks for a tunnel to the origin.
    pub(super) async fn tunnel(
        &self,
        mut stream: TcpStream,
        origin: &Origin,
    ) -> Result<TcpStream, Failure> {
        let target = format!("{}:{}", origin.host(), origin.port());
        let mut request =
            Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
        if let Some(authorization) = &self.authorization {
            request.push_str("Proxy-Authorization: ");
            request.push_str(authorization);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let broken = |error: std::io::Error| NO_TUNNEL.because_of(&error);
        stream.write_all(request.as_bytes()).await.map_err(broken)?;

        // Octet by octet, since what follows the head belongs to the server.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == MAX_HEAD {
                return Err(NO_TUNNEL);
            }
            head.push(stream.read_u8().await.map_err(broken)?);
        }
        match head.get(..12) {
            Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'2', _, _]) => Ok(stream),
            Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'4', b'0', b'7']) => {
                Err(NO_CREDENTIALS)
            }
            _ => Err(NO_TUNNEL),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Undoes the percent-encoding of a user and a password (RFC 3986 §2.1).
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            octet => octet,
        });
    }
    Some(octets)
}

/// Octets of the proxy's answer.
const MAX_HEAD: usize = 16 * 1024;

const NO_TUNNEL: Failure = Failure::before(
    ErrorKind::Transport,
    "the proxy opens no tunnel to the host; nothing was sent",
);
const NO_CREDENTIALS: Failure = Failure::before(
    ErrorKind::Configuration,
    "the proxy asks for a user and a password, or refuses those it got (407); nothing was sent",
);
