//! Addresses that strangers choose.

use std::net::Ipv4Addr;

use sealpush::providers::webpush::PushResource;
use sealpush::{EndpointGuard, Token};
use serde_json::json;
use url::{Host, Url};

/// A push resource, through the token, the guard, and the lists of allowed hosts.
pub fn endpoint(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let public = EndpointGuard::public();
    if public.check(text).is_ok() {
        let url = Url::parse(text).expect("what the guard passes is a URL");
        assert_eq!(url.scheme(), "https");
        assert!(url.username().is_empty() && url.password().is_none(), "user information");
        assert_eq!(url.port_or_known_default(), Some(443));
        match url.host().expect("it has a host") {
            Host::Domain(name) => {
                assert!(name.trim_end_matches('.').contains('.'), "a single label");
                assert!(!name.trim_end_matches('.').ends_with(".localhost"), "a local name");
            }
            Host::Ipv4(v4) => assert_is_public(v4),
            // Addresses that carry one of version 4 (RFC 4291 §2.5.5.2, RFC 6052) are judged by it.
            Host::Ipv6(v6) => match (v6.to_ipv4_mapped(), v6.segments()) {
                (Some(v4), _) => assert_is_public(v4),
                (None, [0x64, 0xff9b, 0, 0, 0, 0, high, low]) => {
                    assert_is_public((u32::from(high) << 16 | u32::from(low)).into());
                }
                (None, segments) => assert_eq!(segments[0] >> 13, 1, "not in 2000::/3"),
            },
        }
    }
    if EndpointGuard::loopback_for_tests().check(text).is_ok() {
        let url = Url::parse(text).expect("what the guard passes is a URL");
        match url.host().expect("it has a host") {
            Host::Domain(name) => assert_eq!(name.trim_end_matches('.'), "localhost"),
            Host::Ipv4(v4) => assert!(v4.is_loopback()),
            Host::Ipv6(v6) => {
                assert!(v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()));
            }
        }
    }
    if let Ok(listed) = EndpointGuard::allow_hosts([text]) {
        assert!(listed.check("http://push.invalid/").is_err());
        // A list adds and takes nothing away.
        assert!(listed.check("https://push.example.net/p").is_ok());
    }

    let keys = json!({
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    });
    let Ok(token) = json!({ "endpoint": text, "keys": keys }).to_string().parse::<Token>() else {
        return;
    };
    match PushResource::try_from(&token) {
        Ok(resource) => {
            assert!(resource.origin().starts_with("http"));
            assert!(!format!("{resource:?}").contains(text) || text.len() < 16);
        }
        Err(error) => super::assert_tells_nothing(&error, text),
    }
}

fn assert_is_public(v4: Ipv4Addr) {
    assert!(!(v4.is_loopback() || v4.is_private() || v4.is_link_local()), "{v4}");
    assert!(!(v4.is_unspecified() || v4.is_multicast() || v4.is_documentation()), "{v4}");
}
