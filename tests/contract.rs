//! The contract about a renewal stands in the same words wherever an author may look for it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

const CONTRACT: &str = "One call is one attempt; a refused credential may be renewed once and the \
                        request repeated inside one call.";

#[test]
fn the_contract_about_a_renewal_is_the_same_everywhere() {
    for path in ["src/provider.rs", "src/guide/providers.md", "CONTRIBUTING.md"] {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        let words: Vec<_> = text.split_whitespace().filter(|word| *word != "///").collect();
        assert!(words.join(" ").contains(CONTRACT), "{path}");
    }
}
