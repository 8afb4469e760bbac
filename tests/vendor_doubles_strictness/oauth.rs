//! The token endpoint.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::{Account, JWT_BEARER, NOW, PROJECT, post, start, transport};

#[tokio::test]
async fn the_token_endpoint_checks_the_assertion() {
    let service = start().await;
    let account = Account::of(&service.fcm(PROJECT));
    let stranger = Account::of(&service.fcm("other-project"));
    let with = |name: &str, value: Value| {
        let mut claims = account.claims();
        claims[name] = value;
        account.sign(&account.header(), &claims)
    };
    let good = account.sign(&account.header(), &account.claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    for (assertion, error) in [
        (String::new(), "invalid_grant"),
        ("a.b.c".to_owned(), "invalid_grant"),
        (format!("{signed}."), "invalid_grant"),
        (format!("{signed}.{}", URL_SAFE_NO_PAD.encode([7; 256])), "invalid_grant"),
        (stranger.sign(&account.header(), &account.claims()), "invalid_grant"),
        (stranger.sign(&stranger.header(), &account.claims()), "invalid_grant"),
        (account.sign(&json!({"alg": "none"}), &account.claims()), "invalid_grant"),
        (account.sign(&json!({"alg": "HS256"}), &account.claims()), "invalid_grant"),
        (account.sign(&json!({"alg": "RS256", "kid": "x"}), &account.claims()), "invalid_grant"),
        (with("iss", "someone@example.net".into()), "invalid_grant"),
        (with("aud", "https://oauth2.example.net/token".into()), "invalid_grant"),
        (with("iat", (NOW + 301).into()), "invalid_grant"),
        (with("exp", (NOW - 300).into()), "invalid_grant"),
        (with("exp", (NOW + 3601).into()), "invalid_grant"),
        (with("exp", Value::Null), "invalid_grant"),
        (with("scope", Value::Null), "invalid_grant"),
        (with("scope", "".into()), "invalid_scope"),
        (with("scope", "firebase.messaging".into()), "invalid_scope"),
        (with("scope", "https://www.googleapis.com/auth/".into()), "invalid_scope"),
    ] {
        let (status, answer) = account.ask(JWT_BEARER, &assertion).await;
        assert_eq!((status, &answer["error"]), (400, &json!(error)), "{assertion}");
    }
    let (status, answer) = account.ask("password", &good).await;
    assert_eq!((status, &answer["error"]), (400, &json!("unsupported_grant_type")));
    // What Google's own library puts into `aud`, whatever the file says.
    let constant = with("aud", "https://oauth2.googleapis.com/token".into());
    assert_eq!(account.ask(JWT_BEARER, &constant).await.0, 200);
    let (status, _) =
        post(&account.transport, account.token_uri(), &[("content-type", "text/plain")], "x").await;
    assert_eq!(status, 400);
    account.bearer().await;
}

#[tokio::test]
async fn a_scope_that_does_not_send_is_given_and_then_refused() {
    let service = start().await;
    let project = service.fcm(PROJECT);
    let account = Account::of(&project);
    let mut claims = account.claims();
    claims["scope"] = "https://www.googleapis.com/auth/drive".into();
    let assertion = account.sign(&account.header(), &claims);
    let (status, answer) = account.ask(JWT_BEARER, &assertion).await;
    assert_eq!(status, 200, "{answer}");
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let url = format!("{}/v1/projects/{PROJECT}/messages:send", project.base_url());
    let (status, answer) = post(&transport(), &url, &headers, "{}").await;
    assert_eq!(status, 403);
    let text = "Request had insufficient authentication scopes.";
    assert_eq!(answer["error"]["message"], text);
    assert_eq!(answer["error"]["status"], "PERMISSION_DENIED");

    // Among others, one that sends is enough.
    claims["scope"] = "openid https://www.googleapis.com/auth/cloud-platform".into();
    let assertion = account.sign(&account.header(), &claims);
    let (_, answer) = account.ask(JWT_BEARER, &assertion).await;
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    assert_eq!(post(&transport(), &url, &headers, "{}").await.0, 400);
}

#[tokio::test]
async fn a_refresh_token_is_good_with_its_client_until_it_is_revoked() {
    let service = start().await;
    let project = service.fcm(PROJECT);
    let file: Value = serde_json::from_str(&project.authorized_user_json().unwrap()).unwrap();
    assert_eq!(file["type"], "authorized_user");
    let text = |name: &str| file[name].as_str().unwrap().to_owned();
    let (transport, token_uri) = (transport(), text("token_uri"));
    let ask = async |change: &[(&str, Option<&str>)]| {
        let mut form = vec![("grant_type", "refresh_token".to_owned())];
        for name in ["client_id", "client_secret", "refresh_token"] {
            form.push((name, text(name)));
        }
        for (name, value) in change {
            form.retain(|(known, _)| known != name);
            form.extend(value.map(|value| (*name, value.to_owned())));
        }
        let form = Serializer::new(String::new()).extend_pairs(form).finish();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        post(&transport, &token_uri, &headers, form).await
    };
    for (name, value, status, error) in [
        ("grant_type", None, 400, "invalid_request"),
        ("client_id", None, 400, "invalid_request"),
        ("client_secret", None, 400, "invalid_request"),
        ("refresh_token", None, 400, "invalid_request"),
        ("client_id", Some("x"), 401, "invalid_client"),
        ("client_secret", Some("x"), 401, "invalid_client"),
        ("refresh_token", Some("x"), 400, "invalid_grant"),
        ("scope", Some("drive"), 400, "invalid_scope"),
    ] {
        let (given, answer) = ask(&[(name, value)]).await;
        assert_eq!((given, &answer["error"]), (status, &json!(error)), "{name}: {answer}");
        assert!(answer["error_description"].is_string(), "{answer}");
    }
    let (status, answer) = ask(&[]).await;
    assert_eq!((status, &answer["token_type"]), (200, &json!("Bearer")));
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let url = format!("{}/v1/projects/{PROJECT}/messages:send", project.base_url());
    assert_eq!(post(&transport, &url, &headers, "{}").await.0, 400);
    assert_eq!(project.access_tokens(), 1);
    assert_eq!(project.authorized_user_json().unwrap(), file.to_string());

    project.revoke_service_account();
    assert_eq!(ask(&[]).await.0, 401);
    assert_eq!(post(&transport, &url, &headers, "{}").await.0, 401);
}
