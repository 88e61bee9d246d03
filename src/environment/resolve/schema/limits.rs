//! How much a service may use.

use super::super::limits::ULIMITS;
use super::confinement;
use super::shape::{
    Key, Shape, boolean, bytes, bytes_or_unlimited, cpus, either, form, key, level, list, microseconds, number,
    some_of, text,
};

/// `-1` is no limit.
const PIDS: std::ops::RangeInclusive<i64> = -1..=4_194_304;

/// Memory, processors, processes, files and disks.
pub(super) fn keys() -> Vec<Key> {
    let oom = "Never ended for want of memory; the whole host may stand still instead.";
    let swap = "Memory and swap together, such as `1g`; -1 is no limit.";
    let limit = || number(-1..=i64::MAX);
    let both = level([
        key("soft", "What it begins with; -1 is no limit.", limit()),
        key("hard", "What it may raise that to; -1 is no limit.", limit()),
    ]);
    let ulimit = either([limit(), both]);
    vec![
        key("mem_limit", "Memory, such as `512m`.", bytes()),
        key("mem_reservation", "Memory that it is pushed back to when the host runs short.", bytes()),
        key("memswap_limit", swap, bytes_or_unlimited()),
        key("mem_swappiness", "How readily its memory is swapped, in percent.", number(0..=100)),
        key("shm_size", "The size of /dev/shm.", bytes()),
        key("oom_kill_disable", oom, boolean()).default(false),
        key("oom_score_adj", "Whether it is among the first to be ended for want of memory.", number(-1000..=1000)),
        key("cpus", "Processors, such as `1.5`.", cpus()),
        key("cpu_shares", "Its weight against others where processors are short.", number(0..=262_144)),
        key("cpu_period", "The period of `cpu_quota`, as a duration or in microseconds.", microseconds()),
        key("cpu_quota", "Processor time in each period, as a duration or in microseconds.", microseconds()),
        key("cpu_rt_period", "The period of `cpu_rt_runtime`, as a duration or in microseconds.", microseconds()),
        key(
            "cpu_rt_runtime",
            "Real-time processor time in each period, as a duration or in microseconds.",
            microseconds(),
        ),
        key("cpuset", "Which processors: `0-1` or `0,2`.", text()),
        key("pids_limit", "Processes and threads; -1 is no limit.", number(PIDS)),
        key("ulimits", "Limits of each process: a number, or `soft` and `hard`.", some_of(&ULIMITS, &ulimit)),
        key("blkio_config", "How much it may use block devices.", blkio()),
    ]
}

fn blkio() -> Shape {
    let weight = || number(10..=1000);
    let devices = |value: &'static str, description: &'static str, shape: Shape| {
        let keys =
            level([key("path", "The device, such as `/dev/sda`.", form("/dev/.*")), key(value, description, shape)]);
        list(keys.item(&["path", value]))
    };
    let rate = || devices("rate", "Bytes in a second.", bytes());
    let count = || devices("rate", "Operations in a second.", number(1..=i64::MAX));
    level([
        key("weight", "Its weight against others.", weight()),
        key("weight_device", "Its weight on a device.", devices("weight", "Its weight against others.", weight())),
        key("device_read_bps", "How many bytes it may read in a second.", rate()),
        key("device_read_iops", "How often it may read in a second.", count()),
        key("device_write_bps", "How many bytes it may write in a second.", rate()),
        key("device_write_iops", "How often it may write in a second.", count()),
    ])
}

/// `deploy.resources`
pub(super) fn resources() -> Shape {
    let limits = level([
        key("cpus", "As `cpus` of the service.", cpus()),
        key("memory", "As `mem_limit` of the service.", bytes()),
        key("pids", "As `pids_limit` of the service.", number(PIDS)),
    ]);
    let reservations = level([
        key("memory", "As `mem_reservation` of the service.", bytes()),
        key("devices", "Devices that a driver provides.", list(confinement::request().item(&["capabilities"]))),
    ]);
    level([key("limits", "What it may not exceed.", limits), key("reservations", "What is kept for it.", reservations)])
}
