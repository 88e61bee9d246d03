//! One service on one host: from the containers that are there to the steps that are needed.

use std::collections::BTreeMap;

use crate::container::{ContainerSpec, SpecDigest};
use crate::environment::{Order, RestartPolicy};
use crate::fleet::ledger::{Entry, Ledger};
use crate::fleet::observed::ObservedContainer;
use crate::fleet::stamp::Stamp;
use crate::name::{HostName, SecretName, ServiceName};
use crate::plan::incumbent::{Cast, is_active};
use crate::plan::{Cause, Fate, Incumbent, Replacement, Seating, Step, Subject, Target, Traffic};

/// A service on a host, and how it is replaced there.
pub(super) struct Place<'a> {
    pub(super) host: &'a HostName,
    pub(super) service: &'a ServiceName,
    pub(super) order: Order,
    pub(super) traffic: Option<Traffic>,
    pub(super) seating: Option<Seating>,
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
    let Place { host, service, order, traffic, seating, is_drained } = place;
    // A proven container that runs anyway is what the host has. It has something to go back to only if an unfinished
    // rollout brought it there, or if it is switched to other files.
    let own = cast.wanted.filter(|container| is_active(container) && container.proven);
    let in_force = in_force(ledger, host, service);
    let in_hand = in_hand(in_force.as_ref(), want, cast);
    let was = in_hand.and_then(|container| was(in_force.as_ref(), want, cast, container));
    let way_back = own.filter(|_| was.is_none()).and_then(|own| way_back(ledger, host, service, own, cast));
    // The container of the release in force, which an unfinished rollout was switching to other files.
    let of_force = |one: &ObservedContainer| {
        in_force.as_ref().filter(|spec| one.switching && spec.same_container(&one.stamp.spec))
    };
    let is_halfway = |one: &&ObservedContainer| of_force(one).is_some();
    let halfway = cast.active.iter().copied().find(is_halfway).filter(|_| !cast.active.iter().any(|one| one.proven));
    let before_of = |container: &ObservedContainer| {
        let incumbent = Incumbent::from(container);
        let incumbent = of_force(container).map_or(incumbent.clone(), |spec| incumbent.at(spec));
        (incumbent, container.settled())
    };
    let before = match (was, own) {
        (Some((container, was)), _) => Some((Incumbent::from(container).at(&was), container.settled())),
        (None, Some(_)) => way_back.clone().map(|(before, _)| (before, false)),
        // The release in force itself is brought back. If it fails, an older one that happens to be kept is not what the
        // host had: it had nothing.
        (None, None) if in_force.as_ref() == Some(&want.digest) => {
            cast.before.filter(|container| is_active(container)).map(before_of)
        }
        (None, None) => halfway.or(cast.before).map(before_of),
    };
    let (before, before_settled) = before.map_or((None, false), |(before, settled)| (Some(before), settled));
    let departures = cast.active.iter().flat_map(|container| {
        let is_before = before.as_ref().is_some_and(|before| before.id == container.id);
        let incumbent = Incumbent::from(*container);
        let subject = if is_before { Subject::Old } else { Subject::Left(incumbent.id, incumbent.name) };
        let unseat = seating.as_ref().filter(|_| container.seat.is_some()).map(|_| Step::Unseat(subject.clone()));
        unseat.into_iter().chain([Step::Stop(subject, incumbent.grace)])
    });
    let departures: Vec<_> = departures.collect();
    let (mut staging, mut target) = (Vec::new(), None);
    let existing = |container: &ObservedContainer, runs: bool, fate: Fate| Target::Existing {
        container: Box::new(Incumbent::from(container).at(&want.digest)),
        runs,
        fate,
    };
    match cast.wanted {
        Some(container) if is_active(container) => {
            let fate = match way_back {
                _ if container.switching => Fate::Stop,
                _ if !container.proven => Fate::Remove,
                Some((_, fate)) => fate,
                None => Fate::Leave,
            };
            target = Some(existing(container, true, fate));
        }
        Some(container) if container.was_proven() && !container.emptied => {
            target = Some(existing(container, false, Fate::Stop));
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
    let settled = cast.wanted.is_some_and(|one| one.settled() && one.stamp.spec == want.digest);
    let is_running = cast.wanted.is_some_and(is_active);
    let mut enter = entering(want, cast, in_hand.is_some(), &target, settled && !is_drained);
    enter.extend(seating.as_ref().filter(|_| is_drained || !is_running).map(|_| Step::Seat(Subject::New)));
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
        before,
        before_settled,
        target,
        order,
        traffic,
        seating,
        staging,
        steps,
    })
}

/// The steps by which the container that is to run comes into service.
fn entering(want: &Want<'_>, cast: &Cast<'_>, in_hand: bool, target: &Target, is_settled: bool) -> Vec<Step> {
    let mut enter = Vec::new();
    // What is started has the files that it is to have, whatever an earlier rollout came to.
    let switch = target.live().map(|live| (live.signal.clone(), Step::Switch(Subject::New, want.digest.clone())));
    if let (Some((signal, switch)), true) = (switch.clone(), in_hand) {
        enter.extend([Step::Doubt(Subject::New), switch, Step::Signal(Subject::New, signal)]);
    } else if cast.wanted.is_none_or(|container| !is_active(container)) {
        // One that ended by itself still has its restart policy: started with it, it would pass for one that has proved
        // itself if this run came to no end. Stopping it takes the policy away.
        let ended = cast.wanted.filter(|one| one.proven && !one.emptied && one.restart != RestartPolicy::No);
        enter.extend(ended.map(|container| Step::Stop(Subject::New, container.stamp.grace)));
        // Until it has proved itself with them, it is kept as what it was.
        let others = cast.wanted.filter(|one| one.was_proven() && one.stamp.spec != want.digest);
        enter.extend(others.filter(|_| switch.is_some()).map(|_| Step::Doubt(Subject::New)));
        enter.extend(switch.map(|(_, switch)| switch));
        enter.push(Step::Start(Subject::New));
    }
    if !is_settled {
        enter.extend([Step::Gate(Subject::New), Step::Promote(Subject::New)]);
    }
    enter
}

/// The container that is to be switched to the wanted files and told: it runs, or it should, as it is of the release in
/// force.
fn in_hand<'a>(in_force: Option<&SpecDigest>, want: &Want<'_>, cast: &Cast<'a>) -> Option<&'a ObservedContainer> {
    let has_its_files = |one: &ObservedContainer| one.proven && one.stamp.spec == want.digest;
    let should_run = |one: &ObservedContainer| {
        let is_kept = one.was_proven() && !one.emptied && cast.active.is_empty();
        is_kept && in_force.is_some_and(|spec| spec.same_container(&one.stamp.spec))
    };
    let live = cast.wanted.filter(|one| one.stamp.live.is_some() && !has_its_files(one))?;
    (is_active(live) || should_run(live)).then_some(live)
}

/// What a container goes back to that is to be switched to other files: what it has proved itself with or, where an
/// unfinished rollout was switching it, what the release in force has there. `None` where that is another container.
fn was<'a>(
    in_force: Option<&SpecDigest>,
    want: &Want<'_>,
    cast: &Cast<'_>,
    container: &'a ObservedContainer,
) -> Option<(&'a ObservedContainer, SpecDigest)> {
    let mut others = cast.active.iter().chain(&cast.kept);
    if container.switching && others.any(|one| in_force.is_some_and(|spec| spec.same_container(&one.stamp.spec))) {
        return None;
    }
    let own = Some(&container.stamp.spec).filter(|_| container.was_proven());
    let in_force = in_force.filter(|spec| container.switching && spec.same_container(&want.digest));
    let was = [in_force, own].into_iter().flatten().find(|was| **was != want.digest)?;
    Some((container, was.clone()))
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
    let is_switched = |one: &ObservedContainer| one.settled() && one.stamp.spec != want.digest;
    if cast.active.is_empty() && cast.wanted.is_some_and(is_switched) {
        return Cause::Configuration;
    }
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
    let Place { host, service, order, traffic, seating, .. } = place;
    let (before, fate) = way_back(ledger, host, service, settled, cast)?;
    Some(Replacement {
        host: host.clone(),
        service: service.clone(),
        cause: Cause::Unfinished,
        secrets: Vec::new(),
        before: Some(before),
        before_settled: false,
        target: Target::Existing { container: Box::new(settled.into()), runs: true, fate },
        order,
        traffic,
        seating,
        staging: Vec::new(),
        steps: Vec::new(),
    })
}

/// What the release in force has there.
fn in_force(ledger: &Ledger, host: &HostName, service: &ServiceName) -> Option<SpecDigest> {
    ledger.current()?.placements.get(host)?.get(service).cloned()
}

/// What a host goes back to that already runs `wanted`, and what then becomes of `wanted`: the container of the release
/// in force, if that is another one, or the same one with other files. `None` if there is nothing to go back to.
fn way_back(
    ledger: &Ledger,
    host: &HostName,
    service: &ServiceName,
    wanted: &ObservedContainer,
    cast: &Cast<'_>,
) -> Option<(Incumbent, Fate)> {
    let place = |entry: &Entry| entry.placements.get(host)?.get(service).cloned();
    let in_force = in_force(ledger, host, service).filter(|spec| *spec != wanted.stamp.spec)?;
    if in_force.same_container(&wanted.stamp.spec) {
        return Some((Incumbent::from(wanted).at(&in_force), Fate::Leave));
    }
    let is_of_it = |one: &&&ObservedContainer| one.stamp.spec.same_container(&in_force);
    let before = cast.active.iter().chain(&cast.kept).find(is_of_it)?;
    let was_good = ledger.completed().any(|entry| place(entry).as_ref() == Some(&wanted.stamp.spec));
    Some((Incumbent::from(*before).at(&in_force), if was_good { Fate::Stop } else { Fate::Remove }))
}
