//! The lists of tokens that the command reads. It is a program, not a library, so its file is
//! compiled in here once more.

#[path = "../../../src/bin/sealpush/send/lines.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is written for the program")]
mod lines;

use std::io::{BufReader, Cursor};

use self::lines::Lines;

/// A list of tokens: every octet is passed once, lines are counted up, and memory stays bounded.
pub fn ndjson(octets: &[u8]) {
    // A small buffer, so that its end falls into lines.
    let reader = BufReader::with_capacity(7, Cursor::new(octets));
    let mut last = 0;
    let mut passed = 0;
    for line in Lines::new(reader) {
        let line = line.expect("memory does not fail");
        assert!(line.number > last, "lines are counted up");
        last = line.number;
        passed += line.octets;
        if let Err(error) = &line.token {
            super::assert_tells_nothing(error, &String::from_utf8_lossy(octets));
        }
    }
    assert!(passed <= octets.len() as u64);
    let newlines = octets.iter().filter(|&&octet| octet == b'\n').count() as u64;
    assert!(last <= newlines + 1);
}
