//! An application that keeps the subscriptions of its users and sends to them.
//!
//! | file | idea |
//! |---|---|
//! | `lib.rs` | the site: the door, the sending, what an outcome means for a token |
//! | `store.rs` | the table, and nothing about push |
//! | `main.rs` | a story that runs offline |
//!
//! Who the user is, is left out: put the door behind your login, and that user's id beside the
//! token.

mod store;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use futures_util::StreamExt;
use sealpush::client::Summary;
use sealpush::clock::Clock;
use sealpush::layers::RetryPolicy;
use sealpush::providers::WebPush;
use sealpush::{Accepted, Client, Error, Message, Token};

use self::store::Store;

/// How long a doubtful token is kept. One 404 of a push service that is not one of the large four
/// may be its proxy's; three days of them are not (`sealpush::guide::tokens`).
pub const DOUBT: Duration = Duration::from_secs(3 * 24 * 3600);

/// How many tokens are in memory at a time.
const PAGE: u32 = 1000;

/// Cloning shares it.
#[derive(Clone)]
pub struct Site {
    client: Client,
    clock: Arc<dyn Clock>,
    /// Names tokens for the unique column: see `Token::id`.
    key: [u8; 32],
    store: Store,
    web_push: Arc<WebPush>,
}

/// What one message to everybody came to.
#[derive(Debug, Default)]
pub struct Announced {
    /// Outcomes, by kind.
    pub summary: Summary,
    /// How many tokens were deleted.
    pub deleted: usize,
}

/// Of the database, or of settings that do not fit.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Site {
    /// Opens the database, or makes it. The key is always the same one, 32 random octets that are
    /// kept with your other secrets.
    pub fn open(
        database: &Path,
        key: [u8; 32],
        web_push: WebPush,
        clock: impl Clock,
    ) -> Result<Self, Failure> {
        let web_push = Arc::new(web_push);
        let client = Client::builder()
            .provider(Arc::clone(&web_push))
            .retry(RetryPolicy::default())
            .build()?;
        let store = Store::open(database)?;
        Ok(Self { client, clock: Arc::new(clock), key, store, web_push })
    }

    /// `POST /subscriptions` takes what a browser's `PushSubscription.toJSON()` gives.
    pub fn router(self) -> Router {
        Router::new()
            .route("/subscriptions", post(subscribe))
            .layer(DefaultBodyLimit::max(Token::MAX_LEN))
            .with_state(self)
    }

    /// Sends to every subscription, and deletes those that are dead.
    pub async fn announce(&self, message: &Message) -> Result<Announced, Failure> {
        let mut announced = Announced::default();
        let mut after = 0;
        loop {
            let page = self.store.page(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(announced) };
            after = last.id;
            let jobs = page.into_iter().filter_map(|row| {
                // It was parsed before it was stored. What is not readable any more is not a token.
                let token: Token = row.token.parse().ok()?;
                Some(((row.id, row.doubtful_since), token, message.clone()))
            });
            let mut outcomes = self.client.send_all(jobs.collect::<Vec<_>>());
            while let Some(((id, doubtful_since), outcome)) = outcomes.next().await {
                announced.summary.add(&outcome);
                match what_to_do(&outcome, doubtful_since, self.clock.now()) {
                    Verdict::Delete => {
                        self.store.delete(id).await?;
                        announced.deleted += 1;
                    }
                    Verdict::Keep { doubtful_since: since } if since != doubtful_since => {
                        self.store.doubt(id, since).await?;
                    }
                    Verdict::Keep { .. } => {}
                }
            }
        }
    }

    /// How many subscriptions there are.
    pub async fn subscriptions(&self) -> Result<i64, Failure> {
        Ok(self.store.count().await?)
    }
}

/// The door. Everything is looked at here, once; a reason repeats nothing of what came.
async fn subscribe(
    State(site): State<Site>,
    body: String,
) -> Result<StatusCode, (StatusCode, String)> {
    let refused = |error: Error| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
    let token: Token = body.parse().map_err(refused)?;
    // Also that the address is one that this site may connect to.
    site.web_push.check(&token).map_err(refused)?;
    match site.store.put(token.id(&site.key), &token).await {
        Ok(true) => Ok(StatusCode::CREATED),
        Ok(false) => Ok(StatusCode::NO_CONTENT),
        Err(_) => Err((StatusCode::SERVICE_UNAVAILABLE, "try again later".to_owned())),
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Verdict {
    Delete,
    Keep { doubtful_since: Option<SystemTime> },
}

/// What an outcome means for the token. Everything but these two leaves it alone: a refusal of the
/// message or of our key, an outage, a limit say nothing about it.
fn what_to_do(
    outcome: &Result<Accepted, Error>,
    doubtful_since: Option<SystemTime>,
    now: SystemTime,
) -> Verdict {
    match outcome {
        Ok(_) => Verdict::Keep { doubtful_since: None },
        Err(error) if error.is_token_dead() => Verdict::Delete,
        Err(error) if error.is_token_doubtful() => {
            let since = doubtful_since.unwrap_or(now);
            if now.duration_since(since).is_ok_and(|age| age >= DOUBT) {
                Verdict::Delete
            } else {
                Verdict::Keep { doubtful_since: Some(since) }
            }
        }
        Err(_) => Verdict::Keep { doubtful_since },
    }
}

#[cfg(test)]
mod tests {
    use sealpush::ErrorKind;

    use super::*;

    #[test]
    fn only_what_is_about_the_token_touches_it() {
        let noon = SystemTime::UNIX_EPOCH + DOUBT;
        let since = Some(SystemTime::UNIX_EPOCH);
        for kind in ErrorKind::ALL.iter().copied().filter(|kind| *kind != ErrorKind::Expired) {
            let outcome = Err(Error::new(kind, "a fact"));
            assert_eq!(what_to_do(&outcome, since, noon), Verdict::Keep { doubtful_since: since });
        }
        let dead = Err(Error::new(ErrorKind::Expired, "gone"));
        assert_eq!(what_to_do(&dead, None, noon), Verdict::Delete);
    }
}
