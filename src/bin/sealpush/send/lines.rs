//! Tokens from a file, one JSON object a line (NDJSON), without a line ever being read whole when
//! it is longer than a token can be.

use std::io::{self, BufRead};

use sealpush::{Error, ErrorKind, Token};
use zeroize::Zeroizing;

/// The lines that hold something.
pub(crate) struct Lines<R> {
    reader: R,
    number: u64,
}

/// A token, or why there is none on this line.
#[derive(Debug)]
pub(crate) struct Line {
    /// Counted from 1, empty lines included.
    pub(crate) number: u64,
    /// Octets that were read for it.
    pub(crate) octets: u64,
    pub(crate) token: Result<Token, Error>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    /// The rest of a line that is too long; answers its octets.
    fn skip(&mut self) -> io::Result<u64> {
        let mut skipped = 0_u64;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = buffer.iter().position(|&octet| octet == b'\n');
            let octets = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(octets);
            skipped = skipped.saturating_add(octets as u64);
            if end.is_some() || octets == 0 {
                return Ok(skipped);
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut passed = 0;
        loop {
            // In full from the start, so that growing leaves no copy behind.
            let mut line = Zeroizing::new(Vec::with_capacity(LIMIT));
            let mut bounded = io::Read::take(&mut self.reader, LIMIT as u64);
            let read = match bounded.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(read) => read,
                Err(error) => return Some(Err(error)),
            };
            self.number += 1;
            passed += read as u64;
            let is_cut = line.last() != Some(&b'\n') && read == LIMIT;
            if is_cut {
                match self.skip() {
                    Ok(skipped) => passed += skipped,
                    Err(error) => return Some(Err(error)),
                }
            }
            let text = std::str::from_utf8(&line).map(str::trim);
            let token = match text {
                _ if is_cut => Err(bad("the line is longer than a token can be")),
                Ok("") => continue,
                Ok(text) => text.parse(),
                Err(_) => Err(bad("the token is not text")),
            };
            return Some(Ok(Line { number: self.number, octets: passed, token }));
        }
    }
}

fn bad(fact: &'static str) -> Error {
    Error::new(ErrorKind::InvalidToken, fact)
}

/// Octets of the longest token with room for the end of its line.
const LIMIT: usize = Token::MAX_LEN + 2;
