//! A vendor's golden answers of `tests/exchanges`, by what the conformance kit asks for.

use std::path::PathBuf;

use bytes::Bytes;
use http::Response;
use sealpush::conformance::Scenario;
use serde_json::Value;

/// The answers that mean a scenario, but for those that `fits` leaves out by name and content.
pub(crate) fn answers(
    vendor: &str,
    scenario: Scenario,
    fits: impl Fn(&str, &Value) -> bool,
) -> Vec<Response<Bytes>> {
    let directory: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests/exchanges", vendor, "answers"].iter().collect();
    let mut files: Vec<_> =
        directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let rows = files.into_iter().map(|path| {
        let content = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_str::<Value>(&content).unwrap())
    });
    rows.filter(|(name, row)| means(row, scenario) && fits(name, row))
        .map(|(_, row)| response(&row))
        .collect()
}

fn means(row: &Value, scenario: Scenario) -> bool {
    let kind = row["means"]["kind"].as_str();
    match scenario {
        Scenario::Accepted => kind.is_none(),
        Scenario::AcceptedButRefused => {
            row["status"].as_u64().unwrap() < 300
                && kind.is_some_and(|kind| kind != "UnexpectedResponse")
        }
        Scenario::Mismatch => kind == Some("TokenMismatch"),
        Scenario::MintRefused | Scenario::MintUnavailable => false,
        scenario => kind == Some(&format!("{scenario:?}")),
    }
}

fn response(row: &Value) -> Response<Bytes> {
    let mut response = Response::builder().status(row["status"].as_u64().unwrap() as u16);
    for (name, value) in row["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().unwrap());
    }
    let body = match &row["body"] {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    response.body(body.into()).unwrap()
}
