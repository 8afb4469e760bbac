//! One check in a process of its own: where standard error can be read whole, nobody else logs, and
//! the environment can be set.
//!
//! The program that asks is started once more, comes to the same call, finds in the environment
//! that it is the second process, carries out that one check, hands its findings over on standard
//! output, and ends.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::checked::{Checked, fail, skip};
use super::report::Verdict;
use super::secret::{Search, Secret};

/// Which process this is.
pub(crate) enum Place {
    /// The second one, for one check.
    Apart,
    /// The first one, and how to start the second; `None` where that is not known.
    Here(Option<Again>),
}

/// How to come to the same call of the kit again.
pub(crate) struct Again {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, Option<OsString>)>,
    directory: Option<PathBuf>,
    call: Call,
}

impl Again {
    pub(crate) fn new(command: &Command, call: Call) -> Self {
        let owned = |(name, value): (&std::ffi::OsStr, Option<&std::ffi::OsStr>)| {
            (name.to_owned(), value.map(ToOwned::to_owned))
        };
        Self {
            program: command.get_program().into(),
            arguments: command.get_args().map(ToOwned::to_owned).collect(),
            environment: command.get_envs().map(owned).collect(),
            directory: command.get_current_dir().map(Into::into),
            call,
        }
    }

    /// Carries a check out in a second process, which gets some variables and lacks others.
    pub(crate) fn start(
        &self,
        check: &str,
        set: &[(&str, &str)],
        unset: &[&str],
    ) -> Checked<Ended> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        for name in unset {
            command.env_remove(name);
        }
        command.envs(set.iter().copied());
        command.env(VARIABLE, self.call.told(check));
        match command.spawn() {
            Ok(child) => ended(child),
            Err(error) => skip(format!("this program cannot be started again: {}", error.kind())),
        }
    }
}

/// A call of the kit, the same in both processes: of so many with this harness in its thread.
pub(crate) struct Call {
    harness: &'static str,
    nth: usize,
}

impl Call {
    /// Counts a call.
    pub(crate) fn count(harness: &'static str) -> Self {
        let nth = CALLS.with_borrow_mut(|calls| {
            let nth = calls.iter().filter(|call| **call == harness).count();
            calls.push(harness);
            nth
        });
        Self { harness, nth }
    }

    /// The check that this process is there for, if it is a second one: `Some(None)` if another
    /// call is meant.
    pub(crate) fn meant(&self) -> Option<Option<String>> {
        let told = std::env::var(VARIABLE).ok()?;
        let check = told.split(' ').next().unwrap_or_default();
        Some((told == self.told(check)).then(|| check.to_owned()))
    }

    fn told(&self, check: &str) -> String {
        format!("{check} {} {}", self.nth, self.harness)
    }
}

/// What came of a second process.
pub(crate) struct Ended {
    /// What it wrote, to standard output and error.
    printed: Vec<u8>,
    handed: Handed,
}

impl Ended {
    /// Fails the check if the second process printed a secret.
    pub(crate) fn printed_no_secret(&self) -> Checked {
        let secrets = self.handed.secrets.iter().map(|(what, octets)| {
            Secret::new(what.clone(), octets.iter().map(|octet| !octet).collect::<Vec<_>>())
        });
        match Search::new(secrets).first(&self.printed) {
            Some(shown) => fail(format!("what it printed shows {shown}")),
            None => Ok(()),
        }
    }

    /// Fails the check if the second process logged or traced a secret.
    pub(crate) fn logged_no_secret(&self) -> Checked {
        match &self.handed.heard {
            Some(shown) => fail(format!("what it logged shows {shown}")),
            None => Ok(()),
        }
    }

    /// Ends the check as the second process says.
    pub(crate) fn verdict(&self) -> Checked {
        match &self.handed.verdict {
            Verdict::Failed(saw) => fail(saw.clone()),
            Verdict::Passed => Ok(()),
            Verdict::Skipped(why) => skip(why.clone()),
        }
    }
}

/// What the second process says to the first.
#[derive(Deserialize, Serialize)]
pub(crate) struct Handed {
    pub(crate) verdict: Verdict,
    /// The secret that was logged or traced, described.
    pub(crate) heard: Option<String>,
    /// What must not be shown, each octet turned over.
    secrets: Vec<(String, Vec<u8>)>,
}

impl Handed {
    pub(crate) fn new(verdict: Verdict, heard: Option<String>, secrets: &[Secret]) -> Self {
        let turned = |secret: &Secret| secret.expose().iter().map(|octet| !octet).collect();
        let secrets = secrets.iter().map(|secret| (secret.what().to_owned(), turned(secret)));
        Self { verdict, heard, secrets: secrets.collect() }
    }

    /// Hands this over and ends the process.
    pub(crate) fn hand_over(&self) -> ! {
        let json = serde_json::to_string(self).expect("text, numbers and enums serialize");
        let mut out = std::io::stdout().lock();
        // The first process notices if it gets nothing.
        let _ = out.write_all(format!("\n{MARK}{json}\n").as_bytes());
        let _ = out.flush();
        std::process::exit(0);
    }
}

/// The command by which [`Harness::again`](super::Harness::again) starts the running test again, or
/// the running program.
///
/// In a test binary that cargo built it is this test alone, by the name that
/// [`conformance_tests!`](crate::conformance_tests) gives, or that of the thread; in another program
/// it is the program with its arguments, if the kit is called from its main thread. Otherwise
/// `None`.
#[must_use]
pub fn this_program() -> Option<Command> {
    let program = std::env::current_exe().ok()?;
    let mut command = Command::new(&program);
    let thread = std::thread::current();
    let thread = thread.name().filter(|name| *name != "main");
    let named = TEST.with_borrow(Clone::clone).or_else(|| thread.map(ToOwned::to_owned));
    // Cargo puts a hash of sixteen digits behind the name of a test binary only.
    let stem = program.file_stem()?.to_str()?;
    let hash = stem.rsplit_once('-').map_or("", |(_, hash)| hash);
    let is_test = hash.len() == 16 && hash.bytes().all(|octet| octet.is_ascii_hexdigit());
    match (is_test, named) {
        (true, Some(test)) => command.args(["--exact", &test, "--nocapture"]),
        (false, None) => command.args(std::env::args_os().skip(1)),
        _ => return None,
    };
    Some(command)
}

/// Says which test this thread runs.
pub(crate) fn set_test(path: &str) {
    // The path begins with the name of the crate, that of a test does not.
    let test = path.split_once("::").map_or(path, |(_, test)| test);
    TEST.set(Some(test.to_owned()));
}

/// Waits for the second process, but not for ever.
fn ended(mut child: Child) -> Checked<Ended> {
    let (sender, receiver) = mpsc::channel();
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as _),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    for pipe in pipes.into_iter().flatten() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut read = Vec::new();
            // What was read before an error counts.
            let _ = pipe.take(MOST_PRINTED).read_to_end(&mut read);
            sender.send(read)
        });
    }
    drop(sender);
    let started = Instant::now();
    let mut printed = Vec::new();
    while let Ok(read) = receiver.recv_timeout(PATIENCE.saturating_sub(started.elapsed())) {
        printed.extend(read);
    }
    // It has closed its ends, or has had its time.
    let _ = child.kill();
    let _ = child.wait();
    match take_handed(&mut printed) {
        Some(handed) => Ok(Ended { printed, handed }),
        None => skip(format!(
            "started again, this program did not come to the same check within {} s",
            PATIENCE.as_secs()
        )),
    }
}

/// Takes what was handed over out of what was printed.
fn take_handed(printed: &mut Vec<u8>) -> Option<Handed> {
    let at = printed.windows(MARK.len()).position(|part| part == MARK.as_bytes())?;
    let rest = printed.split_off(at);
    let end = rest.iter().position(|octet| *octet == b'\n').unwrap_or(rest.len());
    let (line, others) = rest.split_at(end);
    printed.extend_from_slice(others);
    serde_json::from_slice(line.get(MARK.len()..)?).ok()
}

thread_local! {
    static CALLS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    static TEST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// How the second process knows what it is.
const VARIABLE: &str = "SEALPUSH_CONFORMANCE_ALONE";
/// How what is handed over begins.
const MARK: &str = "sealpush-conformance-found: ";
/// How long the second process may take: less than a check.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than anybody prints for a few messages, in octets.
const MOST_PRINTED: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_is_taken_out_of_what_is_printed() {
        let secret = Secret::new("key", "0123456789abcdef");
        let handed = Handed::new(Verdict::Passed, None, std::slice::from_ref(&secret));
        let json = serde_json::to_string(&handed).unwrap();
        let mut printed = format!("running 1 test\n{MARK}{json}\nbye").into_bytes();
        let handed = take_handed(&mut printed).unwrap();
        assert_eq!(printed, b"running 1 test\n\nbye");
        assert!(secret.find_in(json.as_bytes()).is_none());
        let said = |printed: &[u8]| Ended {
            printed: printed.to_vec(),
            handed: Handed::new(Verdict::Passed, None, std::slice::from_ref(&secret)),
        };
        assert_eq!(handed.verdict, Verdict::Passed);
        assert!(said(b"all is well").printed_no_secret().is_ok());
        assert!(said(b"key: 0123456789ABCDEF").printed_no_secret().is_err());
    }

    #[test]
    fn a_call_knows_whether_it_is_meant() {
        let (first, second) = (Call::count("a harness"), Call::count("a harness"));
        assert_eq!((first.nth, second.nth), (0, 1));
        assert_eq!(first.told("some_check"), "some_check 0 a harness");
        assert_eq!(first.meant(), None);
    }
}
