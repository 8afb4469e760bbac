use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{
    Deposit, Line, MAX_OCTETS, MAX_SUBSCRIPTIONS, Missing, NotRegistered, NotStored, Store,
};
use crate::options::Ttl;

const START: SystemTime = SystemTime::UNIX_EPOCH;

fn deposit(ttl: u32, topic: Option<&str>) -> Deposit {
    Deposit {
        body: Bytes::from_static(b"sealed"),
        ttl: Ttl::from_secs(ttl),
        topic: topic.map(|topic| topic.parse().unwrap()),
    }
}

/// A store with one connected user agent, `ua`, and its subscription `address` of the channel `c`.
fn subscribed() -> (Store, Arc<Line>) {
    let mut store = Store::new(3);
    let line = Arc::new(Line::default());
    assert_eq!(store.hello(None, "ua".to_owned(), Arc::clone(&line)).as_deref(), Some("ua"));
    store.register("ua", "c", None, "address".to_owned()).unwrap();
    (store, line)
}

fn due(store: &mut Store, line: &Arc<Line>, now: SystemTime) -> Vec<String> {
    store.due("ua", line, now).into_iter().map(|notification| notification.id).collect()
}

#[test]
fn a_message_is_due_once_on_each_connection_until_it_is_acknowledged() {
    let (mut store, line) = subscribed();
    store.deposit("address", "m".to_owned(), deposit(60, None), START).unwrap();
    assert_eq!(due(&mut store, &line, START), ["m"]);
    assert!(due(&mut store, &line, START).is_empty());

    let newer = Arc::new(Line::default());
    store.hello(Some("ua".to_owned()), "x".to_owned(), Arc::clone(&newer)).unwrap();
    assert!(due(&mut store, &line, START).is_empty());
    assert_eq!(due(&mut store, &newer, START), ["m"]);
    assert!(!store.acknowledge("another", "m"));
    assert!(store.acknowledge("ua", "m"));
    assert!(!store.acknowledge("ua", "m"));
}

#[test]
fn the_end_of_an_older_connection_does_not_touch_the_newer() {
    let (mut store, line) = subscribed();
    let newer = Arc::new(Line::default());
    store.hello(Some("ua".to_owned()), "x".to_owned(), Arc::clone(&newer)).unwrap();
    store.disconnect("ua", &line);
    assert!(store.has_user_agent());
    store.disconnect("ua", &newer);
    assert!(!store.has_user_agent());
}

#[test]
fn a_message_lasts_until_its_ttl_and_not_a_second_longer() {
    let (mut store, line) = subscribed();
    store.deposit("address", "m".to_owned(), deposit(60, None), START).unwrap();
    assert!(due(&mut store, &line, START + Duration::from_secs(60)).is_empty());
    // Expired, it is gone for good.
    assert!(!store.remove("m"));

    store.deposit("address", "n".to_owned(), deposit(60, None), START).unwrap();
    assert_eq!(due(&mut store, &line, START + Duration::from_secs(59)), ["n"]);
}

#[test]
fn a_message_for_now_does_not_outlive_the_connection() {
    let (mut store, line) = subscribed();
    store.deposit("address", "now".to_owned(), deposit(0, None), START).unwrap();
    store.disconnect("ua", &line);
    store.deposit("address", "absent".to_owned(), deposit(0, None), START).unwrap();
    assert!(!store.remove("absent"));
    let newer = Arc::new(Line::default());
    store.hello(Some("ua".to_owned()), "x".to_owned(), Arc::clone(&newer)).unwrap();
    assert!(due(&mut store, &newer, START).is_empty());
}

#[test]
fn an_ended_subscription_loses_its_messages_and_is_told_from_an_unknown_one() {
    let (mut store, line) = subscribed();
    store.deposit("address", "m".to_owned(), deposit(60, None), START).unwrap();
    assert!(store.unregister("ua", "c"));
    assert!(!store.unregister("ua", "c"));
    assert!(due(&mut store, &line, START).is_empty());
    assert!(!store.remove("m"));
    let refused = store.deposit("address", "n".to_owned(), deposit(60, None), START);
    assert_eq!(refused, Err(NotStored::Missing(Missing::Ended)));
    let refused = store.deposit("nowhere", "n".to_owned(), deposit(60, None), START);
    assert_eq!(refused, Err(NotStored::Missing(Missing::Unknown)));
    assert_eq!(store.key("address"), Err(Missing::Ended));
}

#[test]
fn expired_messages_make_room() {
    let (mut store, _) = subscribed();
    for id in ["a", "b", "c"] {
        store.deposit("address", id.to_owned(), deposit(60, None), START).unwrap();
    }
    let full = store.deposit("address", "d".to_owned(), deposit(60, None), START);
    assert_eq!(full, Err(NotStored::Full));
    let later = START + Duration::from_secs(60);
    store.deposit("address", "d".to_owned(), deposit(60, None), later).unwrap();
}

#[test]
fn the_octets_of_all_messages_are_bounded_and_expired_ones_make_room() {
    let mut store = Store::new(usize::MAX);
    let line = Arc::new(Line::default());
    store.hello(None, "ua".to_owned(), line).unwrap();
    for channel in ["a", "b"] {
        store.register("ua", channel, None, channel.to_owned()).unwrap();
    }
    let large = |ttl| Deposit { body: Bytes::from(vec![0; 4096]), ..deposit(ttl, None) };
    let mut kept = 0;
    let refused = loop {
        match store.deposit("a", format!("m{kept}"), large(60), START) {
            Ok(()) => kept += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, NotStored::NoRoom);
    assert!((1_700..2_000).contains(&kept), "{kept}");
    assert!(store.octets <= MAX_OCTETS);
    assert_eq!(store.deposit("b", "n".to_owned(), large(60), START), Err(NotStored::NoRoom));
    let later = START + Duration::from_secs(60);
    store.deposit("b", "n".to_owned(), large(60), later).unwrap();
    assert_eq!(store.messages.len(), 1);
    assert!(store.remove("n"));
    assert_eq!(store.octets, 0);
}

#[test]
fn subscriptions_are_bounded_and_the_longest_ended_ones_are_forgotten_first() {
    let mut store = Store::new(1);
    store.hello(None, "ua".to_owned(), Arc::default()).unwrap();
    let register =
        |store: &mut Store, name: &str| store.register("ua", name, None, format!("address {name}"));
    for number in 0..MAX_SUBSCRIPTIONS {
        register(&mut store, &number.to_string()).unwrap();
    }
    assert_eq!(register(&mut store, "new"), Err(NotRegistered::Full));
    // The one that exists is found all the same.
    register(&mut store, "7").unwrap();
    assert!(store.unregister("ua", "7") && store.unregister("ua", "8"));
    register(&mut store, "new").unwrap();
    assert_eq!(store.key("address 7"), Err(Missing::Unknown));
    assert_eq!(store.key("address 8"), Err(Missing::Ended));
    assert_eq!(store.subscriptions.len(), MAX_SUBSCRIPTIONS);
}

#[test]
fn a_user_agent_without_subscriptions_is_forgotten_when_it_leaves() {
    let mut store = Store::new(1);
    for number in 0..3 {
        let line = Arc::new(Line::default());
        let uaid = store.hello(None, format!("ua{number}"), Arc::clone(&line)).unwrap();
        store.disconnect(&uaid, &line);
    }
    assert!(store.user_agents.is_empty());
}

/// Whatever happens in whatever order: what the two indexes say of a message is the same, no
/// subscription holds more than it may, and nothing is due that was not deposited, twice on one
/// connection, or after its end.
#[test]
fn the_indexes_agree_after_any_sequence_of_events() {
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut store = Store::new(3);
    let mut now = START;
    let mut lines: HashMap<String, Arc<Line>> = HashMap::new();
    let mut seen: HashSet<(String, usize)> = HashSet::new();
    let mut removed: HashSet<String> = HashSet::new();
    let mut kept_alive = Vec::new();
    for step in 0..20_000 {
        let uaid = format!("ua{}", draw(3));
        let channel = format!("c{}", draw(2));
        let address = format!("{uaid}{channel}{}", draw(4));
        let id = format!("m{}", draw(step + 1));
        match draw(8) {
            0 => {
                let line = Arc::new(Line::default());
                kept_alive.push(Arc::clone(&line));
                let claimed = Some(uaid.clone());
                if let Some(uaid) = store.hello(claimed, uaid, Arc::clone(&line)) {
                    lines.insert(uaid, line);
                }
            }
            1 => {
                if let Some(line) = lines.get(&uaid) {
                    store.disconnect(&uaid, line);
                }
            }
            2 => {
                let _ = store.register(&uaid, &channel, None, address);
            }
            3 if draw(4) == 0 => {
                store.unregister(&uaid, &channel);
            }
            4 => {
                if store.remove(&id) {
                    removed.insert(id);
                }
            }
            5 => now += Duration::from_secs(draw(20)),
            6 if draw(50) == 0 => {
                store.set_online(false);
                store.set_online(true);
            }
            _ => {
                let topic = ["t", "u"].get(usize::try_from(draw(6)).unwrap()).copied();
                let ttl = u32::try_from(draw(60)).unwrap();
                let _ = store.deposit(&address, format!("m{step}"), deposit(ttl, topic), now);
            }
        }
        for (uaid, line) in &lines {
            for notification in store.due(uaid, line, now) {
                assert!(!removed.contains(&notification.id));
                assert!(store.messages.contains_key(&notification.id));
                let connection = Arc::as_ptr(line) as usize;
                assert!(seen.insert((notification.id, connection)), "due twice");
            }
        }
        let (mut queued, mut octets) = (0, 0);
        for (address, subscription) in &store.subscriptions {
            assert!(subscription.messages.len() <= 3);
            assert!(!subscription.ended || subscription.messages.is_empty());
            for stored in &subscription.messages {
                assert_eq!(store.messages.get(&stored.id), Some(address));
                queued += 1;
                octets += stored.octets();
            }
        }
        assert_eq!((queued, octets), (store.messages.len(), store.octets));
    }
    assert!(seen.len() > 1000, "the walk delivered {} messages only", seen.len());
}
