//! What the engine said about a host, in our words. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerInspectResponse, ContainerState as EngineState, ContainerStateStatusEnum as Status, ContainerSummary,
    Health, HealthStatusEnum, PortSummaryTypeEnum, RestartPolicy as EnginePolicy, RestartPolicyNameEnum,
};
use jiff::Timestamp;

use super::EngineError;
use crate::container::{ContainerId, SWITCHING_SUFFIX, SpecDigest, final_name};
use crate::environment::RestartPolicy;
use crate::environment::edge::SEATS;
use crate::fleet::ledger::{LEDGER_FORMAT, Ledger};
use crate::fleet::observed::{ContainerState, EngineHealth, ObservedContainer, Phase};
use crate::fleet::stamp::{SCOPE_LABEL, Stamp};

/// Longest output of the engine's health check that is kept.
const MAX_HEALTH_OUTPUT: usize = 2000;

/// A container of ours; `None` if it carries no stamp that we can read.
pub fn container(inspected: &ContainerInspectResponse) -> Option<ObservedContainer> {
    let mut stamp = stamp(inspected)?;
    let name = name(inspected);
    // One that somebody has renamed does not tell any more which files it has, and is none that can be switched.
    let spec = stamp.spec.named(final_name(&name));
    let is_named = spec.is_some();
    stamp.spec = spec.unwrap_or_else(|| SpecDigest(stamp.spec.base().to_owned()));
    Some(ObservedContainer {
        id: ContainerId(inspected.id.clone()?),
        proven: is_named && name == final_name(&name),
        switching: is_named && name.ends_with(SWITCHING_SUFFIX),
        name,
        stamp,
        state: state(inspected),
        restart: restart(inspected.host_config.as_ref().and_then(|config| config.restart_policy.as_ref())),
        ports: ports(inspected),
        seat: seat(inspected).map(|(_, address)| address),
        emptied: false,
    })
}

/// The directory of a container's files in memory.
pub fn memory(inspected: &ContainerInspectResponse) -> Option<&str> {
    inspected.config.as_ref()?.labels.as_ref()?.get(super::memory::LABEL).map(String::as_str)
}

/// TCP ports of the host that it was made for; those that the engine chooses are not known before it starts.
fn ports(inspected: &ContainerInspectResponse) -> BTreeSet<u16> {
    let bindings = inspected.host_config.as_ref().and_then(|config| config.port_bindings.as_ref());
    let tcp = bindings.into_iter().flatten().filter(|(key, _)| key.ends_with("/tcp"));
    let ports = tcp.flat_map(|(_, bindings)| bindings.iter().flatten());
    ports.filter_map(|binding| binding.host_port.as_ref()?.parse().ok()).filter(|port| *port > 0).collect()
}

/// A container's name, without the leading slash.
pub fn name(inspected: &ContainerInspectResponse) -> String {
    inspected.name.as_deref().unwrap_or_default().trim_start_matches('/').to_owned()
}

/// What a container says about itself.
pub fn stamp(inspected: &ContainerInspectResponse) -> Option<Stamp> {
    Stamp::read(&sorted(inspected.config.as_ref()?.labels.as_ref()?))
}

/// A container's state.
pub fn state(inspected: &ContainerInspectResponse) -> ContainerState {
    let default = EngineState::default();
    let state = inspected.state.as_ref().unwrap_or(&default);
    let time = |text: &Option<String>| text.as_deref().and_then(timestamp);
    ContainerState {
        phase: phase(state),
        started_at: time(&state.started_at),
        finished_at: time(&state.finished_at),
        restarts: inspected.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        health: state.health.as_ref().map_or(EngineHealth::None, health),
    }
}

fn phase(state: &EngineState) -> Phase {
    match state.status {
        Some(Status::CREATED) => Phase::Created,
        // One that is told to stop still runs.
        Some(Status::RUNNING | Status::STOPPING) => Phase::Running,
        Some(Status::PAUSED) => Phase::Paused,
        Some(Status::RESTARTING) => Phase::Restarting,
        Some(Status::EXITED) => Phase::Exited {
            code: state.exit_code.unwrap_or_default(),
            oom_killed: state.oom_killed.unwrap_or_default(),
        },
        Some(Status::REMOVING | Status::DEAD | Status::EMPTY) | None => Phase::Dead,
    }
}

fn health(health: &Health) -> EngineHealth {
    let last_output = || {
        let output = health.log.as_deref().and_then(<[_]>::last).and_then(|check| check.output.as_deref());
        let text: String = output.unwrap_or_default().trim().chars().take(MAX_HEALTH_OUTPUT).collect();
        text
    };
    match health.status {
        Some(HealthStatusEnum::STARTING) => EngineHealth::Starting,
        Some(HealthStatusEnum::HEALTHY) => EngineHealth::Healthy,
        Some(HealthStatusEnum::UNHEALTHY) => EngineHealth::Unhealthy(last_output()),
        Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => EngineHealth::None,
    }
}

/// A restart policy as the engine states it.
pub fn restart(policy: Option<&EnginePolicy>) -> RestartPolicy {
    let Some(policy) = policy else { return RestartPolicy::No };
    match policy.name {
        Some(RestartPolicyNameEnum::ALWAYS) => RestartPolicy::Always,
        Some(RestartPolicyNameEnum::UNLESS_STOPPED) => RestartPolicy::UnlessStopped,
        Some(RestartPolicyNameEnum::ON_FAILURE) => RestartPolicy::OnFailure(
            policy.maximum_retry_count.and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
        ),
        Some(RestartPolicyNameEnum::NO | RestartPolicyNameEnum::EMPTY) | None => RestartPolicy::No,
    }
}

/// A time of the engine; its "never" is the year 1.
pub fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|time: &Timestamp| *time > Timestamp::UNIX_EPOCH)
}

/// TCP ports of the host that running containers of others hold, with the holder's name. `scope` is ours.
pub fn foreign_ports(running: &[ContainerSummary], scope: &str) -> BTreeMap<u16, String> {
    let mut ports = BTreeMap::new();
    for container in running.iter().filter(|container| !is_of(container, scope)) {
        let name =
            container.names.as_deref().and_then(<[_]>::first).map(|name| name.trim_start_matches('/').to_owned());
        for port in public_ports(container) {
            ports.entry(port).or_insert_with(|| name.clone().unwrap_or_default());
        }
    }
    ports
}

/// Those that running containers of `scope` hold.
pub fn own_ports(running: &[ContainerSummary], scope: &str) -> BTreeSet<u16> {
    running.iter().filter(|container| is_of(container, scope)).flat_map(public_ports).collect()
}

fn is_of(container: &ContainerSummary, scope: &str) -> bool {
    container.labels.as_ref().and_then(|labels| labels.get(SCOPE_LABEL)).is_some_and(|label| label == scope)
}

fn public_ports(container: &ContainerSummary) -> impl Iterator<Item = u16> {
    let ports = container.ports.iter().flatten();
    let tcp = ports.filter(|port| matches!(port.typ, Some(PortSummaryTypeEnum::TCP) | None));
    tcp.filter_map(|port| port.public_port)
}

/// The network and the address of a container's seat behind the edge.
pub fn seat(inspected: &ContainerInspectResponse) -> Option<(String, Ipv4Addr)> {
    let networks = inspected.network_settings.as_ref()?.networks.as_ref()?;
    let is_seats = |name: &str| name.rsplit_once('_').is_some_and(|(_, last)| last == SEATS);
    let (name, endpoint) = networks.iter().find(|(name, _)| is_seats(name))?;
    // What it was given counts also while it does not run.
    let given = endpoint.ipam_config.as_ref().and_then(|config| config.ipv4_address.as_deref());
    let address = given.or(endpoint.ip_address.as_deref())?.parse().ok()?;
    Some((name.clone(), address))
}

/// Names of a container's networks.
pub fn networks(inspected: &ContainerInspectResponse) -> BTreeSet<String> {
    let networks = inspected.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    networks.into_iter().flat_map(|networks| networks.keys().cloned()).collect()
}

/// Reads a ledger. A text that is no JSON reads as an empty ledger: the other hosts hold the same one. One of a newer form is refused, because writing it back would lose what we do not know.
pub fn ledger(text: &str) -> Result<Ledger, EngineError> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else { return Ok(Ledger::default()) };
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format > u64::from(LEDGER_FORMAT) => Err(EngineError::Refused(format!(
            "the ledger on this host has form {format}; this shipctl reads up to {LEDGER_FORMAT}"
        ))),
        _ => serde_json::from_value(value)
            .map_err(|error| EngineError::Refused(format!("the ledger on this host cannot be read: {error}"))),
    }
}

fn sorted(labels: &HashMap<String, String>) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inspected(status: &serde_json::Value) -> ContainerInspectResponse {
        let stamp = json!({
            "format": 1, "service": "web", "release": 3, "spec": "ab12", "restart": {"on-failure": 5}, "grace": "10s",
            "image": {"registry": {"repository": "r/web", "digest": "sha256:1", "tag": "web:1"}},
            "health": {"check": "running", "interval": "1s", "timeout": "1s", "min_healthy_time": "1s", "healthy_deadline": "9s"},
        });
        serde_json::from_value(json!({
            "Id": "c1", "Name": "/shop-prod-web-ab12-unproven", "RestartCount": 2, "State": status,
            "Config": {"Labels": {"shipctl.scope": "shop-prod", "shipctl.stamp": stamp.to_string()}},
            "HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}},
        }))
        .unwrap()
    }

    #[test]
    fn a_container_of_ours_is_read_from_its_stamp() {
        let found = container(&inspected(&json!({
            "Status": "running", "StartedAt": "2026-05-07T21:09:36.123456789Z", "FinishedAt": "0001-01-01T00:00:00Z",
            "Health": {"Status": "unhealthy", "Log": [{"Output": "old"}, {"Output": "  refused\n"}]},
        })))
        .unwrap();
        assert_eq!((found.name.as_str(), found.proven), ("shop-prod-web-ab12-unproven", false));
        assert_eq!(found.restart, RestartPolicy::OnFailure(5));
        assert_eq!(found.stamp.release, 3);
        assert_eq!(found.state.phase, Phase::Running);
        assert_eq!(found.state.restarts, 2);
        assert_eq!(found.state.started_at, Some("2026-05-07T21:09:36.123456789Z".parse().unwrap()));
        assert_eq!(found.state.finished_at, None);
        assert_eq!(found.state.health, EngineHealth::Unhealthy("refused".to_owned()));
    }

    #[test]
    fn a_container_without_a_stamp_is_not_ours() {
        let marker = json!({"Id": "c1", "Name": "/m", "Config": {"Labels": {"shipctl.marker": "m"}}});
        assert_eq!(container(&serde_json::from_value(marker).unwrap()), None);
    }

    #[test]
    fn phases_are_told_apart() {
        let phase_of = |status: &serde_json::Value| state(&inspected(status)).phase;
        assert_eq!(phase_of(&json!({"Status": "created", "ExitCode": 128})), Phase::Created);
        assert_eq!(phase_of(&json!({"Status": "restarting", "Running": true})), Phase::Restarting);
        assert_eq!(
            phase_of(&json!({"Status": "exited", "ExitCode": 137, "OOMKilled": true})),
            Phase::Exited { code: 137, oom_killed: true }
        );
        assert_eq!(phase_of(&json!({"Status": "removing"})), Phase::Dead);
        assert_eq!(phase_of(&json!({})), Phase::Dead);
    }

    #[test]
    fn ports_of_others_are_theirs_and_ours_are_not() {
        let listed = json!([
            {"Names": ["/other"], "Ports": [{"PrivatePort": 80, "PublicPort": 80, "Type": "tcp", "IP": "0.0.0.0"},
                {"PrivatePort": 80, "PublicPort": 80, "Type": "tcp", "IP": "::"}, {"PrivatePort": 9, "Type": "tcp"},
                {"PrivatePort": 53, "PublicPort": 53, "Type": "udp", "IP": "0.0.0.0"}]},
            {"Names": ["/ours"], "Labels": {"shipctl.scope": "shop-prod"}, "Ports": [{"PrivatePort": 80, "PublicPort": 81, "Type": "tcp"}]},
            {"Names": ["/neighbour"], "Labels": {"shipctl.scope": "shop-staging"}, "Ports": [{"PrivatePort": 80, "PublicPort": 82, "Type": "tcp"}]},
        ]);
        let ports = foreign_ports(&serde_json::from_value::<Vec<_>>(listed).unwrap(), "shop-prod");
        assert_eq!(ports, BTreeMap::from([(80, "other".to_owned()), (82, "neighbour".to_owned())]));
    }

    #[test]
    fn a_torn_ledger_is_empty_and_a_newer_one_is_refused() {
        assert_eq!(ledger(r#"{"format":1,"entr"#), Ok(Ledger::default()));
        assert_eq!(ledger(r#"{"format":1,"entries":[]}"#).map(|ledger| ledger.format), Ok(1));
        assert!(matches!(ledger(r#"{"format":2,"entries":"?"}"#), Err(EngineError::Refused(_))));
    }
}
