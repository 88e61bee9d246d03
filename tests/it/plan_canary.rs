//! Canaries in plans, and what the plan linter has against bent ones.

use std::time::Duration;

use shipctl::environment::query::Query;
use shipctl::environment::{BatchSize, Canary, Promote};
use shipctl::plan::check;

use crate::plan_deploy::{deploy, fleet};
use crate::support::environment::{environment, host};

#[test]
fn a_canary_comes_first_and_is_watched_before_the_others_follow() {
    let mut environment = environment(4);
    let update = &mut environment.services[0].update;
    update.parallelism = BatchSize::Count(2);
    update.canary =
        Some(Canary { hosts: BatchSize::Count(1), monitor: Duration::from_mins(5), promote: Promote::Automatic });
    let observed = fleet(&environment, &["v1"]);
    let batches = deploy(&environment, &observed, "v2").batches;
    let shown: Vec<_> = batches.iter().map(|batch| (batch.canary, batch.replacements.len(), batch.monitor)).collect();
    let usual = Duration::from_millis(400);
    assert_eq!(shown, [(true, 1, Duration::from_mins(5)), (false, 2, usual), (false, 1, usual)]);
    assert!(batches[0].to_string().starts_with("web (canary), then monitor 5m\n"), "{}", batches[0]);
}

#[test]
fn a_canary_after_others_a_held_host_that_is_replaced_and_what_is_asked_unwatched_are_faults() {
    let mut environment = environment(3);
    environment.services[0].update.canary =
        Some(Canary { hosts: BatchSize::Count(1), monitor: Duration::from_mins(5), promote: Promote::Automatic });
    let mut plan = deploy(&environment, &fleet(&environment, &["v1"]), "v2");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    plan.batches.swap(0, 1);
    plan.held.insert(host(3));
    plan.batches[2].may_fail = 4;
    plan.batches[2].queries = vec![Query {
        prometheus: "http://prometheus:9090".to_owned(),
        query: "up".to_owned(),
        bound: serde_json::from_str(r#"{"at_most":"1"}"#).expect("a bound"),
    }];
    plan.batches[2].monitor = Duration::ZERO;
    assert_eq!(
        check::faults(&plan),
        [
            "a batch of web: something is asked about it, but it is not watched",
            "web on web3 is replaced, although the host waits for the canary",
            "web: its canary comes after others",
            "web: a host may fail alone that the others depend on",
            "web: more hosts may fail than there are",
        ]
    );
}
