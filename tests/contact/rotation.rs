//! Cards are replaced while messages are lost, doubled and reordered.

use sealpush::contact::{Answer, Carried, Gone, Outgoing};

use crate::world::{DAY, Seeded, User, World, text_of};

/// A network that loses 30 %, doubles 10 % and reorders everything within a window.
struct Network {
    seeded: Seeded,
    waiting: Vec<(usize, Carried)>,
}

impl Network {
    fn send(&mut self, world: &World, to: usize, users: &[User; 2], outgoing: &Outgoing) -> Answer {
        let (answer, push) = world.post(&outgoing.request.to_octets());
        if let Some(push) = push {
            let copies = match self.seeded.below(10) {
                0..=2 => 0,
                3 => 2,
                _ => 1,
            };
            let carried = users[to].open_outer(&push);
            self.waiting.extend(std::iter::repeat_n((to, carried), copies));
        }
        answer
    }

    /// Delivers what is over the window, in any order.
    fn deliver(&mut self, users: &mut [User; 2], window: usize) {
        self.seeded.shuffle(&mut self.waiting);
        while self.waiting.len() > window
            && let Some((to, carried)) = self.waiting.pop()
        {
            users[to].arrived.push_back(carried);
        }
    }
}

#[test]
fn t10_rotation_survives_loss_duplication_and_reordering() {
    let world = World::new();
    let (alice, bob, bob_of_alice, alice_of_bob) = world.acquainted();
    let mut users = [alice, bob];
    let contacts = [bob_of_alice, alice_of_bob];
    let mut network = Network { seeded: Seeded(42), waiting: Vec::new() };
    let mut shown = [std::collections::BTreeSet::new(), std::collections::BTreeSet::new()];
    let mut accepted = 0;
    for number in 0..10_000_usize {
        // Both at once, now one and then the other.
        let from = network.seeded.below(2);
        world.wait(120);
        if number % 400 == 0 {
            for user in &mut users {
                if let Some(refill) = user.device.refill()
                    && user.device.addresses_left() < 16
                {
                    let answer = crate::world::run(world.relay.issue(&refill)).unwrap();
                    user.device.take_addresses(&answer, world.now()).unwrap();
                }
                user.revoke_all(&world);
            }
            world.relay.rotate_keys(|_| {}).unwrap();
        }
        let now = world.now();
        let draft = users[from].device.draft(&contacts[from], format!("{number}"), now).unwrap();
        let outgoing = draft.seal().unwrap();
        let answer = network.send(&world, 1 - from, &users, &outgoing);
        accepted += usize::from(answer == Answer::Accepted);
        assert_ne!(answer, Answer::Gone, "message {number}: one of the addresses lives");
        network.deliver(&mut users, 12);
        for (user, shown) in users.iter_mut().zip(&mut shown) {
            for opened in user.opened(&world) {
                assert!(shown.insert(text_of(&opened).unwrap()), "shown twice");
            }
        }
    }
    network.deliver(&mut users, 0);
    for (user, shown) in users.iter_mut().zip(&mut shown) {
        for opened in user.opened(&world) {
            assert!(shown.insert(text_of(&opened).unwrap()));
        }
        assert!(user.device.contacts().next().unwrap().is_reachable(world.now()));
    }
    let count = shown[0].len() + shown[1].len();
    // All that the network delivered was opened: 70 % of them.
    assert!((6_800..7_200).contains(&count), "{count} of {accepted}");
    assert_eq!(
        users[0].device.contact(&contacts[0]).unwrap().safety_number(),
        users[1].device.contact(&contacts[1]).unwrap().safety_number(),
    );
}

#[test]
fn t10_new_subscriptions_of_both_are_survived_while_one_address_lives() {
    let world = World::new();
    let (mut alice, mut bob, bob_of_alice, alice_of_bob) = world.acquainted();
    let dead = alice.token.clone();
    alice.subscribe_anew(&world, "alice-new");
    // Bob writes to the old address: the push service says that it is dead.
    let outgoing = bob.outgoing(&world, &alice_of_bob, "hello?");
    let (_, push) = world.post(&outgoing.request.to_octets());
    assert_eq!(push.unwrap().token, dead);
    assert_eq!(bob.device.gone(&alice_of_bob, &outgoing), Gone::WaitingForNewAddress);
    // Alice's new card comes to him.
    alice.write(&world, &bob_of_alice, "my new address", &mut bob);
    assert_eq!(bob.texts(&world), ["my new address"]);
    assert_eq!(bob.device.gone(&alice_of_bob, &outgoing), Gone::AddressReplaced);
    bob.write(&world, &alice_of_bob, "got it", &mut alice);
    assert_eq!(alice.texts(&world), ["got it"]);

    // Both at once: each writes to a dead address and knows within one send.
    alice.subscribe_anew(&world, "alice-newer");
    bob.subscribe_anew(&world, "bob-new");
    for (user, contact) in [(&mut alice, bob_of_alice), (&mut bob, alice_of_bob)] {
        let outgoing = user.outgoing(&world, &contact, "anybody?");
        assert_eq!(user.device.gone(&contact, &outgoing), Gone::ContactLost);
    }
}

#[test]
fn new_cards_after_a_new_subscription_are_spread_over_six_hours() {
    let world = World::new();
    let mut alice = world.user("alice");
    let mut others = Vec::new();
    for place in 0..12 {
        let mut other = world.user(&format!("other-{place}"));
        let (contact, card) = alice.device.invite(false, world.now()).unwrap();
        let alice_of_other = other.device.open_card(&card, world.now()).unwrap();
        other.write(&world, &alice_of_other, "hello", &mut alice);
        alice.receive(&world);
        alice.write(&world, &contact, "hello", &mut other);
        other.receive(&world);
        other.write(&world, &alice_of_other, "ack", &mut alice);
        alice.receive(&world);
        others.push(other);
    }
    alice.subscribe_anew(&world, "alice-new");
    let mut sent = Vec::new();
    for _ in 0..7 {
        sent.push(alice.send_due(&world));
        world.wait(3600);
    }
    assert_eq!(sent.iter().sum::<usize>(), 12, "{sent:?}");
    assert!(sent.iter().filter(|count| **count > 0).count() > 2, "{sent:?}");
    assert!(sent[0] < 12);
}

#[test]
fn the_keys_of_a_replaced_card_are_deleted_after_eight_days() {
    let world = World::new();
    let (mut alice, mut bob, bob_of_alice, alice_of_bob) = world.acquainted();
    let slow = bob.outgoing(&world, &alice_of_bob, "slow");
    let very_slow = bob.outgoing(&world, &alice_of_bob, "very slow");
    world.wait(8 * DAY);
    alice.write(&world, &bob_of_alice, "a new card", &mut bob);
    bob.receive(&world);
    bob.write(&world, &alice_of_bob, "on the new card", &mut alice);
    assert_eq!(alice.texts(&world), ["on the new card"]);
    world.wait(7 * DAY);
    alice.is_sent(&world, &slow);
    assert_eq!(alice.texts(&world), ["slow"]);
    world.wait(2 * DAY);
    alice.is_sent(&world, &very_slow);
    assert!(alice.receive(&world).remove(0).is_err());
}
