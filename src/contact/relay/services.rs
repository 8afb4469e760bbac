//! The push services that a relay pushes to unless its operator says otherwise.

use http::Uri;

/// Whether a push resource is of a known push service.
pub(super) fn is_known(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    let is_within = |domain: &str| {
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    uri.scheme_str() == Some("https") && is_plain && DOMAINS.into_iter().any(is_within)
}

/// Google, Mozilla, Apple, Microsoft.
const DOMAINS: [&str; 4] =
    ["fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_known() {
        for good in [
            "https://fcm.googleapis.com/fcm/send/x",
            "https://updates.push.services.mozilla.com/wpush/v2/x",
            "https://web.push.apple.com/x",
            "https://wns2-am3p.notify.windows.com/w/?token=x",
        ] {
            assert!(is_known(good), "{good}");
        }
        for bad in [
            "http://fcm.googleapis.com/x",
            "https://evilfcm.googleapis.com.example/x",
            "https://notfcm.googleapis.com/x",
            "https://fcm.googleapis.com@example.net/x",
            "https://a@fcm.googleapis.com/x",
            "https://127.0.0.1/x",
            "",
        ] {
            assert!(!is_known(bad), "{bad}");
        }
    }
}
