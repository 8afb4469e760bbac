//! Firebase Cloud Messaging, with application default credentials.

use std::path::PathBuf;

use clap::Args;
use sealpush::providers::Fcm;

use super::{Reach, google};
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
        let file = self.fcm_credentials.as_deref();
        let metadata_server = self.fcm_metadata_server;
        let credentials = google::credentials("--fcm-credentials", file, metadata_server).await?;
        let mut builder = Fcm::builder().credentials(credentials).guard(reach.of(base_url)?);
        if let Some(url) = base_url {
            builder = builder.base_url(url);
        }
        Ok(builder.build()?)
    }
}
