//! Klaviyo, for the flow of one metric.

use std::path::PathBuf;

use clap::Args;
use sealpush::providers::Klaviyo;

use super::{Reach, api_key};
use crate::failure::Failure;
use crate::send::payload::parse;

#[derive(Args)]
#[group(skip)]
#[command(next_help_heading = "Klaviyo")]
pub(super) struct Arguments {
    /// The file with a private key of the account; without it, KLAVIYO_API_KEY
    #[arg(long, env = "KLAVIYO_API_KEY_FILE", value_name = "FILE")]
    klaviyo_api_key_file: Option<PathBuf>,
    /// The metric whose events start the flow
    #[arg(long, env = "KLAVIYO_METRIC", value_name = "NAME")]
    klaviyo_metric: Option<String>,
    /// Where Klaviyo is, for a double of it
    #[arg(long, env = "KLAVIYO_BASE_URL", value_name = "URL")]
    klaviyo_base_url: Option<String>,
}

impl Arguments {
    pub(super) fn build(&self, reach: &Reach) -> Result<Klaviyo, Failure> {
        let file = self.klaviyo_api_key_file.as_deref();
        let key = api_key("--klaviyo-api-key-file", file, "KLAVIYO_API_KEY")?;
        let metric = parse("--klaviyo-metric", self.klaviyo_metric.as_deref())?;
        let (Some(key), Some(metric)) = (key, metric) else {
            return Err(Failure::usage(
                "a token of Klaviyo needs --klaviyo-metric (or KLAVIYO_METRIC) and \
                 --klaviyo-api-key-file (or KLAVIYO_API_KEY)",
            ));
        };
        let base_url = self.klaviyo_base_url.as_deref().filter(|url| !url.is_empty());
        let builder = Klaviyo::builder().api_key(key.as_str()).metric(metric);
        let mut builder = builder.guard(reach.of(base_url)?);
        if let Some(url) = base_url {
            builder = builder.base_url(url);
        }
        Ok(builder.build()?)
    }
}
