//! What an operator has cleaned up: containers that are too old to go back to, their files, and images that no release needs
//! any more. One lock over all of it, so that no rollout begins with what is about to go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::engine::{EngineError, within};
use crate::environment::Environment;
use crate::event::{Event, Warning};
use crate::fleet::observed::Observed;
use crate::fleet::select::Selection;
use crate::name::HostName;
use crate::plan::{Pruning, Retirement, left_over};
use crate::rollout::cancel::Cancel;
use crate::rollout::doors::Doors;
use crate::rollout::lock::{Claim, Lock, NotLocked};
use crate::rollout::prune::{Prune, Pruned};
use crate::rollout::recorder::Recorder;

/// For the removal of one container, or of files.
const REMOVE: Duration = Duration::from_mins(1);

/// What is cleaned up, and for whom.
pub struct Clean<'a> {
    /// The environment, with what images are judged by.
    pub environment: &'a Environment,
    /// Its hosts.
    pub selection: &'a Selection,
    /// The world.
    pub doors: &'a Doors,
    /// The screen.
    pub recorder: &'a Recorder,
}

/// What came of it on a host, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleaned {
    /// Containers that went, by name.
    pub containers: Vec<String>,
    /// Images.
    pub images: Pruned,
    /// What did not go as it should.
    pub failure: Option<String>,
}

impl Clean<'_> {
    /// What would go, by this look at the fleet. Changes nothing.
    pub async fn look(&self, observed: &Observed) -> BTreeMap<HostName, Cleaned> {
        let gone = left_over(self.environment, observed, self.selection);
        let images = self.prune(observed).look(&self.hosts(observed), &gone).await;
        let names = |host: &HostName| gone.get(host).into_iter().flatten().map(|one| one.name.clone()).collect();
        images.into_iter().map(|(host, images)| (host.clone(), cleaned(names(&host), None, images))).collect()
    }

    /// Takes the lock, and removes it. A wish to end is heeded before each host's images.
    pub async fn run(&self, claim: &Claim, cancel: &Cancel) -> Result<BTreeMap<HostName, Cleaned>, NotLocked> {
        let scope = self.environment.scope();
        let needed = self.doors.hosts.keys().filter(|host| self.selection.has_host(host)).cloned().collect();
        let lock = Lock::acquire(self.doors, &scope, &needed, claim, self.recorder, cancel).await?;
        let result = tokio::select! {
            biased;
            cleaned = self.locked(&lock, cancel) => cleaned,
            () = lock.keep(self.doors, self.recorder) => unreachable!("the heartbeat does not end by itself"),
        };
        lock.release(self.doors, self.recorder).await;
        Ok(result)
    }

    async fn locked(&self, lock: &Lock, cancel: &Cancel) -> BTreeMap<HostName, Cleaned> {
        // What was seen without the lock may be another rollout's by now.
        let observed = self.doors.observe(&self.environment.scope()).await;
        let hosts = self.hosts(&observed);
        let mut removed = BTreeMap::new();
        for (host, containers) in left_over(self.environment, &observed, self.selection) {
            let mut names = Vec::new();
            let mut result = self.remove(&host, &containers, lock, cancel, &mut names).await;
            if result.is_ok() {
                result = self.tidy(&host, &observed).await;
            }
            removed.insert(host, (names, result.err()));
        }
        let images =
            if cancel.is_requested() { BTreeMap::new() } else { self.prune(&observed).run(&hosts, lock).await };
        let all = hosts.into_iter().map(|host| {
            let (names, failure) = removed.remove(&host).unwrap_or_default();
            let images = images.get(&host).cloned().unwrap_or(Ok(Pruned::default()));
            (host, cleaned(names, failure, images))
        });
        all.collect()
    }

    async fn remove(
        &self,
        host: &HostName,
        containers: &[Retirement],
        lock: &Lock,
        cancel: &Cancel,
        removed: &mut Vec<String>,
    ) -> Result<(), EngineError> {
        let Some(door) = self.doors.hosts.get(host) else { return Ok(()) };
        for container in containers {
            if cancel.is_requested() {
                return Ok(());
            }
            lock.verify(self.doors, host, self.recorder).await?;
            let name = container.name.clone();
            match within(REMOVE, door.engine.remove(&container.id)).await {
                Ok(()) => {
                    self.recorder.note(Event::Retired { host: host.clone(), container: name.clone() });
                    removed.push(name);
                }
                Err(error) => {
                    let (host, reason) = (host.clone(), error.to_string());
                    self.recorder.note(Event::Warning(Warning::NotRetired { host, container: name, reason }));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Files that were those containers' alone.
    async fn tidy(&self, host: &HostName, observed: &Observed) -> Result<(), EngineError> {
        let (Some(door), Some(seen)) = (self.doors.hosts.get(host), observed.seen(host)) else { return Ok(()) };
        let places: BTreeSet<_> = seen.containers.iter().flat_map(|one| one.stamp.mounted.iter().cloned()).collect();
        let places: Vec<_> = places.into_iter().collect();
        within(REMOVE, door.engine.tidy(&self.environment.scope(), &places)).await
    }

    fn hosts(&self, observed: &Observed) -> BTreeSet<HostName> {
        let seen = observed.hosts.keys().filter(|host| observed.seen(host).is_some());
        seen.filter(|host| self.selection.has_host(host)).cloned().collect()
    }

    fn prune(&self, observed: &Observed) -> Prune<'_> {
        Prune {
            pruning: Pruning::of(self.environment, observed),
            scope: self.environment.scope(),
            ledger: observed.ledger(),
            doors: self.doors,
            recorder: self.recorder,
        }
    }
}

fn cleaned(containers: Vec<String>, failure: Option<EngineError>, images: Result<Pruned, EngineError>) -> Cleaned {
    let (images, failed) = match images {
        Ok(images) => (images, None),
        Err(error) => (Pruned::default(), Some(error)),
    };
    Cleaned { containers, images, failure: failure.or(failed).map(|error| error.to_string()) }
}
