//! Parts that checks are made of: addresses, requests, answers.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value};

use crate::Token;

/// The members of a token that only its provider understands.
pub(crate) fn address(token: &Token) -> Map<String, Value> {
    token.address().unwrap_or_default()
}

/// The texts in an address, however deep.
pub(crate) fn texts(address: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let mut found = Vec::new();
    let mut open: Vec<&Value> = address.values().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Array(values) => open.extend(values),
            Value::Object(members) => open.extend(members.values()),
            Value::String(text) => found.push(text.as_str()),
            _ => {}
        }
    }
    found.into_iter()
}

/// All octets of a request: method, address, fields and body.
pub(crate) fn octets(request: &Request<Bytes>) -> Vec<u8> {
    let mut octets = format!("{} {}\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        octets.extend_from_slice(name.as_str().as_bytes());
        octets.extend_from_slice(b": ");
        octets.extend_from_slice(value.as_bytes());
        octets.push(b'\n');
    }
    octets.extend_from_slice(request.body());
    octets
}

/// A response with a status and a body.
pub(crate) fn reply(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    // Every caller passes a status between 200 and 599.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    response
}

/// What a proxy in front of every push service answers.
pub(crate) const HTML: &str = "<!DOCTYPE html><title>Error</title><h1>Error</h1>";
