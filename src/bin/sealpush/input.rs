//! What comes from files and standard input, bounded, and never repeated in an error: a file's
//! name may be a secret that stands in the wrong place.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use sealpush::Token;
use zeroize::Zeroizing;

use crate::failure::{BAD_TOKEN, Failure};
use crate::output::warn;

/// A file that an option names, or standard input.
pub(crate) enum Source<'a> {
    File { option: &'a str, path: &'a Path },
    Stdin,
}

impl<'a> Source<'a> {
    /// `-` is standard input.
    pub(crate) fn of(option: &'a str, path: &'a Path) -> Self {
        if path == Path::new("-") { Self::Stdin } else { Self::File { option, path } }
    }

    /// The file of an option, or standard input where it is not given.
    pub(crate) fn of_option(option: &'a str, path: Option<&'a PathBuf>) -> Self {
        path.map_or(Self::Stdin, |path| Self::of(option, path))
    }

    pub(crate) fn is_stdin(&self) -> bool {
        matches!(self, Self::Stdin)
    }

    /// The name in errors.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File { option, .. } => format!("the file of {option}"),
            Self::Stdin => "standard input".to_owned(),
        }
    }

    /// Opens it, and tells somebody at a terminal what is waited for.
    pub(crate) fn open(&self, what: &str) -> Result<Box<dyn Read + Send>, Failure> {
        match self {
            Self::File { path, .. } => match File::open(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(self.unreadable(&error)),
            },
            Self::Stdin => {
                if io::stdin().is_terminal() {
                    warn(&format!("reading {what} from the terminal; Ctrl-D ends it"));
                }
                Ok(Box::new(io::stdin()))
            }
        }
    }

    /// Reads to the end, but no more than one octet over `limit`.
    pub(crate) fn read(&self, what: &str, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        // In full from the start, so that growing leaves no copy behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(limit.saturating_add(1)));
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        self.open(what)?
            .take(limit)
            .read_to_end(&mut octets)
            .map_err(|error| self.unreadable(&error))?;
        Ok(octets)
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        let hint = match self {
            Self::File { path, .. } => hint(path),
            Self::Stdin => "",
        };
        // The operating system's sentence; the error's own text may hold the name.
        let cause = error.raw_os_error().map_or_else(
            || error.kind().to_string(),
            |code| io::Error::from_raw_os_error(code).to_string(),
        );
        Failure::usage(format!("{} cannot be read: {cause}{hint}", self.name()))
    }
}

/// What to say where a name was expected and its content was given.
pub(crate) fn hint(path: &Path) -> &'static str {
    let text = path.to_string_lossy();
    let text = text.trim_start();
    if text.starts_with('{') || text.starts_with("-----BEGIN") {
        "; the name of a file is expected, not its content"
    } else {
        ""
    }
}

/// Reads one token.
pub(crate) fn read_token(source: &Source<'_>) -> Result<Token, Failure> {
    let octets = source.read("a token (JSON)", Token::MAX_LEN)?;
    let bad = |fact: &str| Failure::new(BAD_TOKEN, fact).about(&source.name());
    let text = std::str::from_utf8(&octets).map_err(|_| bad("the token is not text"))?;
    if text.trim().is_empty() {
        return Err(bad("there is no token; give its JSON, for example \
                        `sealpush send Hello --token token.json`"));
    }
    text.parse().map_err(|error: sealpush::Error| Failure::from(error).about(&source.name()))
}

/// Writes a file that only its owner reads.
pub(crate) fn write_secret(option: &str, path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let outcome = options.open(path).and_then(|mut file| io::Write::write_all(&mut file, content));
    outcome.map_err(|error| {
        let cause = error.raw_os_error().map_or_else(
            || error.kind().to_string(),
            |code| io::Error::from_raw_os_error(code).to_string(),
        );
        Failure::usage(format!("the file of {option} cannot be written: {cause}{}", hint(path)))
    })
}
