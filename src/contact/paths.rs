//! Where a relay takes what: `POST` to each, but [`KEYS`].

/// Begins a registration.
pub const CHALLENGE: &str = "/v1/challenge";
/// Gives addresses for a proof.
pub const ADDRESSES: &str = "/v1/addresses";
/// Takes a message for an address.
pub const MESSAGES: &str = "/v1/messages";
/// Passes a message on to another relay.
pub const FORWARD: &str = "/v1/forward";
/// Gives what waits for slots.
pub const HELD: &str = "/v1/held";
/// Revokes a slot.
pub const REVOKE: &str = "/v1/revoke";
/// `GET`: names the relay's keys.
pub const KEYS: &str = "/v1/keys";

/// All of them.
pub const ALL: [&str; 7] = [CHALLENGE, ADDRESSES, MESSAGES, FORWARD, HELD, REVOKE, KEYS];
