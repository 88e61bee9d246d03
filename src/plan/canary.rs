//! Which hosts a release comes to first, where somebody has to say that the others may follow.

use std::collections::BTreeSet;

use crate::environment::{Canary, Promote};
use crate::name::{HostName, ServiceName};
use crate::plan::incumbent::cast;
use crate::plan::planner::{Planner, Wants};
use crate::plan::{Note, Plan};
use crate::release::ReleaseId;

impl Planner<'_> {
    /// The hosts that this rollout is for; `None` if it is for all that are selected. A canary is for a release that is to
    /// take another one's place, and not for hosts that somebody has picked.
    pub(super) fn canary(&self, release: &ReleaseId, wants: &Wants<'_>) -> Option<BTreeSet<HostName>> {
        let ledger = self.observed.ledger();
        let replaces_another = ledger.current().is_some_and(|entry| entry.release.digest != release.digest);
        if !replaces_another || self.selection.picks_hosts() || self.selection.promotes() {
            return None;
        }
        let hosts: BTreeSet<_> = self
            .environment
            .services
            .values()
            .filter(|service| self.selection.has_service(&service.name))
            .filter_map(|service| Some((&service.name, service.update.canary?)))
            .filter(|(_, canary)| canary.promote == Promote::Manual)
            .flat_map(|(service, canary)| self.first(service, canary, wants))
            .collect();
        (!hosts.is_empty()).then_some(hosts)
    }

    /// The canaries of a service: those that have become it already, then hosts that do not serve, then by name. None if it
    /// runs everywhere, or if there would be no others.
    fn first(&self, service: &ServiceName, canary: Canary, wants: &Wants<'_>) -> Vec<HostName> {
        let capacity = self.capacity(service, wants, 0);
        let placed = wants.iter().filter(|((_, name), _)| name == service);
        let mut hosts: Vec<_> = placed
            .filter_map(|((host, _), want)| {
                let seen = self.observed.seen(host)?;
                let is_there = cast(seen, service, &want.digest).in_place(&want.digest).is_some();
                Some((!is_there, capacity.serves(host), host.clone()))
            })
            .collect();
        hosts.sort();
        let most = canary.hosts.of(capacity.hosts.len());
        if most >= hosts.len() || hosts.iter().all(|(is_missing, ..)| !is_missing) {
            return Vec::new();
        }
        hosts.into_iter().take(most).map(|(_, _, host)| host).collect()
    }

    /// Notes who waits for whom.
    pub(super) fn note_canary(&self, plan: &mut Plan, wants: &Wants<'_>) {
        let Some(canary) = &self.canary else { return };
        let all: BTreeSet<_> = wants.keys().filter(|(_, service)| self.selection.has_service(service)).collect();
        plan.held = all.iter().map(|(host, _)| host).filter(|host| !canary.contains(*host)).cloned().collect();
        plan.notes.push(Note::Canary {
            release: plan.release.clone(),
            hosts: canary.iter().cloned().collect(),
            held: plan.held.iter().cloned().collect(),
        });
    }
}
