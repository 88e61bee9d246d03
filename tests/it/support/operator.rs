//! An operator at the simulated fleet: types `deploy` and `rollback`, is killed at bad moments, and comes back.

use std::sync::Arc;
use std::time::Duration;

use shipctl::clock::Clock;
use shipctl::environment::Environment;
use shipctl::event::{EventSink, Record};
use shipctl::fleet::ledger::Kind;
use shipctl::fleet::observed::Observed;
use shipctl::fleet::select::Selection;
use shipctl::fleet::status::Status;
use shipctl::plan::act::{self, Asked};
use shipctl::plan::{Plan, check};
use shipctl::plan::{Refusal, planner};
use shipctl::publish::propose;
use shipctl::release::Files;
use shipctl::rollout::Rollout;
use shipctl::rollout::cancel::Cancel;
use shipctl::rollout::hooks::Caller;
use shipctl::rollout::lock::Claim;
use shipctl::rollout::recorder::Recorder;
use shipctl::rollout::report::{Outcome, Report};
use shipctl::store::Store;

use super::environment::{files, key, published, secret_release};
use super::sim::World;
use super::sim::doors::SimJournal;
use super::sim::hook::SimHookDoor;
use super::sim::store::SimStoreDoor;

/// What the operator types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `deploy`, of the image with this tag.
    Deploy(String),
    /// `promote`, of the image with this tag.
    Promote(String),
    /// `rollback`, to the last good release.
    Rollback,
    /// `deploy --host … --reason leak`, of the image with this tag.
    Hotfix(String, Vec<String>),
    /// `start`, `stop`, `restart` or `rm`, or `host drain`, `admit` or `reboot`, of these hosts, or of all.
    Act(Asked, Vec<String>),
}

/// How a run ended.
#[derive(Debug)]
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
    /// Releases each service on its own, one after the other.
    pub apart: bool,
    pub name: &'static str,
    /// `--rerun-job`
    pub rerun: Vec<String>,
    /// Is told what happens.
    pub sink: Arc<dyn EventSink>,
}

/// The world's own time, from the epoch on.
struct WorldClock(tokio::time::Instant);

impl Clock for WorldClock {
    fn now(&self) -> jiff::Timestamp {
        let millis = self.0.elapsed().as_millis();
        jiff::Timestamp::from_millisecond(i64::try_from(millis).expect("not that long")).expect("a date")
    }
}

struct Blind;

impl EventSink for Blind {
    fn take(&self, _: &Record) {}
}

impl Operator {
    pub fn new(world: &World, environment: &Environment) -> Self {
        let (world, environment) = (world.clone(), environment.clone());
        let (cancel, rerun) = (Cancel::default(), Vec::new());
        let sink = Arc::new(Blind);
        Self { world, environment, cancel, bend: None, apart: false, name: "ann@desk", rerun, sink }
    }

    /// The screen and the clock of a run.
    pub fn recorder(&self) -> Recorder {
        Recorder::new(Arc::new(WorldClock(self.world.state().epoch())), Arc::clone(&self.sink))
    }

    /// Types a command, and waits for its end or for being killed.
    pub async fn run(&self, command: &Command) -> End {
        tokio::select! {
            biased;
            () = self.world.crashed() => End::Killed,
            end = self.one_after_the_other(command) => end,
        }
    }

    async fn one_after_the_other(&self, command: &Command) -> End {
        if !self.apart {
            return self.type_in(command, &Selection::default()).await;
        }
        let mut end = End::Nothing;
        for service in self.environment.services.keys() {
            let selection = Selection::resolve(&self.environment, &[], &[service.to_string()]).expect("a service");
            end = self.type_in(command, &selection).await;
            if !matches!(&end, End::Reported(report) if report.outcome == Outcome::Completed) {
                break;
            }
        }
        end
    }

    async fn type_in(&self, command: &Command, selection: &Selection) -> End {
        let doors = match command {
            Command::Act(Asked { kind: Kind::Reboot, .. }, _) => self.world.doors_that_reboot(),
            _ => self.world.doors(),
        };
        let observed = doors.observe(&self.environment.scope()).await;
        let mut plan = match self.plan(command, &observed, selection) {
            Ok(Some(plan)) => plan,
            Ok(None) => return End::NoRelease,
            Err(refusal) => return End::Refused(refusal.to_string()),
        };
        let wanted = match command {
            Command::Deploy(tag) | Command::Promote(tag) | Command::Hotfix(tag, _) => {
                Some(published(&self.environment, tag))
            }
            Command::Rollback | Command::Act(..) => None,
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
        let recorder = self.recorder();
        recorder.keep_in(Box::new(SimJournal(self.world.clone())));
        let claim = Claim {
            token: format!("{} {:?}", self.name, tokio::time::Instant::now()),
            by: self.name.to_owned(),
            kind: plan.kind.as_str().to_owned(),
            rollout: "test".to_owned(),
        };
        let files = match command {
            Command::Deploy(tag) | Command::Promote(tag) | Command::Hotfix(tag, _) => files(&self.environment, tag),
            Command::Rollback | Command::Act(..) => Files::new(),
        };
        let (key, cancel, hooks) = (key(), &self.cancel, &SimHookDoor(self.world.clone()));
        let (caller, own) = (Caller { hooks: &plan.hooks, door: hooks, recorder: &recorder, cancel }, claim.clone());
        let rollout = Rollout {
            plan: &plan,
            observed: &observed,
            files: &files,
            publishing: &publishing,
            key: plan.key.as_ref().map(|_| &key),
            doors: &doors,
            recorder: &recorder,
            hooks,
            cancel,
            claim,
        };
        let report = rollout.run().await;
        caller.conclude(&plan, &own, &report).await;
        End::Reported(Box::new(report))
    }

    /// The plan for a command; `None` for a rollback without an earlier release.
    pub fn plan(&self, command: &Command, observed: &Observed, selection: &Selection) -> Result<Option<Plan>, Refusal> {
        let selection = &selection.clone().rerunning(&self.environment, &self.rerun).expect("a job");
        let mut plan = match command {
            Command::Deploy(tag) => {
                planner::deploy(&self.environment, observed, selection, &secret_release(&self.environment, tag))?
            }
            Command::Promote(tag) => {
                let Some(release) = observed.ledger().canary().map(|entry| entry.release.clone()) else {
                    return Ok(None);
                };
                let selection = &selection.clone().promoting();
                let wanted = secret_release(&self.environment, tag);
                let plan = planner::deploy(&self.environment, observed, selection, &wanted)?;
                assert_eq!(plan.release, release, "the canary's");
                plan
            }
            Command::Rollback => {
                let ledger = observed.ledger();
                let Some(current) = ledger.current() else { return Ok(None) };
                let status = Status::of(observed);
                let is_left = status
                    .rows
                    .iter()
                    .any(|row| row.drift.is_some() && row.act.as_ref().is_none_or(|said| said.kind.brings_release()));
                let target = if status.unreachable.is_empty() && !is_left { ledger.last_good() } else { Some(current) };
                let Some(target) = target else { return Ok(None) };
                planner::rollback(&self.environment, observed, selection, target)?
            }
            Command::Hotfix(tag, hosts) => {
                let selection = Selection::resolve(&self.environment, hosts, &[]).expect("hosts");
                let wanted = secret_release(&self.environment, tag);
                let mut plan = planner::deploy(&self.environment, observed, &selection, &wanted)?;
                plan.reason = Some("a leak".to_owned());
                plan
            }
            Command::Act(asked, hosts) => {
                let selection = Selection::resolve(&self.environment, hosts, &[]).expect("hosts");
                act::plan(&self.environment, observed, &selection, asked)?
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
        assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
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
