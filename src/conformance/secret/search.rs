//! Many secrets looked for in one pass over a text, however many forms they have.

use super::Secret;

/// Secrets, and where each of their forms begins.
pub(crate) struct Search {
    secrets: Vec<Secret>,
    /// A bit for what the first octets of some form come to.
    begins: Vec<u64>,
    /// The first octets of each form, with its secret and its place there; in order.
    forms: Vec<(u32, usize, usize)>,
}

impl Search {
    pub(crate) fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let secrets: Vec<Secret> = secrets.into_iter().collect();
        let mut begins = vec![0; SLOTS / 64];
        let mut forms = Vec::new();
        for (nth, secret) in secrets.iter().enumerate() {
            for (place, form) in secret.forms().iter().enumerate() {
                let Some(first) = form.octets.first_chunk() else { continue };
                let word = u32::from_be_bytes(*first);
                begins[slot(word) / 64] |= 1 << (slot(word) % 64);
                forms.push((word, nth, place));
            }
        }
        forms.sort_unstable();
        Self { secrets, begins, forms }
    }

    /// The first secret in a text, described without showing it.
    pub(crate) fn first(&self, text: &[u8]) -> Option<String> {
        let (nth, form) = self.occurrences(text).next()?;
        let secret = self.secrets.get(nth)?;
        Some(format!("the {} {form}", secret.what()))
    }

    /// The secrets in a text, each by its number and with a form in which it occurs.
    pub(crate) fn all(&self, text: &[u8]) -> Vec<(usize, &'static str)> {
        let mut found: Vec<(usize, &'static str)> = Vec::new();
        for (nth, form) in self.occurrences(text) {
            if found.iter().all(|(other, _)| *other != nth) {
                found.push((nth, form));
            }
        }
        found
    }

    /// What occurs in a text, from its beginning to its end.
    fn occurrences(&self, text: &[u8]) -> impl Iterator<Item = (usize, &'static str)> {
        let (mut word, mut read, mut octets) = (0_u32, 0_usize, text.iter());
        std::iter::from_fn(move || {
            // A plain loop: tests run it without optimization, over megabytes.
            loop {
                word = word << 8 | u32::from(*octets.next()?);
                read += 1;
                let slot = slot(word);
                if read < 4 || self.begins[slot / 64] >> (slot % 64) & 1 == 0 {
                    continue;
                }
                let rest = text.get(read - 4..).unwrap_or_default();
                if let Some(found) = self.at(word, rest) {
                    return Some(found);
                }
            }
        })
    }

    /// The form with which a text begins.
    fn at(&self, word: u32, text: &[u8]) -> Option<(usize, &'static str)> {
        let first = self.forms.partition_point(|(other, ..)| *other < word);
        let same = self.forms.iter().skip(first).take_while(|(other, ..)| *other == word);
        same.filter_map(|(_, nth, place)| {
            let form = self.secrets.get(*nth)?.forms().get(*place)?;
            text.starts_with(&form.octets).then_some((*nth, form.name))
        })
        .next()
    }
}

/// Where four octets have their bit.
fn slot(word: u32) -> usize {
    // Knuth's multiplicative hash; sixteen bits, so that it fits everywhere.
    (word.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

const SLOTS: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_in_a_text_is_found_once_and_the_first_is_named() {
        let search = Search::new([
            Secret::new("key", "0123456789abcdef"),
            Secret::new("address", "k7fq2zt9wv4hx1ncb8"),
            Secret::new("payload", "nowhere to be seen"),
        ]);
        let text = b"to k7fq2zt9wv4hx1ncb8 with 0123456789abcdef and 0123456789ABCDEF";
        assert_eq!(search.all(text), [(1, "as it is"), (0, "as it is")]);
        assert_eq!(search.first(text).as_deref(), Some("the address as it is"));
        assert_eq!(search.first(b"key, address and payload"), None);
        assert_eq!(search.first(b""), None);
    }
}
