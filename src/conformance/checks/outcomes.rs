//! What the push service says in its own words is understood.

use crate::ErrorKind;
use crate::conformance::answer::Answer;
use crate::conformance::attempt::Attempt;
use crate::conformance::check::{Checked, checks, ensure, fail};
use crate::conformance::harness::Scenario;
use crate::conformance::kit::Kit;

checks! { "outcomes";
    acceptance_is_acceptance:
        "every form of success is `Ok`"
        because "an error for an accepted message is sent again";
    one_call_is_one_request:
        "a call makes one request, whatever the answer"
        because "only the layers repeat: two that do multiply";
    a_dead_token_is_expired:
        "every unambiguous word that the subscription is gone is `Expired`"
        because "a push service slows down senders who keep asking";
    a_dead_token_is_not_retried:
        "`Expired` is not retryable and its outcome is known"
        because "the subscription does not come back";
    a_mismatch_is_a_mismatch:
        "a subscription of another sender or key is `TokenMismatch`"
        because "the token is good, the settings are wrong";
    a_mismatch_kills_no_token:
        "a mismatch is never called dead"
        because "a wrong key in one deployment would delete every token";
    a_mismatch_is_not_retried:
        "a mismatch is not retryable"
        because "the same key fails again";
    a_rejection_is_permanent:
        "a refused message is not retryable and kills no token"
        because "our own bug is not the receiver's end";
    too_large_is_payload_too_large:
        "the push service's word that the message is too large is `PayloadTooLarge`"
        because "the application can send less, and nothing else helps";
    rate_limiting_is_rate_limited:
        "the push service's word to slow down is `RateLimited` and retryable"
        because "a limit that is taken for a refusal loses messages";
    trouble_is_unavailable:
        "the push service's word of its own trouble is `Unavailable` and retryable"
        because "it passes";
    success_with_an_error_in_it_is_an_error:
        "a 2xx that says the message was not taken is an error"
        because "vendors answer 200 with the refusal in the body";
    a_refused_credential_kills_no_token:
        "a refused credential is `Unauthorized` and never called dead"
        because "an expired key would delete every token";
    errors_name_the_provider:
        "an error names the provider that failed"
        because "behind a client nobody else knows";
    errors_carry_the_status:
        "an error keeps the status of the answer"
        because "it is the first thing that the vendor's support asks for";
    a_failure_leaves_no_trace:
        "after every failure the next message goes through"
        because "one bad token must not stop the rest";
}

async fn acceptance_is_acceptance(kit: Kit) -> Checked {
    each(&kit, Scenario::Accepted, |attempt| attempt.accepted().map(drop)).await
}

async fn one_call_is_one_request(kit: Kit) -> Checked {
    kit.needs_one_attempt()?;
    if kit.needs_http().is_err() {
        let attempt = kit.attempt(kit.accepted()).await?;
        return ensure(attempt.arrived.len() == 1, || format!("saw {attempt}"));
    }
    for scenario in SCENARIOS {
        for answer in kit.harness.answers(scenario) {
            let attempt = kit.attempt(Answer::Reply(answer)).await?;
            ensure(attempt.requests.len() == 1, || format!("{scenario:?}: saw {attempt}"))?;
        }
    }
    Ok(())
}

async fn a_dead_token_is_expired(kit: Kit) -> Checked {
    each_kind(&kit, Scenario::Expired, ErrorKind::Expired).await
}

async fn a_dead_token_is_not_retried(kit: Kit) -> Checked {
    each(&kit, Scenario::Expired, |attempt| {
        let error = attempt.refused()?;
        ensure(!error.is_retryable() && error.is_outcome_known(), || format!("saw {attempt}"))
    })
    .await
}

async fn a_mismatch_is_a_mismatch(kit: Kit) -> Checked {
    each_kind(&kit, Scenario::Mismatch, ErrorKind::TokenMismatch).await
}

async fn a_mismatch_kills_no_token(kit: Kit) -> Checked {
    each_alive(&kit, Scenario::Mismatch).await
}

async fn a_mismatch_is_not_retried(kit: Kit) -> Checked {
    each(&kit, Scenario::Mismatch, |attempt| {
        let retryable = attempt.refused()?.is_retryable();
        ensure(!retryable, || format!("saw {attempt}"))
    })
    .await
}

async fn a_rejection_is_permanent(kit: Kit) -> Checked {
    each(&kit, Scenario::Rejected, |attempt| {
        let error = attempt.refused()?;
        let permanent = !error.is_retryable() && !error.is_token_dead();
        ensure(permanent && error.is_outcome_known(), || format!("saw {attempt}"))
    })
    .await
}

async fn too_large_is_payload_too_large(kit: Kit) -> Checked {
    each_kind(&kit, Scenario::PayloadTooLarge, ErrorKind::PayloadTooLarge).await
}

async fn rate_limiting_is_rate_limited(kit: Kit) -> Checked {
    each_kind(&kit, Scenario::RateLimited, ErrorKind::RateLimited).await
}

async fn trouble_is_unavailable(kit: Kit) -> Checked {
    each_kind(&kit, Scenario::Unavailable, ErrorKind::Unavailable).await
}

async fn success_with_an_error_in_it_is_an_error(kit: Kit) -> Checked {
    each(&kit, Scenario::AcceptedButRefused, |attempt| attempt.refused().map(drop)).await
}

async fn a_refused_credential_kills_no_token(kit: Kit) -> Checked {
    each_kind(&kit, Scenario::Unauthorized, ErrorKind::Unauthorized).await?;
    each_alive(&kit, Scenario::Unauthorized).await
}

async fn errors_name_the_provider(kit: Kit) -> Checked {
    let id = kit.provider().id();
    for attempt in failures(&kit).await? {
        let named = attempt.refused()?.provider();
        ensure(named == Some(&id), || format!("{attempt} does not name '{id}'"))?;
    }
    Ok(())
}

async fn errors_carry_the_status(kit: Kit) -> Checked {
    kit.needs_http()?;
    for scenario in SCENARIOS {
        for answer in kit.harness.answers(scenario) {
            let status = answer.status();
            let attempt = kit.attempt(Answer::Reply(answer)).await?;
            let Err(error) = &attempt.result else { continue };
            ensure(error.status() == Some(status.as_u16()), || {
                format!("the answer was {}, saw {attempt}", status.as_u16())
            })?;
        }
    }
    Ok(())
}

async fn a_failure_leaves_no_trace(kit: Kit) -> Checked {
    kit.needs_http()?;
    let (provider, token) = (kit.provider(), kit.token());
    for scenario in SCENARIOS {
        for answer in kit.harness.answers(scenario) {
            kit.script([Answer::Reply(answer)]);
            // Only the message after it matters.
            kit.send(&provider, &token, &kit.message()?).await;
            kit.script([kit.accepted()]);
            let attempt = kit.send(&provider, &token, &kit.message()?).await;
            ensure(attempt.result.is_ok(), || format!("after {scenario:?}, saw {attempt}"))?;
        }
    }
    Ok(())
}

/// Asks something of every form of one answer.
async fn each(kit: &Kit, scenario: Scenario, ask: impl Fn(&Attempt) -> Checked + Send) -> Checked {
    for answer in kit.answers(scenario)? {
        let attempt = kit.attempt(Answer::Reply(answer)).await?;
        ask(&attempt)?;
    }
    Ok(())
}

async fn each_kind(kit: &Kit, scenario: Scenario, kind: ErrorKind) -> Checked {
    each(kit, scenario, |attempt| {
        let seen = attempt.refused()?.kind();
        ensure(seen == kind, || format!("expected {kind:?}, saw {attempt}"))
    })
    .await
}

async fn each_alive(kit: &Kit, scenario: Scenario) -> Checked {
    each(kit, scenario, |attempt| {
        let dead = attempt.refused()?.is_token_dead();
        ensure(!dead, || format!("saw {attempt}"))
    })
    .await
}

/// One failure of each sort that the provider can have.
async fn failures(kit: &Kit) -> Checked<Vec<Attempt>> {
    let foreign = kit.foreign_token()?;
    kit.script([kit.accepted()]);
    let mut attempts = vec![kit.send(&kit.provider(), &foreign, &kit.message()?).await];
    if kit.needs_http().is_ok() {
        for scenario in SCENARIOS {
            for answer in kit.harness.answers(scenario) {
                attempts.push(kit.attempt(Answer::Reply(answer)).await?);
            }
        }
        attempts.push(kit.attempt(Answer::Reset).await?);
        attempts.push(kit.attempt(Answer::Hang).await?);
    }
    attempts.retain(|attempt| attempt.result.is_err());
    if attempts.is_empty() { fail("a foreign token was accepted") } else { Ok(attempts) }
}

/// What a push service can say to a message, but for what a refused credential leads to.
const SCENARIOS: [Scenario; 7] = [
    Scenario::AcceptedButRefused,
    Scenario::Expired,
    Scenario::Mismatch,
    Scenario::PayloadTooLarge,
    Scenario::RateLimited,
    Scenario::Rejected,
    Scenario::Unavailable,
];
