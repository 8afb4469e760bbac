//! What the core reads: tokens, sealed bodies, notifications, options.

use std::sync::LazyLock;

use sealpush::notification::{Link, Notification};
use sealpush::seal::{MAX_BODY, MAX_PLAINTEXT, open_data as open_map};
use sealpush::{
    ErrorKind, Padding, Placeholder, ProviderId, Sealed, Token, Topic, Ttl, Urgency,
    UserAgentSecret, seal,
};

use super::assert_tells_nothing;

/// A fixed user agent, so that a corpus can hold bodies that it opens: that of RFC 8291,
/// appendix A.
static USER_AGENT: LazyLock<UserAgentSecret> = LazyLock::new(|| {
    let scalar = b"\xab\x57\x57\xa7\x0d\xd4\xa5\x3e\x55\x3a\x6b\xbf\x71\xff\xef\xea\
        \x28\x74\xec\x07\xa6\xb3\x79\xe3\xc4\x8f\x89\x5a\x02\xdc\x33\xde";
    let auth = b"\x05\x30\x59\x32\xa1\xc7\xea\xbe\x13\xb6\xce\xc9\xfd\xa4\x88\x82";
    UserAgentSecret::new(scalar, auth).expect("the standard's keys are keys")
});

/// A token from its JSON, and back.
pub fn token(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    match text.parse::<Token>() {
        Ok(token) => {
            let json = token.to_json();
            let again: Token = json.parse().expect("what was written is read");
            assert_eq!(again, token);
            assert_eq!(again.fingerprint(), token.fingerprint());
            let shown = format!("{token:?}");
            if let Some(endpoint) = token.expose("endpoint").filter(|text| text.len() > 32) {
                assert!(!shown.contains(endpoint), "{shown}");
            }
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidToken);
            assert_tells_nothing(&error, text);
        }
    }
}

/// A sealed body; and the octets sealed, opened, and opened with one octet changed.
pub fn open(octets: &[u8]) {
    let opened = sealpush::open(&USER_AGENT, octets);
    let shape = Sealed::from_octets(octets.to_vec());
    if let Ok(plaintext) = &opened {
        assert!(octets.len() <= MAX_BODY && plaintext.len() <= MAX_PLAINTEXT);
        assert!(shape.is_ok(), "it opens and has not the shape of what opens");
    }

    let sealed = seal(USER_AGENT.keys(), octets, Padding::None);
    assert_eq!(sealed.is_ok(), octets.len() <= MAX_PLAINTEXT);
    let Ok(sealed) = sealed else { return };
    assert_eq!(sealpush::open(&USER_AGENT, sealed.as_ref()).as_deref(), Ok(octets));
    let mut changed = sealed.as_ref().to_vec();
    let position =
        octets.iter().fold(octets.len(), |sum, octet| sum * 31 + usize::from(*octet) & 0xffff);
    let position = position % changed.len();
    changed[position] ^= 1 + octets.first().copied().unwrap_or_default() % 255;
    // Three octets of the record size may change: they are not authenticated.
    if !(16..20).contains(&position) {
        assert!(sealpush::open(&USER_AGENT, &changed).is_err(), "octet {position} was changed");
    }
}

/// A data map as FCM and OneSignal hand it to an app.
pub fn open_data(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let _ = open_map(&USER_AGENT, fields);
    let _ = open_map(&USER_AGENT, [(sealpush::seal::DATA_FIELD, text)]);
}

/// A notification from its JSON, and back.
pub fn notification(octets: &[u8]) {
    match Notification::from_json(octets) {
        Ok(notification) => {
            let again = Notification::from_json(notification.to_json().as_bytes())
                .expect("what was written is read");
            assert!(again == notification, "it comes back as another");
            let _ = notification.check();
        }
        Err(error) => assert_tells_nothing(&error, &String::from_utf8_lossy(octets)),
    }
}

/// The small types of RFC 8030 and their kin.
pub fn options(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if let Ok(topic) = text.parse::<Topic>() {
        assert!((1..=32).contains(&text.len()) && topic.as_str() == text);
    }
    if let Ok(ttl) = text.parse::<Ttl>() {
        assert_eq!(text.trim_start_matches('0'), ttl.as_secs().to_string().trim_start_matches('0'));
    }
    if let Ok(urgency) = text.parse::<Urgency>() {
        assert_eq!(urgency.as_str(), text);
    }
    if text.parse::<Placeholder>().is_ok() {
        assert!(!text.chars().any(char::is_control));
    }
    if let Ok(id) = text.parse::<ProviderId>() {
        assert_eq!(id.as_str(), text);
    }
    if let Ok(link) = text.parse::<Link>() {
        assert_eq!(link.expose(), text);
        assert!(!text.contains(['\\', ' ', '\n']) && !text.starts_with("javascript:"));
    }
}
