//! What a container may do, how much it may use, and how it finds others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::runtime::is_default;

/// What a container may do, and what of its host it sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Privileges {
    /// Capabilities beside the engine's usual ones.
    #[serde(skip_serializing_if = "is_default")]
    pub cap_add: Vec<String>,
    /// Capabilities it does without.
    #[serde(skip_serializing_if = "is_default")]
    pub cap_drop: Vec<String>,
    /// Labels and profiles, as the engine takes them.
    #[serde(skip_serializing_if = "is_default")]
    pub security_opt: Vec<String>,
    /// All capabilities and devices.
    #[serde(skip_serializing_if = "is_default")]
    pub privileged: bool,
    /// Its root file system cannot be written.
    #[serde(skip_serializing_if = "is_default")]
    pub read_only: bool,
    /// Further groups of its user.
    #[serde(skip_serializing_if = "is_default")]
    pub group_add: Vec<String>,
    /// `host` to see the host's processes.
    #[serde(skip_serializing_if = "is_default")]
    pub pid: Option<String>,
    /// `none`, `private`, `shareable` or `host`.
    #[serde(skip_serializing_if = "is_default")]
    pub ipc: Option<String>,
    /// `host` to share the host's name.
    #[serde(skip_serializing_if = "is_default")]
    pub uts: Option<String>,
    /// `host` to leave the engine's user namespace.
    #[serde(skip_serializing_if = "is_default")]
    pub userns_mode: Option<String>,
    /// `host` or `private`.
    #[serde(skip_serializing_if = "is_default")]
    pub cgroup: Option<String>,
    /// The cgroup under which it runs.
    #[serde(skip_serializing_if = "is_default")]
    pub cgroup_parent: Option<String>,
    /// Kernel parameters of its namespaces.
    #[serde(skip_serializing_if = "is_default")]
    pub sysctls: BTreeMap<String, String>,
    /// Directories in memory, by path, with mount options.
    #[serde(skip_serializing_if = "is_default")]
    pub tmpfs: BTreeMap<String, String>,
    /// Devices of the host.
    #[serde(skip_serializing_if = "is_default")]
    pub devices: Vec<Device>,
    /// Rules of the device cgroup.
    #[serde(skip_serializing_if = "is_default")]
    pub device_cgroup_rules: Vec<String>,
    /// Devices that a driver provides, such as GPUs.
    #[serde(skip_serializing_if = "is_default")]
    pub device_requests: Vec<DeviceRequest>,
    /// The OCI runtime; `None` is the engine's default.
    #[serde(skip_serializing_if = "is_default")]
    pub runtime: Option<String>,
    /// Options of the storage driver.
    #[serde(skip_serializing_if = "is_default")]
    pub storage_opt: BTreeMap<String, String>,
}

/// A device of the host in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Path on the host.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Some of `rwm`.
    pub permissions: String,
}

/// Devices asked of a driver.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRequest {
    /// The driver; empty leaves the choice to the engine.
    pub driver: String,
    /// How many; -1 is all, 0 goes by `ids`.
    pub count: i64,
    /// Which ones.
    pub ids: Vec<String>,
    /// What they must be capable of, all of it.
    pub capabilities: Vec<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

/// How much a container may use. Bytes, unless said otherwise; `None` is the engine's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Most memory.
    #[serde(skip_serializing_if = "is_default")]
    pub memory: Option<u64>,
    /// Memory it is left with when the host runs short.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_reservation: Option<u64>,
    /// Most memory and swap together; -1 is no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_and_swap: Option<i64>,
    /// Willingness to swap, 0 to 100.
    #[serde(skip_serializing_if = "is_default")]
    pub swappiness: Option<u64>,
    /// Of `/dev/shm`.
    #[serde(skip_serializing_if = "is_default")]
    pub shm_size: Option<u64>,
    /// Billionths of a CPU.
    #[serde(skip_serializing_if = "is_default")]
    pub nano_cpus: Option<u64>,
    /// Weight against other containers.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_shares: Option<u64>,
    /// Microseconds of a scheduling period.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_period: Option<u64>,
    /// Microseconds of CPU in each period.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_quota: Option<u64>,
    /// Microseconds of a real-time period.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_rt_period: Option<u64>,
    /// Microseconds of real time in each period.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_rt_runtime: Option<u64>,
    /// CPUs it may run on, such as `0-2,4`.
    #[serde(skip_serializing_if = "is_default")]
    pub cpuset: Option<String>,
    /// Most processes and threads; -1 is no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub pids: Option<i64>,
    /// Never killed for want of memory.
    #[serde(skip_serializing_if = "is_default")]
    pub oom_kill_disable: bool,
    /// How likely it is killed for want of memory, -1000 to 1000.
    #[serde(skip_serializing_if = "is_default")]
    pub oom_score_adj: Option<i64>,
    /// By name, such as `nofile`.
    #[serde(skip_serializing_if = "is_default")]
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Of block devices.
    #[serde(skip_serializing_if = "is_default")]
    pub blkio: Blkio,
}

/// How much a container may use block devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Blkio {
    /// Weight against other containers, 10 to 1000.
    #[serde(skip_serializing_if = "is_default")]
    pub weight: Option<u16>,
    /// The same for one device, by its path.
    #[serde(skip_serializing_if = "is_default")]
    pub weight_device: BTreeMap<String, u16>,
    /// Most bytes read in a second, by device.
    #[serde(skip_serializing_if = "is_default")]
    pub device_read_bps: BTreeMap<String, u64>,
    /// Most reads in a second, by device.
    #[serde(skip_serializing_if = "is_default")]
    pub device_read_iops: BTreeMap<String, u64>,
    /// Most bytes written in a second, by device.
    #[serde(skip_serializing_if = "is_default")]
    pub device_write_bps: BTreeMap<String, u64>,
    /// Most writes in a second, by device.
    #[serde(skip_serializing_if = "is_default")]
    pub device_write_iops: BTreeMap<String, u64>,
}

/// Limits of a resource; -1 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// What the process may go up to.
    pub soft: i64,
    /// What it may raise the soft limit to.
    pub hard: i64,
}

/// How a container is called, and how it finds others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Naming {
    /// Its own name; `None` is the container's id.
    #[serde(skip_serializing_if = "is_default")]
    pub hostname: Option<String>,
    /// Its domain.
    #[serde(skip_serializing_if = "is_default")]
    pub domainname: Option<String>,
    /// Addresses of name servers.
    #[serde(skip_serializing_if = "is_default")]
    pub dns: Vec<String>,
    /// Domains that are searched.
    #[serde(skip_serializing_if = "is_default")]
    pub dns_search: Vec<String>,
    /// Options of its resolver.
    #[serde(skip_serializing_if = "is_default")]
    pub dns_opt: Vec<String>,
    /// Further lines of its `/etc/hosts`, as `name:address`.
    #[serde(skip_serializing_if = "is_default")]
    pub extra_hosts: Vec<String>,
}
