//! One target for libFuzzer: the program's name is the target's.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    sealpush_fuzz::run(env!("CARGO_BIN_NAME"), octets);
});
