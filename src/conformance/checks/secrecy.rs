//! No token, key, payload or credential gets out, in any form that can be read back.

use std::error::Error as _;
use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderValue, Request, Response};

use crate::conformance::again::Place;
use crate::conformance::answer::Answer;
use crate::conformance::attempt::Attempt;
use crate::conformance::check::{Checked, checks, ensure, skip};
use crate::conformance::checks::connections::NO_WAY;
use crate::conformance::kit::Kit;
use crate::conformance::parts::{HTML, PAYLOAD, octets, reply};
use crate::conformance::scenario::Scenario;
use crate::{Error, Message, Padding};

checks! { "secrecy";
    debug_of_the_provider_shows_no_secret:
        "`Debug` of the provider shows no secret, before and after a send"
        because "applications log their state";
    debug_of_acceptance_shows_no_secret:
        "`Debug` of `Accepted` shows no secret"
        because "applications log what they get";
    errors_of_refusals_show_no_secret:
        "errors, their sources and their `Debug` show no secret, whatever the status"
        because "errors are logged everywhere";
    errors_of_the_vendors_words_show_no_secret:
        "errors of the push service's documented answers show no secret"
        because "its answers name the token they are about";
    errors_of_an_echo_show_no_secret:
        "a push service that repeats the request in its answer does not make an error show it"
        because "proxies print the request that they refuse";
    errors_of_an_echo_in_fields_show_no_secret:
        "a push service that repeats the request in its fields does not make an error show it"
        because "readers of fields keep what they could not read as the cause";
    errors_of_the_network_show_no_secret:
        "errors of a refused, broken or hanging connection show no secret"
        because "HTTP clients put the address into their errors, and the address is a capability";
    errors_before_the_network_show_no_secret:
        "errors about a token or a message that is not sent show no secret"
        because "parsers repeat what they could not read";
    errors_of_the_mint_show_no_secret:
        "errors of the token endpoint show no secret"
        because "it gets the most precious one";
    traces_of_success_show_no_secret:
        "nothing that is traced for an accepted message, down to TRACE, shows a secret"
        because "traces are shipped to other companies";
    traces_of_failure_show_no_secret:
        "nothing that is traced for a failure, down to TRACE, shows a secret"
        because "traces are read when things fail";
    nothing_printed_shows_a_secret:
        "nothing on standard output and error shows a secret, whatever the answer"
        because "what services print is kept for years, and read by everybody";
    nothing_logged_shows_a_secret:
        "nothing that any thread traces, or logs through `log`, shows a secret"
        because "a thread of its own and another logger are the places where nobody looks";
    the_vendors_control_characters_stay_out:
        "no control character of an answer reaches an error's text"
        because "a line end forges a log line, an escape code a terminal";
    an_error_is_short:
        "an error's text has 500 octets at most, however long the answer"
        because "16 KiB of a proxy's page for each message fill the disk";
}

async fn debug_of_the_provider_shows_no_secret(kit: Kit) -> Checked {
    let provider = kit.provider();
    let mut shown = format!("{provider:?} {provider:#?}");
    let mut answers = vec![kit.accepted()];
    if kit.needs_http().is_ok() {
        answers.extend(vendors_words(&kit).into_iter().map(Answer::Reply));
    }
    for answer in answers {
        kit.script([answer]);
        // Accepted or not: the provider has now used everything that it has.
        kit.send(&provider, &kit.token(), &kit.message()?).await;
        let _ = write!(shown, " {provider:?} {provider:#?}");
    }
    hides(&kit, &shown, || "`Debug` of the provider".to_owned())
}

async fn debug_of_acceptance_shows_no_secret(kit: Kit) -> Checked {
    for answer in kit.answers(Scenario::Accepted)? {
        let attempt = kit.attempt(answer).await?;
        let accepted = attempt.accepted()?;
        let shown = format!("{accepted:?} {accepted:#?}");
        hides(&kit, &shown, || "`Debug` of `Accepted`".to_owned())?;
    }
    Ok(())
}

async fn errors_of_refusals_show_no_secret(kit: Kit) -> Checked {
    kit.needs_http()?;
    for status in (300..600).filter(|status| status % 100 < 12) {
        let attempt = kit.attempt(Answer::Reply(reply(status, HTML))).await?;
        error_hides(&kit, &attempt)?;
    }
    Ok(())
}

async fn errors_of_the_vendors_words_show_no_secret(kit: Kit) -> Checked {
    kit.needs_http()?;
    for answer in vendors_words(&kit) {
        let attempt = kit.attempt(Answer::Reply(answer)).await?;
        error_hides(&kit, &attempt)?;
    }
    Ok(())
}

async fn errors_of_an_echo_show_no_secret(kit: Kit) -> Checked {
    for (status, as_json) in ECHOES {
        let attempt = echoed(&kit, status, as_json).await?;
        error_hides(&kit, &attempt)?;
    }
    Ok(())
}

async fn errors_of_an_echo_in_fields_show_no_secret(kit: Kit) -> Checked {
    kit.needs_http()?;
    for status in [200, 201, 302, 400, 401, 404, 410, 429, 503] {
        for name in ECHOING {
            kit.script([kit.accepted()]);
            kit.vendor.route(move |request| Answer::Reply(echo_in_field(request, status, name)));
            let attempt = kit.send(&kit.provider(), &kit.token(), &kit.message()?).await;
            error_hides(&kit, &attempt)?;
        }
    }
    traces_hide(&kit)
}

async fn errors_of_the_network_show_no_secret(kit: Kit) -> Checked {
    kit.needs_http()?;
    // The connection that is refused comes last: over loopback nobody listens any more.
    for answer in [Answer::Reset, Answer::Hang, Answer::Block, Answer::Refuse] {
        let attempt = kit.attempt(answer).await?;
        error_hides(&kit, &attempt)?;
    }
    Ok(())
}

async fn errors_before_the_network_show_no_secret(kit: Kit) -> Checked {
    let limit = kit.provider().capabilities().max_body;
    let large = Message::new(PAYLOAD).with_padding(Padding::To(limit + 1));
    let mut attempts = Vec::new();
    kit.script([kit.accepted()]);
    if let Ok(large) = kit.sealed(&large) {
        attempts.push(kit.send(&kit.provider(), &kit.token(), &large).await);
    }
    let mut tokens = kit.foreign_tokens()?;
    tokens.extend(kit.harness.malformed(&kit.vendor, kit.agent.keys().clone()));
    tokens.extend(kit.token_with(|address| {
        for value in address.values_mut() {
            *value = serde_json::json!([value.take()]);
        }
    }));
    for appended in [" ", "\u{1f514}", "\"", "\r\n", "<>", "{", "\u{7f}"] {
        let changed = kit.each_text(|text| format!("{text}{appended}"));
        tokens.extend(changed.into_iter().map(|(_, token)| token));
    }
    kit.watch.set_strict(false);
    for token in tokens {
        attempts.push(kit.send(&kit.provider(), &token, &kit.message()?).await);
    }
    attempts.iter().try_for_each(|attempt| error_hides(&kit, attempt))
}

async fn errors_of_the_mint_show_no_secret(kit: Kit) -> Checked {
    kit.needs_http()?;
    let mut answers = kit.answers(Scenario::MintRefused)?;
    answers.extend(kit.forms(Scenario::MintUnavailable));
    answers.extend(["", HTML, "{}"].map(|body| Answer::Reply(reply(200, body))));
    answers.extend([Answer::Hang, Answer::Reset]);
    // A token endpoint that repeats what it was asked.
    kit.attempt(kit.accepted()).await?.accepted()?;
    if let Some(request) = kit.vendor.mints().first() {
        for (status, as_json) in ECHOES {
            answers.push(Answer::Reply(echo(request, status, as_json)));
        }
        for status in [200, 400, 401, 503] {
            let mut answer = echo_in_field(request, status, "www-authenticate");
            let secrets = kit.harness.secrets();
            let said =
                secrets.iter().map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
            *answer.body_mut() = serde_json::json!({
                "error": "invalid_grant",
                "error_description": said.collect::<Vec<_>>().join(" "),
            })
            .to_string()
            .into();
            answers.push(Answer::Reply(answer));
        }
    }
    for answer in answers {
        kit.vendor.script_mint(answer);
        let attempt = kit.attempt(kit.accepted()).await?;
        error_hides(&kit, &attempt)?;
    }
    traces_hide(&kit)
}

async fn traces_of_success_show_no_secret(kit: Kit) -> Checked {
    kit.attempt(kit.accepted()).await?.accepted()?;
    traces_hide(&kit)
}

async fn traces_of_failure_show_no_secret(kit: Kit) -> Checked {
    for foreign in kit.foreign_tokens()? {
        kit.send(&kit.provider(), &foreign, &kit.message()?).await;
    }
    if kit.needs_http().is_ok() {
        for answer in vendors_words(&kit) {
            kit.attempt(Answer::Reply(answer)).await?;
            traces_hide(&kit)?;
        }
        for (status, as_json) in ECHOES {
            echoed(&kit, status, as_json).await?;
            traces_hide(&kit)?;
        }
        for answer in [Answer::Reset, Answer::Hang, Answer::Refuse] {
            kit.attempt(answer).await?;
            traces_hide(&kit)?;
        }
    }
    traces_hide(&kit)
}

async fn nothing_printed_shows_a_secret(kit: Kit) -> Checked {
    let again = match &*kit.place {
        Place::Apart => return everything_happens(&kit).await,
        Place::Here(Some(again)) => again,
        Place::Here(None) => return skip(NO_WAY),
    };
    let ended = again.start("nothing_printed_shows_a_secret", &[], &[])?;
    ended.printed_no_secret()?;
    ended.verdict()
}

async fn nothing_logged_shows_a_secret(kit: Kit) -> Checked {
    let again = match &*kit.place {
        Place::Apart => return everything_happens(&kit).await,
        Place::Here(Some(again)) => again,
        Place::Here(None) => return skip(NO_WAY),
    };
    let ended = again.start("nothing_logged_shows_a_secret", &[], &[])?;
    ended.logged_no_secret()?;
    ended.verdict()
}

/// Everything that can become of a message; what is printed and logged meanwhile is looked at
/// elsewhere.
async fn everything_happens(kit: &Kit) -> Checked {
    let (provider, token) = (kit.provider(), kit.token());
    for _ in 0..3 {
        kit.send_accepted(&provider).await?;
    }
    kit.note_credentials();
    let mut strangers = kit.foreign_tokens()?;
    strangers.extend(kit.harness.malformed(&kit.vendor, kit.agent.keys().clone()));
    for stranger in strangers {
        kit.send(&provider, &stranger, &kit.message()?).await;
    }
    if kit.needs_http().is_ok() {
        for answer in vendors_words(kit) {
            kit.script([Answer::Reply(answer)]);
            kit.send(&provider, &token, &kit.message()?).await;
            kit.note_credentials();
        }
        for (status, as_json) in ECHOES {
            echoed(kit, status, as_json).await?;
            kit.note_credentials();
        }
        for scenario in [Scenario::MintRefused, Scenario::MintUnavailable] {
            for answer in kit.forms(scenario) {
                kit.vendor.script_mint(answer);
                kit.script([kit.accepted()]);
                kit.send(&kit.provider(), &token, &kit.message()?).await;
            }
        }
        kit.vendor.script_mint(None);
        for answer in [Answer::Reset, Answer::Hang, Answer::Refuse] {
            kit.attempt(answer).await?;
            kit.note_credentials();
        }
    }
    Ok(())
}

async fn the_vendors_control_characters_stay_out(kit: Kit) -> Checked {
    const WORDS: &str = "gone\r\nforged: line\u{1b}[31m\u{7}\u{0}\u{202e}";
    kit.needs_http()?;
    let json = serde_json::json!({
        "code": 400, "message": WORDS, "reason": WORDS, "error": WORDS, "errors": [WORDS],
    });
    let nested = serde_json::json!({ "error": { "message": WORDS, "status": WORDS } });
    for status in [400, 401, 403, 404, 410, 413, 429, 500, 503] {
        for body in [WORDS.to_owned(), json.to_string(), nested.to_string()] {
            let attempt = kit.attempt(Answer::Reply(reply(status, body))).await?;
            let shown = attempt.refused()?.to_string();
            let clean = !shown.chars().any(|c| c.is_control() || c == '\u{202e}');
            ensure(clean, || format!("{status}: an error's text has one"))?;
        }
    }
    Ok(())
}

async fn an_error_is_short(kit: Kit) -> Checked {
    kit.needs_http()?;
    let long = "long answer ".repeat(1_000);
    let json = serde_json::json!({ "message": long, "reason": long, "errors": [long] });
    let nested = serde_json::json!({ "error": { "message": long, "status": long } });
    for status in [302, 400, 401, 403, 404, 410, 413, 429, 500, 503] {
        for body in [long.clone(), json.to_string(), nested.to_string()] {
            let attempt = kit.attempt(Answer::Reply(reply(status, body))).await?;
            let len = attempt.refused()?.to_string().len();
            ensure(len <= MAX_TEXT, || format!("{status}: an error's text has {len} octets"))?;
        }
    }
    Ok(())
}

/// Everything that the push service's documentation knows it to say.
fn vendors_words(kit: &Kit) -> Vec<Response<Bytes>> {
    let refusals = Scenario::refusals_but(&[]);
    refusals.flat_map(|scenario| kit.harness.answers(scenario)).collect()
}

/// Makes an attempt whose request comes back in the answer.
async fn echoed(kit: &Kit, status: u16, as_json: bool) -> Checked<Attempt> {
    kit.needs_http()?;
    kit.script([kit.accepted()]);
    kit.vendor.route(move |request| Answer::Reply(echo(request, status, as_json)));
    Ok(kit.send(&kit.provider(), &kit.token(), &kit.message()?).await)
}

fn echo(request: &Request<Bytes>, status: u16, as_json: bool) -> Response<Bytes> {
    let text = String::from_utf8_lossy(&octets(request)).into_owned();
    let body = if as_json {
        serde_json::json!({
            "code": status, "errno": 103, "message": text, "reason": text, "errors": [text],
            "error": { "code": status, "message": text, "status": text },
        })
        .to_string()
    } else {
        text
    };
    reply(status, body)
}

/// An answer that repeats the request in one of its fields.
fn echo_in_field(request: &Request<Bytes>, status: u16, name: &'static str) -> Response<Bytes> {
    let credential = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let text =
        [request.uri().to_string().as_bytes(), b" \xff ", credential.unwrap_or_default()].concat();
    let mut response = reply(status, HTML);
    if let Ok(value) = HeaderValue::from_bytes(&text) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

/// An error must hide every secret, in each of its forms; acceptance has nothing to hide here.
fn error_hides(kit: &Kit, attempt: &Attempt) -> Checked {
    match &attempt.result {
        Ok(_) => Ok(()),
        Err(error) => hides(kit, &shown(error), || format!("the error ({attempt})")),
    }
}

fn traces_hide(kit: &Kit) -> Checked {
    hides(kit, &kit.trace.take(), || "what was traced".to_owned())
}

fn hides(kit: &Kit, shown: &str, place: impl FnOnce() -> String) -> Checked {
    let found = kit.shows(shown);
    ensure(found.is_none(), || format!("{} shows {}", place(), found.unwrap_or_default()))
}

/// All texts of an error and of its sources.
fn shown(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, " {cause} {cause:?} {cause:#?}");
        source = cause.source();
    }
    text
}

/// Fields that a provider may read.
const ECHOING: [&str; 6] =
    ["location", "retry-after", "www-authenticate", "content-type", "ttl", "x-error"];
/// Longest text of an error, in octets.
const MAX_TEXT: usize = 500;
const ECHOES: [(u16, bool); 10] = [
    (200, true),
    (302, false),
    (400, false),
    (400, true),
    (401, true),
    (403, true),
    (404, false),
    (413, true),
    (429, true),
    (503, false),
];
