//! What a Prometheus says of a batch, when it has been watched.

use shipctl::environment::query::{Bound, Decimal, Query, QueryGate};
use shipctl::metrics::Sample;
use shipctl::rollout::report::{Outcome, Report};

use crate::manifest_support::{Project, assert_problems, with_services};
use crate::support::environment::{environment, host, image};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::World;

fn at_most(text: &str) -> Bound {
    Bound::AtMost(Decimal::parse(text).expect("a number"))
}

/// Two hosts on release 1, and what will be measured of the next one.
async fn fleet(measured: Vec<Result<Vec<Sample>, String>>) -> Operator {
    let world = World::new((1..=2).map(host));
    Operator::new(&world, &environment(2)).deploy("v1").await;
    let mut environment = environment(2);
    let query = |query: &str| QueryGate {
        query: Query {
            prometheus: "http://prometheus:9090".to_owned(),
            query: query.to_owned(),
            bound: at_most("0.5"),
        },
        ca: None,
    };
    environment.services[0].update.queries = vec![query("errors"), query("latency")];
    world.state().measured = measured;
    Operator::new(&world, &environment)
}

async fn deploy(operator: &Operator) -> Report {
    match operator.run(&Command::Deploy("v2".to_owned())).await {
        End::Reported(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// How many hosts run the image with this tag.
fn running(operator: &Operator, tag: &str) -> usize {
    let state = operator.world.state();
    let all = state.hosts.values().flat_map(|host| host.containers.iter().filter(|one| one.is_running()));
    all.filter(|one| one.stamp.image.digest() == image(tag).digest()).count()
}

fn numbers(values: &[&str]) -> Vec<Sample> {
    values.iter().map(|value| Sample { labels: String::new(), value: (*value).to_owned() }).collect()
}

#[test]
fn numbers_as_they_may_be_let_every_batch_pass() {
    runtime().block_on(async {
        let operator = fleet(vec![Ok(numbers(&["0.1", "0.5"]))]).await;
        let report = deploy(&operator).await;
        assert_eq!((&report.outcome, running(&operator, "v2")), (&Outcome::Completed, 2));
        assert_eq!(operator.world.state().queries, ["errors", "latency", "errors", "latency"]);
        assert_eq!(report.asked.len(), 4);
        assert!(report.asked.iter().all(|asked| asked.passed && asked.numbers.len() == 2), "{:?}", report.asked);
    });
}

#[test]
fn what_may_not_be_or_cannot_be_told_takes_the_fleet_back() {
    runtime().block_on(async {
        let cases = [
            (Ok(numbers(&["0.1", "0.6"])), "the answer is 0.6"),
            (Ok(numbers(&["NaN"])), "the answer is NaN"),
            (Ok(numbers(&[])), "there is no data"),
            (Err("it answered 503".to_owned()), "it answered 503"),
        ];
        for (measured, why) in cases {
            let operator = fleet(vec![measured]).await;
            let report = deploy(&operator).await;
            assert_eq!((&report.outcome, running(&operator, "v1")), (&Outcome::RolledBack, 2), "{why}");
            let failure = report.failure.expect("a failure");
            assert_eq!((failure.host, failure.doing.as_str()), (Some(host(1)), "ask Prometheus"));
            assert_eq!(failure.reason, format!("http://prometheus:9090: errors at most 0.5: {why}"));
        }
    });
}

#[test]
fn one_question_without_an_answer_is_no_reason_to_give_up() {
    runtime().block_on(async {
        let operator = fleet(vec![Err("it is restarted".to_owned()), Ok(numbers(&["0"]))]).await;
        assert_eq!((deploy(&operator).await.outcome, running(&operator, "v2")), (Outcome::Completed, 2));
    });
}

/// A manifest whose service asks this.
fn asking(queries: &str) -> String {
    with_services(&format!("health: none, deploy: {{ update_config: {{ {queries} }} }}"))
}

#[test]
fn a_query_has_an_address_a_text_and_a_bound() {
    let manifest = asking("queries: [{ prometheus: http://p:9090/x/, query: ' up ', at_least: -1.5 }]");
    let found = Project::of(&manifest).sound().services[0].update.queries.clone();
    let bound = Bound::AtLeast(Decimal::parse("-1.5").expect("a number"));
    let query = Query { prometheus: "http://p:9090/x".to_owned(), query: "up".to_owned(), bound };
    assert_eq!(found, [QueryGate { query, ca: None }]);
    let cases = [
        (
            "queries: [{ prometheus: p:9090, query: up, at_most: 1 }]",
            "3:95: `p:9090` is not the address of a Prometheus (write `https://host:port`, with a path where it has one before `/api`)",
        ),
        (
            "queries: [{ prometheus: http://p, query: up }]",
            "3:81: nothing says what the answer may be (write `at_most: 0.01`, or `at_least`)",
        ),
        (
            "queries: [{ prometheus: http://p, query: '', at_most: 1, at_least: 0 }]",
            "3:112: the query is empty\n3:128: `at_least` beside `at_most`: ask twice for a range",
        ),
        (
            "queries: [{ prometheus: http://p, query: up, at_most: 1% }]",
            "3:125: expected a number such as `0.01` or `-5`, found `1%`",
        ),
        (
            "monitor: 0s, queries: [{ prometheus: http://p, query: up, at_most: 1 }]",
            "3:84: `queries` beside `monitor: 0s` (what is asked is measured while hosts are watched; write for how long as `monitor`)",
        ),
    ];
    assert_problems(asking, &cases);
}
