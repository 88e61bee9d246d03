//! One service on one host: from the containers that are there to the steps that are needed.

use std::collections::BTreeMap;

use crate::container::{ContainerSpec, SpecDigest};
use crate::environment::{Order, RestartPolicy};
use crate::fleet::ledger::{Entry, Ledger};
use crate::fleet::observed::ObservedContainer;
use crate::fleet::stamp::Stamp;
use crate::name::{HostName, SecretName, ServiceName};
use crate::plan::incumbent::{Cast, is_active};
use crate::plan::{Cause, Fate, Incumbent, Replacement, Step, Subject, Target, Traffic};

/// A service on a host, and how it is replaced there.
pub(super) struct Place<'a> {
    pub(super) host: &'a HostName,
    pub(super) service: &'a ServiceName,
    pub(super) order: Order,
    pub(super) traffic: Option<Traffic>,
    /// A server of it gets no requests although it should.
    pub(super) is_drained: bool,
}

/// What a host shall run of a service.
pub(super) struct Want<'a> {
    pub(super) digest: SpecDigest,
    /// What to create if it is not there; `None` in a rollback, which creates nothing.
    pub(super) spec: Option<&'a ContainerSpec>,
}

/// What one service on one host needs; `None` if a kept container that is wanted is not there.
pub(super) fn replacement(
    ledger: &Ledger,
    place: Place<'_>,
    want: &Want<'_>,
    cast: &Cast<'_>,
    release: u64,
) -> Option<Replacement> {
    let Place { host, service, order, traffic, is_drained } = place;
    // A proven container that runs anyway is what the host has. It has something to go back to only if an unfinished
    // rollout brought it there.
    let own = cast.wanted.filter(|container| is_active(container) && container.proven);
    let way_back = own.and_then(|own| way_back(ledger, host, service, own, cast));
    let before = match own {
        Some(_) => way_back.map(|(before, _)| before),
        // The release in force itself is brought back. If it fails, an older one that happens to be kept is not what the
        // host had: it had nothing.
        None if in_force(ledger, host, service).as_ref() == Some(&want.digest) => {
            cast.before.filter(|container| is_active(container))
        }
        None => cast.before,
    };
    let departures = cast.active.iter().map(|container| {
        let is_before = before.is_some_and(|before| before.id == container.id);
        let incumbent = Incumbent::from(*container);
        let subject = if is_before { Subject::Old } else { Subject::Left(incumbent.id, incumbent.name) };
        Step::Stop(subject, incumbent.grace)
    });
    let departures: Vec<_> = departures.collect();
    let (mut staging, mut target) = (Vec::new(), None);
    let mut is_running = false;
    match cast.wanted {
        Some(container) if is_active(container) => {
            is_running = true;
            let fate = if container.proven { way_back.map_or(Fate::Leave, |(_, fate)| fate) } else { Fate::Remove };
            target = Some(Target::Existing { container: Box::new(container.into()), runs: true, fate });
        }
        Some(container) if container.proven && !container.emptied => {
            let fate = Fate::Stop;
            target = Some(Target::Existing { container: Box::new(container.into()), runs: false, fate });
        }
        Some(left) => {
            let left = Incumbent::from(left);
            staging.push(Step::Remove(Subject::Left(left.id, left.name)));
        }
        None => {}
    }
    let target = match (target, want.spec) {
        (Some(target), _) => target,
        (None, Some(spec)) => {
            staging.push(Step::Create);
            let stamp = Stamp::of(spec, want.digest.clone(), release);
            Target::Create { stamp: Box::new(stamp), spec: Box::new(spec.clone()) }
        }
        (None, None) => return None,
    };
    let secrets = match &target {
        Target::Create { stamp, .. } => stamp.secrets.clone(),
        Target::Existing { .. } => cast.wanted.map(|container| container.stamp.secrets.clone()).unwrap_or_default(),
    };
    let settled = cast.wanted.is_some_and(ObservedContainer::settled);
    let mut enter = Vec::new();
    if !is_running {
        // One that ended by itself still has its restart policy: started with it, it would pass for one that has proved
        // itself if this run came to no end. Stopping it takes the policy away.
        let ended = cast.wanted.filter(|one| one.proven && !one.emptied && one.restart != RestartPolicy::No);
        enter.extend(ended.map(|container| Step::Stop(Subject::New, container.stamp.grace)));
        enter.push(Step::Start(Subject::New));
    }
    if !settled || is_drained {
        enter.extend([Step::Gate(Subject::New), Step::Promote(Subject::New)]);
    }
    let (out, back) = match &traffic {
        Some(_) => (Some(Step::Drain), Some(Step::Admit)),
        None => (None, None),
    };
    let steps = match order {
        Order::StopFirst => departures.into_iter().chain(enter).collect::<Vec<_>>(),
        Order::StartFirst => enter.into_iter().chain(departures).collect(),
    };
    let steps = out.into_iter().chain(steps).chain(back).collect();
    Some(Replacement {
        host: host.clone(),
        service: service.clone(),
        cause: if settled && cast.active.is_empty() { Cause::OutOfTraffic } else { cause(cast, want) },
        secrets: changed_secrets(&secrets, cast),
        before: before.map(Incumbent::from),
        before_settled: own.is_none() && before.is_some_and(ObservedContainer::settled),
        target,
        order,
        traffic,
        staging,
        steps,
    })
}

/// Secrets that what runs has too, with another fingerprint.
fn changed_secrets(wanted: &BTreeMap<SecretName, String>, cast: &Cast<'_>) -> Vec<SecretName> {
    let Some(old) = cast.active.iter().find(|container| container.settled()) else { return Vec::new() };
    let is_other =
        |(name, print): &(&SecretName, &String)| old.stamp.secrets.get(*name).is_some_and(|was| was != *print);
    wanted.iter().filter(is_other).map(|(name, _)| name.clone()).collect()
}

fn cause(cast: &Cast<'_>, want: &Want<'_>) -> Cause {
    let serving = cast.active.iter().find(|container| container.settled());
    let wanted_runs = cast.wanted.is_some_and(is_active);
    let Some(old) = serving.filter(|_| !wanted_runs) else {
        let is_new = !wanted_runs && cast.before.is_none();
        return if is_new { Cause::NotRunning } else { Cause::Unfinished };
    };
    let kept = cast.wanted.map(|container| &container.stamp.image);
    match want.spec.map(|spec| &spec.image).or(kept) {
        Some(image) if image.digest() != old.stamp.image.digest() => {
            Cause::Image { from: old.stamp.image.to_string(), to: image.to_string() }
        }
        _ => Cause::Configuration,
    }
}

/// A host that an unfinished rollout has already brought to a release that is not in force yet: nothing is done to
/// it, but it is watched with the others, and goes back with them.
pub(super) fn resumed(
    ledger: &Ledger,
    place: Place<'_>,
    settled: &ObservedContainer,
    cast: &Cast<'_>,
) -> Option<Replacement> {
    let Place { host, service, order, traffic, .. } = place;
    let (before, fate) = way_back(ledger, host, service, settled, cast)?;
    Some(Replacement {
        host: host.clone(),
        service: service.clone(),
        cause: Cause::Unfinished,
        secrets: Vec::new(),
        before: Some(before.into()),
        before_settled: false,
        target: Target::Existing { container: Box::new(settled.into()), runs: true, fate },
        order,
        traffic,
        staging: Vec::new(),
        steps: Vec::new(),
    })
}

/// What the release in force has there.
fn in_force(ledger: &Ledger, host: &HostName, service: &ServiceName) -> Option<SpecDigest> {
    ledger.current()?.placements.get(host)?.get(service).cloned()
}

/// What a host goes back to that already runs `wanted`, and what then becomes of `wanted`: the container of the release
/// in force, if that is another one. `None` if there is nothing to go back to.
fn way_back<'a>(
    ledger: &Ledger,
    host: &HostName,
    service: &ServiceName,
    wanted: &ObservedContainer,
    cast: &Cast<'a>,
) -> Option<(&'a ObservedContainer, Fate)> {
    let place = |entry: &Entry| entry.placements.get(host)?.get(service).cloned();
    let in_force = in_force(ledger, host, service).filter(|spec| *spec != wanted.stamp.spec)?;
    let before = cast.active.iter().chain(&cast.kept).find(|container| container.stamp.spec == in_force)?;
    let was_good = ledger.completed().any(|entry| place(entry).as_ref() == Some(&wanted.stamp.spec));
    Some((before, if was_good { Fate::Stop } else { Fate::Remove }))
}
