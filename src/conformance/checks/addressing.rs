//! A message goes to the user agent of its token, and to nobody else.

use serde_json::{Value, json};

use crate::conformance::attempt::Attempt;
use crate::conformance::check::{Checked, checks, ensure, fail, skip};
use crate::conformance::kit::Kit;
use crate::conformance::parts::{address, contains, leaves, octets};
use crate::{ErrorKind, Token};

checks! { "addressing";
    a_token_of_another_provider_is_a_mismatch:
        "a token of another provider is `TokenMismatch`"
        because "applications hold tokens of many providers";
    a_token_of_another_provider_goes_nowhere:
        "a token of another provider causes no request"
        because "it would hand a stranger's address to the push service";
    an_address_without_members_is_refused:
        "an address without members is refused before anything is sent"
        because "a request without an address may be a broadcast";
    an_address_of_the_wrong_type_is_refused:
        "numbers, lists and objects in place of texts are refused before anything is sent"
        because "tokens come from clients";
    an_empty_address_is_refused:
        "an address of empty texts is refused before anything is sent"
        because "an empty segment of a path is another resource";
    a_malformed_address_is_refused:
        "an address that cannot be one is refused before anything is sent"
        because "the push service would answer, if at all, with a riddle";
    control_characters_in_an_address_reach_no_field:
        "line ends in an address cannot add a header field"
        because "tokens come from clients, and a field can change who is charged or asked";
    quotes_in_an_address_add_no_member:
        "quotes and separators in an address cannot add a member to the request"
        because "tokens come from clients, and a member can change who is reached";
    a_very_long_address_does_no_harm:
        "an address of 100,000 octets is refused, or sent as it is"
        because "a cut address is another one";
    unknown_members_do_no_harm:
        "members that the provider does not know are ignored"
        because "browsers add members to their subscriptions";
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
    for token in kit.foreign_tokens()? {
        let attempt = attempt_to(&kit, &token).await?;
        let kind = attempt.refused()?.kind();
        ensure(kind == ErrorKind::TokenMismatch, || {
            format!("a token of '{}': saw {attempt}", token.provider())
        })?;
    }
    Ok(())
}

async fn a_token_of_another_provider_goes_nowhere(kit: Kit) -> Checked {
    for token in kit.foreign_tokens()? {
        let attempt = attempt_to(&kit, &token).await?;
        let silent = attempt.is_silent() && kit.vendor.mints().is_empty();
        ensure(silent, || format!("a token of '{}': saw {attempt}", token.provider()))?;
    }
    Ok(())
}

async fn an_address_without_members_is_refused(kit: Kit) -> Checked {
    refused_early(&kit, kit.token_with(|address| address.clear())).await
}

async fn an_address_of_the_wrong_type_is_refused(kit: Kit) -> Checked {
    for wrong in [json!(7), json!(true), json!(null), json!([]), json!([["x"]]), json!({})] {
        let token = kit.token_with(|address| {
            for value in address.values_mut() {
                *value = wrong.clone();
            }
        });
        refused_early(&kit, token).await?;
    }
    Ok(())
}

async fn an_empty_address_is_refused(kit: Kit) -> Checked {
    let token = kit.token_with(|address| {
        for value in address.values_mut() {
            *value = Value::from("");
        }
    });
    refused_early(&kit, token).await
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

async fn control_characters_in_an_address_reach_no_field(kit: Kit) -> Checked {
    kit.needs_http()?;
    for (name, token) in each_text_with(&kit, "\r\nx-injected: 1\r\n\r\n") {
        let attempt = made_up(&kit, &token).await?;
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
        let attempt = made_up(&kit, &token).await?;
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
    made_up(&kit, &token).await?.accepted().map(drop)
}

async fn quotes_in_an_address_add_no_member(kit: Kit) -> Checked {
    kit.needs_http()?;
    for appended in
        ["\",\"injected\":\"1", "\"},\"injected\":{\"a\":\"", "&injected=1", "?injected=1"]
    {
        for (name, token) in each_text_with(&kit, appended) {
            // A push resource is the client's own: its query is what it says.
            if address(&token).get(&name).and_then(Value::as_str).is_some_and(|a| a.contains("://"))
            {
                continue;
            }
            let attempt = made_up(&kit, &token).await?;
            let added = attempt
                .requests
                .iter()
                .any(|request| leaves(request).keys().any(|leaf| leaf.contains("injected")));
            ensure(!added, || format!("the member '{name}' added a member"))?;
        }
    }
    Ok(())
}

async fn requests_go_to_the_push_service_only(kit: Kit) -> Checked {
    kit.needs_http()?;
    // The kit looks at every request of this check, and of all others.
    kit.attempt(kit.accepted()).await?.accepted().map(drop)
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

async fn attempt_to(kit: &Kit, token: &Token) -> Checked<Attempt> {
    let message = kit.message()?;
    kit.script([kit.accepted()]);
    Ok(kit.send(&kit.provider(), token, &message).await)
}

/// Makes an attempt to an address that no push service gave out.
async fn made_up(kit: &Kit, token: &Token) -> Checked<Attempt> {
    kit.watch.set_strict(false);
    attempt_to(kit, token).await
}

/// Good tokens with something appended to one text of the address each.
fn each_text_with(kit: &Kit, appended: &str) -> Vec<(String, Token)> {
    kit.each_text(|text| format!("{text}{appended}"))
}

/// The token is refused as such, and nothing goes out.
async fn refused_early(kit: &Kit, token: Option<Token>) -> Checked {
    if !kit.harness.checks_addresses() {
        return skip("takes every address");
    }
    let Some(token) = token else { return skip("no token can hold such an address") };
    let attempt = made_up(kit, &token).await?;
    let error = attempt.refused()?;
    let clear = matches!(
        error.kind(),
        ErrorKind::Blocked | ErrorKind::InvalidToken | ErrorKind::TokenMismatch
    );
    ensure(clear && attempt.is_silent(), || format!("saw {attempt}"))
}
