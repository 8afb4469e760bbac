//! Where we may connect to: a subscription's URL is chosen by a stranger.
//!
//! Whoever hands an application server a subscription decides where that server sends a request.
//! Without a guard they could aim it at a database, a router or a cloud's metadata service.
//! [`EndpointGuard`] looks at the [`Endpoint`] that was read from the URL, never at its text, and
//! a transport asks it again about every address that a name resolves to, inside the resolver, so
//! that the addresses checked are those dialled.
//!
//! It is not a firewall: what an allowed push service does with the request is not its concern.

mod address;

use std::net::IpAddr;

use crate::endpoint::{Endpoint, Origin, read};
use crate::error::{Error, ErrorKind, Result};

/// Decides which push resources may be connected to.
///
/// | constructor | scheme and port | hosts |
/// |---|---|---|
/// | [`public`](Self::public), the default | `https`, 443 | names with public addresses, public addresses |
/// | [`allow_hosts`](Self::allow_hosts) | as listed, exactly | those listed, and all that `public` allows |
/// | [`loopback_for_tests`](Self::loopback_for_tests) | `http` or `https`, any | `localhost` and loopback addresses, nothing else |
///
/// ```
/// use sealpush::{EndpointGuard, ErrorKind};
///
/// let guard = EndpointGuard::public();
/// assert!(guard.check("https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV").is_ok());
/// let error = guard.check("https://169.254.169.254/latest/meta-data").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Blocked);
/// ```
#[derive(Clone, Debug, Default)]
pub struct EndpointGuard {
    scope: Scope,
}

impl EndpointGuard {
    /// Allows push services on the open internet: `https`, port 443, no user information, no
    /// fragment, at most [`Endpoint::MAX_LEN`] octets, a name of two labels or more that is not reserved
    /// for local use, and public addresses only.
    #[must_use]
    pub fn public() -> Self {
        Self { scope: Scope::Public { listed: Vec::new() } }
    }

    /// Allows what [`public`](Self::public) allows, and these hosts whatever their addresses are:
    /// for a push service of your own.
    ///
    /// A bare host (`push.lan`) means `https` on port 443; with a port (`push.lan:8443`), `https`
    /// on that port; an origin (`http://10.0.0.1:8080`) exactly that origin, and it is the only
    /// way to allow plain HTTP.
    ///
    /// # Errors
    ///
    /// `Configuration` when an entry is none of the three.
    pub fn allow_hosts<I>(hosts: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let listed = hosts
            .into_iter()
            .enumerate()
            .map(|(index, entry)| {
                listed_origin(entry.as_ref()).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Configuration,
                        format!(
                            "entry {index} of the allowed hosts is not `host`, `host:port` or an \
                             http or https origin"
                        ),
                    )
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { scope: Scope::Public { listed } })
    }

    /// Allows loopback addresses and `localhost`, any port, `http` or `https`, and nothing else:
    /// for the embedded push service. A program that sends real messages must not use it.
    #[must_use]
    pub fn loopback_for_tests() -> Self {
        Self { scope: Scope::Loopback }
    }

    /// Checks a URL as far as that goes without resolving its name; a transport checks the
    /// addresses behind the name when it connects.
    ///
    /// # Errors
    ///
    /// `Blocked`, with the rule that the URL breaks; never with the URL or its host.
    pub fn check(&self, url: &str) -> Result<()> {
        self.check_endpoint(&endpoint(url)?)
    }

    /// Checks a push resource that has been read, as [`check`](Self::check) does.
    ///
    /// # Errors
    ///
    /// `Blocked`, with the rule that its origin breaks.
    pub fn check_endpoint(&self, endpoint: &Endpoint) -> Result<()> {
        self.admit(endpoint).map(|_| ())
    }

    /// Which addresses the host of a push resource may turn out to have.
    pub(crate) fn admit(&self, endpoint: &Endpoint) -> Result<Reach> {
        self.scope.reach(endpoint.origin())
    }

    /// Checks the addresses that the host of a push resource resolves to: for a transport of one's
    /// own, which must connect to these addresses and to no others. One that may not be connected
    /// to refuses them all.
    ///
    /// # Errors
    ///
    /// `Blocked`, as [`check`](Self::check), and with what is wrong with an address.
    ///
    /// ```
    /// use sealpush::EndpointGuard;
    /// use sealpush::endpoint::Endpoint;
    ///
    /// let endpoint: Endpoint = "https://push.example.net/p/JzLQ3raZ".parse()?;
    /// let guard = EndpointGuard::public();
    /// assert!(guard.check_addresses(&endpoint, [[8, 8, 8, 8].into()]).is_ok());
    /// assert!(guard.check_addresses(&endpoint, [[8, 8, 8, 8].into(), [10, 0, 0, 1].into()]).is_err());
    /// # Ok::<_, sealpush::Error>(())
    /// ```
    pub fn check_addresses(
        &self,
        endpoint: &Endpoint,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<()> {
        self.admit(endpoint)?.check_all(addresses)
    }
}

/// Reads the URL of a push resource.
///
/// # Errors
///
/// `Blocked`, with the rule that the text breaks.
pub(crate) fn endpoint(url: &str) -> Result<Endpoint> {
    read(url).or_else(blocked)
}

/// Which addresses may stand behind a host that has passed [`EndpointGuard::admit`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// Any: the operator has listed the origin.
    Listed,
    /// Loopback addresses.
    Loopback,
    /// Public addresses.
    Public,
}

impl Reach {
    /// Refuses all the addresses of a name if one of them is out of reach. A name with a public
    /// and a private address is how DNS rebinding looks.
    pub(crate) fn check_all(self, addresses: impl IntoIterator<Item = IpAddr>) -> Result<()> {
        addresses.into_iter().try_for_each(|address| self.check(address))
    }

    fn check(self, address: IpAddr) -> Result<()> {
        match self {
            Self::Loopback if !address::is_loopback(address) => blocked(NOT_LOOPBACK),
            Self::Public if !address::is_public(address) => blocked(
                "the address of the push resource is not public; if it is your own push service, \
                 list its origin with `EndpointGuard::allow_hosts`",
            ),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Debug)]
enum Scope {
    Loopback,
    Public { listed: Vec<Origin> },
}

impl Default for Scope {
    fn default() -> Self {
        Self::Public { listed: Vec::new() }
    }
}

impl Scope {
    fn reach(&self, origin: &Origin) -> Result<Reach> {
        match self {
            Self::Loopback => match origin.address() {
                Some(address) => Reach::Loopback.check(address).map(|()| Reach::Loopback),
                None if origin.host() == "localhost" => Ok(Reach::Loopback),
                None => blocked(NOT_LOOPBACK),
            },
            Self::Public { listed } if listed.contains(origin) => Ok(Reach::Listed),
            Self::Public { .. } => {
                check_public(origin)?;
                Ok(Reach::Public)
            }
        }
    }
}

/// The origin that an entry of [`EndpointGuard::allow_hosts`] means.
fn listed_origin(entry: &str) -> Option<Origin> {
    let endpoint = match entry.contains("://") {
        true => read(entry),
        false => read(&format!("https://{entry}")),
    };
    let endpoint = endpoint.ok()?;
    // More than an origin would promise a check of the path, which nothing makes.
    let bare = endpoint.expose().path() == "/" && endpoint.expose().query().is_none();
    bare.then(|| endpoint.origin().clone())
}

fn check_public(origin: &Origin) -> Result<()> {
    if !origin.is_https() {
        return blocked(
            "the push resource is not https; if it is your own push service, list its origin, \
             with the scheme, with `EndpointGuard::allow_hosts`",
        );
    }
    match origin.address() {
        Some(address) => Reach::Public.check(address)?,
        None => check_name(origin.host())?,
    }
    if origin.port() != 443 {
        return blocked(
            "the port of the push resource is not 443; if it is your own push service, list \
             its host and port with `EndpointGuard::allow_hosts`",
        );
    }
    Ok(())
}

/// Checks a host name, in its ASCII form and without the trailing dot.
fn check_name(name: &str) -> Result<()> {
    let labels_are_good = name.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
    });
    if name.len() > 253 || !labels_are_good {
        return blocked("the host of the push resource is not a host name (RFC 1123 §2.1)");
    }
    let reserved = LOCAL_NAMES.iter().any(|local| {
        name.strip_suffix(local).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    if reserved || !name.contains('.') {
        return blocked(
            "the host of the push resource is a name for local use; if it is your own push \
             service, list it with `EndpointGuard::allow_hosts`",
        );
    }
    Ok(())
}

fn blocked<T>(rule: &'static str) -> Result<T> {
    Err(Error::new(ErrorKind::Blocked, rule))
}

/// Names that mean another host on every network, or none: RFC 6761, RFC 6762, RFC 7686, RFC 8375,
/// and the private names that ICANN keeps out of the root (`internal`, and by custom `lan`).
const LOCAL_NAMES: [&str; 8] =
    ["home.arpa", "internal", "invalid", "lan", "local", "localhost", "onion", "test"];

const NOT_LOOPBACK: &str = "the push resource is not on a loopback address, and \
     `EndpointGuard::loopback_for_tests` allows no other";

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(guard: &EndpointGuard, url: &str) -> String {
        match guard.check(url) {
            Ok(()) => "passes".to_owned(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Blocked);
                error.to_string()
            }
        }
    }

    fn admitted(guard: &EndpointGuard, url: &str) -> Reach {
        guard.admit(&endpoint(url).unwrap()).unwrap()
    }

    #[test]
    fn each_rule_says_itself() {
        let guard = EndpointGuard::public();
        for (url, expected) in [
            ("https://push.example.net/p/1", "passes"),
            ("https://push.example.net./p/1", "passes"),
            ("https://push.example.net:443/p/1?token=a%2fb", "passes"),
            ("push.example.net/p/1", "not an absolute URL"),
            ("https://", "not an absolute URL"),
            ("https://push.example.net:99999/", "not an absolute URL"),
            ("http://push.example.net/p/1", "not https"),
            ("wss://push.example.net/p/1", "not https"),
            ("https://user@push.example.net/", "user information"),
            ("https://@push.example.net/", "user information"),
            ("https://:@push.example.net/", "user information"),
            ("https://push.example.net/#", "fragment"),
            ("https:\\\\push.example.net/", "malformed"),
            ("https:push.example.net/", "malformed"),
            ("https://push.exa\tmple.net/", "malformed"),
            ("https://push.example.net:8443/", "port"),
            ("https://push/", "local use"),
            ("https://home.arpa/", "local use"),
            ("https://a..example.net/", "not a host name"),
            ("https://push.example.net../", "not a host name"),
            ("https://push.example.net,evil/", "not a host name"),
            ("https://10.0.0.1/", "not public"),
            ("https://[::1]/", "not public"),
        ] {
            assert!(rule(&guard, url).contains(expected), "{url}: {}", rule(&guard, url));
        }
        let path = "a".repeat(Endpoint::MAX_LEN - "https://push.example.net/".len());
        assert_eq!(rule(&guard, &format!("https://push.example.net/{path}")), "passes");
        assert!(rule(&guard, &format!("https://push.example.net/{path}a")).contains("2048 octets"));
    }

    #[test]
    fn a_name_that_only_ends_like_a_local_one_is_public() {
        let guard = EndpointGuard::public();
        for name in ["mylocal.example.net", "atest.net", "internal.example.net", "notlan.org"] {
            assert_eq!(rule(&guard, &format!("https://{name}/")), "passes");
        }
    }

    #[test]
    fn a_listed_origin_is_allowed_exactly() {
        let guard = EndpointGuard::allow_hosts([
            "push.lan",
            "push.lan:8443",
            "http://10.0.0.1:8080",
            "[fd00::1]",
            "https://Push.Internal./",
        ])
        .unwrap();
        for url in [
            "https://push.lan/p",
            "https://PUSH.lan./p",
            "https://push.lan:8443/p",
            "http://10.0.0.1:8080/p",
            "http://0xa.1:8080/p",
            "https://[fd00:0::1]/p",
            "https://push.internal/p",
            "https://push.example.net/p",
        ] {
            assert_eq!(rule(&guard, url), "passes", "{url}");
        }
        for url in [
            "http://push.lan/p",
            "https://push.lan:8444/p",
            "https://a.push.lan/p",
            "https://10.0.0.1:8080/p",
            "http://10.0.0.1/p",
            "https://[fd00::2]/p",
            "https://user@push.lan/p",
            "https://push.lan/p#f",
            "http://push.example.net/p",
            "https://push.example.net:8443/p",
        ] {
            assert_ne!(rule(&guard, url), "passes", "{url}");
        }
        assert_eq!(admitted(&guard, "https://push.lan/"), Reach::Listed);
        assert_eq!(admitted(&guard, "https://push.example.net/"), Reach::Public);
    }

    #[test]
    fn an_entry_that_is_no_origin_is_a_configuration_error_that_names_its_place() {
        for entry in [
            "",
            "push.lan/path",
            "https://push.lan/?q",
            "ftp://push.lan",
            "u@push.lan",
            "a b",
            "x#",
        ] {
            let error = EndpointGuard::allow_hosts(["push.lan", entry]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{entry}");
            assert!(error.to_string().starts_with("entry 1"), "{error}");
        }
    }

    #[test]
    fn the_guard_for_tests_allows_loopback_only() {
        let guard = EndpointGuard::loopback_for_tests();
        for url in [
            "http://127.0.0.1:8080/p",
            "https://127.8.9.1/p",
            "http://localhost:1/p",
            "http://LOCALHOST./p",
            "http://[::1]:80/p",
            "http://[::ffff:127.0.0.1]/p",
        ] {
            assert_eq!(rule(&guard, url), "passes", "{url}");
        }
        for url in [
            "http://128.0.0.1/p",
            "http://0.0.0.0/p",
            "http://10.0.0.1/p",
            "https://push.example.net/p",
            "http://a.localhost/p",
            "http://user@127.0.0.1/p",
            "http://127.0.0.1/p#f",
            "ftp://127.0.0.1/p",
        ] {
            assert_ne!(rule(&guard, url), "passes", "{url}");
        }
    }

    #[test]
    fn one_address_out_of_reach_refuses_them_all() {
        let parse = |list: &[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<_>>();
        let public = parse(&["8.8.8.8", "2606:4700::1"]);
        let mixed = parse(&["8.8.8.8", "127.0.0.1"]);
        let loopback = parse(&["127.0.0.1", "::1"]);
        for (reach, verdicts) in [
            (Reach::Listed, [true, true, true]),
            (Reach::Loopback, [false, false, true]),
            (Reach::Public, [true, false, false]),
        ] {
            let found = [&public, &mixed, &loopback].map(|a| reach.check_all(a.clone()).is_ok());
            assert_eq!(found, verdicts, "{reach:?}");
        }
    }
}
