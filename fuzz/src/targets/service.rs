//! The embedded push service and user agent, over real connections on loopback.
//!
//! A panic in a task of theirs does not reach the caller; what drives the targets notices it by its
//! panic hook.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Request, Response, header};
use sealpush::local::{FcmDevice, OneSignalDevice, Platform};
use sealpush::local::{PushService, UserAgent};
use sealpush::providers::Fcm;
use sealpush::providers::google::ServiceAccount;
use sealpush::transport::{HyperTransport, Transport};
use sealpush::{EndpointGuard, ErrorKind, Message, PushProviderExt, Result};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message as Frame;

use super::answers::block_on;

/// A whole HTTP request, or whatever it is, on a connection of its own. `@PUSH@` stands for the path
/// of a push resource, `@HOST@` for the authority.
pub fn http_request(octets: &[u8]) {
    block_on(async {
        let bench = bench().await;
        let octets = replace(octets, b"@PUSH@", bench.push_path.as_bytes());
        let octets = replace(&octets, b"@HOST@", bench.address.to_string().as_bytes());
        let mut stream = TcpStream::connect(bench.address).await.expect("it listens");
        // The other side may have hung up on it already.
        let _ = stream.write_all(&octets).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let ended = tokio::time::timeout(PATIENCE, read).await;
        assert!(ended.is_ok(), "the connection is kept open with nothing to come");
    });
}

/// A message to the double of FCM, with good credentials; `@TOKEN@` stands for a registration
/// token.
pub fn fcm_request(octets: &[u8]) {
    block_on(async {
        let bench = bench().await;
        let octets = replace(octets, b"@TOKEN@", bench.fcm_token.as_bytes());
        let path = "/v1/projects/example-project/messages:send";
        bench.post(path, &bench.fcm_authorization, octets).await;
    });
}

/// A message to the double of OneSignal, with a good key; `@ID@` stands for a subscription's id,
/// `@APP@` for the app's.
pub fn onesignal_request(octets: &[u8]) {
    block_on(async {
        let bench = bench().await;
        let octets = replace(octets, b"@ID@", bench.onesignal_id.as_bytes());
        let octets = replace(&octets, b"@APP@", APP.as_bytes());
        bench.post("/notifications", &bench.onesignal_authorization, octets).await;
    });
}

/// Frames of a user agent, one a line.
pub fn websocket(octets: &[u8]) {
    block_on(async {
        let bench = bench().await;
        let url = format!("ws://{}/", bench.address);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("it listens");
        for line in octets.split(|&octet| octet == b'\n') {
            let frame = match std::str::from_utf8(line) {
                Ok(text) => Frame::text(text),
                Err(_) => Frame::binary(line.to_vec()),
            };
            if socket.send(frame).await.is_err() {
                break;
            }
        }
        let _ = socket.close(None).await;
        let ended = tokio::time::timeout(PATIENCE, async {
            while let Some(Ok(frame)) = socket.next().await {
                if let Frame::Text(text) = frame {
                    let answer: serde_json::Result<Value> = serde_json::from_str(&text);
                    assert!(answer.is_ok_and(|answer| answer.is_object()), "not an object");
                }
            }
        });
        assert!(ended.await.is_ok(), "the websocket is kept open after its end");
    });
}

/// What a push service says to our user agent, one frame a line; `@CHANNEL@` stands for the channel
/// that it registers.
pub fn user_agent(octets: &[u8]) {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
        let ended = tokio::time::timeout(PATIENCE, async {
            tokio::join!(hostile_service(listener, octets), patient_user_agent(address))
        });
        assert!(ended.await.is_ok(), "the user agent waits for what does not come");
    });
}

/// What a user agent was saved as.
pub fn saved_user_agent(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    // Nobody listens there.
    let Err(error) = block_on(UserAgent::resume("ws://127.0.0.1:1/", text)) else {
        panic!("it is connected to nobody");
    };
    assert!(matches!(error.kind(), ErrorKind::Configuration | ErrorKind::Transport));
    super::assert_tells_nothing(&error, text);
}

async fn hostile_service(listener: TcpListener, octets: &[u8]) {
    let Ok((stream, _)) = listener.accept().await else { return };
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let mut lines = octets.split(|&octet| octet == b'\n');
    let hello = lines.next().unwrap_or_default();
    let _ = socket.next().await;
    let _ = socket.send(Frame::text(String::from_utf8_lossy(hello).into_owned())).await;
    let Some(Ok(Frame::Text(register))) = socket.next().await else { return };
    let register: Value = serde_json::from_str(&register).expect("our frames are JSON");
    let channel = register["channelID"].as_str().unwrap_or_default().to_owned();
    for line in lines {
        let line = replace(line, b"@CHANNEL@", channel.as_bytes());
        let frame = Frame::text(String::from_utf8_lossy(&line).into_owned());
        if socket.send(frame).await.is_err() {
            return;
        }
    }
    let _ = socket.close(None).await;
}

async fn patient_user_agent(address: SocketAddr) {
    let Ok(mut user_agent) = UserAgent::connect(&format!("ws://{address}/")).await else { return };
    if user_agent.subscribe(None).await.is_err() {
        return;
    }
    loop {
        match user_agent.next().await {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Rejected => {}
            Err(_) => return,
        }
    }
}

/// A push service with a receiver of each kind.
struct Bench {
    address: SocketAddr,
    push_path: String,
    fcm_token: String,
    fcm_authorization: HeaderValue,
    onesignal_id: String,
    onesignal_authorization: HeaderValue,
    transport: HyperTransport,
    _receivers: (UserAgent, FcmDevice, OneSignalDevice),
    _service: PushService,
}

impl Bench {
    async fn start() -> Self {
        let service = PushService::start().await.expect("there is a port");
        let origin = service.origin().to_owned();
        let mut user_agent =
            UserAgent::connect(&service.websocket_url()).await.expect("it listens");
        let subscription = user_agent.subscribe(None).await.expect("anybody may");
        let endpoint = subscription.token().expose("endpoint").unwrap_or_default().to_owned();

        let project = service.fcm("example-project");
        let device = project.register(Platform::Android).expect("there is randomness");
        let fcm_token = device.token().expose("token").unwrap_or_default().to_owned();
        let key_file = project.service_account_json().expect("there is randomness");
        let overheard = Overheard::default();
        let fcm = Fcm::builder()
            .credentials(ServiceAccount::from_json(&key_file).expect("it is a key file"))
            .base_url(project.base_url())
            .transport(overheard.clone())
            .build()
            .expect("it has all it needs");
        fcm.send_encrypted(&device.token(), &Message::new("hi")).await.expect("it is taken");
        let fcm_authorization = overheard.authorization();

        let app = service.onesignal(APP).expect("it is an id");
        let phone = app.register(None).expect("there is randomness");
        let onesignal_id = phone.token().expose("subscription_id").unwrap_or_default().to_owned();
        let key = format!("Key {}", app.api_key());
        Self {
            address: origin.trim_start_matches("http://").parse().expect("it is an address"),
            push_path: endpoint.trim_start_matches(&origin).to_owned(),
            fcm_token,
            fcm_authorization,
            onesignal_id,
            onesignal_authorization: HeaderValue::from_str(&key).expect("a key is ASCII"),
            transport: loopback(),
            _receivers: (user_agent, device, phone),
            _service: service,
        }
    }

    async fn post(&self, path: &str, authorization: &HeaderValue, body: Vec<u8>) {
        let request = Request::post(format!("http://{}{path}", self.address))
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Bytes::from(body))
            .expect("its parts are valid");
        let answer = self.transport.send(request).await.expect("it answers");
        let status = answer.status().as_u16();
        assert!(matches!(status, 200 | 400..=499), "a request is answered with {status}");
        let json: serde_json::Result<Value> = serde_json::from_slice(answer.body());
        assert!(json.is_ok(), "the answer is no JSON");
    }
}

async fn bench() -> Rc<Bench> {
    thread_local! {
        static BENCH: OnceCell<Rc<Bench>> = const { OnceCell::new() };
    }
    if let Some(bench) = BENCH.with(|bench| bench.get().cloned()) {
        return bench;
    }
    let started = Rc::new(Bench::start().await);
    BENCH.with(|bench| Rc::clone(bench.get_or_init(|| started)))
}

fn loopback() -> HyperTransport {
    let builder = HyperTransport::builder().guard(EndpointGuard::loopback_for_tests());
    builder.build().expect("there is TLS")
}

/// Remembers the credentials of the last request.
#[derive(Clone, Debug)]
struct Overheard {
    transport: Arc<HyperTransport>,
    last: Arc<Mutex<Option<HeaderValue>>>,
}

impl Default for Overheard {
    fn default() -> Self {
        Self { transport: Arc::new(loopback()), last: Arc::default() }
    }
}

impl Overheard {
    fn authorization(&self) -> HeaderValue {
        self.last.lock().expect("nobody panics with it").clone().expect("something was sent")
    }
}

#[async_trait]
impl Transport for Overheard {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        if let Some(value) = request.headers().get(header::AUTHORIZATION) {
            *self.last.lock().expect("nobody panics with it") = Some(value.clone());
        }
        self.transport.send(request).await
    }
}

fn replace(octets: &[u8], place: &[u8], value: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(octets.len() + value.len());
    let mut rest = octets;
    while let Some(start) = rest.windows(place.len()).position(|window| window == place) {
        replaced.extend_from_slice(&rest[..start]);
        replaced.extend_from_slice(value);
        rest = &rest[start + place.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

const APP: &str = "1dad4a3e-0000-4000-8000-0123456789ab";
/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);
