//! OneSignal, for one app.

use std::path::PathBuf;

use clap::Args;
use sealpush::providers::OneSignal;

use super::{Reach, api_key};
use crate::failure::Failure;
use crate::send::payload::parse;

#[derive(Args)]
#[group(skip)]
#[command(next_help_heading = "OneSignal")]
pub(super) struct Arguments {
    /// The id of the app
    #[arg(long, env = "ONESIGNAL_APP_ID", value_name = "UUID")]
    onesignal_app_id: Option<String>,
    /// The file with the app's API key; without it, ONESIGNAL_API_KEY
    #[arg(long, env = "ONESIGNAL_API_KEY_FILE", value_name = "FILE")]
    onesignal_api_key_file: Option<PathBuf>,
    /// Where OneSignal is, for a double of it
    #[arg(long, env = "ONESIGNAL_BASE_URL", value_name = "URL")]
    onesignal_base_url: Option<String>,
}

impl Arguments {
    pub(super) fn build(&self, reach: &Reach) -> Result<OneSignal, Failure> {
        let file = self.onesignal_api_key_file.as_deref();
        let api_key = api_key("--onesignal-api-key-file", file, "ONESIGNAL_API_KEY")?;
        let app_id = parse("--onesignal-app-id", self.onesignal_app_id.as_deref())?;
        let (Some(api_key), Some(app_id)) = (api_key, app_id) else {
            return Err(Failure::usage(
                "a token of OneSignal needs --onesignal-app-id (or ONESIGNAL_APP_ID) and \
                 --onesignal-api-key-file (or ONESIGNAL_API_KEY)",
            ));
        };
        let base_url = self.onesignal_base_url.as_deref().filter(|url| !url.is_empty());
        let mut builder = OneSignal::builder()
            .app_id(app_id)
            .api_key(api_key.as_str())
            .guard(reach.of(base_url)?);
        if let Some(url) = base_url {
            builder = builder.base_url(url);
        }
        Ok(builder.build()?)
    }
}
