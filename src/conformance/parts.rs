//! Parts that checks are made of: addresses, requests, answers.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode, Uri};
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

/// A request taken apart: its method, the segments of its path, its query, its fields, and the
/// members of a body that is JSON or a form, each with a name of its own. What is percent-encoded
/// is decoded.
pub(crate) fn leaves(request: &Request<Bytes>) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    let uri = request.uri();
    leaves.insert("method".to_owned(), request.method().to_string());
    leaves.insert("origin".to_owned(), origin(uri));
    for (nth, segment) in uri.path().split('/').enumerate() {
        leaves.insert(format!("path {nth}"), decoded(segment));
    }
    pairs("query", uri.query().unwrap_or_default(), &mut leaves);
    for name in request.headers().keys() {
        let values = request.headers().get_all(name).iter();
        let values: Vec<_> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        leaves.insert(format!("field {name}"), values.join(", "));
    }
    if let Ok(value) = serde_json::from_slice::<Value>(request.body()) {
        members("body", &value, &mut leaves);
    } else if let Some(form) = form(request) {
        pairs("body", form, &mut leaves);
    } else {
        leaves.insert("body".to_owned(), request.body().escape_ascii().to_string());
    }
    leaves
}

/// The names of what differs between two requests.
pub(crate) fn differences(one: &Request<Bytes>, other: &Request<Bytes>) -> BTreeSet<String> {
    let (one, other) = (leaves(one), leaves(other));
    let names = one.keys().chain(other.keys());
    names.filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

fn members(name: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(values) => {
            for (nth, value) in values.iter().enumerate() {
                members(&format!("{name}/{nth}"), value, leaves);
            }
        }
        Value::Object(values) => {
            for (member, value) in values {
                members(&format!("{name}/{member}"), value, leaves);
            }
        }
        // A text may itself be JSON, as payloads of some push services are.
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Array(_) | Value::Object(_))) => members(name, &inner, leaves),
            _ => drop(leaves.insert(name.to_owned(), text.clone())),
        },
        value => drop(leaves.insert(name.to_owned(), value.to_string())),
    }
}

fn pairs(name: &str, text: &str, leaves: &mut BTreeMap<String, String>) {
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (member, value) = pair.split_once('=').unwrap_or((pair, ""));
        leaves.insert(format!("{name} {}", decoded(member)), decoded(&value.replace('+', " ")));
    }
}

fn form(request: &Request<Bytes>) -> Option<&str> {
    let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let text = str::from_utf8(request.body()).ok()?;
    kind.starts_with("application/x-www-form-urlencoded").then_some(text)
}

/// Scheme and authority of an address.
pub(crate) fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    format!("{scheme}://{}", uri.authority().map_or("", |authority| authority.as_str()))
}

/// Text with its percent-encoding undone, once.
pub(crate) fn decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        let digit = |octet: &u8| char::from(*octet).to_digit(16);
        match (first, others) {
            (b'%', [high, low, others @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    octets.extend(u8::try_from(high * 16 + low));
                    rest = others;
                }
                _ => octets.push(b'%'),
            },
            (octet, _) => octets.push(*octet),
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// A text of an address as a request carries it: without the origin, where it is a URL.
pub(crate) fn beyond_origin(text: &str) -> &str {
    let path =
        text.split_once("://").and_then(|(_, rest)| rest.find(['/', '?']).map(|at| &rest[at..]));
    path.unwrap_or(text)
}

/// Whether a request carries a text as it is, percent-encoded or as a member of JSON.
pub(crate) fn carries(request: &Request<Bytes>, text: &str) -> bool {
    let uri = request.uri().to_string();
    uri.contains(text)
        || decoded(&uri).contains(text)
        || leaves(request).values().any(|leaf| leaf.contains(text))
        || contains(&octets(request), text.as_bytes())
}

/// Whether octets occur among others.
pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return false };
    let mut rest = text;
    while let Some(at) = rest.iter().position(|octet| octet == first) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(part) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// A response with a status and a body.
pub(crate) fn reply(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    // Every caller passes a status between 200 and 599.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    response
}

/// A payload that occurs nowhere by chance.
pub(crate) const PAYLOAD: &str = "conformance-payload-q7Zt4vN2xLr9Kw";
/// The name of this check's subscription.
pub(crate) const NAME: &str = "k7fq2zt9wv4hx1ncb8";
/// What a proxy in front of every push service answers.
pub(crate) const HTML: &str = "<!DOCTYPE html><title>Error</title><h1>Error</h1>";
/// What answers in the place of a push service.
pub(crate) const PAGES: &[&str] = &[
    "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>",
    "<html><head><title>410 Gone</title></head><body>The page is gone.</body></html>",
    "<h1>Unregistered</h1><p>This domain has expired. Subscription not found.</p>",
    "404 page not found\n",
    "Not Found",
    "Gone",
    "gone",
    "expired",
    "not found",
    "unsubscribed",
    "unregistered",
    "UNREGISTERED",
    "{\"message\":\"Not Found\"}",
    "{\"error\":\"Not Found\"}",
    "{\"error\":\"not_found\"}",
    "{\"status\":404,\"error\":\"Not Found\",\"message\":\"\",\"path\":\"/\"}",
    "{\"code\":410,\"message\":\"Gone\"}",
    "{\"errors\":[\"Not Found\"]}",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart() {
        let body = r#"{"a":{"ttl":60,"b":["x/y","{\"c\":\"d\"}"]}}"#;
        let request = Request::post("https://push.example.net:8443/v1/a%2Fb?q=1%202")
            .header("urgency", "high")
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap();
        let leaves = leaves(&request);
        for (name, value) in [
            ("method", "POST"),
            ("origin", "https://push.example.net:8443"),
            ("path 2", "a/b"),
            ("query q", "1 2"),
            ("field urgency", "high"),
            ("body/a/ttl", "60"),
            ("body/a/b/0", "x/y"),
            ("body/a/b/1/c", "d"),
        ] {
            assert_eq!(leaves.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(carries(&request, "a/b") && carries(&request, "x/y") && !carries(&request, "y/x"));
    }

    #[test]
    fn percent_encoding_is_undone_once() {
        for (text, expected) in [("a%2fb", "a/b"), ("%2541", "%41"), ("%4", "%4"), ("%zz%", "%zz%")]
        {
            assert_eq!(decoded(text), expected);
        }
    }

    #[test]
    fn a_url_is_carried_beyond_its_origin() {
        assert_eq!(beyond_origin("https://push.example.net/a?b"), "/a?b");
        assert_eq!(beyond_origin("https://push.example.net?b"), "?b");
        assert_eq!(beyond_origin("channel"), "channel");
    }
}
