//! Options of `docker run`, which Kamal passes on, as keys of a service.

/// What an option's value becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One value.
    One,
    /// A list, to which each value is added.
    Many,
    /// A map, to which each `key=value` is added.
    Pairs,
    /// A volume.
    Volume,
    /// `name=soft[:hard]`.
    Ulimit,
}

/// The keys of an option, and what its value becomes. `None` where there is nothing like it.
pub(super) fn key(option: &str) -> Option<(&'static [&'static str], Shape)> {
    use Shape::{Many, One, Pairs, Ulimit, Volume};
    Some(match option {
        "memory" => (&["mem_limit"], One),
        "memory-reservation" => (&["mem_reservation"], One),
        "memory-swap" => (&["memswap_limit"], One),
        "memory-swappiness" => (&["mem_swappiness"], One),
        "cpus" => (&["cpus"], One),
        "cpu-shares" => (&["cpu_shares"], One),
        "cpu-period" => (&["cpu_period"], One),
        "cpu-quota" => (&["cpu_quota"], One),
        "cpuset-cpus" => (&["cpuset"], One),
        "pids-limit" => (&["pids_limit"], One),
        "shm-size" => (&["shm_size"], One),
        "oom-kill-disable" => (&["oom_kill_disable"], One),
        "oom-score-adj" => (&["oom_score_adj"], One),
        "gpus" => (&["gpus"], One),
        "init" => (&["init"], One),
        "tty" => (&["tty"], One),
        "privileged" => (&["privileged"], One),
        "read-only" => (&["read_only"], One),
        "user" => (&["user"], One),
        "hostname" => (&["hostname"], One),
        "workdir" => (&["working_dir"], One),
        "entrypoint" => (&["entrypoint"], One),
        "restart" => (&["restart"], One),
        "stop-signal" => (&["stop_signal"], One),
        "runtime" => (&["runtime"], One),
        "ipc" => (&["ipc"], One),
        "pid" => (&["pid"], One),
        "uts" => (&["uts"], One),
        "userns" => (&["userns_mode"], One),
        "cgroupns" => (&["cgroup"], One),
        "cgroup-parent" => (&["cgroup_parent"], One),
        "health-cmd" => (&["healthcheck", "test"], One),
        "health-interval" => (&["healthcheck", "interval"], One),
        "health-timeout" => (&["healthcheck", "timeout"], One),
        "health-retries" => (&["healthcheck", "retries"], One),
        "health-start-period" => (&["healthcheck", "start_period"], One),
        "add-host" => (&["extra_hosts"], Many),
        "cap-add" => (&["cap_add"], Many),
        "cap-drop" => (&["cap_drop"], Many),
        "security-opt" => (&["security_opt"], Many),
        "group-add" => (&["group_add"], Many),
        "device" => (&["devices"], Many),
        "dns" => (&["dns"], Many),
        "dns-search" => (&["dns_search"], Many),
        "dns-option" => (&["dns_opt"], Many),
        "tmpfs" => (&["tmpfs"], Many),
        "expose" => (&["expose"], Many),
        "publish" => (&["ports"], Many),
        "sysctl" => (&["sysctls"], Pairs),
        "storage-opt" => (&["storage_opt"], Pairs),
        "label" => (&["labels"], Pairs),
        "env" => (&["environment"], Pairs),
        "volume" => (&["volumes"], Volume),
        "ulimit" => (&["ulimits"], Ulimit),
        _ => return None,
    })
}
