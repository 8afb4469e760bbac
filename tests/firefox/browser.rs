//! A real Firefox with a profile of its own, without a driver.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::installed::find;

/// A running Firefox, ended and swept away when dropped.
pub(crate) struct Firefox {
    child: Child,
    profile: PathBuf,
}

impl Firefox {
    /// The program, by the environment variable `FIREFOX` or in the search path.
    pub(crate) fn find() -> Option<PathBuf> {
        match std::env::var_os("FIREFOX") {
            Some(program) => Some(program.into()),
            None => find(&["firefox-esr", "firefox"]),
        }
    }

    /// Opens `page` in a Firefox whose push service is at `websocket_url`.
    pub(crate) fn start(program: &Path, page: &str, websocket_url: &str) -> Self {
        let name = format!("firefox-{}", std::process::id());
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&profile);
        fs::create_dir_all(&profile).unwrap();
        fs::write(profile.join("user.js"), preferences(websocket_url)).unwrap();
        let child = Command::new(program)
            .args(["--headless", "--no-remote", "--profile"])
            .arg(&profile)
            .arg(page)
            .env("HOME", &profile)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, profile }
    }

    /// Whether it ends within the time.
    fn ends_within(&mut self, time: Duration) -> bool {
        let started = Instant::now();
        while started.elapsed() < time {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        // SIGTERM lets it take its content processes along.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        if !self.ends_within(Duration::from_secs(10)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = fs::remove_dir_all(&self.profile);
    }
}

fn preferences(websocket_url: &str) -> String {
    let mut lines = format!("user_pref(\"dom.push.serverURL\", \"{websocket_url}\");\n");
    for (name, value) in PREFERENCES {
        lines.push_str(&format!("user_pref(\"{name}\", {value});\n"));
    }
    lines
}

const PREFERENCES: &[(&str, &str)] = &[
    // Without it only wss: is taken.
    ("dom.push.testing.allowInsecureServerURL", "true"),
    ("dom.push.connection.enabled", "true"),
    // Milliseconds before the first reconnection; it doubles with each failure.
    ("dom.push.retryBaseInterval", "200"),
    ("permissions.default.desktop-notification", "1"),
    // The desktop's notifications need D-Bus, without which they never settle.
    ("alerts.useSystemBackend", "false"),
    // The rest keeps it off the network.
    ("app.normandy.enabled", "false"),
    ("app.update.enabled", "false"),
    ("browser.aboutwelcome.enabled", "false"),
    ("browser.newtabpage.enabled", "false"),
    ("browser.region.network.url", "\"\""),
    ("browser.safebrowsing.downloads.remote.enabled", "false"),
    ("browser.safebrowsing.malware.enabled", "false"),
    ("browser.safebrowsing.phishing.enabled", "false"),
    ("browser.safebrowsing.update.enabled", "false"),
    ("browser.search.update", "false"),
    ("browser.shell.checkDefaultBrowser", "false"),
    ("browser.startup.homepage_override.mstone", "\"ignore\""),
    ("datareporting.healthreport.uploadEnabled", "false"),
    ("datareporting.policy.dataSubmissionEnabled", "false"),
    ("extensions.getAddons.cache.enabled", "false"),
    ("extensions.systemAddon.update.enabled", "false"),
    ("extensions.update.enabled", "false"),
    ("network.captive-portal-service.enabled", "false"),
    ("network.connectivity-service.enabled", "false"),
    ("network.dns.disablePrefetch", "true"),
    ("network.prefetch-next", "false"),
    ("services.settings.server", "\"data:,\""),
    ("toolkit.telemetry.enabled", "false"),
    ("toolkit.telemetry.server", "\"data:,\""),
    ("toolkit.telemetry.unified", "false"),
];
