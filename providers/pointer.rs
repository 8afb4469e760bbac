//! Places in the JSON of a vendor's request, as JSON pointers (RFC 6901).

use serde_json::{Value, json};

use super::visible::{Members, overlay};

/// Puts a value where a JSON pointer (RFC 6901) of plain names says, making the objects on the way.
pub(super) fn set(members: &mut Members, pointer: &str, value: impl Into<Value>) {
    let nested = pointer.rsplit('/').filter(|name| !name.is_empty());
    let value = nested.fold(value.into(), |value, name| json!({ name: value }));
    if let Value::Object(nested) = value {
        overlay(members, nested);
    }
}
