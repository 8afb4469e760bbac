//! What each party sees, from the real octets: the table in the documentation of `contact`.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpush::UserAgentSecret;
use sealpush::contact::relay::Push;
use sealpush::contact::{Card, Carried, Device, Draft, Forward, Pseudonym, Received};
use sealpush::providers::{fcm, onesignal};

use crate::world::{DAY, Seeded, User, World, anonymous, run};

pub(crate) fn contains(octets: &[u8], run: &[u8]) -> bool {
    octets.windows(run.len()).any(|window| window == run)
}

/// What an app gets from a carrier that brings a data field.
pub(crate) fn as_data_field(push: &Push) -> Carried {
    Carried::from_data_field(&URL_SAFE_NO_PAD.encode(push.message.body())).unwrap()
}

#[test]
fn a_hundred_thousand_messages_have_three_sizes() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    let pseudonym = Pseudonym::generate().unwrap();
    let mut seeded = Seeded(3);
    let (mut requests, mut bodies) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..100_000_u32 {
        let draft = if seeded.below(4) == 0 {
            let text = vec![b'x'; seeded.below(1549)];
            Draft::signed(&card, text, &pseudonym, number + 1, &card, world.now())
        } else {
            Draft::anonymous(&card, vec![b'x'; seeded.below(2452)], world.now())
        };
        let request = draft.unwrap().seal().unwrap().request.to_octets();
        requests.insert(request.len());
        // The relay's part once in fifty: its outcome depends on the size alone.
        if number % 50 == 0 {
            if number % 10_000 == 0 {
                world.wait(3600);
            }
            let (_, push) = world.post(&request);
            bodies.insert(push.unwrap().message.body().len());
        }
    }
    assert_eq!(requests, [1183, 2171, 3271].into());
    assert_eq!(bodies, [631, 1619, 2719].into());
}

#[test]
fn two_cards_of_one_device_share_no_run_of_eight_octets_after_the_origin() {
    let world = World::new();
    let mut alice = world.user("alice");
    let mut seen = HashMap::new();
    for number in 0..32 {
        let (_, card) = alice.device.invite(false, world.now()).unwrap();
        let octets = card.to_octets();
        for run in octets[7 + card.relay().as_str().len()..].windows(8) {
            assert!(seen.insert(run.to_vec(), number).is_none_or(|other| other == number));
        }
    }
}

#[test]
fn t01_fcm_and_onesignal_see_no_run_of_eight_octets_twice() {
    let world = World::new();
    let fcm_app = UserAgentSecret::generate().unwrap();
    let onesignal_app = UserAgentSecret::generate().unwrap();
    let fcm = fcm::Address::Token("fGx9:APA91b".parse().unwrap()).to_token(fcm_app.keys().clone());
    let id = "1dad4a3e-0000-4000-8000-0123456789ab".parse().unwrap();
    let onesignal = onesignal::Address::Subscription(id).to_token(onesignal_app.keys().clone());
    let mut seen = std::collections::HashSet::new();
    for (token, app) in [(fcm.unwrap(), fcm_app), (onesignal.unwrap(), onesignal_app)] {
        let mut device = Device::new("relay.example.net".parse().unwrap());
        let registration = device.register(&token, Some(app), world.now()).unwrap();
        let push = run(world.relay.challenge(&registration)).unwrap();
        let Ok(Received::Challenge(claim)) = device.receive(&as_data_field(&push), world.now())
        else {
            panic!("it is answered");
        };
        let answer = run(world.relay.issue(&claim)).unwrap();
        device.take_addresses(&answer, world.now()).unwrap();
        let cards: Vec<_> = (0..10).map(|_| device.invite(true, world.now()).unwrap().1).collect();
        for number in 0..500 {
            let request = anonymous(&cards[number % 10], "the same text", &world).request;
            let (_, push) = world.post(&request.to_octets());
            let body = push.unwrap().message.body().clone();
            assert_eq!(body.len(), 528);
            // `rs` and `idlen` and the first octet of the key are the standard's; the record
            // before and after them is looked at.
            for part in [&body[..32], &body[38..]] {
                for run in part.windows(8) {
                    let run: [u8; 8] = run.try_into().unwrap();
                    assert!(seen.insert(run), "a run of 8 octets comes twice");
                }
            }
        }
    }
}

/// All octets that one party saw, to be searched.
#[derive(Default)]
struct View(Vec<u8>);

impl View {
    fn sees(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
        self.0.push(b'\n');
    }

    /// Which of many values of 16 octets and more are in it.
    fn holds_any(&self, values: &[Vec<u8>]) -> bool {
        let starts: std::collections::HashSet<&[u8]> =
            values.iter().map(|value| &value[..16]).collect();
        // Most windows are told by their first two octets.
        let mut begins = vec![false; 1 << 16];
        let begin = |octets: &[u8]| usize::from(octets[0]) << 8 | usize::from(octets[1]);
        starts.iter().for_each(|start| begins[begin(start)] = true);
        self.0.windows(16).any(|window| begins[begin(window)] && starts.contains(window))
    }
}

#[test]
fn the_table_of_what_each_party_sees_is_true_for_a_thousand_conversations() {
    let world = World::new();
    let (mut network, mut relay, mut carrier, mut own_relay, mut device) =
        (View::default(), View::default(), View::default(), View::default(), View::default());
    let (mut secrets, mut texts, mut endpoints, mut slots, mut addresses, mut sealed) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in 0..1_000_u32 {
        let mut alice = world.user(&format!("alice-of-number-{number}"));
        endpoints.push(alice.token.expose("endpoint").unwrap().as_bytes()[41..].to_vec());
        let (_, card) = alice.device.invite(true, world.now()).unwrap();
        let octets = card.to_octets();
        let secret = octets.len() - 81;
        secrets.push(octets[secret..secret + 16].to_vec());
        addresses.push(octets[24..693].to_vec());
        let text = format!("the text of conversation {number:>5}");
        texts.push(text.as_bytes()[text.len() - 16..].to_vec());
        device.sees(&octets);
        device.sees(text.as_bytes());

        let outgoing = anonymous(&card, &text, &world);
        let request = outgoing.request.to_octets();
        let forward = Forward { relay: outgoing.relay, request: outgoing.request };
        own_relay.sees(&forward.to_octets());
        // Under TLS the network sees the length; here it gets the octets, to be generous.
        network.sees(&request);
        relay.sees(&request);
        let (_, push) = world.post(&request);
        let push = push.unwrap();
        relay.sees(push.token.to_json().as_bytes());
        let inner = alice.open_outer(&push);
        relay.sees(inner.octets());
        sealed.push(inner.octets()[16..].to_vec());
        carrier.sees(push.token.to_json().as_bytes());
        carrier.sees(push.message.body());
        for held in alice.device.held_requests() {
            relay.sees(&held);
            slots.push(held[669..685].to_vec());
        }
        alice.arrived.push_back(inner);
        assert_eq!(alice.texts(&world), [text]);
    }
    // The row's cells: who sees what, and who does not.
    let starts = |values: &[Vec<u8>], from: usize| -> Vec<Vec<u8>> {
        values.iter().map(|value| value[from..].to_vec()).collect()
    };
    let inside = starts(&addresses, 100);
    for (party, view, sees, not) in [
        ("device", &device, vec![&secrets, &texts, &inside], vec![&endpoints, &slots]),
        ("network", &network, vec![&inside, &sealed], vec![&secrets, &texts, &endpoints, &slots]),
        ("own relay", &own_relay, vec![&inside], vec![&secrets, &texts, &endpoints, &slots]),
        ("relay", &relay, vec![&endpoints, &slots, &sealed], vec![&secrets, &texts]),
        ("carrier", &carrier, vec![&endpoints], vec![&secrets, &texts, &slots, &inside, &sealed]),
    ] {
        for values in sees {
            assert!(view.holds_any(values), "{party} sees what the table says");
        }
        for values in not {
            assert!(!view.holds_any(values), "{party} sees more than the table says");
        }
    }
}

#[test]
fn t13_the_second_relay_never_meets_the_sender_and_the_first_never_a_token() {
    // Alice's relay is the first, Bob's the second. Alice writes to Bob through hers.
    let (first, second) = (World::new(), World::new());
    let mut bob = User::new("bob", "second.example.net");
    bob.register(&second);
    let alice = first.user("alice");
    let (_, card) = bob.device.invite(true, second.now()).unwrap();
    let outgoing = anonymous(&card, "hello", &first);
    let posted = Forward { relay: outgoing.relay, request: outgoing.request }.to_octets();
    let forward = Forward::from_octets(&posted).unwrap();
    assert_eq!(forward.relay.as_str(), "second.example.net");
    // What the first relay holds is nothing that it can open.
    let request = forward.request.to_octets();
    assert_eq!(first.post(&request).0, sealpush::contact::Answer::Gone);
    let endpoint = bob.token.expose("endpoint").unwrap().as_bytes();
    assert!(!contains(&posted, &endpoint[30..]));
    // What the second relay gets from the first is of one size and says nothing of Alice.
    let passed = sealpush::contact::post(
        &forward.relay,
        sealpush::contact::paths::MESSAGES,
        request.clone(),
    );
    assert_eq!(passed.uri(), "https://second.example.net/v1/messages");
    assert_eq!((passed.headers().len(), passed.body().len()), (1, 1183));
    let endpoint = alice.token.expose("endpoint").unwrap().as_bytes();
    assert!(!contains(passed.body(), &endpoint[41..]));
    let (_, push) = second.post(&request);
    bob.arrived.push_back(bob.open_outer(&push.unwrap()));
    assert_eq!(bob.texts(&second), ["hello"]);
    second.wait(DAY);
    for bad in [&posted[1..], &posted[..posted.len() - 1], b"\x00", b"", b"\x05ab"] {
        assert!(Forward::from_octets(bad).is_err());
    }
}

#[test]
fn nothing_shows_a_card_but_its_own_text() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    let outgoing = anonymous(&card, "attack at dawn", &world);
    let shown = format!("{card:?} {outgoing:?} {:?} {:?}", alice.device, world.relay);
    let link = card.to_string();
    assert!(link.starts_with("https://relay.example.net/#c="));
    assert!(!shown.contains("attack"));
    for start in (40..link.len() - 12).step_by(8) {
        assert!(!shown.contains(&link[start..start + 12]), "{shown}");
    }
    let parsed: Card = link.replace("relay.example.net/", "evil.example/").parse().unwrap();
    assert_eq!(parsed.relay().as_str(), "relay.example.net", "never the link's host");
}
