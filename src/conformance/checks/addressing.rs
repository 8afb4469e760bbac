//! A message goes to the user agent of its token, and to nobody else.

use http::Uri;
use serde_json::Value;

use crate::conformance::attempt::Attempt;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::kit::Kit;
use crate::conformance::parts::{address, octets};
use crate::conformance::secret::contains;
use crate::{ErrorKind, Token};

checks! { "addressing";
    a_token_of_another_provider_is_a_mismatch:
        "a token of another provider is `TokenMismatch`"
        because "applications hold tokens of many providers";
    a_token_of_another_provider_goes_nowhere:
        "a token of another provider causes no request"
        because "it would hand a stranger's address to the push service";
    a_token_of_another_provider_stays_alive:
        "a token of another provider is never called dead"
        because "the application would delete a good token";
    an_address_without_members_is_refused:
        "an address without members is refused before anything is sent"
        because "a request without an address may be a broadcast";
    an_address_of_the_wrong_type_is_refused:
        "numbers in place of texts are refused before anything is sent"
        because "tokens come from clients";
    an_empty_address_is_refused:
        "an address of empty texts is refused before anything is sent"
        because "an empty segment of a path is another resource";
    a_malformed_address_is_refused:
        "an address that cannot be one is refused before anything is sent"
        because "the push service would answer, if at all, with a riddle";
    a_malformed_address_is_not_retried:
        "a refused address is not retryable"
        because "the same address fails again";
    control_characters_in_an_address_reach_no_field:
        "line ends in an address cannot add a header field"
        because "tokens come from clients, and a field can change who is charged or asked";
    a_very_long_address_does_no_harm:
        "an address of 100,000 octets is refused, or sent as it is"
        because "a cut address is another one";
    unknown_members_do_no_harm:
        "members that the provider does not know are ignored"
        because "browsers add members to their subscriptions";
    two_tokens_reach_two_addresses:
        "messages to two tokens differ in more than the credential"
        because "an address that is lost on the way makes a broadcast or nothing";
    requests_go_to_the_push_service_only:
        "every request goes to the origin that was set, with its port"
        because "another port is another service, and may be somebody else's";
    acceptance_names_the_provider:
        "`Accepted` names the provider that was asked"
        because "behind a client nobody else knows";
    the_name_does_not_change:
        "`id` answers the same name each time, and that of its tokens"
        because "clients route by it";
}

async fn a_token_of_another_provider_is_a_mismatch(kit: Kit) -> Checked {
    let attempt = foreign(&kit).await?;
    let kind = attempt.refused()?.kind();
    ensure(kind == ErrorKind::TokenMismatch, || format!("saw {attempt}"))
}

async fn a_token_of_another_provider_goes_nowhere(kit: Kit) -> Checked {
    let attempt = foreign(&kit).await?;
    ensure(attempt.is_silent() && kit.vendor.mints().is_empty(), || format!("saw {attempt}"))
}

async fn a_token_of_another_provider_stays_alive(kit: Kit) -> Checked {
    let attempt = foreign(&kit).await?;
    let dead = attempt.refused()?.is_token_dead();
    ensure(!dead, || format!("saw {attempt}"))
}

async fn an_address_without_members_is_refused(kit: Kit) -> Checked {
    refused_early(&kit, kit.token_with(|address| address.clear())).await.map(drop)
}

async fn an_address_of_the_wrong_type_is_refused(kit: Kit) -> Checked {
    let token = kit.token_with(|address| {
        for value in address.values_mut() {
            *value = Value::from(7);
        }
    });
    refused_early(&kit, token).await.map(drop)
}

async fn an_empty_address_is_refused(kit: Kit) -> Checked {
    let token = kit.token_with(|address| {
        for value in address.values_mut() {
            *value = Value::from("");
        }
    });
    refused_early(&kit, token).await.map(drop)
}

async fn a_malformed_address_is_refused(kit: Kit) -> Checked {
    let tokens = kit.harness.malformed(&kit.vendor, kit.agent.keys().clone());
    if tokens.is_empty() {
        return skip("the harness knows no malformed address");
    }
    for token in tokens {
        refused_early(&kit, Some(token)).await?;
    }
    Ok(())
}

async fn a_malformed_address_is_not_retried(kit: Kit) -> Checked {
    let attempt = refused_early(&kit, kit.token_with(|address| address.clear())).await?;
    let retryable = attempt.refused()?.is_retryable();
    ensure(!retryable, || format!("saw {attempt}"))
}

async fn control_characters_in_an_address_reach_no_field(kit: Kit) -> Checked {
    kit.needs_http()?;
    for (name, token) in each_text_with(&kit, "\r\nx-injected: 1\r\n\r\n") {
        let attempt = attempt_to(&kit, &token).await?;
        let injected = attempt.requests.iter().any(|request| {
            request.headers().contains_key("x-injected")
                || request.uri().to_string().contains("\r\n")
                || contains(&octets(request), b"\r\nx-injected: 1")
        });
        ensure(!injected, || format!("the member '{name}' added a field"))?;
    }
    Ok(())
}

async fn a_very_long_address_does_no_harm(kit: Kit) -> Checked {
    kit.needs_http()?;
    let long = "a".repeat(100_000);
    for (name, token) in each_text_with(&kit, &long) {
        let attempt = attempt_to(&kit, &token).await?;
        let whole =
            attempt.requests.iter().all(|request| contains(&octets(request), long.as_bytes()));
        ensure(whole || attempt.result.is_err(), || format!("the member '{name}' was cut"))?;
    }
    Ok(())
}

async fn unknown_members_do_no_harm(kit: Kit) -> Checked {
    let token = kit.token_with(|address| {
        address.insert("expirationTime".to_owned(), Value::Null);
        address.insert("futureMember".to_owned(), serde_json::json!({ "a": [1, "b"] }));
    });
    let Some(token) = token else { return fail("the kit cannot make the token") };
    attempt_to(&kit, &token).await?.accepted().map(drop)
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

async fn requests_go_to_the_push_service_only(kit: Kit) -> Checked {
    let attempt = kit.attempt(kit.accepted()).await?;
    attempt.accepted()?;
    let Ok(expected) = kit.vendor.url().parse::<Uri>() else { return fail("the kit has no URL") };
    let strays = attempt.requests.iter().filter(|request| {
        (request.uri().scheme(), request.uri().authority())
            != (expected.scheme(), expected.authority())
    });
    let strays = strays.count();
    ensure(strays == 0, || format!("{strays} request(s) went to another origin"))
}

async fn acceptance_names_the_provider(kit: Kit) -> Checked {
    let attempt = kit.attempt(kit.accepted()).await?;
    let named = &attempt.accepted()?.provider;
    ensure(*named == kit.provider().id(), || format!("it names '{named}'"))
}

async fn the_name_does_not_change(kit: Kit) -> Checked {
    let (provider, other) = (kit.provider(), kit.provider());
    let (first, token) = (provider.id(), kit.token());
    ensure(first == provider.id() && first == other.id(), || "two names".to_owned())?;
    ensure(first == *token.provider(), || {
        format!("the provider is '{first}', its tokens are for '{}'", token.provider())
    })
}

async fn foreign(kit: &Kit) -> Checked<Attempt> {
    let token = kit.foreign_token()?;
    attempt_to(kit, &token).await
}

async fn attempt_to(kit: &Kit, token: &Token) -> Checked<Attempt> {
    let message = kit.message()?;
    kit.script([kit.accepted()]);
    Ok(kit.send(&kit.provider(), token, &message).await)
}

/// Good tokens with something appended to one text of the address each.
fn each_text_with(kit: &Kit, appended: &str) -> Vec<(String, Token)> {
    let texts = address(&kit.token()).into_iter().filter(|(_, value)| value.is_string());
    let changed = texts.filter_map(|(name, value)| {
        let text = format!("{}{appended}", value.as_str()?);
        let token = kit.token_with(|address| {
            address.insert(name.clone(), text.into());
        })?;
        Some((name, token))
    });
    changed.collect()
}

/// The token is refused as such, and nothing goes out.
async fn refused_early(kit: &Kit, token: Option<Token>) -> Checked<Attempt> {
    if !kit.harness.checks_addresses() {
        return skip("takes every address");
    }
    let Some(token) = token else { return skip("no token can hold such an address") };
    let attempt = attempt_to(kit, &token).await?;
    let error = attempt.refused()?;
    let clear = matches!(
        error.kind(),
        ErrorKind::Blocked | ErrorKind::InvalidToken | ErrorKind::TokenMismatch
    );
    ensure(clear && attempt.is_silent(), || format!("saw {attempt}"))?;
    Ok(attempt)
}
