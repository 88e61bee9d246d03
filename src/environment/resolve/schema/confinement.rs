//! What a service may do, and what of its host it sees.

use super::shape::{
    Key, Shape, boolean, either, form, key, level, list, listed, number_or, pairs, text, text_of, words,
};

/// Privileges, namespaces and devices.
pub(super) fn keys() -> Vec<Key> {
    let capability = || list(text_of("[A-Z0-9_]+"));
    let flag = |name, description| key(name, description, boolean()).default(false);
    let gpus = "Graphics cards: `all`, or a list of requests.";
    vec![
        flag("privileged", "It may do all that root may do on the host."),
        flag("read_only", "Its own files cannot be written to."),
        key("cap_add", "Capabilities beside the engine's own, in capitals.", capability()),
        key("cap_drop", "Capabilities that are taken away, in capitals; `ALL` is all.", capability()),
        key("security_opt", "Options such as `no-new-privileges:true`.", listed(text())),
        key("group_add", "Further groups of its user.", listed(text())),
        key("userns_mode", "The host's user namespace instead of its own.", words(["host"])),
        key("pid", "The host's processes instead of its own.", words(["host"])),
        key("ipc", "Shared memory: its own, the host's, or none.", words(["none", "private", "shareable", "host"])),
        key("uts", "The host's name instead of its own.", words(["host"])),
        key("cgroup", "The host's control groups, or its own.", words(["host", "private"])),
        key("cgroup_parent", "The control group that it is put beneath.", text()),
        key("sysctls", "Parameters of the kernel, for this container.", pairs()),
        key("runtime", "The engine's runtime that runs it.", text()),
        key("storage_opt", "Options of the storage driver, such as `size`.", pairs()),
        key(
            "devices",
            "Devices of the host: `/dev/x[:/dev/y][:rwm]`, or in the long form.",
            list(either([form("/.+"), device()])),
        ),
        key("device_cgroup_rules", "Rules such as `c 1:3 mr`.", listed(text())),
        key("gpus", gpus, either([words(["all"]), list(request())])),
    ]
}

fn device() -> Shape {
    let keys = level([
        key("source", "The device on the host.", form("/.+")),
        key("target", "The device in the container; as on the host where it is not said.", form("/.+")),
        key("permissions", "Some of `r`, `w` and `m`.", form("[rwm]+")).default("rwm"),
    ]);
    keys.item(&[])
}

/// Devices that a driver provides.
pub(super) fn request() -> Shape {
    let capabilities = listed(text());
    level([
        key("driver", "The driver; the one that has the capabilities where it is not said.", text()),
        key(
            "count",
            "How many, or `all`; all where neither this nor `device_ids` is said.",
            number_or(&(-1..=1024), "-1|all"),
        ),
        key("device_ids", "Which ones.", listed(text())),
        key("capabilities", "What they must be capable of, such as `gpu`.", capabilities),
        key("options", "Options of the driver.", pairs()),
    ])
}
