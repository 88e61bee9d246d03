//! What a service may not say about its ports, volumes, networks, configs and secrets.

use crate::manifest_support::{assert_problems, with_service_keys};

#[test]
fn a_port_is_a_number_that_can_be_bound() {
    let cases = [
        (r#"ports: "80""#, "12:12: expected a list, found `80`"),
        (
            r#"ports: ["0:80"]"#,
            "12:13: `0:80` is not a port (write `80`, `8080:80`, `127.0.0.1:8080:80`, `53:53/udp` or `8000-8009:9000-9009`; ports are 1 to 65535)",
        ),
        (
            r#"ports: ["65536:80"]"#,
            "12:13: `65536:80` is not a port (write `80`, `8080:80`, `127.0.0.1:8080:80`, `53:53/udp` or `8000-8009:9000-9009`; ports are 1 to 65535)",
        ),
        (
            "ports: [-1]",
            "12:13: `-1` is not a port (write `80`, `8080:80`, `127.0.0.1:8080:80`, `53:53/udp` or `8000-8009:9000-9009`; ports are 1 to 65535)",
        ),
        (
            r#"ports: ["80/sctp"]"#,
            "12:13: `80/sctp` is not a port (write `80`, `8080:80`, `127.0.0.1:8080:80`, `53:53/udp` or `8000-8009:9000-9009`; ports are 1 to 65535)",
        ),
        (
            r#"ports: ["0.0.0.0:80:80:80"]"#,
            "12:13: `0.0.0.0:80:80:80` is not a port (write `80`, `8080:80`, `127.0.0.1:8080:80`, `53:53/udp` or `8000-8009:9000-9009`; ports are 1 to 65535)",
        ),
        (
            r#"ports: ["8000-8010:80-81"]"#,
            "12:13: `8000-8010:80-81` is not a port (write `80`, `8080:80`, `127.0.0.1:8080:80`, `53:53/udp` or `8000-8009:9000-9009`; ports are 1 to 65535)",
        ),
        (
            r#"ports: ["1.2.3:80:80"]"#,
            "12:13: `1.2.3:80:80` is not a port (write `80`, `8080:80`, `127.0.0.1:8080:80`, `53:53/udp` or `8000-8009:9000-9009`; ports are 1 to 65535)",
        ),
        ("ports: [{ target: 80, published: 0 }]", "12:38: expected a number from 1 to 65535, found `0`"),
        ("ports: [{ published: 80 }]", "12:13: `target` is missing"),
        (
            "ports: [{ target: 80, mode: hots }]",
            "12:33: `hots` is not allowed here (did you mean `host`? Otherwise use one of `host`, `ingress`)",
        ),
        (
            "ports: [{ target: 80, protocol: tpc }]",
            "12:37: `tpc` is not allowed here (did you mean `tcp`? Otherwise use one of `tcp`, `udp`)",
        ),
        (
            r#"ports: ["8080:80", "127.0.0.1:8080:81"]"#,
            "12:24: port 8080 of host `h1` is taken by `web` (12) (publish another port, or place the services on different hosts)",
        ),
    ];
    assert_problems(with_service_keys, &cases);
}

#[test]
fn a_volume_has_a_declared_or_absolute_source_and_a_place_of_its_own() {
    let cases = [
        (
            r#"volumes: ["./data:/data"]"#,
            "12:15: `./data` cannot be mounted (write an absolute path of the host, without `..`)",
        ),
        (
            r#"volumes: ["/srv/../etc:/data"]"#,
            "12:15: `/srv/../etc` cannot be mounted (write an absolute path of the host, without `..`)",
        ),
        (r#"volumes: ["/srv:/data:rx"]"#, "12:15: `rx` is not an option of a volume (did you mean `ro`?)"),
        (
            r#"volumes: ["/srv:data"]"#,
            "12:15: `data` is not a place for a volume (write an absolute path in the container, without `..`)",
        ),
        (
            r#"volumes: ["/srv:/"]"#,
            "12:15: `/` is not a place for a volume (write an absolute path in the container, without `..`)",
        ),
        (r#"volumes: ["dat:/data"]"#, "12:15: the volume `dat` is not declared (did you mean `data`?)"),
        (r#"volumes: ["data:/data", "/srv:/data/"]"#, "12:29: something is at `/data` already (12)"),
        ("volumes: [{ type: npipe, target: /x }]", "12:23: `npipe` is not supported (use `bind`, `volume` or `tmpfs`)"),
        ("volumes: [{ type: tmpfs, source: x, target: /x }]", "12:38: a tmpfs has no source"),
        (
            "volumes: [{ type: bind, source: /a, target: /x, tmpfs: { size: 1m } }]",
            "12:53: `tmpfs` is for volumes of `type: tmpfs`",
        ),
        ("volumes: [{ type: bind, target: /x }]", "12:15: `source` is missing"),
        (
            "volumes: [{ type: bind, source: /x, target: /x, volume: {}, bind: { propagation: x, nocopy: true } }]",
            "12:53: `volume` is for volumes of `type: volume`
12:86: `x` is not allowed here (use one of `rprivate`, `private`, `rshared`, `shared`, `rslave`, `slave`)
12:89: unknown key `nocopy` (use one of `propagation`, `selinux`, `create_host_path`)",
        ),
        (
            r#"volumes: ["data:/x:z", "/srv:/y:nocopy", { type: bind, source: /a, target: /a, bind: { selinux: z, create_host_path: false } }]"#,
            "12:15: this is an option of paths of the host, and a volume is mounted
12:28: this is an option of volumes, and a path of the host is mounted
12:46: `selinux` makes the engine create a missing directory (leave out one of the two)",
        ),
    ];
    assert_problems(with_service_keys, &cases);
}

#[test]
fn a_network_is_declared_once_and_named_once() {
    let cases = [
        ("networks: [bak]", "12:16: the network `bak` is not declared (did you mean `back`?)"),
        ("networks: [back, back]", "12:22: `back` is there twice"),
        (
            "networks: { back: { ipv4_address: '10.0.0', ipv6_address: 10.0.0.1, mac_address: x, interface_name: eth0 } }",
            "12:39: `10.0.0` is not an IPv4 address
12:63: `10.0.0.1` is not an IPv6 address
12:86: `x` is not a hardware address (write `02:42:ac:11:00:02`)
12:89: `interface_name` is not supported (remove it; it is never ignored)",
        ),
        (
            r#"networks: { back: { aliases: ["-x"] } }"#,
            "12:35: `-x` is not an alias: must be 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit",
        ),
        (
            "network_mode: hots",
            "12:19: `hots` is not allowed here (did you mean `host`? Otherwise use one of `host`, `none`)",
        ),
        (
            "network_mode: host
networks: [back]",
            "12:5: `network_mode` and `networks` exclude each other",
        ),
        (
            r#"network_mode: host
ports: ["80:80"]"#,
            "13:13: `network_mode: host` publishes no ports (remove one of the two)",
        ),
    ];
    assert_problems(with_service_keys, &cases);
}

#[test]
fn a_file_has_a_declared_source_a_path_and_an_octal_mode() {
    let cases = [
        ("configs: [ap]", "12:15: the config `ap` is not declared (did you mean `app`?)"),
        (
            "configs: [{ source: app, target: ../x }]",
            "12:38: `../x` is not a file in the container (write an absolute path without `..`)",
        ),
        (
            "configs: [{ source: app, mode: 440 }]",
            "12:36: `440` is not a file mode (write it in octal with a leading zero, such as `0440`)",
        ),
        (
            r#"configs: [{ source: app, mode: "0999" }]"#,
            "12:36: `0999` is not a file mode (write it in octal with a leading zero, such as `0440`)",
        ),
        ("configs: [{ source: app, uid: root }]", "12:35: expected a number from 0 to 4294967295, found `root`"),
        ("configs: [{ target: /x }]", "12:15: `source` is missing"),
        ("configs: [app, { source: app, target: /app }]", "12:43: something is at `/app` already (12)"),
        (
            "configs: [{ source: app, target: /etc/app/a, deliver: volumes }]",
            "12:59: `volumes` is not a way to deliver a config (did you mean `volume`?)",
        ),
        (
            "configs: [{ source: app, target: /etc/app.conf, deliver: volume }]",
            "12:38: `/etc` cannot be mounted: it would hide what the image has there (deliver the file to a directory of its own)",
        ),
        (
            "configs: [{ source: app, target: /etc/app/a, deliver: { host: etc } }]",
            "12:67: `etc` is not a directory of the host for these files (write an absolute path without `..`, of a directory of their own)",
        ),
        (
            "configs: [{ source: app, target: /etc/app/a, deliver: volume }, { source: app, target: /etc/app/b/c }]",
            "12:38: `/etc/app` is mounted as a whole, and `/etc/app/b/c` is put there too (12) (deliver both in one way, or to different directories)",
        ),
        (
            "volumes: [\"data:/etc/app\"]\nconfigs: [{ source: app, target: /etc/app/a, deliver: host }]",
            "13:38: `/etc/app` is mounted as a whole, and `/etc/app` is put there too (12) (deliver both in one way, or to different directories)",
        ),
        (
            "configs: [{ source: app, target: /etc/app/a, on_change: signal }]",
            "12:61: a file that lies in the container or its image does not change while it runs (write `deliver: volume` or `deliver: host` beside it)",
        ),
        (
            "configs: [{ source: app, target: /etc/app/a, deliver: volume, on_change: SIGKILL }]",
            "12:78: `SIGKILL` is not allowed here (did you mean `signal`? Otherwise use one of `replace`, `signal`, `SIGHUP`, `SIGUSR1`, `SIGUSR2`, `SIGWINCH`)",
        ),
        (
            "configs: [{ source: app, target: /etc/a/a, deliver: volume, on_change: SIGHUP }, { source: app, target: /etc/b/a, deliver: host, on_change: SIGUSR1 }]",
            "12:14: one file is told by SIGHUP and another by SIGUSR1; a container is sent one signal (write the same `on_change` for all)",
        ),
        (
            "configs: [{ source: app, target: /etc/app/a, deliver: volume, on_change: signal }, { source: app, target: /etc/app/b, deliver: volume }]",
            "12:38: `/etc/app` is mounted as a whole, and `/etc/app/b` is put there too (12) (deliver both in one way, or to different directories)\n12:111: `/etc/app` is mounted as a whole, and `/etc/app/a` is put there too (12) (deliver both in one way, or to different directories)",
        ),
        (
            "configs: [{ source: app, target: /etc/app/a, deliver: volume, on_change: SIGUSR1 }]\nstop_signal: SIGUSR1",
            "12:14: SIGUSR1 ends this container, so it cannot tell it that its files have changed (write another `stop_signal`, or another signal as `on_change`)",
        ),
        (
            "configs: [{ source: app, target: /etc/app/a, deliver: volume, on_change: signal }]\nrestart: unless-stopped",
            "12:14: an engine takes a container that was sent a signal for one that somebody has stopped (write `restart: always`, or `on_change: replace`)",
        ),
        (
            "configs: [{ source: app, target: /etc/app/.current, deliver: volume, on_change: signal }]",
            "12:14: `/etc/app/.current` is a name that shipctl needs itself there",
        ),
        (
            "tmpfs: [/run, \"/etc/app/cache:size=1m\"]\nconfigs: [{ source: app, target: /etc/app/a, deliver: volume }]",
            "13:38: `/etc/app` is mounted as a whole, and `/etc/app/cache` is put there too (12) (deliver both in one way, or to different directories)",
        ),
        (
            "tmpfs: /etc/app/\nconfigs: [{ source: app, target: /etc/app/a, deliver: host }]",
            "13:38: `/etc/app` is mounted as a whole, and `/etc/app` is put there too (12) (deliver both in one way, or to different directories)",
        ),
        ("tmpfs: [/data]\nvolumes: [\"data:/data/\"]", "13:15: something is at `/data` already (12)"),
        ("tmpfs: [/run, \"/run:size=1m\"]", "12:19: something is at `/run` already (12)"),
        (
            "configs: [{ source: app, target: /etc/app/app.conf, deliver: volume }]\nsecrets: [{ source: token, target: /etc/app/token }]",
            "12:38: `/etc/app` is mounted as a whole, and `/etc/app/token` is put there too (13) (deliver both in one way, or to different directories)",
        ),
        (
            "configs: [{ source: app, target: /usr/bin/x.conf, deliver: volume }]",
            "12:38: `/usr/bin` cannot be mounted: it would hide what the image has there (deliver the file to a directory of its own)",
        ),
        (
            "secrets: [{ source: token, deliver: image }]",
            "12:32: unknown key `deliver` (use one of `source`, `target`, `uid`, `gid`, `mode`, `tmpfs`)",
        ),
        ("secrets: [tokn]", "12:15: the secret `tokn` is not declared (did you mean `token`?)"),
        (
            "secrets: [{ source: token, target: a/../../b }]",
            "12:40: `a/../../b` is not a file in the container (write an absolute path without `..`)",
        ),
    ];
    assert_problems(with_service_keys, &cases);
}
