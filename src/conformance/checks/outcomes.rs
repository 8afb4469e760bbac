//! What the push service says in its own words is understood.

use crate::ErrorKind;
use crate::conformance::answer::Answer;
use crate::conformance::attempt::Attempt;
use crate::conformance::check::{Checked, checks, ensure, fail};
use crate::conformance::kit::Kit;
use crate::conformance::parts::{HTML, reply};
use crate::conformance::scenario::Scenario;

checks! { "outcomes";
    acceptance_is_acceptance:
        "every form of success is `Ok`"
        because "an error for an accepted message is sent again";
    one_call_is_one_request:
        "a call makes one request, whatever the answer"
        because "only the layers repeat: two that do multiply";
    nothing_happens_after_a_call:
        "when a call has ended, nothing more is sent, not an hour later either"
        because "an attempt in the background outlives the decision of the caller";
    a_dead_token_is_expired:
        "every unambiguous word that the subscription is gone is `Expired`"
        because "a push service slows down senders who keep asking";
    a_mismatch_is_a_mismatch:
        "a subscription of another sender or key is `TokenMismatch`"
        because "the token is good, the settings are wrong; called dead, every token is deleted";
    a_forbidden_message_is_about_us:
        "a credential that may not do this is `Unauthorized`, `TokenMismatch` or `Rejected`"
        because "neither the subscription nor a new credential is at fault";
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
    a_refused_credential_is_unauthorized:
        "a refused credential is `Unauthorized`"
        because "the operator must act; called dead, an expired key deletes every token";
    errors_name_the_provider:
        "an error names the provider that failed, whatever failed"
        because "behind a client nobody else knows";
    errors_carry_the_status:
        "an error keeps the status of the answer, and has none without an answer"
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
    let attempt = kit.attempt(kit.accepted()).await?;
    ensure(attempt.count() == 1, || format!("Accepted: saw {attempt}"))?;
    if kit.needs_http().is_err() {
        return Ok(());
    }
    for scenario in Scenario::plain_refusals() {
        for answer in kit.forms(scenario) {
            let attempt = kit.attempt(answer).await?;
            ensure(attempt.requests.len() == 1, || format!("{scenario:?}: saw {attempt}"))?;
        }
    }
    Ok(())
}

async fn nothing_happens_after_a_call(kit: Kit) -> Checked {
    kit.needs_paused_time()?;
    let mut answers = vec![kit.accepted(), Answer::Reset, Answer::Hang, Answer::Refuse];
    answers.extend(Scenario::plain_refusals().flat_map(|scenario| kit.forms(scenario)));
    answers.extend(
        [302, 401, 403, 404, 429, 500, 503].map(|status| Answer::Reply(reply(status, HTML))),
    );
    for answer in answers {
        if kit.needs_http().is_err() && !matches!(answer, Answer::Provoke(_)) {
            continue;
        }
        let name = answer.to_string();
        let Ok(attempt) = kit.attempt(answer).await else { continue };
        let ended = (kit.vendor.dialled().len(), kit.arrived().len(), kit.vendor.mints().len());
        tokio::time::sleep(HOUR).await;
        let later = (kit.vendor.dialled().len(), kit.arrived().len(), kit.vendor.mints().len());
        ensure(ended == later, || format!("after {name} there was more: saw {attempt}"))?;
    }
    Ok(())
}

async fn a_dead_token_is_expired(kit: Kit) -> Checked {
    each_kind(&kit, Scenario::Expired, ErrorKind::Expired).await
}

async fn a_mismatch_is_a_mismatch(kit: Kit) -> Checked {
    each_kind(&kit, Scenario::Mismatch, ErrorKind::TokenMismatch).await
}

async fn a_forbidden_message_is_about_us(kit: Kit) -> Checked {
    each(&kit, Scenario::Forbidden, |attempt| {
        let kind = attempt.refused()?.kind();
        let ours = [ErrorKind::Unauthorized, ErrorKind::TokenMismatch, ErrorKind::Rejected];
        ensure(ours.contains(&kind), || format!("saw {attempt}"))
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

async fn a_refused_credential_is_unauthorized(kit: Kit) -> Checked {
    each_kind(&kit, Scenario::Unauthorized, ErrorKind::Unauthorized).await
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
    let answers = Scenario::plain_refusals().flat_map(|scenario| kit.harness.answers(scenario));
    let undocumented = [302, 400, 403, 404, 418, 429, 500, 502].map(|status| reply(status, HTML));
    for answer in answers.chain(undocumented).collect::<Vec<_>>() {
        let status = answer.status();
        let attempt = kit.attempt(Answer::Reply(answer)).await?;
        let Err(error) = &attempt.result else { continue };
        ensure(error.status() == Some(status.as_u16()), || {
            format!("the answer was {}, saw {attempt}", status.as_u16())
        })?;
    }
    let attempt = kit.attempt(Answer::Reset).await?;
    let status = attempt.refused()?.status();
    ensure(status.is_none(), || format!("nothing was answered, saw {attempt}"))
}

async fn a_failure_leaves_no_trace(kit: Kit) -> Checked {
    let (provider, token) = (kit.provider(), kit.token());
    let mut failures: Vec<_> =
        Scenario::plain_refusals().flat_map(|scenario| kit.forms(scenario)).collect();
    if kit.needs_http().is_ok() {
        // A credential that is refused until the provider gives up.
        failures.extend(kit.forms(Scenario::Unauthorized));
        failures.extend(kit.forms(Scenario::Forbidden));
        failures.extend(
            [200, 302, 401, 403, 404, 429, 503].map(|status| Answer::Reply(reply(status, HTML))),
        );
        failures.push(Answer::Reset);
    }
    let mut asked = false;
    for failure in failures {
        let name = failure.to_string();
        if let Answer::Provoke(failure) = failure
            && !kit.harness.provoke(&kit.vendor, failure)
        {
            continue;
        }
        asked = true;
        kit.script([failure]);
        // Only the message after it matters.
        kit.send(&provider, &token, &kit.message()?).await;
        kit.script([kit.accepted()]);
        let attempt = kit.send(&provider, &token, &kit.message()?).await;
        ensure(attempt.result.is_ok(), || format!("after {name}, saw {attempt}"))?;
    }
    if asked { Ok(()) } else { kit.needs_http() }
}

/// Asks something of every form of one answer.
async fn each(kit: &Kit, scenario: Scenario, ask: impl Fn(&Attempt) -> Checked + Send) -> Checked {
    for answer in kit.answers(scenario)? {
        let attempt = kit.attempt(answer).await?;
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

/// One failure of each sort that the provider can have.
async fn failures(kit: &Kit) -> Checked<Vec<Attempt>> {
    let mut attempts = Vec::new();
    kit.script([kit.accepted()]);
    let mut tokens = kit.foreign_tokens()?;
    tokens.extend(kit.harness.malformed(&kit.vendor, kit.agent.keys().clone()));
    for token in tokens {
        attempts.push(kit.send(&kit.provider(), &token, &kit.message()?).await);
    }
    let limit = kit.provider().capabilities().max_body;
    let large = crate::Message::new("x").with_padding(crate::Padding::To(limit + 1));
    if let Ok(large) = kit.sealed(&large) {
        attempts.push(kit.send(&kit.provider(), &kit.token(), &large).await);
    }
    if kit.needs_http().is_ok() {
        let mut answers: Vec<_> =
            Scenario::plain_refusals().flat_map(|scenario| kit.forms(scenario)).collect();
        answers.extend(kit.forms(Scenario::Unauthorized));
        answers.extend([302, 400, 418, 503].map(|status| Answer::Reply(reply(status, HTML))));
        answers.extend([Answer::Reset, Answer::Hang]);
        for answer in answers {
            attempts.push(kit.attempt(answer).await?);
        }
        for scenario in [Scenario::MintRefused, Scenario::MintUnavailable] {
            for answer in kit.forms(scenario) {
                kit.vendor.script_mint(answer);
                attempts.push(kit.attempt(kit.accepted()).await?);
            }
        }
    }
    attempts.retain(|attempt| attempt.result.is_err());
    if attempts.is_empty() { fail("a foreign token was accepted") } else { Ok(attempts) }
}

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);
