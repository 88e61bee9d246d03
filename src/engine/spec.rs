//! What the engine is told about a container: [`ContainerSpec`] → request. Pure.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, Mount as EngineMount,
    MountTmpfsOptions, MountType, NetworkConnectRequest, NetworkingConfig, PortBinding, PortMap,
    RestartPolicy as EnginePolicy, RestartPolicyNameEnum,
};

use crate::container::{ContainerId, ContainerSpec};
use crate::environment::{Healthcheck, Mount, MountSource, Network, Port, RestartPolicy};
use crate::fleet::stamp::Stamp;

mod confinement;

/// The request that creates a container, attached to the first of its networks. Its restart policy is "no"
/// until it is promoted.
pub fn create_body(spec: &ContainerSpec, stamp: &Stamp) -> ContainerCreateBody {
    let runtime = &spec.runtime;
    let first = runtime.networks.first();
    // Our labels are last: a manifest cannot pass off a container as something else.
    let labels = runtime.labels.clone().into_iter().chain(stamp.labels(&spec.scope)).collect();
    let exposed = runtime.ports.iter().map(port_key).chain(runtime.expose.iter().cloned());
    ContainerCreateBody {
        image: Some(spec.image.reference()),
        cmd: runtime.command.clone(),
        entrypoint: runtime.entrypoint.clone(),
        env: Some(runtime.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(labels),
        user: runtime.user.clone(),
        stop_signal: runtime.stop_signal.clone(),
        stop_timeout: i64::try_from(runtime.stop_grace_period.as_secs()).ok(),
        exposed_ports: Some(exposed.collect()),
        working_dir: runtime.working_dir.clone(),
        tty: runtime.tty.then_some(true),
        open_stdin: runtime.stdin_open.then_some(true),
        hostname: runtime.naming.hostname.clone(),
        domainname: runtime.naming.domainname.clone(),
        healthcheck: runtime.healthcheck.as_ref().map(health_config),
        networking_config: first.filter(|network| is_named(network)).map(|network| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.name.clone(), endpoint(spec, network))])),
        }),
        host_config: Some(HostConfig {
            network_mode: first.map(|network| network.name.clone()),
            port_bindings: Some(port_bindings(&runtime.ports)),
            binds: Some(runtime.volumes.iter().filter_map(bind).collect()),
            mounts: Some(runtime.volumes.iter().filter_map(volume).collect()),
            log_config: Some(HostConfigLogConfig {
                typ: Some(runtime.logging.driver.clone()),
                config: Some(to_hash_map(&runtime.logging.options)),
            }),
            init: Some(runtime.init),
            restart_policy: Some(restart_policy(&RestartPolicy::No)),
            ..confinement::host_config(runtime)
        }),
        ..ContainerCreateBody::default()
    }
}

/// Requests that attach a created container to the rest of its networks, by network name.
pub fn further_networks(spec: &ContainerSpec, container: &ContainerId) -> Vec<(String, NetworkConnectRequest)> {
    let connect = |network: &Network| NetworkConnectRequest {
        container: container.0.clone(),
        endpoint_config: Some(endpoint(spec, network)),
    };
    spec.runtime
        .networks
        .iter()
        .skip(1)
        .filter(|network| is_named(network))
        .map(|network| (network.name.clone(), connect(network)))
        .collect()
}

/// A restart policy in the engine's words.
pub fn restart_policy(policy: &RestartPolicy) -> EnginePolicy {
    let (name, retries) = match policy {
        RestartPolicy::No => (RestartPolicyNameEnum::NO, None),
        RestartPolicy::Always => (RestartPolicyNameEnum::ALWAYS, None),
        RestartPolicy::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
        RestartPolicy::OnFailure(retries) => (RestartPolicyNameEnum::ON_FAILURE, Some(i64::from(*retries))),
    };
    EnginePolicy { name: Some(name), maximum_retry_count: retries }
}

/// Networks that are made, and know aliases: not the host's, and not none.
fn is_named(network: &Network) -> bool {
    !matches!(network.name.as_str(), "host" | "none")
}

fn endpoint(spec: &ContainerSpec, network: &Network) -> EndpointSettings {
    let mut aliases = vec![spec.service.to_string()];
    aliases.extend(network.aliases.iter().filter(|alias| **alias != *spec.service.as_str()).cloned());
    EndpointSettings { aliases: Some(aliases), ..EndpointSettings::default() }
}

fn port_key(port: &Port) -> String {
    format!("{}/{}", port.container_port, port.protocol.as_str())
}

fn port_bindings(ports: &[Port]) -> PortMap {
    let mut bindings = PortMap::new();
    for port in ports {
        let binding =
            PortBinding { host_ip: port.host_ip.clone(), host_port: port.host_port.map(|port| port.to_string()) };
        bindings.entry(port_key(port)).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

/// Binds are given in the old form, with which the engine makes a missing directory of the host.
fn bind(mount: &Mount) -> Option<String> {
    let MountSource::Bind(source) = &mount.source else { return None };
    let mode = if mount.read_only { ":ro" } else { "" };
    Some(format!("{source}:{}{mode}", mount.target))
}

fn volume(mount: &Mount) -> Option<EngineMount> {
    let engine = match &mount.source {
        MountSource::Bind(_) => return None,
        MountSource::Volume(name) => {
            EngineMount { typ: Some(MountType::VOLUME), source: Some(name.clone()), ..EngineMount::default() }
        }
        MountSource::Anonymous => EngineMount { typ: Some(MountType::VOLUME), ..EngineMount::default() },
        MountSource::Tmpfs { size, mode } => EngineMount {
            typ: Some(MountType::TMPFS),
            tmpfs_options: Some(MountTmpfsOptions {
                size_bytes: size.and_then(|size| i64::try_from(size).ok()),
                mode: mode.map(i64::from),
                ..MountTmpfsOptions::default()
            }),
            ..EngineMount::default()
        },
    };
    Some(EngineMount { target: Some(mount.target.clone()), read_only: Some(mount.read_only), ..engine })
}

fn health_config(check: &Healthcheck) -> HealthConfig {
    let nanos = |ms: Option<u64>| ms.map(|ms| i64::try_from(ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX));
    HealthConfig {
        test: Some(check.test.clone()),
        interval: nanos(check.interval_ms),
        timeout: nanos(check.timeout_ms),
        retries: check.retries.map(i64::from),
        start_period: nanos(check.start_period_ms),
        ..HealthConfig::default()
    }
}

fn to_hash_map(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests;
