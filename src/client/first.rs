use super::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::provider::Accepted;
use crate::token::Token;

/// What became of a message for a person with several tokens ([`Client::send_first`]).
///
/// The tokens are tried in order, each once, each with a message sealed for it, until one takes it.
/// One rule decides whether the next token is tried: **it must be certain that the message was not
/// accepted**, so that nobody is notified twice.
///
/// | failure | next token? | because |
/// |---|---|---|
/// | outcome unknown, whatever the kind (`UnexpectedResponse` always is) | no | the message may have arrived |
/// | `Expired`, `InvalidToken`, `TokenMismatch`, `Blocked` | yes | it is about this token |
/// | `Configuration`, `PayloadTooLarge` | yes | it is about this token's provider: another may have the option, or take larger bodies |
/// | `RateLimited`, `Timeout`, `Transport`, `Unavailable` | yes | moving on is quicker than waiting; retries are not made |
/// | `Rejected`, `Unauthorized` | yes | it is about this token's provider |
///
/// A push service that answers 500 or 503 is taken at its word. After 502 or 504, a gateway's word,
/// the outcome is unknown.
///
/// Failures are kept with their tokens, so that the application can forget the dead ones:
///
/// ```
/// # #[cfg(feature = "mock")]
/// # async fn example(client: sealpush::Client, tokens: Vec<sealpush::Token>) -> sealpush::Result<()> {
/// # use sealpush::Message;
/// let first = client.send_first(&tokens, &Message::new("hello")).await;
/// for (token, error) in first.failures() {
///     if error.is_token_dead() {
///         println!("forget {token:?}");
///     }
/// }
/// let accepted = first.into_result()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use]
pub struct SendFirst {
    accepted: Option<Accepted>,
    failures: Vec<(Token, Error)>,
}

impl SendFirst {
    /// Who took the message, if anyone.
    #[must_use]
    pub fn accepted(&self) -> Option<&Accepted> {
        self.accepted.as_ref()
    }

    /// The tokens that were tried and failed, in order.
    #[must_use]
    pub fn failures(&self) -> &[(Token, Error)] {
        &self.failures
    }

    /// The outcome as a whole.
    ///
    /// # Errors
    ///
    /// The failure with an unknown outcome that ended the attempts; else the first that may succeed
    /// later; else the last. `Configuration` when there was no token.
    pub fn into_result(self) -> Result<Accepted> {
        if let Some(accepted) = self.accepted {
            return Ok(accepted);
        }
        let errors = || self.failures.iter().map(|(_, error)| error);
        let telling = errors()
            .position(|error| !error.is_outcome_known())
            .or_else(|| errors().position(Error::is_retryable))
            .unwrap_or_else(|| self.failures.len().saturating_sub(1));
        match self.failures.into_iter().nth(telling) {
            Some((_, error)) => Err(error),
            None => Err(Error::new(ErrorKind::Configuration, "there is no token to send to")),
        }
    }
}

pub(super) async fn send(client: &Client, tokens: &[Token], message: &Message) -> SendFirst {
    let mut first = SendFirst { accepted: None, failures: Vec::new() };
    for token in tokens {
        match attempt(client, token, message).await {
            Ok(accepted) => {
                first.accepted = Some(accepted);
                break;
            }
            Err(error) => {
                let moves_on = error.is_outcome_known();
                first.failures.push((token.clone(), error));
                if !moves_on {
                    break;
                }
            }
        }
    }
    first
}

async fn attempt(client: &Client, token: &Token, message: &Message) -> Result<Accepted> {
    let route = client.route(token)?;
    let sealed = route.seal(token, message)?;
    route.provider.as_ref().send(token, &sealed).await
}
