//! Many sends at once, and sends that are dropped half way.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::future::{Either, join, join_all, select};

use crate::conformance::answer::Answer;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::harness::Credentials;
use crate::conformance::kit::Kit;
use crate::conformance::parts::reply;
use crate::conformance::wire::Wire;
use crate::{PushProvider, SealedMessage, Token};

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
    a_send_that_is_never_polled_does_nothing:
        "a send that is made and dropped sends nothing"
        because "futures are lazy: a task that was spawned outlives its caller";
    a_cancelled_send_leaves_the_provider_usable:
        "after a send was dropped at any await, the next one goes through"
        because "callers time out, and a lock that stays taken stops everything";
    a_cancelled_send_sends_once_at_most:
        "a send that was dropped at any await has made one request at most"
        because "dropping it must end it";
    a_cancelled_renewal_is_taken_over:
        "when the send that renews a credential is dropped, one that waits for it goes through"
        because "a caller who gives up must not take the others along";
}

async fn a_thousand_sends_arrive_once_each(kit: Kit) -> Checked {
    const COUNT: usize = 1_000;
    let (provider, token) = (kit.provider(), kit.token());
    let messages = (0..COUNT).map(|_| kit.message()).collect::<Checked<Vec<_>>>()?;
    kit.script([kit.accepted()]);
    let at_once = if kit.harness.wire() == Wire::Loopback { 50 } else { COUNT };
    let mut accepted = 0;
    for messages in messages.chunks(at_once) {
        let sends = messages.iter().map(|message| provider.send(&token, message));
        accepted += join_all(sends).await.iter().filter(|result| result.is_ok()).count();
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
    let (provider, token) = (kit.provider(), kit.token());
    let messages = (0..200).map(|_| kit.message()).collect::<Checked<Vec<_>>>()?;
    let refused: HashSet<Bytes> =
        messages.iter().step_by(3).map(|message| message.body().clone()).collect();
    let (harness, accepted, condemned) = (kit.harness.clone(), kit.accepted(), refused.clone());
    kit.vendor.route(move |request| match harness.body(request) {
        Some(body) if condemned.contains(&body) => Answer::Reply(reply(400, "")),
        _ => accepted.clone(),
    });
    let results = join_all(messages.iter().map(|message| provider.send(&token, message))).await;
    let wrong = messages.iter().zip(&results);
    let wrong =
        wrong.filter(|(message, result)| refused.contains(message.body()) != result.is_err());
    let wrong = wrong.count();
    ensure(wrong == 0, || format!("{wrong} of 200 got an answer that was not theirs"))
}

async fn a_hanging_send_delays_no_other(kit: Kit) -> Checked {
    kit.needs_http()?;
    let (provider, token) = (kit.provider(), kit.token());
    let hanging = kit.message()?;
    let messages = (0..100).map(|_| kit.message()).collect::<Checked<Vec<_>>>()?;
    let (harness, accepted, body) = (kit.harness.clone(), kit.accepted(), hanging.body().clone());
    kit.vendor.route(move |request| {
        if harness.body(request).as_ref() == Some(&body) { Answer::Hang } else { accepted.clone() }
    });
    let others = join_all(messages.iter().map(|message| provider.send(&token, message)));
    match select(provider.send(&token, &hanging), others).await {
        Either::Left(_) => fail("the others were not done before the one that hangs gave up"),
        Either::Right((results, _)) => {
            let accepted = results.iter().filter(|result| result.is_ok()).count();
            ensure(accepted == 100, || format!("{accepted} of 100 others were accepted"))
        }
    }
}

async fn a_send_that_is_never_polled_does_nothing(kit: Kit) -> Checked {
    kit.script([kit.accepted()]);
    let (provider, token, message) = (kit.provider(), kit.token(), kit.message()?);
    drop(provider.send(&token, &message));
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

async fn a_cancelled_renewal_is_taken_over(kit: Kit) -> Checked {
    kit.needs_http()?;
    if !matches!(kit.harness.credentials(), Credentials::Renewed { .. }) {
        return skip("cannot renew a credential");
    }
    let token = kit.token();
    for polls in 1..MOST_POLLS {
        kit.script([kit.accepted()]);
        let provider = kit.provider();
        let (first, second) = (kit.message()?, kit.message()?);
        let (ended, waited) =
            join(polled(polls, &provider, &token, &first), provider.send(&token, &second)).await;
        if let Err(error) = waited {
            return fail(format!("dropped at await {polls}: saw {:?}", error.kind()));
        }
        if ended {
            return Ok(());
        }
    }
    fail(format!("a send did not end within {MOST_POLLS} awaits"))
}

/// Polls a send so many times and drops it; whether it came to its end before.
async fn polled(
    polls: usize,
    provider: &Arc<dyn PushProvider>,
    token: &Token,
    message: &SealedMessage,
) -> bool {
    let mut send = pin!(provider.send(token, message));
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        send.as_mut().poll(context).map(|_| true)
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
