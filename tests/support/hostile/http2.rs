//! Hostile servers over HTTP/2, spoken from the first octet.

use sealpush::ErrorKind::{Timeout, Transport};

use super::Verdict::{Either, Known, Status, Unknown};
use super::{Mode, Script, Step, Verdict, flood, say};

pub(crate) fn modes() -> Vec<Mode> {
    let mut modes = refusals();
    modes.extend(silent());
    modes.extend(floods());
    modes.extend(broken_frames());
    modes.extend(bodies());
    modes
}

fn after(name: &'static str, steps: impl Into<Vec<Step>>, verdict: Verdict) -> Mode {
    Mode::new(name, Script::Http2(settings(&[]), steps.into()), verdict)
}

/// What a server has declared unprocessed (RFC 9113 §8.7), and what it has not.
fn refusals() -> Vec<Mode> {
    // After GOAWAY no other stream can be opened, so each of these is on a connection of its own.
    let goaway = |last: u32, reason: u32| {
        let mut payload = [last.to_be_bytes(), reason.to_be_bytes()].concat();
        payload.extend_from_slice(b"JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV");
        say(frame(GOAWAY, 0, 0, &payload))
    };
    let each = |name, answer: fn(u32) -> Vec<u8>, verdict| {
        Mode::new(name, Script::Http2Each(settings(&[]), answer), verdict)
    };
    let none = Script::Http2(settings(&[(3, 0)]), vec![]);
    vec![
        after("GOAWAY of all", [goaway(0, 0), Step::Shut], Known(Transport)).arrivals(3),
        after("GOAWAY of all for an error", [goaway(0, 2), Step::Shut], Known(Transport))
            .arrivals(3),
        after("GOAWAY of all, held open", [goaway(0, 0)], Known(Transport)).arrivals(3),
        after("GOAWAY of none", [goaway(0x7fff_ffff, 0), Step::Shut], Unknown(Transport)),
        after("GOAWAY of none for an error", [goaway(1, 2), Step::Shut], Unknown(Transport)),
        each("REFUSED_STREAM", |stream| reset(stream, 7), Known(Transport)).arrivals(3),
        each("CANCEL", |stream| reset(stream, 8), Unknown(Transport)),
        each("INTERNAL_ERROR", |stream| reset(stream, 2), Unknown(Transport)),
        each("ENHANCE_YOUR_CALM", |stream| reset(stream, 11), Unknown(Transport)),
        each("HTTP_1_1_REQUIRED", |stream| reset(stream, 13), Unknown(Transport)),
        Mode::new("no streams allowed", none, Known(Timeout)).reqwest(Unknown(Timeout)).arrivals(0),
    ]
}

fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

fn silent() -> Vec<Mode> {
    vec![
        Mode::new("no settings", Script::Hold, Known(Timeout)).reqwest(Unknown(Timeout)),
        Mode::new("closes without settings", Script::Close, Either(Transport)),
        after("settings and nothing more", [], Unknown(Timeout)),
        after("closes its half", [Step::Shut], Unknown(Transport)),
        after("resets", [Step::Reset], Unknown(Transport)),
        after("a frame that is cut", [say(&created(0)[..7]), Step::Shut], Unknown(Transport)),
        after("a frame that stops", [say(&created(0)[..7])], Unknown(Timeout)),
        after("an interim response and nothing", [say(interim())], Unknown(Timeout)),
        after(
            "HTTP/1.1 after all",
            [say("HTTP/1.1 201 Created\r\n\r\n"), Step::Shut],
            Unknown(Transport),
        ),
        Mode::new(
            "HTTP/1.1 from the start",
            Script::After(vec![say("HTTP/1.1 400 Bad Request\r\n\r\n"), Step::Shut]),
            Either(Transport),
        ),
    ]
}

/// Frames that cost nothing to send (RFC 9113 §10.5).
fn floods() -> Vec<Mode> {
    let ping = frame(PING, 0, 0, &[0; 8]);
    let empty = frame(DATA, 0, 1, &[]);
    let padded = frame(DATA, 8, 1, &[255; 256]);
    let unknown = frame(0xee, 0, 0, &[0; 64]);
    let unfinished = frame(HEADERS, 0, 1, STATUS_201);
    let continuation = frame(CONTINUATION, 0, 1, &[]);
    let priority = frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 0]);
    let update = frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes());
    let stream_update = frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes());
    let setting = settings(&[(4, 65_535)]);
    let shrinking = settings(&[(1, 0), (1, 4096)]);
    let goaway = frame(GOAWAY, 0, 0, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    let flooded = |name, octets: Vec<u8>| after(name, [flood(octets)], Unknown(Transport));
    vec![
        flooded("PING without end", ping).not_held_by_reqwest(),
        flooded("PING answers without end", frame(PING, 1, 0, &[0; 8])).not_held_by_reqwest(),
        flooded("SETTINGS without end", setting).not_held_by_reqwest(),
        flooded("a table that grows and shrinks", shrinking).not_held_by_reqwest(),
        flooded("WINDOW_UPDATE without end", update).not_held_by_reqwest(),
        flooded("WINDOW_UPDATE of the stream without end", stream_update).not_held_by_reqwest(),
        flooded("PRIORITY without end", priority).not_held_by_reqwest(),
        flooded("unknown frames without end", unknown).not_held_by_reqwest(),
        flooded("interim responses without end", interim()).not_held_by_reqwest(),
        flooded("GOAWAY without end", goaway).not_held_by_reqwest(),
        after(
            "CONTINUATION without end",
            [say(unfinished), flood(continuation)],
            Unknown(Transport),
        ),
        after("empty DATA without end", [say(created(0)), flood(empty)], Status(201)),
        after("padding without end", [say(created(0)), flood(padded)], Status(201)),
    ]
}

/// What RFC 9113 forbids.
fn broken_frames() -> Vec<Mode> {
    // A field of 4000 octets enters the table, and each octet after it repeats the field.
    let mut bomb = vec![0x40, 1, b'x', 0x7f, 0xa1, 0x1e];
    bomb.extend_from_slice(&[b'a'; 4000]);
    bomb.extend_from_slice(&[0xbe; 8000]);
    let many = [STATUS_201, &[0, 1, b'x', 1, b'y'].repeat(3000)].concat();
    let sent = |name, octets: Vec<u8>| after(name, [say(octets), Step::Shut], Unknown(Transport));
    vec![
        sent("a header bomb", frame(HEADERS, 5, 1, &[STATUS_201, &bomb].concat())),
        sent("fields of 100 KiB", frame(HEADERS, 5, 1, &many)),
        sent("no status", frame(HEADERS, 5, 1, &[0, 1, b'x', 1, b'y'])),
        sent("a status of letters", frame(HEADERS, 5, 1, &[8, 3, b'a', b'b', b'c'])),
        sent("an index that is none", frame(HEADERS, 5, 1, &[0xff, 0xff, 0xff, 0xff, 0xff])),
        sent(
            "an upper-case field",
            frame(HEADERS, 5, 1, &[STATUS_201, &[0, 1, b'X', 1, b'y']].concat()),
        ),
        sent("DATA on stream 0", frame(DATA, 0, 0, &[0; 8])),
        sent("DATA before the head", frame(DATA, 1, 1, &[0; 8])),
        sent("HEADERS on a stream of the server", frame(HEADERS, 5, 2, STATUS_201)),
        sent("HEADERS on a stream that is none", frame(HEADERS, 5, 99, STATUS_201)),
        sent("a push", frame(5, 4, 1, &[0, 0, 0, 2, 0x82])),
        sent("a frame of 16 MiB", vec![0xff, 0xff, 0xff, HEADERS, 4, 0, 0, 0, 1]),
        sent("a PING of 7 octets", frame(PING, 0, 0, &[0; 7])),
        sent("SETTINGS of 5 octets", frame(SETTINGS, 0, 0, &[0; 5])),
        sent("a window of 2^32", frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff])),
        sent("an increment of 0", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        sent("CONTINUATION without HEADERS", frame(CONTINUATION, 4, 1, STATUS_201)),
    ]
}

fn bodies() -> Vec<Mode> {
    let data = frame(DATA, 0, 1, &[b'a'; 16 * 1024]);
    let small = frame(DATA, 0, 1, b"a");
    vec![
        after("a body without end", [say(created(0)), flood(data)], Status(201)),
        after("one octet a frame without end", [say(created(0)), flood(small)], Status(201)),
        after("a body that stops", [say(created(0))], Status(201)),
        after("a body that is reset", [say(created(0)), say(reset(1, 8))], Status(201)),
        after("a body that breaks off", [say(created(0)), Step::Shut], Status(201)),
        after(
            "an answer and PING without end",
            [say(created(1)), flood(frame(PING, 0, 0, &[0; 8]))],
            Status(201),
        ),
    ]
}

fn created(flags: u8) -> Vec<u8> {
    frame(HEADERS, 4 | flags, 1, STATUS_201)
}

fn interim() -> Vec<u8> {
    frame(HEADERS, 4, 1, &[8, 3, b'1', b'0', b'3'])
}

pub(crate) fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let pair =
        |&(name, value): &(u16, u32)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(SETTINGS, 0, 0, &settings.iter().flat_map(pair).collect::<Vec<_>>())
}

/// RFC 9113 §4.1.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `:status` as a literal with the name of entry 8 (RFC 7541 §6.2.2).
const STATUS_201: &[u8] = &[8, 3, b'2', b'0', b'1'];

/// Types of frames (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
