//! Starts the relay and waits for the word to stop.

use clap::Parser;
use messenger::{Messenger, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::parse();
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
    if settings.log_json {
        log.json().init();
    } else {
        log.init();
    }
    let messenger = Messenger::start(settings).await?;
    println!("the relay {} listens on http://{}", messenger.origin(), messenger.address());
    if let Some(service) = messenger.local_push() {
        println!("it pushes to this machine only. In Firefox's about:config set");
        println!("  dom.push.serverURL = {}", service.websocket_url());
        println!("  dom.push.testing.allowInsecureServerURL = true");
    }
    told_to_stop().await?;
    println!("stopping");
    messenger.stop().await?;
    Ok(())
}

#[cfg(unix)]
async fn told_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn told_to_stop() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
