//! Whose token it is, what an address holds, how long it lives, who may revoke it.

use sealpush::contact::relay::Relay;
use sealpush::contact::{Answer, Device, Received};
use sealpush::providers::fcm;
use sealpush::{ErrorKind, UserAgentSecret};

use crate::world::{DAY, User, World, anonymous, run, web_push_token};

#[test]
fn t03_only_the_nonce_that_is_waited_for_is_answered_and_only_once() {
    let world = World::new();
    let mut alice = User::new("alice", "relay.example.net");
    let registration = alice.device.register(&alice.token, None, world.now()).unwrap();
    // A stranger aims the relay at Alice's token with a nonce of their own.
    let mut stranger = Device::new("relay.example.net".parse().unwrap());
    let foreign = stranger.register(&alice.token, None, world.now()).unwrap();
    let push = run(world.relay.challenge(&foreign)).unwrap();
    let carried = alice.open_outer(&push);
    assert!(alice.device.receive(&carried, world.now()).is_err());

    // The push overtakes the answer to the registration: the device is ready for it.
    let push = run(world.relay.challenge(&registration)).unwrap();
    let carried = alice.open_outer(&push);
    let Received::Challenge(claim) = alice.device.receive(&carried, world.now()).unwrap() else {
        panic!("it is answered");
    };
    assert!(alice.device.receive(&carried, world.now()).is_err(), "once");

    // Replay is capped: 64 addresses a day, whatever the proof.
    let first = run(world.relay.issue(&claim)).unwrap();
    assert_eq!(alice.device.take_addresses(&first, world.now()).unwrap(), 32);
    run(world.relay.issue(&claim)).unwrap();
    let refill = alice.device.refill().unwrap();
    for octets in [&claim, &refill] {
        let error = run(world.relay.issue(octets)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.retry_after().is_some());
    }
    world.wait(DAY);
    assert_eq!(run(world.relay.issue(&claim)).unwrap_err().kind(), ErrorKind::Rejected, "10 min");
    let more = run(world.relay.issue(&refill)).unwrap();
    assert_eq!(alice.device.take_addresses(&more, world.now()).unwrap(), 32);
    world.wait(90 * DAY);
    assert_eq!(run(world.relay.issue(&refill)).unwrap_err().kind(), ErrorKind::Rejected);
}

#[test]
fn t03_a_proof_for_one_token_gives_nothing_for_another() {
    let world = World::new();
    let (mut alice, bob) = (User::new("alice", "r.example"), User::new("rob_1", "r.example"));
    let registration = alice.device.register(&alice.token, None, world.now()).unwrap();
    let push = run(world.relay.challenge(&registration)).unwrap();
    let carried = alice.open_outer(&push);
    let Ok(Received::Challenge(claim)) = alice.device.receive(&carried, world.now()) else {
        panic!("it is answered");
    };
    let mut other = Device::new("r.example".parse().unwrap());
    let foreign = other.register(&bob.token, None, world.now()).unwrap();
    let forged = [&claim[..84], &foreign[17..], &[32]].concat();
    assert_eq!(run(world.relay.issue(&forged)).unwrap_err().kind(), ErrorKind::Rejected);
    let world_2 = World::new();
    assert_eq!(run(world_2.relay.issue(&claim)).unwrap_err().kind(), ErrorKind::Rejected);
}

#[test]
fn a_token_is_challenged_three_times_an_hour_whatever_keys_are_put_beside_it() {
    let world = World::new();
    let alice = User::new("alice", "relay.example.net");
    for attempt in 0..4 {
        // The same push resource under fresh keys, a fresh nonce each time.
        let token = web_push_token(&UserAgentSecret::generate().unwrap(), "/wpush/v2/alice");
        let mut device = Device::new("relay.example.net".parse().unwrap());
        let registration = device.register(&token, None, world.now()).unwrap();
        let outcome = run(world.relay.challenge(&registration));
        assert_eq!(outcome.is_ok(), attempt < 3, "{attempt}");
        if let Err(error) = outcome {
            assert_eq!(error.kind(), ErrorKind::RateLimited);
        }
    }
    drop(alice);
}

#[test]
fn t05_every_endpoint_of_530_octets_gives_cards_of_one_length() {
    let world = World::new();
    let mut lengths = std::collections::BTreeSet::new();
    for octets in [188, 235, 412, 458, 530, 531] {
        let mut user = User::new("x", "relay.example.net");
        let path = format!("/{}", "p".repeat(octets - 42));
        user.token = web_push_token(&user.browser, &path);
        assert_eq!(user.token.expose("endpoint").unwrap().len(), octets);
        if octets == 531 {
            let error = user.device.register(&user.token, None, world.now()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidToken);
            assert!(error.to_string().contains("531 octets"), "{error}");
            continue;
        }
        user.register(&world);
        let (_, card) = user.device.invite(false, world.now()).unwrap();
        lengths.insert(card.to_octets().len());
    }
    assert_eq!(lengths, [822 + 17].into());
}

#[test]
fn t04_only_address_and_slot_together_revoke() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (contact, card) = alice.device.invite(true, world.now()).unwrap();
    let outgoing = anonymous(&card, "x", &world);
    let address = &outgoing.request.to_octets()[2..671];
    for wrong in [
        [address, &[0; 16]].concat(),
        address.to_vec(),
        [address, &[0; 15]].concat(),
        card.to_octets().to_vec(),
        Vec::new(),
    ] {
        assert_eq!(run(world.relay.revoke(&wrong)).unwrap_err().kind(), ErrorKind::Rejected);
    }
    assert_eq!(world.post(&outgoing.request.to_octets()).0, Answer::Accepted);
    alice.device.block(&contact);
    assert_eq!(alice.revoke_all(&world), 1);
    assert_eq!(world.post(&outgoing.request.to_octets()).0, Answer::Gone);
}

#[test]
fn t11_an_address_lives_across_four_rotations_and_is_dead_on_day_91() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    let request = anonymous(&card, "x", &world).request.to_octets();
    let mut rotations = 0;
    for day in 0..=90 {
        assert_eq!(world.post(&request).0, Answer::Accepted, "day {day}");
        world.wait(DAY);
        world.relay.rotate_keys(|_| rotations += 1).unwrap();
        // What the relay knows survives its own restart.
        let mut stored = String::new();
        world.relay.store_keys(|ring| stored = serde_json::to_string(ring).unwrap());
        serde_json::from_str::<sealpush::contact::relay::KeyRing>(&stored).unwrap();
    }
    assert_eq!(world.post(&request).0, Answer::Gone, "day 91");
    world.wait(30 * DAY);
    world.relay.rotate_keys(|_| rotations += 1).unwrap();
    assert!(rotations >= 4, "{rotations}");
    assert_eq!(world.post(&request).0, Answer::Gone);
    assert!(world.relay.keys().len() <= 5 * 8);
}

#[test]
fn a_dropped_root_is_noticed_and_the_device_registers_anew() {
    let world = World::new();
    let mut alice = world.user("alice");
    assert!(alice.device.check_relay_keys(&world.relay.keys(), world.now()));
    let other = World::new();
    assert!(!alice.device.check_relay_keys(&other.relay.keys(), world.now()));
    assert_eq!(alice.device.addresses_left(), 0);
    assert!(alice.device.invite(false, world.now()).is_err());
}

#[test]
fn unknown_push_services_and_vapid_keys_are_refused_before_anything_is_pushed() {
    let world = World::new();
    let browser = UserAgentSecret::generate().unwrap();
    let register = |json: String| {
        let mut device = Device::new("r.example".parse().unwrap());
        device.register(&json.parse().unwrap(), None, world.now()).unwrap()
    };
    let keys = serde_json::to_string(browser.keys()).unwrap();
    let strange = register(format!(r#"{{"endpoint":"https://push.example.net/x","keys":{keys}}}"#));
    assert_eq!(run(world.relay.challenge(&strange)).unwrap_err().kind(), ErrorKind::Blocked);
    let other = World::new();
    let relay = other.relay.with_any_push_service();
    assert!(run(relay.challenge(&strange)).is_ok());

    let key = sealpush::providers::webpush::VapidKey::generate().unwrap().public_key_base64();
    let named = register(format!(
        r#"{{"endpoint":"https://updates.push.services.mozilla.com/x","applicationServerKey":"{key}","keys":{keys}}}"#
    ));
    let error = run(world.relay.challenge(&named)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenMismatch);
    let relay: Relay = relay.with_vapid_key(&key).unwrap();
    let push = run(relay.challenge(&named)).unwrap();
    assert_eq!(push.token.expose("applicationServerKey"), Some(key.as_str()));
}

#[test]
fn a_device_behind_fcm_registers_and_reads() {
    let world = World::new();
    let app = UserAgentSecret::generate().unwrap();
    let token =
        fcm::Address::Token("fGx9:APA91b-example".parse().unwrap()).to_token(app.keys().clone());
    let token = token.unwrap();
    let secret = UserAgentSecret::new(
        app.expose_private_key().as_slice(),
        app.keys().auth_secret().expose(),
    );
    let mut device = Device::new("relay.example.net".parse().unwrap());
    let registration = device.register(&token, Some(secret.unwrap()), world.now()).unwrap();
    let push = run(world.relay.challenge(&registration)).unwrap();
    assert_eq!((push.message.body().len(), &push.token), (528, &token));
    let carried = crate::views::as_data_field(&push);
    let Ok(Received::Challenge(claim)) = device.receive(&carried, world.now()) else {
        panic!("it is answered");
    };
    let answer = run(world.relay.issue(&claim)).unwrap();
    device.take_addresses(&answer, world.now()).unwrap();
    let (_, card) = device.invite(true, world.now()).unwrap();
    let (_, push) = world.post(&anonymous(&card, "a tip", &world).request.to_octets());
    let carried = crate::views::as_data_field(&push.unwrap());
    assert!(matches!(device.receive(&carried, world.now()), Ok(Received::Opened(_))));
}

#[test]
fn onesignal_takes_messages_of_the_two_smaller_sizes() {
    use sealpush::providers::onesignal;
    let world = World::new();
    let app = UserAgentSecret::generate().unwrap();
    let id = "1dad4a3e-0000-4000-8000-0123456789ab".parse().unwrap();
    let token = onesignal::Address::Subscription(id).to_token(app.keys().clone()).unwrap();
    let mut device = Device::new("relay.example.net".parse().unwrap());
    let registration = device.register(&token, Some(app), world.now()).unwrap();
    let push = run(world.relay.challenge(&registration)).unwrap();
    let carried = crate::views::as_data_field(&push);
    let Ok(Received::Challenge(claim)) = device.receive(&carried, world.now()) else {
        panic!("it is answered");
    };
    let answer = run(world.relay.issue(&claim)).unwrap();
    device.take_addresses(&answer, world.now()).unwrap();
    let (_, card) = device.invite(true, world.now()).unwrap();
    assert_eq!(card.capacity(false, None), Some(1351));
    // A card that claims more than its carrier takes.
    let mut octets = card.to_octets().to_vec();
    octets[1] = octets[1] & 3 | 2 << 2;
    let card = sealpush::contact::Card::from_octets(&octets).unwrap();
    let large = anonymous(&card, &"x".repeat(2000), &world).request.to_octets();
    assert_eq!(world.post(&large).0, Answer::TooLarge);
}
