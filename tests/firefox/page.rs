//! Serves the page, hands it commands and collects its reports.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// The page's server. Its tasks end with it.
pub(crate) struct Page {
    pub(crate) url: String,
    commands: mpsc::UnboundedSender<Value>,
    reports: mpsc::UnboundedReceiver<Value>,
    _tasks: JoinSet<()>,
}

impl Page {
    pub(crate) async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // By name: a secure context, as an address is, and a host other than the push service's.
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let (commands, taken) = mpsc::unbounded_channel();
        let (reporter, reports) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk { commands: Mutex::new(taken), reporter });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, desk));
        Self { url, commands, reports, _tasks: tasks }
    }

    pub(crate) fn command(&self, command: Value) {
        self.commands.send(command).unwrap();
    }

    /// The next report, which must be of this kind.
    pub(crate) async fn report(&mut self, kind: &str) -> Value {
        let report = tokio::time::timeout(super::PATIENCE, self.reports.recv());
        let mut report = report
            .await
            .unwrap_or_else(|_| panic!("no '{kind}' from the browser in time"))
            .expect("the server is running");
        assert_eq!(report["kind"], kind, "{report}");
        report["value"].take()
    }
}

struct Desk {
    commands: Mutex<mpsc::UnboundedReceiver<Value>>,
    reporter: mpsc::UnboundedSender<Value>,
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let desk = Arc::clone(&desk);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&desk), request));
            let server = hyper::server::conn::http1::Builder::new();
            // Firefox closes connections as it likes.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    desk: Arc<Desk>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let route = (request.method().clone(), request.uri().path().to_owned());
    let (kind, body) = match (route.0, route.1.as_str()) {
        (Method::GET, "/") => ("text/html", include_str!("index.html").to_owned()),
        (Method::GET, "/worker.js") => ("text/javascript", include_str!("worker.js").to_owned()),
        (Method::GET, "/command") => {
            let command = desk.commands.lock().await.recv().await;
            ("application/json", command.unwrap_or_default().to_string())
        }
        (Method::POST, "/report") => {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            // The test may have ended.
            let _ = desk.reporter.send(serde_json::from_slice(&body).unwrap());
            ("text/plain", String::new())
        }
        _ => {
            let mut missing = Response::default();
            *missing.status_mut() = StatusCode::NOT_FOUND;
            return Ok(missing);
        }
    };
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
    Ok(response)
}
