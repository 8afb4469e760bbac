//! Runs the programs of other languages.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::installed::{find, skip, version};

/// The oldest major version of Node whose WebCrypto is global, as in browsers.
const NODE: u32 = 20;

/// Node, if it is new enough. Debian 12 has an older one.
pub(crate) fn node() -> Option<PathBuf> {
    let node = find(&["node"])?;
    let found = version(&node)?;
    let major = found.trim_start_matches('v').split('.').next()?.parse::<u32>();
    if major.is_ok_and(|major| major >= NODE) {
        return Some(node);
    }
    skip(&format!("node is {found}, older than {NODE}"));
    None
}

/// Runs a program in a directory of the package, fails unless it succeeds, and returns what it
/// printed.
pub(crate) fn run<A: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = A>,
    directory: &str,
    input: &str,
) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(directory))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{} failed\n{stdout}\n{}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}
