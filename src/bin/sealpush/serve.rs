//! `serve`: the embedded push service as a process of its own.

use std::net::SocketAddr;

use clap::Args;
use sealpush::local::PushService;

use crate::failure::{Failure, sentence};
use crate::output::{print, warn};

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Where to listen; port 0 takes any free one
    #[arg(long, env = "PUSH_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:8030", value_parser = parse_address)]
    listen: SocketAddr,
}

const AFTER_HELP: &str = "\
`sealpush listen` subscribes here without a browser. Firefox does with these preferences
(about:config):
  dom.push.serverURL                        the websocket address that is printed
  dom.push.testing.allowInsecureServerURL   true
It keeps everything in memory, knows no users, and is meant for development.";

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.listen.ip().is_loopback() {
        warn("listening beyond this machine, on a service without any access control");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let started = PushService::builder().listen(arguments.listen).start().await;
        let service = started.map_err(|error| {
            Failure::usage(format!("cannot listen on {}: {}", arguments.listen, cause(&error)))
        })?;
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

/// What the operating system says, else the whole error.
fn cause(error: &sealpush::Error) -> String {
    std::error::Error::source(error).map_or_else(|| sentence(error), ToString::to_string)
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "give an address and a port, such as 127.0.0.1:8030 or [::1]:8030; port 0 takes any free one"
            .to_owned()
    })
}
