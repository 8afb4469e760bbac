//! What only a terminal shows: the tests give the command one of its own.

#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::*;

/// Both ends of a terminal: ours, and the command's.
fn terminal() -> (File, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (ours.into(), theirs)
}

/// What appears until the command hangs up.
fn shown(mut terminal: File) -> String {
    let mut octets = Vec::new();
    // The end of a terminal is an error (EIO) on Linux.
    let _ = terminal.read_to_end(&mut octets);
    String::from_utf8(octets).unwrap().replace("\r\n", "\n")
}

#[tokio::test]
async fn a_sealed_body_is_not_written_to_a_terminal() {
    let (_service, _user_agent, token) = subscribed().await;
    let directory = Directory::new();
    let token = directory.file("token.json", token);
    for (arguments, code) in [(&["--json"][..], 0), (&[], 2)] {
        let (ours, theirs) = terminal();
        let arguments = [&["seal", "hello", "--token", &token], arguments].concat();
        let mut command = command(&arguments, &[]);
        command.stdout(theirs);
        let output = finish(command, b"").await;
        assert_eq!(output.code, code, "{}", output.stderr);
        let shown = shown(ours);
        assert_eq!(shown.starts_with("{\"body\":"), code == 0, "{shown}");
        assert_eq!(output.stderr.contains("--json"), code == 2, "{}", output.stderr);
    }
}

#[tokio::test]
async fn what_a_command_waits_for_is_said_at_a_terminal() {
    let keys = run(&["keys", "generate"], &[], b"").await;
    let directory = Directory::new();
    let keys_file = directory.file("keys.json", &keys.stdout);
    for (arguments, what) in [
        (&["send", "hi"][..], "a token (JSON)"),
        (&["send", "hi", "--tokens", "-"], "tokens (JSON), one a line"),
        (&["seal", "hi", "--json"], "a token (JSON)"),
        (&["open", "--keys", &keys_file], "a sealed body"),
        (&["vapid", "import", "-"], "a private key"),
    ] {
        let (mut ours, theirs) = terminal();
        let mut command = command(arguments, &[]);
        command.stdin(theirs);
        // Ctrl-D at the start of a line ends the input.
        ours.write_all(b"\x04").unwrap();
        let output = command.spawn().unwrap().wait_with_output().await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(&format!("reading {what}")), "{arguments:?}: {stderr}");
        assert!(stderr.contains("Ctrl-D"), "{stderr}");
        assert_ne!(output.status.code(), Some(0));
    }
}

#[tokio::test]
async fn opened_text_cannot_move_the_cursor_of_a_terminal() {
    let keys = run(&["keys", "generate"], &[], b"").await;
    let directory = Directory::new();
    let keys_file = directory.file("keys.json", &keys.stdout);
    let token = keys.json()["token"].to_string();
    let body = run(&["seal", "a\u{1b}[2J\u{7}b\tc"], &[], token.as_bytes()).await.stdout;
    let (ours, theirs) = terminal();
    let mut command = command(&["open", "--keys", &keys_file], &[]);
    command.stdout(theirs);
    let output = finish(command, &body).await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(shown(ours), "a\\u{1b}[2J\\u{7}b\tc\n");
    // A program gets the octets.
    let output = run(&["open", "--keys", &keys_file], &[], &body).await;
    assert_eq!(output.text(), "a\u{1b}[2J\u{7}b\tc");
}

#[tokio::test]
async fn many_tokens_have_a_bar_at_a_terminal() {
    let (_service, _user_agent, token) = subscribed().await;
    let directory = Directory::new();
    let tokens = directory.file("tokens.ndjson", format!("{token}\n").repeat(3));
    let (ours, theirs) = terminal();
    let arguments = ["send", "hi", "--tokens", &tokens, "--allow-loopback"];
    let mut command = command(&arguments, &[("TERM", "xterm")]);
    command.stderr(theirs);
    let output = finish(command, b"").await;
    assert_eq!((output.code, output.text()), (0, "3 tokens: 3 accepted\n"));
    let shown = shown(ours);
    assert!(shown.contains('█') && shown.contains("100 %"), "{shown}");
}
