//! Google Cloud Pub/Sub, with application default credentials.

use std::path::PathBuf;

use clap::Args;
use sealpush::providers::PubSub;

use super::{Reach, google};
use crate::failure::Failure;
use crate::send::payload::parse;

#[derive(Args)]
#[group(skip)]
#[command(next_help_heading = "Google Cloud Pub/Sub")]
pub(super) struct Arguments {
    /// The key file of a service account, or of a login
    #[arg(long, env = "GOOGLE_APPLICATION_CREDENTIALS", value_name = "FILE")]
    pubsub_credentials: Option<PathBuf>,
    /// Take the credentials of the machine, inside Google Cloud
    #[arg(long)]
    pubsub_metadata_server: bool,
    /// The project of the topics; without it, that of the credentials
    #[arg(long, env = "PUBSUB_PROJECT_ID", value_name = "ID")]
    pubsub_project: Option<String>,
    /// Where Pub/Sub is, for a double of it
    #[arg(long, env = "PUBSUB_BASE_URL", value_name = "URL")]
    pubsub_base_url: Option<String>,
    /// Google's emulator, over plain HTTP and without credentials; needs the project
    #[arg(long, env = "PUBSUB_EMULATOR_HOST", value_name = "HOST:PORT")]
    pubsub_emulator: Option<String>,
}

impl Arguments {
    pub(super) async fn build(&self, reach: &Reach) -> Result<PubSub, Failure> {
        let mut builder = PubSub::builder();
        if let Some(id) = parse("--pubsub-project", self.pubsub_project.as_deref())? {
            builder = builder.project_id(id);
        }
        if let Some(host) = self.pubsub_emulator.as_deref().filter(|host| !host.is_empty()) {
            return Ok(builder.emulator(host).build()?);
        }
        let file = self.pubsub_credentials.as_deref();
        let metadata_server = self.pubsub_metadata_server;
        let credentials =
            google::credentials("--pubsub-credentials", file, metadata_server).await?;
        let base_url = self.pubsub_base_url.as_deref().filter(|url| !url.is_empty());
        builder = builder.credentials(credentials).guard(reach.of(base_url)?);
        if let Some(url) = base_url {
            builder = builder.base_url(url);
        }
        Ok(builder.build()?)
    }
}
