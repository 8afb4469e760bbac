//! JSON of the caller's own that travels in the clear beside a sealed body: members of a vendor's
//! request that have no method here.

use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// Members of a request.
pub(super) type Members = Map<String, Value>;

/// Reads an object. The error repeats nothing of it.
///
/// # Errors
///
/// `Configuration` for what is none.
pub(super) fn read(json: &str) -> Result<Members> {
    serde_json::from_str(json).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::new(ErrorKind::Configuration, format!("the override is no JSON object ({place})"))
    })
}

/// Merges objects into objects; everything else replaces what was there.
pub(super) fn overlay(below: &mut Members, above: Members) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => overlay(below, above),
            (_, value) => {
                below.insert(name, value);
            }
        }
    }
}
