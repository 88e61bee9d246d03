//! A canary that somebody has to promote: the rollout ends with it, and goes on or back when somebody says so.

use std::time::Duration;

use shipctl::environment::{BatchSize, Canary, Environment, Promote};
use shipctl::fleet::ledger::{self, Ledger, RolloutResult};
use shipctl::fleet::observed::Observed;
use shipctl::fleet::select::Selection;
use shipctl::fleet::status::Status;
use shipctl::plan::planner;
use shipctl::rollout::report::{Outcome, Report};

use crate::support::environment::{environment, host, image, release, with_database};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::{Behaviour, World};

/// The environment, whose last service has a canary of one host.
fn with_canary(mut environment: Environment) -> Environment {
    let canary = Canary { hosts: BatchSize::Count(1), monitor: Duration::from_secs(2), promote: Promote::Manual };
    environment.services.values_mut().last().expect("a service").update.canary = Some(canary);
    environment
}

/// Three hosts on release 1.
async fn fleet(environment: &Environment) -> Operator {
    let operator = Operator::new(&World::new((1..=3).map(host)), environment);
    // The first release of all has nobody to be compared with.
    operator.deploy("v1").await;
    operator
}

async fn run(operator: &Operator, command: Command) -> Report {
    match operator.run(&command).await {
        End::Reported(report) => *report,
        other => panic!("{other:?}"),
    }
}

async fn deploy(operator: &Operator, tag: &str) -> Outcome {
    run(operator, Command::Deploy(tag.to_owned())).await.outcome
}

async fn promote(operator: &Operator, tag: &str) -> Outcome {
    run(operator, Command::Promote(tag.to_owned())).await.outcome
}

async fn observed(operator: &Operator) -> Observed {
    operator.world.doors().observe(&operator.environment.scope()).await
}

/// The tags that each host runs, of all its services.
fn runs(operator: &Operator) -> Vec<String> {
    let state = operator.world.state();
    let tag = |digest: &str| ["v1", "v2", "v3"].into_iter().find(|tag| image(tag).digest()[9..] == digest[9..]);
    let of_host = |host: &crate::support::sim::world::SimHost| {
        let running = host.containers.iter().filter(|one| one.is_running() && one.is_proven());
        running.map(|one| tag(one.stamp.image.digest()).unwrap_or("?")).collect::<Vec<_>>().join(" ")
    };
    state.hosts.values().map(of_host).collect()
}

#[test]
fn a_deploy_ends_with_the_canary_and_promote_brings_its_release_to_the_others() {
    runtime().block_on(async {
        let operator = fleet(&with_canary(environment(3))).await;
        let report = run(&operator, Command::Deploy("v2".to_owned())).await;
        assert_eq!((&report.outcome, report.outcome.exit().code()), (&Outcome::Canary, 0));
        assert_eq!(runs(&operator), ["v2", "v1", "v1"]);
        let seen = observed(&operator).await;
        let ledger = seen.ledger();
        let last = ledger.entries.last().expect("an entry");
        assert_eq!((last.result, ledger.current().expect("a release").release.number), (RolloutResult::Canary, 1));
        assert_eq!(Status::of(&seen).canary, Some(last.release.clone()));
        assert!(!last.pinned.is_empty(), "it is promoted with the same images");

        let again = operator.run(&Command::Deploy("v2".to_owned())).await;
        assert!(matches!(again, End::Nothing), "{again:?}");
        assert_eq!(promote(&operator, "v2").await, Outcome::Completed);
        assert_eq!(runs(&operator), ["v2", "v2", "v2"]);
        let seen = observed(&operator).await;
        assert_eq!((seen.ledger().canary(), seen.ledger().current().expect("a release").release.number), (None, 2));
        let again = operator.run(&Command::Promote("v2".to_owned())).await;
        assert!(matches!(again, End::NoRelease), "{again:?}");
    });
}

#[test]
fn a_rollback_takes_the_canary_back_and_another_release_begins_with_a_canary_again() {
    runtime().block_on(async {
        let operator = fleet(&with_canary(environment(3))).await;
        assert_eq!(deploy(&operator, "v2").await, Outcome::Canary);
        assert_eq!(deploy(&operator, "v3").await, Outcome::Canary);
        assert_eq!(runs(&operator), ["v3", "v1", "v1"]);
        assert_eq!(run(&operator, Command::Rollback).await.outcome, Outcome::Completed);
        assert_eq!(runs(&operator), ["v1", "v1", "v1"]);
        assert_eq!(observed(&operator).await.ledger().canary(), None);
    });
}

#[test]
fn a_canary_goes_back_with_the_others_when_one_of_them_fails() {
    runtime().block_on(async {
        let operator = fleet(&with_canary(environment(3))).await;
        let exits = Behaviour::Exits(Duration::from_millis(100));
        operator.world.behaves(image("v2").digest(), Behaviour::Only(host(3), Box::new(exits)));
        assert_eq!(deploy(&operator, "v2").await, Outcome::Canary);
        assert_eq!(promote(&operator, "v2").await, Outcome::RolledBack);
        assert_eq!(runs(&operator), ["v1", "v1", "v1"]);
        assert_eq!(observed(&operator).await.ledger().canary(), None);
    });
}

#[test]
fn a_canary_that_fails_is_undone_and_the_others_never_heard_of_it() {
    runtime().block_on(async {
        let operator = fleet(&with_canary(environment(3))).await;
        operator.world.behaves(image("v2").digest(), Behaviour::FailsAfter(Duration::from_secs(1)));
        assert_eq!(deploy(&operator, "v2").await, Outcome::RolledBack, "its own monitor is longer than that");
        assert_eq!(runs(&operator), ["v1", "v1", "v1"]);
        let heard = |number: usize| operator.world.state().hosts[&host(number)].containers.len();
        assert_eq!([heard(2), heard(3)], [1, 1]);
    });
}

#[test]
fn a_canary_runs_all_of_the_release() {
    runtime().block_on(async {
        let operator = fleet(&with_canary(with_database(environment(3)))).await;
        assert_eq!(deploy(&operator, "v2").await, Outcome::Canary);
        assert_eq!(runs(&operator), ["v2 v2", "v1 v1", "v1 v1"]);
        assert_eq!(promote(&operator, "v2").await, Outcome::Completed);
        assert_eq!(runs(&operator), ["v2 v2"; 3]);
    });
}

#[test]
fn a_plan_names_the_canary_and_who_waits() {
    runtime().block_on(async {
        let environment = with_canary(environment(3));
        let operator = fleet(&environment).await;
        let seen = observed(&operator).await;
        let next = release(&environment, "v2");
        let plan = planner::deploy(&environment, &seen, &Selection::default(), &next).expect("a plan");
        let said = plan.to_string();
        assert!(said.contains("batch 1 of 1 (2 of 3 serve): web (canary), then monitor 2s\n"), "{said}");
        let note = "comes to web1 as a canary; web2, web3 wait until it is promoted (`shipctl promote`)\n";
        assert!(said.contains(note), "{said}");
        assert_eq!((plan.partial, plan.batches.len()), (true, 1));
        // What somebody has picked needs no canary, and neither does what is in force.
        let picked = Selection::resolve(&environment, &["web2".to_owned()], &[]).expect("a host");
        let plan = planner::deploy(&environment, &seen, &picked, &next).expect("a plan");
        assert_eq!((plan.held.len(), &plan.batches[0].replacements[0].host), (0, &host(2)));
    });
}

#[test]
fn a_canary_that_another_ones_failure_left_waiting_is_still_promoted() {
    runtime().block_on(async {
        let operator = fleet(&with_canary(environment(3))).await;
        assert_eq!(deploy(&operator, "v2").await, Outcome::Canary);
        operator.world.behaves(image("v3").digest(), Behaviour::NeverHealthy);
        assert_eq!(deploy(&operator, "v3").await, Outcome::RolledBack);
        assert_eq!(runs(&operator), ["v2", "v1", "v1"]);
        assert!(Status::of(&observed(&operator).await).canary.is_some());
        assert_eq!(promote(&operator, "v2").await, Outcome::Completed);
        assert_eq!(runs(&operator), ["v2", "v2", "v2"]);
    });
}

#[test]
fn a_canary_that_is_not_on_record_is_recorded_by_the_next_deploy() {
    runtime().block_on(async {
        let operator = fleet(&with_canary(environment(3))).await;
        assert_eq!(deploy(&operator, "v2").await, Outcome::Canary);
        // As if the run had been killed before it wrote what it had done.
        let name = ledger::marker_name(&operator.environment.scope());
        for host in operator.world.state().hosts.values_mut() {
            let marker = host.markers.get_mut(&name).expect("a ledger");
            let mut ledger: Ledger = serde_json::from_str(&marker.text).expect("a ledger");
            ledger.entries.pop();
            marker.text = ledger.text();
        }
        assert!(Status::of(&observed(&operator).await).canary.is_none());
        assert_eq!(deploy(&operator, "v2").await, Outcome::Canary);
        assert_eq!(promote(&operator, "v2").await, Outcome::Completed);
    });
}
