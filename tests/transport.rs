//! What the transports put on the wire, and whom they trust.

#![allow(clippy::unwrap_used, reason = "a failing test panics")]

#[path = "transport/allocations.rs"]
mod allocations;
#[path = "transport/compression.rs"]
mod compression;
mod support;

use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use sealpush::transport::{HyperTransport, ReqwestTransport, Transport};
use sealpush::{ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use support::transports::{BOTH, Kind, Settings, post};

#[tokio::test]
async fn a_request_goes_out_as_it_is_with_what_http_needs_added() {
    for kind in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let transport = Settings::loopback().build(kind);
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
        let mut expected = vec![authorization, "content-length: 6", &host, "ttl: 60"];
        if kind == Kind::Reqwest {
            expected.insert(0, "accept: */*");
        }
        assert_eq!(fields, expected, "{kind}");
    }
}

#[tokio::test]
async fn an_empty_body_says_its_length_where_the_method_can_have_one() {
    for kind in BOTH {
        for (method, length) in [("POST", Some("0")), ("PUT", Some("0")), ("GET", None)] {
            let request =
                |uri: &str| Request::builder().method(method).uri(uri).body(Bytes::new()).unwrap();
            let head = head_of(&Settings::loopback(), kind, request).await;
            let found = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            assert_eq!(found, length, "{kind}: {head}");
            assert!(!head.contains("transfer-encoding"), "{kind}: {head}");
        }
    }
}

#[tokio::test]
async fn a_user_agent_is_said_set_or_left_out() {
    let default = format!("sealpush/{}", env!("CARGO_PKG_VERSION"));
    for kind in BOTH {
        let plain = |uri: &str| Request::post(uri).body(Bytes::from_static(b"sealed")).unwrap();
        let user_agent = |head: &str| {
            let found = head.lines().find_map(|line| line.strip_prefix("user-agent: "));
            found.map(str::to_owned)
        };
        let mut settings = Settings::loopback();
        assert_eq!(user_agent(&head_of(&settings, kind, plain).await), None, "{kind}");
        settings.user_agent = Some("mine/1".parse().unwrap());
        assert_eq!(user_agent(&head_of(&settings, kind, plain).await).unwrap(), "mine/1", "{kind}");
        let own = |uri: &str| {
            let request = Request::post(uri).header("user-agent", "own/2");
            request.body(Bytes::from_static(b"sealed")).unwrap()
        };
        assert_eq!(user_agent(&head_of(&settings, kind, own).await).unwrap(), "own/2", "{kind}");

        let guard = settings.guard.clone();
        let transport: Arc<dyn Transport> = match kind {
            Kind::Hyper => Arc::new(HyperTransport::builder().guard(guard).build().unwrap()),
            Kind::Reqwest => Arc::new(ReqwestTransport::builder().guard(guard).build().unwrap()),
        };
        let head = head_from(&*transport, plain).await;
        assert_eq!(user_agent(&head).unwrap(), default, "{kind}");
    }
}

#[tokio::test]
async fn a_spelling_of_a_host_is_not_sent_but_its_normal_form() {
    for kind in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let transport = Settings::loopback().build(kind);
        for host in ["0x7f.1", "2130706433", "127.0.0.1."] {
            let server = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let received = answer(&mut stream).await;
                stream.shutdown().await.unwrap();
                received
            };
            let uri = format!("http://{host}:0{port}/p");
            let transport = match kind {
                // One origin, one connection: the next spelling must not find it.
                Kind::Hyper => Settings::loopback().build(kind),
                Kind::Reqwest => Arc::clone(&transport),
            };
            let request = Request::post(uri).body(Bytes::from_static(b"sealed"));
            let Ok(request) = request else { continue };
            let (response, received) = tokio::join!(transport.send(request), server);
            assert_eq!(response.unwrap().status(), 201);
            assert!(received.contains(&format!("host: 127.0.0.1:{port}\r\n")), "{received}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_kept_and_used_again() {
    for kind in BOTH {
        let (uri, opened) = counting_server().await;
        let transport = Settings::loopback().build(kind);
        for _ in 0..9 {
            assert_eq!(post(&*transport, &uri).await.unwrap().status(), 201);
        }
        assert_eq!(opened.load(Ordering::SeqCst), 1, "{kind}");
    }
}

#[tokio::test]
async fn a_connection_is_kept_after_a_response_in_chunks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/p", listener.local_addr().unwrap());
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..3 {
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            let chunks = b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n\
                           6\r\nstored\r\n0\r\n\r\n";
            stream.write_all(chunks).await.unwrap();
        }
    };
    let transport = Settings::loopback().build(Kind::Hyper);
    let sending = async {
        for _ in 0..3 {
            assert_eq!(&post(&*transport, &uri).await.unwrap().body()[..], b"stored");
        }
    };
    tokio::join!(sending, server);
}

#[tokio::test]
async fn connections_of_reqwest_are_used_in_turn() {
    let (uri, opened) = counting_server().await;
    let mut settings = Settings::loopback();
    settings.connections = 3;
    let transport = settings.build(Kind::Reqwest);
    for _ in 0..9 {
        assert_eq!(post(&*transport, &uri).await.unwrap().status(), 201);
    }
    assert_eq!(opened.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_dead_http2_connection_is_noticed_by_its_pings_and_replaced() {
    for kind in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/p", listener.local_addr().unwrap());
        let minute = Duration::from_secs(60);
        let transport = Settings::loopback().http2().timeout(minute).build(kind);

        // Whatever goes into the first connection is lost, and nothing but settings comes out.
        let lost = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
            let mut received = [0; 4096];
            while !received.windows(6).any(|part| part == b"sealed") {
                assert!(stream.read(&mut received).await.unwrap() > 0);
            }
            // From here on nothing but timers can go on.
            tokio::time::pause();
            stream
        };
        let started = Instant::now();
        let (failed, _lost) = tokio::join!(post(&*transport, &uri), lost);
        let elapsed = started.elapsed();
        assert!((19..=21).contains(&elapsed.as_secs()), "{kind}: {elapsed:?} of a minute");
        let error = failed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{kind}: {error}");
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
            response = post(&*transport, &uri) => assert_eq!(response.unwrap().status(), 201),
            ended = server => panic!("{ended:?}"),
        }
    }
}

/// A hundred at once open one connection, and HTTP/2 carries them all.
#[tokio::test]
async fn the_first_request_to_an_origin_opens_the_connection_for_all() {
    for (connections, most) in [(1, 1), (4, 4)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/p", listener.local_addr().unwrap());
        let opened = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&opened);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let created = service_fn(|_| async {
                        tokio::task::yield_now().await;
                        let mut response = Response::new(Empty::<Bytes>::new());
                        *response.status_mut() = StatusCode::CREATED;
                        Ok::<_, Infallible>(response)
                    });
                    let mut connection = http2::Builder::new(TokioExecutor::new());
                    connection.max_concurrent_streams(7);
                    let _ = connection.serve_connection(TokioIo::new(stream), created).await;
                });
            }
        });
        let mut settings = Settings::loopback().http2();
        settings.connections = connections;
        let transport = settings.build(Kind::Hyper);
        let sending: Vec<_> = (0..100)
            .map(|_| {
                let (transport, uri) = (Arc::clone(&transport), uri.clone());
                tokio::spawn(async move { post(&*transport, &uri).await })
            })
            .collect();
        for sending in sending {
            assert_eq!(sending.await.unwrap().unwrap().status(), 201);
        }
        let opened = opened.load(Ordering::SeqCst);
        assert!((1..=most).contains(&opened), "{opened} connections of {most}");
    }
}

/// Whoever was given up must not keep a place, nor the task to open a connection.
#[tokio::test]
async fn requests_that_are_given_up_leave_their_places_to_others() {
    let (uri, _) = counting_server().await;
    let transport = Settings::loopback().build(Kind::Hyper);
    for round in 0..50 {
        let given_up =
            tokio::time::timeout(Duration::from_micros(round * 20), post(&*transport, &uri));
        drop(given_up.await);
        assert_eq!(post(&*transport, &uri).await.unwrap().status(), 201);
    }
}

#[tokio::test]
async fn a_certificate_for_the_host_of_the_url_is_accepted() {
    for kind in BOTH {
        let authority = Authority::new();
        let settings = Settings::loopback().trusting(&authority.0.pem());
        let leaf = authority.leaf("localhost");
        let (response, received) = over_tls(&leaf, b"http/1.1", &settings, kind).await;
        assert_eq!(response.unwrap().status(), 201);
        assert!(received.starts_with("POST /p HTTP/1.1\r\n"), "{received}");
    }
}

#[tokio::test]
async fn http2_is_spoken_where_the_server_takes_it() {
    for kind in BOTH {
        let authority = Authority::new();
        let mut settings = Settings::loopback().trusting(&authority.0.pem());
        settings.connect_timeout = Duration::from_millis(200);
        let leaf = authority.leaf("localhost");
        let (_, received) = over_tls(&leaf, b"h2", &settings, kind).await;
        assert!(received.starts_with("PRI * HTTP/2.0\r\n"), "RFC 9113 §3.4: {received}");
    }
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
        for kind in BOTH {
            let mut settings = Settings::loopback();
            if trusted {
                settings = settings.trusting(&authority.0.pem());
            } else {
                // Somebody else's, so that there is a root where the machine has none.
                settings = settings.trusting(&Authority::named("somebody else").0.pem());
            }
            let (response, received) = over_tls(&certificate, b"http/1.1", &settings, kind).await;
            let error = response.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport, "{kind}: {error:?}");
            assert!(error.is_outcome_known());
            assert!(error.to_string().contains(fact), "{kind}: {error}, not {fact}");
            let shown = format!("{error:?} {:?}", error.source());
            assert!(!shown.contains("localhost") && !shown.contains("marker"), "{shown}");
            assert_eq!(received, "");
        }
    }
}

#[test]
fn a_root_certificate_that_is_none_is_a_configuration_error() {
    for pem in [
        "",
        "not PEM",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        for kind in BOTH {
            let error = Settings::loopback().trusting(pem).try_build(kind).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{kind}: {pem:?}");
        }
    }
}

/// The head of a request as it arrives.
async fn head_of(
    settings: &Settings,
    kind: Kind,
    request: impl FnOnce(&str) -> Request<Bytes>,
) -> String {
    head_from(&*settings.build(kind), request).await
}

async fn head_from(
    transport: &dyn Transport,
    request: impl FnOnce(&str) -> Request<Bytes>,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/p", listener.local_addr().unwrap());
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = String::new();
        while !head.contains("\r\n\r\n") {
            let mut part = [0; 4096];
            let length = stream.read(&mut part).await.unwrap();
            head += &String::from_utf8_lossy(&part[..length]);
        }
        stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        head
    };
    let (response, head) = tokio::join!(transport.send(request(&uri)), server);
    assert_eq!(response.unwrap().status(), 201);
    head
}

/// Answers every request over HTTP/1.1, and counts connections.
async fn counting_server() -> (String, Arc<AtomicUsize>) {
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
    (uri, opened)
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
    settings: &Settings,
    kind: Kind,
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
    let transport = settings.build(kind);
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        match acceptor.accept(stream).await {
            Ok(mut stream) => answer(&mut stream).await,
            Err(_) => String::new(),
        }
    };
    tokio::join!(post(&*transport, &uri), server)
}

/// A certificate authority made for one test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Leaf {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        Self::named("authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
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
