//! What runs where, compared with what was last rolled out. Pure: `status` shows it, `status --check` counts it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::balancer::{Admin, Server};
use crate::environment::{Environment, Service, edge};
use crate::fleet::act::Said;
use crate::fleet::ledger::{Entry, Ledger};
use crate::fleet::observed::{BackendView, EngineHealth, HostView, Observed, ObservedContainer, ObservedHost, Phase};
use crate::name::{BalancerName, HostName, ServiceName};
use crate::release::ReleaseId;

/// The state of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The release in force, by the record.
    pub release: Option<ReleaseId>,
    /// The release that a canary runs, and that waits to be promoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<ReleaseId>,
    /// Every service on every host.
    pub rows: Vec<StatusRow>,
    /// Hosts that did not answer, with what was heard.
    pub unreachable: Vec<(HostName, String)>,
    /// Stores that releases publish to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<StoreStatus>,
}

/// One store, compared with what the release in force has published there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreStatus {
    /// Its name in the manifest.
    pub store: String,
    /// In words that scripts may rely on: `held`, `differs`, `unknown`.
    pub state: &'static str,
    /// Keys that hold something else, or nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Why it differs as a whole, or is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One service on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusRow {
    /// Where.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
    /// The newest recorded release that the running container belongs to, or the number written on it.
    pub release: Option<String>,
    /// Its image, for people.
    pub image: Option<String>,
    /// Its last start, by the host's clock.
    pub since: Option<Timestamp>,
    /// In words that scripts may rely on: `running`, `healthy`, `unhealthy`, `unproven`, `restarting`, `stopped`, `missing`.
    pub state: &'static str,
    /// What each balancer in front of it makes of it: `in`, `drained`, `maintenance`, `down`, `missing` or `unknown`. Empty
    /// where none is told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traffic: BTreeMap<BalancerName, &'static str>,
    /// How it differs from the release in force; `None` if it does not.
    pub drift: Option<Drift>,
    /// Who has stopped or removed it, if that is why it does not run; or drained it, if that is why it gets no requests; or who
    /// has deployed something else there, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Said>,
}

/// How what runs differs from the release in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// It should run and does not.
    NotRunning,
    /// It should run and cannot: its secrets were in the host's memory, and are gone since the host was restarted.
    SecretsGone,
    /// Another release runs.
    OtherRelease,
    /// It has not passed its gate.
    Unproven,
    /// It does not do well.
    Unhealthy,
    /// A balancer sends it no requests, and nobody has put it into maintenance.
    OutOfTraffic,
    /// The engine would not restart it as declared.
    RestartPolicy,
    /// No release in force has it: it is left over, or of another environment's making.
    Orphan,
    /// More than one container of the service runs.
    Several,
}

impl Status {
    /// Compares what was seen with the ledger.
    pub fn of(observed: &Observed) -> Self {
        let ledger = observed.ledger();
        let current = ledger.current();
        let (mut rows, mut unreachable) = (Vec::new(), Vec::new());
        for (name, view) in &observed.hosts {
            match view {
                HostView::Unreachable(why) => unreachable.push((name.clone(), why.clone())),
                HostView::Seen(host) => rows.extend(host_rows(name, host, current, &ledger)),
            }
        }
        let release = |entry: &Entry| entry.release.clone();
        let (canary, release) = (ledger.canary().map(release), current.map(release));
        Self { release, canary, rows, unreachable, stores: Vec::new() }
    }

    /// Adds what balancers make of what runs.
    pub fn add_traffic(&mut self, environment: &Environment, observed: &Observed) {
        let ledger = observed.ledger();
        for row in &mut self.rows {
            let Some(service) = environment.services.get(&row.service) else { continue };
            let service = environment.on(&row.host, service);
            row.add_edge(service, observed, &ledger);
            let Some(traffic) = &service.traffic else { continue };
            for route in traffic.routes(&row.host, service.instance) {
                let seen = match observed.backends.get(&(route.balancer.clone(), route.backend.clone())) {
                    Some(BackendView::Seen(servers)) => servers.get(&route.server).map_or("missing", in_words),
                    Some(BackendView::Unseen(_)) | None => "unknown",
                };
                row.add_balancer(route.balancer, seen, &ledger);
            }
        }
    }

    /// Whether everything that can be asked runs as recorded, and everything can be asked.
    pub fn is_clean(&self) -> bool {
        self.unreachable.is_empty()
            && self.rows.iter().all(|row| row.drift.is_none())
            && self.stores.iter().all(|store| store.state == "held")
    }
}

impl StatusRow {
    /// Adds what one balancer makes of what runs, and whose doing it is if somebody has drained it by hand.
    fn add_balancer(&mut self, balancer: BalancerName, seen: &'static str, ledger: &Ledger) {
        if matches!(seen, "drained" | "down" | "missing") && self.drift.is_none() {
            self.drift = Some(Drift::OutOfTraffic);
        }
        let is_out = matches!(seen, "drained" | "missing") && self.drift == Some(Drift::OutOfTraffic);
        if let (true, None, Some(deed)) = (is_out, &self.act, ledger.drained(&self.host, &self.service)) {
            self.act = Some(Said::from(deed));
        }
        self.traffic.insert(balancer, seen);
    }

    /// Adds what the host's edge makes of what runs.
    fn add_edge(&mut self, service: &Service, observed: &Observed, ledger: &Ledger) {
        let Some(edge) = &service.edge else { return };
        let Some(host) = observed.seen(&self.host) else { return };
        let seat = host.of_service(&self.service).filter(|one| is_up(one)).find_map(|one| one.seat);
        let balancer = edge::balancer(&self.host);
        let view = observed.backends.get(&(balancer.clone(), edge.backend.clone()));
        let seen = match (seat.and_then(|seat| edge.seat(seat)), view) {
            (None, _) => "missing",
            (Some(seat), Some(BackendView::Seen(servers))) => servers.get(&seat.server).map_or("missing", in_words),
            (Some(_), Some(BackendView::Unseen(_)) | None) => "unknown",
        };
        self.add_balancer(balancer, seen, ledger);
    }
}

fn host_rows(name: &HostName, host: &ObservedHost, current: Option<&Entry>, ledger: &Ledger) -> Vec<StatusRow> {
    let wanted = current.and_then(|entry| entry.placements.get(name));
    let mut rows = Vec::new();
    for container in host.containers.iter().filter(|container| is_up(container)) {
        let service = &container.stamp.service;
        let several = host.of_service(service).filter(|other| is_up(other)).count() > 1;
        let drift = match wanted.and_then(|services| services.get(service)) {
            _ if several => Some(Drift::Several),
            None => Some(Drift::Orphan),
            Some(spec) if *spec != container.stamp.spec => Some(Drift::OtherRelease),
            Some(_) if !container.proven => Some(Drift::Unproven),
            Some(_) if matches!(state(container), "unhealthy" | "restarting" | "paused") => Some(Drift::Unhealthy),
            Some(_) if container.restart != container.stamp.restart => Some(Drift::RestartPolicy),
            Some(_) => None,
        };
        rows.push(StatusRow {
            host: name.clone(),
            service: service.clone(),
            release: Some(release_of(name, container, ledger)),
            image: Some(container.stamp.image.to_string()),
            since: container.state.started_at,
            state: state(container),
            traffic: BTreeMap::new(),
            act: ledger.deviation(name, container).filter(|_| drift == Some(Drift::OtherRelease)).map(Said::from),
            drift,
        });
    }
    for (service, spec) in wanted.into_iter().flatten() {
        if rows.iter().any(|row| row.service == *service) {
            continue;
        }
        let stopped = host.of_service(service).find(|container| container.stamp.spec.same_container(spec));
        let by_operator = host.of_service(service).find_map(|container| ledger.stopped(name, container));
        let by_operator = by_operator.or_else(|| ledger.removed(name, service).filter(|_| stopped.is_none()));
        rows.push(StatusRow {
            host: name.clone(),
            service: service.clone(),
            release: None,
            image: stopped.map(|container| container.stamp.image.to_string()),
            since: None,
            state: if stopped.is_some() { "stopped" } else { "missing" },
            traffic: BTreeMap::new(),
            drift: Some(match stopped {
                Some(container) if container.emptied => Drift::SecretsGone,
                _ => Drift::NotRunning,
            }),
            act: by_operator.map(Said::from),
        });
    }
    rows.sort_by(|a, b| a.service.cmp(&b.service));
    rows
}

fn in_words(server: &Server) -> &'static str {
    match server.admin {
        Admin::Maintenance => "maintenance",
        Admin::Drain => "drained",
        Admin::Ready if server.is_in_traffic() => "in",
        Admin::Ready => "down",
        Admin::Unknown => "unknown",
    }
}

fn is_up(container: &ObservedContainer) -> bool {
    matches!(container.state.phase, Phase::Running | Phase::Restarting | Phase::Paused)
}

fn state(container: &ObservedContainer) -> &'static str {
    match (container.state.phase, &container.state.health) {
        (Phase::Restarting, _) => "restarting",
        (Phase::Paused, _) => "paused",
        (Phase::Running, EngineHealth::Unhealthy(_)) => "unhealthy",
        (Phase::Running, _) if !container.proven => "unproven",
        (Phase::Running, EngineHealth::Healthy) => "healthy",
        (Phase::Running, _) => "running",
        _ => "stopped",
    }
}

/// A container that a later release took over unchanged belongs to that release too; the newest one names it.
fn release_of(host: &HostName, container: &ObservedContainer, ledger: &Ledger) -> String {
    let stamp = &container.stamp;
    let holds = |entry: &&Entry| {
        entry.placements.get(host).and_then(|services| services.get(&stamp.service)) == Some(&stamp.spec)
    };
    let current = ledger.current().filter(holds);
    match current.or_else(|| ledger.completed().rev().find(holds)) {
        Some(entry) => entry.release.to_string(),
        None => format!("r{}", stamp.release),
    }
}
