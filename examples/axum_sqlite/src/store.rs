//! One table in SQLite.
//!
//! A token is stored as the text that it is, so the file is a secret: encrypt the disk it lies on.
//! rusqlite blocks, so statements run where blocking is allowed.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, Row, params};
use sealpush::Token;
use sealpush::token::TokenId;
use tokio::task::spawn_blocking;

#[derive(Clone)]
pub(crate) struct Store(Arc<Mutex<Connection>>);

pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) doubtful_since: Option<SystemTime>,
}

impl Store {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Whether the token is new. The same device brings its token now and then; its name is what
    /// stays the same, its keys may not.
    pub(crate) async fn put(&self, name: TokenId, token: &Token) -> rusqlite::Result<bool> {
        let token = token.to_json();
        self.run(move |connection| {
            let before = count(connection)?;
            connection.execute(
                "INSERT INTO subscriptions (name, token) VALUES (?1, ?2) \
                 ON CONFLICT (name) DO UPDATE SET token = ?2, doubtful_since = NULL",
                params![name.octets(), token],
            )?;
            Ok(count(connection)? > before)
        })
        .await
    }

    /// The next rows behind an id, in the order of their ids.
    pub(crate) async fn page(&self, after: i64, rows: u32) -> rusqlite::Result<Vec<Stored>> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, token, doubtful_since FROM subscriptions \
                 WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            statement.query_map(params![after, rows], stored)?.collect()
        })
        .await
    }

    /// Notes since when a token has been doubtful, or that it is not.
    pub(crate) async fn doubt(&self, id: i64, since: Option<SystemTime>) -> rusqlite::Result<()> {
        let since = since.map(seconds);
        self.run(move |connection| {
            let statement = "UPDATE subscriptions SET doubtful_since = ?2 WHERE id = ?1";
            connection.execute(statement, params![id, since]).map(drop)
        })
        .await
    }

    pub(crate) async fn delete(&self, id: i64) -> rusqlite::Result<()> {
        self.run(move |connection| {
            connection.execute("DELETE FROM subscriptions WHERE id = ?1", [id]).map(drop)
        })
        .await
    }

    pub(crate) async fn count(&self) -> rusqlite::Result<i64> {
        self.run(count).await
    }

    async fn run<T: Send + 'static>(
        &self,
        statement: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> rusqlite::Result<T> {
        let connection = Arc::clone(&self.0);
        let run = move || statement(&connection.lock().unwrap_or_else(PoisonError::into_inner));
        spawn_blocking(run).await.expect("a statement does not panic")
    }
}

fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM subscriptions", [], |row| row.get(0))
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let since: Option<i64> = row.get(2)?;
    Ok(Stored { id: row.get(0)?, token: row.get(1)?, doubtful_since: since.map(time) })
}

/// SQLite has no unsigned numbers.
fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn time(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// AUTOINCREMENT, so that an id that was deleted is never somebody else's.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS subscriptions (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           BLOB NOT NULL UNIQUE,
    token          TEXT NOT NULL,
    doubtful_since INTEGER
) STRICT";
