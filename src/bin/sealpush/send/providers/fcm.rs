//! Firebase Cloud Messaging, with application default credentials.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use sealpush::providers::Fcm;
use sealpush::providers::fcm::ApplicationDefault;

use super::Reach;
use crate::failure::Failure;

#[derive(Args)]
#[group(skip)]
#[command(next_help_heading = "Firebase Cloud Messaging")]
pub(super) struct Arguments {
    /// The key file of a service account, or of a login
    #[arg(long, env = "GOOGLE_APPLICATION_CREDENTIALS", value_name = "FILE")]
    fcm_credentials: Option<PathBuf>,
    /// Take the credentials of the machine, inside Google Cloud
    #[arg(long)]
    fcm_metadata_server: bool,
    /// Where FCM is, for a double of it
    #[arg(long, env = "FCM_BASE_URL", value_name = "URL")]
    fcm_base_url: Option<String>,
}

impl Arguments {
    pub(super) async fn build(&self, reach: &Reach) -> Result<Fcm, Failure> {
        let base_url = self.fcm_base_url.as_deref().filter(|url| !url.is_empty());
        let credentials = ApplicationDefault::find_with(|name| self.variable(name))
            .await
            .map_err(|error| Failure::from(error).about("--fcm-credentials"))?;
        let mut builder = Fcm::builder().credentials(credentials).guard(reach.of(base_url)?);
        if let Some(url) = base_url {
            builder = builder.base_url(url);
        }
        Ok(builder.build()?)
    }

    /// The environment, with the options in place of their variables. The metadata server is asked
    /// only on demand: elsewhere than in Google Cloud that takes seconds to fail.
    fn variable(&self, name: &str) -> Option<OsString> {
        match name {
            "GOOGLE_APPLICATION_CREDENTIALS" => {
                self.fcm_credentials.clone().map(PathBuf::into_os_string)
            }
            "NO_GCE_CHECK" if !self.fcm_metadata_server => Some("true".into()),
            _ => std::env::var_os(name),
        }
    }
}
