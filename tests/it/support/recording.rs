//! Rollouts on the simulated fleet, recorded.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use shipctl::environment::{BatchSize, Canary, Drain, Environment, OnDeadline, Promote, Traffic, When};
use shipctl::event::{EventSink, Record};
use shipctl::rollout::report::Outcome;

use super::environment::{edged, environment, hooked, host, image, migrating, publishing};
use super::operator::{Command, End, Operator, runtime};
use super::sim::balancer::SimBalancer;
use super::sim::edge::SimEdge;
use super::sim::{Behaviour, World};

#[derive(Default)]
struct Tape(Mutex<Vec<Record>>);

impl EventSink for Tape {
    fn take(&self, record: &Record) {
        self.0.lock().expect("nobody panicked").push(record.clone());
    }
}

/// A release with a job, a hook, a store and an edge comes to three hosts.
pub fn completed() -> Vec<Record> {
    record(&rich(), Behaviour::Good(Duration::from_millis(700)), &Outcome::Completed)
}

/// The same; on the last host its container exits.
pub fn rolled_back() -> Vec<Record> {
    let exits = Behaviour::Exits(Duration::from_millis(900));
    record(&rich(), Behaviour::Only(host(3), Box::new(exits)), &Outcome::RolledBack)
}

/// A release stops at its canary, behind a balancer.
pub fn canary() -> Vec<Record> {
    let mut environment = environment(3);
    let canary = Canary { hosts: BatchSize::Count(1), monitor: Duration::from_secs(2), promote: Promote::Manual };
    environment.services[0].update.canary = Some(canary);
    environment.services[0].traffic = Some(Traffic {
        balancers: vec!["lb1".parse().expect("a name")],
        backend: "web".to_owned(),
        server: None,
        drain: Drain { deadline: Duration::from_secs(5), on_deadline: OnDeadline::Abort },
        up_deadline: Duration::from_secs(5),
    });
    record(&environment, Behaviour::Good(Duration::from_millis(200)), &Outcome::Canary)
}

fn rich() -> Environment {
    hooked(publishing(migrating(edged(environment(3)), When::Before)))
}

/// The deploy of a second release, whose containers behave like this.
fn record(environment: &Environment, behaviour: Behaviour, outcome: &Outcome) -> Vec<Record> {
    runtime().block_on(async {
        let world = World::new(environment.hosts.keys().cloned());
        world.state().hosts.values_mut().for_each(|host| host.edge = Some(SimEdge::default()));
        world.state().balancers = [("lb1".parse().expect("a name"), SimBalancer::new())].into();
        let operator = Operator::new(&world, environment);
        operator.deploy("v1").await;
        world.behaves(image("v2").digest(), behaviour);
        let tape = Arc::new(Tape::default());
        let operator = Operator { sink: Arc::<Tape>::clone(&tape), ..operator };
        let end = operator.run(&Command::Deploy("v2".to_owned())).await;
        let End::Reported(report) = &end else { panic!("{end:?}") };
        assert_eq!(report.outcome, *outcome, "{report:#?}");
        tape.0.lock().expect("nobody panicked").clone()
    })
}
