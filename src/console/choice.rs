//! Which containers of a host are listened to.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::engine::console::Sighting;
use crate::fleet::observed::{ObservedContainer, ObservedHost, Phase};
use crate::fleet::select::Selection;

/// The containers of selected services whose output is meant, by service and age. Without `since`: those that run, and where none
/// of a service does, the one that ended last. With it: all that have run since.
pub fn chosen(host: &ObservedHost, selection: &Selection, since: Option<Timestamp>) -> Vec<Sighting> {
    let selected = || host.containers.iter().filter(|one| selection.has_service(&one.stamp.service));
    let is_last = |one: &ObservedContainer| {
        let mut of_service = host.of_service(&one.stamp.service);
        let runs_none = !host.of_service(&one.stamp.service).any(runs);
        runs_none && of_service.all(|other| other.state.finished_at <= one.state.finished_at)
    };
    let is_meant = |one: &&ObservedContainer| match since {
        _ if one.state.started_at.is_none() => false,
        Some(since) => runs(one) || one.state.finished_at.is_none_or(|finished| finished >= since),
        None => runs(one) || is_last(one),
    };
    let mut chosen: Vec<_> = selected().filter(is_meant).collect();
    chosen.sort_by_key(|one| (one.stamp.service.clone(), one.state.started_at));
    chosen.into_iter().map(sighting).collect()
}

/// The container of each service that runs on a host: of several, the one that has proved itself, and then the latest.
pub fn current(host: &ObservedHost) -> Vec<&ObservedContainer> {
    let mut current = BTreeMap::<_, &ObservedContainer>::new();
    for one in host.containers.iter().filter(|one| one.state.is_running()) {
        let rank = |one: &ObservedContainer| (one.was_proven(), one.state.started_at);
        let best = current.entry(&one.stamp.service).or_insert(one);
        if rank(one) > rank(best) {
            *best = one;
        }
    }
    current.into_values().collect()
}

/// The container that has proved itself and was started last, of selected services; it need not run.
pub fn last_proven<'h>(host: &'h ObservedHost, selection: &Selection) -> Option<&'h ObservedContainer> {
    let proven = host.containers.iter().filter(|one| one.was_proven() && selection.has_service(&one.stamp.service));
    proven.max_by_key(|one| one.state.started_at)
}

fn runs(container: &ObservedContainer) -> bool {
    matches!(container.state.phase, Phase::Running | Phase::Restarting | Phase::Paused)
}

/// A container at a glance.
pub fn sighting(container: &ObservedContainer) -> Sighting {
    Sighting {
        id: container.id.clone(),
        name: container.name.clone(),
        service: container.stamp.service.clone(),
        release: container.stamp.release,
        runs: runs(container),
    }
}
