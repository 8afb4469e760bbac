//! The tables, and what is done in one transaction.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use crate::outbox::outcome::{Outcome, Status, Verdict};
use crate::outbox::parcel::{Lane, Parcel, ParcelId, Tag, at_millis, millis};
use crate::outbox::store::{Claim, Claimed, Lease, Settlement};

pub(super) const VERSION: u32 = 1;

/// Contents are apart, so that a claim or a renewal writes a short row. Times are milliseconds.
pub(super) const SCHEMA: &str = "
    CREATE TABLE parcel (
        row INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        lane INTEGER NOT NULL,
        at INTEGER NOT NULL,
        claim INTEGER NOT NULL DEFAULT 0,
        held INTEGER NOT NULL DEFAULT 0,
        dead INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        unknown INTEGER NOT NULL DEFAULT 0,
        not_before INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        tag TEXT
    ) STRICT;
    CREATE INDEX parcel_due ON parcel (lane, at) WHERE dead = 0;
    CREATE TABLE contents (row INTEGER PRIMARY KEY, octets BLOB NOT NULL) STRICT;
    CREATE TABLE outcome (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL UNIQUE,
        verdict TEXT NOT NULL,
        unknown INTEGER NOT NULL,
        record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX outcome_dead ON outcome (number) WHERE verdict = 'dead';
";

pub(super) fn enqueue(database: &Connection, parcels: &[Parcel]) -> Result<()> {
    let mut parcel_row = database.prepare_cached(
        "INSERT INTO parcel (id, lane, at, not_before, expires, tag)
         SELECT ?1, ?2, ?3, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM outcome WHERE id = ?1)
         ON CONFLICT DO NOTHING",
    )?;
    let mut contents = database.prepare_cached("INSERT INTO contents VALUES (?1, ?2)")?;
    for parcel in parcels {
        let inserted = parcel_row.execute(params![
            parcel.id().as_octets(),
            parcel.lane().number(),
            stored(millis(parcel.not_before())),
            stored(millis(parcel.expires())),
            parcel.tag().map(Tag::as_str),
        ])?;
        if inserted > 0 {
            contents.execute(params![database.last_insert_rowid(), &parcel.contents()[..]])?;
        }
    }
    Ok(())
}

pub(super) fn claim(database: &Connection, claim: &Claim) -> Result<Vec<Claimed>> {
    let mut due = database.prepare_cached(
        "SELECT row FROM parcel WHERE dead = 0 AND lane = ?1 AND at <= ?2 ORDER BY at LIMIT ?3",
    )?;
    let mut take = database.prepare_cached(
        "UPDATE parcel SET at = ?2, claim = claim + 1, held = 1,
            attempts = attempts + held, unknown = unknown + held
         WHERE row = ?1
         RETURNING id, lane, not_before, expires, tag, claim, attempts, unknown,
            (SELECT octets FROM contents WHERE contents.row = parcel.row)",
    )?;
    let (now, until) = (stored(millis(claim.now)), stored(millis(claim.until())));
    let mut claimed = Vec::new();
    for (lane, room) in claim.lanes() {
        let room = room.min(claim.limit.saturating_sub(claimed.len()));
        if room == 0 {
            continue;
        }
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        let rows = due.query_map(params![lane.number(), now, limit], |row| row.get(0))?;
        for row in rows.collect::<Result<Vec<i64>>>()? {
            claimed.push(take.query_row(params![row, until], read_claimed)?);
        }
    }
    Ok(claimed)
}

pub(super) fn renew(database: &Connection, leases: &[Lease], until: u64) -> Result<Vec<bool>> {
    let mut renew = database.prepare_cached(
        "UPDATE parcel SET at = ?3 WHERE id = ?1 AND claim = ?2 AND held = 1 AND dead = 0",
    )?;
    let mut renewed = Vec::with_capacity(leases.len());
    for Lease { id, number } in leases {
        let values = params![id.as_octets(), stored(*number), stored(until)];
        renewed.push(renew.execute(values)? > 0);
    }
    Ok(renewed)
}

pub(super) fn settle(database: &Connection, settlements: &[Settlement]) -> Result<Vec<bool>> {
    settlements.iter().map(|settlement| settle_one(database, settlement)).collect()
}

fn settle_one(database: &Connection, settlement: &Settlement) -> Result<bool> {
    let Lease { id, number } = settlement.lease();
    let held = "id = ?1 AND claim = ?2 AND held = 1 AND dead = 0";
    let outcome = match settlement {
        Settlement::Again { at, attempts, unknown, .. } => {
            let statement = format!(
                "UPDATE parcel SET held = 0, at = ?3, attempts = ?4, unknown = ?5 WHERE {held}"
            );
            let at = stored(millis(*at));
            let values = params![id.as_octets(), stored(number), at, attempts, unknown];
            return Ok(database.prepare_cached(&statement)?.execute(values)? > 0);
        }
        Settlement::Done { outcome, .. } => outcome,
    };
    let lease = params![id.as_octets(), stored(number)];
    if outcome.verdict == Verdict::Dead {
        let statement = format!("UPDATE parcel SET held = 0, dead = 1 WHERE {held}");
        if database.prepare_cached(&statement)?.execute(lease)? == 0 {
            return Ok(false);
        }
    } else {
        let statement = format!("DELETE FROM parcel WHERE {held} RETURNING row");
        let mut delete = database.prepare_cached(&statement)?;
        let Some(row) = delete.query_row(lease, |row| row.get::<_, i64>(0)).optional()? else {
            return Ok(false);
        };
        database.prepare_cached("DELETE FROM contents WHERE row = ?1")?.execute([row])?;
    }
    let record = serde_json::to_string(outcome).expect("numbers and texts serialize");
    database
        .prepare_cached(
            "INSERT INTO outcome (id, verdict, unknown, record) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![id.as_octets(), outcome.verdict.as_str(), outcome.unknown, record])?;
    Ok(true)
}

pub(super) fn outcomes(
    database: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, Outcome)>> {
    let mut read = database.prepare_cached(
        "SELECT number, record FROM outcome WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = read.query_map(params![stored(after), limit], |row| {
        Ok((unsigned(row, 0)?, outcome(row, 1)?))
    })?;
    rows.collect()
}

pub(super) fn dead(database: &Connection, limit: usize) -> Result<Vec<Outcome>> {
    let mut read = database.prepare_cached(
        "SELECT record FROM outcome WHERE verdict = 'dead' ORDER BY number LIMIT ?1",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    read.query_map([limit], |row| outcome(row, 0))?.collect()
}

pub(super) fn forget(database: &Connection, through: u64, now: u64) -> Result<()> {
    let values = params![stored(through), stored(now)];
    let expired = "SELECT parcel.row FROM parcel JOIN outcome USING (id)
         WHERE parcel.dead = 1 AND parcel.expires <= ?2 AND outcome.number <= ?1";
    let statement = format!("DELETE FROM contents WHERE row IN ({expired})");
    database.prepare_cached(&statement)?.execute(values)?;
    let statement = format!("DELETE FROM parcel WHERE row IN ({expired})");
    database.prepare_cached(&statement)?.execute(values)?;
    database
        .prepare_cached(
            "DELETE FROM outcome WHERE number <= ?1
             AND NOT (verdict = 'dead' AND id IN (SELECT id FROM parcel WHERE dead = 1))",
        )?
        .execute([stored(through)])?;
    Ok(())
}

pub(super) fn retry(database: &Connection, ids: &[ParcelId], now: u64) -> Result<u64> {
    let mut open = database.prepare_cached(
        "UPDATE parcel SET dead = 0, at = ?2, attempts = 0, unknown = 0 WHERE id = ?1 AND dead = 1",
    )?;
    let mut take_back = database.prepare_cached("DELETE FROM outcome WHERE id = ?1")?;
    let mut retried = 0;
    for id in ids {
        if open.execute(params![id.as_octets(), stored(now)])? > 0 {
            take_back.execute([id.as_octets()])?;
            retried += 1;
        }
    }
    Ok(retried)
}

pub(super) fn status(database: &Connection, now: u64) -> Result<Status> {
    let mut status = Status::default();
    database
        .prepare_cached(
            "SELECT total(at <= ?1), total(at > ?1 AND held = 1), total(at > ?1 AND held = 0),
                min(at) FROM parcel WHERE dead = 0",
        )?
        .query_row([stored(now)], |row| {
            // A total is a float: exact to 2^53.
            let count = |column| row.get::<_, f64>(column).map(|count| count as u64);
            (status.due, status.claimed, status.waiting) = (count(0)?, count(1)?, count(2)?);
            let oldest = row.get::<_, Option<i64>>(3)?.and_then(|at| u64::try_from(at).ok());
            status.oldest = oldest.filter(|at| *at <= now).map(at_millis);
            Ok(())
        })?;
    let mut ended = database
        .prepare_cached("SELECT verdict, count(*), sum(unknown) FROM outcome GROUP BY verdict")?;
    let mut rows = ended.query([])?;
    while let Some(row) = rows.next()? {
        if let Ok(verdict) = row.get::<_, String>(0)?.parse() {
            status.add(verdict, unsigned(row, 1)?, unsigned(row, 2)?);
        }
    }
    Ok(status)
}

fn read_claimed(row: &Row<'_>) -> Result<Claimed> {
    let id = ParcelId::from(row.get::<_, [u8; 16]>(0)?);
    let time = |column| unsigned(row, column).map(at_millis);
    let tag: Option<String> = row.get(4)?;
    let parcel =
        Parcel::new(id, Lane::new(row.get(1)?), time(2)?, time(3)?, row.get::<_, Vec<u8>>(8)?)
            .with_tag(tag.and_then(|tag| tag.parse().ok()));
    let lease = Lease { id, number: unsigned(row, 5)? };
    Ok(Claimed::new(lease, parcel, row.get(6)?, row.get(7)?))
}

fn outcome(row: &Row<'_>, column: usize) -> Result<Outcome> {
    let record: String = row.get(column)?;
    serde_json::from_str(&record).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

/// SQLite's integers have a sign.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}
