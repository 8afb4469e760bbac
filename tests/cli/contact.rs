//! `contact`: a card in a file, a relay on this machine.

use std::sync::Arc;

use sealpush::UserAgentSecret;
use sealpush::clock::{Clock, SystemClock};
use sealpush::contact::relay::{Decision, KeyRing, MemoryStore, Relay};
use sealpush::contact::{Answer, Carried, Device, Received, Sender};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Directory, run};

/// A relay on a loopback port, and a device that it knows.
struct Site {
    listener: TcpListener,
    relay: Relay,
    device: Device,
    browser: UserAgentSecret,
}

impl Site {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let now = SystemClock.now();
        let ring = KeyRing::generate(now).unwrap();
        let relay = Relay::new(ring, Arc::new(MemoryStore::default()));
        let browser = UserAgentSecret::generate().unwrap();
        let keys = serde_json::to_string(browser.keys()).unwrap();
        let token =
            format!(r#"{{"endpoint":"https://fcm.googleapis.com/fcm/send/x","keys":{keys}}}"#);
        let origin = listener.local_addr().unwrap().to_string();
        let mut device = Device::new(origin.parse().unwrap());
        let registration = device.register(&token.parse().unwrap(), None, now).unwrap();
        let push = relay.challenge(&registration).await.unwrap();
        let carried = sealpush::open(&browser, push.message.body()).unwrap();
        let received = device.receive(&Carried::from_octets(carried).unwrap(), now).unwrap();
        let Received::Challenge(claim) = received else { panic!("{received:?}") };
        let answer = relay.issue(&claim).await.unwrap();
        device.take_addresses(&answer, now).unwrap();
        Self { listener, relay, device, browser }
    }

    /// Answers one request of one connection as a relay does, and hands over what it read and what
    /// the device made of it.
    async fn serve(&mut self, answer: Option<&str>) -> (String, Option<Received>) {
        let (mut socket, _) = self.listener.accept().await.unwrap();
        let mut octets = Vec::new();
        let (head, body) = loop {
            assert!(socket.read_buf(&mut octets).await.unwrap() > 0, "a whole request comes");
            let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8(octets[..end].to_vec()).unwrap().to_ascii_lowercase();
            let len: usize = head
                .split("content-length: ")
                .nth(1)
                .unwrap()
                .lines()
                .next()
                .unwrap()
                .parse()
                .unwrap();
            if octets.len() == end + 4 + len {
                break (head, octets[end + 4..].to_vec());
            }
        };
        if let Some(answer) = answer {
            socket.write_all(answer.as_bytes()).await.unwrap();
            return (head, None);
        }
        let (answer, received) = match self.relay.accept(&body).await.unwrap() {
            Decision::Push(push) => {
                let carried = sealpush::open(&self.browser, push.message.body()).unwrap();
                let carried = Carried::from_octets(carried).unwrap();
                let received = self.device.receive(&carried, SystemClock.now()).unwrap();
                (Answer::Accepted, Some(received))
            }
            Decision::Answer(answer) => (answer, None),
            decision => panic!("{decision:?}"),
        };
        let head_of_answer = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n";
        let answer = [head_of_answer.as_bytes(), &answer.to_octets()].concat();
        socket.write_all(&answer).await.unwrap();
        (head, received)
    }
}

fn opened(received: Option<Received>) -> (Sender, String) {
    let Some(Received::Opened(opened)) = received else { panic!("{received:?}") };
    let text = opened.content.text().unwrap().to_vec();
    (opened.sender, String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn a_card_on_standard_input_takes_an_anonymous_message() {
    let mut site = Site::start().await;
    let (_, card) = site.device.invite(true, SystemClock.now()).unwrap();
    let link = card.to_string();
    let arguments = ["contact", "send", "the door is open", "--allow-loopback", "--json"];
    let (output, (head, received)) =
        tokio::join!(run(&arguments, &[], link.as_bytes()), site.serve(None));
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(output.json()["accepted"], true);
    assert_eq!(output.json()["octets"], 1183);
    assert_eq!(opened(received), (Sender::Anonymous, "the door is open".to_owned()));
    assert!(head.starts_with("post /v1/messages http/1.1"), "{head}");
    // The same fields for every sender with this version.
    let mut names: Vec<_> =
        head.lines().skip(1).filter_map(|line| line.split(':').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "host", "user-agent"]);
}

#[tokio::test]
async fn an_identity_signs_counts_and_is_known_again() {
    let mut site = Site::start().await;
    let directory = Directory::new();
    let (contact, card) = site.device.invite(false, SystemClock.now()).unwrap();
    let (file, identity) = (directory.file("card", card.to_string()), directory.path("me.json"));
    let made = run(&["contact", "identity", "--identity", &identity], &[], b"").await;
    assert_eq!((made.code, made.stdout.len()), (0, 0), "{}", made.stderr);
    let arguments =
        ["contact", "send", "-", "--card", &file, "--identity", &identity, "--allow-loopback"];
    for sender in [Sender::First(contact), Sender::Known(contact)] {
        let (output, (_, received)) =
            tokio::join!(run(&arguments, &[], "it is me".as_bytes()), site.serve(None));
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert_eq!(opened(received), (sender, "it is me".to_owned()));
        assert!(output.text().starts_with("accepted by 127.0.0.1:"), "{}", output.text());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&identity).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_says_why_by_its_exit_code() {
    let mut site = Site::start().await;
    let (contact, card) = site.device.invite(true, SystemClock.now()).unwrap();
    let (_, signed_only) = site.device.invite(false, SystemClock.now()).unwrap();
    let link = card.to_string();
    let send = |text: &'static str| ["contact", "send", text, "--allow-loopback"];
    // The relay is on loopback: without leave the guard refuses, and nothing is sent.
    let output = run(&["contact", "send", "x"], &[], link.as_bytes()).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    for (card, text, code) in [
        ("", "x", 4),
        ("https://relay.example.net/#c=AQ", "x", 4),
        (&link[..link.len() - 1], "x", 4),
        (link.as_str(), "", 2),
        (link.as_str(), "-", 2),
        (&signed_only.to_string(), "x", 5),
    ] {
        let output = run(&send(text), &[], card.as_bytes()).await;
        assert_eq!(output.code, code, "{text}: {}", output.stderr);
        assert!(card.len() < 50 || !output.stderr.contains(&card[card.len() - 20..]));
    }
    let directory = Directory::new();
    let (long, file) = (directory.file("long", "x".repeat(2452)), directory.file("card", &link));
    let text = std::fs::read(long).unwrap();
    let output = run(&["contact", "send", "-", "--card", &file], &[], &text).await;
    assert_eq!(output.code, 5);
    assert!(output.stderr.contains("2452 octets, 2451 fit"), "{}", output.stderr);

    site.device.block(&contact);
    for revocation in site.device.revocations() {
        site.relay.revoke(&revocation).await.unwrap();
    }
    let arguments = send("x");
    let (output, _) = tokio::join!(run(&arguments, &[], link.as_bytes()), site.serve(None));
    assert_eq!(output.code, 3, "{}", output.stderr);
    let busy = "HTTP/1.1 429 No\r\nretry-after: 40\r\ncontent-length: 0\r\n\r\n";
    let (output, _) = tokio::join!(run(&arguments, &[], link.as_bytes()), site.serve(Some(busy)));
    assert_eq!(output.code, 6);
    assert!(output.stderr.contains("40 s"), "{}", output.stderr);
}
