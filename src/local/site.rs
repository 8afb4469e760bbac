//! Under which names the push service is reached, and by whom.
//!
//! A developer's machine has browsers, and a page of any origin may open a websocket to a loopback
//! address, or post to it. Two fields give it away: `Origin` names the page (RFC 6454 §7), and
//! `Host` names the site that the browser believes it talks to, which is another one when a name
//! was bound to this address after the page was loaded ("DNS rebinding").

use std::net::{IpAddr, SocketAddr};

use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri, header};

use crate::{Error, ErrorKind, Result};

/// The names of one push service.
#[derive(Debug)]
pub(super) struct Site {
    /// Scheme and authority, as senders and user agents see it.
    origin: String,
    /// Authorities by which it may be called.
    authorities: Vec<String>,
    /// The port at which any address is good, when it listens on all of them. A name cannot be
    /// bound to this service by being an address.
    any_address_at: Option<u16>,
}

impl Site {
    /// A service that listens at `address` and is known by `public_url`, where there is one.
    ///
    /// # Errors
    ///
    /// `Configuration` when the URL is not an http origin.
    pub(super) fn new(address: SocketAddr, public_url: Option<&str>) -> Result<Self> {
        let (ip, port) = (address.ip(), address.port());
        let mut authorities = vec![
            address.to_string(),
            format!("localhost:{port}"),
            format!("127.0.0.1:{port}"),
            format!("[::1]:{port}"),
        ];
        if port == 80 {
            authorities.push("localhost".to_owned());
            authorities.push(ip.to_string());
        }
        let origin = match public_url {
            None if ip.is_unspecified() => format!("http://localhost:{port}"),
            None => format!("http://{address}"),
            Some(url) => {
                let (origin, authority) = public(url)?;
                authorities.push(authority);
                origin
            }
        };
        let any_address_at = ip.is_unspecified().then_some(port);
        Ok(Self { origin, authorities, any_address_at })
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether a request is for this service, and from no page of another origin.
    pub(super) fn admits(&self, head: &Parts) -> std::result::Result<(), Foreign> {
        // Over HTTP/2 the authority is in the URI; a request with two of them is judged by both.
        let host = single(&head.headers, &header::HOST).map_err(|()| Foreign::Host)?;
        let authority = head.uri.authority().map(http::uri::Authority::as_str);
        if host.is_none() && authority.is_none() {
            return Err(Foreign::Host);
        }
        if !host.into_iter().chain(authority).all(|name| self.is_own(name)) {
            return Err(Foreign::Host);
        }
        let origin = single(&head.headers, &header::ORIGIN).map_err(|()| Foreign::Origin)?;
        match origin {
            None => Ok(()),
            Some(origin) if self.is_own_origin(origin) => Ok(()),
            Some(_) => Err(Foreign::Origin),
        }
    }

    /// Firefox names the push service itself, by its websocket URL with a slash at the end.
    fn is_own_origin(&self, origin: &str) -> bool {
        let Some((scheme, rest)) = origin.split_once("://") else { return false };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        matches!(scheme, "http" | "https" | "ws" | "wss") && self.is_own(authority)
    }

    fn is_own(&self, authority: &str) -> bool {
        self.authorities.iter().any(|own| own.eq_ignore_ascii_case(authority))
            || self.any_address_at.is_some_and(|port| {
                let address = authority.parse().map(|address: SocketAddr| address.port());
                let bare = authority.trim_start_matches('[').trim_end_matches(']');
                address == Ok(port) || port == 80 && bare.parse::<IpAddr>().is_ok()
            })
    }
}

/// What gives a request away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Foreign {
    /// It is for another site, or says not for which.
    Host,
    /// It comes from a page of another origin.
    Origin,
}

/// The origin of a URL, and its authority.
fn public(url: &str) -> Result<(String, String)> {
    let refused = || {
        let text = "the public URL must be an origin: http or https, a host, no path";
        Error::new(ErrorKind::Configuration, text)
    };
    let uri: Uri = url.parse().map_err(|_| refused())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(refused());
    };
    let is_origin = matches!(uri.path(), "" | "/") && uri.query().is_none();
    if !matches!(scheme, "http" | "https") || !is_origin || authority.as_str().contains('@') {
        return Err(refused());
    }
    let mut authority = authority.as_str().to_ascii_lowercase();
    let default = if scheme == "http" { ":80" } else { ":443" };
    if let Some(host) = authority.strip_suffix(default) {
        authority = host.to_owned();
    }
    Ok((format!("{scheme}://{authority}"), authority))
}

/// The text of a field that must not be repeated.
fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> std::result::Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(host: &[&str], origin: &[&str]) -> Parts {
        let mut head = http::Request::new(()).into_parts().0;
        for host in host {
            head.headers.append(header::HOST, host.parse().unwrap());
        }
        for origin in origin {
            head.headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        head
    }

    #[test]
    fn only_its_own_names_and_pages_are_admitted() {
        let address = "127.0.0.1:8030".parse().unwrap();
        let site = Site::new(address, Some("https://Push.Example:443/")).unwrap();
        assert_eq!(site.origin(), "https://push.example");
        let admitted = |host: &str, origin: &[&str]| site.admits(&head(&[host], origin));
        for host in ["127.0.0.1:8030", "localhost:8030", "LOCALHOST:8030", "push.example"] {
            assert_eq!(admitted(host, &[]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8030",
            "127.0.0.1",
            "127.0.0.1:8031",
            "127.0.0.1.evil.example:8030",
            "192.0.2.1:8030",
            "",
            "push.example.",
            "x@127.0.0.1:8030",
        ] {
            assert_eq!(admitted(host, &[]), Err(Foreign::Host), "{host}");
        }
        assert_eq!(site.admits(&head(&[], &[])), Err(Foreign::Host));
        let own = "127.0.0.1:8030";
        assert_eq!(site.admits(&head(&[own, own], &[])), Err(Foreign::Host));
        for origin in ["ws://127.0.0.1:8030/", "http://localhost:8030", "https://push.example"] {
            assert_eq!(admitted(own, &[origin]), Ok(()), "{origin}");
        }
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://127.0.0.1:8031",
            "http://127.0.0.1",
            "http://127.0.0.1:8030.evil.example",
            "file://",
            "chrome-extension://127.0.0.1:8030",
        ] {
            assert_eq!(admitted(own, &[origin]), Err(Foreign::Origin), "{origin}");
        }
        let twice = head(&[own], &["http://127.0.0.1:8030", "http://127.0.0.1:8030"]);
        assert_eq!(site.admits(&twice), Err(Foreign::Origin));
    }

    #[test]
    fn on_every_interface_any_address_is_its_own_and_no_name_is() {
        let site = Site::new("0.0.0.0:8030".parse().unwrap(), None).unwrap();
        assert_eq!(site.origin(), "http://localhost:8030");
        for host in ["192.0.2.1:8030", "[2001:db8::1]:8030", "localhost:8030"] {
            assert_eq!(site.admits(&head(&[host], &[])), Ok(()), "{host}");
        }
        for host in ["192.0.2.1:8031", "evil.example:8030"] {
            assert_eq!(site.admits(&head(&[host], &[])), Err(Foreign::Host), "{host}");
        }
    }

    #[test]
    fn a_public_url_is_an_origin() {
        let address = "127.0.0.1:8030".parse().unwrap();
        for url in ["push.example", "ftp://x", "https://x/path", "https://x?q", "https://u@x", ""] {
            let error = Site::new(address, Some(url)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
        }
        let site = Site::new(address, Some("http://push.example:8080")).unwrap();
        assert_eq!(site.origin(), "http://push.example:8080");
    }
}
