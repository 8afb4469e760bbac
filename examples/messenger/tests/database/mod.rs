//! A database of its own for each test.

use std::path::Path;

use sqlx::any::install_default_drivers;
use sqlx::{AnyPool, AssertSqlSafe, Connection, Executor, Row};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Database {
    MySql,
    Postgres,
    Sqlite,
}

impl Database {
    /// Makes an empty database and says its URL. `None` where the server does not run, which is said
    /// on the terminal; in CI (`CI=true`) that is a failure.
    pub(crate) async fn create(self, data: &Path, name: &str) -> Option<String> {
        let (variable, default) = match self {
            Self::Sqlite => {
                std::fs::create_dir_all(data.parent().unwrap()).unwrap();
                return Some(format!("sqlite://{}/messenger.db?mode=rwc", data.display()));
            }
            Self::Postgres => {
                ("MESSENGER_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")
            }
            Self::MySql => ("MESSENGER_TEST_MYSQL", "mysql://root@127.0.0.1:3306/mysql"),
        };
        let server = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        install_default_drivers();
        let mut connection = match sqlx::AnyConnection::connect(&server).await {
            Ok(connection) => connection,
            Err(error) if std::env::var_os("CI").is_some() => panic!("{self:?}: {error}"),
            Err(_) => {
                eprintln!("SKIPPED: no {self:?} at the address of {variable}");
                return None;
            }
        };
        let name = format!("messenger_{name}");
        for statement in
            [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")]
        {
            connection.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        let (address, _) = server.rsplit_once('/').unwrap();
        Some(format!("{address}/{name}"))
    }
}

/// Takes the database away again.
pub(crate) async fn remove(url: &str) {
    if url.starts_with("sqlite") {
        return;
    }
    let (address, name) = url.rsplit_once('/').unwrap();
    let home = if url.starts_with("mysql") { "mysql" } else { "postgres" };
    let server = format!("{address}/{home}");
    let mut connection = sqlx::AnyConnection::connect(&server).await.unwrap();
    connection.execute(AssertSqlSafe(format!("DROP DATABASE {name}"))).await.unwrap();
}

/// All octets of all rows.
pub(crate) async fn dump(url: &str) -> Vec<u8> {
    let pool = AnyPool::connect(url).await.unwrap();
    let mut octets = Vec::new();
    for column in [
        "slot FROM revoked",
        "name FROM counters",
        "slot FROM held",
        "carried FROM held",
        "slot FROM dropped",
        "sealed FROM waiting",
    ] {
        let rows = sqlx::query(AssertSqlSafe(format!("SELECT {column}"))).fetch_all(&pool).await;
        for row in rows.unwrap() {
            octets.extend(row.get::<Vec<u8>, _>(0));
        }
    }
    pool.close().await;
    octets
}
