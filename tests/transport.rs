//! What `ReqwestTransport` puts on the wire, and whom it trusts.

#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use std::convert::Infallible;
use std::error::Error as StdError;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use sealpush::transport::{ReqwestTransport, ReqwestTransportBuilder, Transport};
use sealpush::{EndpointGuard, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

#[tokio::test]
async fn a_request_goes_out_as_it_is_with_three_fields_added() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let transport = loopback().build().unwrap();
    let request = Request::post(format!("http://{address}/w/?token=BQ%2fYA%3D+/=&a=%7e~"))
        .header("ttl", "60")
        .header("authorization", "vapid t=a.b.c, k=d")
        .body(Bytes::from_static(b"sealed"))
        .unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        answer(&mut stream).await
    };
    let (response, received) = tokio::join!(transport.send(request), server);
    let response = response.unwrap();
    assert_eq!((response.status().as_u16(), &response.body()[..]), (201, &b"stored"[..]));
    assert_eq!(response.headers()["location"], "/m/1");

    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    let (line, fields) = head.split_once("\r\n").unwrap();
    assert_eq!((line, body), ("POST /w/?token=BQ%2fYA%3D+/=&a=%7e~ HTTP/1.1", "sealed"));
    let mut fields: Vec<_> = fields.split("\r\n").collect();
    fields.sort_unstable();
    let host = format!("host: {address}");
    let authorization = "authorization: vapid t=a.b.c, k=d";
    assert_eq!(fields, ["accept: */*", authorization, "content-length: 6", &host, "ttl: 60"]);
}

#[tokio::test]
async fn connections_are_used_in_turn() {
    for connections in [1, 3] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/p", listener.local_addr().unwrap());
        let opened = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&opened);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move { while !answer(&mut stream).await.is_empty() {} });
            }
        });
        let connections = NonZeroUsize::new(connections).unwrap();
        let transport = loopback().connections(connections).build().unwrap();
        for _ in 0..9 {
            assert_eq!(post(&transport, &uri).await.unwrap().status(), 201);
        }
        assert_eq!(opened.load(Ordering::SeqCst), connections.get());
    }
}

#[tokio::test]
async fn a_dead_http2_connection_is_noticed_by_its_pings_and_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/p", listener.local_addr().unwrap());
    let minute = Duration::from_secs(60);
    let transport = loopback().http2_prior_knowledge().timeout(minute).build().unwrap();

    // Whatever goes into the first connection is lost, and nothing comes out of it.
    let lost = async {
        let (stream, _) = listener.accept().await.unwrap();
        // From here on nothing but timers can go on.
        tokio::time::pause();
        stream
    };
    let started = Instant::now();
    let (failed, _lost) = tokio::join!(post(&transport, &uri), lost);
    let elapsed = started.elapsed();
    assert!((19..=21).contains(&elapsed.as_secs()), "{elapsed:?}, of the minute that it may take");
    let error = failed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(!error.is_outcome_known());
    tokio::time::resume();

    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        let created = service_fn(|_| async {
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = StatusCode::CREATED;
            Ok::<_, Infallible>(response)
        });
        let connection = http2::Builder::new(TokioExecutor::new());
        connection.serve_connection(TokioIo::new(stream), created).await
    };
    tokio::select! {
        response = post(&transport, &uri) => assert_eq!(response.unwrap().status(), 201),
        ended = server => panic!("{ended:?}"),
    }
}

#[tokio::test]
async fn a_certificate_for_the_host_of_the_url_is_accepted() {
    let authority = Authority::new();
    let builder = loopback().add_root_certificate_pem(authority.0.pem().as_bytes());
    let (response, received) = over_tls(&authority.leaf("localhost"), b"http/1.1", builder).await;
    assert_eq!(response.unwrap().status(), 201);
    assert!(received.starts_with("POST /p HTTP/1.1\r\n"), "{received}");
}

#[tokio::test]
async fn http2_is_spoken_where_the_server_takes_it() {
    let authority = Authority::new();
    let builder = loopback().add_root_certificate_pem(authority.0.pem().as_bytes());
    let (_, received) = over_tls(&authority.leaf("localhost"), b"h2", builder).await;
    assert!(received.starts_with("PRI * HTTP/2.0\r\n"), "RFC 9113 §3.4: {received}");
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused_before_anything_is_sent() {
    let authority = Authority::new();
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2000, 1, 1);
    let early = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    for (certificate, trusted, fact) in [
        (authority.leaf("localhost"), false, "not trusted"),
        (authority.leaf("marker.example.net"), true, "another name"),
        (authority.leaf_with("localhost", expired), true, "expired"),
        (authority.leaf_with("localhost", early), true, "not valid yet"),
    ] {
        let mut builder = loopback();
        if trusted {
            builder = builder.add_root_certificate_pem(authority.0.pem().as_bytes());
        }
        let (response, received) = over_tls(&certificate, b"http/1.1", builder).await;
        let error = response.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{error:?}");
        assert!(error.is_outcome_known());
        assert!(error.to_string().contains(fact), "{error}, not {fact}");
        let shown = format!("{error:?} {:?}", error.source());
        assert!(!shown.contains("localhost") && !shown.contains("marker"), "{shown}");
        assert_eq!(received, "");
    }
}

#[test]
fn a_root_certificate_that_is_not_pem_is_a_configuration_error() {
    for pem in ["", "not PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        let error = loopback().add_root_certificate_pem(pem.as_bytes()).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{pem:?}");
    }
}

fn loopback() -> ReqwestTransportBuilder {
    ReqwestTransport::builder().guard(EndpointGuard::loopback_for_tests())
}

async fn post(transport: &ReqwestTransport, uri: &str) -> Result<Response<Bytes>> {
    transport.send(Request::post(uri).body(Bytes::from_static(b"sealed")).unwrap()).await
}

/// Reads a request and answers it; the request, or nothing if the connection has ended.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    let mut received = String::new();
    while !received.ends_with("sealed") {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(length) if length > 0 => received += &String::from_utf8_lossy(&part[..length]),
            _ => return received,
        }
        if received.starts_with("PRI ") {
            return received;
        }
    }
    let response = b"HTTP/1.1 201 Created\r\nlocation: /m/1\r\ncontent-length: 6\r\n\r\nstored";
    stream.write_all(response).await.unwrap();
    received
}

/// One request to `localhost` over TLS, and what arrived in the clear behind the handshake.
async fn over_tls(
    certificate: &Leaf,
    protocol: &[u8],
    builder: ReqwestTransportBuilder,
) -> (Result<Response<Bytes>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("https://localhost:{}/p", listener.local_addr().unwrap().port());
    let key = PrivatePkcs8KeyDer::from(certificate.key.serialize_der()).into();
    let mut config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let transport = builder.build().unwrap();
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        match acceptor.accept(stream).await {
            Ok(mut stream) => answer(&mut stream).await,
            Err(_) => String::new(),
        }
    };
    tokio::join!(post(&transport, &uri), server)
}

/// A certificate authority made for one test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Leaf {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn leaf(&self, name: &str) -> Leaf {
        self.leaf_with(name, |_| ())
    }

    fn leaf_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Leaf { certificate: params.signed_by(&key, &self.0).unwrap(), key }
    }
}
