//! The entries of [`EndpointGuard::allow_hosts`](super::EndpointGuard::allow_hosts).

use super::name;
use crate::endpoint::{Origin, read};
use crate::error::{Error, ErrorKind, Result};

/// What the operator allows by name, whatever its addresses are.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    origin: Origin,
    /// The origin's host itself is not meant, but every name below it.
    below: bool,
}

impl Listed {
    /// Reads an entry; `index` names it in an error, since its text may be a secret.
    pub(super) fn read(index: usize, entry: &str) -> Result<Self> {
        parse(entry).map_err(|fault| {
            let fault = format!("entry {index} of the allowed hosts {fault}");
            Error::new(ErrorKind::Configuration, fault)
        })
    }

    pub(super) fn allows(&self, origin: &Origin) -> bool {
        if !self.below {
            return self.origin == *origin;
        }
        let server = |origin: &Origin| (origin.is_https(), origin.port());
        let labels = origin.host().strip_suffix(self.origin.host());
        server(&self.origin) == server(origin)
            && labels.is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
    }
}

fn parse(entry: &str) -> Result<Listed, &'static str> {
    let (scheme, server) = entry.split_once("://").unwrap_or(("https", entry));
    let (below, server) = match server.strip_prefix("*.") {
        Some(server) => (true, server),
        None => (false, server),
    };
    let endpoint = read(&[scheme, "://", server].concat());
    // Before anything else, so that who wrote a pattern learns what a pattern may be.
    if server.contains(['*', '?', '{', ',', '|']) || server.starts_with('.') {
        return Err(PATTERN);
    }
    let endpoint = endpoint.map_err(|_| NO_ORIGIN)?;
    // More than an origin would promise a check of the path, which nothing makes.
    if endpoint.expose().path() != "/" || endpoint.expose().query().is_some() {
        return Err(NO_ORIGIN);
    }
    let origin = endpoint.origin().clone();
    match origin.address() {
        Some(_) if below => return Err(PATTERN),
        Some(_) => {}
        None if name::is_undeliverable(origin.host()) => return Err(UNDELIVERABLE),
        None => name::check_form(origin.host()).map_err(|_| PATTERN)?,
    }
    Ok(Listed { origin, below })
}

const NO_ORIGIN: &str = "is not `host`, `host:port` or an http or https origin; an address range has a constructor of \
     its own, `EndpointGuard::allow_range`";
const PATTERN: &str =
    "is not a host; the only pattern is `*.` before a whole name, for all names below it";
const UNDELIVERABLE: &str =
    "is under `.invalid`, where no host can be (RFC 6761 §6.4): such a subscription has ended";

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, url: &str) -> bool {
        Listed::read(0, entry).unwrap().allows(read(url).unwrap().origin())
    }

    #[test]
    fn a_star_stands_for_whole_labels_below_a_name() {
        for (entry, url, expected) in [
            ("*.push.lan", "https://a.push.lan/p", true),
            ("*.push.lan", "https://A.b.PUSH.lan.:0443/p", true),
            ("*.Push.Lan.", "https://a.push.lan/p", true),
            ("*.push.lan", "https://push.lan/p", false),
            ("*.push.lan", "https://xpush.lan/p", false),
            ("*.push.lan", "https://not-push.lan/p", false),
            ("*.push.lan", "https://.push.lan/p", false),
            ("*.push.lan", "https://10.0.0.1/p", false),
            ("*.push.lan", "https://a.push.lan.example/p", false),
            ("*.push.lan", "https://a.push.lan:8443/p", false),
            ("*.push.lan", "http://a.push.lan:443/p", false),
            ("*.push.lan:8443", "https://a.push.lan:8443/p", true),
            ("*.push.lan:8443", "https://a.push.lan/p", false),
            ("http://*.push.lan:8080", "http://a.push.lan:8080/p", true),
            ("http://*.push.lan:8080", "https://a.push.lan:8080/p", false),
            ("*.b\u{fc}cher.example", "https://a.xn--bcher-kva.example/p", true),
            ("*.lan", "https://push.lan/p", true),
        ] {
            assert_eq!(allows(entry, url), expected, "{entry}, {url}");
        }
    }

    #[test]
    fn every_other_pattern_is_refused_with_what_a_pattern_may_be() {
        for entry in [
            "*",
            "*.",
            "*.*",
            "*.*.push.lan",
            "**.push.lan",
            "a*.push.lan",
            "*a.push.lan",
            "push.*",
            "push.*.lan",
            "https://*",
            ".push.lan",
            "https://.push.lan",
            "*.10.0.0.1",
            "*.[fd00::1]",
            "10.0.0.*",
            "push?.lan",
            "{a,b}.push.lan",
            "a.lan,b.lan",
            "push..lan",
            "%2a.push.lan",
            "\u{ff0a}.push.lan",
        ] {
            let error = Listed::read(3, entry).expect_err(entry);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{entry}");
            let text = error.to_string();
            assert!(text.starts_with("entry 3 of the allowed hosts is not"), "{entry}: {text}");
            assert!(text.contains("only pattern") || entry == "*.", "{entry}: {text}");
        }
    }

    #[test]
    fn an_entry_that_is_no_origin_is_a_configuration_error_that_names_its_place() {
        for entry in [
            "",
            "push.lan/path",
            "10.0.0.0/8",
            "https://push.lan/?q",
            "ftp://push.lan",
            "u@push.lan",
            "a b",
            "x#",
            "push.lan:99999",
        ] {
            let error = Listed::read(1, entry).expect_err(entry);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{entry}");
            assert!(error.to_string().starts_with("entry 1"), "{error}");
        }
    }

    #[test]
    fn a_name_under_invalid_cannot_be_listed() {
        for entry in ["invalid", "a.invalid", "*.invalid", "*.a.INVALID.", "http://a.invalid:80"] {
            let error = Listed::read(0, entry).expect_err(entry);
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains("RFC 6761"), "{entry}: {error}");
        }
    }
}
