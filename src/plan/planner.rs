//! Environment × release × what was seen → plan.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::container::PinnedImage;
use crate::environment::{BatchSize, Check, Environment, FailureAction, Order, UpdatePolicy};
use crate::fleet::key::KeyId;
use crate::fleet::ledger::{Entry, Kind, Ledger, Placements};
use crate::fleet::observed::{HostView, Observed, ObservedContainer, ObservedHost};
use crate::fleet::select::Selection;
use crate::name::{HostName, ServiceName};
use crate::plan::incumbent::{cast, is_active};
use crate::plan::replacing::{Place, Want, replacement, resumed};
use crate::plan::{Batch, Cause, Note, PLAN_FORMAT, Plan, Refusal, Replacement, Target, batching};
use crate::release::{Release, ReleaseId, content_digest};

/// Plans the way to a release from the manifest.
pub fn deploy(
    environment: &Environment,
    observed: &Observed,
    selection: &Selection,
    release: &Release,
) -> Result<Plan, Refusal> {
    let placements = release.placements();
    let want = |(key, spec): (&(HostName, ServiceName), _)| {
        let digest = placements.get(&key.0)?.get(&key.1)?.clone();
        Some((key.clone(), Want { digest, spec: Some(spec) }))
    };
    let wants: Wants<'_> = release.containers.iter().filter_map(want).collect();
    let id = release_id(&placements, observed);
    let mut plan =
        Planner { environment, observed, selection }.plan(Kind::Deploy, id, placements, &wants, release.key.clone())?;
    plan.images.clone_from(&release.images);
    plan.published.clone_from(&release.published);
    Ok(plan)
}

/// Plans the way back to a release of the ledger, by the containers that hosts have kept of it.
pub fn rollback(
    environment: &Environment,
    observed: &Observed,
    selection: &Selection,
    entry: &Entry,
) -> Result<Plan, Refusal> {
    let mut wants = BTreeMap::new();
    for (host, services) in &entry.placements {
        for (service, spec) in services {
            if environment.hosts.contains_key(host) {
                let want = Want { digest: spec.clone(), spec: None };
                wants.insert((host.clone(), service.clone()), want);
            }
        }
    }
    let planner = Planner { environment, observed, selection };
    let mut plan = planner.plan(Kind::Rollback, entry.release.clone(), entry.placements.clone(), &wants, None)?;
    plan.images = kept_images(observed, &entry.placements);
    plan.published.clone_from(&entry.published);
    Ok(plan)
}

/// The images of a release, by the containers that hosts have of it.
fn kept_images(observed: &Observed, placements: &Placements) -> BTreeMap<ServiceName, PinnedImage> {
    let mut images = BTreeMap::new();
    for (name, services) in placements {
        let Some(host) = observed.seen(name) else { continue };
        for container in host
            .containers
            .iter()
            .filter(|container| services.get(&container.stamp.service) == Some(&container.stamp.spec))
        {
            images.insert(container.stamp.service.clone(), container.stamp.image.clone());
        }
    }
    images
}

/// A release with known content keeps its name; a new one gets the next number. What an unfinished rollout
/// of the same content has already created names the release too.
fn release_id(placements: &Placements, observed: &Observed) -> ReleaseId {
    let ledger = observed.ledger();
    let digest = content_digest(placements);
    if let Some(entry) = ledger.entries.iter().rev().find(|entry| entry.release.digest == digest) {
        return entry.release.clone();
    }
    let containers = observed.hosts.iter().filter_map(|(name, view)| match view {
        HostView::Seen(host) => Some(host.containers.iter().map(move |container| (name, container))),
        HostView::Unreachable(_) => None,
    });
    let (mut begun, mut highest) = (None, ledger.last_release());
    for (host, container) in containers.flatten() {
        let stamp = &container.stamp;
        let is_ours = placements.get(host).and_then(|services| services.get(&stamp.service)) == Some(&stamp.spec);
        if is_ours && stamp.release > ledger.last_release() {
            begun = begun.max(Some(stamp.release));
        }
        highest = highest.max(stamp.release);
    }
    ReleaseId { number: begun.unwrap_or(highest + 1), digest }
}

/// What every host shall run.
pub(super) type Wants<'a> = BTreeMap<(HostName, ServiceName), Want<'a>>;

/// What a plan is made from.
pub(super) struct Planner<'a> {
    pub(super) environment: &'a Environment,
    pub(super) observed: &'a Observed,
    pub(super) selection: &'a Selection,
}

impl Planner<'_> {
    fn plan(
        &self,
        kind: Kind,
        release: ReleaseId,
        placements: Placements,
        wants: &Wants<'_>,
        key: Option<KeyId>,
    ) -> Result<Plan, Refusal> {
        self.refuse_unreachable()?;
        self.refuse_twins()?;
        self.refuse_strange_balancers(wants)?;
        let ledger = self.observed.ledger();
        let mut plan = Plan {
            format: PLAN_FORMAT,
            kind,
            scope: self.environment.scope(),
            from: ledger.current().map(|entry| entry.release.clone()),
            partial: self.is_partial(wants),
            unrecorded: false,
            release,
            images: BTreeMap::new(),
            key,
            placements,
            published: BTreeMap::new(),
            publications: Vec::new(),
            preparations: BTreeMap::new(),
            resumed: Vec::new(),
            batches: Vec::new(),
            retirements: BTreeMap::new(),
            unchanged: Vec::new(),
            notes: self.orphans(wants),
            seen: self
                .observed
                .hosts
                .keys()
                .filter_map(|name| Some((name.clone(), fingerprint(self.observed.seen(name)?))))
                .collect(),
        };
        self.note_keys(&mut plan);
        let mut missing = Vec::new();
        for service in self.services_in_order(wants) {
            let batches = self.service(&mut plan, &service, wants, &mut missing);
            plan.batches.extend(batches);
        }
        if !missing.is_empty() {
            return Err(Refusal::NotKept { release: plan.release, missing });
        }
        plan.unrecorded = !plan.partial && is_unrecorded(&ledger, &plan.release);
        self.refuse_taken_ports(&plan)?;
        self.prepare(&mut plan);
        self.retire(&mut plan, wants);
        plan.notes.sort();
        plan.notes.dedup();
        Ok(plan)
    }

    /// Whether something of the release is neither selected nor there already.
    fn is_partial(&self, wants: &Wants<'_>) -> bool {
        wants.iter().any(|((host, service), want)| {
            let selected = self.selection.has_host(host) && self.selection.has_service(service);
            let is_there = || {
                let cast = cast(self.observed.seen(host)?, service, &want.digest);
                Some(cast.active.is_empty() && cast.wanted.is_some_and(ObservedContainer::settled))
            };
            !selected && is_there() != Some(true)
        })
    }

    fn refuse_unreachable(&self) -> Result<(), Refusal> {
        let unreachable = self.observed.hosts.iter().filter_map(|(name, view)| match view {
            HostView::Unreachable(why) if self.selection.has_host(name) => Some((name.clone(), why.clone())),
            _ => None,
        });
        let unreachable: Vec<_> = unreachable.collect();
        if unreachable.is_empty() { Ok(()) } else { Err(Refusal::Unreachable(unreachable)) }
    }

    fn refuse_twins(&self) -> Result<(), Refusal> {
        let mut engines = BTreeMap::new();
        for name in self.observed.hosts.keys() {
            let Some(host) = self.observed.seen(name) else { continue };
            if let Some(twin) = engines.insert(host.engine.id.as_str(), name) {
                return Err(Refusal::SameEngine(twin.clone(), name.clone()));
            }
        }
        Ok(())
    }

    fn refuse_taken_ports(&self, plan: &Plan) -> Result<(), Refusal> {
        for replacement in plan.replacements() {
            let Some(host) = self.observed.seen(&replacement.host) else { continue };
            for port in replacement.target.ports() {
                if let Some(holder) = host.foreign_ports.get(&port) {
                    let (host, holder) = (replacement.host.clone(), holder.clone());
                    return Err(Refusal::PortTaken { host, port, holder });
                }
            }
        }
        Ok(())
    }

    /// The manifest's order; services that only an earlier release has come last, by name.
    fn services_in_order(&self, wants: &Wants<'_>) -> Vec<ServiceName> {
        let wanted: BTreeSet<_> = wants.keys().map(|(_, service)| service.clone()).collect();
        let mut order: Vec<_> =
            self.environment.services.keys().filter(|name| wanted.contains(*name)).cloned().collect();
        order.extend(wanted.into_iter().filter(|name| !self.environment.services.contains_key(name)));
        order.retain(|name| self.selection.has_service(name));
        order
    }

    fn service(
        &self,
        plan: &mut Plan,
        service: &ServiceName,
        wants: &Wants<'_>,
        missing: &mut Vec<(HostName, ServiceName)>,
    ) -> Vec<Batch> {
        let policy =
            self.environment.services.get(service).map_or_else(fallback_policy, |service| service.update.clone());
        let ledger = self.observed.ledger();
        let (mut replacements, mut taken_over, mut placed) = (Vec::new(), Vec::new(), 0);
        for ((host_name, _), want) in wants.iter().filter(|((_, name), _)| name == service) {
            placed += 1;
            let Some(host) = self.observed.seen(host_name) else { continue };
            if !self.selection.has_host(host_name) {
                if !cast(host, service, &want.digest).wanted.is_some_and(ObservedContainer::settled) {
                    plan.notes.push(Note::NotSelected(host_name.clone()));
                }
                continue;
            }
            let cast = cast(host, service, &want.digest);
            let traffic = self.traffic(plan, host_name, service);
            let is_drained = self.is_drained(traffic.as_ref());
            let place = Place { host: host_name, service, order: policy.order, traffic, is_drained };
            let settled = cast.wanted.filter(|container| container.settled() && cast.active.is_empty());
            if let Some(settled) = settled.filter(|_| !is_drained) {
                match resumed(&ledger, place, settled, &cast) {
                    Some(replacement) => taken_over.push(replacement),
                    None => plan.unchanged.push((host_name.clone(), service.clone())),
                }
                continue;
            }
            match replacement(&ledger, place, want, &cast, plan.release.number) {
                Some(replacement) => replacements.push(replacement),
                None => missing.push((host_name.clone(), service.clone())),
            }
        }
        note_replacements(plan, service, placed, &policy, &replacements);
        plan.resumed.extend(batching::batches(service, &policy, placed, taken_over));
        batching::batches(service, &policy, placed, replacements)
    }

    /// Names hosts whose secrets cannot be compared.
    fn note_keys(&self, plan: &mut Plan) {
        let Some(key) = &plan.key else { return };
        for name in self.observed.hosts.keys() {
            let Some(host) = self.observed.seen(name) else { continue };
            let mut prints =
                host.containers.iter().filter(|one| is_active(one)).flat_map(|one| one.stamp.secrets.values());
            if prints.any(|print| !key.made(print)) {
                plan.notes.push(Note::KeyGone(name.clone()));
            }
        }
    }

    fn orphans(&self, wants: &Wants<'_>) -> Vec<Note> {
        let mut notes = Vec::new();
        for name in self.observed.hosts.keys() {
            let Some(host) = self.observed.seen(name) else { continue };
            for container in host.containers.iter().filter(|container| is_active(container)) {
                if !wants.contains_key(&(name.clone(), container.stamp.service.clone())) {
                    notes.push(Note::Orphan { host: name.clone(), container: container.name.clone() });
                }
            }
        }
        notes
    }
}

fn is_unrecorded(ledger: &Ledger, release: &ReleaseId) -> bool {
    ledger.current().is_none_or(|entry| entry.release != *release)
}

fn note_replacements(
    plan: &mut Plan,
    service: &ServiceName,
    placed: usize,
    policy: &UpdatePolicy,
    all: &[Replacement],
) {
    for replacement in all {
        if replacement.cause == Cause::Unfinished {
            plan.notes.push(Note::Unfinished(replacement.host.clone()));
        }
        if replacement.before.is_none() && matches!(replacement.target, Target::Create { .. }) {
            plan.notes.push(Note::FirstDeploy(service.clone()));
        }
        if replacement.target.health().check == Check::Running {
            plan.notes.push(Note::NoHealth(service.clone()));
        }
    }
    let goes_down = all.iter().any(|replacement| replacement.before_settled) && policy.order == Order::StopFirst;
    if goes_down {
        let batch = policy.parallelism.of(placed).min(placed);
        let (service, still_serving, of) = (service.clone(), placed - batch, placed);
        let is_drained = all.iter().all(|replacement| replacement.traffic.is_some());
        plan.notes.push(if is_drained && still_serving > 0 {
            Note::Drained { service, still_serving, of }
        } else {
            Note::Downtime { service, still_serving, of }
        });
    }
}

/// For services that the manifest no longer has but an earlier release does.
fn fallback_policy() -> UpdatePolicy {
    UpdatePolicy {
        parallelism: BatchSize::Count(1),
        canary: None,
        order: Order::StopFirst,
        monitor: Duration::from_secs(5),
        delay: Duration::ZERO,
        failure_action: FailureAction::Rollback,
    }
}

/// Changes when anything that the planner decides by changes. Not with time passing, nor with what others do on the host.
pub fn fingerprint(host: &ObservedHost) -> String {
    let mut hash = Sha256::new();
    hash.update(&host.engine.id);
    for container in &host.containers {
        hash.update(format!(
            "{}\0{}\0{:?}\0{:?}\0",
            container.id.0,
            container.name,
            is_active(container),
            container.restart
        ));
        hash.update(if container.emptied { "emptied\0" } else { "" });
    }
    hash.update(format!("{:?}", host.ledger.last_number()));
    if let Some(key) = &host.key {
        hash.update(key.id().to_string());
    }
    hex::encode(&hash.finalize()[..6])
}
