//! What the parts of one rollout share: the plan, the doors, the lock, and how a host is told something.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::container::ContainerId;
use crate::engine::{EngineError, within};
use crate::environment::Point;
use crate::event::{Direction, Event, Failure};
use crate::fleet::key::FingerprintKey;
use crate::fleet::observed::ContainerState;
use crate::hook::facts::Moment;
use crate::hook::{Facts, Hooks};
use crate::name::{HostName, JobName, ServiceName};
use crate::plan::{Batch, Plan};
use crate::publish::Publishing;
use crate::release::Files;
use crate::rollout::Rollout;
use crate::rollout::cancel::Cancel;
use crate::rollout::compare::Counted;
use crate::rollout::doors::{Doors, HostDoors};
use crate::rollout::hooks::{Caller, Halted};
use crate::rollout::lock::{Claim, Lock};
use crate::rollout::publish;
use crate::rollout::publish::Published;
use crate::rollout::reboot::Meeting;
use crate::rollout::recorder::Recorder;
use crate::rollout::report::{Asked, Compared, JobNow};

/// For how long after its time is up a call without an answer may still take hold on a host. What undoes
/// something waits this long first, so that a late "stop" cannot hit what was started again.
pub(super) const LATE: Duration = Duration::from_secs(10);
/// Longest wait for the answer to an ordinary call.
pub(super) const CALL: Duration = Duration::from_secs(30);

/// How long an answer may take, and for how long after that the call may still take hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) answer: Duration,
    /// Zero for calls that do no harm whenever they take hold.
    pub(super) late: Duration,
}

impl Bound {
    /// An ordinary change.
    pub(super) const CHANGE: Self = Self { answer: CALL, late: LATE };
    /// A call that cannot disturb anything: it looks, or makes something present.
    pub(super) const HARMLESS: Self = Self { answer: CALL, late: Duration::ZERO };

    /// A change that may take so much longer than others.
    pub(super) fn patient(more: Duration) -> Self {
        Self { answer: CALL + more, ..Self::CHANGE }
    }

    /// A stop, which the engine may be carrying out for as long as `grace`.
    pub(super) fn stop(grace: Duration) -> Self {
        Self { answer: grace + LATE, late: grace + LATE }
    }
}

/// A rollout under way.
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) files: &'a Files,
    pub(super) key: Option<&'a FingerprintKey>,
    pub(super) doors: &'a Doors,
    pub(super) recorder: &'a Recorder,
    pub(super) cancel: &'a Cancel,
    /// The fleet goes back: what has not proved itself need not do so any more.
    pub(super) stop: Cancel,
    pub(super) lock: &'a Lock,
    pub(super) publishing: &'a [Publishing],
    pub(super) published: Published,
    hooks: &'a dyn Hooks,
    claim: Claim,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Until when a lost call may still take hold, by host.
    doubts: BTreeMap<HostName, Instant>,
    /// How containers under watch looked when they were first seen in their present life.
    lives: BTreeMap<ContainerId, ContainerState>,
    /// Containers created in this run.
    created: BTreeMap<(HostName, ServiceName), ContainerId>,
    /// When a host got ready last, or the batch began.
    progressed: Option<Instant>,
    /// Stores that are not as they should be after what failed.
    kept_back: Vec<Failure>,
    /// Jobs that were begun.
    jobs: BTreeMap<JobName, JobNow>,
    /// What balancers had counted when a service got requests on a host.
    counted: BTreeMap<(HostName, ServiceName), Counted>,
    /// What new servers did beside the old ones.
    compared: Vec<Compared>,
    /// What was answered about what was measured.
    asked: Vec<Asked>,
    /// Hosts that are to be rebooted, and how far that is.
    meetings: BTreeMap<HostName, Arc<Meeting>>,
}

impl<'a> Run<'a> {
    pub(super) fn new(rollout: &Rollout<'a>, lock: &'a Lock) -> Self {
        let Rollout { plan, files, publishing, key, doors, recorder, hooks, cancel, .. } = *rollout;
        Self {
            plan,
            files,
            key,
            doors,
            recorder,
            cancel,
            stop: Cancel::default(),
            lock,
            publishing,
            published: Published::default(),
            hooks,
            claim: rollout.claim.clone(),
            shared: Mutex::default(),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the hook of a batch, counted from 0, if there is one.
    pub(super) async fn call_hook(&self, point: Point, index: usize, batch: &Batch) -> Result<(), Halted> {
        let Self { plan, recorder, cancel, .. } = *self;
        if !plan.hooks.contains_key(&point) {
            return Ok(());
        }
        self.lock.set_step(format!("hook {point}"));
        let facts = Facts::planned(Moment::Hook(point), plan, &self.claim.rollout, &self.claim.by);
        let facts = facts.of_batch(index + 1, plan.batches.len(), batch);
        Caller { hooks: &plan.hooks, door: self.hooks, recorder, cancel }.call(&facts).await
    }

    /// The doors of a host of the plan.
    pub(super) fn host(&self, name: &HostName) -> Result<&'a HostDoors, EngineError> {
        self.doors.hosts.get(name).ok_or_else(|| EngineError::Unreachable(format!("no connection to {name}")))
    }

    /// Whether what has not proved itself yet is to stop: the operator wishes so, or the fleet goes back.
    pub(super) fn is_stopping(&self) -> bool {
        self.cancel.is_requested() || self.stop.is_requested()
    }

    /// Returns when [`is_stopping`](Self::is_stopping) is true.
    pub(super) async fn stopping(&self) {
        tokio::select! {
            biased;
            () = self.cancel.requested() => {}
            () = self.stop.requested() => {}
        }
    }

    pub(super) fn remember(&self, host: &HostName, service: &ServiceName, id: ContainerId) {
        self.shared().created.insert((host.clone(), service.clone()), id);
    }

    pub(super) fn created(&self, host: &HostName, service: &ServiceName) -> Option<ContainerId> {
        self.shared().created.get(&(host.clone(), service.clone())).cloned()
    }

    /// A batch has begun, or another host of it is ready.
    pub(super) fn progress(&self) {
        self.shared().progressed = Some(Instant::now());
    }

    /// Returns when the batch has made no progress for so long.
    pub(super) async fn stalled(&self, patience: Duration) {
        loop {
            let Some(until) = self.shared().progressed.and_then(|last| last.checked_add(patience)) else { return };
            if Instant::now() >= until {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// How a job stands now.
    pub(super) fn set_job(&self, job: &JobName, now: JobNow) {
        self.shared().jobs.insert(job.clone(), now);
    }

    /// How a job stands; `None` if nothing was done about it.
    pub(super) fn job(&self, job: &JobName) -> Option<JobNow> {
        self.shared().jobs.get(job).copied()
    }

    pub(super) fn begin_count(&self, host: &HostName, service: &ServiceName, counted: Counted) {
        self.shared().counted.insert((host.clone(), service.clone()), counted);
    }

    /// What balancers had counted when the service got requests on a host.
    pub(super) fn begun_count(&self, host: &HostName, service: &ServiceName) -> Option<Counted> {
        self.shared().counted.get(&(host.clone(), service.clone())).cloned()
    }

    pub(super) fn compared(&self, compared: Compared) {
        self.shared().compared.push(compared);
    }

    pub(super) fn asked(&self, asked: Asked) {
        self.shared().asked.push(asked);
    }

    /// Every answer, in order.
    pub(super) fn all_asked(&self) -> Vec<Asked> {
        self.shared().asked.clone()
    }

    /// Every comparison, in order.
    pub(super) fn all_compared(&self) -> Vec<Compared> {
        self.shared().compared.clone()
    }

    /// How the container looked when it was first seen after its last start by us; `now` if it is seen for the first time.
    pub(super) fn life(&self, id: &ContainerId, now: &ContainerState) -> ContainerState {
        self.shared().lives.entry(id.clone()).or_insert_with(|| now.clone()).clone()
    }

    /// The container is about to be started by us: what was seen of it before is another life.
    pub(super) fn begin_life(&self, id: &ContainerId) {
        self.shared().lives.remove(id);
    }

    /// Makes a call that changes a host, after making sure that the lock is still ours. Calls are idempotent, so one
    /// without an answer is made again: a few times towards the release, more often when undoing.
    pub(super) async fn change<T, F>(
        &self,
        host: &HostName,
        direction: Direction,
        bound: Bound,
        call: impl Fn() -> F,
    ) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, EngineError>>,
    {
        let attempts = match direction {
            Direction::Forward => 3,
            Direction::Backward => 6,
        };
        let mut pause = Duration::from_millis(100);
        let mut last = EngineError::InDoubt("no answer".to_owned());
        for attempt in 1..=attempts {
            self.lock.verify(self.doors, host, self.recorder).await?;
            last = match within(bound.answer, call()).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if last.in_doubt() {
                self.doubt(host, bound.late);
            }
            let again = match last {
                EngineError::InDoubt(_) | EngineError::Unreachable(_) => true,
                EngineError::Refused(_) | EngineError::Conflict(_) => direction == Direction::Backward,
                EngineError::NotFound(_) => false,
            };
            if !again || attempt == attempts {
                break;
            }
            self.recorder.note(Event::Retrying { host: host.clone(), reason: last.to_string() });
            sleep(pause).await;
            pause *= 2;
        }
        Err(last)
    }

    /// Puts stores back to what they held before. What fails is kept until it is asked for.
    pub(super) async fn withdraw(&self) {
        let failures = publish::withdraw(self).await;
        // Asked again, a store that cannot be put back fails again: the last word counts.
        self.shared().kept_back = failures;
    }

    /// Gives stores the new values again that were put back, for what runs the release and stays with it.
    pub(super) async fn publish_again(&self) {
        let failures = publish::again(self).await;
        self.shared().kept_back.extend(failures);
    }

    /// Why stores are not as they should be.
    pub(super) fn not_withdrawn(&self) -> Vec<Failure> {
        std::mem::take(&mut self.shared().kept_back)
    }

    /// Where all that is on a host in this batch waits for its reboot.
    pub(super) fn meeting(&self, host: &HostName) -> Arc<Meeting> {
        Arc::clone(self.shared().meetings.entry(host.clone()).or_default())
    }

    fn doubt(&self, host: &HostName, late: Duration) {
        let until = Instant::now() + late;
        let mut shared = self.shared();
        let known = shared.doubts.entry(host.clone()).or_insert(until);
        *known = until.max(*known);
    }

    /// Returns when no lost call can take hold on the host any more.
    pub(super) async fn settle(&self, host: &HostName) {
        let until = self.shared().doubts.get(host).copied();
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }
}
