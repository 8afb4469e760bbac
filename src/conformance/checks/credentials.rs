//! Credentials are kept, renewed in time, and never hammered with.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use crate::conformance::answer::Answer;
use crate::conformance::check::{Checked, checks, ensure, skip};
use crate::conformance::harness::{Credentials, Scenario};
use crate::conformance::kit::Kit;
use crate::conformance::parts::{HTML, reply};
use crate::conformance::secret::Secret;
use crate::{ErrorKind, PushProvider};

checks! { "credentials";
    every_request_is_signed:
        "every request carries a credential"
        because "an anonymous request is refused, or counted against nobody";
    a_credential_is_meant_for_this_push_service:
        "the credential is one that this push service takes: its origin with the port, its time"
        because "an audience without its port is refused by every strict service (RFC 8292 §2)";
    a_credential_travels_in_no_address:
        "the credential is not in the request's address"
        because "addresses are logged by every proxy on the way";
    a_credential_is_used_again:
        "two messages in a row carry the same credential"
        because "services slow down those who make one for each message";
    an_expired_credential_is_renewed:
        "after its lifetime a credential is renewed before it is used"
        because "a cached credential that is never renewed works for one hour";
    a_refused_credential_is_renewed_once:
        "after a refusal of a credential that was accepted before, the request is made again once, with a \
         new one"
        because "a credential that was revoked early repairs itself, and a wrong one must not hammer";
    the_same_message_goes_out_after_a_renewal:
        "the request after a renewal carries the same sealed octets"
        because "the message was not taken yet";
    a_credential_refused_twice_is_unauthorized:
        "a renewed credential that is refused too is `Unauthorized`, after two requests"
        because "more attempts lock the account";
    a_renewed_credential_is_kept:
        "after a renewal the next message carries the new credential"
        because "or each message pays for the refusal";
    messages_in_parallel_share_a_credential:
        "100 messages at once wait for one credential"
        because "100 requests for credentials at once are refused";
    a_given_credential_is_not_tried_twice:
        "a refused credential that cannot be renewed is `Unauthorized`, after one request"
        because "the same key is refused again, and counted";
    a_refused_mint_is_unauthorized:
        "a refusal at the token endpoint is `Unauthorized`, and the message is not sent"
        because "only the operator can repair it";
    trouble_at_the_mint_is_retryable:
        "trouble at the token endpoint is retryable, and the message is not sent"
        because "it passes";
    garbage_from_the_mint_is_no_credential:
        "a success of the token endpoint without a credential is an error, with a known outcome"
        because "an empty credential is refused for reasons that nobody finds";
    a_lost_mint_has_a_known_outcome:
        "when the token endpoint does not answer, it is known that the message was not sent"
        because "it can be repeated without fear";
}

async fn every_request_is_signed(kit: Kit) -> Checked {
    needs_credentials(&kit)?;
    let attempt = kit.attempt(kit.accepted()).await?;
    attempt.accepted()?;
    let signed = attempt.requests.iter().all(|request| kit.harness.credential(request).is_some());
    ensure(signed, || "a request carries none".to_owned())
}

async fn a_credential_is_meant_for_this_push_service(kit: Kit) -> Checked {
    needs_credentials(&kit)?;
    kit.attempt(kit.accepted()).await?.accepted()?;
    let taken = seen(&kit).iter().all(|credential| kit.harness.takes(&kit.vendor, credential));
    ensure(taken, || "it would be refused".to_owned())
}

async fn a_credential_travels_in_no_address(kit: Kit) -> Checked {
    needs_credentials(&kit)?;
    let attempt = kit.attempt(kit.accepted()).await?;
    attempt.accepted()?;
    let mut secrets = kit.harness.secrets();
    secrets.extend(seen(&kit).into_iter().map(|octets| Secret::new("credential", octets)));
    for address in attempt.requests.iter().map(|request| request.uri().to_string()) {
        let found = secrets.iter().find_map(|secret| secret.find_in(address.as_bytes()));
        ensure(found.is_none(), || format!("it is there {}", found.unwrap_or_default()))?;
    }
    Ok(())
}

async fn a_credential_is_used_again(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    let (provider, token) = (kit.provider(), kit.token());
    kit.script([kit.accepted()]);
    for _ in 0..3 {
        kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    }
    let distinct = seen(&kit).len();
    ensure(distinct == 1, || format!("three messages carried {distinct} credentials"))
}

async fn an_expired_credential_is_renewed(kit: Kit) -> Checked {
    let lifetime = needs_renewal(&kit)?;
    let (provider, token) = (kit.provider(), kit.token());
    kit.script([kit.accepted()]);
    kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    kit.vendor.set_now(kit.vendor.now() + lifetime + Duration::from_secs(1));
    kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    ensure(seen(&kit).len() == 2, || "the second message carried the expired one".to_owned())
}

async fn a_refused_credential_is_renewed_once(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    for refusal in kit.answers(Scenario::Unauthorized)? {
        let provider = with_a_used_credential(&kit).await?;
        kit.script([Answer::Reply(refusal), kit.accepted()]);
        let attempt = kit.send(&provider, &kit.token(), &kit.message()?).await;
        attempt.accepted()?;
        let distinct = seen(&kit).len();
        ensure(attempt.requests.len() == 2 && distinct == 2, || {
            format!("{} requests carried {distinct} credential(s)", attempt.requests.len())
        })?;
    }
    Ok(())
}

async fn the_same_message_goes_out_after_a_renewal(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    for refusal in kit.answers(Scenario::Unauthorized)? {
        let (provider, message) = (with_a_used_credential(&kit).await?, kit.message()?);
        kit.script([Answer::Reply(refusal), kit.accepted()]);
        let attempt = kit.send(&provider, &kit.token(), &message).await;
        attempt.accepted()?;
        let same = attempt.arrived.iter().filter(|body| *body == message.body()).count();
        ensure(same == 2, || format!("{same} of {} bodies are the same", attempt.arrived.len()))?;
    }
    Ok(())
}

async fn a_credential_refused_twice_is_unauthorized(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    for refusal in kit.answers(Scenario::Unauthorized)? {
        let provider = with_a_used_credential(&kit).await?;
        kit.script([Answer::Reply(refusal)]);
        let attempt = kit.send(&provider, &kit.token(), &kit.message()?).await;
        let kind = attempt.refused()?.kind();
        ensure(kind == ErrorKind::Unauthorized && attempt.requests.len() == 2, || {
            format!("saw {attempt}")
        })?;
    }
    Ok(())
}

async fn a_renewed_credential_is_kept(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    let Some(refusal) = kit.answers(Scenario::Unauthorized)?.into_iter().next() else {
        return skip("no credential is ever refused");
    };
    let (provider, token) = (with_a_used_credential(&kit).await?, kit.token());
    kit.script([Answer::Reply(refusal), kit.accepted()]);
    kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    let renewed = kit.vendor.requests().last().and_then(|request| kit.harness.credential(request));
    let attempt = kit.send(&provider, &token, &kit.message()?).await;
    attempt.accepted()?;
    let next = attempt.requests.first().and_then(|request| kit.harness.credential(request));
    ensure(renewed.is_some() && renewed == next, || "it carried another one".to_owned())
}

async fn messages_in_parallel_share_a_credential(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    let (provider, token) = (kit.provider(), kit.token());
    let messages = (0..100).map(|_| kit.message()).collect::<Checked<Vec<_>>>()?;
    kit.script([kit.accepted()]);
    let sends = messages.iter().map(|message| provider.send(&token, message));
    let accepted = join_all(sends).await.iter().filter(|result| result.is_ok()).count();
    ensure(accepted == 100, || format!("{accepted} of 100 were accepted"))?;
    let (distinct, mints) = (seen(&kit).len(), kit.vendor.mints().len());
    ensure(distinct == 1 && mints <= 1, || {
        format!("{distinct} credentials were used, {mints} asked for")
    })
}

async fn a_given_credential_is_not_tried_twice(kit: Kit) -> Checked {
    kit.needs_http()?;
    kit.needs_one_attempt()?;
    if kit.harness.credentials() != Credentials::Static {
        return skip("has no credential that was given to it");
    }
    for refusal in kit.answers(Scenario::Unauthorized)? {
        let attempt = kit.attempt(Answer::Reply(refusal)).await?;
        let kind = attempt.refused()?.kind();
        ensure(kind == ErrorKind::Unauthorized && attempt.requests.len() == 1, || {
            format!("saw {attempt}")
        })?;
    }
    Ok(())
}

async fn a_refused_mint_is_unauthorized(kit: Kit) -> Checked {
    for refusal in kit.answers(Scenario::MintRefused)? {
        kit.vendor.script_mint(Answer::Reply(refusal));
        let attempt = kit.attempt(kit.accepted()).await?;
        let kind = attempt.refused()?.kind();
        ensure(kind == ErrorKind::Unauthorized && attempt.is_silent(), || {
            format!("saw {attempt}")
        })?;
    }
    Ok(())
}

async fn trouble_at_the_mint_is_retryable(kit: Kit) -> Checked {
    for trouble in kit.answers(Scenario::MintUnavailable)? {
        kit.vendor.script_mint(Answer::Reply(trouble));
        let attempt = kit.attempt(kit.accepted()).await?;
        let error = attempt.refused()?;
        let clear = error.is_retryable() && error.is_outcome_known() && attempt.is_silent();
        ensure(clear, || format!("saw {attempt}"))?;
    }
    Ok(())
}

async fn garbage_from_the_mint_is_no_credential(kit: Kit) -> Checked {
    needs_mint(&kit)?;
    for body in ["", "{}", "null", "[]", "{\"access_token\":\"\"}", "{\"access_token\":7}", HTML] {
        kit.vendor.script_mint(Answer::Reply(reply(200, body)));
        let attempt = kit.attempt(kit.accepted()).await?;
        let error = attempt.refused()?;
        let clear = error.is_outcome_known() && !error.is_token_dead() && attempt.is_silent();
        ensure(clear, || format!("saw {attempt}"))?;
    }
    Ok(())
}

async fn a_lost_mint_has_a_known_outcome(kit: Kit) -> Checked {
    needs_mint(&kit)?;
    for lost in [Answer::Hang, Answer::Reset] {
        kit.vendor.script_mint(lost);
        let attempt = kit.attempt(kit.accepted()).await?;
        let error = attempt.refused()?;
        let clear = error.is_retryable() && error.is_outcome_known() && attempt.is_silent();
        ensure(clear, || format!("saw {attempt}"))?;
    }
    Ok(())
}

fn needs_credentials(kit: &Kit) -> Checked {
    kit.needs_http()?;
    match kit.harness.credentials() {
        Credentials::Absent => skip("has no credential"),
        Credentials::Renewed { .. } | Credentials::Static => Ok(()),
    }
}

/// Skips the check for a provider that cannot renew its credential.
fn needs_renewal(kit: &Kit) -> Checked<Duration> {
    kit.needs_http()?;
    match kit.harness.credentials() {
        Credentials::Renewed { lifetime } => Ok(lifetime),
        Credentials::Absent | Credentials::Static => skip("cannot renew a credential"),
    }
}

/// Skips the check for a provider that asks nobody for its credential.
fn needs_mint(kit: &Kit) -> Checked {
    kit.answers(Scenario::MintRefused).map(drop)
}

/// A provider whose credential was accepted once, a while ago, and is not near its end.
async fn with_a_used_credential(kit: &Kit) -> Checked<Arc<dyn PushProvider>> {
    let lifetime = needs_renewal(kit)?;
    let provider = kit.provider();
    kit.script([kit.accepted()]);
    kit.send(&provider, &kit.token(), &kit.message()?).await.accepted()?;
    kit.vendor.set_now(kit.vendor.now() + lifetime / 4);
    Ok(provider)
}

/// The different credentials of the requests that arrived.
fn seen(kit: &Kit) -> HashSet<Bytes> {
    kit.vendor.requests().iter().filter_map(|request| kit.harness.credential(request)).collect()
}
