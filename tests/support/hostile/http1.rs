//! Hostile servers over HTTP/1.1.

use sealpush::ErrorKind::{Timeout, Transport};

use super::Verdict::{Either, Status, Unknown};
use super::{Mode, Script, Step, flood, say};

pub(crate) fn modes() -> Vec<Mode> {
    let mut modes = silent();
    modes.extend(before_the_status());
    modes.extend(nonsense());
    modes.extend(bodies());
    modes.extend(after_the_answer());
    modes
}

fn after(name: &'static str, steps: impl Into<Vec<Step>>, verdict: super::Verdict) -> Mode {
    Mode::new(name, Script::After(steps.into()), verdict)
}

fn silent() -> Vec<Mode> {
    vec![
        Mode::new("accepts and reads nothing", Script::Hold, Unknown(Timeout)),
        Mode::new("closes at once", Script::Close, Either(Transport)),
        after("reads and says nothing", [], Unknown(Timeout)),
        after("closes its half", [Step::Shut], Unknown(Transport)),
        after("resets", [Step::Reset], Unknown(Transport)),
        after("one octet of the status line", [say("H"), Step::Shut], Unknown(Transport)),
        after("breaks off in the head", [say(HEAD), say("x: "), Step::Shut], Unknown(Transport)),
        after("resets in the head", [say(HEAD), Step::Reset], Unknown(Transport)),
        after("a head octet by octet", [say(HEAD), say("x: "), Step::Drip(b'a')], Unknown(Timeout)),
        after("stops in the head", [say(HEAD)], Unknown(Timeout)),
    ]
}

fn before_the_status() -> Vec<Mode> {
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </p>; rel=preload\r\n\r\n";
    let giant = format!("HTTP/1.1 103 Early Hints\r\nx: {}\r\n\r\n", "a".repeat(60_000));
    let fields = format!("x-{}: b\r\n", "a".repeat(60));
    vec![
        after("100 without end", [flood(CONTINUE)], Unknown(Transport)).not_held_by_reqwest(),
        after("103 without end", [flood(hints)], Unknown(Transport)).not_held_by_reqwest(),
        after("giant 103 without end", [flood(giant)], Unknown(Transport)).not_held_by_reqwest(),
        after(
            "seventeen interim responses",
            [Step::Times(17, CONTINUE.into()), say(CREATED)],
            Unknown(Transport),
        )
        .reqwest(Status(201)),
        after(
            "sixteen interim responses",
            [Step::Times(16, CONTINUE.into()), say(CREATED)],
            Status(201),
        ),
        after("a status line without end", [say("HTTP/1.1 201 "), flood("a")], Unknown(Transport)),
        after("a field without end", [say(HEAD), say("x: "), flood("a")], Unknown(Transport)),
        after("a name without end", [say(HEAD), flood("a")], Unknown(Transport)),
        after("fields without end", [say(HEAD), flood(fields)], Unknown(Transport)),
        after(
            "a hundred and one fields",
            [say(HEAD), Step::Times(101, b"a: b\r\n".to_vec()), say("\r\n")],
            Unknown(Transport),
        ),
        after("empty lines without end", [flood("\r\n")], Unknown(Transport)).not_held_by_reqwest(),
    ]
}

fn nonsense() -> Vec<Mode> {
    [
        ("no status line", "not a status line\r\n\r\n"),
        ("a status of four digits", "HTTP/1.1 9999 Created\r\n\r\n"),
        ("a status of two digits", "HTTP/1.1 20\r\n\r\n"),
        ("another version", "HTTP/9.9 201 Created\r\n\r\n"),
        ("HTTP/0.9", "<html>created</html>\r\n\r\n"),
        ("control characters", "\0\u{1}\u{2}\u{3}\r\n\r\n"),
        ("SSH", "SSH-2.0-OpenSSH_9.6\r\n"),
        ("SMTP", "220 mail.example.net ESMTP\r\n"),
        ("TLS in the clear", "\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{28}"),
        ("a field without a colon", "HTTP/1.1 201 Created\r\nno colon\r\n\r\n"),
        ("a field with NUL", "HTTP/1.1 201 Created\r\nx: a\0b\r\n\r\n"),
        ("a negative length", "HTTP/1.1 201 Created\r\ncontent-length: -1\r\n\r\n"),
        ("two lengths", "HTTP/1.1 201 Created\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
        ("HTTP/2 unasked", "\0\0\0\u{4}\0\0\0\0\0\0\0\0\u{4}\u{1}\0\0\0\0"),
        (
            "another protocol",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        ),
    ]
    .into_iter()
    .map(|(name, text)| after(name, [say(text), Step::Shut], Unknown(Transport)))
    .collect()
}

fn bodies() -> Vec<Mode> {
    let chunked = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n";
    let long = "HTTP/1.1 201 Created\r\ncontent-length: 10737418240\r\n\r\n";
    let chunk = [b"4000\r\n".as_slice(), &[b'a'; 0x4000], b"\r\n"].concat();
    let zipped = "HTTP/1.1 201 Created\r\ncontent-encoding: gzip\r\ncontent-length: 8192\r\n\r\n";
    // A gzip stream that never stops unfolding.
    let bomb = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), &[0; 8182]].concat();
    vec![
        after("a body without end", [say(HEAD), say("\r\n"), flood("a")], Status(201)),
        after("a body of ten gigabytes", [say(long), flood("a")], Status(201)),
        after("chunks without end", [say(chunked), flood(chunk)], Status(201)),
        after("one-octet chunks without end", [say(chunked), flood("1\r\na\r\n")], Status(201)),
        after("a chunk extension without end", [say(chunked), say("1;"), flood("a")], Status(201)),
        after("a chunk size without end", [say(chunked), flood("0")], Status(201)),
        after("no chunk at all", [say(chunked), say("zz\r\n")], Status(201)),
        after("a chunk that is too short", [say(chunked), say("9\r\na"), Step::Shut], Status(201)),
        after("trailers without end", [say(chunked), say("0\r\n"), flood("a: b\r\n")], Status(201)),
        after("a body that stops", [say(long), say("half")], Status(201)),
        after("a body that breaks off", [say(long), say("half"), Step::Shut], Status(201)),
        after("a body that is reset", [say(long), say("half"), Step::Reset], Status(201)),
        after("a decompression bomb", [say(zipped), say(bomb)], Status(201)),
    ]
}

fn after_the_answer() -> Vec<Mode> {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /p\r\ncontent-length: 0\r\n\r\n";
    let moved = "HTTP/1.1 308 Permanent Redirect\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n";
    vec![
        after("a redirect to itself", [say(redirect)], Status(302)),
        after("a redirect to another port", [say(moved)], Status(308)),
        after("a second answer", [say(CREATED), say(CREATED)], Status(201)),
        after("garbage after the answer", [say(CREATED), flood("garbage")], Status(201)),
        after("401 with a challenge", [say(UNAUTHORIZED)], Status(401)),
        after("411 for a length that is there", [say(LENGTH)], Status(411)),
    ]
}

const HEAD: &str = "HTTP/1.1 201 Created\r\n";
const CREATED: &str = "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const LENGTH: &str = "HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\n\r\n";
const UNAUTHORIZED: &str =
    "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=x\r\ncontent-length: 0\r\n\r\n";
