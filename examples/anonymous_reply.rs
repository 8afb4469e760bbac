//! Two strangers, one card, a message, an answer, a block: offline, two relays, real providers.
//!
//! `cargo run --example anonymous_reply`
//!
//! Alice has a browser at the embedded push service, Bob a phone at its double of FCM. Bob knows
//! nothing but the card that Alice put on a wall.

use std::error::Error;
use std::sync::Arc;

use sealpush::clock::{Clock, SystemClock};
use sealpush::contact::relay::{Decision, KeyRing, MemoryStore, Relay};
use sealpush::contact::{Answer, Card, Carried, Device, Forward, Outgoing, Received};
use sealpush::local::{Platform, PushService, UserAgent};
use sealpush::providers::fcm::ServiceAccount;
use sealpush::providers::{Fcm, WebPush};
use sealpush::{Client, EndpointGuard, UserAgentSecret};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    // The push services: Mozilla's and Google's in another world.
    let service = PushService::start().await?;
    let project = service.fcm("example-project");
    let mut browser = UserAgent::connect(&service.websocket_url()).await?;
    let mut phone = project.register(Platform::Android)?;

    // Two relays, each with providers of its own.
    let relay = || -> sealpush::Result<(Relay, Client)> {
        let guard = EndpointGuard::loopback_for_tests;
        let account = ServiceAccount::from_json(&project.service_account_json()?)?;
        let fcm = Fcm::builder().credentials(account).base_url(project.base_url()).guard(guard());
        let web_push = WebPush::builder().guard(guard()).build()?;
        let client = Client::builder().provider(fcm.build()?).provider(web_push).build()?;
        let ring = KeyRing::generate(SystemClock.now())?;
        let relay = Relay::new(ring, Arc::new(MemoryStore::default())).with_any_push_service();
        Ok((relay, client))
    };
    let (one, two) = (relay()?, relay()?);

    // Each device registers: the relay pushes a challenge, the device answers it.
    let now = SystemClock.now();
    let mut alice = Device::new("one.example.net".parse()?);
    let token = browser.subscribe(None).await?.token();
    let push = one.0.challenge(&alice.register(&token, None, now)?).await?;
    one.1.send(&push.token, &push.message).await?;
    let payload = browser.next().await?.payload.unwrap_or_default();
    join(&mut alice, &one.0, &Carried::from_octets(payload)?).await?;
    let mut bob = Device::new("two.example.net".parse()?);
    let (key, auth) = (phone.secret().expose_private_key(), phone.secret().keys().auth_secret());
    let secret = UserAgentSecret::new(key.as_slice(), auth.expose())?;
    let push = two.0.challenge(&bob.register(&phone.token(), Some(secret), now)?).await?;
    two.1.send(&push.token, &push.message).await?;
    let field = phone.next_data().await?["e2ee"].clone();
    join(&mut bob, &two.0, &Carried::from_data_field(&field)?).await?;

    // Alice's card on the wall. Bob opens it and writes, through his own relay.
    let (bob_of_alice, card) = alice.invite(false, now)?;
    let link = card.to_string();
    println!("the card               {}… ({} characters)", &link[..42], link.len());
    let alice_of_bob = bob.open_card(&link.parse::<Card>()?, now)?;
    let outgoing = bob.draft(&alice_of_bob, "Is the room still free?", now)?.seal()?;
    deliver(outgoing, "two", "one", &one).await?;
    let payload = browser.next().await?.payload.unwrap_or_default();
    println!("Alice's browser got    {} octets from its push service", payload.len());
    read("Alice reads            ", &mut alice, &Carried::from_octets(payload)?)?;

    // The answer goes to the card that came with the message, and brings a fresh one of Alice's.
    let outgoing = alice.draft(&bob_of_alice, "It is. Come at six.", now)?.seal()?;
    deliver(outgoing, "one", "two", &two).await?;
    let field = phone.next_data().await?["e2ee"].clone();
    println!("FCM and the phone saw  e2ee: {}… ({} characters)", &field[..24], field.len());
    read("Bob reads              ", &mut bob, &Carried::from_data_field(&field)?)?;

    let number = alice.contact(&bob_of_alice).and_then(|bob| bob.safety_number());
    assert_eq!(number, bob.contact(&alice_of_bob).and_then(|alice| alice.safety_number()));
    println!("both compare           {}", number.ok_or("no safety number")?);

    // Alice has had enough: her keys go first, then the relay forgets the slots.
    alice.block(&bob_of_alice);
    for revocation in alice.revocations() {
        one.0.revoke(&revocation).await?;
    }
    let outgoing = bob.draft(&alice_of_bob, "Hello?", now)?.seal()?;
    let answer = deliver(outgoing.clone(), "two", "one", &one).await?;
    println!(
        "after the block        {answer:?}, so for Bob {:?}",
        bob.gone(&alice_of_bob, &outgoing)
    );
    Ok(())
}

/// From one relay to the other, and through its provider to the push service.
async fn deliver(it: Outgoing, from: &str, to: &str, at: &(Relay, Client)) -> Outcome<Answer> {
    let posted = Forward { relay: it.relay, request: it.request }.to_octets();
    let forward = Forward::from_octets(&posted)?;
    println!("relay {from} saw          {} octets for {}", posted.len(), forward.relay);
    let decision = at.0.accept(&forward.request.to_octets()).await?;
    let Decision::Push(wrapped) = decision else { return Ok(Answer::Gone) };
    let (provider, body) = (wrapped.token.provider(), wrapped.message.body());
    println!("relay {to} pushed        {} octets over {provider}, sealed", body.len());
    Ok(at.0.answer(&at.1.send(&wrapped.token, &wrapped.message).await))
}

async fn join(device: &mut Device, relay: &Relay, pushed: &Carried) -> Outcome<()> {
    let now = SystemClock.now();
    let Received::Challenge(claim) = device.receive(pushed, now)? else { return Err("odd".into()) };
    device.take_addresses(&relay.issue(&claim).await?, now)?;
    Ok(())
}

fn read(who: &str, device: &mut Device, arrived: &Carried) -> Outcome<()> {
    let received = device.receive(arrived, SystemClock.now())?;
    let Received::Opened(opened) = received else { return Err("odd".into()) };
    println!("{who}{:?}", String::from_utf8_lossy(opened.content.text().unwrap_or_default()));
    Ok(())
}
