//! Images that no release needs any more, removed from hosts: after a rollout that came to a good end, or because an operator
//! asks. Under the lock, and never against the engine's word: an image that anything was made from stays.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;

use crate::engine::{Engine, EngineError, within};
use crate::environment::Scope;
use crate::event::{Event, Warning};
use crate::fleet::ledger::Ledger;
use crate::fleet::stock::Stock;
use crate::name::HostName;
use crate::plan::pruning::{Judged, Stays};
use crate::plan::{Pruning, Retirement};
use crate::rollout::doors::Doors;
use crate::rollout::lock::{self, Lock};
use crate::rollout::recorder::Recorder;

/// For one image. Engines take their time over large layers.
const DISCARD: Duration = Duration::from_mins(2);
/// For a look at all images of a host.
const STOCK: Duration = Duration::from_mins(1);

/// What is removed, and from where.
pub struct Prune<'a> {
    /// What images are judged by.
    pub pruning: Pruning,
    /// The environment.
    pub scope: Scope,
    /// The record of rollouts that is in force.
    pub ledger: Ledger,
    /// The hosts.
    pub doors: &'a Doors,
    /// Screen and journal.
    pub recorder: &'a Recorder,
}

/// What came of it on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Images that went or are to go, by the names that they had, each with what it took for itself alone.
    pub gone: Vec<(String, u64)>,
    /// Images of ours that stay, and why.
    pub kept: Vec<(String, Stays)>,
    /// Bytes that the host has back, or will have.
    pub bytes: u64,
}

impl Prune<'_> {
    /// What would be removed once these containers are. Changes nothing.
    pub async fn look(
        &self,
        hosts: &BTreeSet<HostName>,
        gone: &BTreeMap<HostName, Vec<Retirement>>,
    ) -> BTreeMap<HostName, Result<Pruned, EngineError>> {
        let looks = self.engines(hosts).map(|(host, engine)| async move {
            let looked = async {
                let mut stock = self.stock(engine).await?;
                let names: Vec<_> = gone.get(host).into_iter().flatten().map(|one| one.name.as_str()).collect();
                for image in stock.images.values_mut() {
                    image.users.retain(|user| !names.contains(&user.as_str()));
                }
                let judged = self.judge(&stock);
                let ids = goes(&judged).into_keys().collect();
                Ok(told(&stock, judged, &ids))
            };
            (host.clone(), looked.await)
        });
        join_all(looks).await.into_iter().collect()
    }

    /// Removes it, on all hosts at once. The lock is verified before each image.
    pub async fn run(
        &self,
        hosts: &BTreeSet<HostName>,
        lock: &Lock,
    ) -> BTreeMap<HostName, Result<Pruned, EngineError>> {
        let hosts = self.engines(hosts).map(|(host, engine)| async move {
            let pruned = self.one(host, engine, lock).await;
            self.recorder.note(match &pruned {
                Ok(pruned) if pruned.gone.is_empty() => return (host.clone(), Ok(pruned.clone())),
                Ok(pruned) => Event::Pruned { host: host.clone(), images: pruned.gone.len(), bytes: pruned.bytes },
                Err(error) => Event::Warning(Warning::NotPruned { host: host.clone(), reason: error.to_string() }),
            });
            (host.clone(), pruned)
        });
        join_all(hosts).await.into_iter().collect()
    }

    fn engines(&self, hosts: &BTreeSet<HostName>) -> impl Iterator<Item = (&HostName, &dyn Engine)> {
        let doors = self.doors.hosts.iter().filter(|(host, _)| hosts.contains(host));
        doors.map(|(host, door)| (host, door.engine.as_ref()))
    }

    async fn one(&self, host: &HostName, engine: &dyn Engine, lock: &Lock) -> Result<Pruned, EngineError> {
        let before = self.stock(engine).await?;
        let judged = self.judge(&before);
        let names = goes(&judged);
        for names in names.values() {
            lock.verify(self.doors, host, self.recorder).await?;
            match within(DISCARD, engine.discard(names)).await {
                // Somebody has made a container from it meanwhile.
                Ok(()) | Err(EngineError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if names.is_empty() {
            return Ok(told(&before, judged, &BTreeSet::new()));
        }
        // What the host shows now, and not what it was told.
        let after = self.stock(engine).await?;
        let gone = names.keys().filter(|id| !after.images.contains_key(**id)).copied().collect();
        Ok(told(&before, judged, &gone))
    }

    /// Once for a look, so that what is done and what is told of it go by the same moment.
    fn judge<'s>(&self, stock: &'s Stock) -> Vec<Judged<'s>> {
        self.pruning.judge(stock, &self.ledger, self.recorder.now())
    }

    async fn stock(&self, engine: &dyn Engine) -> Result<Stock, EngineError> {
        let stock = within(STOCK, engine.stock()).await?;
        let own = lock::marker_name(&self.scope);
        // Whoever holds it may have pulled an image that no container was made from yet.
        let mut others = stock.markers.iter().filter(|name| **name != own).filter_map(|name| lock::holder_of(name));
        match others.next() {
            Some(other) => Err(EngineError::Refused(format!("a rollout of {other} is under way on this host"))),
            None => Ok(stock),
        }
    }
}

/// Images that go, by id, with all their names.
fn goes<'s>(judged: &[Judged<'s>]) -> BTreeMap<&'s str, Vec<String>> {
    let goes = judged.iter().filter(|one| one.stays.is_none());
    let names = goes.map(|one| {
        let names: Vec<_> = one.image.names().cloned().collect();
        (one.id, if names.is_empty() { vec![one.id.to_owned()] } else { names })
    });
    names.collect()
}

fn told(stock: &Stock, judged: Vec<Judged<'_>>, gone: &BTreeSet<&str>) -> Pruned {
    let mut pruned = Pruned { bytes: stock.bytes_of(gone), ..Pruned::default() };
    for one in judged {
        let name = one.image.names().next().cloned().unwrap_or_else(|| one.id.to_owned());
        if gone.contains(one.id) {
            pruned.gone.push((name, stock.bytes_of(&[one.id].into())));
        } else if let Some(stays) = one.stays {
            pruned.kept.push((name, stays));
        }
    }
    pruned
}
