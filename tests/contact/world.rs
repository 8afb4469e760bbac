//! A small world in one process: a relay, devices, and the push service between them, without a
//! socket and with a clock that is set.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use sealpush::clock::{Clock, SetClock};
use sealpush::contact::relay::{Decision, KeyRing, MemoryStore, Push, Relay};
use sealpush::contact::{
    Answer, Card, Carried, ContactId, Content, Device, Draft, Opened, Outgoing, Received, Sender,
};
use sealpush::{OpenError, Result, Token, UserAgentSecret};

pub(crate) const START: u64 = 1_800_000_000;
pub(crate) const DAY: u64 = 86_400;

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Runs what never waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory does not wait"),
    }
}

pub(crate) struct World {
    pub(crate) clock: SetClock,
    pub(crate) relay: Relay,
    pub(crate) store: Arc<MemoryStore>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = SetClock::at(at(START));
        let store = Arc::new(MemoryStore::default());
        let ring = KeyRing::generate(clock.now()).unwrap();
        let relay = Relay::new(ring, Arc::clone(&store)).with_clock(clock.clone());
        Self { clock, relay, store }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Posts a request, and hands over what is to be pushed.
    pub(crate) fn post(&self, request: &[u8]) -> (Answer, Option<Push>) {
        match run(self.relay.accept(request)).unwrap() {
            Decision::Answer(answer) => (answer, None),
            Decision::Push(push) => (Answer::Accepted, Some(*push)),
            Decision::Later(later) => (Answer::Kept, run(self.relay.resume(later.row())).unwrap()),
            decision => panic!("{decision:?}"),
        }
    }

    /// A user who is registered.
    pub(crate) fn user(&self, name: &str) -> User {
        let mut user = User::new(name, "relay.example.net");
        user.register(self);
        user
    }

    /// Two people, one of whom opened the other's link and wrote; both know each other's card.
    pub(crate) fn acquainted(&self) -> (User, User, ContactId, ContactId) {
        let (mut alice, mut bob) = (self.user("alice"), self.user("bob"));
        let (bob_of_alice, card) = alice.device.invite(false, self.now()).unwrap();
        let alice_of_bob = bob.device.open_card(&card, self.now()).unwrap();
        bob.write(self, &alice_of_bob, "hello", &mut alice);
        assert_eq!(alice.texts(self), ["hello"]);
        alice.write(self, &bob_of_alice, "who are you?", &mut bob);
        assert_eq!(bob.texts(self), ["who are you?"]);
        bob.write(self, &alice_of_bob, "bob", &mut alice);
        assert_eq!(alice.texts(self), ["bob"]);
        (alice, bob, bob_of_alice, alice_of_bob)
    }
}

/// A device, the browser under it, and what its push service has for it.
pub(crate) struct User {
    pub(crate) device: Device,
    pub(crate) browser: UserAgentSecret,
    pub(crate) token: Token,
    pub(crate) arrived: VecDeque<Carried>,
}

impl User {
    pub(crate) fn new(name: &str, relay: &str) -> Self {
        let browser = UserAgentSecret::generate().unwrap();
        let token = web_push_token(&browser, &format!("/wpush/v2/{name}"));
        let device = Device::new(relay.parse().unwrap());
        Self { device, browser, token, arrived: VecDeque::new() }
    }

    pub(crate) fn register(&mut self, world: &World) {
        let now = world.now();
        let registration = self.device.register(&self.token, None, now).unwrap();
        let push = run(world.relay.challenge(&registration)).unwrap();
        let carried = self.open_outer(&push);
        let Ok(Received::Challenge(claim)) = self.device.receive(&carried, now) else {
            panic!("the challenge is answered");
        };
        let answer = run(world.relay.issue(&claim)).unwrap();
        assert_eq!(self.device.take_addresses(&answer, now).unwrap(), 32);
    }

    /// A new subscription at the push service.
    pub(crate) fn subscribe_anew(&mut self, world: &World, name: &str) {
        self.browser = UserAgentSecret::generate().unwrap();
        self.token = web_push_token(&self.browser, &format!("/wpush/v2/{name}"));
        self.register(world);
    }

    /// What the browser does before the page sees anything.
    pub(crate) fn open_outer(&self, push: &Push) -> Carried {
        assert_eq!(push.token, self.token);
        let octets = sealpush::open(&self.browser, push.message.body()).unwrap();
        Carried::from_octets(octets).unwrap()
    }

    pub(crate) fn outgoing(&mut self, world: &World, to: &ContactId, text: &str) -> Outgoing {
        let draft = self.device.draft(to, text, world.now()).unwrap();
        self.restart();
        draft.seal().unwrap()
    }

    /// Writes, and lets it arrive.
    pub(crate) fn write(&mut self, world: &World, to: &ContactId, text: &str, peer: &mut Self) {
        let outgoing = self.outgoing(world, to, text);
        peer.is_sent(world, &outgoing);
    }

    pub(crate) fn is_sent(&mut self, world: &World, outgoing: &Outgoing) {
        let (answer, push) = world.post(&outgoing.request.to_octets());
        assert_eq!(answer, Answer::Accepted);
        self.arrived.push_back(self.open_outer(&push.unwrap()));
    }

    /// Sends what is due; it is held.
    pub(crate) fn send_due(&mut self, world: &World) -> usize {
        let drafts = self.device.due(world.now());
        let count = drafts.len();
        for draft in drafts {
            let (answer, push) = world.post(&draft.seal().unwrap().request.to_octets());
            assert!(push.is_none(), "what shows nothing is not pushed");
            assert!(matches!(answer, Answer::Kept | Answer::Gone));
        }
        count
    }

    /// Asks the relay for what it holds.
    pub(crate) fn fetch(&mut self, world: &World) -> bool {
        let mut older_missing = false;
        for request in self.device.held_requests() {
            let answer = run(world.relay.held(&request)).unwrap();
            let fetched = sealpush::contact::read_held(&answer).unwrap();
            older_missing |= fetched.older_missing;
            self.arrived.extend(fetched.messages);
        }
        older_missing
    }

    pub(crate) fn revoke_all(&mut self, world: &World) -> usize {
        let revocations = self.device.revocations();
        for revocation in &revocations {
            run(world.relay.revoke(revocation)).unwrap();
            self.device.revoked(revocation);
        }
        assert!(self.device.revocations().is_empty());
        revocations.len()
    }

    /// Everything through storage and back.
    pub(crate) fn restart(&mut self) {
        let stored = serde_json::to_string(&self.device).unwrap();
        self.device = serde_json::from_str(&stored).unwrap();
        assert_eq!(serde_json::to_string(&self.device).unwrap(), stored);
    }

    pub(crate) fn receive(&mut self, world: &World) -> Vec<Result<Received, OpenError>> {
        let now = world.now();
        self.arrived.drain(..).map(|carried| self.device.receive(&carried, now)).collect()
    }

    pub(crate) fn opened(&mut self, world: &World) -> Vec<Opened> {
        let received = self.receive(world).into_iter();
        received
            .filter_map(|received| match received.unwrap() {
                Received::Opened(opened) | Received::Late(opened) => Some(opened),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn texts(&mut self, world: &World) -> Vec<String> {
        let opened = self.opened(world);
        opened.iter().filter_map(text_of).collect()
    }
}

pub(crate) fn text_of(opened: &Opened) -> Option<String> {
    match &opened.content {
        Content::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
        _ => None,
    }
}

pub(crate) fn sender_of(opened: &Opened) -> Option<ContactId> {
    match opened.sender {
        Sender::First(id) | Sender::Known(id) => Some(id),
        Sender::Anonymous => None,
    }
}

pub(crate) fn web_push_token(browser: &UserAgentSecret, path: &str) -> Token {
    let endpoint = format!("https://updates.push.services.mozilla.com{path}");
    let keys = serde_json::to_value(browser.keys()).unwrap();
    serde_json::json!({ "endpoint": endpoint, "keys": keys }).to_string().parse().unwrap()
}

pub(crate) fn anonymous(card: &Card, text: &str, world: &World) -> Outgoing {
    Draft::anonymous(card, text, world.now()).unwrap().seal().unwrap()
}

/// Numbers that look random and are the same every time (SplitMix64).
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
