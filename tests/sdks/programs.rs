//! The programs beside this file, and what they need, installed under `target/`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A language with other people's libraries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Node,
    Python,
}

impl Language {
    /// Runs a program with JSON on its standard input, and answers the JSON that it prints; `None`
    /// where the language or its libraries cannot be had, after saying so.
    pub(crate) async fn run(self, program: &str, given: &Value) -> Option<Value> {
        let installed = tokio::task::spawn_blocking(move || self.installed()).await.unwrap();
        let (interpreter, folder) = match installed {
            Ok(found) => found,
            Err(reason) => {
                skip(&format!("{program}: {reason}"));
                return None;
            }
        };
        let mut child = Command::new(interpreter)
            .arg(folder.join(program))
            .env("NO_PROXY", "*")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(given.to_string().as_bytes()).await.unwrap();
        drop(input);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output());
        let output = output.await.expect("the program ends").unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {errors}");
        Some(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}")))
    }

    /// Installs the libraries once; answers the interpreter and the folder of the programs.
    fn installed(self) -> Result<(PathBuf, PathBuf), String> {
        static NODE: OnceLock<Result<(PathBuf, PathBuf), String>> = OnceLock::new();
        static PYTHON: OnceLock<Result<(PathBuf, PathBuf), String>> = OnceLock::new();
        match self {
            Self::Node => NODE.get_or_init(node).clone(),
            Self::Python => PYTHON.get_or_init(python).clone(),
        }
    }
}

/// Node resolves libraries beside the program, so the programs are copied to them.
fn node() -> Result<(PathBuf, PathBuf), String> {
    let folder = fresh("node")?;
    for name in std::fs::read_dir(PROGRAMS).map_err(text)?.flatten() {
        if name
            .path()
            .extension()
            .is_some_and(|extension| extension == "mjs" || extension == "json")
        {
            std::fs::copy(name.path(), folder.join(name.file_name())).map_err(text)?;
        }
    }
    if !is_done(&folder, "package.json") {
        let npm = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
        run(std::process::Command::new("npm").args(npm).current_dir(&folder))?;
        set_done(&folder, "package.json")?;
    }
    Ok((PathBuf::from("node"), folder))
}

fn python() -> Result<(PathBuf, PathBuf), String> {
    let folder = fresh("python")?;
    let python = folder.join("bin/python");
    if !is_done(&folder, "requirements.txt") {
        run(std::process::Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let list = Path::new(PROGRAMS).join("requirements.txt");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        run(std::process::Command::new(&python).args(pip).arg(list))?;
        set_done(&folder, "requirements.txt")?;
    }
    Ok((python, PathBuf::from(PROGRAMS)))
}

fn fresh(name: &str) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdks").join(name);
    std::fs::create_dir_all(&folder).map_err(text)?;
    Ok(folder)
}

/// Whether this very list of libraries has been installed.
fn is_done(folder: &Path, list: &str) -> bool {
    let wanted = std::fs::read(Path::new(PROGRAMS).join(list)).unwrap();
    std::fs::read(folder.join("installed")).is_ok_and(|installed| installed == wanted)
}

fn set_done(folder: &Path, list: &str) -> Result<(), String> {
    std::fs::copy(Path::new(PROGRAMS).join(list), folder.join("installed")).map_err(text)?;
    Ok(())
}

fn run(command: &mut std::process::Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {errors}")) }
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}

/// `eprintln!` would be captured with the output of a test that passes.
fn skip(reason: &str) {
    use std::io::Write;
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "other people's libraries are not here: {reason}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}");
}

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdks/programs");
const PATIENCE: Duration = Duration::from_secs(120);
