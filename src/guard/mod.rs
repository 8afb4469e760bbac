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
mod listed;
mod name;

use std::net::IpAddr;

use crate::endpoint::{Endpoint, Origin, read};
use crate::error::{Error, ErrorKind, Result};

use self::address::Range;
use self::listed::Listed;

/// Decides which push resources may be connected to.
///
/// | constructor | scheme and port | hosts |
/// |---|---|---|
/// | [`public`](Self::public), the default | `https`, 443 | names with public addresses, public addresses |
/// | [`public_on_any_port`](Self::public_on_any_port) | `https`, any | the same |
/// | [`allow_range`](Self::allow_range) | `https`, 443 | the same, and addresses of one more range |
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
        Self { scope: Scope::default() }
    }

    /// Allows what [`public`](Self::public) allows, on any port: for users who bring a push
    /// service of their own, which UnifiedPush lets them do.
    ///
    /// A stranger can then make this server greet any TLS port of the open internet.
    #[must_use]
    pub fn public_on_any_port() -> Self {
        Self { scope: Scope::Public { any_port: true, listed: Vec::new(), range: None } }
    }

    /// Allows what [`public`](Self::public) allows, and addresses of one more range, such as
    /// `198.18.0.0/15`: for a network whose resolver answers with addresses of its own for
    /// every name, and routes them itself. Whatever else is in the range can be reached, too.
    ///
    /// # Errors
    ///
    /// `Configuration` when it is not the first address of a range with the length of its prefix
    /// in bits (RFC 4632 §3.1).
    pub fn allow_range(range: &str) -> Result<Self> {
        let range = range.parse().map_err(|()| {
            Error::new(
                ErrorKind::Configuration,
                "the allowed range is not the first address of a range, a slash and the length of \
                 its prefix, such as 198.18.0.0/15",
            )
        })?;
        let scope = Scope::Public { any_port: false, listed: Vec::new(), range: Some(range) };
        Ok(Self { scope })
    }

    /// Allows what [`public`](Self::public) allows, and these hosts whatever their addresses are:
    /// for a push service of your own.
    ///
    /// A bare host (`push.lan`) means `https` on port 443; with a port (`push.lan:8443`), `https`
    /// on that port; an origin (`http://10.0.0.1:8080`) exactly that origin, and it is the only
    /// way to allow plain HTTP. In each of them `*.` may stand before a name, for every name below
    /// it, however many labels deep, but not for the name itself (`*.push.lan`).
    ///
    /// ```
    /// # use sealpush::EndpointGuard;
    /// let guard = EndpointGuard::allow_hosts(["push.lan", "*.push.lan:8443"])?;
    /// assert!(guard.check("https://push.lan/p/1").is_ok());
    /// assert!(guard.check("https://a.push.lan:8443/p/1").is_ok());
    /// # Ok::<_, sealpush::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Configuration` when an entry is none of these, with its place in the list; when it is
    /// another pattern; and when it is under `.invalid`, where no host can be (RFC 6761 §6.4).
    pub fn allow_hosts<I>(hosts: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let listed = hosts
            .into_iter()
            .enumerate()
            .map(|(index, entry)| Listed::read(index, entry.as_ref()))
            .collect::<Result<_>>()?;
        Ok(Self { scope: Scope::Public { any_port: false, listed, range: None } })
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
        self.check_reach(self.admit(endpoint)?, addresses)
    }

    /// Refuses all the addresses of a name if one of them is out of reach. A name with a public
    /// and a private address is how DNS rebinding looks.
    pub(crate) fn check_reach(
        &self,
        reach: Reach,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<()> {
        addresses.into_iter().try_for_each(|address| self.scope.check_address(reach, address))
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
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Reach {
    /// Any: the operator has listed the origin.
    Listed,
    /// Loopback addresses.
    Loopback,
    /// Public addresses, and those of the operator's range.
    Public,
}

#[derive(Clone, Debug)]
enum Scope {
    Loopback,
    Public { any_port: bool, listed: Vec<Listed>, range: Option<Range> },
}

impl Default for Scope {
    fn default() -> Self {
        Self::Public { any_port: false, listed: Vec::new(), range: None }
    }
}

impl Scope {
    fn reach(&self, origin: &Origin) -> Result<Reach> {
        match self {
            Self::Loopback => match origin.address() {
                Some(address) => {
                    self.check_address(Reach::Loopback, address).map(|()| Reach::Loopback)
                }
                None if origin.host() == "localhost" => Ok(Reach::Loopback),
                None => blocked(NOT_LOOPBACK),
            },
            Self::Public { .. } if name::is_undeliverable(origin.host()) => blocked(
                "the host of the push resource is under `.invalid`, where no host can be (RFC 6761 \
                 §6.4): the user agent has unsubscribed; it may subscribe again a little later",
            ),
            Self::Public { listed, .. } if listed.iter().any(|entry| entry.allows(origin)) => {
                Ok(Reach::Listed)
            }
            Self::Public { any_port, .. } => {
                self.check_public(origin, *any_port)?;
                Ok(Reach::Public)
            }
        }
    }

    fn check_public(&self, origin: &Origin, any_port: bool) -> Result<()> {
        if !origin.is_https() {
            return blocked(
                "the push resource is not https; if it is your own push service, list its origin, \
                 with the scheme, with `EndpointGuard::allow_hosts`",
            );
        }
        match origin.address() {
            Some(address) => self.check_address(Reach::Public, address)?,
            None => name::check_public(origin.host()).or_else(blocked)?,
        }
        match origin.port() {
            443 => Ok(()),
            1.. if any_port => Ok(()),
            _ => blocked(
                "the port of the push resource is not 443; if it is your own push service, list \
                 its host and port with `EndpointGuard::allow_hosts`",
            ),
        }
    }

    fn check_address(&self, reach: Reach, address: IpAddr) -> Result<()> {
        let in_range = match self {
            Self::Public { range: Some(range), .. } => range.contains(address),
            _ => false,
        };
        match reach {
            Reach::Loopback if !address::is_loopback(address) => blocked(NOT_LOOPBACK),
            Reach::Public if !address::is_public(address) && !in_range => blocked(
                "the address of the push resource is not public; if it is your own push service, \
                 list its origin with `EndpointGuard::allow_hosts`",
            ),
            _ => Ok(()),
        }
    }
}

fn blocked<T>(rule: &'static str) -> Result<T> {
    Err(Error::new(ErrorKind::Blocked, rule))
}

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
            ("https://gone.invalid/", "RFC 6761"),
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
    fn public_hosts_on_any_port_are_still_public_and_https() {
        let guard = EndpointGuard::public_on_any_port();
        for url in ["https://push.example.net:8443/", "https://8.8.8.8:1/", "https://a.net/"] {
            assert_eq!(rule(&guard, url), "passes", "{url}");
        }
        for (url, expected) in [
            ("http://push.example.net:8080/", "not https"),
            ("https://push.example.net:0/", "port"),
            ("https://10.0.0.1:8443/", "not public"),
            ("https://push.lan:8443/", "local use"),
            ("https://localhost:8443/", "local use"),
            ("https://u@push.example.net:8443/", "user information"),
        ] {
            assert!(rule(&guard, url).contains(expected), "{url}: {}", rule(&guard, url));
        }
    }

    #[test]
    fn one_more_range_is_reached_and_no_other() {
        let guard = EndpointGuard::allow_range("198.18.0.0/15").unwrap();
        assert_eq!(rule(&guard, "https://198.18.0.1/"), "passes");
        assert_eq!(rule(&guard, "https://push.example.net/"), "passes");
        for url in ["https://198.20.0.1:8443/", "http://198.18.0.1/", "https://10.0.0.1/"] {
            assert_ne!(rule(&guard, url), "passes", "{url}");
        }
        let resolved = |address: &str| {
            let public = endpoint("https://push.example.net/").unwrap();
            guard.check_addresses(&public, [address.parse().unwrap()]).is_ok()
        };
        assert!(resolved("198.19.255.255") && resolved("8.8.8.8"));
        assert!(!resolved("198.51.100.1") && !resolved("127.0.0.1"));
        for range in ["10.0.0.1/8", "10.0.0.0", "0.0.0.0/0", "push.lan"] {
            let error = EndpointGuard::allow_range(range).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{range}");
            assert!(!error.to_string().contains(range), "{error}");
        }
    }

    #[test]
    fn a_name_under_invalid_is_refused_by_every_guard_and_none_is_advised() {
        let guards = [
            EndpointGuard::public(),
            EndpointGuard::public_on_any_port(),
            EndpointGuard::allow_range("198.18.0.0/15").unwrap(),
            EndpointGuard::allow_hosts(["push.lan", "*.example.net"]).unwrap(),
        ];
        for guard in &guards {
            for host in ["permanently-removed.invalid", "a.b.INVALID.", "invalid"] {
                let text = rule(guard, &format!("https://{host}/p"));
                assert!(text.contains("RFC 6761") && !text.contains("allow_hosts"), "{text}");
            }
        }
        let tests = EndpointGuard::loopback_for_tests();
        assert_ne!(rule(&tests, "http://a.invalid/"), "passes");
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
        let guard = EndpointGuard::public();
        let parse = |list: &[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<_>>();
        let public = parse(&["8.8.8.8", "2606:4700::1"]);
        let mixed = parse(&["8.8.8.8", "127.0.0.1"]);
        let loopback = parse(&["127.0.0.1", "::1"]);
        for (reach, verdicts) in [
            (Reach::Listed, [true, true, true]),
            (Reach::Loopback, [false, false, true]),
            (Reach::Public, [true, false, false]),
        ] {
            let found = [&public, &mixed, &loopback]
                .map(|addresses| guard.check_reach(reach, addresses.clone()).is_ok());
            assert_eq!(found, verdicts, "{reach:?}");
        }
    }
}
