//! One rollout per project and environment: a marker on every host, the first by name first, refreshed while the
//! rollout lives, and checked before each effect.
//!
//! Liveness is judged by a counter that changes, never by comparing two machines' clocks. A holder that shows no
//! sign of life for [`LEASE`] has lost its lock; should it wake up, it finds its marker gone and stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use crate::container::ContainerId;
use crate::engine::marker::{Marker, Markers};
use crate::engine::{EngineError, within};
use crate::environment::Scope;
use crate::event::{Event, Warning};
use crate::name::HostName;
use crate::rollout::cancel::Cancel;
use crate::rollout::doors::Doors;
use crate::rollout::recorder::Recorder;
use crate::rollout::report::Holder;

/// From one heartbeat to the next.
pub const BEAT: Duration = Duration::from_secs(3);
/// A lock whose heartbeat does not change for this long belongs to nobody.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a foreign lock is read while it is watched.
const WATCH: Duration = Duration::from_millis(500);
/// For one call about a marker.
const CALL: Duration = Duration::from_secs(5);
/// How often a call without an answer is made.
const ATTEMPTS: u32 = 3;

/// Begins the names of all locks' markers.
const PREFIX: &str = "shipctl-lock-";

/// Name of the marker.
pub fn marker_name(scope: &Scope) -> String {
    format!("{PREFIX}{}", scope.prefix())
}

/// The environment whose lock it is, as `project-environment`, if the marker of this name is one.
pub fn holder_of(marker: &str) -> Option<&str> {
    marker.strip_prefix(PREFIX)
}

/// Who takes a lock.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Unique to this run.
    pub token: String,
    /// `user@machine`.
    pub by: String,
    /// `deploy` or `rollback`.
    pub kind: String,
    /// Rollout id.
    pub rollout: String,
}

/// The marker's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LockText {
    token: String,
    by: String,
    since: Timestamp,
    kind: String,
    rollout: String,
    step: String,
    beat: u64,
}

/// A lock that is ours on all hosts that are needed.
pub struct Lock {
    name: String,
    text: Mutex<LockText>,
    held: Mutex<BTreeMap<HostName, ContainerId>>,
    alive: Mutex<BTreeMap<HostName, Instant>>,
    lost: Mutex<Option<HostName>>,
    away: Mutex<BTreeSet<HostName>>,
}

/// Why a lock was not taken. What was taken on the way has been given back.
#[derive(Debug)]
pub enum NotLocked {
    /// Somebody else holds it, alive.
    Held(Holder),
    /// A host did not let us.
    Failed(HostName, EngineError),
    /// The operator asked to stop.
    Cancelled,
}

/// Reads who holds the lock on a host, if anybody does.
pub async fn holder(markers: &dyn Markers, host: &HostName, scope: &Scope) -> Result<Option<Holder>, EngineError> {
    let marker = markers.read(&marker_name(scope)).await?;
    Ok(marker.map(|marker| describe(host, &marker)))
}

fn describe(host: &HostName, marker: &Marker) -> Holder {
    let text = serde_json::from_str(&marker.text).unwrap_or_else(|_| LockText {
        token: String::new(),
        by: "somebody (the lock's text cannot be read)".to_owned(),
        since: Timestamp::UNIX_EPOCH,
        kind: "unknown".to_owned(),
        rollout: String::new(),
        step: String::new(),
        beat: 0,
    });
    Holder {
        host: host.clone(),
        by: text.by,
        since: text.since,
        kind: text.kind,
        rollout: text.rollout,
        step: text.step,
    }
}

impl Lock {
    /// Takes the lock on every host: on the first by name alone, so that two runs meet there and one of them goes no
    /// further, then on the others at the same time. What is held is kept alive meanwhile. A host that is not `needed`
    /// and does not let us is named in a warning.
    pub async fn acquire(
        doors: &Doors,
        scope: &Scope,
        needed: &BTreeSet<HostName>,
        claim: &Claim,
        recorder: &Recorder,
        cancel: &Cancel,
    ) -> Result<Self, NotLocked> {
        let text = LockText {
            token: claim.token.clone(),
            by: claim.by.clone(),
            since: recorder.now(),
            kind: claim.kind.clone(),
            rollout: claim.rollout.clone(),
            step: "starting".to_owned(),
            beat: 0,
        };
        let lock = Self {
            name: marker_name(scope),
            text: Mutex::new(text),
            held: Mutex::default(),
            alive: Mutex::default(),
            lost: Mutex::default(),
            away: Mutex::default(),
        };
        let name = lock.name.clone();
        let (first, others): (Vec<_>, Vec<_>) = doors.hosts.iter().enumerate().partition(|(index, _)| *index == 0);
        for hosts in [first, others] {
            let takes = hosts.into_iter().map(|(_, (host, door))| {
                let (lock, name) = (&lock, &name);
                async move { (host, lock.take(host, door.markers.as_ref(), name, recorder, cancel).await) }
            });
            let round = tokio::select! {
                biased;
                round = join_all(takes) => round,
                () = lock.keep(doors, recorder) => unreachable!("the heartbeat does not end by itself"),
            };
            let mut refused = None;
            for (host, end) in round {
                match end {
                    Ok(()) => {}
                    Err(NotLocked::Failed(_, error)) if !needed.contains(host) => {
                        let (host, reason) = (host.clone(), error.to_string());
                        recorder.note(Event::Warning(Warning::NotLocked { host, reason }));
                    }
                    Err(refusal) => refused = refused.or(Some(refusal)),
                }
            }
            if let Some(refusal) = refused {
                lock.release(doors, recorder).await;
                return Err(refusal);
            }
        }
        Ok(lock)
    }

    async fn take(
        &self,
        host: &HostName,
        markers: &dyn Markers,
        name: &str,
        recorder: &Recorder,
        cancel: &Cancel,
    ) -> Result<(), NotLocked> {
        let failed = |error| NotLocked::Failed(host.clone(), error);
        // Each round either gets the marker, or meets one that is alive, or removes one that is not.
        for _ in 0..ATTEMPTS {
            let text = self.encoded();
            match attempt(|| markers.create(name, &text)).await {
                Ok(id) => {
                    self.hold(host, id);
                    return Ok(());
                }
                Err(EngineError::Conflict(_)) => {}
                Err(error) => return Err(failed(error)),
            }
            let Some(marker) = attempt(|| markers.read(name)).await.map_err(failed)? else { continue };
            if self.is_ours(&marker) {
                self.hold(host, marker.id);
                return Ok(());
            }
            recorder.note(Event::LockWatched { host: host.clone(), holder: describe(host, &marker).by });
            match watch(markers, name, &marker, cancel).await.map_err(failed)? {
                Watched::Alive(marker) => return Err(NotLocked::Held(describe(host, &marker))),
                Watched::Gone => {}
                Watched::Enough => return Err(NotLocked::Cancelled),
                Watched::Dead => {
                    attempt(|| markers.remove(&marker.id)).await.map_err(failed)?;
                    recorder.note(Event::LockTakenOver { host: host.clone(), from: describe(host, &marker).by });
                }
            }
        }
        Err(failed(EngineError::Conflict(format!("the lock {name} changes hands faster than it can be taken"))))
    }

    fn encoded(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::to_string(&*text).unwrap_or_else(|error| unreachable!("a lock is plain data: {error}"))
    }

    fn is_ours(&self, marker: &Marker) -> bool {
        let text: Option<LockText> = serde_json::from_str(&marker.text).ok();
        text.is_some_and(|text| text.token == self.text.lock().unwrap_or_else(PoisonError::into_inner).token)
    }

    fn hold(&self, host: &HostName, id: ContainerId) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), id);
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), Instant::now());
    }

    fn held(&self) -> BTreeMap<HostName, ContainerId> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What others are told we are doing; goes out with the next heartbeat.
    pub fn set_step(&self, step: String) {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).step = step;
    }

    /// Refreshes the lock for as long as it is polled.
    pub async fn keep(&self, doors: &Doors, recorder: &Recorder) {
        loop {
            sleep(BEAT).await;
            let text = {
                let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
                text.beat += 1;
                drop(text);
                self.encoded()
            };
            let mut held = self.held();
            held.retain(|host, _| !self.away.lock().unwrap_or_else(PoisonError::into_inner).contains(host));
            let beats = held.iter().filter_map(|(host, id)| Some((host, id, doors.hosts.get(host)?)));
            join_all(beats.map(|(host, id, door)| self.beat(host, id, door.markers.as_ref(), &text, recorder))).await;
        }
    }

    async fn beat(&self, host: &HostName, id: &ContainerId, markers: &dyn Markers, text: &str, recorder: &Recorder) {
        let sent = Instant::now();
        let alive = || self.alive.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), sent);
        match timeout(CALL, markers.write(id, text)).await {
            Ok(Ok(())) => drop(alive()),
            Ok(Err(EngineError::NotFound(_))) => {
                *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(host.clone());
            }
            Ok(Err(error)) => {
                // A host without a byte left refuses to be written to, and says all the same that the lock is ours. To others
                // the heart stands still; should one of them take over, its first change of the lock is what we find here.
                if let Ok(Ok(Some(marker))) = timeout(CALL, markers.read(&self.name)).await
                    && marker.id == *id
                {
                    alive();
                }
                recorder
                    .note(Event::Warning(Warning::HeartbeatMissed { host: host.clone(), reason: error.to_string() }));
            }
            Err(_) => {
                let reason = "no answer".to_owned();
                recorder.note(Event::Warning(Warning::HeartbeatMissed { host: host.clone(), reason }));
            }
        }
    }

    /// The host goes down on purpose: nothing is sent there until it is [`back`](Self::back). The others say meanwhile that the
    /// lock is ours.
    pub fn away(&self, host: &HostName) {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone());
    }

    /// The host is up again.
    pub fn back(&self, host: &HostName) {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).remove(host);
    }

    /// Whether an effect on `host` may be sent now. A process that was frozen past half its lease asks the host
    /// first, so that it cannot act beside whoever took the lock over.
    pub async fn verify(&self, doors: &Doors, host: &HostName, recorder: &Recorder) -> Result<(), EngineError> {
        let last = self.alive.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied();
        if let (Some(last), Some(id), Some(door)) = (last, self.held().get(host), doors.hosts.get(host))
            && last.elapsed() > LEASE / 2
        {
            let text = self.encoded();
            self.beat(host, id, door.markers.as_ref(), &text, recorder).await;
            let last = self.alive.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied();
            if last.is_none_or(|last| last.elapsed() > LEASE) {
                return Err(EngineError::Unreachable(format!("{host} does not say whether the lock is still ours")));
            }
        }
        match &*self.lost.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(host) => {
                Err(EngineError::Refused(format!("the lock on {host} is no longer ours: somebody else took over")))
            }
            None => Ok(()),
        }
    }

    /// Gives the lock back, on all hosts at once. What cannot be given back expires.
    pub async fn release(&self, doors: &Doors, recorder: &Recorder) {
        let held = self.held();
        let held = held.iter().filter_map(|(host, id)| Some((host, id, doors.hosts.get(host)?)));
        join_all(held.map(|(host, id, door)| async move {
            if let Err(error) = attempt(|| door.markers.remove(id)).await {
                recorder.note(Event::Warning(Warning::NotUnlocked { host: host.clone(), reason: error.to_string() }));
            }
        }))
        .await;
    }
}

enum Watched {
    Alive(Marker),
    Dead,
    Gone,
    /// The operator asked to stop.
    Enough,
}

async fn watch(markers: &dyn Markers, name: &str, first: &Marker, cancel: &Cancel) -> Result<Watched, EngineError> {
    let begun = Instant::now();
    while begun.elapsed() < LEASE {
        if cancel.is_requested() {
            return Ok(Watched::Enough);
        }
        sleep(WATCH).await;
        match attempt(|| markers.read(name)).await? {
            None => return Ok(Watched::Gone),
            Some(marker) if marker != *first => return Ok(Watched::Alive(marker)),
            Some(_) => {}
        }
    }
    Ok(Watched::Dead)
}

/// Makes a call about a marker again when there was no answer. Every such call is idempotent.
async fn attempt<T, F: Future<Output = Result<T, EngineError>>>(call: impl Fn() -> F) -> Result<T, EngineError> {
    let mut last = EngineError::InDoubt("no answer".to_owned());
    for _ in 0..ATTEMPTS {
        match within(CALL, call()).await {
            Err(error @ (EngineError::InDoubt(_) | EngineError::Unreachable(_))) => last = error,
            answer => return answer,
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err(last)
}
