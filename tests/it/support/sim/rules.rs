//! The invariants that must hold at every change of the world, whatever goes wrong. They know the truth, which the
//! rollout does not, and share no code with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shipctl::container::{ContainerId, SpecDigest};
use shipctl::fleet::key::FingerprintKey;
use shipctl::fleet::observed::Phase;
use shipctl::name::{HostName, ServiceName};
use tokio::time::Instant;

use super::super::environment::PUBLISHED;
use super::balancer::{CONNECTION, REQUEST, SimBalancer};
use super::container::SimContainer;
use super::op::Op;
use super::world::State;

/// What the current run may and may not do.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Most hosts that may be out of service through our own doing at any time.
    pub max_unavailable: usize,
    /// What each host ran of each service, healthy, when the run began.
    pub origin: BTreeMap<Key, SpecDigest>,
    /// Images that every host must have before the first container is stopped.
    pub images: Vec<String>,
    /// Of the two releases of the run, the one whose services may need each other's.
    pub newer: BTreeMap<Key, SpecDigest>,
    /// Services, each with one that it needs.
    pub needs: Vec<(ServiceName, ServiceName)>,
    /// Whether a job must have ended well before the first container is stopped or started.
    pub job_first: bool,
    /// Number of the release that it has to run for.
    pub release: u64,
}

/// A service on a host.
pub type Key = (HostName, ServiceName);

/// Checks what must hold before a change.
pub fn before(op: &Op, state: &mut State, host: &HostName, now: Instant) {
    match op {
        Op::Create { stamp, .. } => {
            // I16: a host that has fingerprints has their key, or the next plan would take all secrets for changed.
            let mut keys = state.host(host).markers.values().filter_map(|marker| FingerprintKey::parse(&marker.text));
            let is_explained = keys.any(|key| stamp.secrets.values().all(|print| key.id().made(print)));
            if !stamp.secrets.is_empty() && !is_explained {
                state
                    .violation(format!("I16: {host}: a container is made before the key of its fingerprints is there"));
            }
        }
        Op::Start(id) => job_first(state, host, id),
        Op::Seat(id, _) => {
            let early = state.container(host, id).is_some_and(|one| !one.is_proven());
            // I3: behind the edge sits only what has proved itself.
            if early {
                state.violation(format!("I3: {host}: a container is seated that has not proved itself"));
            }
        }
        Op::Unseat(id) => not_at_requests(state, host, id, now),
        Op::Reboot(from) => {
            let running = state.host(host).containers.iter().filter(|one| one.is_running());
            let running: Vec<_> = running.map(|one| (one.id.clone(), one.stamp.service.clone())).collect();
            let ends = state.host(host).boot_now() == *from;
            for (id, service) in running.iter().filter(|_| ends) {
                not_routed_to(state, host, id, now);
                not_seated(state, host, id, now);
                if state.rules.origin.contains_key(&(host.clone(), service.clone())) {
                    not_while_others_are_down(state, host, service, now);
                }
            }
        }
        Op::Stop(id) => {
            job_first(state, host, id);
            not_routed_to(state, host, id, now);
            not_seated(state, host, id, now);
            let rules = state.rules.clone();
            let Some(container) = state.container(host, id) else { return };
            let is_origin = rules.origin.get(&(host.clone(), container.stamp.service.clone()));
            let service = container.stamp.service.clone();
            let is_origin = container.is_running() && is_origin == Some(&container.spec());
            if !is_origin {
                return;
            }
            not_while_others_are_down(state, host, &service, now);
            // I2, I10: nothing that serves is stopped before its successor is on the host and every host has the image.
            let of_service = |one: &&SimContainer| one.stamp.service == service && one.stamp.job.is_none();
            if state.host(host).containers.iter().filter(of_service).count() < 2 {
                state
                    .violation(format!("I2: {host}: the old container is stopped although nothing can take its place"));
            }
            let lacks = |name: &HostName| rules.images.iter().any(|image| !state.hosts[name].images.contains(image));
            let lacking = rules.origin.keys().map(|(name, _)| name).find(|name| lacks(name)).cloned();
            if let Some(name) = lacking {
                state.violation(format!("I10: {host}: the old container is stopped although {name} lacks the image"));
            }
        }
        Op::Promote(id, ..) => {
            let rules = state.rules.clone();
            let Some(container) = state.container(host, id) else { return };
            let proved = container.has_proved_itself(container.stamp.health.min_healthy_time, now);
            // I3: only what was healthy for long enough becomes a host's release. A promotion is repeated when its
            // answer is lost, so one that is already promoted may be promoted again.
            let again = container.is_proven() && container.restart == container.stamp.restart;
            let name = container.name.clone();
            let key = (host.clone(), container.stamp.service.clone());
            let (is_origin, read) = (rules.origin.get(&key) == Some(&container.spec()), container.read.clone());
            let image = container.stamp.image.to_string();
            // A power cut between gate and promotion begins a new life, which the look at the end finds.
            if !proved && !again && !state.host(host).felled {
                state.violation(format!("I3: {host}: {name} is promoted without having been healthy for long enough"));
            }
            // I17: what becomes a host's release was started, and has proved itself, with the values of that release. What
            // runs again when a store cannot be put back is for the report to tell.
            let there = state.store.text(PUBLISHED);
            let is_of = |value: &Option<String>| value.as_ref().is_none_or(|tag| image.contains(&format!(":{tag} ")));
            let is_sound = is_of(&read) && is_of(&there);
            if !(again || is_origin || is_sound) {
                let held = format!("it was started with {read:?}, and {there:?} is there");
                state.violation(format!("I17: {host}: {image} is promoted; {held}"));
            }
        }
        Op::Remove(id) => {
            let rules = state.rules.clone();
            let Some(container) = state.container(host, id) else { return };
            let spec = container.spec();
            // I9: what the fleet can go back to stays until every host is done.
            let is_way_back = rules.origin.get(&(host.clone(), container.stamp.service.clone())) == Some(&spec);
            let all_moved = rules.origin.iter().all(|((name, service), origin)| {
                let is_it = |one: &&SimContainer| one.is_running() && one.stamp.service == *service;
                let running = state.host(name).containers.iter().find(is_it);
                running.is_some_and(|one| one.spec() != *origin && one.is_proven())
            });
            if is_way_back && !all_moved {
                state.violation(format!("I9: {host}: the way back is removed while the rollout is under way"));
            }
        }
        _ => {}
    }
}

/// Checks what must hold after a change.
pub fn after(op: &Op, state: &mut State) {
    says_what_it_has(state);
    has_what_it_needs(state);
    if !matches!(op, Op::Stop(_) | Op::Start(_) | Op::Remove(_)) {
        return;
    }
    // I1: no more hosts out of service through us than allowed. Those that a fault took down are not ours, nor is a
    // release that fails by itself after it was promoted.
    let in_service = |container: &SimContainer| {
        let settled = container.is_proven() && container.restart == container.stamp.restart;
        container.is_running() && settled && container.stamp.job.is_none()
    };
    let rules = &state.rules;
    let is_out = |(name, service): &Key| {
        let host = &state.hosts[name];
        let of_service = |one: &SimContainer| one.stamp.service == *service && in_service(one);
        host.up && !host.felled && !host.containers.iter().any(of_service)
    };
    let services: BTreeSet<_> = rules.origin.keys().map(|(_, service)| service.clone()).collect();
    let mut violations = Vec::new();
    for service in services {
        let out = rules.origin.keys().filter(|key| key.1 == service && is_out(key));
        let out: Vec<_> = out.map(|(name, _)| name.to_string()).collect();
        if out.len() > rules.max_unavailable {
            violations.push(format!("I1: {service} is out of service on {} at the same time", out.join(", ")));
        }
    }
    for violation in violations {
        state.violation(violation);
    }
}

/// So long ago, a host that went down must have been noticed before the next batch.
const NOTICED: Duration = Duration::from_millis(700);

/// I1: hosts that a fault has felled before are out of service too, when the next one is taken out.
fn not_while_others_are_down(state: &mut State, host: &HostName, service: &ServiceName, now: Instant) {
    let serves = |one: &SimContainer| {
        one.is_running() && one.is_proven() && one.restart == one.stamp.restart && one.stamp.service == *service
    };
    if state.hosts[host].containers.iter().filter(|one| serves(one)).count() > 1 {
        return;
    }
    let others = state.rules.origin.keys().filter(|(name, of)| of == service && name != host).map(|(name, _)| name);
    let is_out = |name: &&HostName| {
        let other = &state.hosts[*name];
        let is_down = !other.up && other.down_since.is_some_and(|since| now >= since + NOTICED);
        is_down || other.is_sound() && !other.containers.iter().any(serves)
    };
    let out: Vec<_> = others.filter(is_out).map(ToString::to_string).collect();
    if out.len() >= state.rules.max_unavailable && state.hosts.values().any(|host| !host.up) {
        state.violation(format!(
            "I1: {service} is taken out of service on {host}, and is already on {}",
            out.join(", ")
        ));
    }
}

/// I22: what needs another service of the newer release runs nowhere unless that one is there everywhere, forward and back.
fn has_what_it_needs(state: &mut State) {
    let mut violations = Vec::new();
    for (service, needed) in &state.rules.needs {
        let newer = |key: &Key, needs_proof: bool| {
            let spec = &state.rules.newer[key];
            let is_it = |one: &SimContainer| {
                one.is_running()
                    && one.stamp.service == key.1
                    && one.spec() == *spec
                    && (one.is_proven() || !needs_proof)
            };
            state.hosts[&key.0].containers.iter().any(is_it)
        };
        let keys = |of: &ServiceName| {
            let keys = state.rules.newer.keys().filter(|key| key.1 == *of && state.hosts[&key.0].is_sound());
            keys.cloned().collect::<Vec<_>>()
        };
        let running = keys(service).into_iter().find(|key| newer(key, false));
        let lacking = keys(needed).into_iter().find(|key| !newer(key, true));
        if let (Some((host, _)), Some((other, _))) = (running, lacking) {
            violations.push(format!("I22: {service} is ahead on {host}, while {needed} is not on {other}"));
        }
    }
    for violation in violations {
        if !state.violations.contains(&violation) {
            state.violation(violation);
        }
    }
}

/// I19: no service is disturbed before what has to run first has run to a good end.
fn job_first(state: &mut State, host: &HostName, id: &ContainerId) {
    let is_service = state.container(host, id).is_some_and(|container| container.stamp.job.is_none());
    let is_done = |one: &SimContainer| {
        let is_well = one.phase == Phase::Exited { code: 0, oom_killed: false } && !one.name.ends_with("-timed-out");
        one.stamp.job.is_some() && one.stamp.release == state.rules.release && is_well
    };
    let done = state.hosts.values().flat_map(|host| &host.containers).any(is_done);
    if state.rules.job_first && is_service && !done {
        state.violation(format!("I19: {host}: a service is disturbed before the job has run to a good end"));
    }
}

/// I18: what passes for a host's release has taken up the files that its name says.
fn says_what_it_has(state: &mut State) {
    let hosts = state.hosts.iter().flat_map(|(name, host)| host.containers.iter().map(move |one| (name, one)));
    let passes = |one: &SimContainer| one.is_running() && one.is_proven() && one.restart == one.stamp.restart;
    let lies = hosts.filter(|(_, one)| passes(one) && one.spec() != one.shown());
    let lies: Vec<_> = lies.map(|(name, one)| format!("I18: {name}: {} has other files", one.name)).collect();
    for lie in lies {
        if !state.violations.contains(&lie) {
            state.violation(lie);
        }
    }
}

/// I2: nothing is stopped that a balancer sends requests to, or that is still at one.
fn not_routed_to(state: &mut State, host: &HostName, id: &ContainerId, now: Instant) {
    let serves = state.container(host, id).is_some_and(|container| container.is_running() && container.is_healthy(now));
    let asks = |balancer: &&SimBalancer| {
        let is_idle = balancer.drained.get(host).is_some_and(|since| now >= *since + REQUEST.max(CONNECTION));
        balancer.up && !balancer.felled && !is_idle
    };
    if serves && state.balancers.values().any(|balancer| asks(&balancer)) {
        state.violation(format!("I2: {host}: a container is stopped while it gets requests"));
    }
}

/// I2: nothing is stopped that sits behind the edge.
fn not_seated(state: &mut State, host: &HostName, id: &ContainerId, now: Instant) {
    let sits = |one: &SimContainer| one.is_running() && one.is_healthy(now) && one.seat.is_some();
    if state.container(host, id).is_some_and(|one| sits(one)) && !state.host(host).felled {
        state.violation(format!("I2: {host}: a container is stopped while it sits behind the edge"));
    }
}

/// I2: nothing is taken away from the edge that is still at requests.
fn not_at_requests(state: &mut State, host: &HostName, id: &ContainerId, now: Instant) {
    let healthy = |one: &&mut SimContainer| one.is_running() && one.is_healthy(now);
    let Some(seat) = state.container(host, id).filter(healthy).and_then(|one| one.seat) else { return };
    let sim = state.host(host);
    if !sim.felled && sim.edge.as_ref().is_some_and(|edge| !edge.is_idle(seat, now)) {
        state.violation(format!("I2: {host}: a container is taken away from the edge while it is at requests"));
    }
}

/// Whether the edge of a host sends requests to something healthy.
pub fn is_served(state: &State, host: &HostName, now: Instant) -> bool {
    let Some(sim) = state.hosts.get(host) else { return false };
    let Some(edge) = &sim.edge else { return false };
    let serves = |one: &SimContainer| {
        one.is_running() && one.is_healthy(now) && one.seat.is_some_and(|seat| !edge.is_drained(seat))
    };
    sim.containers.iter().any(serves)
}

/// I21: where the edge has something healthy to send requests to, we never take the last of it away.
pub fn still_served(op: &Op, state: &mut State, host: &HostName, now: Instant, before: bool) {
    let is_ours =
        state.rules.origin.keys().any(|(name, _)| name == host) && state.hosts.get(host).is_some_and(|sim| !sim.felled);
    if before && is_ours && !is_served(state, host, now) {
        state.violation(format!("I21: {host}: {op:?} leaves the edge with nothing healthy"));
    }
}

/// I3: requests reach only what has proved itself.
pub fn routed(state: &mut State, now: Instant) {
    let mut early = Vec::new();
    for (name, host) in &state.hosts {
        let unproven = host.containers.iter().any(|one| one.is_running() && one.is_healthy(now) && !one.is_proven());
        let is_routed =
            |balancer: &SimBalancer| balancer.up && !balancer.felled && !balancer.drained.contains_key(name);
        if unproven && state.balancers.values().any(is_routed) {
            early.push(format!("I3: {name}: requests reach a container that has not proved itself"));
        }
    }
    for (name, host) in &state.hosts {
        if host.containers.iter().any(|one| one.is_running() && one.seat.is_some() && !one.is_proven()) {
            early.push(format!("I3: {name}: the edge has a container that has not proved itself"));
        }
    }
    for violation in early {
        if !state.violations.contains(&violation) {
            state.violation(violation);
        }
    }
}
