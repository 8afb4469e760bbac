//! What a store promises, asked of each.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use sealpush::ErrorKind;
use sealpush::outbox::{
    Claim, Claimed, Lane, Lease, Outcome, Parcel, ParcelId, Settlement, Store, Verdict,
};

const LEASE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
}

fn id(number: u8) -> ParcelId {
    ParcelId::from([number; 16])
}

/// Due at that second, in that lane.
fn parcel(number: u8, lane: u8, due: u64) -> Parcel {
    let contents = vec![number; 300];
    Parcel::new(id(number), Lane::new(lane), at(due), at(100_000), contents)
}

fn claim_at(seconds: u64) -> Claim {
    Claim::new(at(seconds), LEASE, 1000)
}

fn done(claimed: &Claimed, verdict: Verdict) -> Settlement {
    let mut outcome = Outcome::new(claimed.parcel.id(), verdict, at(5));
    outcome.tag = claimed.parcel.tag().cloned();
    outcome.kind = (verdict == Verdict::Rejected).then_some(ErrorKind::Expired);
    (outcome.attempts, outcome.unknown) = (claimed.attempts + 1, claimed.unknown);
    Settlement::Done { lease: claimed.lease, outcome }
}

fn again(lease: Lease, due: u64) -> Settlement {
    Settlement::Again { lease, at: at(due), attempts: 3, unknown: 2 }
}

fn ids(claimed: &[Claimed]) -> Vec<u8> {
    claimed.iter().map(|claimed| claimed.parcel.id().as_octets()[0]).collect()
}

async fn one(store: &dyn Store, seconds: u64) -> Claimed {
    let mut claimed = store.claim(&claim_at(seconds)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

async fn end(store: &dyn Store, number: u8, verdict: Verdict) {
    store.enqueue(vec![parcel(number, 0, 0)]).await.unwrap();
    let claimed = one(store, 1).await;
    assert_eq!(store.settle(&[done(&claimed, verdict)]).await.unwrap(), [true]);
}

async fn a_parcel_comes_back_as_it_was(store: &dyn Store) {
    let tagged =
        parcel(1, 7, 3).with_tag("user-17 \u{e4}".parse::<sealpush::outbox::Tag>().unwrap());
    store.enqueue(vec![tagged.clone()]).await.unwrap();
    let claimed = one(store, 3).await;
    assert_eq!(claimed.parcel, tagged);
    assert_eq!((claimed.attempts, claimed.unknown), (0, 0));
}

async fn nothing_is_claimed_before_its_time(store: &dyn Store) {
    store.enqueue(vec![parcel(1, 0, 10)]).await.unwrap();
    assert!(store.claim(&claim_at(9)).await.unwrap().is_empty());
    assert_eq!(ids(&store.claim(&claim_at(10)).await.unwrap()), [1]);
}

async fn the_longest_due_of_a_lane_comes_first(store: &dyn Store) {
    store.enqueue(vec![parcel(1, 0, 3), parcel(2, 0, 1), parcel(3, 0, 2)]).await.unwrap();
    let claim = Claim::new(at(9), LEASE, 2);
    assert_eq!(ids(&store.claim(&claim).await.unwrap()), [2, 3]);
}

async fn lanes_are_asked_in_turn_and_have_their_room(store: &dyn Store) {
    let parcels = (1..=12).map(|n| parcel(n, n % 3, 0)).collect();
    store.enqueue(parcels).await.unwrap();
    let mut claim = Claim::new(at(1), LEASE, 5);
    claim.room = [2; Lane::COUNT as usize];
    claim.room[0] = 0;
    claim.first = Lane::new(2);
    let claimed = store.claim(&claim).await.unwrap();
    let lanes: Vec<_> = claimed.iter().map(|claimed| claimed.parcel.lane().number()).collect();
    assert_eq!(lanes, [2, 2, 1, 1]);
    claim.limit = 1;
    assert_eq!(store.claim(&claim).await.unwrap().len(), 1);
}

async fn what_is_claimed_is_not_claimed_again_while_the_lease_lasts(store: &dyn Store) {
    store.enqueue(vec![parcel(1, 0, 0)]).await.unwrap();
    one(store, 1).await;
    assert!(store.claim(&claim_at(60)).await.unwrap().is_empty());
    let again = one(store, 61).await;
    assert_eq!((again.attempts, again.unknown), (1, 1), "a worker died with it");
}

async fn a_renewed_lease_lasts(store: &dyn Store) {
    store.enqueue(vec![parcel(1, 0, 0)]).await.unwrap();
    let lease = one(store, 1).await.lease;
    assert_eq!(store.renew(&[lease], at(500)).await.unwrap(), [true]);
    assert!(store.claim(&claim_at(499)).await.unwrap().is_empty());
    one(store, 500).await;
    assert_eq!(store.renew(&[lease], at(900)).await.unwrap(), [false], "it is another's");
    one(store, 560).await;
}

async fn only_the_last_lease_settles(store: &dyn Store) {
    store.enqueue(vec![parcel(1, 0, 0)]).await.unwrap();
    let first = one(store, 1).await;
    let second = one(store, 100).await;
    assert_ne!(first.lease, second.lease);
    let refused = [done(&first, Verdict::Accepted), again(first.lease, 0)];
    assert_eq!(store.settle(&refused).await.unwrap(), [false, false]);
    assert!(store.outcomes(0, 10).await.unwrap().is_empty());
    assert_eq!(store.settle(&[done(&second, Verdict::Accepted)]).await.unwrap(), [true]);
    assert_eq!(store.settle(&[done(&second, Verdict::Rejected)]).await.unwrap(), [false]);
    let outcomes = store.outcomes(0, 10).await.unwrap();
    assert_eq!((outcomes.len(), outcomes[0].1.verdict), (1, Verdict::Accepted));
}

async fn a_lease_that_ran_out_settles_while_nobody_else_has_claimed(store: &dyn Store) {
    store.enqueue(vec![parcel(1, 0, 0)]).await.unwrap();
    let claimed = one(store, 1).await;
    assert_eq!(store.renew(&[claimed.lease], at(2)).await.unwrap(), [true]);
    assert_eq!(store.settle(&[done(&claimed, Verdict::Accepted)]).await.unwrap(), [true]);
}

async fn again_keeps_the_counts_and_the_time(store: &dyn Store) {
    store.enqueue(vec![parcel(1, 0, 0)]).await.unwrap();
    let lease = one(store, 1).await.lease;
    assert_eq!(store.settle(&[again(lease, 5)]).await.unwrap(), [true]);
    assert_eq!(store.settle(&[again(lease, 0)]).await.unwrap(), [false], "it has given it back");
    assert_eq!(store.renew(&[lease], at(500)).await.unwrap(), [false]);
    assert!(store.claim(&claim_at(4)).await.unwrap().is_empty());
    let claimed = one(store, 5).await;
    assert_eq!((claimed.attempts, claimed.unknown), (3, 2));
}

async fn an_outcome_is_read_as_it_was_recorded(store: &dyn Store) {
    for verdict in Verdict::ALL {
        let tag = "user-17".parse::<sealpush::outbox::Tag>().unwrap();
        let number = verdict as u8 + 1;
        store.enqueue(vec![parcel(number, 0, 0).with_tag(tag)]).await.unwrap();
        let settlement = done(&one(store, 1).await, verdict);
        store.settle(std::slice::from_ref(&settlement)).await.unwrap();
        let Settlement::Done { outcome, .. } = settlement else { unreachable!() };
        assert_eq!(store.outcomes(0, 10).await.unwrap().pop().unwrap().1, outcome);
    }
}

async fn outcomes_are_numbered_and_read_by_page(store: &dyn Store) {
    for number in 1..=5 {
        end(store, number, Verdict::Accepted).await;
    }
    let mut seen = Vec::new();
    let mut last = 0;
    loop {
        let page = store.outcomes(last, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some((number, _)) = page.last() else { break };
        assert!(*number > last);
        last = *number;
        seen.extend(page.iter().map(|(_, outcome)| outcome.id.as_octets()[0]));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}

async fn a_known_id_is_not_taken_again(store: &dyn Store) {
    store.enqueue(vec![parcel(1, 0, 0), parcel(1, 0, 0)]).await.unwrap();
    store.enqueue(vec![parcel(1, 9, 0)]).await.unwrap();
    let claimed = one(store, 1).await;
    assert_eq!(claimed.parcel.lane(), Lane::new(0));
    store.enqueue(vec![parcel(1, 0, 0)]).await.unwrap();
    assert!(store.claim(&claim_at(2)).await.unwrap().is_empty());
    store.settle(&[done(&claimed, Verdict::Accepted)]).await.unwrap();
    store.enqueue(vec![parcel(1, 0, 0)]).await.unwrap();
    assert!(store.claim(&claim_at(999)).await.unwrap().is_empty());
}

async fn what_is_forgotten_may_come_again_under_a_higher_number(store: &dyn Store) {
    end(store, 1, Verdict::Accepted).await;
    let (first, _) = store.outcomes(0, 1).await.unwrap().remove(0);
    store.forget(first, at(10)).await.unwrap();
    assert!(store.outcomes(0, 10).await.unwrap().is_empty());
    end(store, 1, Verdict::Rejected).await;
    let (second, _) = store.outcomes(0, 1).await.unwrap().remove(0);
    assert!(second > first);
    end(store, 2, Verdict::Accepted).await;
    store.forget(second, at(10)).await.unwrap();
    assert_eq!(store.outcomes(0, 10).await.unwrap().len(), 1, "it forgets no more than asked");
}

async fn dead_parcels_are_kept_and_sent_again(store: &dyn Store) {
    end(store, 1, Verdict::Dead).await;
    end(store, 2, Verdict::Accepted).await;
    store.forget(u64::MAX, at(10)).await.unwrap();
    let dead = store.dead(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].id), (1, id(1)));
    assert!(store.claim(&claim_at(999)).await.unwrap().is_empty());
    store.enqueue(vec![parcel(1, 0, 0)]).await.unwrap();
    assert_eq!(store.retry(&[id(1), id(2), id(9)], at(20)).await.unwrap(), 1);
    assert_eq!(store.retry(&[id(1)], at(20)).await.unwrap(), 0);
    assert!(store.dead(10).await.unwrap().is_empty());
    assert!(store.outcomes(0, 10).await.unwrap().is_empty());
    let claimed = one(store, 20).await;
    assert_eq!(claimed.parcel, parcel(1, 0, 0));
    assert_eq!((claimed.attempts, claimed.unknown), (0, 0));
    assert_eq!(store.settle(&[done(&claimed, Verdict::Accepted)]).await.unwrap(), [true]);
}

async fn an_old_lease_does_not_settle_what_was_sent_again(store: &dyn Store) {
    store.enqueue(vec![parcel(1, 0, 0)]).await.unwrap();
    let old = one(store, 1).await;
    store.settle(&[done(&old, Verdict::Dead)]).await.unwrap();
    store.retry(&[id(1)], at(20)).await.unwrap();
    one(store, 20).await;
    assert_eq!(store.settle(&[done(&old, Verdict::Accepted)]).await.unwrap(), [false]);
}

async fn dead_parcels_that_expired_can_be_forgotten(store: &dyn Store) {
    end(store, 1, Verdict::Dead).await;
    store.forget(u64::MAX, at(100_000)).await.unwrap();
    assert!(store.dead(10).await.unwrap().is_empty());
    assert_eq!(store.retry(&[id(1)], at(100_000)).await.unwrap(), 0);
}

async fn the_counts_are_those_of_what_is_there(store: &dyn Store) {
    for (number, verdict) in (1..).zip(Verdict::ALL) {
        end(store, number, verdict).await;
    }
    store.enqueue(vec![parcel(10, 0, 0), parcel(11, 0, 4)]).await.unwrap();
    let claimed = store.claim(&claim_at(4)).await.unwrap();
    store.settle(&[again(claimed[0].lease, 4)]).await.unwrap();
    store.enqueue(vec![parcel(12, 0, 70), parcel(13, 0, 8), parcel(14, 0, 3)]).await.unwrap();
    let status = store.status(at(8)).await.unwrap();
    assert_eq!((status.due, status.claimed, status.waiting), (3, 1, 1));
    assert_eq!(status.oldest, Some(at(3)));
    assert_eq!((status.accepted, status.dead, status.expired, status.rejected), (1, 1, 1, 1));
    assert_eq!(status.unknown, 0);
    let status = store.status(at(0)).await.unwrap();
    assert_eq!((status.due, status.oldest), (0, None));
}

async fn unknown_outcomes_are_counted(store: &dyn Store) {
    store.enqueue(vec![parcel(1, 0, 0)]).await.unwrap();
    one(store, 1).await;
    one(store, 100).await;
    let claimed = one(store, 200).await;
    store.settle(&[done(&claimed, Verdict::Accepted)]).await.unwrap();
    assert_eq!(store.status(at(200)).await.unwrap().unknown, 2);
}

async fn a_batch_is_recorded_in_one_step_each_on_its_own(store: &dyn Store) {
    store.enqueue((1..=4).map(|n| parcel(n, n, 0)).collect()).await.unwrap();
    let claimed = store.claim(&claim_at(1)).await.unwrap();
    let stale = Lease { number: claimed[1].lease.number + 1, ..claimed[1].lease };
    let settlements = [
        done(&claimed[0], Verdict::Accepted),
        again(stale, 5),
        again(claimed[2].lease, 5),
        done(&claimed[3], Verdict::Dead),
    ];
    assert_eq!(store.settle(&settlements).await.unwrap(), [true, false, true, true]);
    assert_eq!(store.outcomes(0, 10).await.unwrap().len(), 2);
    assert_eq!(store.renew(&[claimed[1].lease, stale], at(9)).await.unwrap(), [true, false]);
}

async fn nothing_asked_is_nothing_done(store: &dyn Store) {
    store.enqueue(Vec::new()).await.unwrap();
    assert!(store.renew(&[], at(0)).await.unwrap().is_empty());
    assert!(store.settle(&[]).await.unwrap().is_empty());
    store.forget(u64::MAX, at(0)).await.unwrap();
    assert_eq!(store.retry(&[], at(0)).await.unwrap(), 0);
    assert_eq!(store.status(at(0)).await.unwrap(), sealpush::outbox::Status::default());
}

async fn two_claims_at_once_share_no_parcel(store: &dyn Store) {
    store.enqueue((0..200).map(|n| parcel(n, n, 0)).collect()).await.unwrap();
    let claim = || async { store.claim(&Claim::new(at(1), LEASE, 60)).await.unwrap() };
    let (a, b, c, d) = tokio::join!(claim(), claim(), claim(), claim());
    let all = [a, b, c, d].concat();
    assert_eq!(all.len(), 200);
    let distinct: BTreeSet<_> = ids(&all).into_iter().collect();
    assert_eq!(distinct.len(), 200);
}

async fn times_of_all_sizes_are_kept(store: &dyn Store) {
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 44);
    let odd = at(0) + Duration::from_nanos(1_234_567);
    let parcel = Parcel::new(id(1), Lane::new(0), odd, far, vec![1]);
    store.enqueue(vec![parcel.clone()]).await.unwrap();
    let claim = Claim::new(far, Duration::MAX, 10);
    let claimed = store.claim(&claim).await.unwrap();
    assert_eq!(claimed[0].parcel, parcel);
}

macro_rules! promises {
    ($store:ident: $open:expr, [$($name:ident),+ $(,)?]) => {
        mod $store {
            $(
                #[tokio::test]
                async fn $name() {
                    let (store, _kept) = $open;
                    super::$name(&store).await;
                }
            )+
        }
    };
}

macro_rules! every_promise {
    ($($store:ident: $open:expr;)+) => {$(
        promises!($store: $open, [
            a_batch_is_recorded_in_one_step_each_on_its_own,
            a_known_id_is_not_taken_again,
            a_lease_that_ran_out_settles_while_nobody_else_has_claimed,
            a_parcel_comes_back_as_it_was,
            a_renewed_lease_lasts,
            again_keeps_the_counts_and_the_time,
            an_old_lease_does_not_settle_what_was_sent_again,
            an_outcome_is_read_as_it_was_recorded,
            dead_parcels_are_kept_and_sent_again,
            dead_parcels_that_expired_can_be_forgotten,
            lanes_are_asked_in_turn_and_have_their_room,
            nothing_asked_is_nothing_done,
            nothing_is_claimed_before_its_time,
            only_the_last_lease_settles,
            outcomes_are_numbered_and_read_by_page,
            the_counts_are_those_of_what_is_there,
            the_longest_due_of_a_lane_comes_first,
            times_of_all_sizes_are_kept,
            two_claims_at_once_share_no_parcel,
            unknown_outcomes_are_counted,
            what_is_claimed_is_not_claimed_again_while_the_lease_lasts,
            what_is_forgotten_may_come_again_under_a_higher_number,
        ]);
    )+};
}

every_promise! {
    memory: (sealpush::outbox::Memory::new(), ());
    sqlite: crate::sqlite::fresh().await;
}
