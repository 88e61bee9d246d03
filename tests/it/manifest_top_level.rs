//! What a manifest may not say outside its services.

use crate::manifest_support::{assert_problems, with_hosts, with_services, with_top_keys};

#[test]
fn a_section_is_known_and_complete() {
    let cases = [
        (
            r#"servise: 1
version: "3"
x-a: 1
models: {}"#,
            "4:1: unknown key `servise` (did you mean `services`?)
5:1: `version` is not supported (remove it; it is never ignored)
7:1: `models` is not supported (remove it; it is never ignored)",
        ),
        ("age: { recipient: [] }", "4:8: unknown key `recipient` (did you mean `recipients`?)"),
        ("keep_releases: 0", "4:16: expected a number from 1 to 100, found `0`"),
        ("keep_releases: 010", "4:16: expected a number from 1 to 100, found `010`"),
        ("keep_releases: 1e3", "4:16: expected a number from 1 to 100, found `1e3`"),
    ];
    assert_problems(with_top_keys, &cases);
}

#[test]
fn what_is_needed_is_there() {
    let cases = [
        (
            "hosts: { h: { ssh: h } }
services: { web: { image: a, health: none } }
",
            "1:1: `project` is missing",
        ),
        (
            "project: ~
services: { web: { image: a, health: none } }
",
            "1:1: `hosts` is missing (name at least one: `hosts: { web1: { ssh: deploy@web1 } }`)
1:10: expected text, found nothing",
        ),
        (
            "project: My Shop
hosts:
services:
",
            "1:10: `My Shop` is not the name of a project: must be 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit
2:1: `hosts` is empty (a deployment to no host is not a success; name at least one)
3:1: `services` is empty",
        ),
        (
            "project: a
hosts: { h: { ssh: h } }
services: { web: , api: 1 }
",
            "3:13: the service `web` has no image (write `image: name:tag`, or `build: { context: . }`)
3:13: nothing says when this service is healthy (define `health: { http: { port: 80, path: /up } }` (or `tcp`, `exec`, `container`), or write `health: none`)
3:25: expected a map, found `1`",
        ),
    ];
    assert_problems(str::to_owned, &cases);
}

#[test]
fn a_host_is_reached_in_one_safe_way() {
    let cases = [
        (
            "a: {}",
            "3:10: nothing says how this host is reached (write `ssh: user@host`, `docker: tcp://host:2376` with `tls:`, or `docker: unix:///var/run/docker.sock`)",
        ),
        ("a: { ssh: x, docker: unix:///x }", "3:31: a host is reached by `ssh` or by `docker`, not by both"),
        (
            "a: { docker: tcp://h:2375 }",
            "3:23: a TCP endpoint without TLS lets everyone on the network be root on this host (add `tls: { ca: …, cert: …, key: … }`, or `insecure: true` to accept that)",
        ),
        (
            "a: { docker: tcp://h:2376, insecure: false }",
            "3:23: a TCP endpoint without TLS lets everyone on the network be root on this host (add `tls: { ca: …, cert: …, key: … }`, or `insecure: true` to accept that)",
        ),
        ("a: { docker: unix:///x, insecure: true }", "3:44: only a `tcp://` endpoint has `tls` or `insecure`"),
        (
            "a: { ssh: -oProxyCommand=x }",
            "3:20: `-oProxyCommand=x` is not an SSH destination: a host is letters, digits, `.`, `-` and `_`, begins with a letter or digit, and has at most 253 of them",
        ),
        (
            r#"a: { ssh: "a;b" }"#,
            "3:20: `a;b` is not an SSH destination: a host is letters, digits, `.`, `-` and `_`, begins with a letter or digit, and has at most 253 of them",
        ),
        (
            r#"a: { ssh: "$$(x)" }"#,
            "3:20: `$(x)` is not an SSH destination: a host is letters, digits, `.`, `-` and `_`, begins with a letter or digit, and has at most 253 of them",
        ),
        (
            r#"a: { ssh: "user@-host" }"#,
            "3:20: `user@-host` is not an SSH destination: a host is letters, digits, `.`, `-` and `_`, begins with a letter or digit, and has at most 253 of them",
        ),
        (
            r#"a: { ssh: "root;id@h" }"#,
            "3:20: `root;id@h` is not an SSH destination: a user is letters, digits, `.`, `-` and `_`, and does not begin with `-` or `.`",
        ),
        (
            r#"a: { ssh: "::1" }"#,
            "3:20: `::1` is not an SSH destination: an IPv6 address stands in brackets, such as `[2001:db8::1]`",
        ),
        (
            "a: { docker: http://x }",
            "3:23: `http://x` is not a Docker endpoint: use `tcp://host:port` or `unix:///path`",
        ),
        (
            "a: { docker: ssh://x }",
            "3:23: `ssh://x` is not a Docker endpoint: an SSH host stands under `ssh:`, as `[user@]host[:port]`",
        ),
        (
            "a: { docker: tcp://h }",
            "3:23: `tcp://h` is not a Docker endpoint: the port is missing: write `tcp://host:2376`",
        ),
        (
            "a: { docker: tcp://h:2376/v1.41, insecure: true }",
            "3:23: `tcp://h:2376/v1.41` is not a Docker endpoint: a TCP endpoint has no path or query: write `tcp://host:port`",
        ),
        (
            "a: { docker: tcp://h:2376, tls: { ca: ca.pem, cert: c.pem } }",
            "3:37: `key` is missing
3:48: there is no file ROOT/ca.pem
3:62: there is no file ROOT/c.pem",
        ),
        ("a: { ssh: h, label: { a: b } }", "3:23: unknown key `label` (did you mean `labels`?)"),
        (
            r#"a: { ssh: root@h }, b: { ssh: "H:22" }"#,
            "3:30: `b` is the same machine as `a` (3) (remove one of the two)",
        ),
        (
            r#""a\e": { ssh: y }"#,
            r"3:10: `a\u{1b}` is not the name of a host: must be 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit",
        ),
        (
            "A: { ssh: y }",
            "3:10: `A` is not the name of a host: must be 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit",
        ),
    ];
    assert_problems(with_hosts, &cases);
}

#[test]
fn a_registry_has_a_host_and_a_whole_login() {
    let cases = [
        (
            "registry:",
            "4:1: `host` is missing",
        ),
        (
            r#"registry: { host: "https://r", insecure: 1, username: u }"#,
            "4:19: `https://r` is not a registry's `host[:port]`: a port is a number from 1 to 65535 (leave out the scheme and any path)
4:42: expected true or false, found `1`
4:45: `username` needs a `password: { secret: … }`",
        ),
        (
            "registry: { host: r, username: u, password: { secret: nope }, ca: no.pem }",
            "4:55: the secret `nope` is not declared (declare it under `secrets:` at the top of the manifest)
4:67: there is no file ROOT/no.pem",
        ),
        (
            "registry: { host: r, password: plaintext }",
            "4:22: `password` needs a `username`
4:32: expected a map, found `plaintext`",
        ),
    ];
    assert_problems(with_top_keys, &cases);
}

#[test]
fn what_services_refer_to_is_declared_in_full() {
    let cases = [
        (
            r#"secrets: { a: {}, b: { file: x, environment: Y }, c: { name: x }, d: { environment: "A=B" }, E: { file: x } }"#,
            "4:12: nothing says where this secret comes from (write `{ age: path }`, `{ file: path }`, `{ environment: VARIABLE }` or `{ command: [program, argument] }`)
4:46: a secret comes from `file` or from `environment`, not from both
4:51: nothing says where this secret comes from (write `{ age: path }`, `{ file: path }`, `{ environment: VARIABLE }` or `{ command: [program, argument] }`)
4:56: `name` is not supported (remove it; it is never ignored)
4:85: `A=B` is not the name of an environment variable
4:94: `E` is not the name of a secret: must be 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit",
        ),
        (
            "configs: { a: {}, b: { template: x.j2 }, c: { template: templates/../x }, d: { template: /etc/passwd } }",
            "4:12: nothing says where this config comes from (write `{ template: templates/<file> }`, `{ file: path }`, `{ content: text }` or `{ environment: VARIABLE }`)
4:34: `x.j2` is not beneath templates/ (write `templates/<file>`, without `..`)
4:57: `templates/../x` is not beneath templates/ (write `templates/<file>`, without `..`)
4:90: `/etc/passwd` is not beneath templates/ (write `templates/<file>`, without `..`)",
        ),
        (
            "configs: { e: { template: templates/ap.conf.j2 }, f: { file: x }, g: { template: templates }, h: { content: a, file: b }, i: { content: a, variables: { b: c } }, j: { environment: NOWHERE_SAID } }",
            "4:27: there is no file `templates/ap.conf.j2` (did you mean `templates/app.conf.j2`?)
4:62: cannot read x: No such file or directory (os error 2)
4:82: `templates` is not beneath templates/ (write `templates/<file>`, without `..`)
4:100: a config comes from `file` or from `content`, not from both
4:140: `variables` are for templates
4:181: `NOWHERE_SAID` has no value here, and no variable of this name is set (set it in the environment or in .env; write `\"\"` for empty text, or `!reset` to remove what an earlier layer set)",
        ),
        (
            "volumes: { a: { external: yes  }, B: , c: 1 }",
            "4:27: expected true or false, found `yes`
4:35: `B` is not a name: must be 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit
4:43: expected a map, found `1`",
        ),
        (
            "networks: { a: { external: true, internal: true }, b: { ipam: { config: [{ subnet: 10.0.0.0 }] }, attachable: true } }",
            "4:13: what is external is made by somebody else, and not described here (keep only `name` beside `external: true`)
4:84: `10.0.0.0` is not a range of addresses (write `10.20.0.0/16`)
4:99: `attachable` is not supported (remove it; it is never ignored)",
        ),
        (
            "networks: [x]",
            "4:11: expected a map, found a list",
        ),
    ];
    assert_problems(with_top_keys, &cases);
}

#[test]
fn services_get_along() {
    let cases = [(
        r#"health: none, ports: ["80:80"] }, api: { image: a, health: none, ports: ["0.0.0.0:80:81", "80:80/udp"]"#,
        "3:103: port 80 of host `h1` is taken by `web` (3) (publish another port, or place the services on different hosts)",
    )];
    assert_problems(with_services, &cases);
}

#[test]
fn a_builder_is_an_endpoint() {
    let cases = [(
        "a: { ssh: x } }
builder: { ssh: x, labels: {}",
        "4:20: unknown key `labels` (use one of `ssh`, `docker`, `tls`, `insecure`)",
    )];
    assert_problems(with_hosts, &cases);
}

#[test]
fn a_built_image_needs_a_way_to_the_hosts() {
    let cases = [
        (
            "project: a
hosts: { h1: { ssh: x } }
services: { web: { build: ., health: none } }
",
            "3:20: the image is built on unix:///var/run/docker.sock, and nothing brings it to host `h1` (add `registry: { host: … }` or `images: { transfer: direct }`, or name the host's engine as `builder`)",
        ),
        (
            "project: a
hosts: { h1: { ssh: x } }
configs: { c: { content: x } }
services: { web: { image: i, health: none, configs: [{ source: c, target: /a/b, deliver: image }] } }
",
            "4:44: `deliver: image`: the image is made on unix:///var/run/docker.sock, and nothing brings it to host `h1` (add `registry: { host: … }` or `images: { transfer: direct }`, or name the host's engine as `builder`)",
        ),
        (
            "project: a
hosts: { h1: { ssh: x } }
builder: { ssh: x }
services: { web: { build: ., health: none } }
",
            "",
        ),
        (
            "project: a
hosts: { h1: { ssh: x } }
images: { transfer: direct }
services: { web: { build: ., health: none } }
",
            "",
        ),
        (
            "project: a
hosts: { h1: { ssh: x } }
images: { transfer: dirct }
services: { web: { image: i, health: none } }
",
            "3:21: `dirct` is not allowed here (did you mean `direct`? Otherwise use one of `registry`, `direct`)",
        ),
    ];
    assert_problems(str::to_owned, &cases);
}
