//! The harness says what is so: a report on another provider than the real one proves nothing.

use std::collections::HashSet;

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::harness::Credentials;
use crate::conformance::kit::Kit;
use crate::conformance::parts::{NAME, address};
use crate::conformance::scenario::Scenario;
use crate::conformance::wire::Wire;

checks! { "coherence";
    the_harness_knows_the_credential:
        "the credential on the wire is of the sort that the harness says"
        because "one that it calls absent is asked for nothing";
    the_harness_makes_an_address_for_each_name:
        "one name gives one address, and two names give two"
        because "addresses that are the same cannot be mixed up";
    the_harness_sees_what_arrives:
        "what is sent arrives on the wire that the harness says, with sealed octets in it"
        because "a provider that sends elsewhere keeps every promise";
    the_harness_tells_answers_apart:
        "no answer means two things, and one of them means acceptance"
        because "a provider cannot be right about it";
    the_harness_knows_its_ages:
        "a credential lives longer than it must be old to be replaced"
        because "it could never be renewed";
}

async fn the_harness_knows_the_credential(kit: Kit) -> Checked {
    kit.needs_http()?;
    // A credential that the harness calls absent is seen by the kit in every request.
    let mut carried = HashSet::new();
    for _ in 0..2 {
        kit.vendor.set_now(kit.vendor.now() + std::time::Duration::from_secs(90));
        let attempt = kit.send_accepted(&kit.provider()).await?;
        carried
            .extend(attempt.requests.iter().filter_map(|request| kit.harness.credential(request)));
    }
    let mints = kit.vendor.mints().len();
    match kit.harness.credentials() {
        Credentials::Renewed { .. } => Ok(()),
        Credentials::Absent if mints > 0 => fail("one is asked for, and the harness says none is"),
        Credentials::Absent => Ok(()),
        Credentials::Static => ensure(carried.len() <= 1 && mints == 0, || {
            "two providers carry two credentials, and the harness says that theirs is given"
                .to_owned()
        }),
    }
}

async fn the_harness_makes_an_address_for_each_name(kit: Kit) -> Checked {
    let (one, again, other) = (kit.token(), kit.token(), kit.token_named("q0zd8rj5sb6pg1la"));
    ensure(address(&one) == address(&again), || "one name gives two addresses".to_owned())?;
    ensure(address(&one) != address(&other), || "two names give one address".to_owned())?;
    let changed = kit.token_named(&format!("{}x", NAME.get(..15).unwrap_or_default()));
    ensure(address(&one) != address(&changed), || {
        "two names that differ in the sixteenth letter give one address".to_owned()
    })
}

async fn the_harness_sees_what_arrives(kit: Kit) -> Checked {
    let attempt = kit.send_accepted(&kit.provider()).await?;
    ensure(!attempt.arrived.is_empty(), || "no sealed octets arrived".to_owned())?;
    let spoken = !attempt.requests.is_empty();
    match kit.harness.wire() {
        Wire::None => ensure(!spoken, || "a request arrived, and the wire is `None`".to_owned()),
        _ => ensure(spoken, || "no request arrived".to_owned()),
    }
}

async fn the_harness_tells_answers_apart(kit: Kit) -> Checked {
    kit.needs_http()?;
    let accepted = kit.harness.answers(Scenario::Accepted);
    let success = accepted.iter().all(|answer| answer.status().is_success());
    ensure(success && !accepted.is_empty(), || "acceptance is no 2xx, or is not there".to_owned())?;
    let dead = kit.harness.dead_statuses();
    ensure(dead.iter().all(|status| (400..500).contains(status)), || {
        "a status that is no 4xx means a dead subscription".to_owned()
    })?;
    let mut known: Vec<(Scenario, Answer)> = Vec::new();
    // `AcceptedButRefused` says how, and not what.
    let refusals = Scenario::refusals_but(&[Scenario::AcceptedButRefused]);
    for scenario in std::iter::once(Scenario::Accepted).chain(refusals) {
        for answer in kit.harness.answers(scenario) {
            let said = said(&answer);
            if let Some((other, _)) =
                known.iter().find(|(other, one)| *one == said && *other != scenario)
            {
                return fail(format!("one answer means `{other:?}` and `{scenario:?}`"));
            }
            known.push((scenario, said));
        }
    }
    Ok(())
}

async fn the_harness_knows_its_ages(kit: Kit) -> Checked {
    let Credentials::Renewed { lifetime } = kit.harness.credentials() else {
        return skip("cannot renew a credential");
    };
    ensure(lifetime > kit.harness.least_age() && !lifetime.is_zero(), || {
        format!("it lives {lifetime:?}, and is replaced after {:?}", kit.harness.least_age())
    })
}

type Answer = (StatusCode, Vec<(String, Vec<u8>)>, Bytes);

fn said(answer: &Response<Bytes>) -> Answer {
    let fields = answer.headers().iter();
    let fields = fields.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    (answer.status(), fields.collect(), answer.body().clone())
}
