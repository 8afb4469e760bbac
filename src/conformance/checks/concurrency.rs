//! Many sends at once, and sends that are dropped half way.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::future::{Either, join, join_all, select};
use tokio::task::unconstrained;

use crate::conformance::answer::Answer;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::harness::Credentials;
use crate::conformance::kit::Kit;
use crate::conformance::parts::reply;
use crate::conformance::scenario::Scenario;
use crate::{PushProvider, SealedMessage, Token, Ttl};

checks! { "concurrency";
    a_thousand_sends_arrive_once_each:
        "1,000 messages, all at once or 50 over real HTTP, arrive once each with their own octets"
        because "a shared buffer mixes messages of different people";
    answers_are_not_mixed_up:
        "of 200 messages at once, those and only those that were refused are errors"
        because "the wrong token would be deleted";
    a_hanging_send_delays_no_other:
        "while one send hangs, 100 others go through"
        because "a lock that is held over a request makes all wait for the slowest";
    a_hundred_hanging_sends_delay_no_other:
        "while 100 sends hang, another one goes through"
        because "a hidden limit lets one slow user agent's push service stop all the others";
    options_of_messages_at_once_are_not_mixed:
        "of 50 messages at once, each goes out with its own TTL"
        because "what is shared between two sends mixes up messages";
    a_send_that_is_never_polled_does_nothing:
        "a send that is made and dropped sends nothing"
        because "futures are lazy: a task that was spawned outlives its caller";
    a_cancelled_send_leaves_the_provider_usable:
        "after a send was dropped at any await, the next one goes through"
        because "callers time out, and a lock that stays taken stops everything";
    a_cancelled_send_sends_once_at_most:
        "a send that was dropped at any await has made one request at most"
        because "dropping it must end it";
    a_send_dropped_before_its_request_sends_nothing:
        "a send that was dropped before its request went out sends nothing afterwards"
        because "the caller has given it up, and will send the message another way";
    a_cancelled_renewal_is_taken_over:
        "when the send that gets or renews a credential is dropped, one that waits goes through"
        because "a caller who gives up must not take the others along";
}

async fn a_thousand_sends_arrive_once_each(kit: Kit) -> Checked {
    const COUNT: usize = 1_000;
    let (provider, token) = (kit.provider(), kit.token());
    let messages = (0..COUNT).map(|_| kit.message()).collect::<Checked<Vec<_>>>()?;
    kit.script([kit.accepted()]);
    let at_once = kit.at_once(COUNT);
    let mut accepted = 0;
    for messages in messages.chunks(at_once) {
        let sends = messages.iter().map(|message| provider.send(&token, message));
        accepted +=
            unconstrained(join_all(sends)).await.iter().filter(|result| result.is_ok()).count();
    }
    ensure(accepted == COUNT, || format!("{accepted} of {COUNT} were accepted"))?;
    let arrived = kit.arrived();
    let distinct: HashSet<&Bytes> = arrived.iter().collect();
    let whole = messages.iter().all(|message| distinct.contains(message.body()));
    ensure(whole && arrived.len() == COUNT && distinct.len() == COUNT, || {
        format!("{} bodies arrived, {} different ones", arrived.len(), distinct.len())
    })
}

async fn answers_are_not_mixed_up(kit: Kit) -> Checked {
    kit.needs_http()?;
    let (provider, token, count) = (kit.provider(), kit.token(), kit.at_once(200));
    let messages = (0..count).map(|_| kit.message()).collect::<Checked<Vec<_>>>()?;
    let refused: HashSet<Bytes> =
        messages.iter().step_by(3).map(|message| message.body().clone()).collect();
    let (harness, accepted, condemned) = (kit.harness.clone(), kit.accepted(), refused.clone());
    kit.script([]);
    kit.vendor.route(move |request| match harness.body(request) {
        Some(body) if condemned.contains(&body) => Answer::Reply(reply(400, "")),
        _ => accepted.clone(),
    });
    let results = join_all(messages.iter().map(|message| provider.send(&token, message))).await;
    if kit.vendor.is_at_a_loss() {
        return skip("the harness cannot answer several messages at once; see `Harness::pack`");
    }
    let wrong = messages.iter().zip(&results);
    let wrong =
        wrong.filter(|(message, result)| refused.contains(message.body()) != result.is_err());
    let wrong = wrong.count();
    ensure(wrong == 0, || format!("{wrong} of {count} got an answer that was not theirs"))
}

async fn a_hanging_send_delays_no_other(kit: Kit) -> Checked {
    others_go_through(&kit, 1, kit.at_once(101) - 1).await
}

async fn a_hundred_hanging_sends_delay_no_other(kit: Kit) -> Checked {
    others_go_through(&kit, kit.at_once(101) - 1, 1).await
}

/// Some sends hang first; then others go through.
async fn others_go_through(kit: &Kit, hanging: usize, others: usize) -> Checked {
    kit.needs_http()?;
    let (provider, token) = (kit.provider(), kit.token());
    let held = (0..hanging).map(|_| kit.message()).collect::<Checked<Vec<_>>>()?;
    let messages = (0..others).map(|_| kit.message()).collect::<Checked<Vec<_>>>()?;
    let bodies: HashSet<Bytes> = held.iter().map(|message| message.body().clone()).collect();
    let (harness, accepted) = (kit.harness.clone(), kit.accepted());
    kit.script([]);
    kit.vendor.route(move |request| match harness.body(request) {
        Some(body) if bodies.contains(&body) => Answer::Hang,
        _ => accepted.clone(),
    });
    let hang = join_all(held.iter().map(|message| provider.send(&token, message)));
    let then = async {
        // Those that hang are out before the others begin, or will never be.
        for _ in 0..MOST_POLLS {
            if kit.requests().len() >= hanging {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        join_all(messages.iter().map(|message| provider.send(&token, message))).await
    };
    match select(pin!(hang), pin!(then)).await {
        Either::Left(_) => fail("the others were not done before those that hang gave up"),
        Either::Right((results, _)) => {
            let accepted = results.iter().filter(|result| result.is_ok()).count();
            ensure(accepted == others, || format!("{accepted} of {others} others were accepted"))
        }
    }
}

async fn options_of_messages_at_once_are_not_mixed(kit: Kit) -> Checked {
    kit.needs_http()?;
    if !kit.provider().capabilities().ttl {
        return skip("does not claim a TTL");
    }
    let (provider, token) = (kit.provider(), kit.token());
    let ttls: Vec<_> = (0..50).map(|nth| Ttl::from_secs(3_541 + nth * 61)).collect();
    let messages = ttls.iter().map(|ttl| Ok(kit.message()?.with_ttl(*ttl)));
    let messages = messages.collect::<Checked<Vec<_>>>()?;
    kit.script([kit.accepted()]);
    let results = join_all(messages.iter().map(|message| provider.send(&token, message))).await;
    let accepted = results.iter().filter(|result| result.is_ok()).count();
    ensure(accepted == messages.len(), || format!("{accepted} of 50 were accepted"))?;
    for request in kit.requests() {
        let body = kit.harness.body(&request);
        let own = messages.iter().find(|message| Some(message.body()) == body.as_ref());
        let Some(own) = own else { return fail("a body arrived that was not sent") };
        if !kit.carries_ttl(&request, own.ttl()) {
            let of_others = ttls.iter().any(|ttl| kit.carries_ttl(&request, *ttl));
            ensure(!of_others, || "a message went out with the TTL of another".to_owned())?;
        }
    }
    Ok(())
}

async fn a_send_that_is_never_polled_does_nothing(kit: Kit) -> Checked {
    kit.script([kit.accepted()]);
    let (provider, token, message) = (kit.provider(), kit.token(), kit.message()?);
    // Not through `Arc`, which begins when it is polled whatever the provider does.
    drop((*provider).send(&token, &message));
    settle().await;
    ensure(kit.arrived().is_empty(), || "a request went out".to_owned())
}

async fn a_cancelled_send_leaves_the_provider_usable(kit: Kit) -> Checked {
    let (token, used) = (kit.token(), kit.provider());
    for polls in 0..MOST_POLLS {
        // A used provider has its credential, a fresh one must get it first.
        let mut ended = true;
        for provider in [&used, &kit.provider()] {
            kit.script([kit.accepted()]);
            ended &= polled(polls, provider, &token, &kit.message()?).await;
            let attempt = kit.send(provider, &token, &kit.message()?).await;
            ensure(attempt.result.is_ok(), || format!("dropped at await {polls}: saw {attempt}"))?;
        }
        if ended {
            return Ok(());
        }
    }
    fail(format!("a send did not end within {MOST_POLLS} awaits"))
}

async fn a_cancelled_send_sends_once_at_most(kit: Kit) -> Checked {
    for polls in 0..MOST_POLLS {
        kit.script([kit.accepted()]);
        let (provider, token, message) = (kit.provider(), kit.token(), kit.message()?);
        let ended = polled(polls, &provider, &token, &message).await;
        settle().await;
        let count = kit.arrived().len();
        ensure(count <= 1, || format!("dropped at await {polls}: {count} requests"))?;
        if ended {
            return ensure(count == 1, || "a send that ended sent nothing".to_owned());
        }
    }
    fail(format!("a send did not end within {MOST_POLLS} awaits"))
}

async fn a_send_dropped_before_its_request_sends_nothing(kit: Kit) -> Checked {
    for polls in 0..MOST_POLLS {
        kit.script([kit.accepted()]);
        let (provider, token, message) = (kit.provider(), kit.token(), kit.message()?);
        let ended = polled(polls, &provider, &token, &message).await;
        // Over the loopback interface it may be on the wire already.
        if ended || kit.brings_a_client() && polls > 0 {
            return Ok(());
        }
        let before = kit.vendor.dialled().len().max(kit.arrived().len());
        settle().await;
        if !kit.is_in_real_time() {
            tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
        }
        let after = kit.vendor.dialled().len().max(kit.arrived().len());
        ensure(before == after, || format!("dropped at await {polls}: it was sent afterwards"))?;
    }
    fail(format!("a send did not end within {MOST_POLLS} awaits"))
}

async fn a_cancelled_renewal_is_taken_over(kit: Kit) -> Checked {
    kit.needs_http()?;
    let Credentials::Renewed { lifetime } = kit.harness.credentials() else {
        return skip("cannot renew a credential");
    };
    let refusal = kit.forms(Scenario::Unauthorized).into_iter().next();
    for start in [Start::Cold, Start::Expired, Start::Refused] {
        if start == Start::Refused && refusal.is_none() {
            continue;
        }
        let mut ended = false;
        for polls in 1..MOST_POLLS {
            let (provider, token) = (kit.provider(), kit.token());
            kit.script([kit.accepted()]);
            if start != Start::Cold {
                kit.send(&provider, &token, &kit.message()?).await.accepted()?;
            }
            let age = lifetime + std::time::Duration::from_secs(1);
            match (start, &refusal) {
                (Start::Expired, _) => kit.vendor.set_now(kit.vendor.now() + age),
                (Start::Refused, Some(refusal)) => {
                    let used = (lifetime / 4).max(kit.harness.least_age());
                    kit.vendor.set_now(kit.vendor.now() + used);
                    refuse_until_renewed(&kit, refusal.clone());
                }
                _ => {}
            }
            let (first, second) = (kit.message()?, kit.message()?);
            let sends =
                join(polled(polls, &provider, &token, &first), provider.send(&token, &second));
            let (done, waited) = sends.await;
            kit.script([kit.accepted()]);
            if let Err(error) = waited {
                return fail(format!(
                    "{start:?}, dropped at await {polls}: saw {:?}",
                    error.kind()
                ));
            }
            if done {
                ended = true;
                break;
            }
        }
        ensure(ended, || format!("a send did not end within {MOST_POLLS} awaits"))?;
    }
    Ok(())
}

/// Refuses the credential that was seen last, and takes every other one.
fn refuse_until_renewed(kit: &Kit, refusal: Answer) {
    let revoked = kit.requests().last().and_then(|request| kit.harness.credential(request));
    let (harness, accepted) = (kit.harness.clone(), kit.accepted());
    kit.script([]);
    kit.vendor.route(move |request| {
        if harness.credential(request) == revoked { refusal.clone() } else { accepted.clone() }
    });
}

/// When a credential is renewed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Start {
    Cold,
    Expired,
    Refused,
}

/// Polls a send so many times and drops it; whether it came to its end before.
async fn polled(
    polls: usize,
    provider: &Arc<dyn PushProvider>,
    token: &Token,
    message: &SealedMessage,
) -> bool {
    let mut send = pin!((**provider).send(token, message));
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match send.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Lets every task that was left behind run.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// More awaits than any one send has.
const MOST_POLLS: usize = 1_000;
