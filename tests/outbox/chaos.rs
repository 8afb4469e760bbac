//! Workers that die at any moment, push services of every mood: one outcome for each parcel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealpush::layers::Timeout;
use sealpush::outbox::{Memory, Verdict};
use sealpush::{Error, ErrorKind};
use tokio::time::sleep;

use crate::support::scripted::{Answer, Scripted};
use crate::world::{client, letter, outbox, recorded};

/// SplitMix64: the same numbers from the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % end
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_dies_when_each_parcel_has_one_outcome() {
    for seed in 0..2 {
        // By message: how often the push service was asked, and how often it meant to accept.
        let seen = Arc::new(Mutex::new(HashMap::<[u8; 16], (u32, u32)>::new()));
        // What one attempt comes to depends on its number alone.
        let record = Arc::clone(&seen);
        let provider = Scripted::new(move |attempt| {
            let mut record = record.lock().unwrap();
            let (asked, accepted) = record.entry(*attempt.message.id()).or_default();
            *asked += 1;
            let mut dice = Dice(seed << 32 | attempt.number as u64);
            let answer = match dice.below(100) {
                0..10 => Answer::error(Error::answered(ErrorKind::RateLimited, 429, "slow down")),
                10..20 => Answer::error(Error::answered(ErrorKind::Unavailable, 500, "trouble")),
                20..25 => {
                    *accepted += 1;
                    Answer::error(Error::new(ErrorKind::Transport, "reset").with_unknown_outcome())
                }
                25..28 => {
                    *accepted += 1;
                    return Answer::hang();
                }
                28..30 => Answer::refuse(ErrorKind::Expired),
                _ => {
                    *accepted += 1;
                    Answer::accept()
                }
            };
            answer.after(Duration::from_millis(dice.below(400)))
        });
        let provider = Timeout::new(provider, Duration::from_secs(5));
        let outbox = outbox(Memory::new()).lease(Duration::from_secs(10)).build();
        let mut dice = Dice(seed);
        let mut messages = HashMap::new();
        let mut workers = Vec::new();
        for round in 0..20 {
            let hosts = ["a", "b", "c"];
            let letters = (0..50).map(|n| letter(hosts[n % 3], round * 50 + n));
            let letters: Vec<_> = letters.collect();
            let names: Vec<_> = letters.iter().map(|letter| *letter.message().id()).collect();
            messages.extend(outbox.add(letters).await.unwrap().into_iter().zip(names));
            while workers.len() < 3 {
                workers.push(outbox.run(client(provider.clone())));
            }
            sleep(Duration::from_millis(dice.below(3_000))).await;
            let victim = dice.below(3) as usize;
            drop(workers.swap_remove(victim));
        }
        workers.push(outbox.run(client(provider)));
        // Nobody reads the streams: none has a thousand outcomes.
        while outbox.status().await.unwrap().open() > 0 {
            sleep(Duration::from_secs(1)).await;
        }
        let recorded = recorded(&outbox).await;
        assert_eq!(recorded.len(), 1000, "seed {seed}");
        let mut repeated = 0;
        for (id, message) in messages {
            let outcome = &recorded[&id];
            let (asked, accepted) = seen.lock().unwrap().get(&message).copied().unwrap_or_default();
            assert!(asked <= outcome.attempts, "{asked} {outcome:?}");
            assert!(accepted <= outcome.unknown + 1, "{accepted} {outcome:?}");
            assert!(accepted > 0 || outcome.verdict != Verdict::Accepted, "{outcome:?}");
            repeated += u64::from(accepted.saturating_sub(1));
        }
        let unknown = outbox.status().await.unwrap().unknown;
        assert!(repeated > 0 && repeated <= unknown, "{repeated} {unknown}");
    }
}
