//! Credentials are kept, renewed in time, and never hammered with.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::HeaderValue;
use http::header::LOCATION;

use crate::conformance::answer::Answer;
use crate::conformance::check::{Checked, checks, ensure, skip};
use crate::conformance::harness::Credentials;
use crate::conformance::kit::Kit;
use crate::conformance::parts::{HTML, reply};
use crate::conformance::scenario::Scenario;
use crate::conformance::secret::Secret;
use crate::{ErrorKind, PushProvider, Urgency};

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
    a_credential_is_kept_for_a_while:
        "a credential that is a third of its lifetime old is carried still"
        because "services refuse those who renew too often, as Apple does before 20 minutes";
    a_key_stays_here:
        "the keys of the settings are in no request but one for a credential"
        because "whoever reads it signs in our name for ever";
    an_expired_credential_is_renewed:
        "after its lifetime a credential is renewed before it is used"
        because "a cached credential that is never renewed works for one hour";
    a_refused_credential_is_renewed_once:
        "after a refusal of a credential that was accepted before, the request is made again once, with a \
         new one"
        because "a credential that was revoked early repairs itself, and a wrong one must not hammer";
    the_same_message_goes_out_after_a_renewal:
        "the request after a renewal carries the same sealed octets and options to the same address"
        because "the message was not taken yet";
    a_credential_refused_twice_is_unauthorized:
        "a renewed credential that is refused too is `Unauthorized`, after two requests"
        because "more attempts lock the account";
    after_two_refusals_the_next_message_goes_through:
        "after a credential was refused twice, the next message is sent, and accepted"
        because "a provider that gives up for good has to be restarted by hand";
    a_young_credential_is_not_renewed:
        "a refused credential that the push service does not let be replaced yet is `Unauthorized`, \
         after one request"
        because "the next one is refused for being too early, and the account with it";
    another_refusal_costs_no_credential:
        "a refusal that is not about the credential leaves it in use, after one request"
        because "a missing permission is not cured by a new credential, and each is counted";
    a_renewed_credential_is_kept:
        "after a renewal the next message carries the new credential"
        because "or each message pays for the refusal";
    messages_in_parallel_share_a_credential:
        "100 messages at once wait for one credential"
        because "100 requests for credentials at once are refused";
    those_who_wait_share_one_renewal_at_expiry:
        "100 messages at once with an expired credential wait for one new one"
        because "each hour all senders would ask at once, and be refused";
    those_who_wait_share_one_renewal_after_a_refusal:
        "100 messages at once whose credential is refused, some late, wait for one new one"
        because "the refusals of a revoked credential come in one by one";
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
    redirects_of_the_mint_are_not_followed:
        "a redirect of the token endpoint is an error, and leads to no request"
        because "the most precious secret would go to whoever is named there";
    a_lost_mint_has_a_known_outcome:
        "when the token endpoint does not answer, it is known that the message was not sent"
        because "it can be repeated without fear";
}

async fn every_request_is_signed(kit: Kit) -> Checked {
    needs_credentials(&kit)?;
    // The kit looks at every request of this check, and of all others.
    let provider = kit.provider();
    for _ in 0..3 {
        kit.send_accepted(&provider).await?;
    }
    Ok(())
}

async fn a_credential_is_meant_for_this_push_service(kit: Kit) -> Checked {
    needs_credentials(&kit)?;
    // The kit looks at every request of this check, and of all others.
    kit.attempt(kit.accepted()).await?.accepted().map(drop)
}

async fn a_key_stays_here(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    if kit.harness.secrets().is_empty() {
        return skip("the harness knows no key");
    }
    // The kit looks at every request of this check, and of all others.
    kit.attempt(kit.accepted()).await?.accepted().map(drop)
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

async fn a_credential_is_kept_for_a_while(kit: Kit) -> Checked {
    let lifetime = needs_renewal(&kit)?;
    let (provider, token) = (kit.provider(), kit.token());
    kit.script([kit.accepted()]);
    kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    kit.vendor.set_now(kit.vendor.now() + (lifetime / 3).max(kit.harness.least_age()));
    kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    let distinct = seen(&kit).len();
    ensure(distinct == 1, || format!("two messages carried {distinct} credentials"))
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
        kit.script([refusal, kit.accepted()]);
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
        let provider = with_a_used_credential(&kit).await?;
        let message = kit.with_claims(kit.message()?, Urgency::High)?;
        kit.script([refusal, kit.accepted()]);
        let attempt = kit.send(&provider, &kit.token(), &message).await;
        attempt.accepted()?;
        let same = attempt.arrived.iter().filter(|body| *body == message.body()).count();
        ensure(same == 2, || format!("{same} of {} bodies are the same", attempt.arrived.len()))?;
        let decoded = |request| {
            let (ttl, token) = (kit.carries_ttl(request, message.ttl()), kit.token());
            let (urgency, topic) = (kit.harness.urgency(request), kit.harness.topic(request));
            (ttl, urgency, topic, kit.reaches(request, &token))
        };
        let same = attempt.requests.first().map(decoded) == attempt.requests.last().map(decoded);
        ensure(same, || "its options or its address are others".to_owned())?;
    }
    Ok(())
}

async fn a_credential_refused_twice_is_unauthorized(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    for refusal in kit.answers(Scenario::Unauthorized)? {
        let provider = with_a_used_credential(&kit).await?;
        kit.script([refusal]);
        let attempt = kit.send(&provider, &kit.token(), &kit.message()?).await;
        let kind = attempt.refused()?.kind();
        ensure(kind == ErrorKind::Unauthorized && attempt.requests.len() == 2, || {
            format!("saw {attempt}")
        })?;
    }
    Ok(())
}

async fn after_two_refusals_the_next_message_goes_through(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    for refusal in kit.answers(Scenario::Unauthorized)? {
        let provider = with_a_used_credential(&kit).await?;
        kit.script([refusal]);
        kit.send(&provider, &kit.token(), &kit.message()?).await.refused()?;
        kit.vendor.set_now(kit.vendor.now() + kit.harness.least_age());
        kit.script([kit.accepted()]);
        kit.send(&provider, &kit.token(), &kit.message()?).await.accepted()?;
    }
    Ok(())
}

async fn a_young_credential_is_not_renewed(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    kit.needs_one_attempt()?;
    let age = kit.harness.least_age();
    if age.is_zero() {
        return skip("the push service takes a new credential at any time");
    }
    for refusal in kit.answers(Scenario::Unauthorized)? {
        let (provider, token) = (kit.provider(), kit.token());
        kit.script([kit.accepted()]);
        kit.send(&provider, &token, &kit.message()?).await.accepted()?;
        kit.vendor.set_now(kit.vendor.now() + age / 2);
        kit.script([refusal]);
        let attempt = kit.send(&provider, &token, &kit.message()?).await;
        let kind = attempt.refused()?.kind();
        ensure(kind == ErrorKind::Unauthorized && attempt.requests.len() == 1, || {
            format!("saw {attempt}")
        })?;
    }
    Ok(())
}

async fn another_refusal_costs_no_credential(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    kit.needs_one_attempt()?;
    let others = Scenario::refusals_but(&[Scenario::AcceptedButRefused, Scenario::Unauthorized]);
    let mut refusals: Vec<_> = others.flat_map(|one| kit.some_forms(one)).collect();
    refusals
        .extend([400, 404, 409, 429, 500, 503].map(|status| Answer::Reply(reply(status, HTML))));
    for refusal in refusals {
        let name = refusal.to_string();
        let provider = with_a_used_credential(&kit).await?;
        let before = carried(&kit);
        kit.script([refusal, kit.accepted()]);
        let attempt = kit.send(&provider, &kit.token(), &kit.message()?).await;
        ensure(attempt.requests.len() == 1, || format!("{name}: saw {attempt}"))?;
        kit.send(&provider, &kit.token(), &kit.message()?).await.accepted()?;
        let same = carried(&kit) == before && kit.vendor.mints().is_empty();
        ensure(same, || format!("after {name} the next message carried another one"))?;
    }
    Ok(())
}

async fn a_renewed_credential_is_kept(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    let Some(refusal) = kit.answers(Scenario::Unauthorized)?.into_iter().next() else {
        return skip("no credential is ever refused");
    };
    let (provider, token) = (with_a_used_credential(&kit).await?, kit.token());
    kit.script([refusal, kit.accepted()]);
    kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    let renewed = carried(&kit);
    kit.send(&provider, &token, &kit.message()?).await.accepted()?;
    ensure(renewed.is_some() && renewed == carried(&kit), || "it carried another one".to_owned())
}

async fn messages_in_parallel_share_a_credential(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    let provider = kit.provider();
    kit.script([kit.accepted()]);
    all_at_once(&kit, &provider).await?;
    let (distinct, mints) = (seen(&kit).len(), kit.vendor.mints().len());
    ensure(distinct == 1 && mints <= 1, || {
        format!("{distinct} credentials were used, {mints} asked for")
    })
}

async fn those_who_wait_share_one_renewal_at_expiry(kit: Kit) -> Checked {
    let lifetime = needs_renewal(&kit)?;
    let provider = with_a_used_credential(&kit).await?;
    kit.vendor.set_now(kit.vendor.now() + lifetime);
    kit.script([kit.accepted()]);
    all_at_once(&kit, &provider).await?;
    let (distinct, mints) = (seen(&kit).len(), kit.vendor.mints().len());
    ensure(distinct == 1 && mints <= 1, || {
        format!("{distinct} credentials were used, {mints} asked for")
    })
}

async fn those_who_wait_share_one_renewal_after_a_refusal(kit: Kit) -> Checked {
    needs_renewal(&kit)?;
    let Some(Answer::Reply(refusal)) = kit.answers(Scenario::Unauthorized)?.into_iter().next()
    else {
        return skip("no credential is ever refused");
    };
    let provider = with_a_used_credential(&kit).await?;
    let revoked = carried(&kit);
    kit.script([]);
    let (harness, accepted) = (kit.harness.clone(), kit.accepted());
    let (refused, late) = (std::sync::atomic::AtomicUsize::new(0), LATE);
    kit.vendor.route(move |request| {
        if harness.credential(request) != revoked {
            return accepted.clone();
        }
        match refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 {
            0 => Answer::Reply(refusal.clone()),
            _ => Answer::Late(late, refusal.clone()),
        }
    });
    all_at_once(&kit, &provider).await?;
    let (distinct, mints) = (seen(&kit).len(), kit.vendor.mints().len());
    ensure(distinct <= 2 && mints <= 1, || {
        format!("{distinct} credentials were used, {mints} asked for")
    })
}

/// Sends many messages at once, all of which must be accepted.
async fn all_at_once(kit: &Kit, provider: &Arc<dyn PushProvider>) -> Checked {
    let (token, count) = (kit.token(), kit.at_once(100));
    let messages = (0..count).map(|_| kit.message()).collect::<Checked<Vec<_>>>()?;
    let sends = messages.iter().map(|message| provider.send(&token, message));
    let accepted = join_all(sends).await.iter().filter(|result| result.is_ok()).count();
    ensure(accepted == count, || format!("{accepted} of {count} were accepted"))
}

async fn a_given_credential_is_not_tried_twice(kit: Kit) -> Checked {
    kit.needs_http()?;
    kit.needs_one_attempt()?;
    if kit.harness.credentials() != Credentials::Static {
        return skip("has no credential that was given to it");
    }
    for refusal in kit.answers(Scenario::Unauthorized)? {
        let attempt = kit.attempt(refusal).await?;
        let kind = attempt.refused()?.kind();
        ensure(kind == ErrorKind::Unauthorized && attempt.requests.len() == 1, || {
            format!("saw {attempt}")
        })?;
    }
    Ok(())
}

async fn a_refused_mint_is_unauthorized(kit: Kit) -> Checked {
    kit.needs_http()?;
    for refusal in kit.answers(Scenario::MintRefused)? {
        kit.vendor.script_mint(refusal);
        let attempt = kit.attempt(kit.accepted()).await?;
        let kind = attempt.refused()?.kind();
        ensure(kind == ErrorKind::Unauthorized && attempt.is_silent(), || {
            format!("saw {attempt}")
        })?;
    }
    Ok(())
}

async fn trouble_at_the_mint_is_retryable(kit: Kit) -> Checked {
    kit.needs_http()?;
    for trouble in kit.answers(Scenario::MintUnavailable)? {
        kit.vendor.script_mint(trouble);
        let attempt = kit.attempt(kit.accepted()).await?;
        let error = attempt.refused()?;
        let clear = error.is_retryable() && error.is_outcome_known() && attempt.is_silent();
        ensure(clear, || format!("saw {attempt}"))?;
    }
    Ok(())
}

async fn garbage_from_the_mint_is_no_credential(kit: Kit) -> Checked {
    needs_mint(&kit)?;
    for body in
        ["", "{}", "null", "[]", "{\"access_token\":\"\"}", "{\"access_token\":7}", SPLIT, HTML]
    {
        kit.vendor.script_mint(Answer::Reply(reply(200, body)));
        let attempt = kit.attempt(kit.accepted()).await?;
        let error = attempt.refused()?;
        let clear = error.is_outcome_known() && !error.is_token_dead() && attempt.is_silent();
        ensure(clear, || format!("saw {attempt}"))?;
    }
    Ok(())
}

async fn redirects_of_the_mint_are_not_followed(kit: Kit) -> Checked {
    needs_mint(&kit)?;
    kit.needs_one_attempt()?;
    for status in [301, 302, 303, 307, 308] {
        let mut redirect = reply(status, "");
        let elsewhere = format!("{}/elsewhere", kit.vendor.url());
        if let Ok(value) = HeaderValue::from_str(&elsewhere) {
            redirect.headers_mut().insert(LOCATION, value);
        }
        kit.vendor.script_mint(Answer::Reply(redirect));
        let attempt = kit.attempt(kit.accepted()).await?;
        attempt.refused()?;
        let asked = kit.vendor.mints().len();
        ensure(attempt.is_silent() && asked == 1, || format!("{status}: saw {attempt}"))?;
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
    kit.needs_http()?;
    kit.answers(Scenario::MintRefused).map(drop)
}

/// A provider whose credential was accepted once, a while ago, and is not near its end.
async fn with_a_used_credential(kit: &Kit) -> Checked<Arc<dyn PushProvider>> {
    let lifetime = needs_renewal(kit)?;
    let provider = kit.provider();
    kit.script([kit.accepted()]);
    kit.send(&provider, &kit.token(), &kit.message()?).await.accepted()?;
    kit.vendor.set_now(kit.vendor.now() + (lifetime / 4).max(kit.harness.least_age()));
    Ok(provider)
}

/// The different credentials of the requests that arrived.
fn seen(kit: &Kit) -> HashSet<Bytes> {
    kit.requests().iter().filter_map(|request| kit.harness.credential(request)).collect()
}

/// The credential of the last request.
fn carried(kit: &Kit) -> Option<Bytes> {
    kit.requests().last().and_then(|request| kit.harness.credential(request))
}

/// A credential that would add a field.
const SPLIT: &str = "{\"access_token\":\"a\\r\\nx-injected: 1\",\"expires_in\":3600}";
/// When a refusal is late.
const LATE: Duration = Duration::from_millis(200);
