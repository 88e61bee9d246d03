//! The simulated key-value store: one for the whole fleet, with the same faults as hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use shipctl::store::{Change, Held, Store, StoreError, Value};
use tokio::time::{Instant, sleep};

use super::super::environment::PUBLISHED;
use super::fault::Fault;
use super::world::{Call, Flaw, LATENCY, State, World};

/// A change of one key: the version it compares with, and what is to be there.
type Step = (String, u64, Option<Vec<u8>>);

/// What the store holds, and what it is yet to hear.
#[derive(Debug, Clone, Default)]
pub struct SimStore {
    pub held: BTreeMap<String, (Vec<u8>, u64)>,
    revision: u64,
    /// It does not answer.
    down: bool,
    /// Until then.
    back: Option<Instant>,
    late: Vec<(Instant, Vec<Step>)>,
}

impl SimStore {
    /// What a key holds, as text.
    pub fn text(&self, key: &str) -> Option<String> {
        self.held.get(key).map(|(bytes, _)| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Somebody else writes.
    pub fn write(&mut self, key: &str, text: &str) {
        self.revision += 1;
        self.held.insert(key.to_owned(), (text.as_bytes().to_vec(), self.revision));
    }

    /// It answers again.
    pub fn restore(&mut self) {
        (self.down, self.back) = (false, None);
    }

    /// Lets pass what is due by now.
    pub fn settle(&mut self, now: Instant) {
        if self.back.is_some_and(|back| back <= now) {
            self.restore();
        }
        while let Some(index) = self.late.iter().position(|(due, _)| *due <= now) {
            let (_, steps) = self.late.remove(index);
            if !self.down {
                // Nobody hears what becomes of a call that is late.
                let _unheard = self.apply(&steps);
            }
        }
    }

    fn apply(&mut self, steps: &[Step]) -> Result<(), StoreError> {
        let version = |key: &str| self.held.get(key).map_or(0, |(_, version)| *version);
        if let Some((key, ..)) = steps.iter().find(|(key, seen, _)| version(key) != *seen) {
            return Err(StoreError::Conflict(key.clone()));
        }
        self.revision += 1;
        for (key, _, value) in steps {
            match value {
                Some(bytes) => drop(self.held.insert(key.clone(), (bytes.clone(), self.revision))),
                None => drop(self.held.remove(key)),
            }
        }
        Ok(())
    }
}

/// The store behind its door.
pub struct SimStoreDoor(pub World);

impl SimStoreDoor {
    async fn begin(&self, kind: Call) -> Result<Option<Fault>, StoreError> {
        sleep(LATENCY).await;
        let now = Instant::now();
        let (fault, is_up) = {
            let mut state = self.0.state();
            let fault = state.call("store", kind, now);
            match fault {
                Some(Fault::PowerOff) => state.store.down = true,
                Some(Fault::PowerCut(back)) => (state.store.down, state.store.back) = (true, Some(now + back)),
                _ => {}
            }
            (fault, !state.store.down)
        };
        match fault {
            Some(Fault::Interrupt) => self.0.cancel().request(),
            Some(Fault::CrashBefore) => {
                self.0.kill();
                return std::future::pending().await;
            }
            Some(Fault::Refuse) => return Err(StoreError::Refused("refused".to_owned())),
            _ if !is_up => return Err(lost()),
            _ => {}
        }
        Ok(fault)
    }
}

fn lost() -> StoreError {
    StoreError::InDoubt("the connection was lost".to_owned())
}

fn swap(state: &mut State, steps: &[Step]) -> Result<(), StoreError> {
    let result = state.store.apply(steps);
    if result.is_ok() {
        state.mutations += 1;
    }
    result
}

#[async_trait]
impl Store for SimStoreDoor {
    async fn read(&self, keys: &BTreeSet<String>) -> Result<Held, StoreError> {
        match self.begin(Call::Look).await? {
            None | Some(Fault::Interrupt) => {}
            Some(Fault::CrashAfter) => {
                self.0.kill();
                return std::future::pending().await;
            }
            Some(_) => return Err(lost()),
        }
        let state = self.0.state();
        let found = keys.iter().filter_map(|key| {
            let (bytes, version) = state.store.held.get(key)?;
            Some((key.clone(), Value { bytes: bytes.clone(), version: *version }))
        });
        Ok(found.collect())
    }

    fn fits(&self, _: &[Change]) -> Result<(), String> {
        Ok(())
    }

    async fn swap(&self, changes: &[Change]) -> Result<(), StoreError> {
        let steps: Vec<Step> = changes.iter().map(|one| (one.key.clone(), one.version, one.value.clone())).collect();
        let fault = self.begin(Call::Change).await?;
        if fault == Some(Fault::CrashAfter) {
            let _unheard = swap(&mut self.0.state(), &steps);
            self.0.kill();
            return std::future::pending().await;
        }
        let mut state = self.0.state();
        if state.flaw == Some(Flaw::SomebodyElseWrites) {
            state.flaw = None;
            state.store.write(PUBLISHED, "theirs");
        }
        match fault {
            None | Some(Fault::Interrupt) => {
                if state.flaw == Some(Flaw::EveryChangeTwice) {
                    let _unheard = swap(&mut state, &steps);
                }
                swap(&mut state, &steps)
            }
            Some(Fault::FailAfter) => {
                let _unheard = swap(&mut state, &steps);
                Err(StoreError::Refused("internal error".to_owned()))
            }
            Some(Fault::LoseReply) => {
                let _unheard = swap(&mut state, &steps);
                Err(lost())
            }
            Some(Fault::Late(by)) => {
                let due = Instant::now() + Duration::max(by, LATENCY);
                state.store.late.push((due, steps));
                Err(lost())
            }
            Some(_) => Err(lost()),
        }
    }
}
