//! What the relay remembers, in SQLite, PostgreSQL or MySQL: revoked slots, counters, the mailbox,
//! and messages that wait for their time. Slots and tokens are there as hashes only, messages
//! sealed; nothing says who wrote.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use sealpush::contact::relay::{Counters, Held, MAX_HELD, Mailbox, Revocations, RowName};
use sealpush::{Error, ErrorKind, Result};
use sqlx::any::{AnyArguments, AnyPoolOptions, AnyQueryResult, install_default_drivers};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::query::Query;
use sqlx::{Any, AnyPool, AssertSqlSafe, Executor, Row, SqlSafeStr};

/// A database with the relay's tables. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: AnyPool,
    flavour: Flavour,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flavour {
    MySql,
    Postgres,
    Sqlite,
}

/// A message that waits for its time.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Its row.
    pub(crate) id: i64,
    /// What [`Relay::resume`](sealpush::contact::relay::Relay::resume) takes.
    pub(crate) sealed: Vec<u8>,
}

impl Store {
    /// Connects, and makes or migrates the tables.
    ///
    /// # Errors
    ///
    /// `Configuration` for a URL of another database; `Unavailable` when it cannot be reached, or
    /// its tables are not those of this version.
    pub(crate) async fn open(url: &str) -> Result<Self> {
        let flavour = match url.split(':').next().unwrap_or_default() {
            "sqlite" => Flavour::Sqlite,
            "postgres" | "postgresql" => Flavour::Postgres,
            "mysql" | "mariadb" => Flavour::MySql,
            _ => {
                let fact = "the database must be sqlite://, postgres:// or mysql://";
                return Err(Error::new(ErrorKind::Configuration, fact));
            }
        };
        install_default_drivers();
        // SQLite has one writer at a time: a second connection would only wait for the first.
        let connections = if flavour == Flavour::Sqlite { 1 } else { 8 };
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if flavour == Flavour::Sqlite {
                        // A crash of the machine may lose the last moments, never the file.
                        connection.execute("PRAGMA journal_mode = WAL").await?;
                        connection.execute("PRAGMA synchronous = NORMAL").await?;
                    }
                    Ok(())
                })
            })
            .connect(url)
            .await
            .map_err(|error| trouble("the database cannot be reached", error))?;
        let start = match flavour {
            Flavour::MySql => include_str!("../migrations/mysql/0001_start.sql"),
            Flavour::Postgres => include_str!("../migrations/postgres/0001_start.sql"),
            Flavour::Sqlite => include_str!("../migrations/sqlite/0001_start.sql"),
        };
        let start =
            Migration::new(1, "start".into(), MigrationType::Simple, start.into_sql_str(), false);
        Migrator::with_migrations(vec![start])
            .run(&pool)
            .await
            .map_err(|error| trouble("the database's tables cannot be made or migrated", error))?;
        Ok(Self { pool, flavour })
    }

    /// Whether it answers.
    ///
    /// # Errors
    ///
    /// `Unavailable` when it does not.
    pub(crate) async fn check(&self) -> Result<()> {
        self.run(self.query("UPDATE dropped SET ends = ends WHERE ends < 0")).await.map(drop)
    }

    /// Keeps a message until its time.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the database has trouble.
    pub(crate) async fn delay(&self, sealed: &[u8], due: SystemTime) -> Result<()> {
        let query = self.query("INSERT INTO waiting (due, sealed) VALUES (?, ?)");
        self.run(query.bind(seconds(due)).bind(sealed.to_vec())).await.map(drop)
    }

    /// Messages whose time has come, the longest waiting first.
    ///
    /// # Errors
    ///
    /// As [`delay`](Self::delay).
    pub(crate) async fn due(&self, now: SystemTime) -> Result<Vec<Waiting>> {
        let query =
            self.query("SELECT id, sealed FROM waiting WHERE due <= ? ORDER BY due, id LIMIT 64");
        let rows = query.bind(seconds(now)).fetch_all(&self.pool).await.map_err(unavailable)?;
        rows.iter()
            .map(|row| Ok(Waiting { id: row.try_get(0)?, sealed: row.try_get(1)? }))
            .collect::<sqlx::Result<_>>()
            .map_err(unavailable)
    }

    /// Forgets a message that waited.
    ///
    /// # Errors
    ///
    /// As [`delay`](Self::delay).
    pub(crate) async fn done(&self, id: i64) -> Result<()> {
        self.run(self.query("DELETE FROM waiting WHERE id = ?").bind(id)).await.map(drop)
    }

    /// Forgets what is over.
    ///
    /// # Errors
    ///
    /// As [`delay`](Self::delay).
    pub(crate) async fn tidy(&self, now: SystemTime) -> Result<()> {
        for statement in [
            "DELETE FROM revoked WHERE ends < ?",
            "DELETE FROM counters WHERE ends < ?",
            "DELETE FROM held WHERE ends < ?",
            "DELETE FROM dropped WHERE ends < ?",
        ] {
            self.run(self.query(statement).bind(seconds(now))).await?;
        }
        Ok(())
    }

    /// Waits for what is under way, and closes the database.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    async fn run(&self, query: Query<'_, Any, AnyArguments>) -> Result<AnyQueryResult> {
        query.execute(&self.pool).await.map_err(unavailable)
    }

    /// A statement with `?` for each value in turn, as each of the three wants it.
    fn query(&self, statement: &str) -> Query<'static, Any, AnyArguments> {
        let statement = match self.flavour {
            Flavour::MySql => match statement.strip_suffix(OR_NOTHING) {
                Some(insert) => insert.replacen("INSERT", "INSERT IGNORE", 1),
                None => statement.to_owned(),
            },
            Flavour::Postgres => {
                let mut parts = statement.split('?');
                let mut numbered = parts.next().unwrap_or_default().to_owned();
                for (place, part) in parts.enumerate() {
                    numbered.push_str(&format!("${}{part}", place + 1));
                }
                numbered
            }
            Flavour::Sqlite => statement.to_owned(),
        };
        // Every statement is one of this file's own.
        sqlx::query(AssertSqlSafe(statement))
    }
}

#[async_trait]
impl Revocations for Store {
    async fn revoke(&self, slot: RowName, until: SystemTime) -> Result<()> {
        let query =
            self.query("INSERT INTO revoked (slot, ends) VALUES (?, ?) ON CONFLICT DO NOTHING");
        self.run(query.bind(slot.to_vec()).bind(seconds(until))).await.map(drop)
    }

    async fn is_revoked(&self, slot: RowName) -> Result<bool> {
        let query = self.query("SELECT ends FROM revoked WHERE slot = ?").bind(slot.to_vec());
        Ok(query.fetch_optional(&self.pool).await.map_err(unavailable)?.is_some())
    }
}

#[async_trait]
impl Counters for Store {
    async fn add(
        &self,
        name: RowName,
        amount: u32,
        limit: u32,
        window: Duration,
        now: SystemTime,
    ) -> Result<Option<Duration>> {
        let (name, now) = (name.to_vec(), seconds(now));
        let window = i64::try_from(window.as_secs()).unwrap_or(i64::MAX).max(1);
        let end = (now / window).saturating_add(1).saturating_mul(window);
        // Each statement is whole by itself; the last one is what counts, and never over the limit.
        let first = self.query(
            "INSERT INTO counters (name, ends, amount) VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
        );
        self.run(first.bind(name.clone()).bind(end)).await?;
        let renew =
            self.query("UPDATE counters SET ends = ?, amount = 0 WHERE name = ? AND ends <= ?");
        self.run(renew.bind(end).bind(name.clone()).bind(now)).await?;
        let count =
            self.query("UPDATE counters SET amount = amount + ? WHERE name = ? AND amount <= ?");
        let room = i64::from(limit) - i64::from(amount);
        let counted = self.run(count.bind(i64::from(amount)).bind(name.clone()).bind(room)).await?;
        if counted.rows_affected() > 0 {
            return Ok(None);
        }
        let ends = self.query("SELECT ends FROM counters WHERE name = ?").bind(name);
        let row = ends.fetch_optional(&self.pool).await.map_err(unavailable)?;
        let ends: i64 = match row {
            Some(row) => row.try_get(0).map_err(unavailable)?,
            None => end,
        };
        let wait = u64::try_from(ends.saturating_sub(now)).unwrap_or_default().max(1);
        Ok(Some(Duration::from_secs(wait)))
    }
}

#[async_trait]
impl Mailbox for Store {
    async fn put(&self, slot: RowName, carried: Bytes, until: SystemTime) -> Result<()> {
        let (slot, ends) = (slot.to_vec(), seconds(until));
        let put = self.query("INSERT INTO held (slot, carried, ends) VALUES (?, ?, ?)");
        self.run(put.bind(slot.clone()).bind(carried.to_vec()).bind(ends)).await?;
        // MySQL deletes by a question to the same table only if that is in parentheses twice.
        let drop_oldest = self.query(
            "DELETE FROM held WHERE slot = ? AND id <= (SELECT id FROM (SELECT id FROM held \
             WHERE slot = ? ORDER BY id DESC LIMIT 1 OFFSET ?) AS oldest)",
        );
        let kept = i64::try_from(MAX_HELD).unwrap_or(i64::MAX);
        let dropped =
            self.run(drop_oldest.bind(slot.clone()).bind(slot.clone()).bind(kept)).await?;
        if dropped.rows_affected() > 0 {
            let note =
                self.query("INSERT INTO dropped (slot, ends) VALUES (?, ?) ON CONFLICT DO NOTHING");
            self.run(note.bind(slot).bind(ends)).await?;
        }
        Ok(())
    }

    async fn fetch(&self, slot: RowName, now: SystemTime, forget_at: SystemTime) -> Result<Held> {
        let slot = slot.to_vec();
        let held = self.query("SELECT carried FROM held WHERE slot = ? AND ends >= ? ORDER BY id");
        let rows = held.bind(slot.clone()).bind(seconds(now)).fetch_all(&self.pool).await;
        let messages = rows
            .map_err(unavailable)?
            .iter()
            .map(|row| row.try_get::<Vec<u8>, _>(0).map(Bytes::from))
            .collect::<sqlx::Result<Vec<_>>>()
            .map_err(unavailable)?;
        if !messages.is_empty() {
            let forget = seconds(forget_at);
            let soon = self.query("UPDATE held SET ends = ? WHERE slot = ? AND ends > ?");
            self.run(soon.bind(forget).bind(slot.clone()).bind(forget)).await?;
        }
        let dropped = self.run(self.query("DELETE FROM dropped WHERE slot = ?").bind(slot)).await?;
        Ok(Held { messages, dropped: dropped.rows_affected() > 0 })
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn unavailable(error: sqlx::Error) -> Error {
    trouble("the relay's database has trouble", error)
}

fn trouble(
    fact: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::new(ErrorKind::Unavailable, fact).with_source(error)
}

const OR_NOTHING: &str = " ON CONFLICT DO NOTHING";
