//! Whom a message goes to, as far as limits are concerned, and what is remembered of each.
//!
//! Web Push speaks to as many servers as strangers name in their subscriptions, so both the key and
//! the memory are small: no URL parser, and a bounded table.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::token::Token;

/// A provider, with the scheme, host and port of the token's `endpoint` where it has one.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Origin(Arc<str>);

impl Origin {
    /// Reads the origin as text. It only separates one server's share from another's; what may be
    /// connected to is decided elsewhere, from a parsed URL.
    pub(crate) fn of(token: &Token) -> Self {
        let provider = token.provider().as_str();
        let Some(endpoint) = token.expose("endpoint") else { return Self(provider.into()) };
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("", endpoint));
        let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        let server = authority.rsplit('@').next().unwrap_or_default();

        let mut text = [provider, scheme, server].join(" ");
        text.make_ascii_lowercase();
        Self(text.into())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something for each origin, forgetting those that were not asked for the longest.
pub(crate) struct PerOrigin<T>(Mutex<Table<T>>);

impl<T> PerOrigin<T> {
    /// Most origins that are remembered. A thousand push services would be many; more are a
    /// stranger's doing.
    const CAPACITY: usize = 4096;

    /// Works on what is kept for an origin, made first where there is none.
    pub(crate) fn with<R>(
        &self,
        origin: &Origin,
        make: impl FnOnce() -> T,
        work: impl FnOnce(&mut T) -> R,
    ) -> R {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.clock += 1;
        let clock = table.clock;
        if table.entries.len() >= Self::CAPACITY && !table.entries.contains_key(origin) {
            table.forget_half();
        }
        let entry = table.entries.entry(origin.clone());
        let entry = entry.or_insert_with(|| Entry { value: make(), used: clock });
        entry.used = clock;
        work(&mut entry.value)
    }

    /// Works on what is kept for an origin, if anything is.
    pub(crate) fn with_existing(&self, origin: &Origin, work: impl FnOnce(&mut T)) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = table.entries.get_mut(origin) {
            work(&mut entry.value);
        }
    }
}

impl<T> Default for PerOrigin<T> {
    fn default() -> Self {
        Self(Mutex::new(Table { entries: HashMap::new(), clock: 0 }))
    }
}

impl<T> fmt::Debug for PerOrigin<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerOrigin").finish_non_exhaustive()
    }
}

struct Table<T> {
    entries: HashMap<Origin, Entry<T>>,
    clock: u64,
}

impl<T> Table<T> {
    fn forget_half(&mut self) {
        let mut used: Vec<u64> = self.entries.values().map(|entry| entry.used).collect();
        let middle = used.len() / 2;
        let (_, median, _) = used.select_nth_unstable(middle);
        let median = *median;
        self.entries.retain(|_, entry| entry.used > median);
    }
}

struct Entry<T> {
    value: T,
    used: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(provider: &str, endpoint: &str) -> String {
        let text = format!(
            r#"{{"provider":"{provider}","endpoint":{},"keys":{{"p256dh":"{P256DH}","auth":"{AUTH}"}}}}"#,
            serde_json::to_string(endpoint).unwrap(),
        );
        format!("{:?}", Origin::of(&text.parse().unwrap()))
    }

    const P256DH: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    #[test]
    fn an_origin_is_provider_scheme_host_and_port() {
        for (endpoint, expected) in [
            ("https://push.example.net/p/abc?x#y", "webpush https push.example.net"),
            ("HTTPS://Push.Example.NET:8443/p", "webpush https push.example.net:8443"),
            ("https://a:b@push.example.net/p@q", "webpush https push.example.net"),
            ("https://push.example.net?p=/@q", "webpush https push.example.net"),
            ("https://[::1]:80/p", "webpush https [::1]:80"),
            ("no url", "webpush  no url"),
            ("", "webpush  "),
        ] {
            assert_eq!(origin("webpush", endpoint), expected, "{endpoint}");
        }
        assert_ne!(origin("a", "https://h/"), origin("b", "https://h/"));
    }

    #[test]
    fn an_origin_shows_nothing_of_the_path() {
        assert!(!origin("webpush", "https://push.example.net/secret").contains("secret"));
    }

    #[test]
    fn the_table_stays_bounded_and_keeps_what_is_in_use() {
        let kept = PerOrigin::<u32>::default();
        let name = |n: usize| Origin(format!("webpush https host{n}").into());
        for n in 0..3 * PerOrigin::<u32>::CAPACITY {
            kept.with(&name(0), || 0, |count| *count += 1);
            kept.with(&name(n), || 0, |_| ());
            assert!(kept.0.lock().unwrap().entries.len() <= PerOrigin::<u32>::CAPACITY);
        }
        let count = kept.with(&name(0), || 0, |count| *count);
        assert_eq!(count as usize, 3 * PerOrigin::<u32>::CAPACITY);
    }
}
