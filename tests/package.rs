//! What the manifest promises to those who add the crate: its size, its parts, its Rust version.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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

/// The directory of a published crate, given as `name vVERSION`. Cargo's own answer would be about
/// all members of the workspace, which a build of this test does not fetch.
fn published(package: &str) -> PathBuf {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.unwrap_or_else(|| std::env::home_dir().unwrap().join(".cargo"));
    let name = package.replace(" v", "-");
    let registries = std::fs::read_dir(home.join("registry/src")).unwrap();
    let mut places = registries.map(|registry| registry.unwrap().path().join(&name));
    places.find(|place| place.is_dir()).unwrap_or_else(|| panic!("{name} is not in {home:?}"))
}

/// What the manifest in a directory says.
fn rust_version(directory: &Path) -> Option<String> {
    let manifest = std::fs::read_to_string(directory.join("Cargo.toml")).unwrap();
    let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \""))?;
    line.strip_suffix('"').map(str::to_owned)
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
    let version = |text: &str| -> Vec<u32> {
        let mut parts: Vec<u32> = text.split('.').map(|part| part.parse().unwrap()).collect();
        parts.resize(3, 0);
        parts
    };
    let needed = built
        .iter()
        .filter(|package| !package.starts_with("sealpush "))
        .filter_map(|package| Some((version(&rust_version(&published(package))?), package)));
    let highest = needed.max().unwrap();
    let ours = rust_version(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    assert_eq!(version(&ours), highest.0, "needed by {}", highest.1);
}

/// The README cannot include a file, so two places say what stays visible, and they say the same.
#[test]
fn what_stays_visible_between_contacts_is_said_in_the_same_words_everywhere() {
    let paragraphs = |file: &str, start: &str, end: &str| {
        let (_, text) = file.split_once(start).unwrap();
        let (text, _) = text.split_once(end).unwrap();
        text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let readme = paragraphs(
        include_str!("../README.md"),
        "Between contacts (feature `contact`), word for word:\n",
        "\n## ",
    );
    let chapter = paragraphs(
        include_str!("../src/guide/contact.md"),
        "# What stays visible\n",
        "\nOver a carrier without an outer layer",
    );
    assert!(readme.len() > 300);
    assert_eq!(readme.join(" "), chapter.join(" "));
}
