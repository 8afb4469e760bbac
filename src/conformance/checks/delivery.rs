//! Every message reaches the address of its own token, as the token has it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use serde_json::Value;
use tokio::task::unconstrained;

use crate::conformance::attempt::Attempt;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::kit::Kit;
use crate::conformance::parts::{NAME, address, beyond_origin, carries, octets};
use crate::conformance::secret::find;
use crate::conformance::watch::is_at;
use crate::{PushProvider, SealedMessage, Token};

checks! { "delivery";
    two_tokens_reach_two_addresses:
        "messages to two tokens differ in more than the credential"
        because "an address that is lost on the way makes a broadcast or nothing";
    many_tokens_in_a_row_reach_their_own_addresses:
        "60 messages one after another go to the addresses of their own tokens"
        because "an address that is kept from the last message reaches somebody else";
    many_tokens_at_once_reach_their_own_addresses:
        "300 messages at once, or 60 over real HTTP, go to the addresses of their own tokens"
        because "what is shared between two sends mixes up people";
    many_tokens_reach_their_own_addresses_after_a_refusal:
        "60 messages at once, some refused, go to the addresses of their own tokens"
        because "the way through a failure is the one that nobody tries";
    one_message_reaches_two_tokens:
        "the same sealed octets to two tokens arrive at both"
        because "a memory of what was sent must not take them for a repetition";
    an_address_arrives_octet_for_octet:
        "an address that is taken arrives in the case, with the query and the signs that it has"
        because "an address that was tidied up is another one";
    an_address_cannot_change_the_path:
        "separators in an address lead to no other resource of the push service"
        because "tokens come from clients, and `..` leads to the interface for administrators";
    an_address_leads_to_no_other_host:
        "no address makes the provider send its credential to another host"
        because "tokens come from clients, who would collect it there";
    unknown_members_stay_here:
        "members of a token that the provider does not know are in no request"
        because "they are the application's own, such as a name";
}

async fn two_tokens_reach_two_addresses(kit: Kit) -> Checked {
    kit.needs_http()?;
    let (provider, message) = (kit.provider(), kit.message()?);
    kit.script([kit.accepted()]);
    let mut sent = Vec::new();
    for name in ["first7address2marker", "second4address9marker"] {
        let attempt = kit.send(&provider, &kit.token_named(name), &message).await;
        attempt.accepted()?;
        let Some(request) = attempt.requests.into_iter().next() else {
            return fail("no request arrived");
        };
        sent.push((request.uri().clone(), request.into_body()));
    }
    ensure(sent.first() != sent.last(), || "both requests are the same".to_owned())
}

async fn many_tokens_in_a_row_reach_their_own_addresses(kit: Kit) -> Checked {
    let batch = Batch::new(&kit, FEW).await?;
    kit.script([kit.accepted()]);
    for (token, message) in batch.pairs() {
        kit.send(&batch.provider, token, message).await.accepted()?;
    }
    batch.each_reached_its_own(&kit)
}

async fn many_tokens_at_once_reach_their_own_addresses(kit: Kit) -> Checked {
    let batch = Batch::new(&kit, kit.at_once(MANY)).await?;
    let count = batch.messages.len();
    // With its credential at hand: those who wait for one go out one after another.
    kit.send_accepted(&batch.provider).await?;
    kit.script([kit.accepted()]);
    let sends = batch.pairs().map(|(token, message)| batch.provider.send(token, message));
    // Tokio would let 128 of them go on at a time.
    let results = unconstrained(join_all(sends)).await;
    let accepted = results.iter().filter(|result| result.is_ok()).count();
    ensure(accepted == count, || format!("{accepted} of {count} were accepted"))?;
    batch.each_reached_its_own(&kit)
}

async fn many_tokens_reach_their_own_addresses_after_a_refusal(kit: Kit) -> Checked {
    let batch = Batch::new(&kit, FEW).await?;
    let refusals = REFUSALS.into_iter().flat_map(|scenario| kit.forms(scenario).into_iter().next());
    for refusal in refusals.collect::<Vec<_>>() {
        let refused: Vec<Bytes> =
            batch.messages.iter().step_by(4).map(|message| message.body().clone()).collect();
        let (harness, accepted) = (kit.harness.clone(), kit.accepted());
        kit.script([]);
        kit.vendor.route(move |request| match harness.body(request) {
            Some(body) if refused.contains(&body) => refusal.clone(),
            _ => accepted.clone(),
        });
        // Accepted or not: only where they went matters.
        join_all(batch.pairs().map(|(token, message)| batch.provider.send(token, message))).await;
        batch.each_reached_its_own(&kit)?;
    }
    Ok(())
}

async fn one_message_reaches_two_tokens(kit: Kit) -> Checked {
    let (provider, message) = (kit.provider(), kit.message()?);
    kit.script([kit.accepted()]);
    for name in [NAMES.0, NAMES.1, NAMES.0] {
        let attempt = kit.send(&provider, &kit.token_named(name), &message).await;
        attempt.accepted()?;
        ensure(attempt.arrived == [message.body().clone()], || format!("saw {attempt}"))?;
    }
    Ok(())
}

async fn an_address_arrives_octet_for_octet(kit: Kit) -> Checked {
    finds_addresses(&kit).await?;
    let changes: [fn(&str) -> String; 9] = [
        |text| text.replace(NAME, &NAME.to_uppercase()),
        |text| format!("{text}Qz"),
        |text| format!("{text}-_~.9"),
        |text| format!("{text}%41%2f"),
        |text| format!("{text}&x=1&Y=%20+2"),
        |text| format!("{text}?Q=A%20b&c"),
        |text| format!("{text} "),
        |text| format!("{text}\u{e9}e\u{301}"),
        |text| format!("{text}:/a//b/./c"),
    ];
    for change in changes {
        for (name, token) in kit.each_text(change) {
            let attempt = made_up(&kit, &token).await?;
            if attempt.result.is_err() {
                continue;
            }
            let text = address(&token).get(&name).and_then(Value::as_str).map(str::to_owned);
            let text = text.unwrap_or_default();
            let whole =
                attempt.requests.iter().all(|request| carries(request, beyond_origin(&text)));
            ensure(whole, || format!("the member '{name}' arrived as another text"))?;
        }
    }
    Ok(())
}

async fn an_address_cannot_change_the_path(kit: Kit) -> Checked {
    kit.needs_http()?;
    let good = made_up(&kit, &kit.token()).await?;
    good.accepted()?;
    let Some(good) = good.requests.first().map(shape) else { return fail("no request arrived") };
    for appended in ["/x", "/../x", "/..", "?x=1", "#x", ";x", "%2Fx", "%2f..%2fx", "\\..\\x"] {
        for (name, token) in kit.each_text(|text| format!("{text}{appended}")) {
            // A push resource is the client's own: its path is what it says.
            if address(&token).get(&name).and_then(Value::as_str).is_some_and(|a| a.contains("://"))
            {
                continue;
            }
            let attempt = made_up(&kit, &token).await?;
            let same = attempt.requests.iter().all(|request| shape(request) == good);
            ensure(same, || format!("the member '{name}' with '{appended}' did"))?;
        }
    }
    Ok(())
}

/// The number of segments, and what is read as a separator elsewhere.
fn shape(request: &Request<Bytes>) -> (usize, bool, bool) {
    let path = request.uri().path();
    let encoded = path.to_ascii_lowercase().replace("%252f", "");
    let odd = encoded.contains("%2f") || encoded.contains('\\') || encoded.contains(';');
    (path.split('/').count(), odd, request.uri().query().is_some())
}

async fn an_address_leads_to_no_other_host(kit: Kit) -> Checked {
    kit.needs_transport()?;
    let changes: [fn(&str) -> String; 10] = [
        |_| "https://collector.example.org/x".to_owned(),
        |_| "http://collector.example.org/x".to_owned(),
        |_| "//collector.example.org/x".to_owned(),
        |text| format!("@collector.example.org/{text}"),
        |text| format!("{text}@collector.example.org/"),
        |text| format!(".collector.example.org/{text}"),
        |text| format!("{text}.collector.example.org"),
        |text| format!(":@collector.example.org:443/{text}"),
        |text| format!("\\\\collector.example.org\\{text}"),
        |text| text.replacen("://", "://collector.example.org#@", 1),
    ];
    for change in changes {
        for (name, token) in kit.each_text(change) {
            let attempt = made_up(&kit, &token).await?;
            let strays = kit.vendor.requests().into_iter().chain(kit.vendor.mints());
            let given_away = strays
                .filter(|request| !is_at(request.uri(), kit.vendor.url()))
                .any(|request| gives_away(&kit, &request));
            ensure(!given_away, || format!("the member '{name}' does: saw {attempt}"))?;
        }
    }
    Ok(())
}

/// Whether a request holds what the push service would take from its finder.
fn gives_away(kit: &Kit, request: &Request<Bytes>) -> bool {
    let credential = kit.harness.credential(request);
    credential.is_some_and(|credential| kit.harness.takes(&kit.vendor, &credential))
        || find(&kit.harness.secrets(), &octets(request)).is_some()
}

async fn unknown_members_stay_here(kit: Kit) -> Checked {
    const MARKER: &str = "unknown-member-m4Rk8Tz2";
    kit.needs_http()?;
    let token = kit.token_with(|address| {
        address.insert("nickname".to_owned(), MARKER.into());
        address.insert("custom".to_owned(), serde_json::json!({ MARKER: [MARKER] }));
    });
    let Some(token) = token else { return fail("the kit cannot make the token") };
    let attempt = made_up(&kit, &token).await?;
    attempt.accepted()?;
    let secrets = [crate::conformance::Secret::new("member", MARKER)];
    for request in kit.vendor.requests().iter().chain(&kit.vendor.mints()) {
        let found = find(&secrets, &octets(request));
        ensure(found.is_none(), || format!("a request holds {}", found.unwrap_or_default()))?;
    }
    Ok(())
}

async fn made_up(kit: &Kit, token: &Token) -> Checked<Attempt> {
    kit.watch.set_strict(false);
    kit.script([kit.accepted()]);
    Ok(kit.send(&kit.provider(), token, &kit.message()?).await)
}

/// Skips the check where neither the harness nor the kit can read whom a request reaches.
async fn finds_addresses(kit: &Kit) -> Checked {
    kit.needs_http()?;
    let token = kit.token();
    kit.script([kit.accepted()]);
    let attempt = kit.send(&kit.provider(), &token, &kit.message()?).await;
    attempt.accepted()?;
    let Some(request) = attempt.requests.first() else { return fail("no request arrived") };
    match kit.reaches(request, &token) {
        true => Ok(()),
        false if kit.harness.reaches(&kit.vendor, request, &token).is_some() => {
            fail("a message goes to another address than that of its token")
        }
        false => skip("the address is not in the request; decode it in `Harness::reaches`"),
    }
}

/// Tokens with a message each.
struct Batch {
    provider: Arc<dyn PushProvider>,
    tokens: Vec<Token>,
    messages: Vec<SealedMessage>,
}

impl Batch {
    async fn new(kit: &Kit, count: usize) -> Checked<Self> {
        finds_addresses(kit).await?;
        // They differ in one place each, at the beginning, in the middle and at the end.
        let name = |nth: usize| {
            let letter = |nth: usize| char::from(b"abcdefghijklmnopqrstuvwxyz"[nth % 26]);
            let (one, other) = (letter(nth / 3), letter(nth / 3 / 26 + nth / 3 + 7));
            match nth % 3 {
                0 => format!("{one}{other}zt9wv4hx1ncb8m"),
                1 => format!("k7fq2zt{one}{other}v4hx1nc"),
                _ => format!("k7fq2zt9wv4hx1{one}{other}"),
            }
        };
        Ok(Self {
            provider: kit.provider(),
            tokens: (0..count).map(|nth| kit.token_named(&name(nth))).collect(),
            messages: (0..count).map(|_| kit.message()).collect::<Checked<_>>()?,
        })
    }

    fn pairs(&self) -> impl Iterator<Item = (&Token, &SealedMessage)> {
        self.tokens.iter().zip(&self.messages)
    }

    /// Every message that arrived did so at the address of its own token.
    fn each_reached_its_own(&self, kit: &Kit) -> Checked {
        let requests = kit.requests().into_iter();
        let requests: Vec<_> =
            requests.map(|request| (kit.harness.body(&request), request)).collect();
        let mut seen = 0;
        for (token, message) in self.pairs() {
            let own = requests.iter().filter(|(body, _)| body.as_ref() == Some(message.body()));
            for (_, request) in own {
                seen += 1;
                if kit.reaches(request, token) {
                    continue;
                }
                let others = self.tokens.iter().filter(|other| kit.reaches(request, other));
                let where_to = if others.count() > 0 { "somebody else's" } else { "another" };
                return fail(format!("a message went to {where_to} address"));
            }
        }
        let count = self.messages.len();
        ensure(seen >= count, || format!("{seen} of {count} messages arrived"))
    }
}

/// Fewer than a process may have connections.
const FEW: usize = 60;
/// More than a ring of 256 buffers holds.
const MANY: usize = 300;
const NAMES: (&str, &str) = ("k7fq2zt9wv4hx1nc", "m3yd8rj5sb6pg0la");
const REFUSALS: [crate::conformance::Scenario; 3] = [
    crate::conformance::Scenario::Expired,
    crate::conformance::Scenario::Unavailable,
    crate::conformance::Scenario::Unauthorized,
];
