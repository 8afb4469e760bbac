//! How often a request allocates.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sealpush::endpoint::Endpoint;
use tokio::net::TcpListener;

use super::support::transports::{Kind, Settings};

/// Counts need no clock: a change that makes a request dearer shows on every machine alike.
///
/// When a figure falls, take over the lower one. When it grows, say in the commit what it buys.
#[test]
fn a_request_over_http2_allocates_no_more_than_it_did() {
    let mut server = tokio::runtime::Builder::new_multi_thread();
    let server = server.worker_threads(1).enable_all().build().unwrap();
    for (kind, most) in [(Kind::Hyper, 14), (Kind::Reqwest, 56)] {
        let listener = server.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let uri = format!("http://{}/p", listener.local_addr().unwrap());
        let endpoint: Endpoint = uri.parse().unwrap();
        server.spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let created = service_fn(|_| async {
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = StatusCode::CREATED;
                Ok::<_, Infallible>(response)
            });
            let connection = http2::Builder::new(TokioExecutor::new());
            let _ = connection.serve_connection(TokioIo::new(stream), created).await;
        });
        // One thread: the request and the connection's task are counted, the server is not.
        let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let transport = Settings::loopback().http2().build(kind);
        // As a provider does: the address was read before, and travels with the request.
        let request = || {
            let mut request = Request::new(Bytes::from_static(b"sealed"));
            *request.method_mut() = http::Method::POST;
            *request.uri_mut() = endpoint.expose().clone();
            request.extensions_mut().insert(endpoint.clone());
            request
        };
        let send = |requests| {
            client.block_on(async {
                for _ in 0..requests {
                    assert_eq!(transport.send(request()).await.unwrap().status(), 201);
                }
            });
        };
        send(100);
        let counted = allocation_counter::measure(|| send(1000));
        let each = counted.count_total / 1000;
        assert!(each <= most, "{kind}: {each} allocations, {most} are allowed");
    }
}
