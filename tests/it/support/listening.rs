//! Hosts in memory whose containers print, and whose connections break.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use jiff::Timestamp;
use shipctl::container::ContainerId;
use shipctl::engine::EngineError;
use shipctl::engine::console::{Console, Happened, Said, Sighting, Stream, Wanted};
use shipctl::engine::usage::Usage;
use shipctl::environment::Scope;
use tokio::sync::watch;

/// A host. Clones are the same.
#[derive(Clone)]
pub struct Talkative(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// Rises whenever something happens.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    containers: BTreeMap<ContainerId, (Sighting, Vec<Said>)>,
    happened: Vec<Happened>,
    is_cut: bool,
    /// How often connections were cut.
    cuts: u64,
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).expect("a time")
}

pub fn lost() -> EngineError {
    EngineError::InDoubt("the connection was lost".to_owned())
}

impl Talkative {
    pub fn new() -> Self {
        Self(Arc::new(Inner { state: Mutex::default(), changes: watch::channel(0).0 }))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.0.state.lock().expect("nobody panics here"));
        self.0.changes.send_modify(|count| *count += 1);
        changed
    }

    /// A container is created and started.
    pub fn start(&self, id: &str, service: &str, release: u64) {
        let (id, service) = (ContainerId(id.to_owned()), service.parse().expect("a name"));
        let sighting = Sighting { id: id.clone(), name: id.0.clone(), service, release, runs: true };
        self.change(|state| state.containers.entry(id).or_insert((sighting, Vec::new())).0.runs = true);
    }

    pub fn stop(&self, id: &str) {
        self.of(id, |(sighting, _)| sighting.runs = false);
    }

    pub fn print(&self, id: &str, millis: i64, text: &str) {
        let said = Said { at: at(millis), stream: Stream::Stdout, text: text.to_owned() };
        self.of(id, |(_, said_before)| said_before.push(said));
    }

    fn of(&self, id: &str, change: impl FnOnce(&mut (Sighting, Vec<Said>))) {
        self.change(|state| change(state.containers.get_mut(&ContainerId(id.to_owned())).expect("a container")));
    }

    pub fn happen(&self, id: &str, millis: i64, action: &str) {
        let Sighting { name: container, service, release, .. } = self.sighting(id);
        let (at, action) = (at(millis), action.to_owned());
        self.change(|state| {
            state.happened.push(Happened { at, service, release, container, action, exit_code: None });
        });
    }

    /// All connections break, and no new one is made.
    pub fn cut(&self) {
        self.change(|state| (state.is_cut, state.cuts) = (true, state.cuts + 1));
    }

    pub fn mend(&self) {
        self.change(|state| state.is_cut = false);
    }

    pub fn sighting(&self, id: &str) -> Sighting {
        self.0.state.lock().expect("nobody panics here").containers[&ContainerId(id.to_owned())].0.clone()
    }
}

#[async_trait]
impl Console for Talkative {
    async fn sightings(&self, _scope: &Scope) -> Result<Vec<Sighting>, EngineError> {
        let state = self.0.state.lock().expect("nobody panics here");
        if state.is_cut {
            return Err(lost());
        }
        Ok(state.containers.values().map(|(sighting, _)| sighting.clone()).collect())
    }

    fn said(&self, id: &ContainerId, wanted: &Wanted) -> BoxStream<'static, Result<Said, EngineError>> {
        let (inner, id, wanted) = (Arc::clone(&self.0), id.clone(), wanted.clone());
        let cuts = inner.state.lock().expect("nobody panics here").cuts;
        let changes = inner.changes.subscribe();
        // As an engine does it: by whole seconds, and the last ones of all that there are.
        let since = wanted.since.map_or(i64::MIN, Timestamp::as_second);
        stream::unfold((0, changes, false), move |(mut next, mut changes, failed)| {
            let (inner, id, wanted) = (Arc::clone(&inner), id.clone(), wanted.clone());
            async move {
                loop {
                    if failed {
                        return None;
                    }
                    let found = {
                        let state = inner.state.lock().expect("nobody panics here");
                        if state.is_cut || state.cuts != cuts {
                            return Some((Err(lost()), (next, changes, true)));
                        }
                        let (sighting, said) = state.containers.get(&id)?;
                        let mut meant: Vec<_> = said.iter().filter(|said| said.at.as_second() >= since).collect();
                        let skipped = wanted.tail.map_or(0, |tail| meant.len().saturating_sub(tail));
                        meant.drain(..skipped);
                        let line = meant.get(next).map(|said| (*said).clone());
                        if line.is_none() && (!wanted.follow || !sighting.runs) {
                            return None;
                        }
                        line
                    };
                    if let Some(said) = found {
                        next += 1;
                        return Some((Ok(said), (next, changes, false)));
                    }
                    changes.changed().await.ok()?;
                }
            }
        })
        .boxed()
    }

    async fn usage(&self, _id: &ContainerId) -> Result<Usage, EngineError> {
        Ok(Usage::default())
    }

    fn happened(
        &self,
        _scope: &Scope,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> BoxStream<'static, Result<Happened, EngineError>> {
        let state = self.0.state.lock().expect("nobody panics here");
        let all = state.happened.iter().filter(|one| since.is_none_or(|since| one.at.as_second() >= since.as_second()));
        let all: Vec<_> = all.filter(|one| until.is_none_or(|until| one.at <= until)).cloned().map(Ok).collect();
        let is_over = until.is_some();
        // What an engine has told, and then the connection breaks, unless it was asked for an end.
        stream::iter(all).chain(stream::iter((!is_over).then(|| Err(lost())))).boxed()
    }

    fn starts(&self, _scope: &Scope) -> BoxStream<'static, Result<(), EngineError>> {
        stream::unfold(self.0.changes.subscribe(), async |mut changes| {
            changes.changed().await.ok()?;
            Some((Ok(()), changes))
        })
        .boxed()
    }
}
