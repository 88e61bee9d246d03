//! Hooks: programs of the operator's own at named points, and what becomes of a rollout where one fails.

use std::time::Duration;

use shipctl::environment::{FailureAction, Point};
use shipctl::fleet::observed::Observed;
use shipctl::fleet::select::Selection;
use shipctl::hook::Facts;
use shipctl::rollout::report::{Outcome, Report};

use crate::support::environment::{environment, hooked, host, image, service};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::World;
use crate::support::sim::hook::point;

/// Two hosts on release 1, with hooks at every point.
async fn fleet() -> Operator {
    let world = World::new((1..=2).map(host));
    Operator::new(&world, &environment(2)).deploy("v1").await;
    Operator::new(&world, &hooked(environment(2)))
}

async fn deploy(operator: &Operator, tag: &str) -> Report {
    match operator.run(&Command::Deploy(tag.to_owned())).await {
        End::Reported(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// The tag of the image that each host runs.
fn runs(operator: &Operator) -> [&'static str; 2] {
    let state = operator.world.state();
    [1, 2].map(|number| {
        let running: Vec<_> = state.hosts[&host(number)].containers.iter().filter(|one| one.is_running()).collect();
        let [one] = running.as_slice() else { return "not one" };
        let tags = ["v1", "v2"].into_iter().find(|tag| image(tag).digest() == one.stamp.image.digest());
        tags.unwrap_or("another")
    })
}

fn told(operator: &Operator) -> Vec<Facts> {
    operator.world.state().hooks.told.clone()
}

fn points(operator: &Operator) -> Vec<(Point, Option<usize>)> {
    told(operator).iter().map(|facts| (point(facts), facts.batch.map(|batch| batch.number))).collect()
}

async fn observed(operator: &Operator) -> Observed {
    operator.world.doors().observe(&operator.environment.scope()).await
}

/// Containers that are there, running or not.
fn containers(operator: &Operator) -> usize {
    operator.world.state().hosts.values().map(|host| host.containers.len()).sum()
}

fn fail(operator: &Operator, point: Point, batch: Option<usize>) {
    operator.world.state().hooks.fail.insert((point, batch));
}

#[test]
fn hooks_run_at_their_points_and_are_told_what_it_is_about() {
    runtime().block_on(async {
        let operator = fleet().await;
        let report = deploy(&operator, "v2").await;
        assert_eq!((report.outcome, runs(&operator)), (Outcome::Completed, ["v2", "v2"]));
        let expected = [
            (Point::AfterPlan, None),
            (Point::BeforeBatch, Some(1)),
            (Point::AfterBatch, Some(1)),
            (Point::BeforeBatch, Some(2)),
            (Point::AfterBatch, Some(2)),
            (Point::Success, None),
        ];
        assert_eq!(points(&operator), expected);
        let told = told(&operator);
        assert_eq!(told[0].hosts, [host(1), host(2)]);
        assert_eq!((&told[3].hosts, &told[3].services), (&vec![host(2)], &vec![service("web")]));
        let (release, from) = (told[3].release.as_deref().expect("a release"), told[3].from.as_deref());
        assert!(release.starts_with("r2-") && from.is_some_and(|from| from.starts_with("r1-")), "{told:?}");
        assert_eq!((told[5].outcome.as_deref(), &told[5].failure), (Some("completed"), &None));
        assert_eq!(told[5].operator, "ann@desk");
    });
}

#[test]
fn a_hook_that_fails_before_a_later_batch_takes_the_fleet_back() {
    runtime().block_on(async {
        let operator = fleet().await;
        fail(&operator, Point::BeforeBatch, Some(2));
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, runs(&operator)), (&Outcome::RolledBack, ["v1", "v1"]));
        let failure = report.failure.expect("a failure");
        assert_eq!(
            (failure.doing.as_str(), failure.reason.as_str()),
            ("hook before-batch", "it ended with exit code 1")
        );
        assert_eq!(failure.log, ["hook before-batch"]);
        let last = told(&operator).pop().expect("a hook");
        assert_eq!((point(&last), last.outcome.as_deref()), (Point::Rollback, Some("rolled-back")));
        assert_eq!(last.failure.expect("a failure").doing, "hook before-batch");
    });
}

#[test]
fn a_hook_that_fails_before_a_later_batch_leaves_it_there_where_a_failure_is_to_pause() {
    runtime().block_on(async {
        let mut operator = fleet().await;
        operator.environment.services[0].update.failure_action = FailureAction::Pause;
        fail(&operator, Point::BeforeBatch, Some(2));
        let report = deploy(&operator, "v2").await;
        assert_eq!((report.outcome, runs(&operator)), (Outcome::Halted, ["v2", "v1"]));
        assert_eq!(points(&operator).pop(), Some((Point::Failure, None)));
    });
}

#[test]
fn a_hook_that_fails_before_anything_is_touched_changes_nothing() {
    runtime().block_on(async {
        for (point, batch) in [(Point::AfterPlan, None), (Point::BeforeBatch, Some(1))] {
            let operator = fleet().await;
            fail(&operator, point, batch);
            let (there, recorded) = (containers(&operator), observed(&operator).await.ledger().entries.len());
            let report = deploy(&operator, "v2").await;
            assert_eq!((&report.outcome, runs(&operator)), (&Outcome::Unchanged, ["v1", "v1"]), "{point}");
            assert_eq!(report.failure.expect("a failure").doing, format!("hook {point}"));
            assert_eq!(containers(&operator), there, "what was staged is removed again");
            assert_eq!(observed(&operator).await.ledger().entries.len(), recorded);
            assert_eq!(told(&operator).pop().expect("a hook").outcome.as_deref(), Some("unchanged"));
            operator.world.state().hooks.fail.clear();
            assert_eq!(deploy(&operator, "v2").await.outcome, Outcome::Completed);
        }
    });
}

#[test]
fn a_hook_that_fails_after_the_fact_changes_nothing_about_it() {
    runtime().block_on(async {
        let operator = fleet().await;
        fail(&operator, Point::AfterBatch, Some(1));
        fail(&operator, Point::Success, None);
        let report = deploy(&operator, "v2").await;
        assert_eq!((report.outcome, runs(&operator)), (Outcome::Completed, ["v2", "v2"]));
        assert_eq!(points(&operator).len(), 6, "they all ran");
    });
}

#[test]
fn an_operator_who_interrupts_a_hook_stops_the_rollout_between_two_batches() {
    runtime().block_on(async {
        let operator = fleet().await;
        operator.world.state().hooks.takes = Duration::from_secs(5);
        let interrupting = async {
            while points(&operator).last() != Some(&(Point::BeforeBatch, Some(2))) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            operator.cancel.request();
            std::future::pending::<()>().await;
        };
        let report = tokio::select! {
            report = deploy(&operator, "v2") => report,
            () = interrupting => unreachable!("it waits for ever"),
        };
        assert_eq!((report.outcome, runs(&operator)), (Outcome::Cancelled, ["v2", "v1"]));
        let last = told(&operator).pop().expect("a hook");
        assert_eq!((point(&last), last.outcome.as_deref()), (Point::Failure, Some("interrupted")));
    });
}

#[test]
fn a_plan_names_its_hooks() {
    runtime().block_on(async {
        let operator = fleet().await;
        let seen = observed(&operator).await;
        let plan = operator
            .plan(&Command::Deploy("v2".to_owned()), &seen, &Selection::default())
            .expect("no refusal")
            .expect("a plan");
        let text = plan.to_string();
        assert!(text.contains("\n  hook before-batch: tell-before-batch, within 30s\n"), "{text}");
    });
}
