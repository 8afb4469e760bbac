//! The Google Cloud project that a message is sent from.

use std::fmt;
use std::str::FromStr;

use crate::{Error, ErrorKind, Result};

/// A project's id or number: 1 to 63 of `a-z`, `0-9`, `-`, `.`, `:`, the first a letter or digit.
///
/// It becomes part of a path, so it can hold nothing that would end or change one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ProjectId(String);

impl ProjectId {
    /// Longest id, in characters. Ids are 6 to 30; those with a domain before a colon are longer.
    pub const MAX_LEN: usize = 63;

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProjectId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let plain = |octet: &u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
        let octets = text.as_bytes();
        if octets.len() <= Self::MAX_LEN
            && octets.first().is_some_and(plain)
            && octets.iter().all(|octet| plain(octet) || b"-.:".contains(octet))
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::new(
                ErrorKind::Configuration,
                "a project id is 1 to 63 of a-z, 0-9, '-', '.', ':', the first a letter or digit",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_id_cannot_change_a_path() {
        for good in ["my-project-1", "123456789012", "example.com:my-project"] {
            assert_eq!(good.parse::<ProjectId>().unwrap().as_str(), good);
        }
        for bad in ["", "..", "a/b", "a?b", "a#b", "a%2fb", "A", "a b", "ä", &"a".repeat(64)] {
            assert_eq!(bad.parse::<ProjectId>().unwrap_err().kind(), ErrorKind::Configuration);
        }
    }
}
