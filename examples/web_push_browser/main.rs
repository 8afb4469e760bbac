//! Push to your own browser through its real push service. No account needed: a VAPID key is made
//! at the start, and printed so that you can keep it.
//!
//! `VAPID_SUBJECT=mailto:YOU@YOUR-DOMAIN cargo run --example web_push_browser`, then open the
//! address that it prints in Chrome, Edge or Firefox on the same computer.
//!
//! Without the internet: `sealpush serve` prints the address of its websocket, which is what
//! `dom.push.serverURL` in Firefox's `about:config` takes, together with
//! `dom.push.testing.allowInsecureServerURL`. Then `cargo run --example web_push_browser -- local`
//! pushes to loopback, and nowhere else.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::{EndpointGuard, Message, PushProviderExt, Token, Ttl};
use tokio::net::TcpListener;

const ADDRESS: &str = "127.0.0.1:8420";
const NO_SUBJECT: &str = "set VAPID_SUBJECT to an address of yours, as in mailto:YOU@YOUR-DOMAIN: \
                          push services write to it when your pushes give them trouble";
/// Octets; a token is at most 8192 and a message 3993.
const MAX_REQUEST: usize = 16 * 1024;

struct App {
    webpush: WebPush,
    public_key: String,
}

#[derive(serde::Deserialize)]
struct Push {
    token: Token,
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = match std::env::var("VAPID_PRIVATE_KEY") {
        Ok(key) if !key.is_empty() => VapidKey::from_base64(&key)?,
        _ => {
            let key = VapidKey::generate()?;
            println!("made a VAPID key; to keep your subscription over restarts:");
            println!("  export VAPID_PRIVATE_KEY={}", key.expose_private_key_base64().as_str());
            key
        }
    };
    let local = std::env::args().nth(1).is_some_and(|argument| argument == "local");
    let public_key = key.public_key_base64();
    let guard = if local { EndpointGuard::loopback_for_tests() } else { EndpointGuard::public() };
    let keys = match std::env::var("VAPID_SUBJECT") {
        Ok(subject) if !subject.is_empty() => VapidKeys::new(subject.parse()?, key),
        _ if local => VapidKeys::for_loopback(key),
        _ => return Err(NO_SUBJECT.into()),
    };
    let webpush = WebPush::builder().vapid(keys).guard(guard).build()?;
    let app = Arc::new(App { webpush, public_key });

    let listener = TcpListener::bind(ADDRESS).await?;
    println!(
        "open http://localhost:{} in your browser; Ctrl-C stops",
        listener.local_addr()?.port()
    );
    loop {
        let (stream, _) = listener.accept().await?;
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let app = Arc::clone(&app);
                async move { Ok::<_, Infallible>(app.answer(request).await) }
            });
            let server = auto::Builder::new(TokioExecutor::new());
            if let Err(error) = server.serve_connection(TokioIo::new(stream), answer).await {
                eprintln!("a connection ended early: {error}");
            }
        });
    }
}

impl App {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/") => page("text/html", include_str!("index.html")),
            (&Method::GET, "/worker.js") => page("text/javascript", include_str!("worker.js")),
            (&Method::GET, "/key") => page("text/plain", self.public_key.clone()),
            (&Method::POST, "/push") => match self.push(request).await {
                Ok(line) => page("text/plain", line),
                Err(line) => {
                    let mut response = page("text/plain", line);
                    *response.status_mut() = StatusCode::BAD_GATEWAY;
                    response
                }
            },
            _ => {
                let mut response = page("text/plain", "not found");
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
            }
        }
    }

    async fn push(&self, request: Request<Incoming>) -> Result<String, String> {
        let body = Limited::new(request.into_body(), MAX_REQUEST).collect().await;
        let body = body.map_err(|_| "the request is too large".to_owned())?.to_bytes();
        let push: Push = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let message = Message::new(push.text).with_ttl(Ttl::from_secs(300));
        match self.webpush.send_encrypted(&push.token, &message).await {
            Ok(_) => Ok("Accepted by the push service; the notification follows.".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn page(content_type: &str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::builder()
        .header(CONTENT_TYPE, format!("{content_type}; charset=utf-8"))
        .header(
            CONTENT_SECURITY_POLICY,
            "default-src 'self'; img-src data:; script-src 'self' 'unsafe-inline'; \
             style-src 'unsafe-inline'",
        )
        .body(Full::new(body.into()))
        .expect("the header fields are constants")
}
