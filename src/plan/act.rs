//! What an operator does to what runs, as a plan like any other: start, stop, restart, rm, and to hosts: drain, admit, reboot. No
//! release is brought; each step is about a container that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::environment::edge::EDGE;
use crate::environment::{BatchSize, Ceiling, Environment, FailureAction, OnDeadline, Order, Share, UpdatePolicy};
use crate::fleet::act::Act;
use crate::fleet::ledger::{Kind, Ledger};
use crate::fleet::observed::{BackendView, Observed, ObservedContainer, ObservedHost};
use crate::fleet::select::Selection;
use crate::name::{HostName, ServiceName};
use crate::plan::act::steps::Hand;
use crate::plan::incumbent::{cast, is_active};
use crate::plan::planner::{Planner, Wants, fingerprint};
use crate::plan::replacing::Want;
use crate::plan::{Batch, Capacity, Note, PLAN_FORMAT, Plan, Refusal, Replacement, Traffic, batching};

mod hosts;
mod rounds;
mod steps;

pub(super) use steps::unwind;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Which of the acts.
    pub kind: Kind,
    /// What the operator says of it.
    pub act: Act,
    /// How many hosts at a time; as the manifest says, or as many as may be, where nothing is said.
    pub parallel: Option<usize>,
    /// How long a host may take to be back that is rebooted.
    pub back_within: Duration,
}

/// Plans an act on the containers that hosts have of what is selected.
pub fn plan(
    environment: &Environment,
    observed: &Observed,
    selection: &Selection,
    asked: &Asked,
) -> Result<Plan, Refusal> {
    let planner = Planner { environment, observed, selection, canary: None };
    planner.refuse_unreachable()?;
    planner.refuse_twins()?;
    let ledger = observed.ledger();
    let current = ledger.current().or(ledger.entries.last()).ok_or(Refusal::NothingDeployed)?;
    let actor = Actor { planner, asked, ledger: &ledger };
    let wants = actor.wants();
    if !asked.act.forced {
        actor.planner.refuse_strange_balancers(&wants)?;
    }
    let mut plan = Plan {
        format: PLAN_FORMAT,
        promotes: false,
        kind: asked.kind,
        reboot: None,
        act: Some(asked.act.clone()),
        reason: None,
        scope: environment.scope(),
        release: current.release.clone(),
        from: ledger.current().map(|entry| entry.release.clone()),
        images: BTreeMap::new(),
        key: None,
        placements: current.placements.clone(),
        preparations: BTreeMap::new(),
        published: BTreeMap::new(),
        publications: Vec::new(),
        jobs: Vec::new(),
        hooks: BTreeMap::new(),
        notify: BTreeMap::new(),
        resumed: Vec::new(),
        order: actor.order(&wants),
        capacity: BTreeMap::new(),
        back: BTreeMap::new(),
        batches: Vec::new(),
        retirements: BTreeMap::new(),
        pruning: None,
        unchanged: Vec::new(),
        partial: false,
        held: BTreeSet::new(),
        unrecorded: false,
        notes: Vec::new(),
        seen: observed
            .hosts
            .keys()
            .filter_map(|name| Some((name.clone(), fingerprint(observed.seen(name)?))))
            .collect(),
    };
    if actor.leaves_the_edge() {
        plan.order.retain(|service| service.as_str() != EDGE);
        plan.notes.push(Note::EdgeLeft);
    }
    if asked.kind.is_of_hosts() {
        plan.batches = actor.hosts(&mut plan, &wants)?;
    }
    for service in plan.order.clone().into_iter().filter(|_| !asked.kind.is_of_hosts()) {
        let batches = actor.service(&mut plan, &service, &wants)?;
        plan.batches.extend(batches);
    }
    actor.planner.refuse_taken_ports(&plan)?;
    actor.planner.prepare(&mut plan, &wants);
    plan.notes.sort();
    plan.notes.dedup();
    Ok(plan)
}

struct Actor<'a> {
    planner: Planner<'a>,
    asked: &'a Asked,
    ledger: &'a Ledger,
}

impl<'a> Actor<'a> {
    /// Every service on every host that has it, with the container that it is about there: what runs, else what an operator
    /// has stopped, else what is in force.
    fn wants(&self) -> Wants<'a> {
        let in_force = self.ledger.current().map(|entry| &entry.placements);
        let mut wants = Wants::new();
        for name in self.planner.observed.hosts.keys() {
            let placed = in_force.and_then(|all| all.get(name)).into_iter().flatten();
            for (service, spec) in placed {
                wants.insert((name.clone(), service.clone()), Want { digest: spec.clone(), spec: None });
            }
            let Some(host) = self.planner.observed.seen(name) else { continue };
            let services: BTreeSet<_> = host.containers.iter().map(|one| &one.stamp.service).collect();
            for service in services {
                let runs = || host.of_service(service).filter(|one| is_active(one)).max_by_key(|one| one.proven);
                let stopped = || host.of_service(service).find(|one| self.ledger.stopped(name, one).is_some());
                let Some(container) = runs().or_else(stopped) else { continue };
                let want = Want { digest: container.stamp.spec.clone(), spec: None };
                wants.insert((name.clone(), service.clone()), want);
            }
            if self.asked.kind == Kind::Remove {
                for container in &host.containers {
                    let key = (name.clone(), container.stamp.service.clone());
                    let digest = container.stamp.spec.clone();
                    wants.entry(key).or_insert(Want { digest, spec: None });
                }
            }
        }
        wants
    }

    /// A restart of everything is one of what is deployed, and not of the way to it.
    fn leaves_the_edge(&self) -> bool {
        let is_all = self.asked.kind == Kind::Restart && !self.planner.selection.picks_services();
        is_all && self.planner.environment.has_edge()
    }

    /// What others need is started before them, and stopped after them.
    fn order(&self, wants: &Wants<'_>) -> Vec<ServiceName> {
        let there: BTreeSet<_> = wants.keys().map(|(_, service)| service).collect();
        let declared: Vec<_> = self.planner.environment.services.keys().filter(|name| there.contains(name)).collect();
        let others: Vec<_> = there.iter().copied().filter(|name| !declared.contains(name)).collect();
        let all = declared.into_iter().chain(others).filter(|name| self.planner.selection.has_service(name)).cloned();
        match self.asked.kind {
            Kind::Stop | Kind::Remove | Kind::Drain => all.collect::<Vec<_>>().into_iter().rev().collect(),
            _ => all.collect(),
        }
    }

    fn service(&self, plan: &mut Plan, service: &ServiceName, wants: &Wants<'_>) -> Result<Vec<Batch>, Refusal> {
        let placed = wants.keys().filter(|(_, name)| name == service).count();
        let policy = self.policy(service, placed);
        let mut all = Vec::new();
        for ((name, _), want) in wants.iter().filter(|((_, of), _)| of == service) {
            let Some(host) = self.planner.observed.seen(name).filter(|_| self.planner.selection.has_host(name)) else {
                continue;
            };
            all.extend(self.replacement(plan, name, host, service, want)?);
        }
        let capacity = self.planner.capacity(service, wants, policy.most_out(placed));
        if matches!(self.asked.kind, Kind::Stop | Kind::Remove) {
            refuse_outage(service, &capacity, &all)?;
        }
        let is_capped =
            self.asked.kind == Kind::Restart && self.asked.parallel.is_some_and(|most| most > capacity.most_out);
        if is_capped && all.len() > capacity.most_out {
            plan.notes.push(Note::AtMost(service.clone(), capacity.most_out));
        }
        let batches = batching::batches(service, &policy, &capacity, all, false);
        plan.capacity.insert(service.clone(), capacity);
        if self.asked.kind == Kind::Restart && !self.asked.act.forced {
            self.planner.refuse_too_few(plan, service, &batches)?;
        }
        Ok(batches)
    }

    /// As the service is rolled out, but for what only a release can be asked.
    fn policy(&self, service: &ServiceName, placed: usize) -> UpdatePolicy {
        let declared = self.planner.environment.services.get(service);
        let own = declared.map_or_else(UpdatePolicy::usual, |service| service.update.clone());
        let most_out = if self.asked.act.forced { placed } else { own.most_out(placed) };
        let usual = match self.asked.kind {
            Kind::Restart | Kind::Reboot => own.parallelism,
            _ => BatchSize::All,
        };
        // What is gone, or was not there, is not watched.
        let monitor = if matches!(self.asked.kind, Kind::Stop | Kind::Remove) { Duration::ZERO } else { own.monitor };
        UpdatePolicy {
            parallelism: self.asked.parallel.map_or(usual, BatchSize::Count),
            max_unavailable: Ceiling::Count(most_out),
            max_surge: Ceiling::Batch,
            canary: None,
            order: Order::StopFirst,
            monitor,
            delay: if matches!(self.asked.kind, Kind::Restart | Kind::Reboot) { own.delay } else { Duration::ZERO },
            failure_action: FailureAction::Pause,
            max_failures: Share::NONE,
            error_rate: None,
            queries: Vec::new(),
            ..own
        }
    }

    /// What is done on one host; `None` if it is so already.
    fn replacement(
        &self,
        plan: &mut Plan,
        name: &HostName,
        host: &ObservedHost,
        service: &ServiceName,
        want: &Want<'_>,
    ) -> Result<Option<Replacement>, Refusal> {
        let cast = cast(host, service, &want.digest);
        let all: Vec<_> = host.of_service(service).collect();
        let active: Vec<_> = all.iter().copied().filter(|one| is_active(one)).collect();
        let place = || (name.clone(), service.clone());
        let own: &ObservedContainer = match (self.asked.kind, &active[..]) {
            (Kind::Restart, [one]) if one.proven => one,
            (Kind::Restart, [_, ..]) => return Err(Refusal::LeftUnfinished(name.clone(), service.clone())),
            (Kind::Start, [_, ..]) => {
                plan.notes.push(Note::Already { host: name.clone(), service: service.clone(), runs: true });
                return Ok(None);
            }
            (Kind::Start, []) => match cast.wanted {
                Some(one) if one.emptied => return Err(Refusal::Emptied(name.clone(), service.clone())),
                Some(one) if one.proven => one,
                _ => return Err(Refusal::NothingKept(name.clone(), service.clone())),
            },
            (Kind::Stop, [_, ..]) => cast.wanted.filter(|one| is_active(one)).unwrap_or(active[0]),
            (Kind::Remove, [_, ..]) => {
                self.refuse_removal(name, service, &active)?;
                cast.wanted.filter(|one| is_active(one)).unwrap_or(active[0])
            }
            (Kind::Remove, []) => match all.first() {
                Some(one) => one,
                None => return Ok(None),
            },
            _ => {
                let (host, service) = place();
                plan.notes.push(Note::Already { host, service, runs: false });
                return Ok(None);
            }
        };
        let traffic =
            self.traffic(plan, name, service).filter(|_| self.asked.kind != Kind::Remove || !active.is_empty());
        let mut seating = self.planner.seating(name, service, &cast);
        if let (Some(there), true) = (&mut seating, self.asked.act.forced) {
            there.drain.on_deadline = OnDeadline::Force;
            let key = (there.balancer.clone(), there.backend.clone());
            if !matches!(self.planner.observed.backends.get(&key), Some(BackendView::Seen(_))) {
                // Whoever is started leaves its seat first, so nothing is left behind there.
                plan.notes.push(Note::NotDrained(there.traffic(&there.new).routes.remove(0)));
                seating = None;
            }
        }
        if self.asked.kind == Kind::Remove {
            note_ways_back(plan, self.ledger, name, &all);
        }
        let hand = Hand { host: name, service, own, active: &active, all: &all, traffic, seating };
        Ok(Some(hand.replacement(self.asked.kind)))
    }

    /// What balancers are told. Who forces it does not wait for requests, nor for a balancer that cannot be asked.
    fn traffic(&self, plan: &mut Plan, host: &HostName, service: &ServiceName) -> Option<Traffic> {
        let mut traffic = self.planner.traffic(plan, host, service)?;
        if self.asked.act.forced {
            traffic.drain.on_deadline = OnDeadline::Force;
            let (told, silent): (Vec<_>, Vec<_>) = traffic.routes.into_iter().partition(|route| {
                let key = (route.balancer.clone(), route.backend.clone());
                matches!(self.planner.observed.backends.get(&key), Some(BackendView::Seen(all)) if all.contains_key(&route.server))
            });
            plan.notes.extend(silent.into_iter().map(Note::NotDrained));
            traffic.routes = told;
        }
        (!traffic.routes.is_empty()).then_some(traffic)
    }

    /// What the release in force has is not removed by a slip of the hand while it runs.
    fn refuse_removal(
        &self,
        host: &HostName,
        service: &ServiceName,
        active: &[&ObservedContainer],
    ) -> Result<(), Refusal> {
        let in_force = self.ledger.current().and_then(|entry| entry.placements.get(host)?.get(service));
        let is_it = |one: &&&ObservedContainer| in_force.is_some_and(|spec| spec.same_container(&one.stamp.spec));
        match active.iter().find(is_it).filter(|_| !self.asked.act.forced) {
            Some(one) => Err(Refusal::InForce { host: host.clone(), container: one.name.clone() }),
            None => Ok(()),
        }
    }
}

/// Releases that cannot be gone back to once their containers are gone.
fn note_ways_back(plan: &mut Plan, ledger: &Ledger, host: &HostName, all: &[&ObservedContainer]) {
    for container in all.iter().filter(|one| one.was_proven() && !is_active(one)) {
        let service = &container.stamp.service;
        let has = |spec: &crate::container::SpecDigest| spec.same_container(&container.stamp.spec);
        let of = ledger.completed().rev();
        let mut of =
            of.filter(|entry| entry.placements.get(host).and_then(|services| services.get(service)).is_some_and(has));
        if let Some(entry) = of.next() {
            plan.notes.push(Note::WayBack { host: host.clone(), release: entry.release.clone() });
        }
    }
}

/// What is stopped stays so: as many hosts as the manifest says are to serve without it.
fn refuse_outage(service: &ServiceName, capacity: &Capacity, all: &[Replacement]) -> Result<(), Refusal> {
    let goes = |host: &HostName| all.iter().any(|one| one.host == *host && one.pauses());
    let takes_away = capacity.hosts.keys().any(|host| goes(host) && capacity.serves(host));
    let out: Vec<_> = capacity.hosts.keys().filter(|host| goes(host) || !capacity.serves(host)).cloned().collect();
    if !takes_away || out.len() <= capacity.most_out {
        return Ok(());
    }
    let (most, of) = (capacity.most_out, capacity.hosts.len());
    Err(Refusal::WouldBeOut { service: service.clone(), most, of, out })
}
