//! Which addresses are public, as data: IPv4 less what is special, IPv6 by allowing.
//!
//! Sources: the IANA registries of special-purpose addresses (RFC 6890 and its updates), the
//! registry of global unicast assignments for IPv6, and the RFC named at each line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Whether a push service on the open internet can have this address.
///
/// An IPv6 address that carries an IPv4 address is as public as the one it carries. Of the others
/// only global unicast is public: what nobody has assigned yet will be somebody's network one day,
/// and not necessarily everybody's.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) if is_isatap(v6) => false,
        IpAddr::V6(v6) => carried_v4(v6).map_or_else(
            || GLOBAL_V6.contains(v6) && !BLOCKED_V6.iter().any(|block| block.contains(v6)),
            |carried| carried.into_iter().flatten().all(is_public_v4),
        ),
    }
}

/// Whether the address is this machine's own, also where it is written as IPv4 in IPv6.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !BLOCKED_V4.iter().any(|block| block.contains(address))
}

/// Whether the interface identifier is an IPv4 address inside somebody's network: ISATAP, RFC 5214
/// §6.1, with the bit for "globally unique" set or not.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [.., a, b, _, _] = address.segments();
    a & !0x200 == 0 && b == 0x5efe
}

/// The IPv4 addresses that packets to this IPv6 address end at, by the known ways of carrying them.
fn carried_v4(address: Ipv6Addr) -> Option<[Option<Ipv4Addr>; 2]> {
    let bits = address.to_bits();
    // The 32 bits that follow the first `offset` bits.
    let v4_at = |offset: u32| {
        let [.., a, b, c, d] = (bits >> (96 - offset)).to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    if LAST_32_BITS.iter().any(|block| block.contains(address)) {
        Some([Some(v4_at(96)), None])
    } else if SIX_TO_FOUR.contains(address) {
        Some([Some(v4_at(16)), None])
    } else if TEREDO.contains(address) {
        // The relay's server, then the client with every bit turned over.
        Some([Some(v4_at(32)), Some(Ipv4Addr::from_bits(!v4_at(96).to_bits()))])
    } else {
        None
    }
}

/// Addresses with a common prefix, as in `198.18.0.0/15` (RFC 4632 §3.1, RFC 4291 §2.3).
#[derive(Clone, Debug)]
pub(super) enum Range {
    V4(V4),
    V6(V6),
}

impl Range {
    /// Whether the address is in it, also where it is an IPv4 address written as IPv6.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Self::V4(block), IpAddr::V4(v4)) => block.contains(v4),
            (Self::V6(block), IpAddr::V6(v6)) => block.contains(v6),
            _ => false,
        }
    }
}

impl FromStr for Range {
    type Err = ();

    /// Refuses a first address that is not the first of its range, and the range of everything.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, prefix) = text.split_once('/').ok_or(())?;
        if prefix.is_empty() || !prefix.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(());
        }
        let prefix: u32 = prefix.parse().map_err(|_| ())?;
        match first.parse().map_err(|_| ())? {
            IpAddr::V4(v4) => {
                let rest = u32::MAX.checked_shr(prefix).unwrap_or(0);
                let good = (1..=32).contains(&prefix) && v4.to_bits() & rest == 0;
                good.then_some(Self::V4(V4(v4, prefix))).ok_or(())
            }
            IpAddr::V6(v6) => {
                let rest = u128::MAX.checked_shr(prefix).unwrap_or(0);
                let good = (1..=128).contains(&prefix) && v6.to_bits() & rest == 0;
                good.then_some(Self::V6(V6(v6, prefix))).ok_or(())
            }
        }
    }
}

/// A block of IPv4 addresses: the first one and the length of the prefix in bits.
#[derive(Clone, Debug)]
pub(super) struct V4(Ipv4Addr, u32);

impl V4 {
    const fn new(a: u8, b: u8, c: u8, d: u8, prefix: u32) -> Self {
        Self(Ipv4Addr::new(a, b, c, d), prefix)
    }

    fn contains(&self, address: Ipv4Addr) -> bool {
        (self.0.to_bits() ^ address.to_bits()).leading_zeros() >= self.1
    }
}

/// A block of IPv6 addresses: the first one and the length of the prefix in bits.
#[derive(Clone, Debug)]
pub(super) struct V6(Ipv6Addr, u32);

impl V6 {
    const fn new(segments: [u16; 8], prefix: u32) -> Self {
        let [a, b, c, d, e, f, g, h] = segments;
        Self(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
    }

    fn contains(&self, address: Ipv6Addr) -> bool {
        (self.0.to_bits() ^ address.to_bits()).leading_zeros() >= self.1
    }
}

const BLOCKED_V4: [V4; 15] = [
    V4::new(0, 0, 0, 0, 8),       // this network, RFC 791
    V4::new(10, 0, 0, 0, 8),      // private use, RFC 1918
    V4::new(100, 64, 0, 0, 10),   // shared by carriers, RFC 6598
    V4::new(127, 0, 0, 0, 8),     // loopback, RFC 1122
    V4::new(169, 254, 0, 0, 16),  // link-local and cloud metadata, RFC 3927
    V4::new(172, 16, 0, 0, 12),   // private use, RFC 1918
    V4::new(192, 0, 0, 0, 24),    // protocol assignments, RFC 6890
    V4::new(192, 0, 2, 0, 24),    // documentation, RFC 5737
    V4::new(192, 88, 99, 0, 24),  // 6to4 relays, RFC 7526
    V4::new(192, 168, 0, 0, 16),  // private use, RFC 1918
    V4::new(198, 18, 0, 0, 15),   // benchmarks, RFC 2544
    V4::new(198, 51, 100, 0, 24), // documentation, RFC 5737
    V4::new(203, 0, 113, 0, 24),  // documentation, RFC 5737
    V4::new(224, 0, 0, 0, 4),     // multicast, RFC 5771
    V4::new(240, 0, 0, 0, 4),     // reserved and broadcast, RFC 1112
];

/// Global unicast, RFC 4291 §2.4 and the registry of its assignments.
const GLOBAL_V6: V6 = V6::new([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What in global unicast is not public.
const BLOCKED_V6: [V6; 5] = [
    V6::new([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), // benchmarks, RFC 5180
    V6::new([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28), // hash identifiers, RFC 4843
    V6::new([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation, RFC 3849
    V6::new([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16), // 6bone, RFC 3701
    V6::new([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation, RFC 9637
];

/// Blocks whose last 32 bits are an IPv4 address.
const LAST_32_BITS: [V6; 2] = [
    V6::new([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), // IPv4-mapped, RFC 4291
    V6::new([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), // NAT64, RFC 6052
];

/// 6to4 carries IPv4 in bits 16 to 47, RFC 3056.
const SIX_TO_FOUR: V6 = V6::new([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);

/// Teredo carries the server in bits 32 to 63 and the client, inverted, in the last 32: RFC 4380.
const TEREDO: V6 = V6::new([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);

#[cfg(test)]
mod tests {
    use super::*;

    fn public(address: &str) -> bool {
        is_public(address.parse().unwrap())
    }

    #[test]
    fn both_edges_of_every_blocked_v4_range_are_blocked_and_their_neighbours_are_not() {
        for V4(first, prefix) in BLOCKED_V4 {
            let first = first.to_bits();
            let last = first | u32::MAX.checked_shr(prefix).unwrap();
            for edge in [first, last] {
                assert!(!is_public_v4(Ipv4Addr::from_bits(edge)), "{}", Ipv4Addr::from_bits(edge));
            }
            for neighbour in [first.checked_sub(1), last.checked_add(1)].into_iter().flatten() {
                let neighbour = Ipv4Addr::from_bits(neighbour);
                let adjacent = BLOCKED_V4.iter().any(|block| block.contains(neighbour));
                // 224/4 and 240/4 touch; no other two do.
                assert_eq!(adjacent, neighbour.octets()[0] >= 224, "{neighbour}");
            }
        }
    }

    #[test]
    fn both_edges_of_every_blocked_v6_range_are_blocked_and_their_neighbours_are_not() {
        for V6(first, prefix) in BLOCKED_V6 {
            let first = first.to_bits();
            let last = first | (u128::MAX >> prefix);
            for edge in [first, last] {
                assert!(!is_public(Ipv6Addr::from_bits(edge).into()), "{edge:x}");
            }
            for neighbour in [first - 1, last + 1].map(Ipv6Addr::from_bits) {
                // 3ffe::/16 and 3fff::/20 touch; no other two do.
                let adjacent = BLOCKED_V6.iter().any(|block| block.contains(neighbour));
                assert_eq!(
                    adjacent,
                    neighbour.segments()[0] >= 0x3ffe && prefix != 20
                        || neighbour.segments()[0] == 0x3ffe,
                    "{neighbour}"
                );
                assert_eq!(is_public(neighbour.into()), !adjacent, "{neighbour}");
            }
        }
    }

    #[test]
    fn of_ipv6_only_global_unicast_is_public() {
        for address in [
            "2000::",
            "2001:1:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:200::",
            "2606:4700:4700::1111",
            "2a00:1450:4001:831::200e",
            "2003::",
            "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            assert!(public(address), "{address}");
        }
        for address in [
            "::",
            "::1",
            "::2",
            "::ffff:0:8.8.8.8", // IPv4-translated, RFC 2765
            "64:ff9b:0:0:0:1::",
            "64:ff9b:1::",
            "64:ff9b:2::",
            "100::",
            "100:0:0:1::",
            "1ff:ffff::",
            "200::",
            "3ff:ffff::",
            "400::",
            "1000::",
            "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "4000::",
            "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "5f00::",
            "5f01::",
            "6000::",
            "8000::",
            "c000::",
            "e000::",
            "f000::",
            "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "fc00::",
            "fd00::1",
            "fe00::",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn an_isatap_address_is_never_public() {
        for prefix in ["2606:4700:0:1", "2002:808:808:1", "2001:0:808:808", "fe80:0:0:0"] {
            for identifier in ["0:5efe:8.8.8.8", "200:5efe:8.8.8.8", "0:5efe:a00:1"] {
                assert!(!public(&format!("{prefix}:{identifier}")), "{prefix}:{identifier}");
            }
        }
        for identifier in ["0:5efd:808:808", "100:5efe:808:808", "5efe:0:808:808"] {
            assert!(public(&format!("2606:4700:0:1:{identifier}")), "{identifier}");
        }
    }

    #[test]
    fn a_range_has_its_edges() {
        let range: Range = "198.18.0.0/15".parse().unwrap();
        for (address, inside) in [
            ("198.17.255.255", false),
            ("198.18.0.0", true),
            ("198.19.255.255", true),
            ("::ffff:198.18.0.1", true),
            ("198.20.0.0", false),
            ("2001:db8::", false),
        ] {
            assert_eq!(range.contains(address.parse().unwrap()), inside, "{address}");
        }
        let range: Range = "fd12:3456::/32".parse().unwrap();
        assert!(range.contains("fd12:3456:ffff::1".parse().unwrap()));
        assert!(!range.contains("fd12:3457::".parse().unwrap()));
        let one: Range = "10.0.0.1/32".parse().unwrap();
        assert!(one.contains("10.0.0.1".parse().unwrap()));
        assert!(!one.contains("10.0.0.2".parse().unwrap()));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/+8",
            "10.0.0.0/-8",
            "fd00::/129",
            "fd00::1/64",
            "10/8",
            "a.example/8",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/8 ",
        ] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_in_ipv6_clothes_is_as_public_as_the_ipv4_address_it_carries() {
        for (inner, expected) in [("10.0.0.1", false), ("127.0.0.1", false), ("8.8.8.8", true)] {
            let v4: Ipv4Addr = inner.parse().unwrap();
            let [a, b] = [v4.to_bits() >> 16, v4.to_bits() & 0xffff];
            let [x, y] = [!v4.to_bits() >> 16, !v4.to_bits() & 0xffff];
            for outer in [
                format!("::ffff:{a:x}:{b:x}"),
                format!("64:ff9b::{a:x}:{b:x}"),
                format!("2002:{a:x}:{b:x}::1"),
                format!("2001:0:808:808::{x:x}:{y:x}"),
                format!("2001:0:{a:x}:{b:x}::f7f7:f7f7"),
            ] {
                assert_eq!(public(&outer), expected, "{outer}");
            }
            assert!(!public(&format!("::{a:x}:{b:x}")), "IPv4-compatible is gone, RFC 4291");
        }
    }

    #[test]
    fn loopback_is_seen_in_every_form() {
        for address in ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(address.parse().unwrap()), "{address}");
        }
        for address in ["128.0.0.0", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1", "::127.0.0.1"] {
            assert!(!is_loopback(address.parse().unwrap()), "{address}");
        }
    }
}
