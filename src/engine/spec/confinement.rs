//! What a container may do and use, in the engine's words. What nobody wrote is not said.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    DeviceMapping, DeviceRequest as EngineRequest, HostConfig, HostConfigCgroupnsModeEnum, ResourcesBlkioWeightDevice,
    ResourcesUlimits, ThrottleDevice,
};

use crate::environment::{Device, DeviceRequest, Limits, Naming, Privileges, Runtime, Ulimit};

/// The part of a container's configuration that confines it.
pub(super) fn host_config(runtime: &Runtime) -> HostConfig {
    let Privileges {
        cap_add,
        cap_drop,
        security_opt,
        privileged,
        read_only,
        group_add,
        pid,
        ipc,
        uts,
        userns_mode,
        cgroup,
        cgroup_parent,
        sysctls,
        tmpfs,
        devices,
        device_cgroup_rules,
        device_requests,
        runtime: oci_runtime,
        storage_opt,
    } = runtime.privileges.clone();
    let Naming { dns, dns_search, dns_opt, extra_hosts, .. } = runtime.naming.clone();
    HostConfig {
        cap_add: some(cap_add),
        cap_drop: some(cap_drop),
        security_opt: some(security_opt),
        privileged: privileged.then_some(true),
        readonly_rootfs: read_only.then_some(true),
        group_add: some(group_add),
        pid_mode: pid,
        ipc_mode: ipc,
        uts_mode: uts,
        userns_mode,
        cgroupns_mode: cgroup.map(|mode| match mode.as_str() {
            "host" => HostConfigCgroupnsModeEnum::HOST,
            _ => HostConfigCgroupnsModeEnum::PRIVATE,
        }),
        cgroup_parent,
        sysctls: some_map(sysctls),
        tmpfs: some_map(tmpfs),
        devices: some(devices.into_iter().map(device).collect()),
        device_cgroup_rules: some(device_cgroup_rules),
        device_requests: some(device_requests.into_iter().map(request).collect()),
        runtime: oci_runtime,
        storage_opt: some_map(storage_opt),
        dns: some(dns),
        dns_search: some(dns_search),
        dns_options: some(dns_opt),
        extra_hosts: some(extra_hosts),
        ..limits(&runtime.limits)
    }
}

fn limits(limits: &Limits) -> HostConfig {
    HostConfig {
        memory: signed(limits.memory),
        memory_reservation: signed(limits.memory_reservation),
        memory_swap: limits.memory_and_swap,
        memory_swappiness: signed(limits.swappiness),
        shm_size: signed(limits.shm_size),
        nano_cpus: signed(limits.nano_cpus),
        cpu_shares: signed(limits.cpu_shares),
        cpu_period: signed(limits.cpu_period),
        cpu_quota: signed(limits.cpu_quota),
        cpu_realtime_period: signed(limits.cpu_rt_period),
        cpu_realtime_runtime: signed(limits.cpu_rt_runtime),
        cpuset_cpus: limits.cpuset.clone(),
        pids_limit: limits.pids,
        oom_kill_disable: limits.oom_kill_disable.then_some(true),
        oom_score_adj: limits.oom_score_adj,
        blkio_weight: limits.blkio.weight,
        blkio_weight_device: some(limits.blkio.weight_device.iter().map(weight).collect()),
        blkio_device_read_bps: throttles(&limits.blkio.device_read_bps),
        blkio_device_read_iops: throttles(&limits.blkio.device_read_iops),
        blkio_device_write_bps: throttles(&limits.blkio.device_write_bps),
        blkio_device_write_iops: throttles(&limits.blkio.device_write_iops),
        ulimits: some(limits.ulimits.iter().map(|(name, limit)| ulimit(name, *limit)).collect()),
        ..HostConfig::default()
    }
}

fn weight((path, weight): (&String, &u16)) -> ResourcesBlkioWeightDevice {
    ResourcesBlkioWeightDevice { path: Some(path.clone()), weight: Some(usize::from(*weight)) }
}

fn throttles(devices: &BTreeMap<String, u64>) -> Option<Vec<ThrottleDevice>> {
    let throttle =
        |(path, rate): (&String, &u64)| ThrottleDevice { path: Some(path.clone()), rate: signed(Some(*rate)) };
    some(devices.iter().map(throttle).collect())
}

fn ulimit(name: &str, Ulimit { soft, hard }: Ulimit) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(soft), hard: Some(hard) }
}

fn device(device: Device) -> DeviceMapping {
    DeviceMapping {
        path_on_host: Some(device.source),
        path_in_container: Some(device.target),
        cgroup_permissions: Some(device.permissions),
    }
}

fn request(request: DeviceRequest) -> EngineRequest {
    EngineRequest {
        driver: Some(request.driver),
        count: Some(request.count),
        device_ids: some(request.ids),
        capabilities: Some(vec![request.capabilities]),
        options: some_map(request.options),
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn some_map(map: BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!map.is_empty()).then(|| map.into_iter().collect())
}

fn signed(number: Option<u64>) -> Option<i64> {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX))
}
