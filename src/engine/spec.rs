//! What the engine is told about a container: [`ContainerSpec`] → request. Pure.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig,
    Mount as EngineMount, MountBindOptions, MountBindOptionsPropagationEnum, MountTmpfsOptions, MountType,
    MountVolumeOptions, NetworkConnectRequest, NetworkingConfig, PortBinding, PortMap, RestartPolicy as EnginePolicy,
    RestartPolicyNameEnum,
};

use crate::container::{ContainerId, ContainerSpec};
use crate::delivery::{FileSet, Place};
use crate::engine::memory;
use crate::environment::{FileTarget, Healthcheck, Mount, MountSource, Network, Port, RestartPolicy};
use crate::fleet::stamp::Stamp;

mod confinement;

/// The request that creates a container, attached to the first of its networks. Its restart policy is "no"
/// until it is promoted.
pub fn create_body(spec: &ContainerSpec, stamp: &Stamp) -> ContainerCreateBody {
    let runtime = &spec.runtime;
    let first = runtime.networks.first();
    // Our labels are last: a manifest cannot pass off a container as something else.
    let in_memory = memory::directory(spec, stamp).map(|directory| (memory::LABEL.to_owned(), directory));
    let labels = runtime.labels.clone().into_iter().chain(stamp.labels(&spec.scope)).chain(in_memory).collect();
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
            mounts: Some(mounts(spec, stamp)),
            annotations: (!runtime.annotations.is_empty()).then(|| to_hash_map(&runtime.annotations)),
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

/// The first word of a spec that an engine of this API would ignore without saying so, and the API that knows it.
pub fn too_new_for(spec: &ContainerSpec, api: &str) -> Option<(&'static str, &'static str)> {
    let runtime = &spec.runtime;
    let starts_often = runtime.healthcheck.as_ref().is_some_and(|check| check.start_interval_ms.is_some());
    let words = [
        (!runtime.annotations.is_empty(), "annotations", "1.43"),
        (starts_often, "start_interval", "1.44"),
        (runtime.networks.iter().any(|network| network.attachment.mac_address.is_some()), "mac_address", "1.44"),
        (runtime.volumes.iter().any(|mount| mount.options.subpath.is_some()), "subpath", "1.45"),
    ];
    let number = |api: &str| api.split_once('.').and_then(|(_, minor)| minor.parse::<u32>().ok()).unwrap_or(0);
    let found = words.into_iter().find(|(used, _, least)| *used && number(api) < number(least));
    found.map(|(_, what, least)| (what, least))
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
    // Who asks for the service must not get its job.
    let own = spec.job.as_ref().map_or_else(|| spec.service.to_string(), ToString::to_string);
    let mut aliases = vec![own];
    aliases.extend(network.aliases.iter().filter(|alias| **alias != *spec.service.as_str()).cloned());
    let attachment = &network.attachment;
    let ipam = EndpointIpamConfig {
        ipv4_address: attachment.ipv4_address.clone(),
        ipv6_address: attachment.ipv6_address.clone(),
        link_local_ips: (!attachment.link_local_ips.is_empty()).then(|| attachment.link_local_ips.clone()),
    };
    EndpointSettings {
        aliases: Some(aliases),
        ipam_config: (ipam != EndpointIpamConfig::default()).then_some(ipam),
        mac_address: attachment.mac_address.clone(),
        driver_opts: (!attachment.driver_opts.is_empty()).then(|| to_hash_map(&attachment.driver_opts)),
        ..EndpointSettings::default()
    }
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

/// Binds are given in the old form, with which the engine makes a missing directory of the host, unless it must be there.
fn bind(mount: &Mount) -> Option<String> {
    let MountSource::Bind(source) = &mount.source else { return None };
    let options = &mount.options;
    let words = [mount.read_only.then_some("ro"), options.selinux.as_deref(), options.propagation.as_deref()];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    let colon = if words.is_empty() { "" } else { ":" };
    (!options.must_exist).then(|| format!("{source}:{}{colon}{}", mount.target, words.join(",")))
}

fn mount(mount: &Mount) -> Option<EngineMount> {
    let options = &mount.options;
    let of_volume = MountVolumeOptions {
        no_copy: options.nocopy.then_some(true),
        subpath: options.subpath.clone(),
        ..MountVolumeOptions::default()
    };
    let volume = EngineMount {
        typ: Some(MountType::VOLUME),
        volume_options: (of_volume != MountVolumeOptions::default()).then_some(of_volume),
        ..EngineMount::default()
    };
    let engine =
        match &mount.source {
            MountSource::Bind(_) if !options.must_exist => return None,
            MountSource::Bind(path) => EngineMount {
                typ: Some(MountType::BIND),
                source: Some(path.clone()),
                bind_options: options.propagation.as_deref().and_then(propagation).map(|propagation| {
                    MountBindOptions { propagation: Some(propagation), ..MountBindOptions::default() }
                }),
                ..EngineMount::default()
            },
            MountSource::Volume(name) => EngineMount { source: Some(name.clone()), ..volume },
            MountSource::Anonymous => volume,
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

/// Volumes and directories, sets of files, and secrets in memory.
fn mounts(spec: &ContainerSpec, stamp: &Stamp) -> Vec<EngineMount> {
    let sets = FileSet::of(spec);
    let of_service = spec.runtime.volumes.iter().filter_map(mount);
    of_service.chain(sets.iter().map(set_mount)).chain(secret_mounts(spec, stamp)).collect()
}

/// A set of files. Nobody in the container can change it: it is what the release says it is.
fn set_mount(set: &FileSet) -> EngineMount {
    let mount = EngineMount { target: Some(set.target.clone()), read_only: Some(true), ..EngineMount::default() };
    match &set.place {
        // Without `no_copy` the engine would add what the image has there.
        Place::Volume(name) => EngineMount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
            ..mount
        },
        Place::Directory { folder, name } => {
            EngineMount { typ: Some(MountType::BIND), source: Some(format!("{folder}/{name}")), ..mount }
        }
    }
}

/// In the form in which the engine refuses to start a container whose file is gone, instead of making an empty directory.
fn secret_mounts(spec: &ContainerSpec, stamp: &Stamp) -> Vec<EngineMount> {
    let mount = |(source, file): (String, FileTarget)| EngineMount {
        typ: Some(MountType::BIND),
        source: Some(source),
        target: Some(file.path),
        read_only: Some(true),
        ..EngineMount::default()
    };
    memory::mounts(spec, stamp).into_iter().map(mount).collect()
}

fn propagation(word: &str) -> Option<MountBindOptionsPropagationEnum> {
    word.parse().ok()
}

fn health_config(check: &Healthcheck) -> HealthConfig {
    let nanos = |ms: Option<u64>| ms.map(|ms| i64::try_from(ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX));
    HealthConfig {
        test: Some(check.test.clone()),
        interval: nanos(check.interval_ms),
        timeout: nanos(check.timeout_ms),
        retries: check.retries.map(i64::from),
        start_period: nanos(check.start_period_ms),
        start_interval: nanos(check.start_interval_ms),
    }
}

fn to_hash_map(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests;
