//! An allocator that looks for a secret in every block that is freed.
//!
//! The package under test forbids unsafe code, which an allocator cannot do without; so it is a
//! package of its own.
//!
//! ```ignore
//! #[global_allocator]
//! static ALLOCATOR: freed::Watching = freed::Watching;
//!
//! let secret = [0x5a; 16];
//! assert_eq!(freed::blocks_with(&secret, || drop(secret.to_vec())), 1);
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The system's allocator with a look at each block on its way back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watching;

/// How many of the blocks that are freed while `act` runs, in any thread, hold the secret: 8 to 64
/// octets, none of them zero, so that what is wiped cannot look like it. One call at a time; others
/// wait.
///
/// # Panics
///
/// For a secret of another length or with a zero in it.
pub fn blocks_with(secret: &[u8], act: impl FnOnce()) -> usize {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    assert!((8..=MAX_LEN).contains(&secret.len()) && !secret.contains(&0), "unfit to look for");
    for (place, octet) in SECRET.iter().zip(secret) {
        place.store(*octet, Ordering::Relaxed);
    }
    FOUND.store(0, Ordering::SeqCst);
    LEN.store(secret.len(), Ordering::SeqCst);
    act();
    LEN.store(0, Ordering::SeqCst);
    FOUND.load(Ordering::SeqCst)
}

const MAX_LEN: usize = 64;
static SECRET: [AtomicU8; MAX_LEN] = [const { AtomicU8::new(0) }; MAX_LEN];
/// Zero while nobody looks.
static LEN: AtomicUsize = AtomicUsize::new(0);
static FOUND: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator as it came. Blocks are zeroed when they
// are handed out, so that all of a block can be read before it goes back. `realloc` is the trait's
// own, which allocates, copies and frees: a block that grows is looked at, too.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let len = LEN.load(Ordering::SeqCst);
        if len != 0 && holds(block, layout.size(), len) {
            FOUND.fetch_add(1, Ordering::SeqCst);
        }
        // SAFETY: the block came from `alloc` above with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

fn holds(block: *const u8, size: usize, len: usize) -> bool {
    // SAFETY: the caller owns the block of `size` octets, and gives it up after this. Volatile, so
    // that the octets of a dead block are not taken for granted.
    let octet = |index: usize| unsafe { block.add(index).read_volatile() };
    (0..(size + 1).saturating_sub(len)).any(|start| {
        (0..len).all(|index| octet(start + index) == SECRET[index].load(Ordering::Relaxed))
    })
}
