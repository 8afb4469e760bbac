use super::*;
use crate::client::Route;
use crate::client::job::Payload;
use crate::message::Message;
use crate::provider::{Accepted, Capabilities, ProviderId, PushProvider};
use crate::{Result, SealedMessage, Token};

use std::sync::Arc;

const KEYS: &str = r#""keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}"#;

#[derive(Debug)]
struct Nobody;

#[async_trait::async_trait]
impl PushProvider for Nobody {
    fn id(&self) -> ProviderId {
        ProviderId::from_static("webpush")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(4096)
    }

    async fn send(&self, _: &Token, _: &SealedMessage) -> Result<Accepted> {
        unreachable!("lanes send nothing")
    }
}

/// Of 400 under way 100 are newcomers', of 800 in the queue 200, and 100 one origin's.
const LIMITS: Limits = Limits { in_flight: 400, in_flight_per_origin: 6, queue: 800 };

fn lanes() -> Lanes<usize> {
    Lanes::new(LIMITS)
}

fn origin(host: usize) -> Origin {
    job(host, 0).ticket.origin
}

fn job(host: usize, key: usize) -> Waiting<usize> {
    let token = format!(r#"{{"endpoint":"https://host{host}/{key}",{KEYS}}}"#);
    let token: Token = token.parse().unwrap();
    let origin = Origin::of(&token);
    let route = Arc::new(Route { provider: Arc::new(Nobody), retrier: None });
    let stage = Stage::Fresh(Payload::Clear(Message::new("hello")));
    Waiting { ticket: Ticket { key, token, origin, route }, stage }
}

fn keys(lanes: &mut Lanes<usize>) -> Vec<usize> {
    let now = Instant::now();
    std::iter::from_fn(|| lanes.take(now)).map(|job| job.ticket.key).collect()
}

#[test]
fn origins_take_turns() {
    let mut lanes = lanes();
    for (host, key) in [(0, 0), (0, 1), (0, 2), (1, 10), (1, 11), (1, 12)] {
        lanes.push(job(host, key), true);
    }
    assert_eq!(keys(&mut lanes), [0, 10]);
    for host in [0, 1] {
        lanes.finished(&origin(host), Pace::Accepted);
    }
    assert_eq!(keys(&mut lanes), [1, 11, 2, 12]);
    assert_eq!(lanes.waiting(), 0);
}

#[test]
fn a_lane_widens_with_answers_and_narrows_when_told_or_not_answered() {
    let mut lanes = lanes();
    (0..100).for_each(|key| lanes.push(job(0, key), true));
    for (pace, expected) in [
        (Pace::Accepted, 2),
        (Pace::Unknown, 2),
        (Pace::Answered, 4),
        (Pace::Accepted, 6),
        (Pace::SlowDown, 3),
        (Pace::Silent, 1),
        (Pace::SlowDown, 1),
    ] {
        lanes.take(Instant::now()).unwrap();
        lanes.finished(&origin(0), pace);
        let running = keys(&mut lanes).len();
        assert_eq!(running, expected, "{pace:?}");
        // Given back, so that the next round starts from nothing.
        (0..running).for_each(|_| {
            lanes.finished(&origin(0), Pace::Unknown);
        });
    }
}

#[test]
fn a_job_comes_back_when_it_is_due_before_those_that_wait() {
    let mut lanes = lanes();
    let now = Instant::now();
    let second = Duration::from_secs(1);
    for key in [2, 3] {
        lanes.push(job(0, key), true);
        let taken = lanes.take(now).unwrap();
        lanes.delay(taken, now + (4 - key as u32) * second);
        lanes.finished(&origin(0), Pace::Answered);
    }
    lanes.push(job(0, 1), true);
    assert_eq!((lanes.waiting(), lanes.next_due(now)), (3, Some(now + second)));
    lanes.release(now + second);
    assert_eq!(lanes.next_due(now), Some(now + 2 * second));
    assert_eq!(lanes.take(now).unwrap().ticket.key, 3);
    assert_eq!(lanes.take_all().len(), 2);
    assert_eq!((lanes.waiting(), lanes.next_due(now)), (0, None));
}

#[test]
fn idle_origins_are_forgotten_beyond_a_bound() {
    let mut lanes = lanes();
    for host in 0..2 * MAX_LANES {
        lanes.push(job(host, 0), false);
        let job = lanes.take(Instant::now()).unwrap();
        lanes.finished(&job.ticket.origin, Pace::Accepted);
        assert!(lanes.lanes.len() <= MAX_LANES);
    }
}

#[test]
fn an_origin_with_jobs_that_wait_for_a_time_is_not_forgotten() {
    let mut lanes = lanes();
    let now = Instant::now();
    for host in 0..=2 * MAX_LANES {
        lanes.push(job(host, host), true);
        let job = lanes.take(now).unwrap();
        let origin = job.ticket.origin.clone();
        lanes.delay(job, now);
        lanes.finished(&origin, Pace::Answered);
    }
    lanes.release(now);
    assert_eq!(keys(&mut lanes).len(), 2 * MAX_LANES + 1);
}

#[test]
fn newcomers_get_half_of_a_quarter_at_once_and_the_other_half_slowly() {
    let mut lanes = lanes();
    let start = Instant::now();
    (0..200).for_each(|host| lanes.push(job(host, host), false));
    let taken = |lanes: &mut Lanes<usize>, now| {
        std::iter::from_fn(|| lanes.take(now)).map(|job| job.ticket.key).collect::<Vec<_>>()
    };
    // The first of the slow half goes with them.
    assert_eq!(taken(&mut lanes, start), (0..51).collect::<Vec<_>>());
    assert_eq!(lanes.next_due(start), Some(start + NEWCOMER_EVERY));
    assert!(taken(&mut lanes, start + NEWCOMER_EVERY / 2).is_empty());
    assert_eq!(lanes.next_due(start + NEWCOMER_EVERY), None, "it may start");
    for key in 51..100 {
        let now = lanes.next_due(start).unwrap();
        assert_eq!(taken(&mut lanes, now), [key]);
    }
    assert_eq!(lanes.next_due(start), None);
    assert!(taken(&mut lanes, start + 100 * NEWCOMER_EVERY).is_empty());
    // A proven one has a place all the same.
    lanes.push(job(1000, 1000), true);
    assert_eq!(taken(&mut lanes, start), [1000]);
}

#[test]
fn a_slow_place_goes_to_the_newcomer_with_the_longest_queue() {
    let mut lanes = lanes();
    let start = Instant::now();
    (0..150).for_each(|host| lanes.push(job(host, host), false));
    while lanes.take(start).is_some() {}
    lanes.push(job(500, 500), false);
    lanes.push(job(500, 501), false);
    assert_eq!(lanes.take(start + NEWCOMER_EVERY).unwrap().ticket.key, 500);
    // Of equals, the one that waits the longest.
    assert_eq!(lanes.take(start + 2 * NEWCOMER_EVERY).unwrap().ticket.key, 51);
}

#[test]
fn who_takes_a_message_leaves_the_newcomers_with_all_its_jobs() {
    let mut lanes = lanes();
    (0..10).for_each(|key| lanes.push(job(0, key), false));
    lanes.take(Instant::now()).unwrap();
    assert_eq!((lanes.newcomers.waiting, lanes.newcomers.running), (9, 1));
    assert!(lanes.finished(&origin(0), Pace::Accepted));
    assert_eq!((lanes.newcomers.waiting, lanes.newcomers.running), (0, 0));
    assert_eq!(keys(&mut lanes), [1, 2]);
}

#[test]
fn a_proof_is_lost_by_silence_once_there_is_no_width_left() {
    let mut lanes = lanes();
    (0..10).for_each(|key| lanes.push(job(0, key), true));
    for (pace, proven) in [
        (Pace::Accepted, true),
        (Pace::Silent, true),
        (Pace::Silent, false),
        (Pace::Answered, false),
    ] {
        lanes.take(Instant::now()).unwrap();
        assert_eq!(lanes.finished(&origin(0), pace), proven, "{pace:?}");
    }
    lanes.take(Instant::now()).unwrap();
    assert_eq!(lanes.newcomers.running, 1);
    assert!(lanes.finished(&origin(0), Pace::Accepted));
    assert_eq!(lanes.newcomers.running, 0);
}

const PATIENCE: Duration = Duration::from_millis(100);

#[test]
fn no_origin_fills_the_queue_and_newcomers_fill_a_quarter() {
    let mut lanes = lanes();
    let start = Instant::now();
    let late = start + PATIENCE;
    (0..100).for_each(|key| lanes.push(job(0, key), true));
    lanes.push(job(2, 2), true);
    assert_eq!(lanes.room(&origin(0), true, PATIENCE, start), Room::Full(late));
    assert_eq!(lanes.room(&origin(0), true, PATIENCE, late), Room::Stuck);
    assert!(lanes.displace(&origin(0)).is_none());
    for is_proven in [true, false] {
        assert_eq!(lanes.room(&origin(1), is_proven, PATIENCE, late), Room::Free);
    }

    (1000..1200).for_each(|host| lanes.push(job(host, host), false));
    assert_eq!(lanes.room(&origin(1), false, PATIENCE, start), Room::Full(late));
    assert_eq!(lanes.room(&origin(1), false, PATIENCE, late), Room::Stuck);
    assert_eq!(lanes.room(&origin(1), true, PATIENCE, late), Room::Free);
    assert_eq!(lanes.displace(&origin(1)).unwrap().ticket.key, 1000);
    assert_eq!(lanes.room(&origin(1), false, PATIENCE, late), Room::Free);
}

#[test]
fn an_answer_renews_the_patience_and_silence_does_not() {
    let mut lanes = lanes();
    let start = Instant::now();
    let late = start + PATIENCE;
    (1000..1200).for_each(|host| lanes.push(job(host, host), false));
    let room = |lanes: &mut Lanes<_>, next: usize| {
        let host = 1200 + next;
        if next > 0 {
            lanes.push(job(host, host), false);
        }
        lanes.room(&origin(1), false, PATIENCE, late)
    };
    lanes.room(&origin(1), false, PATIENCE, start);
    lanes.take(start).unwrap();
    lanes.finished(&origin(1000), Pace::Silent);
    assert_eq!(room(&mut lanes, 1), Room::Stuck);
    lanes.take(start).unwrap();
    lanes.finished(&origin(1001), Pace::Answered);
    assert_eq!(room(&mut lanes, 2), Room::Full(late + PATIENCE));
}

#[test]
fn while_all_jobs_go_to_one_origin_a_pause_of_it_turns_none_away() {
    let mut lanes = lanes();
    let start = Instant::now();
    (0..100).for_each(|key| lanes.push(job(0, key), true));
    let until = start + PATIENCE_ALONE;
    assert_eq!(lanes.room(&origin(0), true, PATIENCE, start), Room::Full(until));
    assert_eq!(lanes.room(&origin(0), true, PATIENCE, until), Room::Stuck);
    // Another one is held up as soon as it has come.
    lanes.push(job(1, 1), true);
    assert_eq!(lanes.room(&origin(0), true, PATIENCE, start + PATIENCE), Room::Stuck);
}

#[test]
fn there_is_more_patience_with_an_origin_whose_answers_take_long() {
    let start = Instant::now();
    for (took, patience) in
        [(1, PATIENCE), (300, Duration::from_millis(600)), (9_000, MOST_PATIENCE)]
    {
        let mut lanes = lanes();
        (0..101).for_each(|key| lanes.push(job(0, key), true));
        lanes.take(start).unwrap();
        lanes.push(job(1, 1), true);
        lanes.finished(&origin(0), Pace::Accepted);
        lanes.answered_in(&origin(0), Duration::from_millis(took));
        assert_eq!(lanes.room(&origin(0), true, PATIENCE, start), Room::Full(start + patience));
    }
}
