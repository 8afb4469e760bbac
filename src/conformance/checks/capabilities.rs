//! What is claimed is done; what is not claimed is refused, never dropped.

use bytes::Bytes;
use http::Request;

use crate::conformance::answer::Answer;
use crate::conformance::attempt::Attempt;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::kit::Kit;
use crate::conformance::parts::{HTML, PAYLOAD, carries, differences, reply};
use crate::conformance::scenario::Scenario;
use crate::seal::MAX_BODY;
use crate::{
    Capabilities, ErrorKind, Message, Padding, Placeholder, SealedMessage, Topic, Ttl, Urgency,
};

checks! { "capabilities";
    a_plain_message_needs_none:
        "a message with default options is accepted"
        because "portable programs set no options";
    every_request_is_one_that_the_push_service_takes:
        "the push service would take every request of every check, as the harness knows it"
        because "a field that is missing is found out by the first real message";
    the_claims_do_not_change:
        "`capabilities` and `id` answer the same after every answer of the push service, and a month later"
        because "messages are sealed for one answer and sent on the next";
    the_largest_body_can_be_made:
        "`max_body` is between 104 and 4096 octets"
        because "a sealed message of one octet has 104, and none is over 4096 (RFC 8291 §4)";
    a_claimed_ttl_reaches_the_push_service:
        "a claimed TTL is in the request, to the second"
        because "a call that arrives a day late does harm";
    a_ttl_of_zero_reaches_the_push_service:
        "a claimed TTL of zero is told apart from the longest"
        because "zero means now or never, and libraries drop zeros as unset";
    a_longer_ttl_is_shortened_openly:
        "a TTL longer than the service knows is sent, reported as shortened, or refused"
        because "the sender must not believe that a message waits for a year";
    no_ttl_is_lengthened_silently:
        "a short TTL is sent, reported as longer in `Accepted`, or refused"
        because "what was for now or never is shown a minute too late";
    an_unclaimed_ttl_is_refused:
        "a TTL that is not claimed is `Configuration` before anything is sent"
        because "an option that is dropped silently is found out by users";
    a_claimed_urgency_reaches_the_push_service:
        "a claimed urgency of high is told apart from the lowest"
        because "an incoming call must wake the device, an advertisement must not";
    an_urgency_keeps_its_place:
        "each urgency arrives as itself, or as the nearest that the push service has"
        because "two that are exchanged wake devices for advertisements";
    an_unclaimed_urgency_is_refused:
        "an urgency that is not claimed is `Configuration` before anything is sent"
        because "an option that is dropped silently is found out by users";
    a_claimed_topic_reaches_the_push_service:
        "claimed topics are told apart in the request, to the last character"
        because "without it the device shows a hundred messages for one, or one for a hundred";
    an_unclaimed_topic_is_refused:
        "a topic that is not claimed is `Configuration` before anything is sent"
        because "an option that is dropped silently is found out by users";
    options_do_not_stick:
        "after a message with every option, a plain one goes out as if it were the first"
        because "settings that stay wake devices and replace messages of others";
    a_placeholder_arrives_as_it_is:
        "a placeholder of quotes, emoji and line separators arrives as it is, where one is used"
        because "text that is pasted into JSON breaks the request, or shows rubbish";
    claims_hold_together:
        "all claimed options in one message of the largest size are accepted, and arrive as each alone"
        because "push services forbid combinations, and the claim does not say so";
}

async fn a_plain_message_needs_none(kit: Kit) -> Checked {
    kit.attempt(kit.accepted()).await?.accepted().map(drop)
}

async fn every_request_is_one_that_the_push_service_takes(kit: Kit) -> Checked {
    kit.needs_http()?;
    let claims = kit.provider().capabilities();
    // The kit looks at every request of this check, and of all others.
    for size in Padding::BUCKETS.iter().filter(|size| **size <= claims.max_body) {
        let message = kit.sealed(&Message::new(PAYLOAD).with_padding(Padding::To(*size)))?;
        with_options(&kit, message).await.accepted()?;
    }
    Ok(())
}

async fn the_claims_do_not_change(kit: Kit) -> Checked {
    let provider = kit.provider();
    let before = (provider.id(), provider.capabilities());
    let mut answers = vec![kit.accepted()];
    if kit.needs_http().is_ok() {
        answers.extend(Scenario::ALL.iter().flat_map(|scenario| kit.forms(*scenario)));
        answers.extend(
            [302, 400, 404, 413, 429, 503].map(|status| Answer::Reply(reply(status, HTML))),
        );
        answers.push(Answer::Reset);
    }
    for answer in answers {
        let name = answer.to_string();
        kit.script([answer]);
        // Accepted or not: only what it claims afterwards matters.
        kit.send(&provider, &kit.token(), &kit.message()?).await;
        let after = (provider.id(), provider.capabilities());
        ensure(before == after, || format!("another answer after {name}"))?;
    }
    for days in [1, 30] {
        kit.vendor.set_now(kit.vendor.now() + days * DAY);
        kit.script([kit.accepted()]);
        kit.send(&provider, &kit.token(), &kit.message()?).await;
        let after = (provider.id(), provider.capabilities());
        ensure(before == after, || format!("another answer {days} days later"))?;
    }
    let fresh = kit.provider();
    ensure(before == (fresh.id(), fresh.capabilities()), || "two answers".to_owned())
}

async fn the_largest_body_can_be_made(kit: Kit) -> Checked {
    let claimed = kit.provider().capabilities().max_body;
    ensure((104..=MAX_BODY).contains(&claimed), || format!("it claims {claimed}"))
}

async fn a_claimed_ttl_reaches_the_push_service(kit: Kit) -> Checked {
    needs(&kit, |claims| claims.ttl, "a TTL")?;
    let with = |seconds| move |message: SealedMessage| message.with_ttl(Ttl::from_secs(seconds));
    told_apart(&kit, with(3_541), with(86_341)).await?;
    for seconds in [3_541, 50_021, 86_341] {
        ttl_arrives(&kit, Ttl::from_secs(seconds)).await?;
    }
    Ok(())
}

async fn a_ttl_of_zero_reaches_the_push_service(kit: Kit) -> Checked {
    needs(&kit, |claims| claims.ttl, "a TTL")?;
    told_apart(&kit, |message| message.with_ttl(Ttl::NOW), |message| message).await
}

async fn a_longer_ttl_is_shortened_openly(kit: Kit) -> Checked {
    needs(&kit, |claims| claims.ttl, "a TTL")?;
    ttl_arrives(&kit, Ttl::from_secs(u32::MAX)).await
}

async fn no_ttl_is_lengthened_silently(kit: Kit) -> Checked {
    needs(&kit, |claims| claims.ttl, "a TTL")?;
    for seconds in [0, 7, 61] {
        ttl_arrives(&kit, Ttl::from_secs(seconds)).await?;
    }
    Ok(())
}

/// The TTL is in the request, or another one is and the acceptance says so, or it is refused.
async fn ttl_arrives(kit: &Kit, ttl: Ttl) -> Checked {
    let attempt = with_options(kit, kit.message()?.with_ttl(ttl)).await;
    let accepted = match &attempt.result {
        Err(error) => {
            let clear = error.kind() == ErrorKind::Configuration && attempt.is_silent();
            return ensure(clear, || format!("saw {attempt}"));
        }
        Ok(accepted) => accepted,
    };
    let arrives = |ttl| attempt.requests.iter().all(|request| kit.carries_ttl(request, ttl));
    // What the push service itself says in its answer stands in no request.
    let openly = accepted.ttl.is_some_and(|said| said < ttl || said > ttl && arrives(said));
    ensure(arrives(ttl) || openly, || {
        format!(
            "a TTL of {} s is not in the request, nor as the time when it ends; decode another \
             form in `Harness::ttl`",
            ttl.as_secs()
        )
    })
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

async fn an_urgency_keeps_its_place(kit: Kit) -> Checked {
    needs(&kit, |claims| claims.urgency, "an urgency")?;
    let mut arrived = Vec::new();
    let mut there = kit.harness.urgencies().to_vec();
    for urgency in Urgency::ALL {
        let attempt = with_options(&kit, kit.message()?.with_urgency(urgency)).await;
        attempt.accepted()?;
        let Some(request) = attempt.requests.first() else { return fail("no request arrived") };
        let named = named_urgency(request);
        if named.is_some() && kit.harness.urgency(request).is_none() {
            // A push service that speaks of `Urgency` knows every word of it.
            there = Urgency::ALL.to_vec();
        }
        let Some(read) = kit.harness.urgency(request).or(named) else {
            return skip("the urgency has no known form; decode it in `Harness::urgency`");
        };
        arrived.push((urgency, read));
    }
    let in_order = arrived.windows(2).all(|pair| pair.iter().map(|one| one.1).is_sorted());
    // An urgency that the push service has stands for itself.
    let themselves = arrived.iter().all(|(urgency, _)| {
        arrived.iter().all(|(asked, read)| {
            read != urgency || asked == read || {
                arrived.iter().any(|(asked, read)| asked == urgency && read == urgency)
            }
        })
    });
    let ends = arrived.last().is_some_and(|(_, read)| *read == Urgency::High);
    let known = arrived.iter().all(|(asked, read)| asked == read || !there.contains(asked));
    ensure(in_order && themselves && known && ends, || {
        let shown = arrived.iter().map(|(asked, read)| format!("{asked} as {read}"));
        shown.collect::<Vec<_>>().join(", ")
    })
}

/// The urgency that a request names by its word in RFC 8030 §5.3.
fn named_urgency(request: &Request<bytes::Bytes>) -> Option<Urgency> {
    let value = request.headers().get("urgency")?.to_str().ok()?;
    value.parse().ok()
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
    let long = "t".repeat(Topic::MAX_LEN - 1);
    let pairs = [
        ("weather-report".to_owned(), "score-of-the-game".to_owned()),
        (format!("{long}1"), format!("{long}2")),
        ("Weather_A".to_owned(), "weather_A".to_owned()),
        ("a-b".to_owned(), "a_b".to_owned()),
    ];
    for (first, second) in pairs {
        let (first, second) = (topic(&first)?, topic(&second)?);
        told_apart(
            &kit,
            move |message| message.with_topic(first),
            move |message| message.with_topic(second),
        )
        .await?;
    }
    let there = with_options(&kit, kit.message()?.with_topic(topic("weather-report")?)).await;
    there.accepted()?;
    let named = there.requests.first().and_then(|request| kit.harness.topic(request));
    let absent = with_options(&kit, kit.message()?).await;
    absent.accepted()?;
    let unnamed = absent.requests.first().and_then(|request| kit.harness.topic(request));
    ensure(unnamed.is_none(), || "a message without a topic has one".to_owned())?;
    let renamed = named.is_some_and(|named| named.is_empty());
    ensure(!renamed, || "a topic arrives empty".to_owned())
}

async fn an_unclaimed_topic_is_refused(kit: Kit) -> Checked {
    lacks(&kit, |claims| claims.topic)?;
    let topic = topic("weather-report")?;
    refused_clearly(&kit, |message| message.with_topic(topic)).await
}

async fn options_do_not_stick(kit: Kit) -> Checked {
    kit.needs_http()?;
    let (provider, token) = (kit.provider(), kit.token());
    let message = kit.message()?;
    let full = kit.with_claims(message.clone(), Urgency::High)?;
    let plain = with_options(&kit, message.clone()).await;
    let again = with_options(&kit, message.clone()).await;
    kit.script([kit.accepted()]);
    kit.send(&provider, &token, &full).await.accepted()?;
    let after = kit.send(&provider, &token, &message).await;
    let (Some(plain), Some(again), Some(after)) =
        (plain.requests.first(), again.requests.first(), after.requests.first())
    else {
        return fail("no request arrived");
    };
    let noise = differences(plain, again);
    let mut kept = differences(plain, after);
    kept.retain(|name| !noise.contains(name));
    ensure(kept.is_empty(), || {
        format!("the plain message differs in {}", kept.into_iter().collect::<Vec<_>>().join(", "))
    })
}

async fn a_placeholder_arrives_as_it_is(kit: Kit) -> Checked {
    kit.needs_http()?;
    let plain = with_options(&kit, kit.message()?).await;
    plain.accepted()?;
    let default = Placeholder::default();
    if !plain.requests.iter().any(|request| carries(request, default.as_str())) {
        return skip("the push service shows no placeholder");
    }
    for text in ODD_PLACEHOLDERS {
        let Ok(placeholder) = text.parse::<Placeholder>() else { continue };
        let attempt = with_options(&kit, kit.message()?.with_placeholder(placeholder)).await;
        attempt.accepted()?;
        let whole = attempt.requests.iter().all(|request| differences_hold(request, text));
        ensure(whole, || format!("{text:?} arrived as another text"))?;
    }
    Ok(())
}

/// Whether a text is a member or a field of a request, whole.
fn differences_hold(request: &Request<bytes::Bytes>, text: &str) -> bool {
    crate::conformance::parts::leaves(request).values().any(|leaf| leaf == text)
}

async fn claims_hold_together(kit: Kit) -> Checked {
    let claims = kit.provider().capabilities();
    for urgency in Urgency::ALL {
        let size = Padding::To(claims.max_body.min(MAX_BODY));
        let message = kit.sealed(&Message::new(PAYLOAD).with_padding(size))?;
        let mut message = kit.with_claims(message, urgency)?;
        for placeholder in ["\u{1f514}", "\"", "\u{10ffff}"] {
            // The longest that a message may carry, in octets and in escapes.
            if let Ok(placeholder) = placeholder.repeat(Placeholder::MAX_LEN).parse() {
                message = message.with_placeholder(placeholder);
            }
            let together = with_options(&kit, message.clone()).await;
            together.accepted()?;
            if let Some(request) = together.requests.first() {
                arrive_as_alone(&kit, &message, request).await?;
            }
        }
    }
    Ok(())
}

/// Each option of a message is in its request as it is when it is the only one.
async fn arrive_as_alone(kit: &Kit, all: &SealedMessage, request: &Request<Bytes>) -> Checked {
    let plain = kit.message()?;
    let mut each = vec![
        ("TTL", plain.clone().with_ttl(all.ttl())),
        ("urgency", plain.clone().with_urgency(all.urgency())),
    ];
    each.extend(all.topic().map(|topic| ("topic", plain.with_topic(topic.clone()))));
    let decoded = |name, request: &Request<Bytes>| match name {
        "TTL" => format!("{:?}", kit.carries_ttl(request, all.ttl())),
        "urgency" => {
            format!("{:?}", kit.harness.urgency(request).or_else(|| named_urgency(request)))
        }
        _ => format!("{:?}", kit.harness.topic(request)),
    };
    for (name, message) in each {
        let alone = with_options(kit, message).await;
        // What is not claimed is refused.
        let (Ok(_), Some(alone)) = (&alone.result, alone.requests.first()) else { continue };
        let same = decoded(name, alone) == decoded(name, request);
        ensure(same, || format!("the {name} is another one beside other options"))?;
    }
    Ok(())
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
/// what differs between two requests with the same option, such as a number drawn for each.
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
        requests.extend(attempt.requests.into_iter().next());
    }
    let [first, again, other] = requests.as_slice() else { return fail("no request arrived") };
    let decoded = |request| {
        let (ttl, urgency) = (kit.harness.ttl(&kit.vendor, request), kit.harness.urgency(request));
        (ttl, urgency, kit.harness.topic(request))
    };
    if decoded(first) == decoded(again) && decoded(first) != decoded(other) {
        return Ok(());
    }
    let noise = differences(first, again);
    if noise.contains("body") {
        return skip("two requests for one message have nothing in common; decode the option");
    }
    let told = differences(first, other).iter().any(|name| !noise.contains(name));
    ensure(told, || "both requests are the same".to_owned())
}

async fn refused_clearly(
    kit: &Kit,
    option: impl FnOnce(SealedMessage) -> SealedMessage,
) -> Checked {
    let attempt = with_options(kit, option(kit.message()?)).await;
    let kind = attempt.refused()?.kind();
    ensure(kind == ErrorKind::Configuration && attempt.is_silent(), || format!("saw {attempt}"))
}

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// What tempts a provider to escape, or not to.
const ODD_PLACEHOLDERS: [&str; 4] = [
    "say \"hello\" \\n & <b>",
    "\u{1f514}\u{1f9d1}\u{200d}\u{1f692} \u{e9}",
    "a\u{2028}b\u{2029}c",
    "{{name}} %s ${x}",
];
