//! The provider gets sealed octets only, and passes them on unchanged.

use std::collections::HashSet;

use crate::conformance::answer::Answer;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::kit::Kit;
use crate::conformance::parts::{PAYLOAD, reply};
use crate::seal::MAX_BODY;
use crate::{ErrorKind, Message, Padding, PushProviderExt, SealedMessage, Topic, Urgency, open};

checks! { "sealing";
    sealed_octets_pass_unchanged:
        "the sealed octets arrive as they were sealed"
        because "one octet changed, and the user agent opens nothing";
    octets_of_every_value_pass_unchanged:
        "octets that are no text arrive as they were sealed"
        because "a detour over text replaces what is not UTF-8";
    the_largest_body_passes_unchanged:
        "a body of `max_body` octets arrives whole"
        because "a limit on the way truncates silently";
    every_padding_passes_unchanged:
        "bodies of every padded size arrive whole"
        because "padding hides the length only while its size is kept";
    options_change_no_octets:
        "with every option that is claimed the sealed octets arrive once, as they were sealed"
        because "what is given room in the request is taken from the message";
    a_body_over_the_limit_stays_here:
        "a body over `max_body` is `PayloadTooLarge` before anything is sent"
        because "the push service would refuse or truncate it, at the cost of a request";
    the_message_seals_within_the_limit:
        "a message that cannot fit is refused by `send_encrypted` before anything is sent"
        because "the limit of the provider is that of sealing";
    the_user_agent_opens_what_arrives:
        "what `send_encrypted` sends opens with the user agent's secret"
        because "this is what the provider is for";
    the_plaintext_never_leaves:
        "no request holds the payload in any form"
        because "end to end means that the push service cannot read it";
    the_authentication_secret_never_leaves:
        "no request holds the user agent's authentication secret"
        because "with it and the key exchange a push service could forge messages (RFC 8291 §7)";
    the_public_key_never_leaves:
        "no request holds the user agent's public key"
        because "the push service needs an address, not the keys of the conversation";
    a_refused_body_is_not_replaced:
        "after a refusal nothing is sent but the same sealed octets"
        because "a retry in the clear or without the body gives the secret or the message away";
    a_repeated_message_carries_the_same_octets:
        "the same sealed message sent twice arrives as the same octets"
        because "receivers recognize a duplicate by them";
    messages_are_not_merged:
        "each message arrives once and on its own"
        because "a batch that loses one message loses it silently";
    a_push_without_a_body_is_sent_or_refused:
        "an empty message goes out without sealed octets, or is refused"
        because "browsers wake up on a push without a body (RFC 8291 §4)";
}

async fn sealed_octets_pass_unchanged(kit: Kit) -> Checked {
    let message = kit.message()?;
    arrives(&kit, &message).await
}

async fn octets_of_every_value_pass_unchanged(kit: Kit) -> Checked {
    let mut values = HashSet::new();
    // Sealed octets are evenly spread: each body brings new values until all have been there.
    while values.len() < 256 {
        let message = kit.message()?;
        values.extend(message.body().iter().copied());
        arrives(&kit, &message).await?;
    }
    Ok(())
}

async fn the_largest_body_passes_unchanged(kit: Kit) -> Checked {
    let limit = kit.provider().capabilities().max_body.min(MAX_BODY);
    let message = kit.sealed(&Message::new(PAYLOAD).with_padding(Padding::To(limit)))?;
    arrives(&kit, &message).await
}

async fn every_padding_passes_unchanged(kit: Kit) -> Checked {
    let limit = kit.provider().capabilities().max_body;
    for size in Padding::BUCKETS.iter().filter(|size| **size <= limit) {
        let message = kit.sealed(&Message::new(PAYLOAD).with_padding(Padding::To(*size)))?;
        arrives(&kit, &message).await?;
    }
    Ok(())
}

async fn options_change_no_octets(kit: Kit) -> Checked {
    let limit = kit.provider().capabilities().max_body.min(MAX_BODY);
    for urgency in Urgency::ALL {
        let largest = kit.sealed(&Message::new(PAYLOAD).with_padding(Padding::To(limit)))?;
        arrives(&kit, &kit.with_claims(largest, urgency)?).await?;
    }
    Ok(())
}

async fn a_body_over_the_limit_stays_here(kit: Kit) -> Checked {
    let limit = kit.provider().capabilities().max_body;
    if limit >= MAX_BODY {
        return skip(format!("takes {limit} octets, and no sealed body is over {MAX_BODY}"));
    }
    let message = kit.sealed(&Message::new(PAYLOAD).with_padding(Padding::To(limit + 1)))?;
    kit.script([kit.accepted()]);
    let attempt = kit.send(&kit.provider(), &kit.token(), &message).await;
    let kind = attempt.refused()?.kind();
    ensure(kind == ErrorKind::PayloadTooLarge && attempt.is_silent(), || format!("saw {attempt}"))
}

async fn the_message_seals_within_the_limit(kit: Kit) -> Checked {
    kit.script([kit.accepted()]);
    let provider = kit.provider();
    let message = Message::new(vec![b'x'; provider.capabilities().max_body]);
    match provider.send_encrypted(&kit.token(), &message).await {
        Err(error) if error.kind() == ErrorKind::PayloadTooLarge => {
            ensure(kit.arrived().is_empty(), || "a request went out all the same".to_owned())
        }
        Err(error) => fail(format!("expected PayloadTooLarge, saw {:?}", error.kind())),
        Ok(_) => fail("accepted"),
    }
}

async fn the_user_agent_opens_what_arrives(kit: Kit) -> Checked {
    kit.script([kit.accepted()]);
    let sent = kit.provider().send_encrypted(&kit.token(), &Message::new(PAYLOAD)).await;
    if let Err(error) = sent {
        return fail(format!("expected acceptance, saw {:?}", error.kind()));
    }
    match kit.arrived().first().map(|body| open(&kit.agent, body)) {
        Some(Ok(plaintext)) => {
            ensure(plaintext == PAYLOAD.as_bytes(), || "it opens to something else".to_owned())
        }
        Some(Err(_)) => fail("it does not open"),
        None => fail("no sealed octets arrived"),
    }
}

async fn the_plaintext_never_leaves(kit: Kit) -> Checked {
    all_goes_out(&kit).await
}

async fn the_authentication_secret_never_leaves(kit: Kit) -> Checked {
    all_goes_out(&kit).await
}

async fn the_public_key_never_leaves(kit: Kit) -> Checked {
    all_goes_out(&kit).await
}

async fn a_refused_body_is_not_replaced(kit: Kit) -> Checked {
    kit.needs_http()?;
    for status in [400, 406, 413, 415, 422, 500] {
        let message = kit.message()?;
        kit.script([Answer::Reply(reply(status, "this encoding is not supported"))]);
        let attempt = kit.send(&kit.provider(), &kit.token(), &message).await;
        attempt.refused()?;
        let whole = attempt.arrived.iter().filter(|body| *body == message.body()).count();
        ensure(whole == attempt.requests.len(), || {
            format!(
                "after {status}, {} of {} requests held the sealed octets",
                whole,
                attempt.requests.len()
            )
        })?;
    }
    Ok(())
}

async fn a_repeated_message_carries_the_same_octets(kit: Kit) -> Checked {
    let (provider, token, message) = (kit.provider(), kit.token(), kit.message()?);
    kit.script([kit.accepted()]);
    for _ in 0..3 {
        kit.send(&provider, &token, &message).await.accepted()?;
    }
    let arrived = kit.arrived();
    ensure(arrived.len() == 3 && arrived.iter().all(|body| body == message.body()), || {
        format!("{} bodies arrived, not all the same", arrived.len())
    })
}

async fn messages_are_not_merged(kit: Kit) -> Checked {
    let (provider, token) = (kit.provider(), kit.token());
    let messages = [kit.message()?, kit.message()?, kit.message()?];
    kit.script([kit.accepted()]);
    for message in &messages {
        let attempt = kit.send(&provider, &token, message).await;
        attempt.accepted()?;
        ensure(attempt.arrived == [message.body().clone()], || {
            format!("{} bodies arrived by the end of one send", attempt.arrived.len())
        })?;
    }
    Ok(())
}

async fn a_push_without_a_body_is_sent_or_refused(kit: Kit) -> Checked {
    let message = kit.sealed(&Message::new(""))?;
    kit.script([kit.accepted()]);
    let attempt = kit.send(&kit.provider(), &kit.token(), &message).await;
    let Err(error) = &attempt.result else {
        ensure(attempt.count() == 1, || format!("saw {attempt}"))?;
        return ensure(attempt.arrived.iter().all(|body| body.is_empty()), || {
            "sealed octets arrived that nobody sealed".to_owned()
        });
    };
    let clear = matches!(error.kind(), ErrorKind::Configuration | ErrorKind::Rejected);
    ensure(clear && attempt.is_silent(), || format!("saw {attempt}"))
}

/// Sends a message and compares what arrives.
async fn arrives(kit: &Kit, message: &SealedMessage) -> Checked {
    kit.script([kit.accepted()]);
    let attempt = kit.send(&kit.provider(), &kit.token(), message).await;
    attempt.accepted()?;
    match attempt.arrived.as_slice() {
        [body] if body == message.body() => Ok(()),
        [body] => fail(format!("{} octets arrived of {}", body.len(), message.body().len())),
        bodies => fail(format!("{} bodies arrived", bodies.len())),
    }
}

/// Sends when all goes well and when it does not; the kit looks at every request for what must not
/// be in it.
async fn all_goes_out(kit: &Kit) -> Checked {
    kit.needs_http()?;
    let mut answers = vec![kit.accepted()];
    answers.extend([400, 413, 415].map(|status| Answer::Reply(reply(status, "no"))));
    for answer in answers {
        let capabilities = kit.provider().capabilities();
        let mut message = Message::new(PAYLOAD).with_padding(Padding::None);
        if let (true, Ok(topic)) = (capabilities.topic, "topic".parse::<Topic>()) {
            message = message.with_topic(topic);
        }
        kit.script([answer]);
        // Accepted or not: only what arrived matters.
        let _ = kit.provider().send_encrypted(&kit.token(), &message).await;
    }
    Ok(())
}
