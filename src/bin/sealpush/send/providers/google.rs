//! Google's application default credentials, for the providers that need them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sealpush::providers::google::ApplicationDefault;

use crate::failure::Failure;

/// Looks where Google's own libraries look, with the options in place of their variables. The
/// metadata server is asked only on demand: elsewhere than in Google Cloud that takes seconds to
/// fail.
pub(super) async fn credentials(
    option: &str,
    file: Option<&Path>,
    metadata_server: bool,
) -> Result<ApplicationDefault, Failure> {
    let variable = |name: &str| -> Option<OsString> {
        match name {
            "GOOGLE_APPLICATION_CREDENTIALS" => file.map(|path| PathBuf::from(path).into()),
            "NO_GCE_CHECK" if !metadata_server => Some("true".into()),
            _ => std::env::var_os(name),
        }
    };
    ApplicationDefault::find_with(variable)
        .await
        .map_err(|error| Failure::from(error).about(option))
}
