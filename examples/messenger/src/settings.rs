//! What an operator can say, by flags and by the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use sealpush::contact::RelayOrigin;

/// A relay for anonymous messages between users: it opens addresses and pushes, and reads nothing.
#[derive(Clone, Debug, Parser)]
#[command(name = "messenger", version, after_help = AFTER_HELP)]
pub struct Settings {
    /// Where to listen
    #[arg(
        long,
        env = "MESSENGER_LISTEN",
        default_value = "127.0.0.1:8420",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
    /// Under which name devices reach it, as cards carry it: HOST or HOST:PORT, over https unless it
    /// is this machine [default: localhost and the port]
    #[arg(long, env = "MESSENGER_ORIGIN", value_name = "HOST")]
    pub origin: Option<RelayOrigin>,
    /// The directory of keys.json, which only you can read, and of the database
    #[arg(long, env = "MESSENGER_DATA", default_value = "messenger-data", value_name = "DIR")]
    pub data: PathBuf,
    /// Another database: sqlite://, postgres:// or mysql:// (MariaDB too)
    /// [default: messenger.db in the directory of --data]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// How push services reach you: mailto: or https:. Apple refuses pushes without a real one
    #[arg(long, env = "VAPID_SUBJECT", default_value = NOBODY, value_name = "URI")]
    pub vapid_subject: String,
    /// Keep no messages for devices that are off; then some are lost
    #[arg(long)]
    pub no_mailbox: bool,
    /// Also push to push services that are not Apple's, Google's, Microsoft's or Mozilla's
    #[arg(long)]
    pub any_push_service: bool,
    /// Believe the last address in X-Forwarded-For. Only behind a proxy of yours that sets it
    #[arg(long, env = "MESSENGER_BEHIND_PROXY")]
    pub behind_proxy: bool,
    /// Requests a minute from one part of the network (/24 of IPv4, /56 of IPv6)
    #[arg(long, env = "MESSENGER_PER_MINUTE", default_value_t = 120, value_name = "N")]
    pub per_minute: u32,
    /// Messages an hour to one card
    #[arg(long, env = "MESSENGER_PER_CARD", default_value_t = 240, value_name = "N")]
    pub per_card: u32,
    /// Answer /metrics to everybody who reaches the relay
    #[arg(long)]
    pub metrics: bool,
    /// Start a push service on this port of 127.0.0.1 as well, and push to this machine only: for a
    /// demonstration or a test without the internet
    #[arg(long, num_args = 0..=1, default_missing_value = "8421", value_name = "PORT")]
    pub local_push: Option<u16>,
    /// Push, and pass messages on, to this machine only: where `sealpush serve` is the push service
    #[arg(long)]
    pub loopback_only: bool,
    /// Log as JSON, one object a line
    #[arg(long)]
    pub log_json: bool,
}

/// What stands for an operator who gave no address.
pub(crate) const NOBODY: &str = "mailto:nobody@nowhere.sealpush";

const AFTER_HELP: &str = "\
Examples:
  messenger --local-push
  messenger --origin relay.example.net --vapid-subject mailto:you@example.net --behind-proxy

The log has no network address, token or text. Ctrl-C and SIGTERM end it: requests under way are
finished, messages that wait stay in the database.";
