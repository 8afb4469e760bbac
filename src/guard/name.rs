//! Which host names lead to the open internet.

/// Refuses what is no host name, and names that mean another host on every network or none.
/// The name is in its ASCII form and without the trailing dot.
pub(super) fn check_public(name: &str) -> Result<(), &'static str> {
    check_form(name)?;
    if LOCAL_NAMES.iter().any(|local| is_or_is_below(name, local)) || !name.contains('.') {
        return Err(
            "the host of the push resource is a name for local use; if it is your own push \
                    service, list it with `EndpointGuard::allow_hosts`",
        );
    }
    Ok(())
}

/// Refuses what is no host name, by its form.
pub(super) fn check_form(name: &str) -> Result<(), &'static str> {
    let labels_are_good = name.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
    });
    if name.len() > 253 || !labels_are_good {
        return Err("the host of the push resource is not a host name (RFC 1123 §2.1)");
    }
    Ok(())
}

/// Whether nothing can ever be delivered to the name: no host is under `.invalid` (RFC 6761 §6.4).
pub(super) fn is_undeliverable(name: &str) -> bool {
    is_or_is_below(name, "invalid")
}

fn is_or_is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Names that mean another host on every network: RFC 6761, RFC 6762, RFC 7686, RFC 8375, and the
/// private names that ICANN keeps out of the root (`internal`, and by custom `lan`).
const LOCAL_NAMES: [&str; 7] =
    ["home.arpa", "internal", "lan", "local", "localhost", "onion", "test"];
