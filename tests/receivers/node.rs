//! `examples/web-receiver` in Node: its own tests, and live exchanges in both directions.

use sealpush::{Padding, UserAgentSecret, open, seal};

use super::program::{node, run};
use super::vectors::{decode, encode};

const RECEIVER: &str = "examples/web-receiver";

#[test]
fn the_tests_of_the_web_receiver_pass() {
    let Some(node) = node() else { return };
    run(&node, ["--test"], RECEIVER, "");
}

#[test]
fn javascript_opens_what_the_crate_seals_and_seals_what_it_opens() {
    let Some(node) = node() else { return };
    let secret = UserAgentSecret::generate().unwrap();
    let messages: Vec<Vec<u8>> = [1, 41, 409, 410, 1398, 2642, 3993]
        .into_iter()
        .map(|len: usize| (0..len).map(|n| (n % 256) as u8).collect())
        .collect();
    let bodies: Vec<String> = messages
        .iter()
        .map(|message| encode(seal(secret.keys(), message, Padding::Buckets).unwrap().as_ref()))
        .collect();
    let input = serde_json::json!({
        "keys": secret.keys(),
        "privateKey": encode(secret.expose_private_key().as_slice()),
        "bodies": bodies,
    });
    let output = run(&node, ["tests/peer.js"], RECEIVER, &input.to_string());
    let answer: serde_json::Value = serde_json::from_str(&output).unwrap();

    let (opened, sealed) = (answer["opened"].as_array().unwrap(), answer["sealed"].as_array());
    let sealed = sealed.unwrap();
    assert_eq!((opened.len(), sealed.len()), (messages.len(), messages.len()));
    for ((message, opened), sealed) in messages.iter().zip(opened).zip(sealed) {
        assert!(decode(opened.as_str().unwrap()) == *message);
        let body = decode(sealed.as_str().unwrap());
        assert!(open(&secret, &body).unwrap() == *message);
        let expected = seal(secret.keys(), message, Padding::Buckets).unwrap();
        assert_eq!(body.len(), expected.as_ref().len(), "the same buckets on both sides");
    }
}

#[test]
fn a_token_made_in_javascript_is_a_token_of_the_crate() {
    let Some(node) = node() else { return };
    let output = run(&node, ["tests/peer.js", "token"], RECEIVER, "");
    let token: sealpush::Token = output.parse().unwrap();
    assert_eq!(token.provider().as_str(), "fcm");
    assert_eq!(token.expose("token"), Some("registration"));
}
