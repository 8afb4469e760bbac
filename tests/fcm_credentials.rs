//! Credentials for FCM: where they come from and how they ask for access tokens.

#![cfg(feature = "fcm")]
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod support;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use sealpush::providers::Fcm;
use sealpush::providers::fcm::{
    AccessToken, AccessTokenRequest, Address, ApplicationDefault, AuthorizedUser, Credentials,
    SCOPE, ServiceAccount,
};
use sealpush::{ErrorKind, PushProviderExt, Result, Token};
use serde_json::{Value, json};

use self::support::script::{NOW, Script};
use self::support::vendors::{message, user_agent};

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

/// A key file and the key's public half.
fn key_file() -> (Value, Vec<u8>) {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let pem = pem_rfc7468::encode_string("PRIVATE KEY", pem_rfc7468::LineEnding::LF, der.as_ref())
        .unwrap();
    let file = json!({
        "type": "service_account",
        "project_id": "example-project",
        "private_key_id": "key-1",
        "private_key": pem,
        "client_email": "push@example-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth.example.net/token",
    });
    (file, key.public_key().as_ref().to_vec())
}

fn form(request: &Request<Bytes>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.body()).into_owned().collect()
}

fn token() -> Token {
    Address::Token("fGx9:APA91b-example".parse().unwrap())
        .to_token(user_agent().keys().clone())
        .unwrap()
}

#[tokio::test]
async fn a_service_account_signs_an_assertion() {
    let (file, public_key) = key_file();
    let account = ServiceAccount::from_json(&file.to_string()).unwrap();
    assert_eq!(account.project_id().unwrap().as_str(), "example-project");
    let script = Script::default();
    script.answer(200, r#"{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}"#);
    let token =
        account.access_token(AccessTokenRequest::new(&[SCOPE], &script, now())).await.unwrap();
    assert_eq!(token.expose(), "ya29.x");
    assert_eq!(token.expires_at(), now() + Duration::from_secs(3599));

    let requests = script.requests();
    assert_eq!(requests[0].uri(), "https://oauth.example.net/token");
    assert_eq!(requests[0].headers()["content-type"], "application/x-www-form-urlencoded");
    let form = form(&requests[0]);
    assert_eq!(form[0].0, "grant_type");
    assert_eq!(form[0].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(form[1].0, "assertion");

    let (signed, signature) = form[1].1.rsplit_once('.').unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key)
        .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
    let parts: Vec<Value> = signed
        .split('.')
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"}));
    assert_eq!(
        parts[1],
        json!({
            "iss": "push@example-project.iam.gserviceaccount.com",
            "aud": "https://oauth.example.net/token",
            "scope": "https://www.googleapis.com/auth/firebase.messaging",
            "iat": NOW,
            "exp": NOW + 3600,
        })
    );
}

#[tokio::test]
async fn a_login_is_refreshed_and_names_the_quota_project() {
    let login = AuthorizedUser::from_json(
        r#"{"type":"authorized_user","client_id":"id","client_secret":"a&b=c","refresh_token":"1//r",
            "quota_project_id":"example-project"}"#,
    )
    .unwrap();
    let script = Script::default();
    script.answer(200, r#"{"access_token":"ya29.x","expires_in":3599}"#);
    script.answer(200, r#"{"name":"projects/example-project/messages/1"}"#);
    let fcm = Fcm::builder().credentials(login).transport(script.clone()).build().unwrap();
    fcm.send_encrypted(&token(), &message("x")).await.unwrap();

    let requests = script.requests();
    assert_eq!(requests[0].uri(), "https://oauth2.googleapis.com/token");
    let expected = [
        ("grant_type", "refresh_token"),
        ("client_id", "id"),
        ("client_secret", "a&b=c"),
        ("refresh_token", "1//r"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(form(&requests[0]), expected);
    assert_eq!(requests[1].headers()["x-goog-user-project"], "example-project");
}

#[test]
fn other_kinds_of_credentials_are_refused_with_advice() {
    for (json, advice) in [
        (r#"{"type":"external_account"}"#, "workload identity federation"),
        (r#"{"type":"impersonated_service_account"}"#, "impersonate"),
        (r#"{"type":"gdch_service_account"}"#, "Distributed Cloud"),
        (r#"{"type":"secret-kind"}"#, "must be 'service_account'"),
        (r#"{"type":"authorized_user"}"#, "must be 'service_account' here"),
        (r#"{"project_info":{}}"#, "google-services.json"),
        (r#"{"type":"service_account"}"#, "client_email"),
        (r#"{"type":"service_account","client_email":"a@b","private_key":"secret"}"#, "PEM"),
        ("secret", "line 1, column 1"),
        ("[]", "no JSON object"),
    ] {
        let error = ServiceAccount::from_json(json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{json}");
        assert!(error.to_string().contains(advice), "{json}: {error}");
        assert!(!format!("{error:?}").contains("secret\""), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_damaged_key_is_refused_without_being_shown() {
    let (file, _) = key_file();
    let whole = file["private_key"].as_str().unwrap();
    let public = whole.replace("PRIVATE KEY", "PUBLIC KEY");
    let flipped = whole.replacen("MII", "MIJ", 1);
    for damaged in [&whole[..whole.len() / 2], &public, &flipped, ""] {
        let mut file = file.clone();
        file["private_key"] = damaged.into();
        let error = ServiceAccount::from_json(&file.to_string()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!format!("{error:?}").contains("MII"), "{error:?}");
    }
}

#[test]
fn a_key_file_is_read_as_other_tools_read_it() {
    let (file, _) = key_file();
    let pem = file["private_key"].as_str().unwrap();
    let lines: Vec<_> = pem.lines().collect();
    for lax in [lines.join(" \n"), lines.join("\r\n"), format!("\u{feff}{pem}"), lines.concat()] {
        let mut file = file.clone();
        file["private_key"] = lax.into();
        ServiceAccount::from_json(&file.to_string()).unwrap();
    }
    ServiceAccount::from_json(&format!("\u{feff}{file}\r\n")).unwrap();
    for (damaged, cause) in [
        (pem.replace('\n', "\\n"), "two characters"),
        (pem.replace("BEGIN PRIVATE", "BEGIN OPENSSH PRIVATE"), "ssh-keygen"),
        (pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "encrypted"),
        (include_str!("keys/p256-pkcs8.pem").to_owned(), "no RSA key"),
    ] {
        let mut file = file.clone();
        file["private_key"] = damaged.into();
        let error = ServiceAccount::from_json(&file.to_string()).unwrap_err();
        assert!(error.to_string().contains(cause), "{error}");
    }
    let error = ServiceAccount::from_json(pem).unwrap_err();
    assert!(error.to_string().contains("PEM, where the JSON"), "{error}");
}

#[test]
fn credentials_show_no_secret() {
    let (file, _) = key_file();
    let account = ServiceAccount::from_json(&file.to_string()).unwrap();
    let shown = format!("{account:?} {account:#?}");
    assert!(!shown.contains("MII") && !shown.contains("key-1"), "{shown}");
    let token = AccessToken::new("ya29.secret", now()).unwrap();
    assert!(!format!("{token:?}").contains("secret"));
    for bad in ["", "a b", "a\r\nb", "ä"] {
        assert_eq!(AccessToken::new(bad, now()).unwrap_err().kind(), ErrorKind::Unauthorized);
    }
}

#[tokio::test]
async fn a_refusal_of_the_token_endpoint_is_read() {
    let (file, _) = key_file();
    let account = Arc::new(ServiceAccount::from_json(&file.to_string()).unwrap());
    for (status, body, kind, fact) in [
        (400, r#"{"error":"invalid_grant"}"#, ErrorKind::Unauthorized, "clock"),
        (400, r#"{"error":"invalid_scope"}"#, ErrorKind::Unauthorized, "scope"),
        (401, r#"{"error":"unauthorized_client"}"#, ErrorKind::Unauthorized, "way"),
        (400, r#"{"error":"temporarily_unavailable"}"#, ErrorKind::Unavailable, "trouble"),
        (400, r#"{"error":"internal_failure"}"#, ErrorKind::Unavailable, "trouble"),
        (400, r#"{"error":"server_error"}"#, ErrorKind::Unavailable, "trouble"),
        (408, "", ErrorKind::Unavailable, "408"),
        (429, "<html>", ErrorKind::Unavailable, "slow down"),
        (500, "", ErrorKind::Unavailable, "500"),
        (404, "<html>secret", ErrorKind::Unauthorized, "404"),
        (302, "", ErrorKind::Unauthorized, "302"),
        (200, "<html>", ErrorKind::Unavailable, "no JSON"),
        (200, r#"{"access_token":"ya29.secret"}"#, ErrorKind::Unavailable, "'expires_in'"),
        (200, r#"{"access_token":"","expires_in":1}"#, ErrorKind::Unauthorized, "bearer"),
    ] {
        let script = Script::default();
        script.answer(status, body);
        let fcm = Fcm::builder()
            .credentials(Arc::clone(&account))
            .transport(script.clone())
            .build()
            .unwrap();
        let error = fcm.send_encrypted(&token(), &message("x")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        assert!(error.to_string().starts_with("fcm: no access token: "), "{error}");
        assert!(error.to_string().contains(fact), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(error.is_outcome_known() && !error.is_token_dead());
        assert_eq!(script.requests().len(), 1, "no push without an access token");
    }
}

/// A directory of this test, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(path.join(".config/gcloud")).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: &Value) -> OsString {
        let path = self.0.join(name);
        std::fs::write(&path, content.to_string()).unwrap();
        path.into()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn find(variables: &[(&str, OsString)]) -> Result<ApplicationDefault> {
    let variables = variables.to_vec();
    ApplicationDefault::find_with(move |name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    })
    .await
}

#[tokio::test]
async fn the_environment_names_the_credentials() {
    let directory = Directory::new("application-default");
    let (key, _) = key_file();
    let named = directory.write("key.json", &key);
    let login = json!({
        "type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c",
        "quota_project_id": "login-project",
    });
    directory.write(".config/gcloud/application_default_credentials.json", &login);
    let home = ("HOME", directory.0.clone().into_os_string());
    let no_server = ("NO_GCE_CHECK", OsString::from("true"));
    let project = |found: &ApplicationDefault| found.project_id().map(ToString::to_string);

    let file = ("GOOGLE_APPLICATION_CREDENTIALS", named);
    let found = find(&[file.clone(), home.clone()]).await.unwrap();
    assert_eq!(project(&found).as_deref(), Some("example-project"));

    let found = find(&[home, no_server.clone()]).await.unwrap();
    assert_eq!(project(&found).as_deref(), Some("login-project"));

    let named_project = ("GCLOUD_PROJECT", OsString::from("named-project"));
    let found = find(&[file, named_project]).await.unwrap();
    assert_eq!(project(&found).as_deref(), Some("named-project"));

    let missing = ("GOOGLE_APPLICATION_CREDENTIALS", directory.0.join("none").into());
    let error = find(&[missing]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);

    let error = find(&[no_server]).await.unwrap_err();
    assert!(error.to_string().contains("GOOGLE_APPLICATION_CREDENTIALS"), "{error}");
}

/// Answers plain HTTP, one request per connection, as a metadata server does or does not.
async fn metadata_server(flavor: &'static str) -> (String, tokio::task::JoinHandle<()>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let mut len = 0;
            while !request[..len].ends_with(b"\r\n\r\n") {
                len += stream.read(&mut request[len..]).await.unwrap();
            }
            let request = String::from_utf8_lossy(&request[..len]).to_lowercase();
            let body = if !request.contains("metadata-flavor: google") {
                ""
            } else if request.starts_with("get /computemetadata/v1/project/project-id ") {
                "server-project\n"
            } else if request.contains(
                "/instance/service-accounts/default/token?scopes=https://www.googleapis.com/auth/\
                 firebase.messaging ",
            ) {
                r#"{"access_token":"ya29.metadata","expires_in":1800,"token_type":"Bearer"}"#
            } else {
                ""
            };
            let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
            let answer = format!(
                "HTTP/1.1 {status}\r\n{flavor}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (host, task)
}

#[tokio::test]
async fn the_metadata_server_gives_project_and_access_token() {
    let (host, task) = metadata_server("Metadata-Flavor: Google\r\n").await;
    let found = find(&[("GCE_METADATA_HOST", host.into())]).await.unwrap();
    assert_eq!(found.project_id().unwrap().as_str(), "server-project");
    let token = found
        .access_token(AccessTokenRequest::new(&[SCOPE], &Script::default(), now()))
        .await
        .unwrap();
    assert_eq!(token.expose(), "ya29.metadata");
    assert_eq!(token.expires_at(), now() + Duration::from_secs(1800));
    task.abort();
}
