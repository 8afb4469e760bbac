//! What the tests of vendors' APIs share: a user agent, and a message to it.

use sealpush::{Message, Padding, UserAgentSecret};

/// A user agent whose keys are the same in every run.
pub(crate) fn user_agent() -> UserAgentSecret {
    UserAgentSecret::new(&[7; 32], &[8; 16]).unwrap()
}

/// A message whose body is as long as its plaintext and 103 octets.
pub(crate) fn message(text: &str) -> Message {
    Message::new(text).with_padding(Padding::None)
}
