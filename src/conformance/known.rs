//! Everything that must not be shown during one check.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use super::harness::Harness;
use super::parts::{NAME, PAYLOAD, address, texts};
use super::secret::{Search, Secret};
use super::vendor::Vendor;
use crate::UserAgentKeys;

/// The token's address and keys, the payload, and the provider's credentials, given and seen.
pub(crate) struct Known {
    harness: Arc<dyn Harness>,
    vendor: Vendor,
    keys: UserAgentKeys,
    at_first: OnceLock<(Vec<Secret>, Search)>,
    /// The credentials that were seen, each searched for by itself: there are many, and few at a
    /// time.
    credentials: Mutex<HashMap<Bytes, Arc<Seen>>>,
}

struct Seen {
    secret: Secret,
    search: Search,
}

impl Known {
    pub(crate) fn new(harness: Arc<dyn Harness>, vendor: Vendor, keys: UserAgentKeys) -> Self {
        Self { harness, vendor, keys, at_first: OnceLock::new(), credentials: Mutex::default() }
    }

    /// All of it, by now.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        self.note();
        let mut secrets = self.at_first().0.clone();
        let seen = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.extend(seen.values().map(|seen| seen.secret.clone()));
        secrets
    }

    /// Keeps the credentials that were seen since the script was set.
    pub(crate) fn note(&self) {
        self.carried();
    }

    /// What a text shows of it, described without showing it; of credentials, those that were seen
    /// since the script was set.
    pub(crate) fn find(&self, text: &[u8]) -> Option<String> {
        let first = self.at_first().1.first(text);
        first.or_else(|| self.carried().iter().find_map(|seen| seen.search.first(text)))
    }

    /// A text, unless it shows a secret.
    pub(crate) fn told(&self, text: &str) -> String {
        let shown = self.find(text.as_bytes());
        shown.map_or_else(|| text.to_owned(), |secret| format!("(a text that shows {secret})"))
    }

    fn carried(&self) -> Vec<Arc<Seen>> {
        let requests = self.vendor.requests();
        let carried: HashSet<_> =
            requests.iter().filter_map(|request| self.harness.credential(request)).collect();
        let mut seen = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let make = |octets: &Bytes| {
            let secret = Secret::new("credential", octets);
            Arc::new(Seen { search: Search::new([secret.clone()]), secret })
        };
        let kept = carried.into_iter().map(|octets| {
            let made = || make(&octets);
            seen.entry(octets.clone()).or_insert_with(made).clone()
        });
        kept.collect()
    }

    /// What is known before the first request.
    fn at_first(&self) -> &(Vec<Secret>, Search) {
        self.at_first.get_or_init(|| {
            let secrets = self.given();
            let search = Search::new(secrets.iter().cloned());
            (secrets, search)
        })
    }

    fn given(&self) -> Vec<Secret> {
        let mut secrets = self.harness.secrets();
        secrets.push(Secret::new("user agent's public key", self.keys.public_octets()));
        secrets.push(Secret::new("user agent's secret", self.keys.auth_secret().expose()));
        secrets.push(Secret::new("payload", PAYLOAD));
        let token = self.harness.token(&self.vendor, NAME, self.keys.clone());
        secrets.extend(texts(&address(&token)).map(|text| {
            // The origin of a push resource is no secret.
            let path = text.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
            Secret::new("token's address", path.map_or(text, |(_, path)| path))
        }));
        secrets
    }
}
