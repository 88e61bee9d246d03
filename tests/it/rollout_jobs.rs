//! Jobs: what runs once for a release, and what becomes of a rollout where it does not.

use std::time::Duration;

use insta::assert_snapshot;
use shipctl::environment::When;
use shipctl::fleet::observed::Phase;
use shipctl::fleet::select::Selection;
use shipctl::rollout::report::{JobNow, Outcome, Report};

use crate::support::environment::{environment, host, image, migrating};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::{Behaviour, World};

const SOON: Duration = Duration::from_millis(300);

/// Two hosts on release 1, without having had the job, and then with it in the manifest.
async fn fleet(when: When) -> Operator {
    let world = World::new((1..=2).map(host));
    Operator::new(&world, &environment(2)).deploy("v1").await;
    Operator::new(&world, &migrating(environment(2), when))
}

async fn deploy(operator: &Operator, tag: &str) -> Report {
    match operator.run(&Command::Deploy(tag.to_owned())).await {
        End::Reported(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// The image that every host runs, as the tag of its digest.
fn runs(operator: &Operator, tag: &str) -> bool {
    let state = operator.world.state();
    let running = |name| {
        let services = state.hosts[name].containers.iter().filter(|one| one.stamp.job.is_none() && one.is_running());
        services.map(|one| one.stamp.image.digest().to_owned()).collect::<Vec<_>>()
    };
    state.hosts.keys().all(|name| running(name) == [image(tag).digest()])
}

fn starts(operator: &Operator) -> Vec<u32> {
    operator.world.state().job_starts.values().copied().collect()
}

/// How many containers of services there are, running or not.
fn services(operator: &Operator) -> usize {
    let state = operator.world.state();
    state.hosts.values().flat_map(|host| &host.containers).filter(|one| one.stamp.job.is_none()).count()
}

/// Names of jobs' containers on the first host, and how they stand.
fn jobs(operator: &Operator) -> Vec<(String, Phase)> {
    let state = operator.world.state();
    let jobs = state.hosts[&host(1)].containers.iter().filter(|one| one.stamp.job.is_some());
    jobs.map(|one| (one.name.clone(), one.phase)).collect()
}

#[test]
fn a_job_runs_once_for_each_release_and_not_in_a_rollback() {
    runtime().block_on(async {
        let operator = fleet(When::Before).await;
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, report.jobs[0].now), (&Outcome::Completed, JobNow::Done));
        assert!(runs(&operator, "v2"));
        assert_eq!(starts(&operator), [1]);
        let again = operator.run(&Command::Deploy("v2".to_owned())).await;
        assert!(matches!(again, End::Nothing), "{again:?}");
        deploy(&operator, "v3").await;
        assert_eq!(starts(&operator), [1, 1]);
        let back = operator.run(&Command::Rollback).await;
        assert!(matches!(&back, End::Reported(report) if report.outcome == Outcome::Completed), "{back:?}");
        assert!(runs(&operator, "v2"));
        // The record says that it has run for this release, even where its container is gone.
        operator.world.state().host(&host(1)).containers.retain(|one| one.stamp.job.is_none());
        let forward = deploy(&operator, "v3").await;
        assert_eq!((forward.outcome, starts(&operator)), (Outcome::Completed, vec![1, 1]));
    });
}

#[test]
fn a_job_that_fails_stops_the_rollout_before_anything_is_replaced() {
    runtime().block_on(async {
        let operator = fleet(When::Before).await;
        operator.world.state().job = Behaviour::Ends(SOON, 3);
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, report.jobs[0].now), (&Outcome::Unchanged, JobNow::Failed));
        let failure = report.failure.expect("a failure");
        assert_eq!((failure.doing.as_str(), failure.reason.as_str()), ("job migrate", "it ended with exit code 3"));
        assert_eq!(failure.log.len(), 1, "its last lines");
        assert!(runs(&operator, "v1"));
        assert_eq!(services(&operator), 2, "what was staged is removed again");
        // It is not simply tried again, because nobody knows what it has done.
        let End::Refused(why) = operator.run(&Command::Deploy("v2".to_owned())).await else { panic!("a refusal") };
        assert!(
            why.starts_with("job migrate ended with exit code 3 on web1 (container shop-prod-job-migrate-"),
            "{why}"
        );
        assert_eq!(starts(&operator), [1]);
        operator.world.state().job = Behaviour::Ends(SOON, 0);
        let on_purpose = Operator { rerun: vec!["migrate".to_owned()], ..operator.clone() };
        let report = deploy(&on_purpose, "v2").await;
        assert_eq!((report.outcome, report.release.number), (Outcome::Completed, 2));
        assert_eq!(starts(&operator), [2]);
        assert!(runs(&operator, "v2"));
    });
}

#[test]
fn a_job_that_does_not_end_in_time_is_stopped_and_is_no_proof_even_if_it_then_ends_well() {
    runtime().block_on(async {
        let operator = fleet(When::Before).await;
        operator.world.state().job = Behaviour::Good(SOON);
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, report.jobs[0].now), (&Outcome::Unchanged, JobNow::Failed));
        let reason = report.failure.expect("a failure").reason;
        assert_eq!(reason, "it did not end within 20s, and was stopped");
        let found = jobs(&operator);
        assert!(found[0].0.ends_with("-timed-out") && matches!(found[0].1, Phase::Exited { .. }), "{found:?}");
        let ends_well = Phase::Exited { code: 0, oom_killed: false };
        for container in &mut operator.world.state().host(&host(1)).containers {
            container.phase = if container.stamp.job.is_some() { ends_well } else { container.phase };
        }
        let End::Refused(why) = operator.run(&Command::Deploy("v2".to_owned())).await else { panic!("a refusal") };
        assert!(why.starts_with("job migrate did not end in time"), "{why}");
    });
}

#[test]
fn a_job_goes_on_when_the_operator_stops_waiting_and_the_next_deploy_waits_for_it() {
    runtime().block_on(async {
        let operator = fleet(When::Before).await;
        operator.world.state().job = Behaviour::Ends(Duration::from_secs(10), 0);
        let interrupting = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert_eq!(starts(&operator), [1], "the job runs by now");
            operator.cancel.request();
            std::future::pending::<()>().await;
        };
        let first = tokio::select! {
            report = deploy(&operator, "v2") => report,
            () = interrupting => unreachable!("it waits for ever"),
        };
        assert_eq!((&first.outcome, first.jobs[0].now), (&Outcome::Cancelled, JobNow::Left));
        assert!(runs(&operator, "v1") && jobs(&operator)[0].1 == Phase::Running);
        let next = Operator::new(&operator.world, &operator.environment);
        let report = deploy(&next, "v2").await;
        assert_eq!((report.outcome, report.jobs[0].now), (Outcome::Completed, JobNow::Done));
        assert_eq!(starts(&operator), [1]);
    });
}

#[test]
fn a_failing_job_after_the_release_leaves_the_release_running_but_not_in_force() {
    runtime().block_on(async {
        let operator = fleet(When::After).await;
        operator.world.state().job = Behaviour::Ends(SOON, 1);
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, report.jobs[0].now), (&Outcome::Halted, JobNow::Failed));
        assert!(runs(&operator, "v2") && report.rows.iter().all(|row| row.as_intended));
        operator.world.state().job = Behaviour::Ends(SOON, 0);
        let on_purpose = Operator { rerun: vec!["migrate".to_owned()], ..operator.clone() };
        let report = deploy(&on_purpose, "v2").await;
        assert_eq!((report.outcome, report.jobs[0].now), (Outcome::Completed, JobNow::Done));
    });
}

#[test]
fn a_job_that_cannot_be_started_has_not_run_and_the_next_deploy_runs_it() {
    runtime().block_on(async {
        let operator = fleet(When::Before).await;
        let fault = crate::support::sim::Fault::Refuse;
        // Every call in turn: in one of the runs it is the start of the job that is refused.
        for call in 1..60 {
            let world = operator.world.fork();
            let one = Operator { world: world.clone(), cancel: world.cancel(), ..operator.clone() };
            world.schedule(&[(call, fault)]);
            let End::Reported(report) = one.run(&Command::Deploy("v2".to_owned())).await else { continue };
            let Some(failure) = report.failure.filter(|it| it.reason.starts_with("it could not be started")) else {
                continue;
            };
            assert_eq!((failure.doing.as_str(), starts(&one).len(), jobs(&one).len()), ("job migrate", 0, 0));
            world.schedule(&[]);
            assert_eq!(deploy(&one, "v2").await.outcome, Outcome::Completed);
            return;
        }
        panic!("the start was never refused");
    });
}

#[test]
fn a_plan_names_the_point_of_no_return_and_a_rollback_what_it_does_not_undo() {
    runtime().block_on(async {
        let operator = fleet(When::Before).await;
        let observed = operator.world.doors().observe(&operator.environment.scope()).await;
        let wanted = Command::Deploy("v2".to_owned());
        let plan = operator.plan(&wanted, &observed, &Selection::default()).expect("no refusal").expect("a plan").to_string();
        let line = plan.lines().find(|line| line.contains("job ")).expect("a line");
        assert_snapshot!(line, @"  job migrate on web1, before the first batch, within 20s; point of no return: it cannot be undone");
        deploy(&operator, "v2").await;
        let observed = operator.world.doors().observe(&operator.environment.scope()).await;
        let plan = operator.plan(&Command::Rollback, &observed, &Selection::default()).expect("no refusal").expect("a plan").to_string();
        let line = plan.lines().find(|line| line.contains("job ")).expect("a line");
        assert_snapshot!(line, @"  note: job migrate has run for r2 and cannot be undone: what this goes back to must bear what it changed");
        operator.world.behaves(image("v3").digest(), Behaviour::NeverHealthy);
        let report = deploy(&operator, "v3").await;
        assert_eq!((report.outcome, report.jobs[0].now), (Outcome::RolledBack, JobNow::Done));
        assert!(runs(&operator, "v2"));
    });
}
