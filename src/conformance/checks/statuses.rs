//! Answers that the push service's documentation does not know: every status class, and bodies
//! that a proxy, a portal or a bug put there.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Response};

use crate::ErrorKind;
use crate::conformance::answer::Answer;
use crate::conformance::attempt::Attempt;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::kit::Kit;
use crate::conformance::parts::{HTML, PAGES, octets, reply};
use crate::conformance::scenario::Scenario;
use crate::conformance::secret::{Secret, find};
use crate::transport::MAX_RESPONSE;

checks! { "statuses";
    a_4xx_without_its_reason_kills_no_token:
        "a 4xx that does not say that the subscription is gone is not `Expired`"
        because "a proxy's page would delete every token";
    a_dead_status_is_expired:
        "the statuses that mean a dead subscription by themselves are `Expired`"
        because "their bodies differ from day to day";
    a_proxys_page_kills_no_token:
        "pages with `Not Found`, `Gone` or the push service's own words in them are not `Expired`"
        because "a proxy, a portal or a wrong address answers so, for every token";
    a_4xx_is_not_retried:
        "a 4xx is permanent, but for 401, 403, 406, 408, 425 and 429"
        because "the same request fails again";
    a_4xx_has_a_known_outcome:
        "after a 4xx it is known that the message was not taken"
        because "applications repeat only what was not";
    a_gateway_leaves_the_outcome_unknown:
        "after 502 and 504 it is not known whether the message was taken"
        because "the push service behind the gateway may have taken it";
    status_401_is_unauthorized:
        "401 is `Unauthorized`"
        because "only the operator can repair it";
    status_403_is_about_us:
        "403 is `Unauthorized` or `TokenMismatch`"
        because "the subscription is not at fault";
    status_408_is_retryable:
        "408 is retryable"
        because "the push service waited for a request that was late (RFC 9110 §15.5.9)";
    status_413_is_payload_too_large:
        "413 is `PayloadTooLarge`, whatever the body"
        because "the application can send less";
    status_429_is_rate_limited:
        "429 is `RateLimited`, whatever the body"
        because "a limit that is taken for a refusal loses messages";
    retry_after_in_seconds_is_kept_on_429:
        "`Retry-After` in seconds is kept on 429"
        because "a sender who comes back early is blocked";
    retry_after_as_a_date_is_kept_on_429:
        "`Retry-After` as a date is kept on 429"
        because "RFC 9110 §10.2.3 has two forms";
    retry_after_in_seconds_is_kept_on_5xx:
        "`Retry-After` in seconds is kept on 5xx"
        because "a service under repair says when it is back";
    retry_after_as_a_date_is_kept_on_5xx:
        "`Retry-After` as a date is kept on 5xx"
        because "RFC 9110 §10.2.3 has two forms";
    a_strange_retry_after_does_no_harm:
        "an unreadable, negative, past or enormous `Retry-After` changes nothing else"
        because "arithmetic on it can overflow";
    every_5xx_is_unavailable:
        "every 5xx is `Unavailable` and retryable"
        because "the push service has trouble, not the message";
    no_5xx_kills_a_token:
        "no 5xx is called dead"
        because "an outage would delete every token";
    redirects_are_not_followed:
        "a 3xx with `Location` causes no second request"
        because "the message and the credential would go to whoever is named there";
    a_redirect_is_permanent:
        "a 3xx is an error, not retryable, and kills no token"
        because "only the operator can set another address";
    a_success_that_cannot_be_read_is_not_repeated:
        "a 2xx with garbage is accepted, or `UnexpectedResponse` with an unknown outcome"
        because "the message was probably taken; repeating it notifies twice";
    a_strange_success_is_not_repeated:
        "a 2xx that the push service does not know is not retryable and kills no token"
        because "the message was probably taken; repeating it notifies twice";
    a_broken_body_changes_no_class:
        "HTML, broken JSON, JSON of the wrong types and invalid UTF-8 are read by the status alone"
        because "proxies and portals answer in the push service's place";
    a_deep_body_does_no_harm:
        "JSON nested 8,000 levels deep is read by the status alone"
        because "a recursive reader runs out of stack and ends the process";
    an_endless_body_does_no_harm:
        "a body without an end is left on the wire"
        because "it fills the memory of the sender";
    fields_that_are_no_text_do_no_harm:
        "fields of an answer with octets that are no text change nothing else"
        because "a reader that takes them for text panics, or refuses what was accepted";
    an_answer_sets_nothing:
        "nothing that an answer sets, such as a cookie, is in a later request"
        because "it ties the messages of different people together";
    an_unknown_status_is_an_error:
        "a status that nobody knows is an error that kills no token"
        because "standards grow";
}

async fn a_4xx_without_its_reason_kills_no_token(kit: Kit) -> Checked {
    let dead = kit.harness.dead_statuses().to_vec();
    for status in (400..500).filter(|status| !dead.contains(status)) {
        let attempt = refused(&kit, reply(status, HTML)).await?;
        let is_dead = attempt.refused()?.is_token_dead();
        ensure(!is_dead, || format!("{status}: saw {attempt}"))?;
    }
    Ok(())
}

async fn a_proxys_page_kills_no_token(kit: Kit) -> Checked {
    kit.needs_http()?;
    let dead = kit.harness.dead_statuses().to_vec();
    let documented = kit.harness.answers(Scenario::Expired);
    for status in [400, 403, 404, 405, 406, 409, 410, 421, 451, 500, 502, 503] {
        if dead.contains(&status) {
            continue;
        }
        for (nth, page) in PAGES.iter().enumerate() {
            // What the push service itself says is no proxy's page.
            if documented.iter().any(|answer| answer.body() == page.as_bytes()) {
                continue;
            }
            // Each page comes as both, with one half of the statuses each.
            let kinds = ["text/html", "application/json"];
            let kind = kinds[(nth + usize::from(status / 2)) % kinds.len()];
            let mut answer = reply(status, *page);
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            let attempt = refused(&kit, answer).await?;
            let dead = attempt.refused()?.is_token_dead();
            ensure(!dead, || format!("{status} with '{page}': saw {attempt}"))?;
        }
    }
    Ok(())
}

async fn a_dead_status_is_expired(kit: Kit) -> Checked {
    kit.needs_http()?;
    let dead = kit.harness.dead_statuses().to_vec();
    if dead.is_empty() {
        return skip("no status alone means a dead subscription");
    }
    for status in dead {
        for body in BROKEN {
            let attempt = refused(&kit, reply(status, *body)).await?;
            let kind = attempt.refused()?.kind();
            ensure(kind == ErrorKind::Expired, || format!("{status}: saw {attempt}"))?;
        }
    }
    Ok(())
}

async fn a_4xx_is_not_retried(kit: Kit) -> Checked {
    for status in (400..500).filter(|status| ![401, 403, 406, 408, 425, 429].contains(status)) {
        let attempt = refused(&kit, reply(status, HTML)).await?;
        let retryable = attempt.refused()?.is_retryable();
        ensure(!retryable, || format!("{status}: saw {attempt}"))?;
    }
    for status in [400, 404, 405, 410, 422] {
        let attempt = refused(&kit, with_delay(status, "120")).await?;
        let retryable = attempt.refused()?.is_retryable();
        ensure(!retryable, || format!("{status} with `Retry-After`: saw {attempt}"))?;
    }
    Ok(())
}

async fn a_gateway_leaves_the_outcome_unknown(kit: Kit) -> Checked {
    for status in [502, 504] {
        let attempt = refused(&kit, reply(status, HTML)).await?;
        let unknown = !attempt.refused()?.is_outcome_known();
        ensure(unknown, || format!("{status}: saw {attempt}"))?;
    }
    Ok(())
}

async fn a_4xx_has_a_known_outcome(kit: Kit) -> Checked {
    for status in 400..500 {
        let attempt = refused(&kit, reply(status, HTML)).await?;
        let known = attempt.refused()?.is_outcome_known();
        ensure(known, || format!("{status}: saw {attempt}"))?;
    }
    Ok(())
}

async fn status_401_is_unauthorized(kit: Kit) -> Checked {
    whatever_the_body(&kit, 401, &[ErrorKind::Unauthorized]).await
}

async fn status_403_is_about_us(kit: Kit) -> Checked {
    whatever_the_body(&kit, 403, &[ErrorKind::Unauthorized, ErrorKind::TokenMismatch]).await
}

async fn status_408_is_retryable(kit: Kit) -> Checked {
    whatever_the_body(&kit, 408, &[ErrorKind::Unavailable, ErrorKind::Timeout]).await
}

async fn status_413_is_payload_too_large(kit: Kit) -> Checked {
    whatever_the_body(&kit, 413, &[ErrorKind::PayloadTooLarge]).await
}

async fn status_429_is_rate_limited(kit: Kit) -> Checked {
    whatever_the_body(&kit, 429, &[ErrorKind::RateLimited]).await
}

async fn retry_after_in_seconds_is_kept_on_429(kit: Kit) -> Checked {
    delay_is_kept(&kit, &[429], false).await
}

async fn retry_after_as_a_date_is_kept_on_429(kit: Kit) -> Checked {
    delay_is_kept(&kit, &[429], true).await
}

async fn retry_after_in_seconds_is_kept_on_5xx(kit: Kit) -> Checked {
    delay_is_kept(&kit, &[500, 502, 503], false).await
}

async fn retry_after_as_a_date_is_kept_on_5xx(kit: Kit) -> Checked {
    delay_is_kept(&kit, &[500, 502, 503], true).await
}

async fn a_strange_retry_after_does_no_harm(kit: Kit) -> Checked {
    for (status, kind) in [(429, ErrorKind::RateLimited), (503, ErrorKind::Unavailable)] {
        for value in [
            "",
            "soon",
            "-5",
            "1.5",
            "0",
            "-0",
            "+5",
            "1e3",
            "NaN",
            "inf",
            "0x10",
            "120, 60",
            "99999999999999999999999999",
            "18446744073709551615",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            let attempt = refused(&kit, with_delay(status, value)).await?;
            let seen = attempt.refused()?.kind();
            ensure(seen == kind, || format!("{status}, '{value}': saw {attempt}"))?;
        }
    }
    Ok(())
}

async fn every_5xx_is_unavailable(kit: Kit) -> Checked {
    for status in (500..512).chain([520, 522, 525, 530, 599]) {
        whatever_the_body(&kit, status, &[ErrorKind::Unavailable]).await?;
    }
    Ok(())
}

async fn no_5xx_kills_a_token(kit: Kit) -> Checked {
    for status in 500..600 {
        let attempt = refused(&kit, reply(status, HTML)).await?;
        let dead = attempt.refused()?.is_token_dead();
        ensure(!dead, || format!("{status}: saw {attempt}"))?;
    }
    Ok(())
}

async fn redirects_are_not_followed(kit: Kit) -> Checked {
    kit.needs_one_attempt()?;
    for status in REDIRECTS {
        let attempt = refused(&kit, redirect(&kit, status)).await?;
        ensure(attempt.requests.len() == 1, || format!("{status}: saw {attempt}"))?;
    }
    Ok(())
}

async fn a_redirect_is_permanent(kit: Kit) -> Checked {
    for status in REDIRECTS {
        let attempt = refused(&kit, redirect(&kit, status)).await?;
        let error = attempt.refused()?;
        let permanent = !error.is_retryable() && !error.is_token_dead();
        ensure(permanent, || format!("{status}: saw {attempt}"))?;
    }
    Ok(())
}

async fn a_success_that_cannot_be_read_is_not_repeated(kit: Kit) -> Checked {
    kit.needs_http()?;
    for answer in kit.harness.answers(Scenario::Accepted) {
        let status = answer.status().as_u16();
        for body in BROKEN {
            let attempt = kit.attempt(Answer::Reply(reply(status, *body))).await?;
            let Err(error) = &attempt.result else { continue };
            let clear = error.kind() == ErrorKind::UnexpectedResponse && !error.is_outcome_known();
            ensure(clear, || format!("{status}: saw {attempt}"))?;
        }
    }
    Ok(())
}

async fn a_strange_success_is_not_repeated(kit: Kit) -> Checked {
    kit.needs_http()?;
    for status in [200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 250, 299] {
        for body in ["", HTML, "{}"] {
            let attempt = kit.attempt(Answer::Reply(reply(status, body))).await?;
            let Err(error) = &attempt.result else { continue };
            let harmless = !error.is_retryable() && !error.is_token_dead();
            ensure(harmless, || format!("{status}: saw {attempt}"))?;
        }
    }
    Ok(())
}

async fn fields_that_are_no_text_do_no_harm(kit: Kit) -> Checked {
    kit.needs_http()?;
    let accepted = kit.harness.answers(Scenario::Accepted).into_iter().next();
    let refusals =
        [(400, ErrorKind::Rejected), (429, ErrorKind::RateLimited), (503, ErrorKind::Unavailable)];
    for name in [
        "location",
        "retry-after",
        "ttl",
        "content-type",
        "www-authenticate",
        "date",
        "server",
        "etag",
        "link",
        "x-request-id",
        "apns-id",
        "x-wns-status",
        "content-language",
    ] {
        let name = HeaderName::from_static(name);
        let Ok(value) = HeaderValue::from_bytes(b"\xff\xfe caf\xe9 \x80") else { continue };
        if let Some(mut answer) = accepted.clone() {
            answer.headers_mut().insert(name.clone(), value.clone());
            let attempt = kit.attempt(Answer::Reply(answer)).await?;
            let taken = attempt.result.as_ref().map_or_else(
                |error| error.kind() == ErrorKind::UnexpectedResponse && !error.is_outcome_known(),
                |_| true,
            );
            ensure(taken, || format!("acceptance with {name}: saw {attempt}"))?;
        }
        for (status, kind) in refusals {
            let mut answer = reply(status, HTML);
            answer.headers_mut().insert(name.clone(), value.clone());
            let attempt = refused(&kit, answer).await?;
            let seen = attempt.refused()?.kind();
            ensure(seen == kind, || format!("{status} with {name}: saw {attempt}"))?;
        }
    }
    Ok(())
}

async fn an_answer_sets_nothing(kit: Kit) -> Checked {
    kit.needs_http()?;
    let (provider, secret) = (kit.provider(), [Secret::new("mark", MARK)]);
    for mut answer in kit.harness.answers(Scenario::Accepted) {
        for name in [
            "set-cookie",
            "etag",
            "x-session",
            "x-csrf-token",
            "www-authenticate",
            "alt-svc",
            "link",
        ] {
            let value = format!("session={MARK}; Path=/; Max-Age=86400");
            let Ok(value) = HeaderValue::from_str(&value) else { continue };
            answer.headers_mut().insert(HeaderName::from_static(name), value);
        }
        kit.script([Answer::Reply(answer), kit.accepted()]);
        for _ in 0..2 {
            // Accepted or not: only what is sent afterwards matters.
            kit.send(&provider, &kit.token(), &kit.message()?).await;
        }
        for request in kit.vendor.requests() {
            let found = find(&secret, &octets(&request));
            ensure(found.is_none(), || format!("a request holds {}", found.unwrap_or_default()))?;
        }
    }
    Ok(())
}

async fn a_broken_body_changes_no_class(kit: Kit) -> Checked {
    whatever_the_body(&kit, 400, &[ErrorKind::Rejected]).await?;
    whatever_the_body(&kit, 429, &[ErrorKind::RateLimited]).await?;
    whatever_the_body(&kit, 500, &[ErrorKind::Unavailable]).await?;
    whatever_the_body(&kit, 503, &[ErrorKind::Unavailable]).await
}

async fn a_deep_body_does_no_harm(kit: Kit) -> Checked {
    for open in ["[", "{\"error\":", "{\"errors\":["] {
        let body = Bytes::from(open.repeat(8_000));
        for (status, kind) in [(400, ErrorKind::Rejected), (503, ErrorKind::Unavailable)] {
            let attempt = refused(&kit, reply(status, body.clone())).await?;
            let seen = attempt.refused()?.kind();
            ensure(seen == kind, || format!("{status}: saw {attempt}"))?;
        }
        kit.attempt(Answer::Reply(reply(200, body))).await?;
    }
    Ok(())
}

async fn an_endless_body_does_no_harm(kit: Kit) -> Checked {
    kit.needs_http()?;
    for status in [200, 201, 400, 503] {
        let answer = Answer::Endless(reply(status, "").map(drop));
        let attempt = kit.attempt(answer).await?;
        ensure(!kit.vendor.is_overread(), || format!("{status}: it was read on and on"))?;
        let Err(error) = &attempt.result else { continue };
        let len = error.to_string().len();
        ensure(len < MAX_RESPONSE / 8, || format!("the error's text has {len} octets"))?;
    }
    Ok(())
}

async fn an_unknown_status_is_an_error(kit: Kit) -> Checked {
    for status in [305, 306, 399, 418, 444, 451, 499, 509, 599] {
        let attempt = refused(&kit, reply(status, "")).await?;
        let dead = attempt.refused()?.is_token_dead();
        ensure(!dead, || format!("{status}: saw {attempt}"))?;
    }
    Ok(())
}

async fn refused(kit: &Kit, answer: Response<Bytes>) -> Checked<Attempt> {
    kit.needs_http()?;
    let status = answer.status().as_u16();
    let attempt = kit.attempt(Answer::Reply(answer)).await?;
    if attempt.result.is_ok() { fail(format!("{status} was accepted")) } else { Ok(attempt) }
}

/// The status decides, whatever stands in the body.
async fn whatever_the_body(kit: &Kit, status: u16, kinds: &[ErrorKind]) -> Checked {
    for body in BROKEN {
        let attempt = refused(kit, reply(status, *body)).await?;
        let kind = attempt.refused()?.kind();
        ensure(kinds.contains(&kind), || format!("{status}: saw {attempt}"))?;
    }
    Ok(())
}

async fn delay_is_kept(kit: &Kit, statuses: &[u16], as_date: bool) -> Checked {
    for (status, asked) in statuses.iter().flat_map(|status| DELAYS.map(|delay| (*status, delay))) {
        let value = if as_date {
            httpdate::fmt_http_date(kit.vendor.now() + asked)
        } else {
            asked.as_secs().to_string()
        };
        let attempt = refused(kit, with_delay(status, &value)).await?;
        let delay = attempt.refused()?.retry_after();
        // A provider on the system's clock has lost a moment since the kit set its own.
        let kept = delay.is_some_and(|delay| (asked - TOLERANCE..=asked).contains(&delay));
        ensure(kept, || format!("{status} asked for {asked:?}, saw {attempt}"))?;
    }
    Ok(())
}

fn with_delay(status: u16, value: &str) -> Response<Bytes> {
    let mut response = reply(status, HTML);
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

fn redirect(kit: &Kit, status: u16) -> Response<Bytes> {
    let mut response = reply(status, "");
    if let Ok(value) = HeaderValue::from_str(&format!("{}/elsewhere", kit.vendor.url())) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}

const REDIRECTS: [u16; 7] = [300, 301, 302, 303, 305, 307, 308];
/// Short ones, and one near the longest that is kept whole.
const DELAYS: [Duration; 2] = [Duration::from_secs(120), Duration::from_secs(3_000)];
const TOLERANCE: Duration = Duration::from_secs(10);
/// Bodies that no push service means to send.
const BROKEN: &[&[u8]] = &[
    b"",
    HTML.as_bytes(),
    b"null",
    b"[]",
    b"{}",
    b"{\"error\":7}",
    b"{\"error\":{\"code\":\"x\",\"details\":{}}}",
    b"{\"errors\":[[7]],\"id\":3}",
    b"{\"id\": \"abc",
    b"\xff\xfe\x00 not UTF-8 \x80",
];
/// Occurs nowhere by chance.
const MARK: &str = "mark-of-an-answer-Zt8Kq2Vw";
