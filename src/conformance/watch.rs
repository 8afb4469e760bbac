//! What is asked of every request of every check, whatever the check is about.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, Uri};

use super::harness::{Credentials, Harness};
use super::parts::{PAYLOAD, octets};
use super::secret::{Search, Secret};
use super::vendor::{Desk, Vendor};
use crate::UserAgentKeys;

/// Looks at every request while a check runs, and notes which promise it breaks.
pub(crate) struct Watch {
    harness: Arc<dyn Harness>,
    /// What no request may hold.
    never: Vec<Secret>,
    /// The keys of the settings, where a credential is made of them and travels instead.
    keys: Vec<Secret>,
    /// Both, one after the other.
    search: Search,
    /// Off while the check uses addresses that no push service gave out.
    strict: AtomicBool,
    complaints: Mutex<Vec<Complaint>>,
    harness_panicked: AtomicBool,
}

/// A promise that was broken while another one was asked for.
pub(crate) struct Complaint {
    /// The check of the promise.
    pub(crate) check: &'static str,
    pub(crate) saw: String,
}

impl Watch {
    pub(crate) fn new(harness: Arc<dyn Harness>, agent: &UserAgentKeys) -> Self {
        let never = vec![
            Secret::new("payload", PAYLOAD),
            Secret::new("authentication secret", agent.auth_secret().expose()),
            Secret::new("user agent's public key", agent.public_octets()),
        ];
        let keys = match harness.credentials() {
            Credentials::Renewed { .. } => harness.secrets(),
            Credentials::Absent | Credentials::Static => Vec::new(),
        };
        Self {
            harness,
            search: Search::new(never.iter().chain(&keys).cloned()),
            never,
            keys,
            strict: AtomicBool::new(true),
            complaints: Mutex::default(),
            harness_panicked: AtomicBool::new(false),
        }
    }

    /// Leaves out what holds only for tokens that the harness made and the time of day.
    pub(crate) fn set_strict(&self, strict: bool) {
        self.strict.store(strict, Ordering::Relaxed);
    }

    /// What must not be shown, as far as it is known before the first request.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        self.never.iter().cloned().chain(self.harness.secrets()).collect()
    }

    /// What was noted.
    pub(crate) fn complaints(&self) -> Vec<Complaint> {
        std::mem::take(&mut self.complaints.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a method of the harness panicked.
    pub(crate) fn harness_panicked(&self) -> bool {
        self.harness_panicked.load(Ordering::Relaxed)
    }

    fn complain(&self, check: &'static str, saw: String) {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        // One of a sort is enough; a thousand sends would fill the memory.
        if complaints.iter().all(|complaint| complaint.check != check) {
            complaints.push(Complaint { check, saw });
        }
    }

    fn judge(&self, vendor: &Vendor, request: &Request<Bytes>, mint: bool) {
        let mut keys = Vec::new();
        for (nth, form) in self.search.all(&octets(request)) {
            match (self.never.get(nth), NEVER.get(nth)) {
                (Some(secret), Some(check)) => {
                    self.complain(check, format!("a request holds the {} {form}", secret.what()));
                }
                _ => keys.push((nth - self.never.len(), form)),
            }
        }
        if !mint {
            self.judge_credential(vendor, request, &keys);
        }
        if mint || !self.strict.load(Ordering::Relaxed) {
            return;
        }
        if !is_at(request.uri(), vendor.url()) {
            let saw = "a request went to another origin".to_owned();
            self.complain("requests_go_to_the_push_service_only", saw);
        } else if let Some(why) = self.harness.refusal(vendor, request) {
            self.complain("every_request_is_one_that_the_push_service_takes", why);
        }
    }

    /// Looks at the credential of a request, and at the keys of the settings that were found in it.
    fn judge_credential(
        &self,
        vendor: &Vendor,
        request: &Request<Bytes>,
        keys: &[(usize, &'static str)],
    ) {
        let credential = self.harness.credential(request);
        let strict = self.strict.load(Ordering::Relaxed);
        if self.harness.credentials() == Credentials::Absent {
            if credential.is_some() || request.headers().contains_key(AUTHORIZATION) {
                let saw = "a request carries one, and the harness says that there is none";
                self.complain("the_harness_knows_the_credential", saw.to_owned());
            }
            return;
        }
        let Some(credential) = credential.filter(|credential| !credential.is_empty()) else {
            return self.complain("every_request_is_signed", "a request carries none".to_owned());
        };
        if strict && is_at(request.uri(), vendor.url()) && !self.harness.takes(vendor, &credential)
        {
            let saw = "it would be refused".to_owned();
            self.complain("a_credential_is_meant_for_this_push_service", saw);
        }
        for (nth, form) in keys {
            if let Some(key) = self.keys.get(*nth)
                && key.find_in(&credential).is_none()
            {
                self.complain(
                    "a_key_stays_here",
                    format!("a request holds the {} {form}", key.what()),
                );
            }
        }
    }

    /// Asks the harness something; `None` if it panics, which is noted.
    fn ask<T>(&self, question: impl FnOnce() -> T) -> Option<T> {
        let answer = catch_unwind(AssertUnwindSafe(question)).ok();
        if answer.is_none() {
            self.harness_panicked.store(true, Ordering::Relaxed);
        }
        answer
    }
}

impl Desk for Watch {
    fn mint(&self, request: &Request<Bytes>, nth: usize) -> Option<Response<Bytes>> {
        self.ask(|| self.harness.mint(request, nth)).flatten()
    }

    fn see(&self, vendor: &Vendor, request: &Request<Bytes>, mint: bool) {
        self.ask(|| self.judge(vendor, request, mint));
    }

    fn unpack(&self, request: &Request<Bytes>) -> Vec<Request<Bytes>> {
        self.ask(|| self.harness.unpack(request)).unwrap_or_default()
    }

    fn pack(&self, answers: Vec<Response<Bytes>>) -> Option<Response<Bytes>> {
        self.ask(|| self.harness.pack(answers)).flatten()
    }
}

/// The promises about what no request may hold, in the order of [`Watch::never`].
const NEVER: [&str; 3] = [
    "the_plaintext_never_leaves",
    "the_authentication_secret_never_leaves",
    "the_public_key_never_leaves",
];

/// Whether an address has this origin.
pub(crate) fn is_at(uri: &Uri, origin: &str) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else { return false };
    let port = |uri: &Uri| {
        uri.port_u16().or_else(|| match uri.scheme_str() {
            Some("http") => Some(80),
            Some("https") => Some(443),
            _ => None,
        })
    };
    uri.scheme() == origin.scheme() && uri.host() == origin.host() && port(uri) == port(&origin)
}
