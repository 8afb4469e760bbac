//! The endpoint that gives access tokens to service accounts (RFC 7523) and to people (RFC 6749 §6),
//! for every double of Google's.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{Method, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey};
use pem_rfc7468::LineEnding;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::answer::{self, Answer};
use super::call::Received;
use super::hub::random_name;
use crate::{Error, ErrorKind, Result};

/// Service accounts by project, and the access tokens given out.
#[derive(Default)]
pub(super) struct Accounts {
    accounts: HashMap<String, Account>,
    grants: HashMap<String, Grant>,
    granted: HashMap<String, usize>,
    /// By project.
    users: HashMap<String, User>,
}

impl Accounts {
    pub(super) fn key_file(&mut self, project_id: &str, token_uri: &str) -> Result<String> {
        if let Some(account) = self.accounts.get(project_id) {
            return account.key_file(project_id, token_uri);
        }
        let account = Account::generate(project_id)?;
        let file = account.key_file(project_id, token_uri);
        self.accounts.insert(project_id.to_owned(), account);
        file
    }

    pub(super) fn user_file(&mut self, project_id: &str, token_uri: &str) -> Result<String> {
        if let Some(user) = self.users.get(project_id) {
            return Ok(user.file(token_uri));
        }
        let user = User::generate()?;
        let file = user.file(token_uri);
        self.users.insert(project_id.to_owned(), user);
        Ok(file)
    }

    pub(super) fn revoke(&mut self, project_id: &str) {
        self.accounts.remove(project_id);
        self.users.remove(project_id);
        self.revoke_access_tokens(project_id);
    }

    pub(super) fn revoke_access_tokens(&mut self, project_id: &str) {
        self.grants.retain(|_, grant| grant.project_id != project_id);
    }

    pub(super) fn granted(&self, project_id: &str) -> usize {
        self.granted.get(project_id).copied().unwrap_or_default()
    }

    /// What an access token that is still good is good for.
    pub(super) fn grant(&self, access_token: &str, now: SystemTime) -> Option<&Grant> {
        self.grants.get(access_token).filter(|grant| now < grant.expires_at)
    }

    /// Gives an access token for an assertion.
    fn for_assertion(
        &mut self,
        assertion: &str,
        token_uri: &str,
        now: SystemTime,
    ) -> Result<Value, Refused> {
        let invalid = Refused("invalid_grant", "Invalid JWT Signature.");
        let mut accounts = self.accounts.iter();
        let (project_id, claims) = accounts
            .find_map(|(id, account)| Some((id.clone(), account.verify(assertion)?)))
            .ok_or(invalid)?;
        claims.check(token_uri, now)?;
        self.give(project_id, Some(&claims.scope), now)
    }

    /// Gives an access token for a refresh token.
    fn for_refresh_token(
        &mut self,
        (client_id, client_secret): (&str, &str),
        refresh_token: &str,
        scope: Option<&str>,
        now: SystemTime,
    ) -> Result<Value, Refused> {
        let mut users = self.users.iter();
        let (project_id, user) = users
            .find(|(_, user)| user.client_id == client_id)
            .ok_or(Refused("invalid_client", "The OAuth client was not found."))?;
        if user.client_secret != client_secret {
            return Err(Refused("invalid_client", "Unauthorized"));
        }
        if user.refresh_token != refresh_token {
            return Err(Refused("invalid_grant", "Bad Request"));
        }
        let project_id = project_id.clone();
        if let Some(scope) = scope {
            check_scope(scope)?;
        }
        self.give(project_id, scope, now)
    }

    fn give(
        &mut self,
        project_id: String,
        scope: Option<&str>,
        now: SystemTime,
    ) -> Result<Value, Refused> {
        let access_token =
            random_name::<48>().map_err(|_| Refused("server_error", "No randomness."))?;
        let access_token = format!("ya29.{access_token}");
        let expires_at = now.checked_add(Duration::from_secs(LIFETIME)).unwrap_or(now);
        self.grants.retain(|_, grant| now < grant.expires_at);
        if self.grants.len() >= MAX_GRANTS {
            return Err(Refused("server_error", "Too many access tokens are in use."));
        }
        *self.granted.entry(project_id.clone()).or_default() += 1;
        let scopes = scope.map(|scope| scope.split_ascii_whitespace().map(str::to_owned).collect());
        self.grants.insert(access_token.clone(), Grant { project_id, scopes, expires_at });
        Ok(json!({
            "access_token": access_token,
            "expires_in": LIFETIME,
            "token_type": "Bearer",
        }))
    }
}

/// Answers a request for an access token.
pub(super) fn accept(
    accounts: &mut Accounts,
    token_uri: &str,
    head: &Parts,
    received: &Received,
    now: SystemTime,
) -> Answer {
    match exchange(accounts, token_uri, head, &received.body, now) {
        Ok(granted) => answer::json(StatusCode::OK, &granted),
        Err(Refused(error, description)) => {
            let status = match error {
                "invalid_client" => StatusCode::UNAUTHORIZED,
                "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::BAD_REQUEST,
            };
            answer::json(status, &json!({ "error": error, "error_description": description }))
        }
    }
}

fn exchange(
    accounts: &mut Accounts,
    token_uri: &str,
    head: &Parts,
    body: &[u8],
    now: SystemTime,
) -> Result<Value, Refused> {
    if head.method != Method::POST
        || !answer::is_of_type(&head.headers, "application/x-www-form-urlencoded")
    {
        return Err(Refused("invalid_request", "A form must be posted."));
    }
    let form: Vec<_> = url::form_urlencoded::parse(body).collect();
    let parameter = |name: &str| {
        let mut values = form.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some((_, value)), None) => Ok(Some(value.as_ref())),
            // RFC 6749 §3.2.
            (Some(_), Some(_)) => Err(Refused("invalid_request", "Parameter is repeated.")),
        }
    };
    let required =
        |name: &str, missing| parameter(name)?.ok_or(Refused("invalid_request", missing));
    match required("grant_type", "Required parameter is missing: grant_type")? {
        OF_ACCOUNTS => {
            let assertion = required("assertion", "Required parameter is missing: assertion")?;
            accounts.for_assertion(assertion, token_uri, now)
        }
        OF_USERS => {
            let client_id = required("client_id", "Could not determine client ID from request.")?;
            let client_secret = required("client_secret", "client_secret is missing.")?;
            let refresh_token =
                required("refresh_token", "Missing required parameter: refresh_token")?;
            let client = (client_id, client_secret);
            accounts.for_refresh_token(client, refresh_token, parameter("scope")?, now)
        }
        _ => Err(Refused("unsupported_grant_type", "Invalid grant_type.")),
    }
}

/// An error code of RFC 6749 §5.2 with a description.
#[derive(Clone, Copy)]
struct Refused(&'static str, &'static str);

struct Account {
    client_email: String,
    key: KeyPair,
    key_id: String,
}

impl Account {
    fn generate(project_id: &str) -> Result<Self> {
        Ok(Self {
            client_email: format!("push@{project_id}.iam.gserviceaccount.com"),
            key: KeyPair::generate(KeySize::Rsa2048).map_err(|_| no_key())?,
            key_id: random_name::<20>()?,
        })
    }

    fn key_file(&self, project_id: &str, token_uri: &str) -> Result<String> {
        let der: Pkcs8V1Der<'_> = self.key.as_der().map_err(|_| no_key())?;
        let pem = pem_rfc7468::encode_string("PRIVATE KEY", LineEnding::LF, der.as_ref())
            .map(Zeroizing::new)
            .map_err(|_| no_key())?;
        Ok(json!({
            "type": "service_account",
            "project_id": project_id,
            "private_key_id": self.key_id,
            "private_key": pem.as_str(),
            "client_email": self.client_email,
            "token_uri": token_uri,
        })
        .to_string())
    }

    /// The claims of an assertion that this account signed with RS256.
    fn verify(&self, assertion: &str) -> Option<Claims> {
        let (signed, signature) = assertion.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: JoseHeader = serde_json::from_slice(&decode(header)?).ok()?;
        if header.alg != "RS256" || header.kid.is_some_and(|key_id| key_id != self.key_id) {
            return None;
        }
        // `jsonwebtoken::decode` goes through a process-wide provider; this one is named.
        let provider = &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
        let key = DecodingKey::from_rsa_der(self.key.public_key().as_ref());
        let verifier = (provider.verifier_factory)(&Algorithm::RS256, &key).ok()?;
        verifier.verify(signed.as_bytes(), &decode(signature)?).ok()?;
        let claims: Claims = serde_json::from_slice(&decode(claims)?).ok()?;
        (claims.iss == self.client_email).then_some(claims)
    }
}

/// The OAuth client and the consent of a person.
struct User {
    client_id: String,
    client_secret: String,
    refresh_token: String,
}

impl User {
    fn generate() -> Result<Self> {
        Ok(Self {
            client_id: format!("{}.apps.googleusercontent.com", random_name::<12>()?),
            client_secret: format!("GOCSPX-{}", random_name::<21>()?),
            refresh_token: format!("1//{}", random_name::<48>()?),
        })
    }

    fn file(&self, token_uri: &str) -> String {
        json!({
            "type": "authorized_user",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
            "token_uri": token_uri,
        })
        .to_string()
    }
}

/// What an access token is good for.
pub(super) struct Grant {
    pub(super) project_id: String,
    /// What it is for; `None` for whatever the person may do.
    scopes: Option<Vec<String>>,
    expires_at: SystemTime,
}

impl Grant {
    /// Whether its scopes allow what one of Google's APIs asks for, by the scope's last part.
    pub(super) fn allows(&self, api: &str) -> bool {
        let is_enough = |scope: &String| {
            let name = scope.strip_prefix(SCOPE).unwrap_or_default();
            name == api || name == "cloud-platform"
        };
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(is_enough))
    }
}

#[derive(Deserialize)]
struct JoseHeader {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    #[serde(default)]
    scope: String,
    iat: u64,
    exp: u64,
}

impl Claims {
    fn check(&self, token_uri: &str, now: SystemTime) -> Result<(), Refused> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let lifetime = self.exp.checked_sub(self.iat);
        if self.aud != token_uri && self.aud != AUDIENCE {
            Err(Refused("invalid_grant", "Invalid JWT: the audience is not the token endpoint."))
        } else if self.iat > now.saturating_add(LEEWAY) || self.exp.saturating_add(LEEWAY) <= now {
            Err(Refused("invalid_grant", "Invalid JWT: check iat and exp against the time."))
        } else if lifetime.is_none_or(|lifetime| lifetime > 3600) {
            Err(Refused("invalid_grant", "Invalid JWT: it must be short-lived (60 minutes)."))
        } else {
            check_scope(&self.scope)
        }
    }
}

fn no_key() -> Error {
    Error::new(ErrorKind::Unavailable, "no RSA key can be made")
}

/// Scopes are words (RFC 6749 §3.3), of which Google knows its own.
fn check_scope(scope: &str) -> Result<(), Refused> {
    let is_known = |scope: &str| {
        matches!(scope, "openid" | "email" | "profile")
            || scope.strip_prefix(SCOPE).is_some_and(|name| !name.is_empty())
    };
    let mut scopes = scope.split_ascii_whitespace().peekable();
    if scopes.peek().is_some() && scopes.all(is_known) {
        Ok(())
    } else {
        let text = "Invalid OAuth scope or ID token audience provided.";
        Err(Refused("invalid_scope", text))
    }
}

const OF_ACCOUNTS: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const OF_USERS: &str = "refresh_token";

/// What Google's own libraries put into `aud`, whatever the key file has as its `token_uri`.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

const SCOPE: &str = "https://www.googleapis.com/auth/";

/// Most access tokens that are good at a time.
const MAX_GRANTS: usize = 10_000;

/// How long an access token is good, in seconds: a second less than an hour, as Google's are.
const LIFETIME: u64 = 3599;

/// How far the sender's clock may be off, in seconds.
const LEEWAY: u64 = 300;
