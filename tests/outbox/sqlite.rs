//! The store in a file: what was acknowledged is there after every death.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sealpush::ErrorKind;
use sealpush::outbox::{
    Claim, KeyRing, Lane, Outbox, Outcome, Parcel, Settlement, Sqlite, Store, Verdict,
};

use crate::support::scripted::Scripted;
use crate::world::{client, letter, next, recorded};

/// A folder that goes away with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let name = sealpush::outbox::ParcelId::random().unwrap();
        let path = std::env::temp_dir().join(format!("sealpush-outbox-{name}"));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("outbox.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An empty store, with what it needs to stay.
pub(crate) async fn fresh() -> (Sqlite, Folder) {
    let folder = Folder::new();
    (Sqlite::open(folder.database()).await.unwrap(), folder)
}

#[tokio::test]
async fn a_store_that_is_opened_again_has_everything() {
    let folder = Folder::new();
    let keys = KeyRing::generate().unwrap();
    let open = async || {
        let store = Sqlite::open(folder.database()).await.unwrap();
        Outbox::builder(store, keys.clone()).build()
    };
    let outbox = open().await;
    let ids = outbox.add((0..20).map(|n| letter("a", n))).await.unwrap();
    drop(outbox);

    let outbox = open().await;
    let mut run = outbox.run(client(Scripted::accepting()));
    next(&mut run, 20).await;
    run.drain(Duration::from_secs(5)).await;
    drop((run, outbox));

    let outbox = open().await;
    let recorded = recorded(&outbox).await;
    assert_eq!(recorded.len(), 20);
    assert!(ids.iter().all(|id| recorded[id].verdict == Verdict::Accepted));
}

#[tokio::test]
async fn neither_token_nor_text_nor_key_is_in_the_files() {
    let folder = Folder::new();
    let store = Sqlite::open(folder.database()).await.unwrap();
    let keys = KeyRing::generate().unwrap();
    let outbox = Outbox::builder(store, keys.clone()).build();
    outbox.add((0..50).map(|n| letter("marker.example", n))).await.unwrap();
    let token = letter("marker.example", 0).token().to_json();
    let needles = ["marker.example", "hello", "p256dh", keys.expose().trim(), &token[10..40]]
        .map(|needle| needle.as_bytes().to_vec());
    let mut searched = 0;
    for file in fs::read_dir(&folder.0).unwrap() {
        let octets = fs::read(file.unwrap().path()).unwrap();
        searched += octets.len();
        for needle in &needles {
            assert!(!octets.windows(needle.len()).any(|part| part == needle));
        }
    }
    assert!(searched > 50_000, "{searched}");
}

#[tokio::test]
async fn what_is_no_outbox_is_refused() {
    let folder = Folder::new();
    fs::write(folder.database(), "not a database, but long enough to look at: ".repeat(40))
        .unwrap();
    let error = Sqlite::open(folder.database()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    let error = Sqlite::open(folder.0.join("no/such/folder.db")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
}

#[tokio::test]
async fn two_stores_on_one_file_share_no_parcel() {
    let folder = Folder::new();
    let first = Sqlite::open(folder.database()).await.unwrap();
    let second = Sqlite::open(folder.database()).await.unwrap();
    first.enqueue((0..200).map(parcel).collect()).await.unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..10 {
        let claim = Claim::new(SystemTime::UNIX_EPOCH, Duration::from_secs(60), 10);
        let (a, b) = tokio::join!(first.claim(&claim), second.claim(&claim));
        for claimed in a.unwrap().into_iter().chain(b.unwrap()) {
            assert!(seen.insert(claimed.parcel.id()));
        }
    }
    assert_eq!(seen.len(), 200);
}

#[tokio::test]
async fn calls_that_come_together_are_all_answered() {
    let (store, _folder) = fresh().await;
    let store = Arc::new(store);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.enqueue(vec![parcel(number)]).await });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap().unwrap();
    }
    assert_eq!(store.status(SystemTime::UNIX_EPOCH).await.unwrap().due, 1000);
}

/// A program of its own, in the environment of the tests below: it adds and settles until it is
/// killed, and says on standard output what the store has acknowledged.
#[test]
fn child() {
    let Ok(path) = std::env::var("SEALPUSH_TEST_OUTBOX") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Sqlite::open(path).await.unwrap();
        let first: u32 = std::env::var("SEALPUSH_TEST_FIRST").unwrap().parse().unwrap();
        for number in first.. {
            store.enqueue(vec![parcel(number)]).await.unwrap();
            println!("\nadded {number}");
            let claim = Claim::new(SystemTime::UNIX_EPOCH, Duration::from_secs(1), 1);
            for claimed in store.claim(&claim).await.unwrap() {
                let at = SystemTime::UNIX_EPOCH;
                let outcome = Outcome::new(claimed.parcel.id(), Verdict::Accepted, at);
                let settlement = Settlement::Done { lease: claimed.lease, outcome };
                assert_eq!(store.settle(&[settlement]).await.unwrap(), [true]);
                println!("\nended {}", number_of(&claimed.parcel));
            }
        }
    });
}

/// Starts the child, reads so many of its lines, and kills it in the middle of whatever it does.
fn kill_after(path: &Path, first: u32, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::child", "--nocapture"])
        .env("SEALPUSH_TEST_OUTBOX", path)
        .env("SEALPUSH_TEST_FIRST", first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut read = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    let is_ours = |line: &String| line.starts_with("added ") || line.starts_with("ended ");
    while said.len() < lines {
        said.extend(read.next().map(Result::unwrap).filter(is_ours));
    }
    child.kill().unwrap();
    // What it said before it died counts.
    said.extend(read.map_while(Result::ok).filter(is_ours));
    child.wait().unwrap();
    said
}

#[tokio::test]
async fn what_was_acknowledged_survives_every_kill() {
    let folder = Folder::new();
    let (mut added, mut ended) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..20 {
        let said = kill_after(&folder.database(), round * 10_000, 5 + round as usize);
        for line in said {
            let (verb, number) = line.split_once(' ').unwrap();
            let number: u32 = number.parse().unwrap();
            assert!(if verb == "added" { &mut added } else { &mut ended }.insert(number));
        }
        assert_all(&folder.database(), &added, &ended).await;
    }
    assert!(added.len() > 100 && ended.len() > 50, "{} {}", added.len(), ended.len());
}

#[tokio::test]
async fn a_log_cut_anywhere_loses_only_what_came_after_the_cut() {
    let folder = Folder::new();
    let said = kill_after(&folder.database(), 0, 40);
    let log = folder.0.join("outbox.db-wal");
    let whole = fs::read(&log).unwrap();
    let main = fs::read(folder.database()).unwrap();
    let mut last = 0;
    for cut in (0..whole.len()).step_by(4099).chain([whole.len()]) {
        let copy = Folder::new();
        fs::write(copy.database(), &main).unwrap();
        fs::write(copy.0.join("outbox.db-wal"), &whole[..cut]).unwrap();
        // It opens, and holds the calls up to some point: whole ones, in their order.
        let store = Sqlite::open(copy.database()).await.unwrap();
        let status = store.status(SystemTime::UNIX_EPOCH).await.unwrap();
        let outcomes = store.outcomes(0, usize::MAX).await.unwrap();
        assert_eq!(outcomes.len() as u64, status.ended());
        let events = status.open() + 2 * status.ended();
        assert!(events >= last, "{events} {last}");
        last = events;
    }
    assert!(last >= said.len() as u64, "{last} {}", said.len());
}

/// Nothing acknowledged is missing, and nothing has two outcomes.
async fn assert_all(path: &Path, added: &BTreeSet<u32>, ended: &BTreeSet<u32>) {
    let store = Sqlite::open(path).await.unwrap();
    let outcomes = store.outcomes(0, usize::MAX).await.unwrap();
    let number =
        |outcome: &Outcome| u32::from_be_bytes(*outcome.id.as_octets().first_chunk().unwrap());
    let recorded: BTreeSet<_> = outcomes.iter().map(|(_, outcome)| number(outcome)).collect();
    assert_eq!(recorded.len(), outcomes.len());
    assert!(ended.is_subset(&recorded), "an outcome is missing");
    // Far enough for every lease to have run out, but none is kept.
    let claim =
        Claim::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1), Duration::ZERO, usize::MAX);
    let open = store.claim(&claim).await.unwrap();
    let open: BTreeSet<_> = open.iter().map(|claimed| number_of(&claimed.parcel)).collect();
    assert!(open.is_disjoint(&recorded));
    let known: BTreeSet<_> = open.union(&recorded).copied().collect();
    assert!(added.is_subset(&known), "a parcel is missing");
    // At most the one that was under way when the child died is more than it said.
    assert!(known.len() <= added.len() + 20);
}

fn parcel(number: u32) -> Parcel {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    let contents = vec![number as u8; 700];
    Parcel::new(id.into(), Lane::new(number as u8), SystemTime::UNIX_EPOCH, end, contents)
}

fn number_of(parcel: &Parcel) -> u32 {
    u32::from_be_bytes(*parcel.id().as_octets().first_chunk().unwrap())
}
