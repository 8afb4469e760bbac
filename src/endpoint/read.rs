//! Text to [`Endpoint`], by the URL standard, strictly.

use std::fmt::Write;
use std::net::IpAddr;
use std::str::FromStr;

use bytes::Bytes;
use http::Uri;
use url::{Host, Position, Url};
use zeroize::Zeroizing;

use super::{Endpoint, Origin};
use crate::error::{Error, ErrorKind};

impl FromStr for Endpoint {
    type Err = Error;

    /// Reads a push resource.
    ///
    /// # Errors
    ///
    /// `InvalidToken` with the rule that the text breaks; never with the text.
    fn from_str(text: &str) -> Result<Self, Error> {
        read(text).map_err(|rule| Error::new(ErrorKind::InvalidToken, rule))
    }
}

/// Reads a push resource, or says which rule it breaks.
///
/// What lenient parsers pass over or repair is refused: another parser may read it differently.
pub(crate) fn read(text: &str) -> Result<Endpoint, &'static str> {
    if text.len() > Endpoint::MAX_LEN {
        return Err("the push resource is longer than 2048 octets");
    }
    let url =
        Url::parse(text).map_err(|_| "the push resource is not an absolute URL with a host")?;
    let origin = origin(&url).ok_or("the push resource has a scheme that is not https")?;

    let mended = text.bytes().any(|octet| octet <= b' ' || octet == b'\\' || octet == 0x7f);
    let (_, rest) = text.split_once(':').unwrap_or_default();
    let rest = rest.strip_prefix("//").filter(|rest| !rest.starts_with('/') && !mended).ok_or(
        "the push resource is a malformed URL: white space, a backslash or a missing slash",
    )?;
    let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("the push resource has user information before its host");
    }
    if behind.contains('#') {
        return Err("the push resource has a fragment");
    }
    if !behind.is_ascii() {
        return Err("the push resource has characters behind its host that are not ASCII");
    }
    let uri = if url.as_str() == text {
        as_written(url.into(), &origin)
    } else {
        let uri = as_written(text.to_owned(), &origin).or_else(|| in_normal_form(&url, &origin));
        drop(Zeroizing::new(String::from(url)));
        uri
    };
    let uri = uri.ok_or("the host of the push resource is not a host name (RFC 1123 §2.1)")?;
    Ok(Endpoint { uri, origin })
}

/// Scheme, host and port, if the scheme is one of the web's.
fn origin(url: &Url) -> Option<Origin> {
    let (scheme, default_port) = match url.scheme() {
        "http" => ("http", 80),
        "https" => ("https", 443),
        _ => return None,
    };
    let port = url.port().unwrap_or(default_port);
    // A name is in lower case and ASCII by the URL standard.
    let (host, address) = match url.host()? {
        Host::Domain(name) => (name.strip_suffix('.').unwrap_or(name), None),
        Host::Ipv4(v4) => (url.host_str()?, Some(IpAddr::V4(v4))),
        Host::Ipv6(v6) => (url.host_str()?, Some(IpAddr::V6(v6))),
    };
    // Most URLs begin with their origin as it is; a trailing dot, for one, does not belong to it.
    let start = scheme.len() + 3;
    let user = !url.username().is_empty() || url.password().is_some();
    if !user && url.host_str() == Some(host) {
        let host = start..start + host.len();
        return Some(Origin { text: url[..Position::BeforePath].into(), host, address, port });
    }
    let mut text = String::with_capacity(start + host.len() + 6);
    text.push_str(scheme);
    text.push_str("://");
    text.push_str(host);
    let host = start..text.len();
    if port != default_port {
        write!(text, ":{port}").ok()?;
    }
    Some(Origin { text: text.into(), host, address, port })
}

/// The text as it is, where every parser sees the same host in it.
fn as_written(text: String, origin: &Origin) -> Option<Uri> {
    let uri = uri(text)?;
    let host = uri.host()?;
    let same = host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case(origin.host());
    let port = uri.port_u16().is_none_or(|port| port == origin.port);
    (same && port).then_some(uri)
}

fn in_normal_form(url: &Url, origin: &Origin) -> Option<Uri> {
    let mut text = origin.as_str().to_owned();
    text.push_str(url.path());
    if let Some(query) = url.query() {
        text.push('?');
        text.push_str(query);
    }
    uri(text)
}

/// The octets are wiped when the last part of the URI is dropped.
fn uri(text: String) -> Option<Uri> {
    Uri::from_maybe_shared(Bytes::from_owner(Zeroizing::new(text.into_bytes()))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        read(text).unwrap_or_else(|rule| panic!("{text}: {rule}")).origin
    }

    #[test]
    fn every_spelling_of_an_origin_is_one_origin() {
        let groups: [&[&str]; 5] = [
            &[
                "https://push.example.net",
                "https://push.example.net/",
                "https://push.example.net:443/p",
                "https://push.example.net:0443/p",
                "https://push.example.net:00443/p",
                "https://push.example.net:/p",
                "https://push.example.net./p",
                "https://push.example.net.:443/p",
                "HTTPS://PUSH.Example.NET/p?q",
                "https://push.example.net?q",
                "https://%70ush.example.net/p",
                "https://\u{ff50}ush.example.net/p",
                "https://push\u{3002}example\u{ff0e}net/p",
            ],
            &[
                "https://b\u{fc}cher.example/p",
                "https://bu\u{308}cher.example/p",
                "https://B\u{dc}CHER.example/p",
                "https://xn--bcher-kva.example./p",
                "https://XN--BCHER-KVA.example:443/p",
            ],
            &[
                "http://8.8.8.8:8080/p",
                "http://8.8.8.8.:8080/p",
                "http://134744072:8080/p",
                "http://0x8080808:08080/p",
                "http://010.010.010.010:8080/p",
                "http://0x8.8.2056:8080/p",
            ],
            &[
                "http://[2606:4700::1111]/p",
                "http://[2606:4700:0:0:0:0:0:1111]:80/p",
                "http://[2606:4700::0.0.17.17]:080/p",
            ],
            &["https://[::ffff:7f00:1]:80/p", "https://[::FFFF:127.0.0.1]:80/p"],
        ];
        let mut seen = std::collections::HashSet::new();
        for group in groups {
            let first = origin(group[0]);
            assert!(seen.insert(first.clone()), "{first}");
            for spelling in group {
                assert_eq!(origin(spelling), first, "{spelling}");
            }
        }
        assert_eq!(seen.len(), groups.len());
    }

    #[test]
    fn another_scheme_host_or_port_is_another_origin() {
        let first = origin("https://push.example.net/");
        for other in [
            "http://push.example.net/",
            "http://push.example.net:443/",
            "https://push.example.net:80/",
            "https://push.example.com/",
            "https://a.push.example.net/",
        ] {
            assert_ne!(origin(other), first, "{other}");
        }
    }

    #[test]
    fn an_origin_has_its_parts() {
        for (text, origin_text, host, port, authority) in [
            ("https://h.example:443/", "https://h.example", "h.example", 443, "h.example"),
            ("http://h.example:443/", "http://h.example:443", "h.example", 443, "h.example:443"),
            ("https://[::1]:8443/p", "https://[::1]:8443", "[::1]", 8443, "[::1]:8443"),
            ("http://0x7f.1/", "http://127.0.0.1", "127.0.0.1", 80, "127.0.0.1"),
        ] {
            let origin = origin(text);
            assert_eq!(origin.as_str(), origin_text);
            assert_eq!((origin.host(), origin.port()), (host, port), "{text}");
            assert_eq!(origin.authority(), authority);
            assert_eq!(format!("{}:", origin.scheme()), text.split_once("//").unwrap().0);
        }
        assert_eq!(origin("http://0x7f.1/").address(), Some([127, 0, 0, 1].into()));
        assert_eq!(origin("https://h.example/").address(), None);
    }

    #[test]
    fn the_octets_are_kept_unless_the_host_is_not_what_it_seems() {
        for (text, expected) in [
            ("https://h.example/a//b/../c?x=%7E&y=~'!()*", None),
            ("https://H.example:443/?", None),
            ("https://h.example", Some("https://h.example/")),
            ("https://h.example?q=%2f", Some("https://h.example/?q=%2f")),
            ("http://0x7f.1/a/../b", Some("http://127.0.0.1/b")),
            ("https://b\u{fc}cher.example/%2e?q", Some("https://xn--bcher-kva.example/?q")),
        ] {
            let endpoint = read(text).unwrap();
            assert_eq!(endpoint.expose().to_string(), expected.unwrap_or(text));
        }
    }

    #[test]
    fn what_only_lenient_parsers_read_is_refused_with_the_rule_it_breaks() {
        for (text, rule) in [
            ("", "not an absolute URL"),
            ("h.example/p", "not an absolute URL"),
            ("https://", "not an absolute URL"),
            ("https://h.example:99999/", "not an absolute URL"),
            ("https://a b/", "not an absolute URL"),
            ("wss://h.example/", "not https"),
            ("file:///h.example", "not https"),
            ("data:text/plain,p", "not https"),
            ("blob:https://h.example/", "not https"),
            (" https://h.example/", "malformed"),
            ("https://h.example/ ", "malformed"),
            ("https://h.example/a b", "malformed"),
            ("https://h.exa\tmple/", "malformed"),
            ("https://h.example/\r\n", "malformed"),
            ("ht\ntps://h.example/", "malformed"),
            ("https://h.example/\u{7f}", "malformed"),
            ("\0https://h.example/", "malformed"),
            ("https:\\\\h.example/", "malformed"),
            ("https://h.example\\@b.example/", "malformed"),
            ("https://h.example/?a\\b", "malformed"),
            ("https:h.example/", "malformed"),
            ("https:/h.example/", "malformed"),
            ("https:///h.example/", "malformed"),
            ("https://user@h.example/", "user information"),
            ("https://u:p@h.example/", "user information"),
            ("https://@h.example/", "user information"),
            ("https://:@h.example/", "user information"),
            ("https://a@b@h.example/", "user information"),
            ("https://h.example#", "fragment"),
            ("https://h.example/p?q#f", "fragment"),
            ("https://h.example/s\u{e9}cret", "not ASCII"),
            ("https://{h}.example/", "not a host name"),
        ] {
            let found = read(text).expect_err(text);
            assert!(found.contains(rule), "{text:?}: {found}");
            let error = text.parse::<Endpoint>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidToken, "{text:?}");
        }
        assert!(read("https://h.example/@:p@q?a@b").is_ok(), "no user information behind the host");
    }

    #[test]
    fn of_2048_octets_it_is_the_longest() {
        let text = |length: usize| format!("{:a<length$}", "https://h.example/");
        assert!(read(&text(Endpoint::MAX_LEN)).is_ok());
        assert!(read(&text(Endpoint::MAX_LEN + 1)).unwrap_err().contains("2048"));
    }

    #[test]
    fn debug_shows_the_origin_and_nothing_else() {
        let endpoint = read("https://h.example/secret?secret").unwrap();
        assert_eq!(format!("{endpoint:?}"), "Endpoint { origin: https://h.example, .. }");
    }
}
