//! Which addresses are public: the block lists, as data.
//!
//! Sources: the IANA registries of special-purpose addresses (RFC 6890 and its updates), and the
//! RFC named at each line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a push service on the open internet can have this address.
///
/// An IPv6 address that carries an IPv4 address is as public as the one it carries.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => carried_v4(v6).map_or_else(
            || !BLOCKED_V6.iter().any(|block| block.contains(v6)),
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

/// A block of IPv4 addresses: the first one and the length of the prefix in bits.
struct V4(Ipv4Addr, u32);

impl V4 {
    const fn new(a: u8, b: u8, c: u8, d: u8, prefix: u32) -> Self {
        Self(Ipv4Addr::new(a, b, c, d), prefix)
    }

    fn contains(&self, address: Ipv4Addr) -> bool {
        (self.0.to_bits() ^ address.to_bits()).leading_zeros() >= self.1
    }
}

/// A block of IPv6 addresses: the first one and the length of the prefix in bits.
struct V6(Ipv6Addr, u32);

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

const BLOCKED_V6: [V6; 11] = [
    V6::new([0; 8], 96), // unspecified, loopback, IPv4-compatible, RFC 4291
    V6::new([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), // local translation, RFC 8215
    V6::new([0x100, 0, 0, 0, 0, 0, 0, 0], 64), // discard, RFC 6666
    V6::new([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), // benchmarks, RFC 5180
    V6::new([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation, RFC 3849
    V6::new([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation, RFC 9637
    V6::new([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), // segment routing, RFC 9602
    V6::new([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), // unique local, RFC 4193
    V6::new([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), // link-local, RFC 4291
    V6::new([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), // site-local, RFC 3879
    V6::new([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), // multicast, RFC 4291
];

/// Blocks whose last 32 bits are an IPv4 address.
const LAST_32_BITS: [V6; 3] = [
    V6::new([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), // IPv4-mapped, RFC 4291
    V6::new([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), // IPv4-translated, RFC 2765
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
    fn both_edges_of_every_blocked_v6_range_are_blocked() {
        for V6(first, prefix) in BLOCKED_V6 {
            let first = first.to_bits();
            let last = first | (u128::MAX >> prefix);
            for edge in [first, last] {
                assert!(!is_public(Ipv6Addr::from_bits(edge).into()), "{edge:x}");
            }
        }
    }

    #[test]
    fn the_neighbours_of_blocked_v6_ranges_are_public() {
        for address in [
            "64:ff9b:2::",
            "100:0:0:1::",
            "2001:1:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:2:1::",
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db9::",
            "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "3fff:1000::",
            "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "5f01::",
            "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "fe00::",
            "2606:4700:4700::1111",
            "2a00:1450:4001:831::200e",
        ] {
            assert!(public(address), "{address}");
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
                format!("::ffff:0:{a:x}:{b:x}"),
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
