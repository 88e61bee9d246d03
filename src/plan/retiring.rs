//! What hosts no longer need after the last batch.

use std::collections::BTreeMap;

use crate::container::SpecDigest;
use crate::environment::Environment;
use crate::fleet::ledger::Entry;
use crate::fleet::observed::{Observed, ObservedContainer};
use crate::fleet::select::Selection;
use crate::name::HostName;
use crate::plan::incumbent::{cast, is_active};
use crate::plan::planner::{Planner, Wants};
use crate::plan::replacing::Want;
use crate::plan::{Plan, Retirement};

impl Planner<'_> {
    /// What is too old to go back to goes with the plan.
    pub(super) fn retire(&self, plan: &mut Plan, wants: &Wants<'_>) {
        if !plan.is_noop() {
            plan.retirements = self.retired(wants);
        }
    }

    /// Beyond the current one, each host keeps the newest `keep_releases` containers of a service.
    pub(super) fn retired(&self, wants: &Wants<'_>) -> BTreeMap<HostName, Vec<Retirement>> {
        let ledger = self.observed.ledger();
        let mut all = BTreeMap::<HostName, Vec<Retirement>>::new();
        for ((host_name, service), want) in wants {
            let (true, Some(host)) = (self.has_host(host_name), self.observed.seen(host_name)) else {
                continue;
            };
            if !self.selection.has_service(service) {
                continue;
            }
            let cast = cast(host, service, &want.digest);
            let place = |entry: &Entry| entry.placements.get(host_name)?.get(service).cloned();
            let in_force = ledger.current().and_then(place);
            let is_of = |one: &&ObservedContainer, spec: &SpecDigest| one.stamp.spec.same_container(spec);
            let in_force = host.of_service(service).find(|one| in_force.as_ref().is_some_and(|spec| is_of(one, spec)));
            let in_force = in_force.map(|container| container.id.clone());
            // What runs now ends last, so it heads the kept ones. Rollouts on selected hosts may be many: the release in
            // force stays whatever its age.
            let proven =
                cast.active.iter().copied().filter(|container| container.was_proven()).chain(cast.kept.iter().copied());
            let unproven = cast
                .active
                .iter()
                .copied()
                .filter(|container| !container.was_proven())
                .chain(cast.left.iter().copied());
            let retired = proven.skip(self.environment.keep_releases).chain(unproven).map(|container| Retirement {
                id: container.id.clone(),
                name: container.name.clone(),
                release: container.stamp.release,
            });
            let retired: Vec<_> = retired.filter(|one| Some(&one.id) != in_force.as_ref()).collect();
            if !retired.is_empty() {
                all.entry(host_name.clone()).or_default().extend(retired);
            }
        }
        all
    }
}

/// Containers that hosts keep although they are too old to go back to: of services that are in force, and of those that
/// no release has any more. What runs stays, and so does what a rollout that came to no end has left.
pub fn left_over(
    environment: &Environment,
    observed: &Observed,
    selection: &Selection,
) -> BTreeMap<HostName, Vec<Retirement>> {
    let ledger = observed.ledger();
    let current = ledger.current();
    let mut wants = Wants::new();
    for name in observed.hosts.keys() {
        let Some(host) = observed.seen(name) else { continue };
        for container in &host.containers {
            let service = &container.stamp.service;
            let in_force = current.and_then(|entry| entry.placements.get(name)?.get(service));
            let active = || host.of_service(service).find(|one| is_active(one)).map(|one| &one.stamp.spec);
            let digest = in_force.or_else(active).unwrap_or(&container.stamp.spec).clone();
            wants.entry((name.clone(), service.clone())).or_insert(Want { digest, spec: None });
        }
    }
    let planner = Planner { environment, observed, selection, canary: None };
    let mut all = planner.retired(&wants);
    let newest = current.map_or(0, |entry| entry.release.number);
    for (name, retired) in &mut all {
        let containers = || observed.seen(name).into_iter().flat_map(|host| &host.containers);
        let may_go = |one: &ObservedContainer| !is_active(one) && (one.was_proven() || one.stamp.release <= newest);
        retired.retain(|one| containers().any(|container| container.id == one.id && may_go(container)));
    }
    all.retain(|_, retired| !retired.is_empty());
    all
}
