//! What a rollout came to, from a look at the hosts before and one after. Pure, and independent of what the
//! rollout believes it did.

use std::collections::BTreeMap;

use crate::balancer::Admin;
use crate::container::SpecDigest;
use crate::environment::Route;
use crate::fleet::ledger::Placements;
use crate::fleet::observed::{BackendView, EngineHealth, Observed, ObservedContainer, ObservedHost};
use crate::name::{HostName, ServiceName};
use crate::plan::incumbent::is_active;
use crate::plan::{Cause, Plan, Replacement, Seating, Traffic};
use crate::rollout::acts;
use crate::rollout::report::{Row, RowHealth, RowTraffic, Running};

/// What the last gate or monitor of this run said about a service on a host.
#[derive(Debug, Default)]
pub(super) struct Gated(BTreeMap<(HostName, ServiceName), bool>);

impl Gated {
    /// It proved itself healthy.
    pub(super) fn passed(&mut self, key: (HostName, ServiceName)) {
        self.0.insert(key, true);
    }

    /// It was found not to be healthy.
    pub(super) fn failed(&mut self, key: (HostName, ServiceName)) {
        self.0.insert(key, false);
    }

    /// Something else runs there since.
    pub(super) fn forget(&mut self, key: &(HostName, ServiceName)) {
        self.0.remove(key);
    }

    /// Whether something that runs is known not to be healthy.
    pub(super) fn any_failed(&self) -> bool {
        self.0.values().any(|passed| !passed)
    }

    fn says(&self, host: &HostName, service: &ServiceName) -> Option<bool> {
        self.0.get(&(host.clone(), service.clone())).copied()
    }
}

/// Where a host and service stand, against both ends of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Exactly the container that was wanted runs, settled.
    pub(super) at_target: bool,
    /// Exactly what ran before runs.
    pub(super) at_origin: bool,
}

/// One row for everything the plan replaces or leaves unchanged.
pub(super) fn rows(plan: &Plan, before: &Observed, after: &Observed, gated: &Gated) -> Vec<(Row, Standing)> {
    let replaced = plan.replacements().map(|one| (one.host.clone(), one.service.clone()));
    let mut keys: Vec<_> = replaced.chain(plan.unchanged.iter().cloned()).collect();
    keys.sort();
    keys.into_iter().map(|(host, service)| row(plan, before, after, gated, host, service)).collect()
}

fn row(
    plan: &Plan,
    before: &Observed,
    after: &Observed,
    gated: &Gated,
    host: HostName,
    service: ServiceName,
) -> (Row, Standing) {
    let wanted = plan.placements.get(&host).and_then(|services| services.get(&service));
    let (was, is) = (before.seen(&host), after.seen(&host));
    let replacement = plan.replacements().find(|one| one.host == host && one.service == service);
    let traffic = replacement.and_then(|one| one.traffic.as_ref()).map(|traffic| in_traffic(traffic, after));
    let seating = replacement.and_then(|one| one.seating.as_ref());
    let traffic = traffic.or_else(|| seating.zip(is).map(|(seating, is)| sits(seating, is, &service, after)));
    let gets_requests = matches!(traffic, None | Some(RowTraffic::In));
    // What has nothing to go back to is left out of traffic, or as it was.
    let has_way_back = replacement.is_some_and(|one| one.before.is_some());
    let standing = Standing {
        at_target: gets_requests && is.is_some_and(|seen| at_target(seen, &service, wanted)),
        at_origin: (gets_requests || !has_way_back)
            && is.is_some_and(|seen| at_origin(plan, was, seen, &host, &service)),
    };
    let asked = replacement.filter(|one| one.cause == Cause::Asked);
    let requests = Requests { all: gets_requests, none: replacement.is_some_and(|one| gets_none(one, is, after)) };
    let is_rebooted = acts::is_rebooted(plan, &host, after);
    let standing = asked.map_or(standing, |one| acts::standing(plan.kind, one, (was, is), requests, is_rebooted));
    let health = match is {
        None => RowHealth::Unknown,
        Some(seen) => health(seen, &service, gated.says(&host, &service)),
    };
    let number = |one: &ObservedContainer| number(plan, before, &host, one);
    let row = Row {
        before: was.map_or(Running::Unknown, |seen| running(seen, &service, number)),
        now: is.map_or(Running::Unknown, |seen| running(seen, &service, number)),
        as_intended: standing.at_target,
        health,
        traffic,
        host,
        service,
    };
    (row, standing)
}

/// Which of the balancers of a service on a host send it requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Requests {
    /// All of them, as far as nobody has put the server into maintenance.
    pub(super) all: bool,
    /// None of them.
    pub(super) none: bool,
}

/// Whether no balancer may send requests to what a replacement is about, and it sits behind no edge.
fn gets_none(one: &Replacement, host: Option<&ObservedHost>, after: &Observed) -> bool {
    let is_out = |route: &Route| match after.backends.get(&(route.balancer.clone(), route.backend.clone())) {
        Some(BackendView::Seen(servers)) => {
            servers.get(&route.server).is_some_and(|it| matches!(it.admin, Admin::Drain | Admin::Maintenance))
        }
        Some(BackendView::Unseen(_)) | None => false,
    };
    let sits = || host.is_none_or(|host| active(host, &one.service).iter().any(|it| it.seat.is_some()));
    one.traffic.iter().flat_map(|traffic| &traffic.routes).all(is_out) && (one.seating.is_none() || !sits())
}

/// Whether all balancers send requests, or would if somebody had not put the server into maintenance.
fn in_traffic(traffic: &Traffic, after: &Observed) -> RowTraffic {
    let mut all = RowTraffic::In;
    for route in &traffic.routes {
        let seen = match after.backends.get(&(route.balancer.clone(), route.backend.clone())) {
            Some(BackendView::Seen(servers)) => servers.get(&route.server),
            Some(BackendView::Unseen(_)) | None => None,
        };
        match seen {
            // That one sends no requests is worth more than that another is silent.
            None if all == RowTraffic::In => all = RowTraffic::Unknown,
            None => {}
            Some(server) if server.is_in_traffic() || server.admin == Admin::Maintenance => {}
            Some(_) => all = RowTraffic::Out,
        }
    }
    all
}

/// Whether the edge sends requests to what runs.
fn sits(seating: &Seating, host: &ObservedHost, service: &ServiceName, after: &Observed) -> RowTraffic {
    let running = active(host, service);
    let mut seats = [&seating.new, &seating.old].into_iter().chain(seating.left.values());
    let sitting = running.iter().find_map(|one| one.seat).and_then(|there| seats.find(|seat| seat.address == there));
    match sitting {
        None => RowTraffic::Out,
        Some(seat) => in_traffic(&seating.traffic(seat), after),
    }
}

fn active<'a>(host: &'a ObservedHost, service: &'a ServiceName) -> Vec<&'a ObservedContainer> {
    host.of_service(service).filter(|container| is_active(container)).collect()
}

fn at_target(host: &ObservedHost, service: &ServiceName, wanted: Option<&SpecDigest>) -> bool {
    match active(host, service)[..] {
        [one] => one.settled() && Some(&one.stamp.spec) == wanted,
        _ => false,
    }
}

/// What ran before runs again. A host on which an unfinished rollout had left nothing running is at its origin when
/// it runs what the plan goes back to.
fn at_origin(
    plan: &Plan,
    was: Option<&ObservedHost>,
    is: &ObservedHost,
    host: &HostName,
    service: &ServiceName,
) -> bool {
    let replacement = plan.replacements().find(|one| one.host == *host && one.service == *service);
    let before = match replacement {
        Some(replacement) => replacement.before.as_ref().map(|before| (&before.id, &before.spec)),
        None => was.and_then(|was| active(was, service).first().map(|one| (&one.id, &one.stamp.spec))),
    };
    match (active(is, service)[..].as_ref(), before) {
        ([], None) => true,
        ([one], Some((id, spec))) => one.settled() && one.id == *id && one.stamp.spec == *spec,
        // Nothing to go back to: what ran anyway was left alone.
        (now, None) => was.is_some_and(|was| {
            active(was, service).iter().map(|container| &container.id).eq(now.iter().map(|container| &container.id))
        }),
        _ => false,
    }
}

/// The release that created a container or, as far as it was switched to other files since, that it was switched for.
fn number(plan: &Plan, before: &Observed, host: &HostName, one: &ObservedContainer) -> u64 {
    let (stamp, ledger) = (&one.stamp, before.ledger());
    if stamp.spec.version().is_none() {
        return stamp.release;
    }
    let has = |placements: &Placements| {
        placements.get(host).and_then(|services| services.get(&stamp.service)) == Some(&stamp.spec)
    };
    let earlier = || ledger.entries.iter().rev().find(|entry| has(&entry.placements)).map(|entry| entry.release.number);
    if has(&plan.placements) { plan.release.number } else { earlier().unwrap_or(stamp.release) }
}

fn running(host: &ObservedHost, service: &ServiceName, number: impl Fn(&ObservedContainer) -> u64) -> Running {
    match active(host, service)[..] {
        [] => Running::Nothing,
        [one] => Running::Release { number: number(one), image: one.stamp.image.to_string() },
        ref several => Running::Several(several.iter().map(|container| container.name.clone()).collect()),
    }
}

fn health(host: &ObservedHost, service: &ServiceName, gated: Option<bool>) -> RowHealth {
    match active(host, service)[..] {
        [] => RowHealth::Stopped,
        [one] if !one.state.is_running() || matches!(one.state.health, EngineHealth::Unhealthy(_)) => {
            RowHealth::Unhealthy
        }
        [one] if !one.proven => RowHealth::Unproven,
        [_] if gated == Some(false) => RowHealth::Unhealthy,
        [one] if gated == Some(true) || one.state.health == EngineHealth::Healthy => RowHealth::Healthy,
        [_] => RowHealth::Running,
        _ => RowHealth::Unhealthy,
    }
}
