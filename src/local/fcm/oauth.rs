//! Service accounts, and the endpoint that gives them access tokens (RFC 7523).

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
use serde_json::json;
use zeroize::Zeroizing;

use super::super::answer;
use super::super::hub::Service;
use super::super::router::TOKEN_PATH;
use super::super::vendors::name;
use super::super::webpush::Answer;
use crate::{Error, ErrorKind, Result};

/// Service accounts by project, and the access tokens given out.
#[derive(Default)]
pub(in crate::local) struct Accounts {
    accounts: HashMap<String, Account>,
    grants: HashMap<String, Grant>,
    granted: HashMap<String, usize>,
}

impl Accounts {
    pub(in crate::local) fn key_file(
        &mut self,
        project_id: &str,
        token_uri: &str,
    ) -> Result<String> {
        if let Some(account) = self.accounts.get(project_id) {
            return account.key_file(project_id, token_uri);
        }
        let account = Account::generate(project_id)?;
        let file = account.key_file(project_id, token_uri);
        self.accounts.insert(project_id.to_owned(), account);
        file
    }

    pub(in crate::local) fn revoke(&mut self, project_id: &str) {
        self.accounts.remove(project_id);
        self.revoke_access_tokens(project_id);
    }

    pub(in crate::local) fn revoke_access_tokens(&mut self, project_id: &str) {
        self.grants.retain(|_, grant| grant.project_id != project_id);
    }

    pub(in crate::local) fn granted(&self, project_id: &str) -> usize {
        self.granted.get(project_id).copied().unwrap_or_default()
    }

    /// The project of an access token that is still good.
    pub(in crate::local) fn project_of(&self, access_token: &str, now: SystemTime) -> Option<&str> {
        let grant = self.grants.get(access_token).filter(|grant| now < grant.expires_at)?;
        Some(&grant.project_id)
    }

    /// Gives an access token for an assertion, or says why not.
    fn grant(
        &mut self,
        assertion: &str,
        token_uri: &str,
        now: SystemTime,
    ) -> Result<String, Refused> {
        let invalid = Refused("invalid_grant", "Invalid JWT Signature.");
        let mut accounts = self.accounts.iter();
        let (project_id, claims) = accounts
            .find_map(|(id, account)| Some((id.clone(), account.verify(assertion)?)))
            .ok_or(invalid)?;
        claims.check(token_uri, now)?;
        let access_token = name::<48>().map_err(|_| Refused("server_error", "No randomness."))?;
        let access_token = format!("ya29.{access_token}");
        let expires_at = now.checked_add(Duration::from_secs(LIFETIME)).unwrap_or(now);
        *self.granted.entry(project_id.clone()).or_default() += 1;
        self.grants.insert(access_token.clone(), Grant { project_id, expires_at });
        Ok(access_token)
    }
}

/// Answers a request for an access token.
pub(in crate::local) fn accept(service: &Service, head: &Parts, body: &[u8]) -> Answer {
    let refuse = |Refused(error, description): Refused| {
        let status = match error {
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        answer::json(status, &json!({ "error": error, "error_description": description }))
    };
    if head.method != Method::POST
        || !answer::is_of_type(&head.headers, "application/x-www-form-urlencoded")
    {
        return refuse(Refused("invalid_request", "A form must be posted."));
    }
    let form: Vec<_> = url::form_urlencoded::parse(body).collect();
    let parameter = |name: &str| {
        let mut values = form.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value.as_ref()),
            _ => None,
        }
    };
    match (parameter("grant_type"), parameter("assertion")) {
        (Some(GRANT_TYPE), Some(assertion)) => {
            let token_uri = format!("{}{}", service.origin(), TOKEN_PATH);
            let granted = service.vendors().accounts().grant(assertion, &token_uri, service.now());
            granted.map_or_else(refuse, |access_token| {
                let granted = json!({
                    "access_token": access_token,
                    "expires_in": LIFETIME,
                    "token_type": "Bearer",
                });
                answer::json(StatusCode::OK, &granted)
            })
        }
        (Some(GRANT_TYPE), None) => refuse(Refused("invalid_request", "Missing assertion.")),
        _ => refuse(Refused("unsupported_grant_type", "Invalid grant_type.")),
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
            key_id: name::<20>()?,
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

struct Grant {
    project_id: String,
    expires_at: SystemTime,
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
    scope: String,
    iat: u64,
    exp: u64,
}

impl Claims {
    fn check(&self, token_uri: &str, now: SystemTime) -> Result<(), Refused> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let lifetime = self.exp.checked_sub(self.iat);
        if self.aud != token_uri {
            Err(Refused("invalid_grant", "Invalid JWT: the audience is not the token endpoint."))
        } else if self.iat > now.saturating_add(LEEWAY) || self.exp.saturating_add(LEEWAY) <= now {
            Err(Refused("invalid_grant", "Invalid JWT: check iat and exp against the time."))
        } else if lifetime.is_none_or(|lifetime| lifetime > 3600) {
            Err(Refused("invalid_grant", "Invalid JWT: it must be short-lived (60 minutes)."))
        } else if !self.scope.split(' ').any(|scope| SCOPES.contains(&scope)) {
            Err(Refused("invalid_scope", "Invalid OAuth scope."))
        } else {
            Ok(())
        }
    }
}

fn no_key() -> Error {
    Error::new(ErrorKind::Unavailable, "no RSA key can be made")
}

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Either is enough to send.
const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/firebase.messaging",
];

/// How long an access token is good, in seconds: a second less than an hour, as Google's are.
const LIFETIME: u64 = 3599;

/// How far the sender's clock may be off, in seconds.
const LEEWAY: u64 = 300;
