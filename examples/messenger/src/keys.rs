//! The relay's secrets in one file: the ring that opens addresses, and the VAPID keys.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as IoKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use sealpush::contact::relay::KeyRing;
use sealpush::providers::webpush::VapidKey;
use sealpush::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The key file, read once and written whenever the ring changes. Only its owner can read it.
#[derive(Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    /// Newest first; the private halves in base64url.
    vapid: Vec<Zeroizing<String>>,
    writing: Mutex<()>,
}

#[derive(Deserialize)]
struct Stored {
    ring: KeyRing,
    vapid: Vec<Zeroizing<String>>,
}

#[derive(Serialize)]
struct Storing<'a> {
    ring: &'a KeyRing,
    vapid: &'a [Zeroizing<String>],
}

impl KeyFile {
    /// Reads the file, or makes it with fresh keys.
    ///
    /// # Errors
    ///
    /// `Configuration` when the file cannot be read or written, is no key file, or can be read by
    /// other users of the machine; `Unavailable` when there is no randomness.
    pub(crate) fn open(path: &Path, now: SystemTime) -> Result<(Self, KeyRing)> {
        match read(path) {
            Ok(Some(Stored { ring, vapid })) => Ok((Self::new(path, vapid), ring)),
            Ok(None) => {
                let key = VapidKey::generate()?.expose_private_key_base64();
                let file = Self::new(path, vec![key]);
                let ring = KeyRing::generate(now)?;
                file.store(&ring)?;
                Ok((file, ring))
            }
            Err(error) => Err(error),
        }
    }

    fn new(path: &Path, vapid: Vec<Zeroizing<String>>) -> Self {
        Self { path: path.to_owned(), vapid, writing: Mutex::new(()) }
    }

    /// The VAPID keys, the one for new subscriptions first.
    ///
    /// # Errors
    ///
    /// `Configuration` when the file has none, or one that is not a key.
    pub(crate) fn vapid_keys(&self) -> Result<Vec<VapidKey>> {
        let keys = self.vapid.iter().map(|key| VapidKey::from_base64(key));
        let keys = keys.collect::<Result<Vec<_>>>().map_err(|_| no_key_file())?;
        if keys.is_empty() { Err(no_key_file()) } else { Ok(keys) }
    }

    /// Writes the ring: a new file in the place of the old one, so that a crash leaves one of them.
    ///
    /// # Errors
    ///
    /// `Configuration` when it cannot be written.
    pub(crate) fn store(&self, ring: &KeyRing) -> Result<()> {
        // Nothing is half done where another thread panicked: the file is replaced at once.
        let _writing = self.writing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let text = serde_json::to_vec(&Storing { ring, vapid: &self.vapid });
        let text = Zeroizing::new(text.map_err(|error| cannot("written", error))?);
        let fresh = self.path.with_extension("new");
        let write = || {
            match fs::remove_file(&fresh) {
                Err(error) if error.kind() != IoKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &self.path)
        };
        write().map_err(|error| cannot("written", error))
    }
}

fn read(path: &Path) -> Result<Option<Stored>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == IoKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot("read", error)),
    };
    refuse_if_others_can_read(&file)?;
    let mut text = Zeroizing::new(Vec::with_capacity(LARGEST));
    (&file).take(LARGEST as u64).read_to_end(&mut text).map_err(|error| cannot("read", error))?;
    // The parser's own error repeats parts of the file.
    serde_json::from_slice(&text).map(Some).map_err(|_| no_key_file())
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn refuse_if_others_can_read(file: &File) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_err(|error| cannot("read", error))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let fact = "the key file can be read by other users of this machine; `chmod 600` it";
    Err(Error::new(ErrorKind::Configuration, fact))
}

#[cfg(not(unix))]
fn refuse_if_others_can_read(_file: &File) -> Result<()> {
    Ok(())
}

fn no_key_file() -> Error {
    Error::new(ErrorKind::Configuration, "the key file is not one that this relay wrote")
}

fn cannot(what: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Configuration, format!("the key file cannot be {what}"))
        .with_source(error)
}

/// Octets; five roots and some VAPID keys are a thousand.
const LARGEST: usize = 64 * 1024;
