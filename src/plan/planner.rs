//! Environment × release × what was seen → plan.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::container::{ContainerSpec, PinnedImage, SpecDigest};
use crate::environment::{Ceiling, Check, Environment, Share, UpdatePolicy};
use crate::fleet::key::KeyId;
use crate::fleet::ledger::{Entry, Kind, Ledger, Placements};
use crate::fleet::observed::{HostView, Observed, ObservedContainer, ObservedHost};
use crate::fleet::select::Selection;
use crate::name::{HostName, JobName, ServiceName};
use crate::plan::incumbent::{cast, is_active};
use crate::plan::replacing::{Place, Want, replacement, resumed};
use crate::plan::rollback::Back;
use crate::plan::{
    Batch, Capacity, Cause, Note, PLAN_FORMAT, Plan, Pruning, Refusal, Replacement, Target, batching, comparison, job,
};
use crate::release::{Release, ReleaseId, content_digest};

/// Plans the way to a release from the manifest.
pub fn deploy(
    environment: &Environment,
    observed: &Observed,
    selection: &Selection,
    release: &Release,
) -> Result<Plan, Refusal> {
    let placements = release.placements();
    let jobs = job::specs(environment, release);
    let want = |(key, spec): (&(HostName, ServiceName), _)| {
        let digest = placements.get(&key.0)?.get(&key.1)?.clone();
        Some((key.clone(), Want { digest, spec: Some(spec) }))
    };
    let wants: Wants<'_> = release.containers.iter().filter_map(want).collect();
    let id = release_id(&placements, &job::digests(&jobs), observed);
    let mut planner = Planner { environment, observed, selection, canary: None };
    planner.canary = planner.canary(&id, &wants);
    let mut plan = planner.plan(Kind::Deploy, id, placements, &wants, &jobs, release.key.clone())?;
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
    let planner = Planner { environment, observed, selection, canary: None };
    let mut plan = planner.plan(Kind::Rollback, entry.release.clone(), entry.placements.clone(), &wants, &[], None)?;
    plan.images = kept_images(observed, &entry.placements);
    plan.published.clone_from(&entry.published);
    Ok(plan)
}

/// The images of a release, by the containers that hosts have of it.
fn kept_images(observed: &Observed, placements: &Placements) -> BTreeMap<ServiceName, PinnedImage> {
    let mut images = BTreeMap::new();
    for (name, services) in placements {
        let Some(host) = observed.seen(name) else { continue };
        let is_of_it = |container: &&ObservedContainer| {
            services.get(&container.stamp.service).is_some_and(|spec| spec.same_container(&container.stamp.spec))
        };
        for container in host.containers.iter().filter(is_of_it) {
            images.insert(container.stamp.service.clone(), container.stamp.image.clone());
        }
    }
    images
}

/// A release with known content keeps its name; a new one gets the next number. What an unfinished rollout
/// of the same content has already created names the release too.
fn release_id(placements: &Placements, jobs: &BTreeMap<JobName, SpecDigest>, observed: &Observed) -> ReleaseId {
    let ledger = observed.ledger();
    let digest = content_digest(placements, jobs);
    if let Some(entry) = ledger.entries.iter().rev().find(|entry| entry.release.digest == digest) {
        return entry.release.clone();
    }
    let containers = observed.hosts.iter().filter_map(|(name, view)| match view {
        HostView::Seen(host) => Some(host.containers.iter().chain(&host.jobs).map(move |container| (name, container))),
        HostView::Unreachable(_) => None,
    });
    let (mut begun, mut highest) = (None, ledger.last_release());
    for (host, container) in containers.flatten() {
        let stamp = &container.stamp;
        let is_ours = match &stamp.job {
            Some(job) => job.release == digest,
            None => placements.get(host).and_then(|services| services.get(&stamp.service)) == Some(&stamp.spec),
        };
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
    /// The hosts that it is for, where others wait.
    pub(super) canary: Option<BTreeSet<HostName>>,
}

impl Planner<'_> {
    fn plan(
        &self,
        kind: Kind,
        release: ReleaseId,
        placements: Placements,
        wants: &Wants<'_>,
        jobs: &[(JobName, ContainerSpec)],
        key: Option<KeyId>,
    ) -> Result<Plan, Refusal> {
        self.refuse_unreachable()?;
        self.refuse_twins()?;
        self.refuse_strange_balancers(wants)?;
        let ledger = self.observed.ledger();
        let order = self.services_in_order(kind, &release, wants);
        let mut plan = Plan {
            format: PLAN_FORMAT,
            kind,
            reboot: None,
            act: None,
            reason: None,
            scope: self.environment.scope(),
            from: ledger.current().map(|entry| entry.release.clone()),
            partial: self.is_partial(wants),
            held: BTreeSet::new(),
            promotes: self.selection.promotes(),
            unrecorded: false,
            release,
            images: BTreeMap::new(),
            key,
            placements,
            published: BTreeMap::new(),
            publications: Vec::new(),
            jobs: Vec::new(),
            hooks: self.environment.hooks.clone(),
            notify: self.environment.notify.iter().map(|(name, one)| (name.clone(), one.into())).collect(),
            preparations: BTreeMap::new(),
            order,
            capacity: BTreeMap::new(),
            back: BTreeMap::new(),
            resumed: Vec::new(),
            batches: Vec::new(),
            retirements: BTreeMap::new(),
            pruning: None,
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
        self.note_canary(&mut plan, wants);
        let mut missing = Vec::new();
        for service in plan.order.clone() {
            let batches = self.service(&mut plan, &service, wants, &mut missing);
            self.refuse_too_few(&plan, &service, &batches)?;
            plan.batches.extend(batches);
        }
        if !missing.is_empty() {
            return Err(Refusal::NotKept { release: plan.release, missing });
        }
        let is_same = |canary: &Entry| canary.release == plan.release;
        let is_unsaid = !plan.held.is_empty() && !ledger.canary().is_some_and(is_same);
        plan.unrecorded = is_unsaid || !plan.partial && is_unrecorded(&ledger, &plan.release);
        self.jobs(&mut plan, jobs)?;
        if plan.kind == Kind::Rollback {
            self.note_jobs(&mut plan);
        }
        self.refuse_taken_ports(&plan)?;
        self.prepare(&mut plan, wants);
        self.retire(&mut plan, wants);
        self.retire_jobs(&mut plan);
        if self.environment.prune.automatic && !plan.is_noop() {
            plan.pruning = Some(Pruning::of(self.environment, self.observed));
        }
        plan.notes.sort();
        plan.notes.dedup();
        Ok(plan)
    }

    /// Whether something is done on the host.
    pub(super) fn has_host(&self, host: &HostName) -> bool {
        self.selection.has_host(host) && self.canary.as_ref().is_none_or(|canary| canary.contains(host))
    }

    /// Whether something of the release is neither selected nor there already.
    fn is_partial(&self, wants: &Wants<'_>) -> bool {
        wants.iter().any(|((host, service), want)| {
            let selected = self.has_host(host) && self.selection.has_service(service);
            let is_there =
                || Some(cast(self.observed.seen(host)?, service, &want.digest).in_place(&want.digest).is_some());
            !selected && is_there() != Some(true)
        })
    }

    pub(super) fn refuse_unreachable(&self) -> Result<(), Refusal> {
        let unreachable = self.observed.hosts.iter().filter_map(|(name, view)| match view {
            HostView::Unreachable(why) if self.selection.has_host(name) => Some((name.clone(), why.clone())),
            _ => None,
        });
        let unreachable: Vec<_> = unreachable.collect();
        if unreachable.is_empty() { Ok(()) } else { Err(Refusal::Unreachable(unreachable)) }
    }

    pub(super) fn refuse_twins(&self) -> Result<(), Refusal> {
        let mut engines = BTreeMap::new();
        for name in self.observed.hosts.keys() {
            let Some(host) = self.observed.seen(name) else { continue };
            if let Some(twin) = engines.insert(host.engine.id.as_str(), name) {
                return Err(Refusal::SameEngine(twin.clone(), name.clone()));
            }
        }
        Ok(())
    }

    /// A limit that the manifest sets is kept, or nothing is done.
    pub(super) fn refuse_too_few(&self, plan: &Plan, service: &ServiceName, batches: &[Batch]) -> Result<(), Refusal> {
        let policy = self.environment.services.get(service).map(|service| &service.update);
        let is_limited = policy.is_some_and(|policy| policy.max_unavailable != Ceiling::Batch);
        let Some(capacity) = plan.capacity.get(service).filter(|_| is_limited) else { return Ok(()) };
        let replaced: BTreeSet<_> =
            batches.iter().flat_map(|batch| batch.replacements.iter().map(|one| &one.host)).collect();
        let comes_back = |host: &HostName| replaced.contains(host) && capacity.will_serve(host);
        let stays_out = |host: &&HostName| !capacity.serves(host) && !comes_back(host);
        let out: Vec<_> = capacity.hosts.keys().filter(stays_out).cloned().collect();
        let mut all = batches.iter().flat_map(|batch| &batch.replacements);
        if !all.any(|one| one.pauses() && capacity.serves(&one.host)) || out.len() < capacity.most_out {
            return Ok(());
        }
        let (service, most) = (service.clone(), capacity.most_out);
        Err(if out.is_empty() { Refusal::MayNotPause(service) } else { Refusal::NoCapacity { service, most, out } })
    }

    pub(super) fn refuse_taken_ports(&self, plan: &Plan) -> Result<(), Refusal> {
        for replacement in plan.replacements().filter(|one| !one.is_bystander()) {
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

    /// The manifest's order, in which each service comes after what it needs; services that only an earlier release has come
    /// last, by name. To an older release it is the other way round: what runs of the newer one may need the newer one.
    fn services_in_order(&self, kind: Kind, release: &ReleaseId, wants: &Wants<'_>) -> Vec<ServiceName> {
        let wanted: BTreeSet<_> = wants.keys().map(|(_, service)| service.clone()).collect();
        let mut order: Vec<_> =
            self.environment.services.keys().filter(|name| wanted.contains(*name)).cloned().collect();
        order.extend(wanted.into_iter().filter(|name| !self.environment.services.contains_key(name)));
        order.retain(|name| self.selection.has_service(name));
        let ledger = self.observed.ledger();
        let is_older = ledger.current().is_none_or(|current| release.number <= current.release.number);
        if kind == Kind::Rollback && is_older {
            order.reverse();
        }
        order
    }

    fn service(
        &self,
        plan: &mut Plan,
        service: &ServiceName,
        wants: &Wants<'_>,
        missing: &mut Vec<(HostName, ServiceName)>,
    ) -> Vec<Batch> {
        let mut policy =
            self.environment.services.get(service).map_or_else(UpdatePolicy::usual, |service| service.update.clone());
        if !self.environment.publish.is_empty() {
            // A host that went back alone could run with the values of another release.
            policy.max_failures = Share::NONE;
        }
        let ledger = self.observed.ledger();
        let (mut replacements, mut taken_over, mut unselected) = (Vec::new(), Vec::new(), Vec::new());
        for ((host_name, _), want) in wants.iter().filter(|((_, name), _)| name == service) {
            let Some(host) = self.observed.seen(host_name) else { continue };
            let cast = cast(host, service, &want.digest);
            if !self.has_host(host_name) {
                if cast.in_place(&want.digest).is_none() {
                    unselected.extend((!cast.active.is_empty()).then(|| host_name.clone()));
                    if self.canary.is_none() {
                        plan.notes.push(Note::NotSelected(host_name.clone()));
                    }
                }
                continue;
            }
            let traffic = self.traffic(plan, host_name, service);
            let is_drained = self.is_drained(traffic.as_ref());
            let seating = self.seating(host_name, service, &cast);
            let is_drained = is_drained || self.is_unseated(host_name, seating.as_ref());
            let place = Place { host: host_name, service, order: policy.order, traffic, seating, is_drained };
            if let Some(settled) = cast.in_place(&want.digest).filter(|_| !is_drained) {
                match resumed(&ledger, place, settled, &cast) {
                    Some(replacement) => taken_over.push(replacement),
                    None => plan.unchanged.push((host_name.clone(), service.clone())),
                }
                continue;
            }
            let stopped = host.of_service(service).find_map(|container| ledger.stopped(host_name, container));
            if let Some(deed) = stopped.or_else(|| ledger.removed(host_name, service)) {
                let (host, service) = (host_name.clone(), service.clone());
                let (by, reason) = (deed.by.clone(), deed.act.reason.clone());
                plan.notes.push(Note::Stopped { host, service, by, reason });
            }
            let mut runs = host.of_service(service).filter(|one| is_active(one));
            if let Some(entry) = runs.find_map(|one| ledger.deviation(host_name, one)) {
                let (host, service) = (host_name.clone(), service.clone());
                let (by, reason) = (entry.by.clone(), entry.reason.clone().unwrap_or_default());
                plan.notes.push(Note::Deviation { host, service, by, reason });
            }
            match replacement(&ledger, place, want, &cast, plan.release.number) {
                Some(replacement) => replacements.push(replacement),
                None => missing.push((host_name.clone(), service.clone())),
            }
        }
        let placed = wants.keys().filter(|(_, name)| name == service).count();
        if let Some(back) = Back::of(&policy, placed).filter(|_| !replacements.is_empty() || !taken_over.is_empty()) {
            plan.back.insert(service.clone(), back);
        }
        let capacity = self.capacity(service, wants, policy.most_out(placed));
        note_replacements(plan, service, &capacity, &replacements);
        let is_canary = self.canary.is_some();
        let mut taken_over = batching::batches(service, &policy, &capacity, taken_over, is_canary);
        comparison::ask(plan.kind, &policy, &mut taken_over);
        plan.resumed.extend(taken_over);
        let mut batches = batching::batches(service, &policy, &capacity, replacements, is_canary);
        comparison::ask(plan.kind, &policy, &mut batches);
        self.compare(plan, service, &policy, &unselected, &mut batches);
        plan.capacity.insert(service.clone(), capacity);
        batches
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

fn note_replacements(plan: &mut Plan, service: &ServiceName, capacity: &Capacity, all: &[Replacement]) {
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
    let is_replaced = |host: &HostName| all.iter().any(|one| one.host == *host);
    let out: Vec<_> =
        capacity.hosts.keys().filter(|host| !capacity.serves(host) && !is_replaced(host)).cloned().collect();
    if !out.is_empty() && !all.is_empty() {
        plan.notes.push(Note::OutAlready(service.clone(), out));
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
        if let Some(seat) = container.seat {
            hash.update(format!("{seat}\0"));
        }
        hash.update(if container.emptied { "emptied\0" } else { "" });
    }
    for job in &host.jobs {
        // That it ends meanwhile is waited for; that there is another one is a surprise.
        hash.update(format!("{}\0{}\0", job.id.0, job.name));
    }
    hash.update(format!("{:?}", host.ledger.last_number()));
    if let Some(key) = &host.key {
        hash.update(key.id().to_string());
    }
    hex::encode(&hash.finalize()[..6])
}
