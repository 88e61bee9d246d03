//! What a service may not say about its health gate, its placement and its update policy.

use crate::manifest_support::{assert_problems, with_service_keys, with_services};

#[test]
fn a_gate_is_defined_once_and_can_be_passed() {
    let cases = [
        (
            "",
            "3:13: nothing says when this service is healthy (define `health: { http: { port: 80, path: /up } }` (or `tcp`, `exec`, `container`), or write `health: none`)",
        ),
        (
            "health: ",
            "3:30: `health` does not say what to check (use one of `http`, `tcp`, `exec`, `container`, `none`)",
        ),
        (
            "health: {}",
            "3:30: `health` does not say what to check (use one of `http`, `tcp`, `exec`, `container`, `none`)",
        ),
        (
            "health: { interval: 1s }",
            "3:30: `health` does not say what to check (use one of `http`, `tcp`, `exec`, `container`, `none`)",
        ),
        (
            "health: nope",
            "3:38: `nope` is not allowed here (did you mean `none`? Otherwise use one of `none`, `container`)",
        ),
        ("health: { http: { port: 80 }, tcp: { port: 80 } }", "3:60: `tcp` beside `http`: a gate has one check"),
        (
            "healthcheck: { disable: true }",
            "3:13: nothing says when this service is healthy (define `health: { http: { port: 80, path: /up } }` (or `tcp`, `exec`, `container`), or write `health: none`)",
        ),
        (
            "health: container, healthcheck: { test: [NONE] }",
            "3:30: the gate asks the container's health check, which `healthcheck` turns off",
        ),
        (
            "health: { tcp: { prot: 80 } }",
            "3:40: `port` is missing
3:47: unknown key `prot` (did you mean `port`?)",
        ),
        ("health: { exec: [] }", "3:46: `exec` needs a command"),
        (
            "health: { tcp: { port: 80 }, interval: 0s, timeout: 0s }",
            "3:69: `interval` must be longer than `0s`
3:82: `timeout` must be longer than `0s`",
        ),
        (
            "health: { tcp: { port: 80 }, min_healthy_time: 60s }",
            "3:77: `min_healthy_time` must be shorter than `healthy_deadline`, or no container ever passes (they are 1m and 1m)",
        ),
        (
            "health: { tcp: { port: 80 }, healthy_deadline: 1s }",
            "3:77: `min_healthy_time` must be shorter than `healthy_deadline`, or no container ever passes (they are 1s and 1s)",
        ),
    ];
    assert_problems(with_services, &cases);
}

#[test]
fn a_path_cannot_leave_the_request_line() {
    let cases = [
        (
            "health: { http: { port: 80, path: up } }",
            "3:64: `up` is not a path (write a path such as `/up`: it begins with one `/`; escape what is not ASCII with `%`)",
        ),
        (
            r#"health: { http: { port: 80, path: "/a\r\nX: y" } }"#,
            r"3:64: `/a\r\nX: y` is not a path (write a path such as `/up`: it begins with one `/`; escape what is not ASCII with `%`)",
        ),
        (
            "health: { http: { port: 80, path: //evil } }",
            "3:64: `//evil` is not a path (write a path such as `/up`: it begins with one `/`; escape what is not ASCII with `%`)",
        ),
        (
            r#"health: { http: { port: 80, path: "http://evil" } }"#,
            "3:64: `http://evil` is not a path (write a path such as `/up`: it begins with one `/`; escape what is not ASCII with `%`)",
        ),
        ("health: { http: { port: 0, path: /up } }", "3:54: expected a number from 1 to 65535, found `0`"),
    ];
    assert_problems(with_services, &cases);
}

#[test]
fn a_healthcheck_is_one_the_engine_understands() {
    let cases = [
        ("healthcheck: {}", "12:5: `test` is missing"),
        (
            "healthcheck: { test: [curl] }",
            r#"12:26: this is not a health check (write `[CMD, program, argument]`, `[CMD-SHELL, "text for a shell"]` or `[NONE]`)"#,
        ),
        (
            "healthcheck: { test: x, interval: 0s, retries: 0, start_interval: 0s }",
            "12:39: `interval` must be longer than `0s`
12:52: expected a number from 1 to 1000, found `0`
12:71: `start_interval` must be longer than `0s`",
        ),
    ];
    assert_problems(with_service_keys, &cases);
}

#[test]
fn a_constraint_matches_a_host() {
    let cases = [
        (
            r#"deploy: { placement: { constraints: ["host.labels.tier = web"] } }"#,
            "12:42: expected `host.labels.<label> == <value>` or `!=`, found `host.labels.tier = web`",
        ),
        (
            r#"deploy: { placement: { constraints: ["node.role == x"] } }"#,
            "12:42: `node.role` is not something of a host: use `host.name`, `host.role` or `host.labels.<label>`",
        ),
        (
            r#"deploy: { placement: { constraints: ["host.labels.tier == wbe"] } }"#,
            "12:42: no host fulfils this constraint (hosts have `web` as `tier`)",
        ),
        (
            r#"deploy: { placement: { constraints: ["host.labels.teir == web"] } }"#,
            "12:42: no host fulfils this constraint (no host has a label `teir`; did you mean `tier`?)",
        ),
        (
            r#"deploy: { placement: { constraints: ["host.name == h2"] } }"#,
            "12:42: no host fulfils this constraint (did you mean `h1`?)",
        ),
        (
            r#"deploy: { placement: { constraints: ["host.name == h1", "host.labels.tier != web"] } }"#,
            "12:61: no host fulfils this constraint (hosts have `web` as `tier`)",
        ),
    ];
    assert_problems(with_service_keys, &cases);
}

#[test]
fn an_update_can_be_carried_out() {
    let cases = [
        ("deploy: { labels: {} }", "12:15: `labels` is not supported (remove it; it is never ignored)"),
        (
            "deploy: { update_config: { parallelism: 101% } }",
            "12:45: `101%` is not a number of hosts (write a number of hosts (0 for all at once), or a share from `1%` to `100%`)",
        ),
        (
            "deploy: { update_config: { parallelism: 0% } }",
            "12:45: `0%` is not a number of hosts (write a number of hosts (0 for all at once), or a share from `1%` to `100%`)",
        ),
        (
            "deploy: { update_config: { parallelism: -1 } }",
            "12:45: `-1` is not a number of hosts (write a number of hosts (0 for all at once), or a share from `1%` to `100%`)",
        ),
        (
            "deploy: { update_config: { order: start } }",
            "12:39: `start` is not allowed here (use one of `stop-first`, `start-first`)",
        ),
        (
            "deploy: { update_config: { failure_action: continue } }",
            "12:48: `continue` is not supported yet (use `rollback` or `pause`)",
        ),
        (
            "deploy: { update_config: { monitor: soon } }",
            "12:41: expected a duration such as `200ms`, `10s` or `1m30s`, found `soon`",
        ),
        (
            "deploy: { update_config: { canary: one } }",
            "12:40: `one` is not a number of hosts (write a number of hosts (0 for all at once), or a share from `1%` to `100%`)",
        ),
        (
            "deploy: { update_config: { canary: { monitor: 5m, host: 1 } } }",
            "12:32: `hosts` is missing\n12:55: unknown key `host` (did you mean `hosts`?)",
        ),
        (
            r#"ports: ["8080:80"]
deploy: { update_config: { order: start-first } }"#,
            "13:39: `start-first`: both containers would want port 8080 of the host (12) (use `stop-first`, or publish the container's port alone)",
        ),
        (
            "network_mode: host
deploy: { update_config: { order: start-first } }",
            "13:39: `start-first`: both containers would share the host's network (use `stop-first`)",
        ),
    ];
    assert_problems(with_service_keys, &cases);
}
