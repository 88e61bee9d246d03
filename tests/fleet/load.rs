//! Deploy after deploy under load, through a balancer that helps nobody: what clients see of it.
//!
//! Behind the edge of a single host too: `make load` does that second.
//!
//! The short form is a test like every other. The long one is `make load`: four hosts, and on and on until there were
//! `LOAD_DEPLOYS` (20) deploys and `LOAD_REQUESTS` (300000) requests, at `LOAD_RATE` (500) a second. It fails
//! when more requests than `LOAD_MAX_FAILURES` (0) did.

use std::collections::BTreeMap;
use std::env;

use crate::edge;
use crate::support::{Fleet, Host, Measured, Meter, Project, Shape};

/// A deploy, and the kind of release that it brings.
struct Turn {
    name: &'static str,
    /// In the application's configuration file.
    mode: &'static str,
    /// In `update_config`.
    update: &'static str,
    /// shipctl's.
    exit: i32,
}

/// Over and over. Another strategy is another `update`. What a release does when it is stopped shows in the deploy after its own.
const TURNS: [Turn; 6] = [
    Turn { name: "graceful", mode: "", update: "parallelism: 1", exit: 0 },
    Turn { name: "abrupt", mode: "mode=abrupt", update: "parallelism: 1", exit: 0 },
    Turn { name: "slow to start", mode: "mode=slow-start:1s", update: "parallelism: 1", exit: 0 },
    Turn {
        name: "exits on h2, rolled back",
        mode: "{% if host.name == \"h2\" %}mode=exit{% else %}mode=abrupt{% endif %}",
        update: "parallelism: 1",
        exit: 3,
    },
    Turn { name: "abrupt, half of the hosts at a time", mode: "mode=abrupt", update: "parallelism: 50%", exit: 0 },
    Turn {
        name: "abrupt, after a canary",
        mode: "mode=abrupt",
        update: "parallelism: 50%, canary: { hosts: 1, monitor: 2s }",
        exit: 0,
    },
];

/// The same behind the edge of one host, where every container starts beside the one it replaces; `update` is the edge's image
/// here.
const EDGE_TURNS: [Turn; 6] = [
    Turn { name: "graceful", mode: "", update: "edge/haproxy:1", exit: 0 },
    Turn { name: "abrupt", mode: "mode=abrupt", update: "edge/haproxy:1", exit: 0 },
    Turn { name: "never healthy, rolled back", mode: "mode=never-healthy", update: "edge/haproxy:1", exit: 3 },
    Turn { name: "slow to start", mode: "mode=slow-start:1s", update: "edge/haproxy:1", exit: 0 },
    Turn { name: "exits, rolled back", mode: "mode=exit", update: "edge/haproxy:1", exit: 3 },
    Turn { name: "abrupt, with another edge", mode: "mode=abrupt", update: "edge/haproxy:2", exit: 0 },
];

/// When there were enough.
struct Goal {
    deploys: usize,
    requests: u64,
    rate: u32,
    /// How many requests may fail.
    failures: u64,
}

/// An operator's project whose every deploy is another release.
struct Campaign {
    project: Project,
    /// The last one that was deployed, and the one in force.
    number: usize,
    in_force: String,
    update: &'static str,
    hosts: Vec<Host>,
    turns: &'static [Turn],
    url: String,
    is_edged: bool,
}

impl Campaign {
    fn begin(fleet: &Fleet) -> Self {
        let project = Project::new(fleet);
        project.count_posts();
        project.edit("GREETING: hello", "GREETING: hello, RELEASE: t0");
        project.misbehave("abrupt");
        project.behind_balancers();
        project.install();
        let balancer = fleet.balancer("lb1");
        balancer.wait_until_all_are_up(&fleet.hosts());
        Self::new(project, "parallelism: 1", fleet.hosts(), &TURNS, balancer.url)
    }

    fn begin_behind_the_edge(fleet: &Fleet) -> Self {
        let project = edge::project(fleet, "h1");
        project.count_posts();
        project.edit("GREETING: hello", "GREETING: hello, RELEASE: t0");
        project.misbehave("abrupt");
        project.install();
        let host = fleet.host("h1");
        let url = host.url();
        Self { is_edged: true, ..Self::new(project, "edge/haproxy:1", vec![host], &EDGE_TURNS, url) }
    }

    fn new(project: Project, update: &'static str, hosts: Vec<Host>, turns: &'static [Turn], url: String) -> Self {
        Self { project, number: 0, in_force: "t0".to_owned(), update, hosts, turns, url, is_edged: false }
    }

    /// What each host answers.
    fn releases(&self) -> Vec<String> {
        self.hosts.iter().map(Host::release).collect()
    }

    /// The next deploy. The meter knows at every moment which release may answer where.
    #[track_caller]
    fn deploy(&mut self, turn: &Turn, meter: &Meter) {
        let (old, new) = (self.in_force.clone(), format!("t{}", self.number + 1));
        self.project.edit(&format!("RELEASE: t{}", self.number), &format!("RELEASE: {new}"));
        self.number += 1;
        self.project.template(turn.mode);
        self.project.edit(self.update, turn.update);
        self.update = turn.update;

        // What never proves itself behind the edge answers nobody.
        let never = turn.exit != 0 && self.is_edged;
        let either = BTreeMap::from([("*", if never { old.clone() } else { format!("{old} {new}") })]);
        let mut allowed: BTreeMap<String, String> = BTreeMap::new();
        let tell = |allowed: &BTreeMap<String, String>| {
            let named = allowed.iter().map(|(host, release)| (host.as_str(), release.clone()));
            meter.expect(&either.clone().into_iter().chain(named).collect());
        };
        tell(&allowed);
        let run = self.project.start(&["deploy", "prod", "--yes"]).follow(|event, about| match event {
            // The edge and its other service answer no request of the meter's.
            "promoted" if about["service"] == "web" => {
                allowed.insert(about["host"].as_str().expect("a host").to_owned(), new.clone());
                tell(&allowed);
            }
            "rolling_back" => {
                allowed.clear();
                tell(&allowed);
            }
            _ => {}
        });
        let run = run.expect(turn.exit);
        if turn.exit == 0 {
            self.in_force = new;
        }
        meter.expect(&BTreeMap::from([("*", self.in_force.clone())]));
        assert_eq!(self.releases(), vec![self.in_force.as_str(); self.hosts.len()], "{run}");
    }
}

/// Deploys until the goal is reached; `say` hears of each.
#[track_caller]
fn measure(mut campaign: Campaign, goal: &Goal, say: impl Fn(String)) -> Measured {
    let meter = Meter::start_on(&campaign.url, goal.rate, &campaign.hosts);
    meter.wait_for_more(goal.rate.into());
    let mut deploys = 0;
    for turn in campaign.turns.iter().cycle() {
        let before = meter.so_far().expect("it counts");
        if deploys >= goal.deploys && before.requests() >= goal.requests {
            break;
        }
        campaign.deploy(turn, &meter);
        deploys += 1;
        let after = meter.so_far().expect("it counts");
        let (requests, failed) =
            (after.requests() - before.requests(), after.failures().saturating_sub(before.failures()));
        say(format!("deploy {deploys:>3}  {:<36} {requests:>7} requests, {failed:>5} failed", turn.name));
    }
    meter.wait_for_more(goal.rate.into());
    let measured = meter.stop();

    assert!(measured.requests() >= goal.requests, "{measured}");
    // A meter that sends less than it was asked to measures something else.
    let sent = measured.facts["sent_per_second"].as_f64().expect("a rate");
    assert!(sent >= f64::from(goal.rate) * 0.9, "{measured}");
    assert!(measured.answers_of("t1") > 0 && measured.answers_of(&campaign.in_force) > 0, "{measured}");
    measured.assert_posts_arrived_once();
    assert!(measured.failures() <= goal.failures, "too many requests failed\n{measured}");
    let never = ["wrong_release", "wrong_body", "not_http", "not_sent"];
    assert_eq!(measured.count(&never), 0, "{measured}");
    measured
}

#[test]
fn deploys_under_load_fail_no_request_and_never_show_a_replaced_release() {
    let fleet = Fleet::start();
    measure(Campaign::begin(&fleet), &Goal { deploys: TURNS.len(), requests: 0, rate: 300, failures: 0 }, drop);
}

#[test]
#[ignore = "takes a quarter of an hour: make load"]
fn long_run() {
    run_for_long(Campaign::begin);
}

#[test]
#[ignore = "takes a quarter of an hour: make load"]
fn long_run_behind_the_edge_of_one_host() {
    run_for_long(Campaign::begin_behind_the_edge);
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn run_for_long(begin: impl Fn(&Fleet) -> Campaign) {
    let number = |variable: &str, default| {
        let parse = |text: String| text.parse::<u32>().unwrap_or_else(|_| panic!("{variable} is not a number: {text}"));
        env::var(variable).ok().map_or(default, parse)
    };
    let goal = Goal {
        deploys: number("LOAD_DEPLOYS", 20) as usize,
        requests: number("LOAD_REQUESTS", 300_000).into(),
        rate: number("LOAD_RATE", 500),
        failures: number("LOAD_MAX_FAILURES", 0).into(),
    };
    let fleet = Fleet::of(&Shape::LOAD);
    let measured = measure(begin(&fleet), &goal, |line| println!("{line}"));
    fleet.end();
    println!("\n{measured}");
}
