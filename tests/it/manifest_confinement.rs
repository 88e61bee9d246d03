//! What a container may do and use: from the keys of a service to what the engine is told.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shipctl::container::PinnedImage;
use shipctl::engine::spec::create_body;
use shipctl::fleet::stamp::Stamp;
use shipctl::release::{Files, Release};

use crate::manifest_support::{Project, assert_problems, with_service_keys};

/// What the engine is told about the container of a service with these keys.
fn request(keys: &str) -> Value {
    let environment = Project::of(&with_service_keys(keys)).sound();
    let image = PinnedImage::Local { id: "sha256:1".to_owned(), tag: "shop/web:1".to_owned() };
    let images: BTreeMap<_, _> = environment.services.keys().map(|name| (name.clone(), image.clone())).collect();
    let release = Release::assemble(&environment, images, &Files::new(), None);
    let spec = release.containers.values().next().expect("a container");
    serde_json::to_value(create_body(spec, &Stamp::of(spec, spec.digest(), 1))).expect("a request")
}

/// Each line of a manifest says exactly this to the engine, at this place of its request.
fn assert_requests(cases: &[(&str, &str, Value)]) {
    let mut wrong = Vec::new();
    for (keys, place, expected) in cases {
        let found = request(keys);
        let found = found.pointer(place).cloned().unwrap_or_default();
        if found != *expected {
            wrong.push(format!("{keys}\n  expected: {expected}\n  found:    {found}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn what_a_container_may_do_reaches_the_engine() {
    let device = |target: &str, mode: &str| json!([{"PathOnHost": "/dev/a", "PathInContainer": target, "CgroupPermissions": mode}]);
    assert_requests(&[
        ("cap_add: [NET_ADMIN]", "/HostConfig/CapAdd", json!(["NET_ADMIN"])),
        ("cap_drop: [ALL]", "/HostConfig/CapDrop", json!(["ALL"])),
        ("security_opt: [\"no-new-privileges:true\"]", "/HostConfig/SecurityOpt", json!(["no-new-privileges:true"])),
        ("privileged: true", "/HostConfig/Privileged", json!(true)),
        ("read_only: true", "/HostConfig/ReadonlyRootfs", json!(true)),
        ("group_add: [audio, 44]", "/HostConfig/GroupAdd", json!(["audio", "44"])),
        ("pid: host", "/HostConfig/PidMode", json!("host")),
        ("ipc: shareable", "/HostConfig/IpcMode", json!("shareable")),
        ("uts: host", "/HostConfig/UTSMode", json!("host")),
        ("userns_mode: host", "/HostConfig/UsernsMode", json!("host")),
        ("cgroup: private", "/HostConfig/CgroupnsMode", json!("private")),
        ("cgroup_parent: apps.slice", "/HostConfig/CgroupParent", json!("apps.slice")),
        ("sysctls: { net.core.somaxconn: 1024 }", "/HostConfig/Sysctls", json!({"net.core.somaxconn": "1024"})),
        ("sysctls: [net.core.somaxconn=1024]", "/HostConfig/Sysctls", json!({"net.core.somaxconn": "1024"})),
        ("tmpfs: /run", "/HostConfig/Tmpfs", json!({"/run": ""})),
        (
            "tmpfs: [\"/run:size=64m,mode=1777\", /tmp]",
            "/HostConfig/Tmpfs",
            json!({"/run": "size=64m,mode=1777", "/tmp": ""}),
        ),
        ("devices: [/dev/a]", "/HostConfig/Devices", device("/dev/a", "rwm")),
        ("devices: [\"/dev/a:r\"]", "/HostConfig/Devices", device("/dev/a", "r")),
        ("devices: [\"/dev/a:/dev/b:rw\"]", "/HostConfig/Devices", device("/dev/b", "rw")),
        ("devices: [{ source: /dev/a, target: /dev/b, permissions: r }]", "/HostConfig/Devices", device("/dev/b", "r")),
        ("device_cgroup_rules: [\"c 1:3 mr\"]", "/HostConfig/DeviceCgroupRules", json!(["c 1:3 mr"])),
        ("runtime: runsc", "/HostConfig/Runtime", json!("runsc")),
        ("storage_opt: { size: 1G }", "/HostConfig/StorageOpt", json!({"size": "1G"})),
        ("tty: true", "/Tty", json!(true)),
        ("stdin_open: true", "/OpenStdin", json!(true)),
        ("working_dir: /srv", "/WorkingDir", json!("/srv")),
        (
            "volumes: [{ type: tmpfs, target: /cache, tmpfs: { size: 64m, mode: 01777 } }]",
            "/HostConfig/Mounts",
            json!([{"Type": "tmpfs", "Target": "/cache", "ReadOnly": false, "TmpfsOptions": {"SizeBytes": 67_108_864, "Mode": 0o1777}}]),
        ),
        (
            "ports: [\"8000-8001:9000-9001\"]",
            "/HostConfig/PortBindings",
            json!({"9000/tcp": [{"HostPort": "8000"}], "9001/tcp": [{"HostPort": "8001"}]}),
        ),
        (
            "volumes: [\"/srv:/www:ro,z,rslave\", \"data:/data:nocopy\"]",
            "/HostConfig/Binds",
            json!(["/srv:/www:ro,z,rslave"]),
        ),
        (
            "volumes: [{ type: bind, source: /srv, target: /www, bind: { create_host_path: false, propagation: rshared } }]",
            "/HostConfig/Mounts",
            json!([{"Type": "bind", "Source": "/srv", "Target": "/www", "ReadOnly": false, "BindOptions": {"Propagation": "rshared"}}]),
        ),
        (
            "volumes: [{ type: volume, source: data, target: /d, volume: { nocopy: true, subpath: a } }]",
            "/HostConfig/Mounts",
            json!([{"Type": "volume", "Source": "shop-test_data", "Target": "/d", "ReadOnly": false, "VolumeOptions": {"NoCopy": true, "Subpath": "a"}}]),
        ),
        ("annotations: { com.example/a: b }", "/HostConfig/Annotations", json!({"com.example/a": "b"})),
        ("expose: [80, 53/udp]", "/ExposedPorts", json!({"80/tcp": {}, "53/udp": {}})),
        ("x-note: nothing is said that nobody wrote", "/HostConfig/Privileged", Value::Null),
    ]);
}

#[test]
fn what_a_container_may_use_reaches_the_engine() {
    let gpu = |driver: &str, count: i64| json!([{"Driver": driver, "Count": count, "Capabilities": [["gpu"]]}]);
    let ids = json!([{"Driver": "nvidia", "Count": 0, "DeviceIDs": ["0", "3"], "Capabilities": [["gpu", "utility"]]}]);
    assert_requests(&[
        ("healthcheck: { test: x, start_interval: 2s }", "/Healthcheck/StartInterval", json!(2_000_000_000_u64)),
        ("mem_limit: 512m", "/HostConfig/Memory", json!(536_870_912)),
        ("mem_reservation: 1.5g", "/HostConfig/MemoryReservation", json!(1_610_612_736)),
        ("memswap_limit: -1", "/HostConfig/MemorySwap", json!(-1)),
        ("mem_swappiness: 10", "/HostConfig/MemorySwappiness", json!(10)),
        ("shm_size: 64kb", "/HostConfig/ShmSize", json!(65536)),
        ("cpus: 0.5", "/HostConfig/NanoCpus", json!(500_000_000)),
        ("cpu_shares: 73", "/HostConfig/CpuShares", json!(73)),
        ("cpu_period: 10ms", "/HostConfig/CpuPeriod", json!(10_000)),
        ("cpu_quota: 50000", "/HostConfig/CpuQuota", json!(50_000)),
        ("cpu_rt_runtime: 400ms", "/HostConfig/CpuRealtimeRuntime", json!(400_000)),
        ("cpu_rt_period: 1s", "/HostConfig/CpuRealtimePeriod", json!(1_000_000)),
        ("cpuset: 0-2,4", "/HostConfig/CpusetCpus", json!("0-2,4")),
        ("pids_limit: 200", "/HostConfig/PidsLimit", json!(200)),
        ("oom_kill_disable: true", "/HostConfig/OomKillDisable", json!(true)),
        ("oom_score_adj: -500", "/HostConfig/OomScoreAdj", json!(-500)),
        (
            "ulimits: { nofile: 65535 }",
            "/HostConfig/Ulimits",
            json!([{"Name": "nofile", "Soft": 65535, "Hard": 65535}]),
        ),
        (
            "ulimits: { memlock: { soft: 1024, hard: -1 } }",
            "/HostConfig/Ulimits",
            json!([{"Name": "memlock", "Soft": 1024, "Hard": -1}]),
        ),
        ("blkio_config: { weight: 300 }", "/HostConfig/BlkioWeight", json!(300)),
        (
            "blkio_config: { weight_device: [{ path: /dev/sda, weight: 400 }] }",
            "/HostConfig/BlkioWeightDevice",
            json!([{"Path": "/dev/sda", "Weight": 400}]),
        ),
        (
            "blkio_config: { device_read_bps: [{ path: /dev/sda, rate: 12mb }] }",
            "/HostConfig/BlkioDeviceReadBps",
            json!([{"Path": "/dev/sda", "Rate": 12_582_912}]),
        ),
        (
            "blkio_config: { device_write_iops: [{ path: /dev/sda, rate: 30 }] }",
            "/HostConfig/BlkioDeviceWriteIOps",
            json!([{"Path": "/dev/sda", "Rate": 30}]),
        ),
        ("gpus: all", "/HostConfig/DeviceRequests", gpu("", -1)),
        ("gpus: [{ driver: nvidia, count: 2 }]", "/HostConfig/DeviceRequests", gpu("nvidia", 2)),
        (
            "deploy: { resources: { reservations: { devices: [{ driver: nvidia, device_ids: [\"0\", \"3\"], capabilities: [gpu, utility] }] } } }",
            "/HostConfig/DeviceRequests",
            ids,
        ),
        ("deploy: { resources: { limits: { cpus: \"1.25\" } } }", "/HostConfig/NanoCpus", json!(1_250_000_000)),
        ("deploy: { resources: { limits: { memory: 1g } } }", "/HostConfig/Memory", json!(1_073_741_824)),
        ("deploy: { resources: { limits: { pids: 9 } } }", "/HostConfig/PidsLimit", json!(9)),
        ("deploy: { resources: { reservations: { memory: 1m } } }", "/HostConfig/MemoryReservation", json!(1_048_576)),
    ]);
}

#[test]
fn how_a_container_finds_others_reaches_the_engine() {
    let hosts = json!(["db:10.0.0.7", "v6:::1", "host.docker.internal:host-gateway"]);
    assert_requests(&[
        ("hostname: web.internal", "/Hostname", json!("web.internal")),
        ("domainname: internal", "/Domainname", json!("internal")),
        (
            "networks: { back: { ipv4_address: 10.0.0.9, ipv6_address: fd00::9, link_local_ips: [169.254.0.9] } }",
            "/NetworkingConfig/EndpointsConfig/shop-test_back/IPAMConfig",
            json!({"IPv4Address": "10.0.0.9", "IPv6Address": "fd00::9", "LinkLocalIPs": ["169.254.0.9"]}),
        ),
        (
            "networks: { back: { mac_address: 02:42:ac:11:00:02, driver_opts: { a: b } } }",
            "/NetworkingConfig/EndpointsConfig/shop-test_back",
            json!({"Aliases": ["web"], "MacAddress": "02:42:ac:11:00:02", "DriverOpts": {"a": "b"}}),
        ),
        ("networks: { default: {}, back: { priority: 10 } }", "/HostConfig/NetworkMode", json!("shop-test_back")),
        ("dns: 10.0.0.53", "/HostConfig/Dns", json!(["10.0.0.53"])),
        ("dns: [10.0.0.53, \"fd00::53\"]", "/HostConfig/Dns", json!(["10.0.0.53", "fd00::53"])),
        ("dns_search: [internal, example.org]", "/HostConfig/DnsSearch", json!(["internal", "example.org"])),
        ("dns_opt: [\"ndots:2\"]", "/HostConfig/DnsOptions", json!(["ndots:2"])),
        (
            "extra_hosts: [db=10.0.0.7, \"v6=[::1]\", \"host.docker.internal:host-gateway\"]",
            "/HostConfig/ExtraHosts",
            hosts,
        ),
        ("extra_hosts: { db: [10.0.0.7, 10.0.0.8] }", "/HostConfig/ExtraHosts", json!(["db:10.0.0.7", "db:10.0.0.8"])),
    ]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    assert_problems(
        with_service_keys,
        &[
            (
                "cap_add: [net-admin]",
                "12:15: `net-admin` is not a capability (write it in capitals, as `NET_ADMIN` or `ALL`)",
            ),
            ("pid: container:x", "12:10: `container:x` is not allowed here (use `host`)"),
            ("mem_limit: 5x", "12:16: expected a number of bytes such as `512m` or `1.5g`, found `5x`"),
            ("cpus: -1", "12:11: expected a number of CPUs such as `0.5` or `2`, found `-1`"),
            ("cpus: 0", "12:11: expected a number of CPUs such as `0.5` or `2`, found `0`"),
            ("oom_score_adj: 2000", "12:20: expected a number from -1000 to 1000, found `2000`"),
            (
                "mem_limit: 1g\ndeploy: { resources: { limits: { memory: 2g } } }",
                "13:28: this is not what `mem_limit` of the service says (say it in one place)",
            ),
            (
                "deploy: { resources: { reservations: { cpus: 1 } } }",
                "12:44: `cpus` is not supported (remove it; it is never ignored)",
            ),
            ("gpus: some", "12:11: expected `all` or a list of devices, found `some`"),
            (
                "gpus: [{ count: 1, device_ids: [a] }]",
                "12:14: `count` and `device_ids` exclude each other (keep one of them)",
            ),
            (
                "tmpfs: run",
                "12:12: `run` is not a place for a tmpfs (write an absolute path, with options behind a colon: `/run:size=64m,mode=1777`)",
            ),
            ("devices: [sda]", "12:15: `sda` is not a device (write `/dev/x`, `/dev/x:/dev/y` or `/dev/x:/dev/y:rwm`)"),
            ("dns: resolver", "12:10: `resolver` is not an address (write `10.0.0.53`)"),
            ("hostname: a_b.", "12:15: `a_b.` is not a host name (use letters, digits, `-` and `.`)"),
            (
                "extra_hosts: [db]",
                "12:19: `db=` is not a host and its address (write `name=10.0.0.7`, or `name=host-gateway` for the host itself)",
            ),
            ("ulimits: { nofile: { soft: 9, hard: 8 } }", "12:16: the soft limit is above the hard one"),
            (
                "ulimits: { nofiles: 1 }",
                "12:16: `nofiles` is not allowed here (did you mean `nofile`? Otherwise use one of `core`, `cpu`, `data`, `fsize`, `locks`, `memlock`, `msgqueue`, `nice`, `nofile`, `nproc`, `rss`, `rtprio`, `rttime`, `sigpending`, `stack`, `as`)",
            ),
            (
                "read_only: true\nsecrets: [token]",
                "12:5: files cannot be delivered into a read-only container (remove `read_only`, or give its configs `deliver: volume` or `deliver: image`, and its secrets `tmpfs: true`)",
            ),
            ("working_dir: srv", "12:18: `srv` is not a directory (write an absolute path)"),
            ("expose: [90-80]", "12:14: `90-80` is not a port of the container (write `80`, `8000-8009` or `53/udp`)"),
        ],
    );
}
