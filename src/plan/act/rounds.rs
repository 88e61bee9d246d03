//! Which hosts an act has in hand together.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::environment::{FailureAction, UpdatePolicy};
use crate::fleet::ledger::Kind;
use crate::name::{HostName, ServiceName};
use crate::plan::act::Actor;
use crate::plan::act::hosts::ByHost;
use crate::plan::{Batch, Capacity, Plan, Replacement};

impl Actor<'_> {
    /// Hosts that are rebooted together, one batch after the other.
    pub(super) fn rounds(
        &self,
        plan: &Plan,
        policies: &BTreeMap<ServiceName, UpdatePolicy>,
        all: ByHost,
    ) -> Vec<Batch> {
        let capacity = |service: &ServiceName| plan.capacity.get(service);
        let serves = |one: &Replacement| capacity(&one.service).is_some_and(|it| it.serves(&one.host)) && one.pauses();
        let mut waiting: Vec<_> = all.into_values().collect();
        waiting.sort_by_key(|own| (own.iter().any(serves), own.first().map(|one| one.host.clone())));
        let (mut batches, mut round): (Vec<Batch>, Vec<Replacement>) = (Vec::new(), Vec::new());
        let mut hosts = 0;
        for own in waiting {
            let fits = own.iter().all(|one| {
                let most = policies
                    .get(&one.service)
                    .map_or(1, |policy| policy.together(capacity(&one.service).map_or(1, |it| it.hosts.len())));
                let out = |it: &Capacity| {
                    let taken = round.iter().filter(|other| other.service == one.service && serves(other)).count();
                    it.hosts.keys().filter(|host| !it.serves(host)).count() + taken
                };
                hosts < most && (!serves(one) || capacity(&one.service).is_none_or(|it| out(it) < it.most_out))
            });
            if !round.is_empty() && !fits {
                batches.extend(self.batch(plan, policies, std::mem::take(&mut round)));
                hosts = 0;
            }
            round.extend(own);
            hosts += 1;
        }
        batches.extend(self.batch(plan, policies, round));
        batches
    }

    /// Hosts in hand together, with all that is on them; `None` if there is nothing.
    pub(super) fn batch(
        &self,
        plan: &Plan,
        policies: &BTreeMap<ServiceName, UpdatePolicy>,
        replacements: Vec<Replacement>,
    ) -> Option<Batch> {
        let first = replacements.first()?.service.clone();
        let of = |service: &&ServiceName| replacements.iter().any(|one| one.service == **service);
        let services: Vec<_> = plan.order.iter().filter(of).collect();
        let keep = |service: &ServiceName| {
            let Some(capacity) = plan.capacity.get(service) else { return 0 };
            let goes = |host: &HostName| replacements.iter().any(|one| one.service == *service && one.host == *host);
            let serving: Vec<_> = capacity.hosts.keys().filter(|host| capacity.serves(host)).collect();
            let left = serving.iter().filter(|host| !goes(host)).count();
            let takes_away = self.asked.kind != Kind::Admit && left < serving.len();
            if takes_away { left.min(capacity.hosts.len().saturating_sub(capacity.most_out)) } else { 0 }
        };
        let own = || services.iter().filter_map(|service| policies.get(*service));
        let longest = |of: fn(&UpdatePolicy) -> Duration| own().map(of).max().unwrap_or_default();
        let is_reboot = self.asked.kind == Kind::Reboot;
        Some(Batch {
            beside: services.iter().filter(|service| ***service != first).map(|it| ((*it).clone(), keep(it))).collect(),
            keep: keep(&first),
            service: first,
            canary: false,
            monitor: if is_reboot { longest(|policy| policy.monitor) } else { Duration::ZERO },
            delay: if is_reboot { longest(|policy| policy.delay) } else { Duration::ZERO },
            progress_deadline: longest(|policy| policy.progress_deadline) + self.asked.back_within,
            failure_action: FailureAction::Pause,
            may_fail: 0,
            compare: None,
            queries: Vec::new(),
            replacements,
        })
    }
}
