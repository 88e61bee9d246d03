//! What operators do to hosts as a whole, on the simulated fleet: drain, admit, reboot.

use std::collections::BTreeMap;
use std::time::Duration;

use insta::assert_snapshot;
use shipctl::environment::{BatchSize, Ceiling};
use shipctl::fleet::act::Act;
use shipctl::fleet::ledger::{Kind, RolloutResult};
use shipctl::fleet::observed::Observed;
use shipctl::fleet::select::Selection;
use shipctl::fleet::status::{Drift, Status};
use shipctl::name::HostName;
use shipctl::plan::act::Asked;
use shipctl::plan::{Note, Plan, check};
use shipctl::rollout::report::{Outcome, Report, RowHealth};
use tokio::time::Instant;

use crate::support::environment::{environment, host, service, with_database};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::Behaviour;
use crate::support::sweep::{Scenario, Truth, running, web};

fn asked(kind: Kind) -> Asked {
    let act = Act { reason: Some("new memory".to_owned()), forced: false };
    Asked { kind, act, parallel: None, back_within: Duration::from_mins(10) }
}

fn on(asked: Asked, hosts: &[usize]) -> Command {
    Command::Act(asked, hosts.iter().map(|number| host(*number).to_string()).collect())
}

async fn run(operator: &Operator, command: &Command) -> Report {
    match operator.run(command).await {
        End::Reported(report) => *report,
        other => panic!("{command:?}: {other:?}"),
    }
}

async fn refused(operator: &Operator, command: &Command) -> String {
    let before = operator.world.state().mutations;
    let End::Refused(why) = operator.run(command).await else { panic!("{command:?} was not refused") };
    assert_eq!(operator.world.state().mutations, before, "nothing was changed");
    why
}

async fn observed(operator: &Operator) -> Observed {
    operator.world.doors_that_reboot().observe(&operator.environment.scope()).await
}

async fn planned(operator: &Operator, command: &Command) -> Plan {
    let seen = observed(operator).await;
    let plan = operator.plan(command, &seen, &Selection::default()).expect("a plan").expect("a release");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    plan
}

async fn status(operator: &Operator) -> Status {
    let seen = observed(operator).await;
    let mut status = Status::of(&seen);
    status.add_traffic(&operator.environment, &seen);
    status
}

/// Whether each host serves.
fn serve(operator: &Operator) -> Vec<bool> {
    (1..=3).map(|number| matches!(running(&operator.world, &web(number)), Truth::One(_, true))).collect()
}

/// How often each host was started again.
fn boots(operator: &Operator) -> Vec<u32> {
    operator.world.state().hosts.values().map(|host| host.boots).collect()
}

fn is_drained(operator: &Operator, number: usize) -> bool {
    operator.world.state().balancers.values().all(|one| one.drained.contains_key(&host(number)))
}

#[test]
fn what_is_drained_runs_on_without_requests_and_status_says_whose_doing_that_is() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        let plan = planned(&operator, &on(asked(Kind::Drain), &[2])).await;
        assert_snapshot!(plan.to_string(), @"
        host drain shop prod: new memory
          batch 1 of 1: web2 (2 of 3 serve web)
            web2: shop-prod-web-206469fa9f (r2)
              drain
        ");
        let report = run(&operator, &on(asked(Kind::Drain), &[2])).await;
        assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
        assert!(report.rows.iter().all(|row| row.as_intended));
        assert_eq!(serve(&operator), [true, false, true]);
        assert!(is_drained(&operator, 2) && matches!(running(&operator.world, &web(2)), Truth::One(_, false)));
        let row = &status(&operator).await.rows[1];
        let said = row.act.as_ref().expect("who did it");
        assert_eq!((row.state, &row.drift), ("running", &Some(Drift::OutOfTraffic)));
        let reason = said.act.reason.as_deref();
        assert_eq!((said.kind, said.by.as_str(), reason), (Kind::Drain, "ann@desk", Some("new memory")));

        assert!(matches!(operator.run(&on(asked(Kind::Drain), &[2])).await, End::Nothing), "it is so already");
        assert_eq!(run(&operator, &on(asked(Kind::Admit), &[])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [true, true, true]);
        let after = status(&operator).await;
        assert!(after.is_clean() && after.rows[1].act.is_none());
        assert!(matches!(operator.run(&on(asked(Kind::Admit), &[])).await, End::Nothing));
    });
}

#[test]
fn as_many_hosts_go_on_serving_as_the_manifest_says_unless_it_is_forced() {
    runtime().block_on(async {
        let mut operator = Scenario::balanced_fleet().await;
        let why = refused(&operator, &on(asked(Kind::Drain), &[1, 2])).await;
        assert!(why.ends_with("would leave out web1, web2"), "{why}");
        run(&operator, &on(asked(Kind::Drain), &[1])).await;
        let why = refused(&operator, &on(asked(Kind::Drain), &[2])).await;
        assert!(why.ends_with("would leave out web1, web2"), "what is drained already counts: {why}");
        operator.environment.services[0].update.max_unavailable = Ceiling::Count(2);
        assert_eq!(run(&operator, &on(asked(Kind::Drain), &[2])).await.outcome, Outcome::Completed);
        let forced = Asked { act: Act { reason: None, forced: true }, ..asked(Kind::Drain) };
        assert_eq!(run(&operator, &on(forced, &[3])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [false, false, false]);
        let ledger = observed(&operator).await.ledger();
        assert_eq!(ledger.acts.iter().map(|deed| deed.act.forced).collect::<Vec<_>>(), [false, false, true]);
    });
}

#[test]
fn a_deploy_and_a_restart_leave_out_of_traffic_what_was_drained_by_hand_and_say_so() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        run(&operator, &on(asked(Kind::Drain), &[2])).await;
        let deploy = Command::Deploy("v3".to_owned());
        let plan = planned(&operator, &deploy).await;
        let (by, reason) = ("ann@desk".to_owned(), Some("new memory".to_owned()));
        assert!(plan.notes.contains(&Note::Held { host: host(2), service: service("web"), by, reason }), "{plan}");
        operator.deploy("v3").await;
        assert_eq!(serve(&operator), [true, false, true]);
        assert!(is_drained(&operator, 2));
        assert_eq!(run(&operator, &on(asked(Kind::Restart), &[])).await.outcome, Outcome::Completed);
        assert!(is_drained(&operator, 2));
        assert!(matches!(operator.run(&deploy).await, End::Nothing), "what is left as it is differs from nothing");
        assert_eq!(run(&operator, &on(asked(Kind::Admit), &[2])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [true, true, true]);
        assert!(status(&operator).await.is_clean());
    });
}

#[test]
fn who_admits_a_server_at_the_balancer_itself_has_ended_the_drain() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        run(&operator, &on(asked(Kind::Drain), &[2])).await;
        operator.world.state().balancers.values_mut().for_each(|one| one.drained.clear());
        assert!(status(&operator).await.is_clean());
        let plan = planned(&operator, &Command::Deploy("v3".to_owned())).await;
        assert!(!plan.notes.iter().any(|note| matches!(note, Note::Held { .. })), "{plan}");
    });
}

#[test]
fn what_was_drained_by_a_rollout_that_came_to_no_end_is_nobodys_wish() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        let now = Instant::now();
        operator.world.state().balancers.values_mut().for_each(|one| one.drained.extend([(host(2), now)]));
        assert!(status(&operator).await.rows[1].act.is_none());
        operator.deploy("v2").await;
        assert_eq!(serve(&operator), [true, true, true]);
    });
}

#[test]
fn behind_an_edge_what_is_drained_has_no_seat_until_it_is_admitted() {
    runtime().block_on(async {
        let operator = Scenario::edged_fleet().await;
        assert_eq!(run(&operator, &on(asked(Kind::Drain), &[2])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [true, false, true]);
        operator.deploy("v3").await;
        assert_eq!(serve(&operator), [true, false, true]);
        assert_eq!(status(&operator).await.rows[1].act.as_ref().map(|said| said.kind), Some(Kind::Drain));
        assert_eq!(run(&operator, &on(asked(Kind::Admit), &[])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [true, true, true]);
    });
}

#[test]
fn what_is_not_healthy_stays_out_and_the_others_are_admitted() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        let forced = Asked { act: Act { reason: None, forced: true }, ..asked(Kind::Drain) };
        run(&operator, &on(forced, &[])).await;
        {
            let second = host(2);
            let mut state = operator.world.state();
            let mut all = state.host(&second).containers.iter_mut();
            all.find(|one| one.is_running()).expect("it runs").behaves(Behaviour::NeverHealthy);
        }
        let report = run(&operator, &on(asked(Kind::Admit), &[])).await;
        assert_eq!(report.outcome, Outcome::Halted);
        assert_eq!(serve(&operator), [true, false, true]);
        assert!(is_drained(&operator, 2));
        assert_eq!(report.failure.as_ref().and_then(|failure| failure.host.clone()), Some(host(2)));
        let healths: Vec<_> = report.rows.iter().map(|row| row.health).collect();
        assert_eq!(healths, [RowHealth::Healthy, RowHealth::Unhealthy, RowHealth::Healthy]);
    });
}

#[test]
fn a_reboot_goes_host_by_host_with_all_that_is_on_each_and_brings_the_same_containers_back() {
    runtime().block_on(async {
        let operator = Scenario::fleet(&with_database(environment(3))).await;
        let ids = |operator: &Operator| -> BTreeMap<HostName, Vec<String>> {
            let state = operator.world.state();
            let running = |host: &crate::support::sim::world::SimHost| {
                host.containers.iter().filter(|one| one.is_running()).map(|one| one.id.0.clone()).collect()
            };
            state.hosts.iter().map(|(name, host)| (name.clone(), running(host))).collect()
        };
        let before = ids(&operator);
        let plan = planned(&operator, &on(asked(Kind::Reboot), &[])).await;
        assert_snapshot!(plan.to_string(), @"
        host reboot shop prod: new memory
          batch 1 of 3: web1 (2 of 3 serve db, 2 of 3 serve web), then monitor 400ms; downtime on each host until its gate is passed
            web1: shop-prod-db-7f3bce2d80 (r2)
              reboot the host; start container; gate container
            web1: shop-prod-web-854d44d698 (r2)
              reboot the host; start container; gate container
          batch 2 of 3: web2 (2 of 3 serve db, 2 of 3 serve web), then monitor 400ms; downtime on each host until its gate is passed
            web2: shop-prod-db-6a09610e91 (r2)
              reboot the host; start container; gate container
            web2: shop-prod-web-206469fa9f (r2)
              reboot the host; start container; gate container
          batch 3 of 3: web3 (2 of 3 serve db, 2 of 3 serve web), then monitor 400ms; downtime on each host until its gate is passed
            web3: shop-prod-db-aa8c5e8a0b (r2)
              reboot the host; start container; gate container
            web3: shop-prod-web-f30e5703ce (r2)
              reboot the host; start container; gate container
          each host is to be back within 10m
        ");
        let report = run(&operator, &on(asked(Kind::Reboot), &[])).await;
        assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
        assert_eq!((boots(&operator), ids(&operator)), (vec![1; 3], before), "each once, however much is on it");
        assert!(report.rows.iter().all(|row| row.health == RowHealth::Healthy), "{report:#?}");
        let deed = observed(&operator).await.ledger().acts.pop().expect("an act");
        assert_eq!(
            (deed.kind, deed.result, deed.parts.iter().all(|part| part.done)),
            (Kind::Reboot, RolloutResult::Completed, true)
        );
    });
}

#[test]
fn no_more_hosts_are_down_at_a_time_than_each_service_lets() {
    runtime().block_on(async {
        let mut operator = Scenario::balanced_fleet().await;
        let together = async |operator: &Operator| -> Vec<usize> {
            let plan = planned(operator, &on(asked(Kind::Reboot), &[])).await;
            plan.batches.iter().map(|batch| batch.replacements.len()).collect()
        };
        assert_eq!(together(&operator).await, [1, 1, 1]);
        operator.environment.services[0].update.parallelism = BatchSize::Count(2);
        assert_eq!(together(&operator).await, [2, 1]);
        operator.environment.services[0].update.max_unavailable = Ceiling::Count(1);
        assert_eq!(together(&operator).await, [1, 1, 1]);
        let plan = planned(&operator, &on(asked(Kind::Reboot), &[])).await;
        assert_eq!(plan.batches.iter().map(|batch| batch.keep).collect::<Vec<_>>(), [2, 2, 2]);
        // What is out already goes first, and takes nothing away.
        run(&operator, &on(asked(Kind::Drain), &[3])).await;
        let plan = planned(&operator, &on(asked(Kind::Reboot), &[3])).await;
        assert_eq!(plan.batches[0].keep, 0);
        // It counts for the others, too.
        let sizes = |plan: &Plan| plan.batches.iter().map(|batch| batch.replacements.len()).collect::<Vec<_>>();
        operator.environment.services[0].update.max_unavailable = Ceiling::Count(2);
        assert_eq!(sizes(&planned(&operator, &on(asked(Kind::Reboot), &[1, 2])).await), [1, 1]);
        let one = Asked { parallel: Some(1), ..asked(Kind::Reboot) };
        let forced = Asked { act: Act { reason: None, forced: true }, ..asked(Kind::Drain) };
        run(&operator, &on(forced, &[])).await;
        assert_eq!(sizes(&planned(&operator, &on(one, &[])).await), [1, 1, 1], "also where nothing serves");
    });
}

#[test]
fn a_host_that_does_not_come_back_is_named_stays_drained_and_the_next_is_not_touched() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        operator.world.state().host(&host(2)).stays_down = true;
        let began = Instant::now();
        let report = run(&operator, &on(asked(Kind::Reboot), &[])).await;
        assert_eq!((&report.outcome, report.outcome.exit().code()), (&Outcome::Halted, 4));
        let failure = report.failure.as_ref().expect("a failure");
        assert_eq!((failure.host.clone(), failure.doing.as_str()), (Some(host(2)), "reboot the host"));
        assert!(failure.reason.starts_with("the host is not back within 10m: "), "{}", failure.reason);
        assert!(began.elapsed() >= Duration::from_mins(10));
        assert_eq!(report.undo_failures, [], "what is not there is not told anything");
        assert_eq!((boots(&operator), serve(&operator)), (vec![1, 0, 0], vec![true, false, true]));
        assert!(is_drained(&operator, 2) && !is_drained(&operator, 3));
        let healths: Vec<_> = report.rows.iter().map(|row| (row.health, row.as_intended)).collect();
        assert_eq!(healths[1], (RowHealth::Unknown, false));
        assert!(healths[0].1 && healths[2].1, "the others are as they were, or as they were to be");

        // It comes back later, and a deploy puts everything right.
        Scenario::restore_power(&operator.world);
        operator.deploy("v2").await;
        assert_eq!(serve(&operator), [true, true, true]);
    });
}

#[test]
fn a_container_that_does_badly_after_the_reboot_ends_it_out_of_traffic() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        {
            let first = host(1);
            let mut state = operator.world.state();
            let mut all = state.host(&first).containers.iter_mut();
            all.find(|one| one.is_running()).expect("it runs").behaves(Behaviour::Once);
        }
        let report = run(&operator, &on(asked(Kind::Reboot), &[])).await;
        assert_eq!(report.outcome, Outcome::Halted);
        assert_eq!(report.rows[0].health, RowHealth::Unhealthy);
        assert_eq!((boots(&operator), serve(&operator)), (vec![1, 0, 0], vec![false, true, true]));
        assert!(is_drained(&operator, 1));
    });
}

#[test]
fn what_was_stopped_or_drained_by_hand_is_so_after_the_reboot() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        run(&operator, &on(asked(Kind::Stop), &[2])).await;
        let report = run(&operator, &on(asked(Kind::Reboot), &[2])).await;
        assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
        assert_eq!((boots(&operator), serve(&operator)), (vec![0, 1, 0], vec![true, false, true]));
        let said = status(&operator).await.rows[1].act.clone().expect("who did it");
        assert_eq!(said.kind, Kind::Stop, "it is still known who has stopped it");
        run(&operator, &on(asked(Kind::Start), &[2])).await;
        run(&operator, &on(asked(Kind::Drain), &[2])).await;
        assert_eq!(run(&operator, &on(asked(Kind::Reboot), &[2])).await.outcome, Outcome::Completed);
        assert_eq!((boots(&operator), serve(&operator)), (vec![0, 2, 0], vec![true, false, true]));
        assert_eq!(status(&operator).await.rows[1].act.as_ref().map(|said| said.kind), Some(Kind::Drain));
    });
}

#[test]
fn a_wish_to_end_is_heeded_between_hosts() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        let interrupt = async {
            while operator.world.state().hosts[&host(1)].up {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            operator.cancel.request();
        };
        let reboot = on(asked(Kind::Reboot), &[]);
        let (report, ()) = tokio::join!(run(&operator, &reboot), interrupt);
        assert_eq!(report.outcome, Outcome::Cancelled, "{report:#?}");
        assert_eq!((boots(&operator), serve(&operator)), (vec![1, 0, 0], vec![true, true, true]));
    });
}

#[test]
fn a_host_that_cannot_be_told_to_reboot_is_named_before_anything_is_done() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        let mut seen = observed(&operator).await;
        seen.boots.remove(&host(3));
        let why = operator.plan(&on(asked(Kind::Reboot), &[]), &seen, &Selection::default()).unwrap_err();
        assert_snapshot!(why.to_string(), @"host web3 cannot be told to reboot: it is not reached by SSH");
        assert!(operator.plan(&on(asked(Kind::Reboot), &[1, 2]), &seen, &Selection::default()).is_ok());
    });
}
