//! What an operator does to hosts, with all that is on them: drain, admit, reboot. A host is one thing here, so a batch holds
//! all its services.

use std::collections::{BTreeMap, BTreeSet};

use crate::balancer::Admin;
use crate::environment::OnDeadline;
use crate::fleet::ledger::Kind;
use crate::fleet::observed::{BackendView, Boot, ObservedContainer, ObservedHost};
use crate::name::{HostName, ServiceName};
use crate::plan::act::{Actor, refuse_outage};
use crate::plan::incumbent::{cast, is_active};
use crate::plan::planner::Wants;
use crate::plan::{
    Batch, Cause, Fate, Incumbent, Note, Plan, Reboot, Refusal, Replacement, Seating, Step, Subject, Target, Traffic,
};

/// What is done on each host.
pub(super) type ByHost = BTreeMap<HostName, Vec<Replacement>>;

impl Actor<'_> {
    /// The batches of an act on hosts. Drained and admitted are all of them together; rebooted are those first that serve
    /// nothing, then by name, no more at a time than each of their services lets.
    pub(super) fn hosts(&self, plan: &mut Plan, wants: &Wants<'_>) -> Result<Vec<Batch>, Refusal> {
        if self.asked.kind == Kind::Reboot {
            plan.reboot = Some(Reboot { from: self.boots()?, back_within: self.asked.back_within });
            self.note_bystanders(plan);
        }
        let (mut all, mut policies) = (ByHost::new(), BTreeMap::new());
        for service in plan.order.clone() {
            let placed = wants.keys().filter(|(_, name)| *name == service).count();
            let policy = self.policy(&service, placed);
            let capacity = self.planner.capacity(&service, wants, policy.most_out(placed));
            let mut own = Vec::new();
            for ((name, _), want) in wants.iter().filter(|((_, of), _)| *of == service) {
                let Some(host) = self.planner.observed.seen(name).filter(|_| self.planner.selection.has_host(name))
                else {
                    continue;
                };
                own.extend(self.on_host(plan, name, host, &service, &want.digest)?);
            }
            if self.asked.kind == Kind::Drain {
                refuse_outage(&service, &capacity, &own)?;
            }
            plan.capacity.insert(service.clone(), capacity);
            policies.insert(service, policy);
            for one in own {
                all.entry(one.host.clone()).or_default().push(one);
            }
        }
        if self.asked.kind != Kind::Reboot {
            let together = all.into_values().flatten().collect();
            return Ok(self.batch(plan, &policies, together).into_iter().collect());
        }
        let batches = self.rounds(plan, &policies, all);
        if !self.asked.act.forced {
            for service in &plan.order {
                let own = batches
                    .iter()
                    .map(|batch| Batch { replacements: batch.of(service).cloned().collect(), ..batch.clone() });
                self.planner.refuse_too_few(plan, service, &own.collect::<Vec<_>>())?;
            }
        }
        Ok(batches)
    }

    /// The lives that the selected hosts are in.
    fn boots(&self) -> Result<BTreeMap<HostName, Boot>, Refusal> {
        let observed = self.planner.observed;
        let selected = || observed.hosts.keys().filter(|name| self.planner.selection.has_host(name));
        let without: Vec<_> = selected().filter(|name| !observed.boots.contains_key(*name)).cloned().collect();
        if !without.is_empty() {
            return Err(Refusal::NoWayToReboot(without));
        }
        Ok(selected().filter_map(|name| Some((name.clone(), observed.boots.get(name)?.clone()))).collect())
    }

    fn note_bystanders(&self, plan: &mut Plan) {
        for name in self.planner.observed.hosts.keys().filter(|name| self.planner.selection.has_host(name)) {
            let Some(host) = self.planner.observed.seen(name) else { continue };
            let containers: BTreeSet<_> = host.foreign_ports.values().cloned().collect();
            if !containers.is_empty() {
                let containers = containers.into_iter().collect();
                plan.notes.push(Note::Bystanders { host: name.clone(), containers });
            }
        }
    }

    /// What is done about one service; `None` if nothing is to be done, or there is nothing.
    fn on_host(
        &self,
        plan: &mut Plan,
        name: &HostName,
        host: &ObservedHost,
        service: &ServiceName,
        wanted: &crate::container::SpecDigest,
    ) -> Result<Option<Replacement>, Refusal> {
        let active: Vec<_> = host.of_service(service).filter(|one| is_active(one)).collect();
        let own = match &active[..] {
            [one] if one.proven => *one,
            [_, ..] => return Err(Refusal::LeftUnfinished(name.clone(), service.clone())),
            [] if self.asked.kind == Kind::Reboot => {
                // It stays as it is, and so it is looked at afterwards.
                let all = cast(host, service, wanted).wanted.or_else(|| host.of_service(service).next());
                return Ok(all.map(|own| replacement(name, service, own, None, None, vec![Step::Reboot])));
            }
            [] => {
                plan.notes.push(Note::Already { host: name.clone(), service: service.clone(), runs: false });
                return Ok(None);
            }
        };
        let cast = cast(host, service, &own.stamp.spec);
        let seats = self.planner.seats(name, service, &cast);
        if self.asked.kind == Kind::Reboot {
            let (traffic, seating) = (self.traffic(plan, name, service), self.planner.seating(name, service, &cast));
            let steps = reboot(own, traffic.as_ref(), seating.as_ref());
            return Ok(Some(replacement(name, service, own, traffic, seating, steps)));
        }
        let key = || (name.clone(), service.clone());
        let mut traffic = self.planner.switchable(plan, name, service, |_| false);
        if traffic.is_none() && seats.is_none() {
            let (host, service) = key();
            plan.notes.push(Note::Untold { host, service });
            return Ok(None);
        }
        if self.asked.kind == Kind::Admit {
            let is_in = traffic.as_ref().is_none_or(|traffic| self.all_are(traffic, Admin::Ready));
            if is_in && !self.planner.is_unseated(name, seats.as_ref()) {
                let (host, service) = key();
                plan.notes.push(Note::Serves { host, service });
                return Ok(None);
            }
            let (seat, admit) =
                (seats.as_ref().map(|_| Step::Seat(Subject::Own)), traffic.as_ref().map(|_| Step::Admit));
            let steps = std::iter::once(Step::Gate(Subject::Own)).chain(seat).chain(admit).collect();
            return Ok(Some(replacement(name, service, own, traffic, seats, steps)));
        }
        let is_drained = traffic.as_ref().is_none_or(|traffic| self.all_are(traffic, Admin::Drain));
        if is_drained && own.seat.is_none() && self.planner.held(name, service).is_some() {
            plan.notes.push(Note::OutAlready(service.clone(), vec![name.clone()]));
            return Ok(None);
        }
        if self.asked.act.forced
            && let Some(traffic) = &mut traffic
        {
            traffic.drain.on_deadline = OnDeadline::Force;
        }
        let drain = traffic.as_ref().map(|_| Step::Drain);
        let unseat = (seats.is_some() && own.seat.is_some()).then_some(Step::Unseat(Subject::Own));
        let steps = drain.into_iter().chain(unseat).collect();
        Ok(Some(replacement(name, service, own, traffic, seats, steps)))
    }

    fn all_are(&self, traffic: &Traffic, admin: Admin) -> bool {
        traffic.routes.iter().all(|route| {
            let key = (route.balancer.clone(), route.backend.clone());
            let Some(BackendView::Seen(all)) = self.planner.observed.backends.get(&key) else { return false };
            all.get(&route.server).is_some_and(|server| server.admin == admin)
        })
    }
}

/// Out of traffic, rebooted, started if its engine has not done so, gated, and back. Its restart policy stays what it is, so
/// that the engine brings it back whatever becomes of this run.
fn reboot(own: &ObservedContainer, traffic: Option<&Traffic>, seating: Option<&Seating>) -> Vec<Step> {
    let drain = traffic.map(|_| Step::Drain);
    let unseat = (seating.is_some() && own.seat.is_some()).then_some(Step::Unseat(Subject::Own));
    let switch = own.stamp.live.as_ref().map(|_| Step::Switch(Subject::Own, own.stamp.spec.clone()));
    let out = drain.into_iter().chain(unseat).chain([Step::Reboot]).chain(switch);
    let back = [Step::Start(Subject::Own), Step::Gate(Subject::Own)];
    let seat = seating.map(|_| Step::Seat(Subject::Own));
    out.chain(back).chain(seat).chain(traffic.map(|_| Step::Admit)).collect()
}

fn replacement(
    host: &HostName,
    service: &ServiceName,
    own: &ObservedContainer,
    traffic: Option<Traffic>,
    seating: Option<Seating>,
    steps: Vec<Step>,
) -> Replacement {
    let container = Box::new(Incumbent::from(own));
    Replacement {
        host: host.clone(),
        service: service.clone(),
        cause: Cause::Asked,
        secrets: Vec::new(),
        before: None,
        before_settled: false,
        target: Target::Existing { container, runs: is_active(own), fate: Fate::Leave },
        order: crate::environment::Order::StopFirst,
        traffic,
        seating,
        staging: Vec::new(),
        steps,
    }
}

/// The steps that undo an act on hosts, if it is one: what was drained is admitted, after its gate if the host may have been
/// told to reboot; what was admitted is drained.
pub(super) fn unwind(replacement: &Replacement, attempted: &[Step]) -> Option<Vec<Step>> {
    let has = |step: &Step| attempted.contains(step);
    let is_of = |step: &Step| replacement.steps.contains(step);
    let runs = matches!(replacement.target, Target::Existing { runs: true, .. });
    if is_of(&Step::Reboot) && has(&Step::Reboot) {
        let seat = replacement.seating.as_ref().filter(|seating| seating.new_sits).map(|_| Step::Seat(Subject::Own));
        let admit = replacement.traffic.as_ref().map(|_| Step::Admit);
        let back = [Step::Start(Subject::Own), Step::Gate(Subject::Own)].into_iter().chain(seat).chain(admit);
        return Some(back.filter(|_| runs).collect());
    }
    if is_of(&Step::Gate(Subject::Own)) && !is_of(&Step::Start(Subject::Own)) {
        let drain = has(&Step::Admit).then_some(Step::Drain);
        let unseat = has(&Step::Seat(Subject::Own)).then_some(Step::Unseat(Subject::Own));
        return Some(drain.into_iter().chain(unseat).collect());
    }
    None
}
