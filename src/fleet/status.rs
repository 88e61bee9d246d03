//! What runs where, compared with what was last rolled out. Pure: `status` shows it, `status --check` counts it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::balancer::{Admin, Server};
use crate::environment::Environment;
use crate::fleet::ledger::{Entry, Ledger};
use crate::fleet::observed::{BackendView, EngineHealth, HostView, Observed, ObservedContainer, ObservedHost, Phase};
use crate::name::{BalancerName, HostName, ServiceName};
use crate::release::ReleaseId;

/// The state of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The release in force, by the record.
    pub release: Option<ReleaseId>,
    /// Every service on every host.
    pub rows: Vec<StatusRow>,
    /// Hosts that did not answer, with what was heard.
    pub unreachable: Vec<(HostName, String)>,
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
        Self { release: current.map(|entry| entry.release.clone()), rows, unreachable }
    }

    /// Adds what balancers make of what runs.
    pub fn add_traffic(&mut self, environment: &Environment, observed: &Observed) {
        for row in &mut self.rows {
            let Some(service) = environment.services.get(&row.service) else { continue };
            let service = environment.on(&row.host, service);
            let Some(traffic) = &service.traffic else { continue };
            for route in traffic.routes(&row.host, service.instance) {
                let seen = match observed.backends.get(&(route.balancer.clone(), route.backend.clone())) {
                    Some(BackendView::Seen(servers)) => servers.get(&route.server).map_or("missing", in_words),
                    Some(BackendView::Unseen(_)) | None => "unknown",
                };
                if matches!(seen, "drained" | "down" | "missing") && row.drift.is_none() {
                    row.drift = Some(Drift::OutOfTraffic);
                }
                row.traffic.insert(route.balancer, seen);
            }
        }
    }

    /// Whether everything that can be asked runs as recorded, and everything can be asked.
    pub fn is_clean(&self) -> bool {
        self.unreachable.is_empty() && self.rows.iter().all(|row| row.drift.is_none())
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
            drift,
        });
    }
    for (service, spec) in wanted.into_iter().flatten() {
        if rows.iter().any(|row| row.service == *service) {
            continue;
        }
        let stopped = host.of_service(service).find(|container| container.stamp.spec == *spec);
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
