//! Programs of others that a test needs and a machine may lack.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The first program of these names in the search path that can say its version. Some systems put
/// a stub of the name there, which only explains how to install it.
///
/// Without it a test proves nothing: on a developer's machine that is said on the terminal, in CI
/// (`CI=true`) it is a failure.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file() && version(file).is_some());
    if found.is_none() {
        skip(&format!("{} is not installed", names.join(" or ")));
    }
    found
}

/// What the program says to `--version`. `None` if that fails.
pub(crate) fn version(program: &Path) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Says that a test proves nothing here, and why.
///
/// # Panics
///
/// With `CI=true`.
pub(crate) fn skip(reason: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{reason}, and CI must not skip a test"
    );
    // Straight to the terminal: the test harness swallows what a passing test prints.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}");
}
