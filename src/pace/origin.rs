//! Whom a message goes to, as far as limits are concerned, and what is remembered of each.
//!
//! Web Push speaks to as many servers as strangers name in their subscriptions, so the table is
//! bounded, and all spellings of a server are one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::endpoint;
use crate::provider::ProviderId;
use crate::token::Token;

/// A provider, with the origin of the token's `endpoint` where it has one.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(crate) struct Origin {
    provider: ProviderId,
    server: Option<endpoint::Origin>,
}

impl Origin {
    /// Tokens whose endpoint cannot be read share one origin: no request of theirs goes out.
    pub(crate) fn of(token: &Token) -> Self {
        let server = token.endpoint().ok().map(|endpoint| endpoint.origin().clone());
        Self { provider: token.provider().clone(), server }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.provider)?;
        self.server.as_ref().map_or(Ok(()), |server| write!(f, " {server}"))
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
    fn an_origin_is_a_provider_and_every_spelling_of_its_server() {
        let plain = origin("webpush", "https://push.example.net/p/abc?x");
        assert_eq!(plain, "webpush https://push.example.net");
        for spelling in ["HTTPS://Push.Example.NET:443/q", "https://push.example.net.:00443/"] {
            assert_eq!(origin("webpush", spelling), plain, "{spelling}");
        }
        for other in ["https://push.example.net:8443/p", "http://push.example.net/p"] {
            assert_ne!(origin("webpush", other), plain, "{other}");
        }
        assert_ne!(origin("a", "https://h/"), origin("b", "https://h/"));
        for bad in ["no url", "", "https://a:b@push.example.net/p@q", "https://h/p#f"] {
            assert_eq!(origin("webpush", bad), "webpush", "{bad}");
        }
    }

    #[test]
    fn an_origin_shows_nothing_of_the_path() {
        assert!(!origin("webpush", "https://push.example.net/secret").contains("secret"));
    }

    #[test]
    fn the_table_stays_bounded_and_keeps_what_is_in_use() {
        let kept = PerOrigin::<u32>::default();
        let provider = ProviderId::from_static("webpush");
        let name = |n: usize| {
            let endpoint: endpoint::Endpoint = format!("https://host{n}.example").parse().unwrap();
            Origin { provider: provider.clone(), server: Some(endpoint.origin().clone()) }
        };
        for n in 0..3 * PerOrigin::<u32>::CAPACITY {
            kept.with(&name(0), || 0, |count| *count += 1);
            kept.with(&name(n), || 0, |_| ());
            assert!(kept.0.lock().unwrap().entries.len() <= PerOrigin::<u32>::CAPACITY);
        }
        let count = kept.with(&name(0), || 0, |count| *count);
        assert_eq!(count as usize, 3 * PerOrigin::<u32>::CAPACITY);
    }
}
