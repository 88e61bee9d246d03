//! The invariants that must hold at every change of the world, whatever goes wrong. They know the truth, which the
//! rollout does not, and share no code with it.

use shipctl::container::{ContainerId, SpecDigest};
use shipctl::fleet::key::FingerprintKey;
use shipctl::name::HostName;
use tokio::time::Instant;

use super::balancer::{REQUEST, SimBalancer};
use super::container::SimContainer;
use super::op::Op;
use super::world::State;

/// What the current run may and may not do.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Most hosts that may be out of service through our own doing at any time.
    pub max_unavailable: usize,
    /// What each host ran, healthy, when the run began.
    pub origin: std::collections::BTreeMap<HostName, SpecDigest>,
    /// Image that every host must have before the first container is stopped.
    pub image: Option<String>,
}

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
        Op::Stop(id) => {
            not_routed_to(state, host, id, now);
            let rules = state.rules.clone();
            let Some(container) = state.container(host, id) else { return };
            let is_origin = container.is_running() && rules.origin.get(host) == Some(&container.stamp.spec);
            if !is_origin {
                return;
            }
            // I2, I10: nothing that serves is stopped before its successor is on the host and every host has the image.
            if state.host(host).containers.len() < 2 {
                state
                    .violation(format!("I2: {host}: the old container is stopped although nothing can take its place"));
            }
            let lacking = rules
                .image
                .as_ref()
                .and_then(|image| rules.origin.keys().find(|name| !state.host(name).images.contains(image)).cloned());
            if let Some(name) = lacking {
                state.violation(format!("I10: {host}: the old container is stopped although {name} lacks the image"));
            }
        }
        Op::Promote(id, ..) => {
            let Some(container) = state.container(host, id) else { return };
            let proved = container.has_proved_itself(container.stamp.health.min_healthy_time, now);
            // I3: only what was healthy for long enough becomes a host's release. A promotion is repeated when its
            // answer is lost, so one that is already promoted may be promoted again.
            let again = container.is_proven() && container.restart == container.stamp.restart;
            let name = container.name.clone();
            // A power cut between gate and promotion begins a new life, which the look at the end finds.
            if !proved && !again && !state.host(host).felled {
                state.violation(format!("I3: {host}: {name} is promoted without having been healthy for long enough"));
            }
        }
        Op::Remove(id) => {
            let rules = state.rules.clone();
            let Some(container) = state.container(host, id) else { return };
            let spec = container.stamp.spec.clone();
            // I9: what the fleet can go back to stays until every host is done.
            let is_way_back = rules.origin.get(host) == Some(&spec);
            let all_moved = rules.origin.iter().all(|(name, origin)| {
                let running = state.host(name).containers.iter().find(|one| one.is_running());
                running.is_some_and(|one| one.stamp.spec != *origin && one.is_proven())
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
    if !matches!(op, Op::Stop(_) | Op::Start(_) | Op::Remove(_)) {
        return;
    }
    // I1: no more hosts out of service through us than allowed. Those that a fault took down are not ours, nor is a
    // release that fails by itself after it was promoted.
    let in_service = |container: &SimContainer| {
        let settled = container.is_proven() && container.restart == container.stamp.restart;
        container.is_running() && settled
    };
    let rules = &state.rules;
    let out = rules.origin.keys().filter(|name| {
        let host = &state.hosts[*name];
        host.up && !host.felled && !host.containers.iter().any(in_service)
    });
    let out: Vec<_> = out.cloned().collect();
    if out.len() > rules.max_unavailable {
        let names = out.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        state.violation(format!("I1: {names} are out of service at the same time"));
    }
}

/// I2: nothing is stopped that a balancer sends requests to, or that is still at one.
fn not_routed_to(state: &mut State, host: &HostName, id: &ContainerId, now: Instant) {
    let serves = state.container(host, id).is_some_and(|container| container.is_running() && container.is_healthy(now));
    let asks = |balancer: &&SimBalancer| {
        let is_idle = balancer.drained.get(host).is_some_and(|since| now >= *since + REQUEST);
        balancer.up && !balancer.felled && !is_idle
    };
    if serves && state.balancers.values().any(|balancer| asks(&balancer)) {
        state.violation(format!("I2: {host}: a container is stopped while it gets requests"));
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
    for violation in early {
        if !state.violations.contains(&violation) {
            state.violation(violation);
        }
    }
}
