//! Tables of endpoints that the public guard must refuse, each with words of the rule it breaks.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A URL, and words of the sentence that refuses it.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) rule: &'static str,
}

/// All of them, aimed at the canary's port and at port 443.
pub(crate) fn endpoints(canary: u16) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for host in address_hosts() {
        push_both(&mut endpoints, &host, canary, "not public");
    }
    for host in name_hosts() {
        push_both(&mut endpoints, &host, canary, "local use");
    }
    for host in name_spellings("invalid") {
        push_both(&mut endpoints, &host, canary, "RFC 6761");
    }
    for host in malformed_hosts() {
        push_both(&mut endpoints, &host, canary, "not a host name");
    }
    endpoints.extend(shapes(canary));
    endpoints
}

fn push_both(endpoints: &mut Vec<Endpoint>, host: &str, canary: u16, rule: &'static str) {
    for url in [format!("https://{host}/p/1"), format!("https://{host}:{canary}/p/1?q=2")] {
        endpoints.push(Endpoint { url, rule });
    }
}

/// Both ends of every range that is not public.
const V4_EDGES: [(&str, &str); 15] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.1", "127.255.255.255"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "239.255.255.255"),
    ("240.0.0.0", "255.255.255.255"),
];

/// What is not global unicast, and both ends of what is special in it.
const V6_EDGES: [(&str, &str); 23] = [
    ("::", "::"),
    ("::1", "::1"),
    ("::2", "::ffff:ffff"),
    ("::ffff:0:0:0", "::ffff:0:ffff:ffff"),
    ("64:ff9b:0:0:0:1::", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff"),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    ("64:ff9b:2::", "64:ff9c::"),
    ("100::", "100::ffff:ffff:ffff:ffff"),
    ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"),
    ("200::", "3ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("400::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"),
    ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2606:4700::5efe:808:808", "2606:4700::200:5efe:808:808"),
    ("3ffe::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("5f01::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fe00::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fec0::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

fn address_hosts() -> Vec<String> {
    let mut hosts = Vec::new();
    let metadata: Ipv4Addr = "169.254.169.254".parse().unwrap();
    let v4 = V4_EDGES.iter().flat_map(|(first, last)| [first, last]).map(|ip| ip.parse().unwrap());
    for address in v4.chain([metadata]) {
        hosts.extend(v4_spellings(address));
        hosts.extend(carriers(address).into_iter().map(|v6| format!("[{v6}]")));
        hosts.push(format!("[::ffff:{address}]"));
        hosts.push(format!("[64:ff9b::{address}]"));
    }
    for (first, last) in V6_EDGES {
        for address in [first, last] {
            hosts.extend(v6_spellings(address.parse().unwrap()));
        }
    }
    hosts.sort();
    hosts.dedup();
    hosts
}

/// Every way in which a URL parser reads an IPv4 address (WHATWG URL, "IPv4 parser").
fn v4_spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets().map(u32::from);
    let whole = address.to_bits();
    let (low24, low16) = (whole & 0xff_ffff, whole & 0xffff);
    let dotted = address.to_string();
    vec![
        dotted.clone(),
        format!("{dotted}."),
        format!("{whole}"),
        format!("{whole}."),
        format!("0{whole:o}"),
        format!("0x{whole:x}"),
        format!("0X{whole:X}"),
        format!("0x{whole:016x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.000{b:o}.000{c:o}.000{d:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("{a}.{low24}"),
        format!("{a}.{b}.{low16}"),
        format!("0x{a:x}.0{b:o}.{low16}"),
        format!("0{a:o}.0x{low24:x}"),
        format!("{a}.{b}.0x{c:x}.0{d:o}"),
        fullwidth(&dotted),
        dotted.replace('.', "\u{3002}"),
        dotted.replace('.', "\u{ff61}"),
        percent(&dotted),
    ]
}

/// The IPv6 addresses whose packets end at an IPv4 address.
fn carriers(address: Ipv4Addr) -> Vec<Ipv6Addr> {
    let inner = u128::from(address.to_bits());
    let inverted = u128::from(!address.to_bits());
    let public = u128::from(Ipv4Addr::new(8, 8, 8, 8).to_bits());
    let inverted_public = u128::from(!Ipv4Addr::new(8, 8, 8, 8).to_bits());
    [
        inner,
        0xffff << 32 | inner,
        0xffff << 48 | inner,
        0x64_ff9b << 96 | inner,
        0x2002 << 112 | inner << 80 | 1,
        0x2001 << 112 | public << 64 | inverted,
        0x2001 << 112 | inner << 64 | inverted_public,
    ]
    .map(Ipv6Addr::from_bits)
    .to_vec()
}

fn v6_spellings(address: Ipv6Addr) -> Vec<String> {
    let segments = address.segments();
    let expanded = segments.map(|segment| format!("{segment:04x}")).join(":");
    let mut spellings = vec![
        format!("[{address}]"),
        format!("[{expanded}]"),
        format!("[{}]", expanded.to_uppercase()),
        format!("[{}]", segments.map(|segment| format!("{segment:x}")).join(":")),
    ];
    let [head @ .., _, _] = segments;
    let tail = Ipv4Addr::from_bits((address.to_bits() & 0xffff_ffff) as u32);
    let head = head.map(|segment| format!("{segment:x}")).join(":");
    spellings.push(format!("[{head}:{tail}]"));
    spellings
}

fn name_hosts() -> Vec<String> {
    let mut hosts = Vec::new();
    for suffix in ["home.arpa", "internal", "lan", "local", "localhost", "onion", "test"] {
        hosts.extend(name_spellings(suffix));
    }
    for single in ["push", "router", "metadata", "kubernetes", "intranet", "com", "xn--e1afmkfd"] {
        hosts.push(single.to_owned());
        hosts.push(format!("{single}."));
    }
    // The soft hyphen and the zero-width space vanish in IDNA; circled letters become plain ones.
    hosts.extend(["local\u{ad}host", "local\u{200b}host", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"].map(str::to_owned));
    hosts
}

fn name_spellings(suffix: &str) -> Vec<String> {
    let mut hosts = Vec::new();
    for name in [suffix.to_owned(), format!("push.{suffix}"), format!("a.b.c.{suffix}")] {
        hosts.push(format!("{name}."));
        hosts.push(name.to_uppercase());
        hosts.push(fullwidth(&name));
        hosts.push(percent(&name));
        hosts.push(name.replace('.', "\u{3002}") + "\u{ff0e}");
        hosts.push(name);
    }
    hosts
}

fn malformed_hosts() -> Vec<String> {
    let label = "a".repeat(64);
    let long = vec!["a".repeat(63); 4].join(".");
    vec![
        "push..example.net".to_owned(),
        "push.example.net..".to_owned(),
        "localhost..".to_owned(),
        ".localhost".to_owned(),
        "push.example.net,localhost".to_owned(),
        "push.example.net;localhost".to_owned(),
        "push.example.net'".to_owned(),
        "{localhost}".to_owned(),
        "*.example.net".to_owned(),
        format!("{label}.example.net"),
        format!("{long}.example.net"),
    ]
}

/// What is wrong beside the host.
fn shapes(canary: u16) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    let mut add = |rule: &'static str, url: String| endpoints.push(Endpoint { url, rule });
    for user in ["user@", "user:password@", "@", ":@", "push.example.net@", "a@b@", "%40@"] {
        add("user information", format!("https://{user}127.0.0.1:{canary}/"));
        add("user information", format!("https://{user}push.example.net/"));
    }
    for port in [0, 1, 22, 80, 442, 444, 4443, 6379, 8080, 8443, 9200, 65535, canary] {
        add("port", format!("https://push.example.net:{port}/"));
        add("port", format!("https://8.8.8.8:{port}/"));
        add("port", format!("https://[2606:4700:4700::1111]:{port}/"));
    }
    for scheme in ["http", "ws", "wss", "ftp", "HTTP"] {
        add("not https", format!("{scheme}://127.0.0.1:{canary}/"));
        add("not https", format!("{scheme}://push.example.net/"));
    }
    for scheme in ["gopher", "coap", "unix", "redis"] {
        add("not https", format!("{scheme}://127.0.0.1:{canary}/"));
    }
    for url in ["file:///etc/passwd", "data:text/plain,push", "javascript:0", "blob:https://a/b"] {
        add("not https", url.to_owned());
    }
    for fragment in ["", "f", "@push.example.net/"] {
        add("fragment", format!("https://127.0.0.1:{canary}/#{fragment}"));
        add("fragment", format!("https://localhost:{canary}/p#{fragment}"));
    }
    for (before, after) in [
        ("https:\\\\", ""),
        ("https:/\\", ""),
        ("https:", ""),
        ("https:/", ""),
        ("https:///", ""),
        (" https://", ""),
        ("https://", " "),
        ("ht\ntps://", ""),
        ("https://\t", ""),
        ("https://", "\\@push.example.net/"),
        ("https://", "\\push.example.net"),
        ("\u{1}https://", ""),
    ] {
        add("malformed", format!("{before}127.0.0.1:{canary}{after}"));
    }
    for url in ["", "/", "//127.0.0.1/", "127.0.0.1", "https://", "https://:443/", "push", "https"]
    {
        add("not an absolute URL", url.to_owned());
    }
    for host in ["[::1", "::1", "[::1%25lo]", "[fe80::1%eth0]", "1.2.3.4.5", "256.1.1.1", "a b"] {
        add("not an absolute URL", format!("https://{host}:{canary}/"));
    }
    for port in ["65536", "-1", "443x", "0x1bb"] {
        add("not an absolute URL", format!("https://127.0.0.1:{port}/"));
    }
    for length in [2049, 4096, 1 << 20] {
        let mut url = format!("https://127.0.0.1:{canary}/");
        url.extend(std::iter::repeat_n('a', length - url.len()));
        add("2048 octets", url);
    }
    endpoints
}

/// The same characters from the block "Halfwidth and Fullwidth Forms", which IDNA maps back.
fn fullwidth(text: &str) -> String {
    text.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect()
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, octet| {
        write!(out, "%{octet:02x}").unwrap();
        out
    })
}
