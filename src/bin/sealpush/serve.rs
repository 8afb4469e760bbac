//! `serve`: the embedded push service as a process of its own.

use std::net::SocketAddr;

use clap::Args;
use sealpush::local::PushService;

use crate::{Failure, print, warn};

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8030")]
    listen: SocketAddr,
}

const AFTER_HELP: &str = "\
Firefox uses it with these preferences (about:config):
  dom.push.serverURL                        the websocket address that is printed
  dom.push.testing.allowInsecureServerURL   true
It keeps everything in memory, knows no users, and is meant for development.";

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.listen.ip().is_loopback() {
        warn("listening beyond this machine, on a service without any access control");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let service = PushService::builder().listen(arguments.listen).start().await?;
        print(
            format!(
                "push service  {}\nwebsocket     {}\nCtrl-C stops it\n",
                service.origin(),
                service.websocket_url()
            )
            .as_bytes(),
        )?;
        tokio::signal::ctrl_c().await?;
        service.shutdown().await;
        Ok(())
    })
}
