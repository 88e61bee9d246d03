//! What the record of rollouts says about the way back, and how it stays small.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shipctl::fleet::ledger::{Entry, KEPT_ENTRIES, Kind, Ledger, MAX_TEXT, RolloutResult};
use shipctl::release::ReleaseId;

/// A rollout of release `release`; its text has about `size` bytes.
fn rollout(ledger: Ledger, kind: Kind, release: u64, result: RolloutResult, size: usize) -> Ledger {
    let number = ledger.last_number() + 1;
    ledger.with(Entry {
        number,
        rollout: "x".repeat(size),
        kind,
        release: ReleaseId { number: release, digest: format!("digest{release}") },
        images: BTreeMap::new(),
        result,
        by: "ann@desk".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        placements: BTreeMap::new(),
        published: std::collections::BTreeMap::new(),
        jobs: std::collections::BTreeMap::new(),
        pinned: std::collections::BTreeMap::new(),
        reason: None,
    })
}

/// Deploys of releases 1, 2, ... that end like this; `None` is a rollback to the last good release.
fn history(results: &[Option<RolloutResult>]) -> Ledger {
    let mut deployed = 0;
    results.iter().fold(Ledger::default(), |ledger, result| {
        if let Some(result) = result {
            deployed += 1;
            rollout(ledger, Kind::Deploy, deployed, *result, 1)
        } else {
            let target = ledger.last_good().expect("a release to go back to").release.number;
            rollout(ledger, Kind::Rollback, target, RolloutResult::Completed, 1)
        }
    })
}

fn last_good(results: &[Option<RolloutResult>]) -> Option<u64> {
    history(results).last_good().map(|entry| entry.release.number)
}

#[test]
fn the_last_good_release_is_the_one_that_was_in_force_before() {
    use RolloutResult::{Completed, Interrupted, Mixed, Partial, RolledBack};
    let done = Some(Completed);
    assert_eq!(last_good(&[]), None);
    assert_eq!(last_good(&[done]), None);
    assert_eq!(last_good(&[done, done, done]), Some(2));
    for other in [RolledBack, Mixed, Interrupted, Partial] {
        assert_eq!(last_good(&[done, done, Some(other)]), Some(1), "{other:?}");
        assert_eq!(last_good(&[done, Some(other), done]), Some(1), "{other:?}");
    }
}

#[test]
fn a_second_rollback_goes_one_further_back_and_never_to_a_release_that_was_left() {
    let done = Some(RolloutResult::Completed);
    assert_eq!(last_good(&[done, done, done, None]), Some(1));
    assert_eq!(last_good(&[done, done, done, None, None]), None);
    // After a rollback from 2 to 1 and a deploy of 3, the way back is 1.
    assert_eq!(last_good(&[done, done, None, done]), Some(1));
}

#[test]
fn a_ledger_stays_small_and_keeps_what_a_rollback_needs() {
    let mut ledger = Ledger::default();
    for release in 1..=2 {
        ledger = rollout(ledger, Kind::Deploy, release, RolloutResult::Completed, 1);
    }
    for _ in 0..2 * KEPT_ENTRIES {
        ledger = rollout(ledger, Kind::Deploy, 3, RolloutResult::RolledBack, 1);
    }
    assert_eq!(ledger.entries.len(), KEPT_ENTRIES + 2);
    assert_eq!(ledger.current().map(|entry| entry.release.number), Some(2));
    assert_eq!(ledger.last_good().map(|entry| entry.release.number), Some(1));
    for _ in 0..4 {
        ledger = rollout(ledger, Kind::Deploy, 4, RolloutResult::Mixed, MAX_TEXT / 3);
    }
    assert!(ledger.text().len() < MAX_TEXT + 1000, "{}", ledger.text().len());
    assert_eq!(ledger.last_good().map(|entry| entry.release.number), Some(1));
    assert!(ledger.entries.is_sorted_by_key(|entry| entry.number));
}

#[test]
fn digits_are_the_number_of_a_release_and_never_the_beginning_of_anothers_digest() {
    let release = |number, digest: &str| ReleaseId { number, digest: digest.to_owned() };
    let (one, other) = (release(12, "3fa9c1d2"), release(13, "0012abcd"));
    for text in ["12", "r12", "r12-3fa9c1", "3fa9", "3fa9c1d2"] {
        assert!(one.matches(text) && !other.matches(text), "{text}");
    }
    assert!(!other.matches("0012") && other.matches("0012a"));
    assert!(!one.matches("3fa") && !one.matches("r"));
}
