//! What nobody can be cheaper than: sealing, and the h2 crate with a request made before.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use sealpush::Padding;
use sealpush::seal::{UserAgentKeys, seal};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Answer, send_all};
use crate::task::Work;

pub fn run(work: &Work) -> Answer {
    let keys = UserAgentKeys::from_base64(&work.place.p256dh, &work.place.auth);
    let keys = Arc::new(keys.expect("the keys are keys"));
    let connections = Arc::new(tokio::sync::OnceCell::new());
    let turn = Arc::new(AtomicUsize::new(0));
    let work_for_all = Arc::new(work.clone());
    send_all(work, move || {
        let (keys, connections) = (Arc::clone(&keys), Arc::clone(&connections));
        let (turn, work) = (Arc::clone(&turn), Arc::clone(&work_for_all));
        async move {
            let all = connections.get_or_init(|| connect(&work)).await;
            let connection = &all[turn.fetch_add(1, Ordering::Relaxed) % all.len()];
            let body = seal(&keys, work.text.as_bytes(), Padding::None).expect("it seals");
            exchange(connection.clone(), &work, body.into()).await
        }
    })
}

async fn exchange(connection: SendRequest<Bytes>, work: &Work, body: Bytes) -> bool {
    let request = Request::post(&work.endpoint)
        .header("ttl", "86400")
        .header("content-encoding", "aes128gcm")
        .header("authorization", AUTHORIZATION)
        .body(())
        .expect("it is a request");
    let mut connection = connection.ready().await.expect("the connection is open");
    let (response, mut stream) = connection.send_request(request, false).expect("a stream is free");
    stream.send_data(body, true).expect("the stream is open");
    let response = response.await.expect("the push service answers");
    response.status() == 201
}

async fn connect(work: &Work) -> Vec<SendRequest<Bytes>> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(&work.place.root).expect("it is PEM");
    roots.add(root).expect("it is a certificate");
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let uri: http::Uri = work.endpoint.parse().expect("it is a URI");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, uri.port_u16().expect("it has a port")));
    let mut connections = Vec::new();
    for _ in 0..4 {
        let stream = TcpStream::connect(address).await.expect("the push service listens");
        stream.set_nodelay(true).expect("it is TCP");
        let name = ServerName::try_from("localhost").expect("it is a name");
        let stream = connector.connect(name, stream).await.expect("the root is trusted");
        let (sender, connection) = h2::client::handshake(stream).await.expect("it is HTTP/2");
        tokio::spawn(connection);
        connections.push(sender);
    }
    connections
}

/// As long as a VAPID header.
const AUTHORIZATION: &str = "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL2xv\
Y2FsaG9zdDo0NDMiLCJleHAiOjE3NjM5OTk5OTksInN1YiI6Im1haWx0bzpiZW5jaEBwdXNoLWJlbmNoLm5ldCJ9.AAAAAAAAAA\
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA, k=BAAAAAAAAAAAAAAAAAAA\
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
