//! An operator at the simulated fleet: types `deploy` and `rollback`, is killed at bad moments, and comes back.

use std::sync::Arc;
use std::time::Duration;

use shipctl::clock::Clock;
use shipctl::environment::Environment;
use shipctl::event::{EventSink, Record};
use shipctl::fleet::observed::Observed;
use shipctl::fleet::select::Selection;
use shipctl::fleet::status::Status;
use shipctl::plan::{Plan, check};
use shipctl::plan::{Refusal, planner};
use shipctl::publish::propose;
use shipctl::release::Files;
use shipctl::rollout::Rollout;
use shipctl::rollout::cancel::Cancel;
use shipctl::rollout::lock::Claim;
use shipctl::rollout::recorder::Recorder;
use shipctl::rollout::report::Report;
use shipctl::store::Store;

use super::environment::{files, key, published, secret_release};
use super::sim::World;
use super::sim::doors::SimJournal;
use super::sim::store::SimStoreDoor;

/// What the operator types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `deploy`, of the image with this tag.
    Deploy(String),
    /// `rollback`, to the last good release.
    Rollback,
}

/// How a run ended.
#[derive(Debug)]
#[expect(dead_code, reason = "why a run refused is read when a test fails")]
pub enum End {
    /// The rollout came to an end and said so.
    Reported(Box<Report>),
    /// There was nothing to do.
    Nothing,
    /// No plan could be made.
    Refused(String),
    /// There is no earlier release.
    NoRelease,
    /// The process was killed.
    Killed,
}

/// Changes a plan before it is carried out: how bugs of a planner are planted.
pub type Bend = fn(&mut Plan);

/// Runs commands.
#[derive(Clone)]
pub struct Operator {
    pub world: World,
    pub environment: Environment,
    pub cancel: Cancel,
    pub bend: Option<Bend>,
    pub name: &'static str,
}

struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

struct Blind;

impl EventSink for Blind {
    fn take(&self, _: &Record) {}
}

impl Operator {
    pub fn new(world: &World, environment: &Environment) -> Self {
        let (world, environment) = (world.clone(), environment.clone());
        Self { world, environment, cancel: Cancel::default(), bend: None, name: "ann@desk" }
    }

    /// Types a command, and waits for its end or for being killed.
    pub async fn run(&self, command: &Command) -> End {
        tokio::select! {
            biased;
            () = self.world.crashed() => End::Killed,
            end = self.type_in(command) => end,
        }
    }

    async fn type_in(&self, command: &Command) -> End {
        let doors = self.world.doors();
        let observed = doors.observe(&self.environment.scope()).await;
        let mut plan = match self.plan(command, &observed) {
            Ok(Some(plan)) => plan,
            Ok(None) => return End::NoRelease,
            Err(refusal) => return End::Refused(refusal.to_string()),
        };
        let wanted = match command {
            Command::Deploy(tag) => Some(published(&self.environment, tag)),
            Command::Rollback => None,
        };
        let store = Arc::new(SimStoreDoor(self.world.clone())) as Arc<dyn Store>;
        let stores = self.environment.publish.keys().map(|name| (name.clone(), Arc::clone(&store))).collect();
        let token = format!("{} {:?}", self.name, tokio::time::Instant::now());
        let ledger = observed.ledger();
        let proposed = propose(&self.environment, &stores, wanted.as_ref(), &ledger, &token, &mut plan).await;
        let publishing = match proposed {
            Ok(publishing) => publishing,
            Err(why) => return End::Refused(why.to_string()),
        };
        let faults = check::faults(&plan);
        assert!(self.bend.is_some() || faults.is_empty(), "{faults:#?}\n{plan}");
        if plan.is_noop() {
            return End::Nothing;
        }
        let recorder = Recorder::new(Arc::new(NoClock), Arc::new(Blind));
        recorder.keep_in(Box::new(SimJournal(self.world.clone())));
        let claim = Claim {
            token: format!("{} {:?}", self.name, tokio::time::Instant::now()),
            by: self.name.to_owned(),
            kind: plan.kind.as_str().to_owned(),
            rollout: "test".to_owned(),
        };
        let files = match command {
            Command::Deploy(tag) => files(&self.environment, tag),
            Command::Rollback => Files::new(),
        };
        let (key, cancel) = (key(), &self.cancel);
        let rollout = Rollout {
            plan: &plan,
            observed: &observed,
            files: &files,
            publishing: &publishing,
            key: plan.key.as_ref().map(|_| &key),
            doors: &doors,
            recorder: &recorder,
            cancel,
            claim,
        };
        End::Reported(Box::new(rollout.run().await))
    }

    /// The plan for a command; `None` for a rollback without an earlier release.
    pub fn plan(&self, command: &Command, observed: &Observed) -> Result<Option<Plan>, Refusal> {
        let all = Selection::default();
        let mut plan = match command {
            Command::Deploy(tag) => {
                planner::deploy(&self.environment, observed, &all, &secret_release(&self.environment, tag))?
            }
            Command::Rollback => {
                let ledger = observed.ledger();
                let Some(current) = ledger.current() else { return Ok(None) };
                let target = if Status::of(observed).is_clean() { ledger.last_good() } else { Some(current) };
                let Some(target) = target else { return Ok(None) };
                planner::rollback(&self.environment, observed, &all, target)?
            }
        };
        let faults = check::faults(&plan);
        assert!(faults.is_empty(), "the planner made a faulty plan: {faults:#?}\n{plan}");
        if let Some(bend) = self.bend {
            bend(&mut plan);
        }
        Ok(Some(plan))
    }

    /// Deploys in a quiet world and insists that it works.
    pub async fn deploy(&self, tag: &str) {
        let end = self.run(&Command::Deploy(tag.to_owned())).await;
        let End::Reported(report) = &end else { panic!("{end:?}") };
        assert_eq!(report.outcome, shipctl::rollout::report::Outcome::Completed, "{report:#?}");
    }
}

/// A runtime whose clock stands still until everybody waits. One serves many worlds.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// Lets everything that is late come in.
pub async fn let_pass(world: &World, time: Duration) {
    tokio::time::sleep(time).await;
    world.state().settle(tokio::time::Instant::now());
}
