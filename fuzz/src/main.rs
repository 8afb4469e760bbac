//! Drives the targets without libFuzzer: the checked-in corpus as it is, then seeded mutations of
//! it for some seconds. The same seed makes the same inputs, in the same order.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sealpush_fuzz::{TARGETS, Target};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Also panics of tasks, which a runtime keeps to itself.
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        eprintln!("{panic}");
    }));
    let (name, second) = (arguments.first(), arguments.get(1));
    let seconds = second.and_then(|text| text.parse().ok());
    let mut failed = 0;
    for &(target_name, target) in TARGETS {
        if name.is_some_and(|name| name != target_name) {
            continue;
        }
        let is_good = match (second, seconds) {
            (Some(file), None) => replay(target, file),
            _ => fuzz(target_name, target, Duration::from_secs(seconds.unwrap_or(DEFAULT_SECONDS))),
        };
        failed += usize::from(!is_good);
    }
    if failed > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn replay(target: Target, file: &str) -> bool {
    match fs::read(file) {
        Ok(octets) => stands(target, octets).is_ok(),
        Err(error) => {
            eprintln!("{error}");
            false
        }
    }
}

fn fuzz(name: &str, target: Target, time: Duration) -> bool {
    let corpus = corpus(name);
    let mut random = Random(SEED);
    let start = Instant::now();
    let mut inputs = 0_u64;
    let mut turn = corpus.iter().cloned();
    while inputs < corpus.len() as u64 || start.elapsed() < time {
        let octets = turn.next().unwrap_or_else(|| mutate(&corpus, &mut random));
        inputs += 1;
        if let Err(octets) = stands(target, octets) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
            let file = path.join(format!("{name}-{inputs}"));
            let _ = fs::create_dir_all(&path).and_then(|()| fs::write(&file, &octets));
            eprintln!("{name}: input {inputs} fails, see fuzz/artifacts/{name}-{inputs}");
            return false;
        }
    }
    println!("{name}: {inputs} inputs in {:.1} s", start.elapsed().as_secs_f32());
    true
}

/// Gives the octets back where they break a promise, or take too long.
fn stands(target: Target, octets: Vec<u8>) -> Result<(), Vec<u8>> {
    *CURRENT.lock().expect("nobody panics with it") = Some(Instant::now());
    WATCH.call_once(|| drop(thread::spawn(watch)));
    let before = PANICS.load(Ordering::SeqCst);
    let outcome = catch_unwind(AssertUnwindSafe(|| target(&octets)));
    *CURRENT.lock().expect("nobody panics with it") = None;
    let panicked = PANICS.load(Ordering::SeqCst) != before;
    if outcome.is_err() || panicked { Err(octets) } else { Ok(()) }
}

/// Ends the program when one input takes too long.
fn watch() {
    loop {
        thread::sleep(Duration::from_secs(1));
        let since = *CURRENT.lock().expect("nobody panics with it");
        if since.is_some_and(|since| since.elapsed() > TOO_LONG) {
            eprintln!("one input takes more than {} s", TOO_LONG.as_secs());
            std::process::exit(2);
        }
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(path)
        .expect("every target has a corpus")
        .map(|entry| entry.expect("it is readable").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "the corpus of {name} is empty");
    files.iter().map(|file| fs::read(file).expect("it is readable")).collect()
}

/// One to eight changes of one input of the corpus.
fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut octets = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(8) {
        let place = random.below(octets.len() + 1);
        let end = (place + 1 + random.below(16)).min(octets.len());
        match random.below(8) {
            0 if place < octets.len() => octets[place] ^= 1 << random.below(8),
            1 if place < octets.len() => octets[place] = random.below(256) as u8,
            2 => octets.insert(place, random.below(256) as u8),
            3 => drop(octets.drain(place..end)),
            4 => {
                let part = octets[place..end].to_vec();
                octets.splice(place..place, part);
            }
            5 => {
                let word = WORDS[random.below(WORDS.len())];
                octets.splice(place..end, word.iter().copied());
            }
            6 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                octets.truncate(place);
                octets.extend_from_slice(&other[from..]);
            }
            _ => octets.truncate(place),
        }
        octets.truncate(MAX_INPUT);
    }
    octets
}

/// The xorshift generator of Marsaglia (2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// What parsers stumble over.
const WORDS: &[&[u8]] = &[
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e400",
    b"1.5",
    b"18446744073709551616",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\0",
    b"\r\n",
    b"\n\n",
    b"=",
    b"==",
    b"-----BEGIN ",
    b"-----END ",
    b"//",
    b"@",
    b"..",
    b"%00",
    b"[::1]",
    b"127.0.0.1",
    b"localhost",
    b"xn--",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
];
const SEED: u64 = 0x5ea1_9a5e_d5ee_d001;
const DEFAULT_SECONDS: u64 = 3;
/// Octets of the longest input.
const MAX_INPUT: usize = 16 * 1024;
const TOO_LONG: Duration = Duration::from_secs(30);
static PANICS: AtomicUsize = AtomicUsize::new(0);
static CURRENT: Mutex<Option<Instant>> = Mutex::new(None);
static WATCH: std::sync::Once = std::sync::Once::new();
