//! Apple Push Notification service, for one app.

use std::path::{Path, PathBuf};

use clap::Args;
use sealpush::providers::Apns;
use sealpush::providers::apns::{AuthKey, Environment};

use super::Reach;
use crate::failure::Failure;
use crate::input::Source;

#[derive(Args)]
#[group(skip)]
#[command(next_help_heading = "Apple Push Notification service")]
pub(super) struct Arguments {
    /// The file with the key of the developer's account, AuthKey_....p8
    #[arg(long, env = "APNS_KEY_FILE", value_name = "FILE")]
    apns_key_file: Option<PathBuf>,
    /// The id of the key
    #[arg(long, env = "APNS_KEY_ID", value_name = "ID")]
    apns_key_id: Option<String>,
    /// The id of the team
    #[arg(long, env = "APNS_TEAM_ID", value_name = "ID")]
    apns_team_id: Option<String>,
    /// The bundle id of the app
    #[arg(long, env = "APNS_BUNDLE_ID", value_name = "ID")]
    apns_bundle_id: Option<String>,
    /// Tokens that do not say it are of apps that Xcode put on a device
    #[arg(long)]
    apns_sandbox: bool,
    /// Where Apple's service is, for a double of it
    #[arg(long, env = "APNS_BASE_URL", value_name = "URL")]
    apns_base_url: Option<String>,
}

impl Arguments {
    pub(super) fn build(&self, reach: &Reach) -> Result<Apns, Failure> {
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let file = self.apns_key_file.as_deref().filter(|path| *path != Path::new(""));
        let (Some(file), Some(key_id), Some(team_id), Some(bundle_id)) =
            (file, set(&self.apns_key_id), set(&self.apns_team_id), set(&self.apns_bundle_id))
        else {
            return Err(Failure::usage(
                "a token of Apple's needs --apns-key-file, --apns-key-id, --apns-team-id and \
                 --apns-bundle-id (or APNS_KEY_FILE, APNS_KEY_ID, APNS_TEAM_ID, APNS_BUNDLE_ID)",
            ));
        };
        let source = Source::of("--apns-key-file", file);
        let octets = source.read("a key", MAX_KEY)?;
        let pem = std::str::from_utf8(&octets)
            .map_err(|_| Failure::usage("the key is not text").about(&source.name()))?;
        let base_url = self.apns_base_url.as_deref().filter(|url| !url.is_empty());
        let environment =
            if self.apns_sandbox { Environment::Sandbox } else { Environment::Production };
        let mut builder = Apns::builder()
            .auth_key(AuthKey::from_pem(pem, &key_id, &team_id)?)
            .bundle_id(bundle_id)
            .environment(environment)
            .guard(reach.of(base_url)?);
        if let Some(url) = base_url {
            builder = builder.base_url(url);
        }
        Ok(builder.build()?)
    }
}

/// Octets of a key file that are read.
const MAX_KEY: usize = 4096;
