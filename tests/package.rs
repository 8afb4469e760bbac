//! What the manifest promises to those who add the crate: its size, its parts, its Rust version.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

/// Names and versions of the crates of a normal build on this platform, ourselves included.
fn tree(features: &[&str]) -> BTreeSet<String> {
    let output = cargo(
        &[&["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"], features].concat(),
    );
    output.lines().map(|line| line.split(" (").next().unwrap().trim().to_owned()).collect()
}

/// What cargo says. It may use only what the build of this test has fetched: a test neither goes to
/// the registry nor trusts what another project has left in the cache, so every question is about
/// the platform that was built for.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .arg("--offline")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {}: {stderr}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// `--features` with all but `webpki-roots`, whose one crate is data and is not fetched for tests.
fn every_feature() -> [String; 2] {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages.iter().find(|package| package["name"] == "sealpush").unwrap();
    let names = ours["features"].as_object().unwrap().keys().map(String::as_str);
    let names: Vec<&str> = names.filter(|name| *name != "webpki-roots").collect();
    ["--features".to_owned(), names.join(",")]
}

/// The platform of this machine, as cargo calls it.
fn host() -> String {
    let version = cargo(&["--version", "--verbose"]);
    version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

fn has(tree: &BTreeSet<String>, name: &str) -> bool {
    tree.iter().any(|entry| entry.split(' ').next() == Some(name))
}

#[test]
fn the_default_tree_has_one_http_client_and_at_most_105_crates() {
    let tree = tree(&[]);
    assert!(has(&tree, "hyper") && has(&tree, "sealpush"), "{tree:?}");
    assert!(!has(&tree, "reqwest"), "a second HTTP client");
    assert!(tree.len() <= 105, "{} crates: {tree:#?}", tree.len());
    println!("default: {} crates", tree.len());
}

#[test]
fn the_core_alone_has_no_runtime_no_client_and_at_most_60_crates() {
    let tree = tree(&["--no-default-features", "--features", "rust-crypto"]);
    assert!(has(&tree, "p256"), "{tree:?}");
    for absent in ["tokio", "reqwest", "hyper", "url", "aws-lc-rs", "cc"] {
        assert!(!has(&tree, absent), "{absent} is in the core's tree");
    }
    assert!(tree.len() <= 60, "{} crates: {tree:#?}", tree.len());
    println!("core: {} crates", tree.len());
}

#[test]
fn nothing_pulls_rsa_openssl_or_a_second_tls_library() {
    let [flag, features] = every_feature();
    let tree = tree(&[&flag, &features]);
    for absent in ["rsa", "openssl", "openssl-sys", "native-tls", "ring"] {
        assert!(!has(&tree, absent), "{absent} is in the tree");
    }
}

/// Only the newest toolchain may be at hand, so this compares declarations: ours is the highest
/// `rust-version` of the crates that a user builds.
#[test]
fn the_rust_version_is_what_the_dependencies_need() {
    let [flag, features] = every_feature();
    let built = tree(&[&flag, &features]);
    let arguments = ["metadata", "--format-version", "1", "--filter-platform"];
    let metadata = cargo(&[&arguments[..], &[&host(), &flag, &features]].concat());
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let version = |text: &str| -> Vec<u32> {
        let mut parts: Vec<u32> = text.split('.').map(|part| part.parse().unwrap()).collect();
        parts.resize(3, 0);
        parts
    };
    let mut ours = None;
    let mut needed = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap().to_owned();
        let id = format!("{name} v{}", package["version"].as_str().unwrap());
        let Some(rust_version) = package["rust_version"].as_str() else { continue };
        if name == "sealpush" {
            ours = Some(version(rust_version));
        } else if built.contains(&id) {
            needed.push((version(rust_version), name));
        }
    }
    let highest = needed.into_iter().max().unwrap();
    assert_eq!(ours.unwrap(), highest.0, "needed by {}", highest.1);
}
