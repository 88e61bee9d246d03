//! Everything that changes a simulated host, as a value: so that it can be applied now, later, or not at all.

use std::net::Ipv4Addr;

use shipctl::balancer::Admin;
use shipctl::container::{ContainerId, ContainerName, ContainerSpec, PinnedImage, SWITCHING_SUFFIX, UNPROVEN_SUFFIX};
use shipctl::delivery::{FileSet, Place};
use shipctl::engine::{EngineError, Provision};
use shipctl::environment::RestartPolicy;
use shipctl::fleet::stamp::Stamp;
use shipctl::name::HostName;
use tokio::time::Instant;

use super::super::environment::PUBLISHED;
use super::container::SimContainer;
use super::rules;
use super::world::{Flaw, SimHost, SimMarker, State};
use shipctl::fleet::observed::{Boot, Phase};

/// A change to one host.
#[derive(Debug, Clone)]
pub enum Op {
    Pull(PinnedImage),
    Provide(Provision),
    /// A set of files, with the digests of what is in them; a version among others, or alone.
    Deliver(Place, Option<String>, Vec<String>),
    Tidy,
    /// Names of images.
    Discard(Vec<String>),
    Create {
        spec: Box<ContainerSpec>,
        stamp: Box<Stamp>,
        files: Vec<String>,
    },
    Start(ContainerId),
    Stop(ContainerId),
    Promote(ContainerId, ContainerName, RestartPolicy),
    Doubt(ContainerId),
    Switch(Vec<Place>, String),
    Signal(ContainerId),
    Remove(ContainerId),
    MarkerCreate(String, String),
    MarkerPut(String, u64, String),
    MarkerWrite(ContainerId, String),
    MarkerRemove(ContainerId),
    Seat(ContainerId, Ipv4Addr),
    Unseat(ContainerId),
    /// Of a seat behind the edge.
    Edge(Ipv4Addr, Admin),
    /// Of a server of a balancer.
    Traffic(HostName, Admin),
    /// Of the host itself, in this life of it.
    Reboot(Boot),
}

impl Op {
    /// Does it, as an engine would. Returns the id of what was created.
    pub fn apply(&self, state: &mut State, host: &HostName, now: Instant) -> Result<Option<ContainerId>, EngineError> {
        rules::before(self, state, host, now);
        let served = rules::is_served(state, host, now);
        let result = self.change(state, host, now);
        state.mutations += 1;
        rules::after(self, state);
        rules::still_served(self, state, host, now, served);
        result
    }

    fn change(&self, state: &mut State, host: &HostName, now: Instant) -> Result<Option<ContainerId>, EngineError> {
        let not_found = || EngineError::NotFound("no such container".to_owned());
        match self {
            Self::Seat(id, address) => {
                let others = &state.host(host).containers;
                if others.iter().any(|one| one.is_running() && one.id != *id && one.seat == Some(*address)) {
                    return Err(EngineError::Refused("address already in use".to_owned()));
                }
                state.container(host, id).ok_or_else(not_found)?.seat = Some(*address);
            }
            Self::Unseat(id) => {
                if let Some(container) = state.container(host, id) {
                    container.seat = None;
                }
            }
            Self::Edge(address, admin) => {
                if let Some(edge) = &mut state.host(host).edge {
                    edge.set(*address, *admin, now);
                }
            }
            Self::Reboot(from) => {
                if state.host(host).boot_now() == *from {
                    state.host(host).go_down(now);
                }
            }
            Self::Traffic(server, admin) => state.balancer(host).set(server, *admin, now),
            Self::Pull(image) => {
                let is_there = state.registry_up || image.is_sent();
                if !is_there && !state.host(host).images.contains(&image.reference()) {
                    return Err(EngineError::Refused("the registry does not answer".to_owned()));
                }
                state.host(host).images.insert(image.reference());
            }
            Self::Provide(Provision::Network(network)) => drop(state.host(host).networks.insert(network.name.clone())),
            Self::Provide(Provision::Volume(volume)) => drop(state.host(host).volumes.insert(volume.name.clone())),
            Self::Deliver(place, None, files) => drop(state.host(host).places.insert(place.clone(), files.clone())),
            Self::Deliver(place, Some(version), files) => {
                let live = state.host(host).live.entry(place.clone()).or_default();
                live.versions.insert(version.clone(), files.clone());
            }
            Self::Tidy => {
                let sim = state.host(host);
                let used: Vec<_> = sim.containers.iter().flat_map(|one| one.stamp.mounted.clone()).collect();
                sim.places.retain(|place, _| used.contains(place));
                sim.live.retain(|place, _| used.contains(place));
            }
            Self::Discard(names) => {
                let sim = state.host(host);
                let is_used = |name: &String| sim.containers.iter().any(|one| one.stamp.image.reference() == *name);
                if let Some(name) = names.iter().find(|name| is_used(name)) {
                    return Err(EngineError::Conflict(format!("a container is using {name}")));
                }
                sim.images.retain(|image| !names.contains(image));
            }
            Self::Create { spec, stamp, files } => return create(state, host, spec, stamp, files).map(Some),
            Self::Start(id) => start(state, host, id, now)?,
            Self::Stop(id) => {
                let keeps_policy = state.flaw == Some(Flaw::StopKeepsPolicy);
                if let Some(container) = state.container(host, id) {
                    if !keeps_policy {
                        container.restart = RestartPolicy::No;
                    }
                    if container.is_running() {
                        // Like most programs, it ends with a code that an engine takes for a failure.
                        container.end(now, 143);
                        container.stopped = true;
                    }
                }
            }
            Self::Promote(id, name, restart) => {
                let container = state.container(host, id).ok_or_else(not_found)?;
                container.name.clone_from(&name.0);
                container.restart = restart.clone();
            }
            Self::Doubt(id) => {
                let container = state.container(host, id).ok_or_else(not_found)?;
                container.restart = RestartPolicy::No;
                if container.is_proven() {
                    container.name = format!("{}{SWITCHING_SUFFIX}", container.name);
                }
            }
            Self::Switch(places, version) => {
                let live = &mut state.host(host).live;
                if places.iter().any(|place| live.get(place).is_none_or(|live| !live.versions.contains_key(version))) {
                    return Err(EngineError::Refused(format!("the files {version} are not there")));
                }
                for place in places {
                    live.entry(place.clone()).or_default().current = Some(version.clone());
                }
            }
            Self::Signal(id) => {
                if state.container(host, id).ok_or_else(not_found)?.is_running() {
                    state.load(host, id, now);
                } else {
                    start(state, host, id, now)?;
                }
            }
            Self::Remove(id) => state.host(host).containers.retain(|container| container.id != *id),
            Self::MarkerCreate(name, text) => {
                if state.host(host).markers.contains_key(name) && state.flaw != Some(Flaw::LockIsShared) {
                    return Err(EngineError::Conflict("the name is taken".to_owned()));
                }
                let id = state.new_id();
                let marker = SimMarker { id: id.clone(), number: 0, text: text.clone() };
                state.host(host).markers.insert(name.clone(), marker);
                return Ok(Some(id));
            }
            Self::MarkerPut(name, number, text) => {
                let marker = SimMarker { id: state.new_id(), number: *number, text: text.clone() };
                let markers = &mut state.host(host).markers;
                if markers.get(name).is_none_or(|there| there.number <= *number) {
                    markers.insert(name.clone(), marker);
                }
            }
            Self::MarkerWrite(id, text) => {
                let mut markers = state.host(host).markers.values_mut();
                markers.find(|marker| marker.id == *id).ok_or_else(not_found)?.text.clone_from(text);
            }
            Self::MarkerRemove(id) => state.host(host).markers.retain(|_, marker| marker.id != *id),
        }
        Ok(None)
    }
}

fn holds(host: &SimHost, set: &FileSet) -> bool {
    let wanted = set.files.iter().map(|file| &file.digest);
    let held = match &set.version {
        Some(version) => host.live.get(&set.place).and_then(|live| live.versions.get(version)),
        None => host.places.get(&set.place),
    };
    held.is_some_and(|held| held.iter().eq(wanted))
}

fn create(
    state: &mut State,
    host: &HostName,
    spec: &ContainerSpec,
    stamp: &Stamp,
    files: &[String],
) -> Result<ContainerId, EngineError> {
    if !state.host(host).images.contains(&spec.image.reference()) {
        return Err(EngineError::NotFound(format!("no such image: {}", spec.image)));
    }
    if let Some(missing) = FileSet::of(spec).iter().find(|set| !holds(state.host(host), set)) {
        return Err(EngineError::NotFound(format!("{} does not hold its files", missing.place)));
    }
    let name = stamp.created_as(spec);
    let taken = |container: &&mut SimContainer| container.name == name;
    if let Some(other) = state.host(host).containers.iter_mut().find(taken) {
        if other.stamp.spec == stamp.spec
            && other.phase == Phase::Created
            && (other.stamp.job.is_some() || other.name.ends_with(UNPROVEN_SUFFIX))
        {
            other.files = files.to_vec();
            return Ok(other.id.clone());
        }
        return Err(EngineError::Conflict("the name is taken".to_owned()));
    }
    let id = state.new_id();
    let ports = spec.runtime.ports.iter().filter_map(|port| port.host_port).collect();
    let behaviour = if stamp.job.is_some() { state.job.clone() } else { state.behaviour(spec.image.digest()) };
    let mut container = SimContainer::new(id.clone(), name, stamp.clone(), ports, &behaviour, host);
    container.files = files.to_vec();
    state.host(host).containers.push(container);
    Ok(id)
}

fn start(state: &mut State, host: &HostName, id: &ContainerId, now: Instant) -> Result<(), EngineError> {
    let containers = &mut state.host(host).containers;
    let Some(wanted) = containers.iter().position(|container| container.id == *id) else {
        return Err(EngineError::NotFound("no such container".to_owned()));
    };
    if containers[wanted].is_running() {
        return Ok(());
    }
    let mounted = containers[wanted].stamp.mounted.clone();
    let sim = state.host(host);
    let is_there = |place: &&Place| sim.places.contains_key(*place) || sim.live.contains_key(*place);
    if let Some(missing) = mounted.iter().find(|place| !is_there(place)) {
        let what = format!("I11: {host}: a container is started whose {missing} is gone");
        state.violation(what);
        return Err(EngineError::Refused(format!("{missing} is gone")));
    }
    let published = state.store.text(PUBLISHED);
    let containers = &mut state.host(host).containers;
    let ports = containers[wanted].ports.clone();
    let clash =
        containers.iter().any(|other| other.is_running() && other.ports.iter().any(|port| ports.contains(port)));
    if clash {
        return Err(EngineError::Refused("port is already allocated".to_owned()));
    }
    containers[wanted].seat = None;
    containers[wanted].start(now);
    if containers[wanted].stamp.job.is_some() {
        let name = containers[wanted].name.clone();
        *state.job_starts.entry(name).or_default() += 1;
    }
    let containers = &mut state.host(host).containers;
    containers[wanted].read = published;
    state.load(host, id, now);
    Ok(())
}
