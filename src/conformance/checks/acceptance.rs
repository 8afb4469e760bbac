//! What the push service says about a message that it took is passed on.

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::LOCATION;
use http::{HeaderValue, Response};

use crate::conformance::answer::Answer;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::kit::Kit;
use crate::conformance::scenario::Scenario;

checks! { "acceptance";
    acceptance_names_the_message:
        "`Accepted` carries the push service's own name for the message, whole"
        because "with a name that was cut nobody finds the message again";
    acceptance_names_this_message:
        "`Accepted` carries the name that this answer gives, and not that of an answer before"
        because "the wrong message would be withdrawn or looked for";
    acceptances_are_not_mixed_up:
        "of 50 messages at once, each is accepted under the name in its own answer"
        because "what is shared between two sends mixes up messages";
}

async fn acceptance_names_the_message(kit: Kit) -> Checked {
    kit.needs_http()?;
    let mut named = false;
    for answer in kit.harness.answers(Scenario::Accepted) {
        let given = kit.harness.message_id(&answer);
        let attempt = kit.attempt(Answer::Reply(answer.clone())).await?;
        let kept = attempt.accepted()?.message_id.as_ref().map(|id| id.expose().to_owned());
        match (given, kept) {
            (Some(given), Some(kept)) => {
                named = true;
                ensure(given == kept, || "it carries another name".to_owned())?;
            }
            (Some(_), None) => return fail("it carries none"),
            (None, Some(kept)) => {
                named = true;
                ensure(is_whole(&answer, &kept), || {
                    "the name that it carries does not stand in the answer, or only as a part of \
                     another word"
                        .to_owned()
                })?;
            }
            (None, None) => {}
        }
    }
    if named { Ok(()) } else { skip("neither the harness nor the provider knows a name") }
}

async fn acceptance_names_this_message(kit: Kit) -> Checked {
    let (answer, name) = named_answer(&kit).await?;
    let provider = kit.provider();
    for nth in [7, 8, 9] {
        let renamed = other(&name, nth);
        let Some(changed) = with_name(&answer, &name, &renamed) else {
            return skip("the name cannot be changed in the answer");
        };
        kit.script([Answer::Reply(changed)]);
        let attempt = kit.send(&provider, &kit.token(), &kit.message()?).await;
        let kept = attempt.accepted()?.message_id.as_ref().map(|id| id.expose().to_owned());
        ensure(kept.as_deref() == Some(renamed.as_str()), || "it carries another name".to_owned())?;
    }
    Ok(())
}

async fn acceptances_are_not_mixed_up(kit: Kit) -> Checked {
    let (answer, name) = named_answer(&kit).await?;
    let (provider, token) = (kit.provider(), kit.token());
    let messages = (0..50).map(|_| kit.message()).collect::<Checked<Vec<_>>>()?;
    let bodies: Vec<Bytes> = messages.iter().map(|message| message.body().clone()).collect();
    if with_name(&answer, &name, &other(&name, 0)).is_none() {
        return skip("the name cannot be changed in the answer");
    }
    kit.script([]);
    let (harness, named) = (kit.harness.clone(), name.clone());
    kit.vendor.route(move |request| {
        let body = harness.body(request);
        let nth = bodies.iter().position(|one| Some(one) == body.as_ref()).unwrap_or_default();
        with_name(&answer, &named, &other(&named, nth)).map_or(Answer::Hang, Answer::Reply)
    });
    let results = join_all(messages.iter().map(|message| provider.send(&token, message))).await;
    if kit.vendor.is_at_a_loss() {
        return skip("the harness cannot answer several messages at once; see `Harness::pack`");
    }
    for (nth, result) in results.into_iter().enumerate() {
        let kept = result.ok().and_then(|accepted| accepted.message_id);
        let own = kept.is_some_and(|kept| kept.expose() == other(&name, nth));
        ensure(own, || "a message was accepted under another name".to_owned())?;
    }
    Ok(())
}

/// An answer that names the message, and the name.
async fn named_answer(kit: &Kit) -> Checked<(Response<Bytes>, String)> {
    kit.needs_http()?;
    for answer in kit.harness.answers(Scenario::Accepted) {
        let attempt = kit.attempt(Answer::Reply(answer.clone())).await?;
        let kept = attempt.accepted()?.message_id.as_ref().map(|id| id.expose().to_owned());
        if let Some(name) = kit.harness.message_id(&answer).or(kept) {
            return Ok((answer, name));
        }
    }
    skip("neither the harness nor the provider knows a name")
}

/// The same name with another end.
fn other(name: &str, nth: usize) -> String {
    let kept = name.char_indices().rev().nth(1).map_or(0, |(at, _)| at);
    format!("{}{}{}", name.get(..kept).unwrap_or_default(), nth / 10, nth % 10)
}

/// The answer with another name in its place.
fn with_name(answer: &Response<Bytes>, name: &str, renamed: &str) -> Option<Response<Bytes>> {
    let body = str::from_utf8(answer.body()).ok()?;
    let mut changed = answer.clone();
    let mut found = body.contains(name);
    *changed.body_mut() = body.replace(name, renamed).into();
    for value in changed.headers_mut().values_mut() {
        let Ok(text) = value.to_str() else { continue };
        if text.contains(name) {
            found = true;
            *value = HeaderValue::from_str(&text.replace(name, renamed)).ok()?;
        }
    }
    found.then_some(changed)
}

/// Whether a name stands in an answer with nothing of a word before or after it.
fn is_whole(answer: &Response<Bytes>, name: &str) -> bool {
    if let Some(location) = answer.headers().get(LOCATION)
        && location.as_bytes() == name.as_bytes()
    {
        return true;
    }
    let fields = answer.headers().values().filter_map(|value| value.to_str().ok());
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    let edge = |character: Option<char>| {
        character.is_none_or(|c| {
            c.is_whitespace() || c == '"' || c == '\'' || c == ',' || c == '<' || c == '>'
        })
    };
    fields.chain([body.as_str()]).any(|text| {
        text.match_indices(name).any(|(at, _)| {
            let after = text.get(at + name.len()..).and_then(|rest| rest.chars().next());
            edge(text.get(..at).and_then(|rest| rest.chars().next_back())) && edge(after)
        })
    })
}
