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
            "deploy: { update_config: { parallelism: 3, max_unavailable: 2 } }",
            "12:45: more hosts at a time than `max_unavailable` lets (12) (lower `parallelism`, raise `max_unavailable`, or remove one of them)",
        ),
        (
            "deploy: { update_config: { max_surge: 1, parallelism: 50% , order: stop-first } }",
            "12:43: `max_surge` beside `order: stop-first` (12) (use `order: start-first`, or remove `max_surge`)",
        ),
        (
            "deploy: { update_config: { max_surge: 0, order: start-first } }",
            "12:43: `order: start-first` (12) runs both containers for a moment (use at least 1, or `order: stop-first`)",
        ),
        (
            "deploy: { update_config: { max_unavailable: 0 } }",
            "12:49: stop-first takes a host out of service: none could ever be replaced (use at least 1, or `order: start-first`)",
        ),
        (
            "deploy: { update_config: { max_unavailable: 101% } }",
            "12:49: `101%` is not a number of hosts (write a number of hosts, or a share from `0%` to `100%`)",
        ),
        (
            r#"ports: ["8080:80"]
deploy: { update_config: { max_surge: 1 } }"#,
            "13:43: `start-first`: both containers would want port 8080 of the host (12) (use `stop-first`, or publish the container's port alone)",
        ),
        (
            "deploy: { update_config: { order: start } }",
            "12:39: `start` is not allowed here (use one of `stop-first`, `start-first`)",
        ),
        (
            "deploy: { update_config: { failure_action: goon } }",
            "12:48: `goon` is not allowed here (use one of `rollback`, `pause`, `continue`)",
        ),
        (
            "deploy: { rollback_config: { order: start-first, parallelism: some } }",
            "12:34: `order` is not said of the way back: hosts go as they came, and what fails there is never rolled back (use `parallelism`, `monitor` and `delay`)\n12:67: `some` is not a number of hosts (write a number of hosts (0 for all at once), or a share from `1%` to `100%`)",
        ),
        (
            "deploy: { update_config: { max_failure_ratio: 1.5 } }",
            "12:51: expected a part from `0` to `1`, such as `0.25`, found `1.5`",
        ),
        (
            "deploy: { update_config: { progress_deadline: 5s } }",
            "12:51: `progress_deadline` must be longer than `healthy_deadline`, or what is slow never passes (they are 5s and 1m)",
        ),
        (
            "deploy: { update_config: { monitor: soon } }",
            "12:41: expected a duration such as `200ms`, `10s` or `1m30s`, found `soon`",
        ),
        (
            "deploy: { update_config: { monitor: 30s, canary: { hosts: 1, monitor: 10s } } }",
            "12:75: a canary is watched for less time than the others (they are 10s and 30s) (write no less than `monitor` beside it)",
        ),
        (
            "deploy: { update_config: { canary: one } }",
            "12:40: `one` is not a number of hosts (write a number of hosts (0 for all at once), or a share from `1%` to `100%`)",
        ),
        (
            "deploy: { update_config: { canary: { hosts: 1, promote: later } } }",
            "12:61: `later` is not allowed here (use one of `automatic`, `manual`)",
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
