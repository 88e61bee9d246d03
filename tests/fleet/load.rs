//! Deploy after deploy under load, through a balancer that helps nobody: what clients see of it.
//!
//! The short form is a test like every other. The long one is `make load`: four hosts, and on and on until there were
//! `LOAD_DEPLOYS` (20) deploys and `LOAD_REQUESTS` (300000) requests, at `LOAD_RATE` (500) a second. It fails
//! when more requests than `LOAD_MAX_FAILURES` (0) did.

use std::collections::BTreeMap;
use std::env;

use crate::support::{Fleet, Measured, Meter, Project, Shape};

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
const TURNS: [Turn; 5] = [
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
struct Campaign<'f> {
    fleet: &'f Fleet,
    project: Project,
    /// The last one that was deployed, and the one in force.
    number: usize,
    in_force: String,
    update: &'static str,
}

impl<'f> Campaign<'f> {
    fn begin(fleet: &'f Fleet) -> Self {
        let project = Project::new(fleet);
        project.count_posts();
        project.edit("GREETING: hello", "GREETING: hello, RELEASE: t0");
        project.misbehave("abrupt");
        project.behind_balancers();
        project.install();
        let update = "parallelism: 1";
        Self { fleet, project, number: 0, in_force: "t0".to_owned(), update }
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

        let either = BTreeMap::from([("*", format!("{old} {new}"))]);
        let mut allowed: BTreeMap<String, String> = BTreeMap::new();
        let tell = |allowed: &BTreeMap<String, String>| {
            let named = allowed.iter().map(|(host, release)| (host.as_str(), release.clone()));
            meter.expect(&either.clone().into_iter().chain(named).collect());
        };
        tell(&allowed);
        let run = self.project.start(&["deploy", "prod", "--yes"]).follow(|event, about| match event {
            "promoted" => {
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
        assert_eq!(self.fleet.releases(), vec![self.in_force.as_str(); self.fleet.hosts().len()], "{run}");
    }
}

/// Deploys until the goal is reached; `say` hears of each.
#[track_caller]
fn measure(fleet: &Fleet, goal: &Goal, say: impl Fn(String)) -> Measured {
    let mut campaign = Campaign::begin(fleet);
    let balancer = fleet.balancer("lb1");
    balancer.wait_until_all_are_up(&fleet.hosts());
    let meter = Meter::start(fleet, &balancer.url, goal.rate);
    meter.wait_for_more(goal.rate.into());
    let mut deploys = 0;
    for turn in TURNS.iter().cycle() {
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
    measure(&fleet, &Goal { deploys: TURNS.len(), requests: 0, rate: 300, failures: 0 }, drop);
}

#[test]
#[ignore = "takes a quarter of an hour: make load"]
#[expect(clippy::print_stdout, reason = "the table is the result")]
fn long_run() {
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
    let measured = measure(&fleet, &goal, |line| println!("{line}"));
    fleet.end();
    println!("\n{measured}");
}
