//! The thread that owns the connection: calls that wait for it share a transaction.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::rows;
use crate::error::{Error, ErrorKind, Result};

#[derive(Clone)]
pub(super) struct Thread(Sender<Job>);

/// Works in the transaction, and says whether it succeeded. The answer is given when the whole is
/// committed, or with the reason why not.
type Job = Box<dyn FnOnce(&Connection) -> (Finish, bool) + Send>;
type Finish = Box<dyn FnOnce(Option<Error>)>;

impl Thread {
    pub(super) async fn open(path: PathBuf) -> Result<Self> {
        let (jobs, receiver) = channel();
        let (opened, is_open) = oneshot::channel();
        let thread = move || match open(&path) {
            Ok(mut connection) => {
                let _ = opened.send(Ok(()));
                serve(&mut connection, &receiver);
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        };
        std::thread::Builder::new()
            .name("sealpush-sqlite".to_owned())
            .spawn(thread)
            .map_err(|error| unavailable("no thread can be started").with_source(error))?;
        is_open.await.map_err(|_| unavailable(GONE))??;
        Ok(Self(jobs))
    }

    /// Does something in a transaction, and answers when it is on the disk. It is done even if
    /// nobody waits for the answer.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| match work(connection) {
            Ok(value) => {
                let finish: Finish = Box::new(move |failure| {
                    let _ = answer.send(failure.map_or(Ok(value), Err));
                });
                (finish, true)
            }
            Err(error) => {
                let error = refuse(&error);
                let finish: Finish = Box::new(move |_| {
                    let _ = answer.send(Err(error));
                });
                (finish, false)
            }
        });
        self.0.send(job).map_err(|_| unavailable(GONE))?;
        answered.await.map_err(|_| unavailable(GONE))?
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thread")
    }
}

fn open(path: &Path) -> Result<Connection> {
    let open = || {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.set_prepared_statement_cache_capacity(64);
        let transaction = connection.transaction_with_behavior(IMMEDIATE)?;
        let version: u32 =
            transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            transaction.execute_batch(rows::SCHEMA)?;
            transaction.pragma_update(None, "user_version", rows::VERSION)?;
        }
        transaction.commit()?;
        Ok((connection, version))
    };
    let (connection, version) = open().map_err(|error| refuse(&error))?;
    if version > rows::VERSION {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!("the database has form {version}, later than {}", rows::VERSION),
        ));
    }
    Ok(connection)
}

fn serve(connection: &mut Connection, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        group.extend(jobs.try_iter().take(GROUP));
        let mut finishes = Vec::with_capacity(group.len());
        let outcome = commit(connection, group, &mut finishes);
        for finish in finishes {
            finish(outcome.as_ref().err().map(again));
        }
    }
}

/// Each of them whole or not at all, and none without the commit.
fn commit(connection: &mut Connection, group: Vec<Job>, finishes: &mut Vec<Finish>) -> Result<()> {
    let work = || {
        let transaction = connection.transaction_with_behavior(IMMEDIATE)?;
        for job in group {
            transaction.prepare_cached("SAVEPOINT call")?.execute([])?;
            let (finish, done) = job(&transaction);
            finishes.push(finish);
            if !done {
                transaction.prepare_cached("ROLLBACK TO call")?.execute([])?;
            }
            transaction.prepare_cached("RELEASE call")?.execute([])?;
        }
        transaction.commit()
    };
    work().map_err(|error| refuse(&error))
}

fn unavailable(message: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

/// The same error once more: there may be many who wait.
fn again(error: &Error) -> Error {
    Error::new(error.kind(), error.to_string())
}

/// SQLite's own message repeats parts of statements and names: its code is enough.
fn refuse(error: &rusqlite::Error) -> Error {
    let Some(code) = error.sqlite_error_code() else {
        return Error::new(ErrorKind::Configuration, "a row of the database cannot be read");
    };
    let kind = match code {
        ErrorCode::CannotOpen
        | ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::PermissionDenied
        | ErrorCode::ReadOnly => ErrorKind::Configuration,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("SQLite failed: {code:?}"))
}

const IMMEDIATE: rusqlite::TransactionBehavior = rusqlite::TransactionBehavior::Immediate;
/// How long to wait for other processes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most calls in one transaction, beside the first.
const GROUP: usize = 255;
const GONE: &str = "the database could not be reached: nothing was done";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_fails_undoes_itself_and_no_other() {
        let path =
            std::env::temp_dir().join(crate::outbox::ParcelId::random().unwrap().to_string());
        let thread = Thread::open(path.clone()).await.unwrap();
        let insert = |row: i64| {
            move |database: &Connection| {
                database.execute("INSERT INTO contents VALUES (?1, x'00')", [row])
            }
        };
        // All that comes while the first call waits is one group.
        let (go, wait) = channel::<()>();
        let first = thread.call(move |_| {
            let _ = wait.recv();
            Ok(())
        });
        let fails = thread.call(move |database| {
            insert(7)(database)?;
            insert(1)(database)
        });
        let (first, one, failed, two, ()) =
            tokio::join!(first, thread.call(insert(1)), fails, thread.call(insert(2)), async {
                go.send(()).unwrap()
            },);
        first.unwrap();
        assert_eq!((one.unwrap(), two.unwrap()), (1, 1));
        assert_eq!(failed.unwrap_err().to_string(), "SQLite failed: ConstraintViolation");
        let count = |database: &Connection| {
            database.query_row("SELECT count(*) FROM contents", [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(thread.call(count).await.unwrap(), 2);
        drop(thread);
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
        }
    }
}
