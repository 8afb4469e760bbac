//! `examples/android-receiver` on the JDK: the shared vectors, and freshly sealed bodies.

use std::fs;
use std::path::{Path, PathBuf};

use super::installed::find;
use super::program::run;
use super::vectors;

const RECEIVER: &str = "examples/android-receiver";

#[test]
fn java_opens_and_refuses_what_the_crate_does() {
    let (Some(javac), Some(java)) = (find(&["javac"]), find(&["java"])) else { return };
    let classes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("java");
    // Android takes what Java 8 takes.
    let compile = ["-Xlint:all,-options", "-Werror", "--release", "8", "-d"].map(PathBuf::from);
    let sources = ["SealedMessages.java", "SealedMessagesTest.java"].map(PathBuf::from);
    run(&javac, compile.iter().chain([&classes]).chain(&sources), RECEIVER, "");

    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vectors.txt");
    fs::write(&fresh, vectors::write()).unwrap();
    for file in [vectors::path(), fresh] {
        let arguments = ["-cp".into(), classes.clone(), "SealedMessagesTest".into(), file];
        let output = run(&java, arguments, RECEIVER, "");
        assert_eq!(output, "opened 15, refused 73\ntexts: opened 3, refused 18\nok\n");
    }
}
