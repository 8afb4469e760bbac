//! The embedded push service and the conformance kit stand on storeys: what is below knows nothing of
//! what is above, and no push service knows another. The server under it knows neither it nor the conformance kit.

#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up; modules on one storey do not know each other.
const STOREYS: &[&[&str]] = &[
    &["answer", "paths", "protocol", "uuid"],
    &["faults", "record", "site", "store", "user_agent"],
    &["acknowledgement", "es256"],
    &["hub"],
    &["call", "device"],
    &["oauth"],
    &["apns", "fcm", "klaviyo", "onesignal", "pubsub", "sailthru", "webpush"],
    &["router"],
];

#[test]
fn imports_of_the_push_service_lead_downwards_only() {
    let local = source("local");
    let mut imports_seen = 0;
    for file in files(&local) {
        let inside = file.strip_prefix(&local).unwrap();
        let parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        let module = parts[0].trim_end_matches(".rs");
        // The whole knows everything.
        if module == "mod" || parts.last() == Some(&"tests.rs") {
            continue;
        }
        let prefix = match parts.as_slice() {
            [_] | [_, "mod.rs"] => "super::",
            _ => "super::super::",
        };
        let own = storey(module).unwrap_or_else(|| panic!("{module} stands on no storey"));
        for import in imports(&file, prefix) {
            let Some(other) = storey(&import) else { continue };
            imports_seen += 1;
            assert!(other < own, "{} imports {import} from above or beside it", inside.display());
        }
    }
    assert!(imports_seen > 40, "{imports_seen} imports were found");
}

/// A newcomer who follows `CONTRIBUTING.md` finds what it names.
#[test]
fn every_path_that_the_walk_through_the_house_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let is_path = |word: &&str| {
        word.contains('/')
            && !word.contains("NAME")
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b))
    };
    // Every other piece between backticks is code.
    let named: Vec<_> = text.split('`').skip(1).step_by(2).filter(is_path).collect();
    for path in &named {
        let there = ["", "src", "src/seal", "providers", "tests"]
            .iter()
            .any(|room| root.join(room).join(path).exists());
        assert!(there, "CONTRIBUTING.md names `{path}`");
    }
    assert!(named.len() > 30, "{} paths were found", named.len());
}

/// The same of the conformance kit.
const KIT: &[&[&str]] = &[
    &["checked", "parts", "report", "scenario", "secret", "trace", "wire"],
    &["again", "answer"],
    &["server"],
    &["vendor"],
    &["harness"],
    &["amend", "known", "watch"],
    &["attempt", "stage"],
    &["kit"],
    &["check"],
    &["checks"],
    &["judge"],
];

#[test]
fn imports_of_the_kit_lead_downwards_only() {
    let kit = source("conformance");
    let mut imports_seen = 0;
    for file in files(&kit) {
        let inside = file.strip_prefix(&kit).unwrap();
        let parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        let module = parts[0].trim_end_matches(".rs");
        // The whole and its macro know everything.
        if ["mod", "macros"].contains(&module) {
            continue;
        }
        let own = on(KIT, module).unwrap_or_else(|| panic!("{module} stands on no storey"));
        let beside = if parts.len() == 1 { "super::" } else { "super::super::" };
        for prefix in [beside, "crate::conformance::"] {
            for import in imports(&file, prefix).into_iter().filter(|import| import != module) {
                let Some(other) = on(KIT, &import) else { continue };
                imports_seen += 1;
                assert!(other < own, "{} imports {import} from above", inside.display());
            }
        }
    }
    assert!(imports_seen > 100, "{imports_seen} imports were found");
}

#[test]
fn the_server_knows_neither_of_its_users_nor_they_each_other() {
    for (folder, others) in [
        ("serve", ["crate::local", "crate::conformance"]),
        ("local", ["crate::conformance", "crate::providers"]),
        ("conformance", ["crate::local", "crate::providers"]),
    ] {
        for file in files(&source(folder)) {
            for line in fs::read_to_string(&file).unwrap().lines() {
                let line = line.trim_start();
                let found = others.iter().find(|other| line.contains(*other));
                assert!(line.starts_with("//") || found.is_none(), "{}: {line}", file.display());
            }
        }
    }
}

fn storey(module: &str) -> Option<usize> {
    on(STOREYS, module)
}

fn on(storeys: &[&[&str]], module: &str) -> Option<usize> {
    storeys.iter().position(|storey| storey.contains(&module))
}

/// The modules that a file imports from under `prefix`.
fn imports(file: &Path, prefix: &str) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("\n#[cfg(test)]").next().unwrap();
    let statements = code.split(';').filter_map(|statement| {
        let (_, path) = statement.rsplit_once("use ")?;
        let path: String = path.split_whitespace().collect();
        path.strip_prefix(prefix).map(str::to_owned)
    });
    statements
        .flat_map(|path| match path.strip_prefix('{') {
            None => vec![first(&path)],
            Some(list) => list.trim_end_matches('}').split(',').map(first).collect(),
        })
        .collect()
}

fn first(path: &str) -> String {
    path.split("::").next().unwrap().to_owned()
}

fn source(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
