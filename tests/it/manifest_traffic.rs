//! `balancers` and `traffic`: what is refused before anybody is contacted.

use insta::assert_snapshot;

use crate::manifest_support::Project;

fn problems(balancers: &str, service: &str) -> String {
    let base = format!(
        "project: shop\nhosts: {{ web1: {{ docker: unix:///1 }} }}\n{balancers}\nservices:\n  web:\n    image: shop/web\n    \
         health: none\n{service}\n"
    );
    Project::new().with("environments/base.yml", base).with("environments/test.yml", "").problems_of("test", &[])
}

const FRONT: &str = "balancers: { front: { haproxy: { ssh: deploy@lb1, socket: /run/haproxy/admin.sock } } }";

#[test]
fn a_balancer_that_nobody_describes_is_not_guessed() {
    let service = "    ports: ['8080:80']\n    traffic: { balancer: frnt, backend: web }";
    assert_snapshot!(problems(FRONT, service), @"environments/base.yml:9:26: there is no balancer `frnt` (did you mean `front`?)");
    assert_snapshot!(problems("", service), @"environments/base.yml:9:26: there is no balancer `frnt` (there are no `balancers`; describe it there)");
}

#[test]
fn no_name_can_carry_a_command_into_haproxy() {
    let service = "    ports: ['8080:80']\n    traffic: { balancer: front, backend: \"web/s1; shutdown sessions\", server: \"a\\nb\" }";
    assert_snapshot!(problems(FRONT, service), @r"
    environments/base.yml:9:42: `web/s1; shutdown sessions` is no name of a backend or server (such names are made of letters, digits, `_`, `:`, `.` and `-`)
    environments/base.yml:9:79: `a\nb` is no name of a backend or server (such names are made of letters, digits, `_`, `:`, `.` and `-`)
    ");
}

#[test]
fn traffic_needs_a_port_and_an_order_in_which_it_can_be_switched() {
    assert_snapshot!(problems(FRONT, "    traffic: { balancer: front, backend: web }"), @r#"environments/base.yml:8:26: `traffic`: no request can reach the service, which publishes no port of its hosts (publish one, such as `ports: ["8080:80"]`)"#);
    let service = "    ports: ['80']\n    traffic: { balancer: [front, front], backend: web }\n    deploy: { update_config: { order: start-first } }";
    assert_snapshot!(problems(FRONT, service), @r#"
    environments/base.yml:9:27: `traffic`: no request can reach the service, which publishes no port of its hosts (publish one, such as `ports: ["8080:80"]`)
    environments/base.yml:9:34: `front` is named twice
    environments/base.yml:10:39: `start-first` beside `traffic`: the balancer would go on sending requests to the old container (use `stop-first`: the host is drained first)
    "#);
}

#[test]
fn a_haproxy_has_one_socket_with_an_absolute_path() {
    let of = |balancer: &str| problems(&format!("balancers: {{ front: {{ haproxy: {balancer} }}, other: {{ }} }}"), "");
    let all = ["{ ssh: lb1 }", "{ socket: admin.sock }", "{ socket: /a, master: /b }", "{ ssh: -oProxy, socket: /a }"];
    assert_snapshot!(all.map(of).join("\n"), @r"
    environments/base.yml:3:23: HAProxy's socket is missing (write `socket: /run/haproxy/admin.sock`, or the master's as `master`)
    environments/base.yml:3:48: the kind of balancer is missing (write `haproxy: { ssh: …, socket: … }`, `caddy: { ssh: … }`, or `command: { drain: …, admit: … }`)
    environments/base.yml:3:42: `admin.sock` is not an absolute path
    environments/base.yml:3:58: the kind of balancer is missing (write `haproxy: { ssh: …, socket: … }`, `caddy: { ssh: … }`, or `command: { drain: …, admit: … }`)
    environments/base.yml:3:54: `master` beside `socket`: HAProxy is spoken to through one of them
    environments/base.yml:3:62: the kind of balancer is missing (write `haproxy: { ssh: …, socket: … }`, `caddy: { ssh: … }`, or `command: { drain: …, admit: … }`)
    environments/base.yml:3:39: `-oProxy` is not an SSH destination: a host is letters, digits, `.`, `-` and `_`, begins with a letter or digit, and has at most 253 of them
    environments/base.yml:3:64: the kind of balancer is missing (write `haproxy: { ssh: …, socket: … }`, `caddy: { ssh: … }`, or `command: { drain: …, admit: … }`)
    ");
}

#[test]
fn a_caddy_has_an_admin_api_at_a_port_or_a_socket() {
    let of = |balancer: &str| problems(&format!("balancers: {{ front: {{ caddy: {balancer} }} }}"), "");
    assert_eq!(of("{}") + &of("{ admin: '[::1]:2019' }") + &of("{ ssh: lb1, admin: /run/caddy/admin.sock }"), "");
    let all = ["{ admin: localhost }", "{ admin: ':2019' }", "{ admin: 'lb1:0' }", "{ admn: /a }"];
    assert_snapshot!(all.map(of).join("\n"), @r"
    environments/base.yml:3:39: `localhost` is neither a port nor a socket (write `host:port`, or the path of a socket from `/` on)
    environments/base.yml:3:39: `:2019` is neither a port nor a socket (write `host:port`, or the path of a socket from `/` on)
    environments/base.yml:3:39: `lb1:0` is neither a port nor a socket (write `host:port`, or the path of a socket from `/` on)
    environments/base.yml:3:32: unknown key `admn` (did you mean `admin`?)
    ");
}

#[test]
fn a_consul_has_an_agent_on_each_host_and_a_kamal_proxy_a_target() {
    let of = |balancer: &str| problems(&format!("balancers: {{ front: {{ {balancer} }} }}"), "");
    assert_eq!(of("consul: {}") + &of("kamal_proxy: { target: 'web:80' }"), "");
    let all = [
        "consul: { agent: consul.internal }",
        "consul: { tokn: x }",
        "kamal_proxy: {}",
        "kamal_proxy: { target: web }",
        "kamal_proxy: { target: 'web:80', max_pause: 0s }",
    ];
    assert_snapshot!(all.map(of).join("\n"), @r"
    environments/base.yml:3:40: this is not where an agent listens on its host (write address and port, such as `127.0.0.1:8500`)
    environments/base.yml:3:33: unknown key `tokn` (did you mean `token`?)
    environments/base.yml:3:23: `target` is missing
    environments/base.yml:3:46: `web` is not what the proxy can send requests to (write `name:port`, such as `web:80`)
    environments/base.yml:3:67: `max_pause` must be longer than `0s`
    ");
}

#[test]
fn behind_kamal_proxy_no_port_of_the_host_is_needed() {
    let proxy = "balancers: { front: { kamal_proxy: { target: 'web:80' } } }";
    assert_eq!(problems(proxy, "    traffic: { balancer: front, backend: shop-web }"), "");
    let both = "balancers: { front: { kamal_proxy: { target: 'web:80' } }, back: { consul: {} } }";
    let refused = problems(both, "    traffic: { balancer: [front, back], backend: shop-web }");
    assert!(refused.contains("no request can reach the service"), "{refused}");
}
