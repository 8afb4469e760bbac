//! What is claimed is done; what is not claimed is refused, never dropped.

use http::header::AUTHORIZATION;

use crate::conformance::attempt::Attempt;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::kit::{Kit, PAYLOAD};
use crate::conformance::parts::octets;
use crate::conformance::secret::contains;
use crate::seal::MAX_BODY;
use crate::{Capabilities, ErrorKind, Message, Padding, SealedMessage, Topic, Ttl, Urgency};

checks! { "capabilities";
    a_plain_message_needs_none:
        "a message with default options is accepted"
        because "portable programs set no options";
    the_claims_do_not_change:
        "`capabilities` answers the same each time"
        because "messages are sealed for one answer and sent on the next";
    the_largest_body_can_be_made:
        "`max_body` is between 104 and 4096 octets"
        because "a sealed message of one octet has 104, and none is over 4096 (RFC 8291 §4)";
    a_claimed_ttl_reaches_the_push_service:
        "a claimed TTL is in the request"
        because "a call that arrives a day late does harm";
    a_ttl_of_zero_reaches_the_push_service:
        "a claimed TTL of zero is told apart from the longest"
        because "zero means now or never, and libraries drop zeros as unset";
    a_longer_ttl_is_shortened_openly:
        "a TTL longer than the service knows is sent, reported as shortened, or refused"
        because "the sender must not believe that a message waits for a year";
    an_unclaimed_ttl_is_refused:
        "a TTL that is not claimed is `Configuration` before anything is sent"
        because "an option that is dropped silently is found out by users";
    a_claimed_urgency_reaches_the_push_service:
        "a claimed urgency of high is told apart from the lowest"
        because "an incoming call must wake the device, an advertisement must not";
    an_unclaimed_urgency_is_refused:
        "an urgency that is not claimed is `Configuration` before anything is sent"
        because "an option that is dropped silently is found out by users";
    a_claimed_topic_reaches_the_push_service:
        "two claimed topics are told apart in the request"
        because "without it the device shows a hundred messages for one";
    an_unclaimed_topic_is_refused:
        "a topic that is not claimed is `Configuration` before anything is sent"
        because "an option that is dropped silently is found out by users";
    claims_hold_together:
        "all claimed options in one message are accepted"
        because "push services forbid combinations, and the claim does not say so";
    a_refused_option_is_permanent:
        "the refusal of an option is not retryable and kills no token"
        because "the settings are wrong, not the subscription";
}

async fn a_plain_message_needs_none(kit: Kit) -> Checked {
    kit.attempt(kit.accepted()).await?.accepted().map(drop)
}

async fn the_claims_do_not_change(kit: Kit) -> Checked {
    let provider = kit.provider();
    let before = provider.capabilities();
    kit.script([kit.accepted()]);
    // Accepted or not: only what it claims afterwards matters.
    kit.send(&provider, &kit.token(), &kit.message()?).await;
    let same = before == provider.capabilities() && before == kit.provider().capabilities();
    ensure(same, || "two answers".to_owned())
}

async fn the_largest_body_can_be_made(kit: Kit) -> Checked {
    let claimed = kit.provider().capabilities().max_body;
    ensure((104..=MAX_BODY).contains(&claimed), || format!("it claims {claimed}"))
}

async fn a_claimed_ttl_reaches_the_push_service(kit: Kit) -> Checked {
    needs(&kit, |claims| claims.ttl, "a TTL")?;
    let with = |seconds| move |message: SealedMessage| message.with_ttl(Ttl::from_secs(seconds));
    told_apart(&kit, with(3_541), with(86_341)).await
}

async fn a_ttl_of_zero_reaches_the_push_service(kit: Kit) -> Checked {
    needs(&kit, |claims| claims.ttl, "a TTL")?;
    told_apart(&kit, |message| message.with_ttl(Ttl::NOW), |message| message).await
}

async fn a_longer_ttl_is_shortened_openly(kit: Kit) -> Checked {
    needs(&kit, |claims| claims.ttl, "a TTL")?;
    let longest = Ttl::from_secs(u32::MAX);
    let attempt = with_options(&kit, kit.message()?.with_ttl(longest)).await;
    match &attempt.result {
        Err(error) => ensure(error.kind() == ErrorKind::Configuration, || format!("saw {attempt}")),
        Ok(accepted) => {
            let whole = longest.as_secs().to_string();
            let sent =
                attempt.requests.iter().any(|request| contains(&octets(request), whole.as_bytes()));
            ensure(sent || accepted.ttl.is_some_and(|ttl| ttl < longest), || {
                "the request holds another TTL, and the acceptance does not say so".to_owned()
            })
        }
    }
}

async fn an_unclaimed_ttl_is_refused(kit: Kit) -> Checked {
    lacks(&kit, |claims| claims.ttl)?;
    for ttl in [Ttl::NOW, Ttl::from_secs(60), Ttl::from_secs(u32::MAX)] {
        refused_clearly(&kit, |message| message.with_ttl(ttl)).await?;
    }
    Ok(())
}

async fn a_claimed_urgency_reaches_the_push_service(kit: Kit) -> Checked {
    needs(&kit, |claims| claims.urgency, "an urgency")?;
    told_apart(
        &kit,
        |message| message.with_urgency(Urgency::VeryLow),
        |message| message.with_urgency(Urgency::High),
    )
    .await
}

async fn an_unclaimed_urgency_is_refused(kit: Kit) -> Checked {
    lacks(&kit, |claims| claims.urgency)?;
    for urgency in [Urgency::VeryLow, Urgency::Low, Urgency::High] {
        refused_clearly(&kit, |message| message.with_urgency(urgency)).await?;
    }
    Ok(())
}

async fn a_claimed_topic_reaches_the_push_service(kit: Kit) -> Checked {
    needs(&kit, |claims| claims.topic, "a topic")?;
    let (first, second) = (topic("weather-report")?, topic("score-of-the-game")?);
    told_apart(
        &kit,
        move |message| message.with_topic(first),
        move |message| message.with_topic(second),
    )
    .await
}

async fn an_unclaimed_topic_is_refused(kit: Kit) -> Checked {
    lacks(&kit, |claims| claims.topic)?;
    let topic = topic("weather-report")?;
    refused_clearly(&kit, |message| message.with_topic(topic)).await.map(drop)
}

async fn claims_hold_together(kit: Kit) -> Checked {
    let claims = kit.provider().capabilities();
    for urgency in Urgency::ALL {
        let size = Padding::To(claims.max_body.min(MAX_BODY));
        let mut message = kit.sealed(&Message::new(PAYLOAD).with_padding(size))?;
        if claims.ttl {
            message = message.with_ttl(Ttl::from_secs(3_600));
        }
        if claims.urgency {
            message = message.with_urgency(urgency);
        }
        if claims.topic {
            message = message.with_topic(topic(&"t".repeat(Topic::MAX_LEN))?);
        }
        with_options(&kit, message).await.accepted()?;
    }
    Ok(())
}

async fn a_refused_option_is_permanent(kit: Kit) -> Checked {
    let claims = kit.provider().capabilities();
    let topic = topic("weather-report")?;
    let attempt = if !claims.topic {
        refused_clearly(&kit, |message| message.with_topic(topic)).await?
    } else if !claims.urgency {
        refused_clearly(&kit, |message| message.with_urgency(Urgency::High)).await?
    } else if !claims.ttl {
        refused_clearly(&kit, |message| message.with_ttl(Ttl::NOW)).await?
    } else {
        return skip("claims every option");
    };
    let error = attempt.refused()?;
    ensure(!error.is_retryable() && !error.is_token_dead(), || format!("saw {attempt}"))
}

fn needs(kit: &Kit, claimed: impl Fn(&Capabilities) -> bool, what: &str) -> Checked {
    kit.needs_http()?;
    if claimed(&kit.provider().capabilities()) {
        Ok(())
    } else {
        skip(format!("does not claim {what}"))
    }
}

fn lacks(kit: &Kit, claimed: impl Fn(&Capabilities) -> bool) -> Checked {
    if claimed(&kit.provider().capabilities()) { skip("claims it") } else { Ok(()) }
}

fn topic(name: &str) -> Checked<Topic> {
    name.parse().or_else(|_| fail("the kit cannot make a topic"))
}

async fn with_options(kit: &Kit, message: SealedMessage) -> Attempt {
    kit.script([kit.accepted()]);
    kit.send(&kit.provider(), &kit.token(), &message).await
}

/// Sends the same octets with one option and with another: the requests must differ, in more than
/// what differs between two requests with the same option.
async fn told_apart(
    kit: &Kit,
    one: impl FnOnce(SealedMessage) -> SealedMessage,
    other: impl FnOnce(SealedMessage) -> SealedMessage,
) -> Checked {
    let message = kit.message()?;
    let (one, other) = (one(message.clone()), other(message));
    let mut requests = Vec::new();
    for message in [one.clone(), one, other] {
        let attempt = with_options(kit, message).await;
        attempt.accepted()?;
        requests.push(attempt.requests.first().map(without_credential).unwrap_or_default());
    }
    let [first, again, other] = requests.as_slice() else { return Ok(()) };
    if first != again {
        return fail("the same message makes two different requests, so nothing can be compared");
    }
    ensure(first != other, || "both requests are the same".to_owned())
}

/// A signature differs each time.
fn without_credential(request: &http::Request<bytes::Bytes>) -> Vec<u8> {
    let mut request = request.clone();
    request.headers_mut().remove(AUTHORIZATION);
    octets(&request)
}

async fn refused_clearly(
    kit: &Kit,
    option: impl FnOnce(SealedMessage) -> SealedMessage,
) -> Checked<Attempt> {
    let attempt = with_options(kit, option(kit.message()?)).await;
    let kind = attempt.refused()?.kind();
    ensure(kind == ErrorKind::Configuration && attempt.is_silent(), || format!("saw {attempt}"))?;
    Ok(attempt)
}
