//! What operators do between rollouts, on the simulated fleet: what hosts run then, what `status` says of it, and how the next
//! deploy or rollback copes.

use std::time::Duration;

use insta::assert_snapshot;
use shipctl::environment::{BatchSize, Canary, Ceiling, Promote, RestartPolicy};
use shipctl::fleet::act::Act;
use shipctl::fleet::ledger::{Kind, RolloutResult};
use shipctl::fleet::observed::Observed;
use shipctl::fleet::select::Selection;
use shipctl::fleet::status::{Drift, Status};
use shipctl::plan::act::Asked;
use shipctl::plan::{Note, Plan, check};
use shipctl::rollout::report::{Outcome, Report, RowHealth};

use crate::support::environment::{environment, host, image};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::Behaviour;
use crate::support::sweep::{Scenario, Truth, running, web};

fn asked(kind: Kind) -> Asked {
    Asked {
        kind,
        act: Act { reason: Some("new memory".to_owned()), forced: false },
        parallel: None,
        back_within: Duration::ZERO,
    }
}

fn forced(kind: Kind) -> Asked {
    Asked { act: Act { reason: None, forced: true }, ..asked(kind) }
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
    operator.world.doors().observe(&operator.environment.scope()).await
}

async fn planned(operator: &Operator, command: &Command) -> Plan {
    let seen = observed(operator).await;
    let plan = operator.plan(command, &seen, &Selection::default()).expect("a plan").expect("a release");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    plan
}

/// Whether each host serves.
fn serve(operator: &Operator) -> Vec<bool> {
    (1..=3).map(|number| matches!(running(&operator.world, &web(number)), Truth::One(_, true))).collect()
}

/// The tags of the containers that each host has, running or not.
fn has(operator: &Operator, number: usize) -> Vec<&'static str> {
    let state = operator.world.state();
    let tag = |digest: &str| ["v1", "v2", "v3"].into_iter().find(|tag| image(tag).digest() == digest);
    state.hosts[&host(number)].containers.iter().filter_map(|one| tag(one.stamp.image.digest())).collect()
}

#[test]
fn what_is_stopped_stays_stopped_and_status_says_who_did_it_and_why() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        let report = run(&operator, &on(asked(Kind::Stop), &[2])).await;
        assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
        assert_eq!(report.rows.iter().map(|row| row.health).collect::<Vec<_>>(), [RowHealth::Stopped]);
        assert_eq!(serve(&operator), [true, false, true]);
        {
            let state = operator.world.state();
            let is_armed = state.hosts[&host(2)].containers.iter().any(|one| one.restart != RestartPolicy::No);
            assert!(!is_armed, "no reboot brings it back");
        }

        let seen = observed(&operator).await;
        let status = Status::of(&seen);
        let row = &status.rows[1];
        let said = row.act.as_ref().expect("who did it");
        assert_eq!((row.state, &row.drift), ("stopped", &Some(Drift::NotRunning)));
        assert_eq!(
            (said.kind, said.by.as_str(), said.act.reason.as_deref()),
            (Kind::Stop, "ann@desk", Some("new memory"))
        );
        assert!(!status.is_clean() && status.rows[0].act.is_none());
        let ledger = seen.ledger();
        let deed = ledger.acts.last().expect("an act");
        assert_eq!((deed.number, deed.result, deed.parts.len()), (3, RolloutResult::Completed, 1));
        assert_eq!(ledger.current().expect("a release").release.number, 2, "no release came of it");

        assert_eq!(run(&operator, &on(asked(Kind::Start), &[2])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [true, true, true]);
        let seen = observed(&operator).await;
        assert!(Status::of(&seen).is_clean() && seen.ledger().last_number() == 4);
        assert!(matches!(operator.run(&on(asked(Kind::Start), &[2])).await, End::Nothing));
    });
}

#[test]
fn a_stop_keeps_as_many_hosts_in_service_as_the_manifest_says_unless_it_is_forced() {
    runtime().block_on(async {
        let mut operator = Scenario::fleet(&environment(3)).await;
        let all = on(asked(Kind::Stop), &[]);
        assert_snapshot!(refused(&operator, &all).await, @"web: at most 1 of its 3 hosts may be out of service (`max_unavailable`, or `parallelism` where it is not set), and this would leave out web1, web2, web3");
        operator.environment.services[0].update.max_unavailable = Ceiling::Count(2);
        assert_eq!(run(&operator, &on(asked(Kind::Stop), &[1, 3])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [false, true, false]);
        assert!(refused(&operator, &on(asked(Kind::Stop), &[2])).await.contains("would leave out web1, web2, web3"));
        assert_eq!(run(&operator, &on(forced(Kind::Stop), &[])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [false, false, false]);
        let ledger = observed(&operator).await.ledger();
        assert_eq!(ledger.acts.iter().map(|deed| deed.act.forced).collect::<Vec<_>>(), [false, true]);

        assert_eq!(run(&operator, &on(asked(Kind::Start), &[])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [true, true, true]);
    });
}

#[test]
fn a_deploy_says_whom_it_overrules_and_brings_back_what_was_stopped() {
    runtime().block_on(async {
        let operator = Scenario::fleet(&environment(3)).await;
        run(&operator, &on(asked(Kind::Stop), &[2])).await;
        for command in [Command::Deploy("v2".to_owned()), Command::Deploy("v3".to_owned())] {
            let plan = planned(&operator, &command).await;
            let note = Note::Stopped {
                host: host(2),
                service: web(2).1,
                by: "ann@desk".to_owned(),
                reason: Some("new memory".to_owned()),
            };
            assert!(plan.notes.contains(&note), "{plan}");
        }
        operator.deploy("v3").await;
        assert_eq!(serve(&operator), [true, true, true]);
        assert!(Status::of(&observed(&operator).await).is_clean());
    });
}

#[test]
fn a_rollback_goes_back_to_the_release_before_although_something_is_stopped() {
    runtime().block_on(async {
        let operator = Scenario::fleet(&environment(3)).await;
        run(&operator, &on(asked(Kind::Stop), &[2])).await;
        let report = run(&operator, &Command::Rollback).await;
        assert_eq!((report.outcome, report.release.number), (Outcome::Completed, 1));
        assert_eq!(serve(&operator), [true, true, true]);
    });
}

#[test]
fn a_restart_goes_host_by_host_and_brings_the_same_containers_back() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        let began = |operator: &Operator| {
            let state = operator.world.state();
            let all = (1..=3).map(|number| {
                let one = state.hosts[&host(number)].containers.iter().find(|one| one.is_running()).expect("it runs");
                (one.id.clone(), one.started)
            });
            all.collect::<Vec<_>>()
        };
        let before = began(&operator);
        let plan = planned(&operator, &on(asked(Kind::Restart), &[])).await;
        assert_snapshot!(plan.to_string().lines().take(4).collect::<Vec<_>>().join("\n"), @"
        restart shop prod: new memory
          batch 1 of 3 (2 of 3 serve): web, then monitor 400ms
            web1: shop-prod-web-854d44d698 (r2)
              drain; stop container (grace 1s); start container; gate container; promote container; admit
        ");
        let report = run(&operator, &on(asked(Kind::Restart), &[])).await;
        assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
        let after = began(&operator);
        assert!(before.iter().zip(&after).all(|(was, is)| was.0 == is.0 && was.1 < is.1), "{before:?} {after:?}");
        assert_eq!(serve(&operator), [true, true, true]);
    });
}

#[test]
fn a_container_that_does_not_come_back_ends_the_restart_out_of_traffic_and_the_others_never_hear_of_it() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        {
            let second = host(2);
            let mut state = operator.world.state();
            let mut all = state.host(&second).containers.iter_mut();
            all.find(|one| one.is_running()).expect("it runs").behaves(Behaviour::Once);
        }
        let untouched =
            operator.world.state().hosts[&host(3)].containers.iter().map(|one| one.started).collect::<Vec<_>>();
        let report = run(&operator, &on(asked(Kind::Restart), &[])).await;
        assert_eq!((&report.outcome, report.outcome.exit().code()), (&Outcome::Halted, 4));
        let failure = report.failure.as_ref().expect("a failure");
        assert_eq!((failure.host.clone(), failure.doing.as_str()), (Some(host(2)), "gate container"));
        assert_eq!(report.rows.iter().map(|row| row.health).collect::<Vec<_>>()[1], RowHealth::Unhealthy);
        assert_eq!(serve(&operator), [true, false, true]);
        let now = operator.world.state().hosts[&host(3)].containers.iter().map(|one| one.started).collect::<Vec<_>>();
        assert_eq!(now, untouched);
        let all_drained = operator.world.state().balancers.values().all(|one| one.drained.contains_key(&host(2)));
        assert!(all_drained, "what is not healthy gets no requests");
        let status = Status::of(&observed(&operator).await);
        assert_eq!(status.rows[1].drift, Some(Drift::RestartPolicy));
        assert!(status.rows[1].act.is_none());
        let deed = observed(&operator).await.ledger().acts.pop().expect("an act");
        let done: Vec<_> = deed.parts.iter().map(|part| part.done).collect();
        assert_eq!((deed.result, done), (RolloutResult::Mixed, vec![true, false, false]));
        // The next release puts it right.
        operator.deploy("v3").await;
        assert_eq!(serve(&operator), [true, true, true]);
    });
}

#[test]
fn nothing_that_is_in_force_and_runs_is_removed_by_a_slip_of_the_hand() {
    runtime().block_on(async {
        let operator = Scenario::fleet(&environment(3)).await;
        let why = refused(&operator, &on(asked(Kind::Remove), &[2])).await;
        assert!(why.ends_with("on web2 runs, and is of the release in force"), "{why}");
        run(&operator, &on(asked(Kind::Stop), &[2])).await;
        let plan = planned(&operator, &on(asked(Kind::Remove), &[2])).await;
        assert!(plan.to_string().contains("note: web2 cannot go back to r1-"), "{plan}");
        assert_eq!(run(&operator, &on(asked(Kind::Remove), &[2])).await.outcome, Outcome::Completed);
        assert_eq!((has(&operator, 1).len(), has(&operator, 2).len()), (2, 0), "others keep theirs");
        let status = Status::of(&observed(&operator).await);
        let said = status.rows[1].act.as_ref().expect("who did it");
        assert_eq!((status.rows[1].state, said.kind), ("missing", Kind::Remove));
        let why = refused(&operator, &on(asked(Kind::Start), &[2])).await;
        assert_eq!(why, "host web2 keeps no container of web that has proved itself");

        // Forced, what runs is drained and stopped first; a deploy brings all of it back.
        assert_eq!(run(&operator, &on(forced(Kind::Remove), &[1])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [false, false, true]);
        operator.deploy("v2").await;
        assert_eq!(serve(&operator), [true, true, true]);
        assert!(Status::of(&observed(&operator).await).is_clean());
    });
}

#[test]
fn what_is_behind_an_edge_leaves_its_seat_and_gets_it_back() {
    runtime().block_on(async {
        let operator = Scenario::edged_fleet().await;
        let seats = |operator: &Operator| {
            let state = operator.world.state();
            let of =
                |number| state.hosts[&host(number)].containers.iter().any(|one| one.is_running() && one.seat.is_some());
            (1..=3).map(of).collect::<Vec<_>>()
        };
        assert_eq!(run(&operator, &on(asked(Kind::Restart), &[])).await.outcome, Outcome::Completed);
        assert_eq!((serve(&operator), seats(&operator)), (vec![true; 3], vec![true; 3]));
        assert_eq!(run(&operator, &on(asked(Kind::Stop), &[1])).await.outcome, Outcome::Completed);
        assert_eq!(seats(&operator), [false, true, true]);
        assert_eq!(run(&operator, &on(asked(Kind::Start), &[1])).await.outcome, Outcome::Completed);
        assert_eq!((serve(&operator), seats(&operator)), (vec![true; 3], vec![true; 3]));
    });
}

#[test]
fn an_act_does_nothing_while_somebody_holds_the_lock_or_without_a_release() {
    runtime().block_on(async {
        let world = crate::support::sim::World::new((1..=3).map(host));
        let empty = Operator::new(&world, &environment(3));
        assert_eq!(refused(&empty, &on(asked(Kind::Restart), &[])).await, "nothing has been deployed here yet");
        let operator = Scenario::fleet(&environment(3)).await;
        let other = Operator { name: "bob@desk", ..operator.clone() };
        let (deploy, restart) = (Command::Deploy("v3".to_owned()), on(asked(Kind::Restart), &[3]));
        let late = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            other.run(&restart).await
        };
        let (first, second) = tokio::join!(operator.run(&deploy), late);
        let End::Reported(first) = first else { panic!("{first:?}") };
        assert_eq!(first.outcome, Outcome::Completed);
        let End::Reported(second) = second else { panic!("{second:?}") };
        // Held, or made from a look that is stale once the lock is free.
        assert!(matches!(second.outcome, Outcome::Locked(_) | Outcome::Unchanged), "{second:#?}");
    });
}

#[test]
fn a_hotfix_of_one_host_is_drift_with_a_name_and_a_reason_until_it_is_resolved() {
    runtime().block_on(async {
        let operator = Scenario::fleet(&environment(3)).await;
        let report = run(&operator, &Command::Hotfix("v3".to_owned(), vec!["web2".to_owned()])).await;
        assert_eq!((report.outcome, report.release.number), (Outcome::Completed, 3));
        let seen = observed(&operator).await;
        assert_eq!(seen.ledger().current().expect("a release").release.number, 2, "it did not come into force");
        let status = Status::of(&seen);
        let row = &status.rows[1];
        let said = row.act.as_ref().expect("who did it");
        assert_eq!((row.state, &row.drift), ("running", &Some(Drift::OtherRelease)));
        assert_eq!(
            (said.kind, said.by.as_str(), said.act.reason.as_deref()),
            (Kind::Deploy, "ann@desk", Some("a leak"))
        );
        assert!(status.rows[0].act.is_none() && status.rows[2].act.is_none());

        // A restart leaves it; a deploy of what is in force, and a rollback, say that they end it.
        assert_eq!(run(&operator, &on(asked(Kind::Restart), &[2])).await.outcome, Outcome::Completed);
        assert_eq!(Status::of(&observed(&operator).await).rows[1].act.as_ref(), Some(said));
        for command in [Command::Deploy("v2".to_owned()), Command::Rollback] {
            let plan = planned(&operator, &command).await;
            assert_eq!(plan.release.number, 2);
            let note = "note: web on web2 was given something else by ann@desk (a leak), and this replaces it";
            assert!(plan.to_string().contains(note), "{plan}");
        }
        assert_eq!(run(&operator, &Command::Rollback).await.outcome, Outcome::Completed);
        assert!(Status::of(&observed(&operator).await).is_clean());
        assert_eq!(serve(&operator), [true, true, true]);

        // It is resolved the other way round too: the release comes to all.
        run(&operator, &Command::Hotfix("v3".to_owned(), vec!["web2".to_owned()])).await;
        operator.deploy("v3").await;
        assert!(Status::of(&observed(&operator).await).is_clean());
    });
}

#[test]
fn what_has_ended_by_itself_is_started_and_what_runs_already_is_left_alone() {
    runtime().block_on(async {
        let operator = Scenario::balanced_fleet().await;
        {
            let mut state = operator.world.state();
            let second = host(2);
            let mut all = state.host(&second).containers.iter_mut();
            all.find(|one| one.is_running()).expect("it runs").end(tokio::time::Instant::now(), 1);
        }
        let plan = planned(&operator, &on(asked(Kind::Start), &[])).await;
        assert_snapshot!(plan.to_string(), @"
        start shop prod: new memory
          prepare web2: check that port 8080 is free
          batch 1 of 1 (2 of 3 serve): web, then monitor 400ms
            web2: shop-prod-web-206469fa9f (r2)
              drain; stop container (grace 1s); start container; gate container; promote container; admit
          note: web runs on web1 already
          note: web runs on web3 already
        ");
        assert_eq!(run(&operator, &on(asked(Kind::Start), &[])).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [true, true, true]);
        assert!(Status::of(&observed(&operator).await).is_clean());
    });
}

#[test]
fn a_canary_that_waits_goes_on_waiting_whatever_is_restarted_or_stopped() {
    runtime().block_on(async {
        let fleet = Scenario::fleet(&environment(3)).await;
        let mut operator = fleet.clone();
        let canary = Canary { hosts: BatchSize::Count(1), monitor: Duration::from_secs(1), promote: Promote::Manual };
        operator.environment.services[0].update.canary = Some(canary);
        assert_eq!(run(&operator, &Command::Deploy("v3".to_owned())).await.outcome, Outcome::Canary);
        let waits = async || observed(&operator).await.ledger().canary().map(|entry| entry.release.number);
        assert_eq!(run(&operator, &on(asked(Kind::Restart), &[])).await.outcome, Outcome::Completed);
        assert_eq!((waits().await, serve(&operator)), (Some(3), vec![true; 3]));
        // What is started again is what was stopped, and not what is in force.
        run(&operator, &on(asked(Kind::Stop), &[1])).await;
        assert_eq!(Status::of(&observed(&operator).await).rows[0].act.as_ref().map(|said| said.kind), Some(Kind::Stop));
        run(&operator, &on(asked(Kind::Start), &[1])).await;
        let spec = |number: usize| match running(&operator.world, &web(number)) {
            Truth::One(spec, true) => spec,
            other => panic!("{other:?}"),
        };
        assert!(spec(1) != spec(2) && waits().await == Some(3));
        assert_eq!(run(&operator, &Command::Promote("v3".to_owned())).await.outcome, Outcome::Completed);
        assert_eq!(serve(&operator), [true, true, true]);
    });
}
