//! What a host that fails, or that does not get ready, means for the others.

use std::time::Duration;

use shipctl::environment::{BatchSize, Canary, Environment, FailureAction, Promote, Share, Together, WayBack};
use shipctl::fleet::ledger::RolloutResult;
use shipctl::fleet::status::{Drift, Status};
use shipctl::rollout::report::{Outcome, Report};

use crate::support::environment::{PUBLISHED, environment, host, image, publishing, with_database};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::{Behaviour, World};

const EXITS: Behaviour = Behaviour::Exits(Duration::from_millis(100));

/// Hosts on release 1, of which so many may fail.
async fn fleet(hosts: usize, may_fail: Share) -> Operator {
    let mut environment = environment(hosts);
    environment.services[0].update.max_failures = may_fail;
    fleet_of(environment).await
}

async fn fleet_of(environment: Environment) -> Operator {
    let world = World::new((1..=environment.hosts.len()).map(host));
    let operator = Operator::new(&world, &environment);
    operator.deploy("v1").await;
    operator
}

async fn deploy(operator: &Operator, tag: &str) -> Report {
    match operator.run(&Command::Deploy(tag.to_owned())).await {
        End::Reported(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// What each host runs: of each service the tag, `?` behind it if it is not healthy and proven.
fn runs(operator: &Operator) -> Vec<String> {
    let state = operator.world.state();
    let of_host = |host: &crate::support::sim::world::SimHost| {
        let running = host.containers.iter().filter(|one| one.is_running()).map(|one| {
            let digest = one.stamp.image.digest();
            let tag = ["v1", "v2", "v3"].into_iter().find(|tag| image(tag).digest()[9..] == digest[9..]);
            let doubt = if one.is_proven() && one.is_healthy(tokio::time::Instant::now()) { "" } else { "?" };
            format!("{}{doubt}", tag.unwrap_or("another"))
        });
        running.collect::<Vec<_>>().join(" ")
    };
    state.hosts.values().map(of_host).collect()
}

fn fails_on(operator: &Operator, hosts: &[usize]) {
    let behaviour = match *hosts {
        [one] => Behaviour::Only(host(one), Box::new(EXITS)),
        _ => EXITS,
    };
    operator.world.behaves(image("v2").digest(), behaviour);
}

#[test]
fn a_host_that_may_fail_goes_back_alone_and_the_release_is_not_in_force() {
    runtime().block_on(async {
        let mut operator = fleet(4, Share::ALL).await;
        operator.environment.services[0].update.failure_action = FailureAction::Continue;
        fails_on(&operator, &[2]);
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, report.outcome.exit().code()), (&Outcome::Partial, 4));
        assert_eq!(runs(&operator), ["v2", "v1", "v2", "v2"]);
        assert_eq!(report.failure.expect("a failure").host, Some(host(2)));
        assert!(report.rows.iter().all(|row| row.as_intended));
        let observed = operator.world.doors().observe(&operator.environment.scope()).await;
        let ledger = observed.ledger();
        assert_eq!(ledger.entries.last().expect("an entry").result, RolloutResult::Partial);
        assert_eq!(ledger.current().expect("a release").release.number, 1);
        let drifts: Vec<_> = Status::of(&observed).rows.into_iter().map(|row| row.drift).collect();
        let other = Some(Drift::OtherRelease);
        assert_eq!(drifts, [other.clone(), None, other.clone(), other]);
        // The next deploy tries it again, and a rollback takes it back everywhere.
        operator.world.behaves(image("v2").digest(), Behaviour::Good(Duration::from_millis(200)));
        let back = operator.world.fork();
        let other = Operator { world: back.clone(), cancel: back.cancel(), ..operator.clone() };
        assert_eq!(deploy(&operator, "v2").await.outcome, Outcome::Completed);
        assert_eq!(runs(&operator), ["v2"; 4]);
        let End::Reported(report) = other.run(&Command::Rollback).await else { panic!("no report") };
        assert_eq!((report.outcome, runs(&other)), (Outcome::Completed, vec!["v1".to_owned(); 4]));
    });
}

#[test]
fn more_hosts_that_fail_than_may_take_the_fleet_back() {
    runtime().block_on(async {
        for action in [FailureAction::Continue, FailureAction::Rollback, FailureAction::Pause] {
            let mut operator = fleet(4, Share(250_000)).await;
            operator.environment.services[0].update.failure_action = action;
            operator.world.behaves(image("v2").digest(), Behaviour::Only(host(4), Box::new(EXITS)));
            assert_eq!(deploy(&operator, "v2").await.outcome, Outcome::Partial, "one of four may, whatever the action");
            assert_eq!(runs(&operator), ["v2", "v2", "v2", "v1"]);
            operator.world.behaves(image("v3").digest(), EXITS);
            let outcome = deploy(&operator, "v3").await.outcome;
            let halts = action == FailureAction::Pause;
            assert_eq!(outcome, if halts { Outcome::Halted } else { Outcome::RolledBack }, "{action:?}");
        }
    });
}

#[test]
fn when_every_host_fails_alone_the_fleet_is_what_it_was() {
    runtime().block_on(async {
        let operator = fleet(3, Share::ALL).await;
        fails_on(&operator, &[]);
        let report = deploy(&operator, "v2").await;
        assert_eq!((report.outcome, runs(&operator)), (Outcome::RolledBack, vec!["v1".to_owned(); 3]));
    });
}

#[test]
fn a_canary_may_not_fail() {
    runtime().block_on(async {
        let mut operator = fleet(3, Share::ALL).await;
        let (hosts, monitor) = (BatchSize::Count(1), Duration::from_millis(400));
        let canary = Canary { hosts, monitor, promote: Promote::Automatic };
        operator.environment.services[0].update.canary = Some(canary);
        fails_on(&operator, &[1]);
        assert_eq!(deploy(&operator, "v2").await.outcome, Outcome::RolledBack);
        assert_eq!(runs(&operator), ["v1"; 3]);
    });
}

#[test]
fn a_host_that_goes_back_alone_goes_back_as_a_whole() {
    runtime().block_on(async {
        let world = World::new((1..=3).map(host));
        let mut environment = with_database(environment(3));
        environment.services.values_mut().for_each(|service| service.update.max_failures = Share(400_000));
        let operator = Operator::new(&world, &environment);
        operator.deploy("v1").await;
        fails_on(&operator, &[2]);
        assert_eq!(deploy(&operator, "v2").await.outcome, Outcome::Partial);
        assert_eq!(runs(&operator), ["v2 v2", "v1 v1", "v2 v2"], "db was ahead on the second host");
    });
}

#[test]
fn nobody_is_moved_to_a_release_that_a_host_on_its_way_back_found_unhealthy() {
    runtime().block_on(async {
        let world = World::new((1..=3).map(host));
        let mut environment = with_database(environment(3));
        environment.services.values_mut().for_each(|service| service.update.max_failures = Share(400_000));
        let operator = Operator::new(&world, &environment);
        operator.deploy("v1").await;
        fails_on(&operator, &[2]);
        {
            let (mut state, db) = (operator.world.state(), &environment.services[0].name);
            let old =
                state.host(&host(2)).containers.iter_mut().find(|one| one.is_running() && one.stamp.service == *db);
            old.expect("the database of v1").behaves(Behaviour::Once);
        }
        let report = deploy(&operator, "v2").await;
        assert_eq!(report.outcome, Outcome::Halted, "{report:#?}");
        assert_eq!(runs(&operator)[0], "v2 v2", "{report:#?}");
    });
}

#[test]
fn a_host_that_fails_in_its_monitor_goes_back_alone_and_the_others_are_watched_on() {
    runtime().block_on(async {
        let operator = fleet(3, Share(340_000)).await;
        let fails = Behaviour::FailsAfter(Duration::from_millis(500));
        operator.world.behaves(image("v2").digest(), Behaviour::Only(host(1), Box::new(fails)));
        assert_eq!(deploy(&operator, "v2").await.outcome, Outcome::Partial);
        assert_eq!(runs(&operator), ["v1", "v2", "v2"]);
    });
}

#[test]
fn a_batch_of_which_no_host_gets_ready_in_time_has_failed() {
    runtime().block_on(async {
        let mut operator = fleet(2, Share::NONE).await;
        let web = &mut operator.environment.services[0];
        (web.health.healthy_deadline, web.update.progress_deadline) = (Duration::from_mins(1), Duration::from_secs(5));
        operator.world.behaves(image("v2").digest(), Behaviour::Only(host(2), Box::new(Behaviour::NeverHealthy)));
        let begun = tokio::time::Instant::now();
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, runs(&operator)), (&Outcome::RolledBack, vec!["v1".to_owned(); 2]));
        assert!(begun.elapsed() < Duration::from_secs(40), "it did not wait for the gate: {:?}", begun.elapsed());
        let failure = report.failure.expect("a failure");
        assert_eq!(
            (failure.host, failure.reason.as_str()),
            (Some(host(2)), "for 5s no host of the batch got ready (`progress_deadline`)")
        );
    });
}

#[test]
fn a_batch_that_is_too_slow_leaves_a_store_as_it_was() {
    runtime().block_on(async {
        let mut operator = fleet_of(publishing(environment(2))).await;
        let web = &mut operator.environment.services[0];
        (web.health.healthy_deadline, web.update.progress_deadline) = (Duration::from_mins(1), Duration::from_secs(5));
        web.update.parallelism = BatchSize::All;
        operator.world.behaves(image("v2").digest(), Behaviour::Only(host(2), Box::new(Behaviour::NeverHealthy)));
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, runs(&operator)), (&Outcome::RolledBack, vec!["v1".to_owned(); 2]));
        assert_eq!(operator.world.state().store.text(PUBLISHED).as_deref(), Some("v1"));
    });
}

#[test]
fn a_batch_goes_on_as_long_as_from_time_to_time_a_host_gets_ready() {
    runtime().block_on(async {
        let mut operator = fleet(2, Share::NONE).await;
        let web = &mut operator.environment.services[0];
        (web.health.healthy_deadline, web.update.progress_deadline) = (Duration::from_mins(1), Duration::from_secs(5));
        web.update.parallelism = BatchSize::All;
        // The first is ready after a moment, the second four seconds later, six after the batch began.
        let slow = Behaviour::Only(host(2), Box::new(Behaviour::Good(Duration::from_secs(4))));
        operator.world.behaves(image("v2").digest(), slow);
        assert_eq!(deploy(&operator, "v2").await.outcome, Outcome::Completed);
        // Not ready in time, it goes back alone where it may.
        let slow = Behaviour::Only(host(2), Box::new(Behaviour::Good(Duration::from_secs(30))));
        operator.world.behaves(image("v3").digest(), slow);
        operator.environment.services[0].update.max_failures = Share(500_000);
        assert_eq!(deploy(&operator, "v3").await.outcome, Outcome::Partial);
        assert_eq!(runs(&operator), ["v3", "v2"]);
    });
}

/// Four hosts that go back in this way.
async fn going_back(back: WayBack) -> Operator {
    let mut operator = fleet(4, Share::NONE).await;
    operator.environment.services[0].update.back = back;
    fails_on(&operator, &[4]);
    operator
}

#[test]
fn hosts_go_back_as_many_at_a_time_as_is_said() {
    runtime().block_on(async {
        let mut longest = Vec::new();
        for together in [Together::AsForward, Together::Of(BatchSize::Count(2)), Together::Of(BatchSize::All)] {
            let operator =
                going_back(WayBack { together, monitor: Duration::ZERO, delay: Duration::from_secs(10) }).await;
            let begun = tokio::time::Instant::now();
            assert_eq!(deploy(&operator, "v2").await.outcome, Outcome::RolledBack);
            assert_eq!(runs(&operator), ["v1"; 4]);
            longest.push(begun.elapsed().as_secs() / 10);
        }
        assert_eq!(longest, [3, 2, 1], "three hosts, each with ten seconds behind its batch");
    });
}

#[test]
fn what_fails_after_it_is_back_keeps_the_others_where_they_are() {
    runtime().block_on(async {
        let back = WayBack { together: Together::AsForward, monitor: Duration::from_secs(3), delay: Duration::ZERO };
        let operator = going_back(back).await;
        {
            let mut state = operator.world.state();
            let before = state.host(&host(3)).containers.iter_mut().find(|one| one.is_running());
            before.expect("release 1 runs").behaves(Behaviour::FailsAfter(Duration::from_secs(1)));
        }
        let report = deploy(&operator, "v2").await;
        assert_eq!(report.outcome, Outcome::Halted);
        assert_eq!(runs(&operator), ["v2", "v2", "v1?", "v1"], "nothing is moved to what is known not to be healthy");
        let undo = report.undo_failures.first().expect("a failure");
        assert_eq!((&undo.host, undo.doing.as_str()), (&Some(host(3)), "monitor"));
    });
}
