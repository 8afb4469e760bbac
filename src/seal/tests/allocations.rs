//! Sealing allocates the body and nothing else.

use allocation_counter::measure;

use super::*;

on_every_backend!(one_message_is_one_allocation_beside_those_of_the_library);

/// The library's own allocations (aws-lc-rs boxes public keys) are measured apart and taken off.
fn one_message_is_one_allocation_beside_those_of_the_library<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    let library = measure(|| {
        let fresh = Fresh::<B>::draw().unwrap();
        B::public_octets(&fresh.private_key).unwrap();
        B::agree(&fresh.private_key, &ua.point).unwrap();
        B::encrypt(&[0; 16], &[0; 12], &mut [0; 64]).unwrap();
    });
    let sealing = measure(|| {
        ua.seal(b"hello", 512);
    });
    assert_eq!(sealing.count_total - library.count_total, 1);
}
