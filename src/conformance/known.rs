//! Everything that must not be shown during one check.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::harness::Harness;
use super::kit::{NAME, PAYLOAD};
use super::parts::{address, texts};
use super::search::Search;
use super::secret::Secret;
use super::vendor::Vendor;
use crate::UserAgentKeys;

/// The token's address and keys, the payload, and the provider's credentials, given and seen.
pub(crate) struct Known {
    harness: Arc<dyn Harness>,
    vendor: Vendor,
    keys: UserAgentKeys,
    /// It grows with each credential that is seen.
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    secrets: Vec<Secret>,
    credentials: HashSet<Bytes>,
    search: Option<Arc<Search>>,
}

impl Known {
    pub(crate) fn new(harness: Arc<dyn Harness>, vendor: Vendor, keys: UserAgentKeys) -> Self {
        Self { harness, vendor, keys, found: Mutex::default() }
    }

    /// What a text shows of it, described without showing it.
    pub(crate) fn find(&self, text: &[u8]) -> Option<String> {
        self.search().first(text)
    }

    /// A text, unless it shows a secret.
    pub(crate) fn told(&self, text: &str) -> String {
        let shown = self.find(text.as_bytes());
        shown.map_or_else(|| text.to_owned(), |secret| format!("(a text that shows {secret})"))
    }

    /// To make a secret's forms is costly, so each is made once.
    fn search(&self) -> Arc<Search> {
        let requests = self.vendor.requests();
        let carried = requests.iter().filter_map(|request| self.harness.credential(request));
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut more = Vec::new();
        if found.search.is_none() {
            more = self.at_first();
        }
        for octets in carried {
            if found.credentials.insert(octets.clone()) {
                more.push(Secret::new("credential", octets));
            }
        }
        match &found.search {
            Some(search) if more.is_empty() => search.clone(),
            _ => {
                found.secrets.extend(more);
                let search = Arc::new(Search::new(found.secrets.iter().cloned()));
                found.search = Some(search.clone());
                search
            }
        }
    }

    /// What is known before the first request.
    fn at_first(&self) -> Vec<Secret> {
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
