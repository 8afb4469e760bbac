//! The sender's process never holds the receiver's token: its memory is searched.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use sealpush::contact::{Card, Draft};

use crate::world::{START, World, at};

/// Set in the process that plays the sender.
const SENDER: &str = "SEALPUSH_TEST_SENDER";

/// The sender, when this test binary is started again: seals to the card on standard input, prints
/// the request, and waits with everything still in its memory.
fn be_the_sender() {
    let mut link = String::new();
    std::io::stdin().read_line(&mut link).unwrap();
    let card: Card = link.parse().unwrap();
    let draft = Draft::anonymous(&card, "hello from the sender", at(START)).unwrap();
    let outgoing = draft.seal().unwrap();
    println!("request {}", serde_json::to_string(&outgoing.request).unwrap());
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read(&mut [0; 1]);
    drop((card, outgoing, link));
}

#[test]
#[cfg(target_os = "linux")]
fn the_sender_s_memory_holds_the_card_and_never_the_token() {
    if std::env::var_os(SENDER).is_some() {
        return be_the_sender();
    }
    let world = World::new();
    let mut alice = world.user("the-secret-push-resource-of-alice");
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    let test = "memory::the_sender_s_memory_holds_the_card_and_never_the_token";
    let mut sender = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(SENDER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = sender.stdin.take().unwrap();
    writeln!(stdin, "{card}").unwrap();
    let mut lines = BufReader::new(sender.stdout.take().unwrap()).lines();
    let request = lines
        .find_map(|line| line.unwrap().split_once("request ").map(|(_, json)| json.to_owned()))
        .unwrap();
    let memory = memory_of(sender.id());
    drop(stdin);
    assert!(sender.wait().unwrap().success());

    let endpoint = alice.token.expose("endpoint").unwrap();
    let octets = card.to_octets();
    assert!(found(&memory, &octets[40..56]), "the search finds what is there");
    assert!(!found(&memory, endpoint.as_bytes()));
    assert!(!found(&memory, b"the-secret-push-resource-of-alice"));
    assert!(!found(&memory, &alice.browser.keys().public_octets()[1..33]));
    assert!(!found(&memory, alice.browser.keys().auth_secret().expose()));
    let slot = &alice.device.held_requests()[0][669..685];
    assert!(!found(&memory, slot));

    let request: sealpush::contact::Request = serde_json::from_str(&request).unwrap();
    let (_, push) = world.post(&request.to_octets());
    alice.arrived.push_back(alice.open_outer(&push.unwrap()));
    assert_eq!(alice.texts(&world), ["hello from the sender"]);
}

/// All readable memory of a child process.
fn memory_of(process: u32) -> Vec<u8> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut memory = std::fs::File::open(format!("/proc/{process}/mem")).unwrap();
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        memory.seek(SeekFrom::Start(start)).unwrap();
        // Some pages, such as guard pages, cannot be read.
        let _ = (&mut memory).take(end - start).read_to_end(&mut all);
    }
    assert!(all.len() > 100_000, "{} octets of memory", all.len());
    all
}

fn found(memory: &[u8], run: &[u8]) -> bool {
    memory.windows(run.len()).any(|window| window == run)
}
