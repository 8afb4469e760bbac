//! Nobody waits longer than agreed, and nobody gives up too early.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::ErrorKind;
use crate::conformance::answer::Answer;
use crate::conformance::attempt::Attempt;
use crate::conformance::check::{Checked, checks, ensure, fail};
use crate::conformance::kit::Kit;
use crate::conformance::parts::reply;

checks! { "time";
    a_hanging_push_service_is_given_up:
        "when nothing comes back, the call ends by the deadline with `Timeout`"
        because "a send that never ends holds its slot for ever";
    a_timeout_has_an_unknown_outcome:
        "a timeout after the request went out has an unknown outcome"
        because "the message may have been taken; repeating it may notify twice";
    a_slow_answer_is_awaited:
        "an answer shortly before the deadline is taken"
        because "an impatient sender sends twice";
    a_provider_does_not_wait_by_itself:
        "429 and 503 with `Retry-After` are returned at once"
        because "waiting inside holds the slot that others need";
    nothing_waits_for_itself:
        "100 messages one after another are done as fast as they are answered"
        because "a pause for politeness holds the slot that others need";
    no_poll_blocks:
        "no poll of `send` takes longer than some milliseconds, nor does the end of a provider"
        because "a thread that sleeps, reads a file or waits for a lock stops a thousand others";
    the_deadline_is_not_repeated:
        "a hanging push service is asked once"
        because "two deadlines are longer than the one that was agreed";
    a_clock_before_1970_does_no_harm:
        "a time of day before 1970 leads to an error or acceptance"
        because "devices without a battery start there";
    a_clock_in_the_far_future_does_no_harm:
        "a time of day in the year 9999 leads to an error or acceptance"
        because "sums of times overflow";
    a_clock_that_goes_back_does_no_harm:
        "after the time of day has gone back a day, messages still go through"
        because "clocks are corrected while programs run";
}

async fn a_hanging_push_service_is_given_up(kit: Kit) -> Checked {
    let attempt = hung(&kit).await?;
    let kind = attempt.refused()?.kind();
    ensure(kind == ErrorKind::Timeout, || format!("saw {attempt}"))?;
    if kit.needs_one_attempt().is_err() {
        return Ok(());
    }
    let deadline = kit.vendor.deadline();
    ensure(attempt.elapsed <= deadline * 2, || {
        format!("it took {:?}, the deadline is {deadline:?}", attempt.elapsed)
    })
}

async fn a_timeout_has_an_unknown_outcome(kit: Kit) -> Checked {
    let attempt = hung(&kit).await?;
    let known = attempt.refused()?.is_outcome_known();
    ensure(!known, || format!("saw {attempt}"))
}

async fn a_slow_answer_is_awaited(kit: Kit) -> Checked {
    kit.needs_transport()?;
    kit.needs_paused_time()?;
    let nearly = kit.vendor.deadline() - Duration::from_secs(1);
    let Answer::Reply(accepted) = kit.accepted() else { return Ok(()) };
    let attempt = kit.attempt(Answer::Late(nearly, accepted)).await?;
    attempt.accepted().map(drop)
}

async fn nothing_waits_for_itself(kit: Kit) -> Checked {
    kit.needs_paused_time()?;
    let (provider, token) = (kit.provider(), kit.token());
    kit.script([kit.accepted()]);
    let started = Instant::now();
    for _ in 0..100 {
        kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    }
    let elapsed = started.elapsed();
    ensure(elapsed <= UNNOTICED * 100, || format!("they took {elapsed:?}"))
}

async fn no_poll_blocks(kit: Kit) -> Checked {
    let (token, used) = (kit.token(), kit.provider());
    kit.script([kit.accepted()]);
    kit.send(&used, &token, &kit.message()?).await.accepted()?;
    // A machine that is busy makes some polls long; one that blocks makes all of them long.
    let mut shortest = [Duration::MAX; 3];
    for _ in 0..TRIES {
        let fresh = kit.provider();
        for (provider, shortest) in [&used, &fresh].into_iter().zip(&mut shortest) {
            let message = kit.message()?;
            kit.script([kit.accepted()]);
            let longest = longest_poll(provider.send(&token, &message)).await;
            *shortest = longest.min(*shortest);
        }
        let started = std::time::Instant::now();
        drop(fresh);
        shortest[2] = started.elapsed().min(shortest[2]);
        let [next, first, end] = shortest;
        if next <= LONGEST_POLL && first <= LONGEST_FIRST_POLL && end <= LONGEST_FIRST_POLL {
            return Ok(());
        }
    }
    let [next, first, end] = shortest;
    fail(format!(
        "in {TRIES} sends one poll took at least {next:?}, at first {first:?}, the end {end:?}"
    ))
}

/// The time on the clock on the wall that the longest poll of a future takes.
async fn longest_poll(send: impl Future) -> Duration {
    let mut longest = Duration::ZERO;
    let mut send = pin!(send);
    poll_fn(|context| {
        let started = std::time::Instant::now();
        let polled = send.as_mut().poll(context).map(drop);
        longest = longest.max(started.elapsed());
        polled
    })
    .await;
    longest
}

async fn a_provider_does_not_wait_by_itself(kit: Kit) -> Checked {
    kit.needs_http()?;
    kit.needs_one_attempt()?;
    for status in [429, 503] {
        let mut answer = reply(status, "");
        answer.headers_mut().insert("retry-after", http::HeaderValue::from_static("50"));
        let attempt = kit.attempt(Answer::Reply(answer)).await?;
        attempt.refused()?;
        ensure(attempt.elapsed < Duration::from_secs(20), || {
            format!("{status}: it took {:?}", attempt.elapsed)
        })?;
    }
    Ok(())
}

async fn the_deadline_is_not_repeated(kit: Kit) -> Checked {
    kit.needs_one_attempt()?;
    let attempt = hung(&kit).await?;
    ensure(attempt.count() <= 1, || format!("saw {attempt}"))
}

async fn a_clock_before_1970_does_no_harm(kit: Kit) -> Checked {
    let Some(early) = SystemTime::UNIX_EPOCH.checked_sub(DAY) else { return Ok(()) };
    at(&kit, early).await
}

async fn a_clock_in_the_far_future_does_no_harm(kit: Kit) -> Checked {
    at(&kit, SystemTime::UNIX_EPOCH + YEAR_9999).await
}

async fn a_clock_that_goes_back_does_no_harm(kit: Kit) -> Checked {
    let (provider, token) = (kit.provider(), kit.token());
    kit.script([kit.accepted()]);
    kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    kit.watch.set_strict(false);
    kit.vendor.set_now(kit.vendor.now() - DAY);
    kit.send(&provider, &token, &kit.message()?).await.accepted().map(drop)
}

async fn hung(kit: &Kit) -> Checked<Attempt> {
    kit.attempt(Answer::Hang).await
}

/// Sends at a time of day; a panic or an endless wait fails the check.
async fn at(kit: &Kit, now: SystemTime) -> Checked {
    kit.watch.set_strict(false);
    kit.vendor.set_now(now);
    let answer = reply(429, "");
    kit.attempt(kit.accepted()).await?;
    kit.script([Answer::Reply(answer)]);
    let attempt = kit.send(&kit.provider(), &kit.token(), &kit.message()?).await;
    let dead = attempt.result.is_err_and(|error| error.is_token_dead());
    ensure(!dead, || "the token was called dead".to_owned())
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);
/// What a provider may spend on a message in paused time, such as on waiting for others to go
/// along with it.
const UNNOTICED: Duration = Duration::from_millis(100);
/// How often a long poll is given another chance.
const TRIES: usize = 20;
/// How long a poll may take when everything is there,
const LONGEST_POLL: Duration = Duration::from_millis(8);
/// and when a credential must be signed first, in a build without optimization.
const LONGEST_FIRST_POLL: Duration = Duration::from_millis(150);
