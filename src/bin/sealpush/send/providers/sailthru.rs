//! Sailthru Mobile, for one app.

use std::path::PathBuf;

use clap::Args;
use sealpush::providers::Sailthru;

use super::{Reach, api_key};
use crate::failure::Failure;
use crate::send::payload::parse;

#[derive(Args)]
#[group(skip)]
#[command(next_help_heading = "Sailthru Mobile")]
pub(super) struct Arguments {
    /// The file with the key of an API client; without it, SAILTHRU_API_KEY
    #[arg(long, env = "SAILTHRU_API_KEY_FILE", value_name = "FILE")]
    sailthru_api_key_file: Option<PathBuf>,
    /// Under which name messages are counted
    #[arg(long, env = "SAILTHRU_GROUP", value_name = "NAME")]
    sailthru_group: Option<String>,
    /// Where Sailthru Mobile is, for a double of it
    #[arg(long, env = "SAILTHRU_BASE_URL", value_name = "URL")]
    sailthru_base_url: Option<String>,
}

impl Arguments {
    pub(super) fn build(&self, reach: &Reach) -> Result<Sailthru, Failure> {
        let file = self.sailthru_api_key_file.as_deref();
        let key = api_key("--sailthru-api-key-file", file, "SAILTHRU_API_KEY")?;
        let key = key.ok_or_else(|| {
            Failure::usage(
                "a token of Sailthru needs --sailthru-api-key-file (or SAILTHRU_API_KEY)",
            )
        })?;
        let base_url = self.sailthru_base_url.as_deref().filter(|url| !url.is_empty());
        let mut builder = Sailthru::builder().api_key(key.as_str()).guard(reach.of(base_url)?);
        if let Some(group) = parse("--sailthru-group", self.sailthru_group.as_deref())? {
            builder = builder.group(group);
        }
        if let Some(url) = base_url {
            builder = builder.base_url(url);
        }
        Ok(builder.build()?)
    }
}
