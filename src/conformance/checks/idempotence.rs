//! Whether a message may be repeated: what is known about its outcome.

use crate::ErrorKind;
use crate::conformance::answer::Answer;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::kit::Kit;
use crate::conformance::scenario::Scenario;
use crate::conformance::watch::is_at;

checks! { "idempotence";
    a_refused_connection_is_transport:
        "a connection that is refused is `Transport`, with a known outcome"
        because "nothing went out, so repeating is safe";
    a_refused_connection_is_not_tried_again:
        "a connection that is refused or blocked is not asked for again, nor in clear"
        because "only the layers repeat, and a fallback without TLS shows everything";
    a_reset_after_the_request_is_unknown:
        "a connection that breaks after the request has an unknown outcome"
        because "the message may have been taken; repeating it may notify twice";
    a_reset_is_retryable_and_kills_no_token:
        "a broken connection is retryable and kills no token"
        because "it says nothing about the subscription";
    an_unknown_outcome_is_not_repeated:
        "a request that broke is not made again by the provider"
        because "only the caller knows whether a duplicate does harm";
    a_refusal_has_a_known_outcome:
        "after a refusal in the push service's own words the outcome is known"
        because "applications repeat only what was not taken";
    a_blocked_address_stays_blocked:
        "what the endpoint guard refuses is `Blocked`, with a known outcome"
        because "an address in the own network stays one";
    a_repeated_message_has_the_same_key:
        "the same sealed message carries the same idempotency key each time"
        because "with another one the push service delivers twice";
    two_messages_have_two_keys:
        "two sealed messages carry different idempotency keys"
        because "with the same one the push service drops the second";
    the_provider_recovers_from_a_broken_connection:
        "after a broken connection the next message goes through"
        because "a dead connection must not stay in the pool";
}

async fn a_refused_connection_is_transport(kit: Kit) -> Checked {
    let attempt = kit.attempt(Answer::Refuse).await?;
    let error = attempt.refused()?;
    let clear = error.kind() == ErrorKind::Transport && error.is_outcome_known();
    ensure(clear, || format!("saw {attempt}"))
}

async fn a_refused_connection_is_not_tried_again(kit: Kit) -> Checked {
    kit.needs_transport()?;
    kit.needs_one_attempt()?;
    for answer in [Answer::Refuse, Answer::Block] {
        let attempt = kit.attempt(answer).await?;
        attempt.refused()?;
        let dialled = kit.vendor.dialled();
        let one = dialled.len() == 1 && dialled.iter().all(|uri| is_at(uri, kit.vendor.url()));
        ensure(one, || format!("{} connections were asked for", dialled.len()))?;
    }
    Ok(())
}

async fn a_reset_after_the_request_is_unknown(kit: Kit) -> Checked {
    let attempt = kit.attempt(Answer::Reset).await?;
    let known = attempt.refused()?.is_outcome_known();
    ensure(!known, || format!("saw {attempt}"))
}

async fn a_reset_is_retryable_and_kills_no_token(kit: Kit) -> Checked {
    let attempt = kit.attempt(Answer::Reset).await?;
    let error = attempt.refused()?;
    ensure(error.is_retryable() && !error.is_token_dead(), || format!("saw {attempt}"))
}

async fn an_unknown_outcome_is_not_repeated(kit: Kit) -> Checked {
    kit.needs_one_attempt()?;
    let attempt = kit.attempt(Answer::Reset).await?;
    ensure(attempt.count() <= 1, || format!("saw {attempt}"))
}

async fn a_refusal_has_a_known_outcome(kit: Kit) -> Checked {
    kit.needs_http()?;
    let unclear = [Scenario::AcceptedButRefused, Scenario::Unavailable];
    for scenario in Scenario::refusals_but(&unclear) {
        for answer in kit.forms(scenario) {
            let attempt = kit.attempt(answer).await?;
            let known = attempt.refused()?.is_outcome_known();
            ensure(known, || format!("{scenario:?}: saw {attempt}"))?;
        }
    }
    Ok(())
}

async fn a_blocked_address_stays_blocked(kit: Kit) -> Checked {
    kit.needs_transport()?;
    let attempt = kit.attempt(Answer::Block).await?;
    let error = attempt.refused()?;
    let clear = error.kind() == ErrorKind::Blocked && error.is_outcome_known();
    ensure(clear, || format!("saw {attempt}"))
}

async fn a_repeated_message_has_the_same_key(kit: Kit) -> Checked {
    let message = needs_idempotence(&kit).and_then(|()| kit.message())?;
    let (first, second) = (key(&kit, &message).await?, key(&kit, &message).await?);
    ensure(first == second, || "two keys".to_owned())
}

async fn two_messages_have_two_keys(kit: Kit) -> Checked {
    needs_idempotence(&kit)?;
    let (first, second) = (key(&kit, &kit.message()?).await?, key(&kit, &kit.message()?).await?);
    ensure(first != second, || "one key".to_owned())
}

async fn the_provider_recovers_from_a_broken_connection(kit: Kit) -> Checked {
    kit.needs_http()?;
    kit.vendor.set_haste(true);
    let (provider, token) = (kit.provider(), kit.token());
    for broken in [Answer::Reset, Answer::Hang] {
        kit.script([broken]);
        kit.send(&provider, &token, &kit.message()?).await.refused()?;
        kit.script([kit.accepted()]);
        kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    }
    Ok(())
}

fn needs_idempotence(kit: &Kit) -> Checked {
    kit.needs_http()?;
    if kit.provider().capabilities().idempotent { Ok(()) } else { skip("does not claim it") }
}

/// The idempotency key with which a fresh provider sends a message.
async fn key(kit: &Kit, message: &crate::SealedMessage) -> Checked<String> {
    kit.script([kit.accepted()]);
    let attempt = kit.send(&kit.provider(), &kit.token(), message).await;
    attempt.accepted()?;
    let key = attempt.requests.first().and_then(|request| kit.harness.idempotency_key(request));
    key.map_or_else(|| fail("the request carries no idempotency key"), Ok)
}
