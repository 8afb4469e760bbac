//! Hostile servers that never get as far as HTTP: nothing of a request may reach them.

use sealpush::ErrorKind::{Timeout, Transport};

use super::Verdict::Known;
use super::{Mode, Script, Step, Verdict, flood, say};

pub(crate) fn modes() -> Vec<Mode> {
    let hello = [22, 3, 3, 0x40, 0, 2, 0, 0xff, 0xff];
    let mut modes = vec![
        Mode::new("reads nothing", Script::Hold, Known(Timeout)).arrivals(0),
        Mode::new("closes at once", Script::Close, Known(Transport)).arrivals(0),
        after("reads and says nothing", [], Known(Timeout)),
        after("closes after the hello", [Step::Shut], Known(Transport)),
        after("resets after the hello", [Step::Reset], Known(Transport)),
        after("plain HTTP", [say("HTTP/1.1 400 Bad Request\r\n\r\n")], Known(Transport)),
        after("a record that is cut", [say(hello), Step::Shut], Known(Transport)),
        after("a record that stops", [say(hello)], Known(Timeout)),
        after("a handshake message without end", [say(&hello[..5]), flood([0])], Known(Transport)),
        after("empty records without end", [flood([22, 3, 3, 0, 0])], Known(Transport)),
        after("a record of another version", [say([22, 9, 9, 0, 1, 0])], Known(Transport)),
        after("application data before keys", [say([23, 3, 3, 0, 1, 0])], Known(Transport)),
        after("a hello of zeros", [say([22, 3, 3, 0, 4, 2, 0, 0, 0])], Known(Transport)),
    ];
    for (name, alert) in [
        ("the alert handshake_failure", 40),
        ("the alert bad_certificate", 42),
        ("the alert unknown_ca", 48),
        ("the alert protocol_version", 70),
        ("the alert internal_error", 80),
        ("the alert unrecognized_name", 112),
        ("the alert close_notify", 0),
    ] {
        modes.push(after(name, [say([21, 3, 3, 0, 2, 2, alert]), Step::Shut], Known(Transport)));
    }
    modes
}

fn after(name: &'static str, steps: impl Into<Vec<Step>>, verdict: Verdict) -> Mode {
    Mode::new(name, Script::After(steps.into()), verdict).arrivals(0)
}
