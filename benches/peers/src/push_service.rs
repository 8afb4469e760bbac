//! A push service over TLS, HTTP/2 and HTTP/1.1, that answers 201 after a while, or a refusal.

use std::fs;
use std::io::{BufRead, BufReader, stdin};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use sealpush::Padding;
use sealpush::providers::webpush::VapidKey;
use sealpush::seal::{UserAgentSecret, seal};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::task::Task;

/// Where to send, to whom, and with which keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Place {
    /// Ports: answers at once, after 20 ms, after 250 ms, with errors.
    ports: [u16; 4],
    /// The root certificate, in PEM.
    pub root: PathBuf,
    /// The user agent's keys and the VAPID key, in base64url.
    pub p256dh: String,
    pub auth: String,
    pub private_key: String,
    pub vapid: String,
    /// A text of 256 octets sealed for the user agent, in base64url.
    pub sealed: String,
}

impl Place {
    pub fn endpoint(&self, task: Task) -> String {
        let [quick, slow, slower, errors] = self.ports;
        let port = match task {
            Task::Send20 => slow,
            Task::Send250 => slower,
            Task::Errors => errors,
            _ => quick,
        };
        format!("https://localhost:{port}/wpush/v2/{}", "gAAAAABl".repeat(20))
    }
}

/// Ends the push service when dropped.
pub struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the push service in a process of its own.
pub fn start() -> (Service, Place) {
    let mut child = Command::new(std::env::current_exe().expect("the bench has a path"))
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the bench can start itself");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("the push service says where it is");
    (Service(child), serde_json::from_str(&line).expect("its place is JSON"))
}

/// Serves until standard input ends.
#[tokio::main]
pub async fn serve() {
    let (tls, root) = certificates();
    let mut ports = [0; 4];
    let manners = [
        Manner { delay: Duration::ZERO, errors: false },
        Manner { delay: Duration::from_millis(20), errors: false },
        Manner { delay: Duration::from_millis(250), errors: false },
        Manner { delay: Duration::ZERO, errors: true },
    ];
    for (port, manner) in ports.iter_mut().zip(manners) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        *port = listener.local_addr().expect("a bound socket has an address").port();
        tokio::spawn(accept(listener, tls.clone(), manner));
    }
    let file = std::env::temp_dir().join(format!("peers-root-{}.pem", std::process::id()));
    fs::write(&file, root).expect("the temporary folder can be written");
    println!("{}", serde_json::to_string(&place(ports, file.clone())).expect("it is plain data"));
    let _ = tokio::task::spawn_blocking(|| stdin().read_line(&mut String::new())).await;
    let _ = fs::remove_file(file);
}

fn place(ports: [u16; 4], root: PathBuf) -> Place {
    let secret = UserAgentSecret::generate().expect("the system has randomness");
    let keys = secret.keys();
    let sealed = seal(keys, &[b'x'; 256], Padding::None).expect("256 octets fit");
    let vapid = VapidKey::generate().expect("the system has randomness");
    Place {
        ports,
        root,
        p256dh: BASE64URL.encode(keys.public_octets()),
        auth: BASE64URL.encode(keys.auth_secret().expose()),
        private_key: BASE64URL.encode(*secret.expose_private_key()),
        vapid: vapid.expose_private_key_base64().to_string(),
        sealed: BASE64URL.encode(sealed),
    }
}

#[derive(Clone, Copy)]
struct Manner {
    delay: Duration,
    errors: bool,
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, manner: Manner) {
    let served = Arc::new(AtomicU64::new(0));
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let (tls, served) = (tls.clone(), Arc::clone(&served));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let leave = Arc::new(Notify::new());
            let service = service_fn(|request| {
                answer(request, manner, served.fetch_add(1, Ordering::Relaxed), leave.clone())
            });
            let mut server = auto::Builder::new(TokioExecutor::new());
            server.http2().max_concurrent_streams(100);
            let connection = server.serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => return,
                () = leave.notified() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        });
    }
}

/// Of 1,000 messages, with errors: 10 are refused with 429, 10 with 503, 5 are reset, and one
/// makes the push service leave the connection (GOAWAY).
async fn answer(
    request: Request<Incoming>,
    manner: Manner,
    number: u64,
    leave: Arc<Notify>,
) -> Result<Response<Empty<Bytes>>, Fault> {
    request.into_body().collect().await.map_err(|_| Fault)?;
    if !manner.delay.is_zero() {
        tokio::time::sleep(manner.delay).await;
    }
    let mut response = Response::new(Empty::new());
    let status = match number % 1000 {
        n if manner.errors && n % 100 == 17 => StatusCode::TOO_MANY_REQUESTS,
        n if manner.errors && n % 100 == 53 => StatusCode::SERVICE_UNAVAILABLE,
        n if manner.errors && n % 200 == 99 => return Err(Fault),
        n => {
            if manner.errors && n == 500 {
                leave.notify_one();
            }
            StatusCode::CREATED
        }
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::CREATED {
        headers.insert("location", "/m/1".parse().expect("it is a header value"));
    } else {
        headers.insert("retry-after", "1".parse().expect("it is a header value"));
    }
    Ok(response)
}

#[derive(Debug)]
struct Fault;

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a reset that was asked for")
    }
}

impl std::error::Error for Fault {}

/// A server's side for `localhost`, and the root certificate to trust.
fn certificates() -> (TlsAcceptor, String) {
    let mut root = CertificateParams::new([]).expect("no name is a good name");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // OpenSSL takes a leaf of its issuer's name for one that has signed itself.
    root.distinguished_name.push(DnType::CommonName, "peers");
    let root_key = KeyPair::generate().expect("the system has randomness");
    let root_certificate = root.self_signed(&root_key).expect("the key signs");
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().expect("the system has randomness");
    let leaf = CertificateParams::new(["localhost".to_owned()])
        .and_then(|leaf| leaf.signed_by(&key, &issuer))
        .expect("the root signs");
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("key and certificate belong together");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), root_certificate.pem())
}
