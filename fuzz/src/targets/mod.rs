//! The targets, by what they read.

#[cfg(feature = "full")]
pub mod answers;
pub mod core;
#[cfg(feature = "full")]
pub mod credentials;
#[cfg(feature = "full")]
pub mod endpoint;
#[cfg(feature = "full")]
pub mod ndjson;
#[cfg(feature = "full")]
pub mod service;
#[cfg(feature = "full")]
pub mod vapid;

/// Panics when an error repeats a long enough part of what was read.
pub(crate) fn assert_tells_nothing(error: &sealpush::Error, text: &str) {
    let shown = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    let mut causes = String::new();
    while let Some(error) = cause {
        causes.push_str(&format!("{error} {error:?}"));
        cause = error.source();
    }
    // A part of the input that looks like a key or an address: long, without spaces.
    let is_quoted = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    for word in text.split(is_quoted).filter(|word| word.len() >= 24 && is_mixed(word)) {
        assert!(!shown.contains(word) && !causes.contains(word), "repeats a value: {shown}");
    }
}

/// Letters and digits, as keys have and words of ours have not.
fn is_mixed(word: &str) -> bool {
    word.bytes().any(|octet| octet.is_ascii_digit())
        && word.bytes().any(|octet| octet.is_ascii_alphabetic())
}
