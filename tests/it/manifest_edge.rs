//! `edge` and `traffic: { edge: … }`: what becomes of them, and what is refused before anybody is contacted.

use insta::assert_snapshot;
use shipctl::environment::{ConfigSource, Environment, Order};
use shipctl::name::HostName;

use crate::manifest_support::Project;

const TWO: &str = "hosts: { web1: { docker: unix:///1, role: web }, web2: { docker: unix:///2, role: other } }";

fn project(edge: &str, services: &str) -> Project {
    let text =
        format!("project: shop\n{TWO}\nsecrets: {{ pem: {{ environment: PEM }} }}\n{edge}\nservices:\n{services}\n");
    Project::new().with("environments/base.yml", text).with("environments/test.yml", "")
}

fn problems(edge: &str, services: &str) -> String {
    project(edge, services).problems_of("test", &[])
}

fn service(name: &str, more: &str) -> String {
    format!("  {name}: {{ image: shop/{name}, health: {{ http: {{ port: 8080, path: /up }} }}, {more} }}\n")
}

fn environment(edge: &str, services: &str) -> Environment {
    project(edge, services).load("test", &[]).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

/// What HAProxy is told on a host.
fn haproxy(environment: &Environment, host: &str) -> String {
    let host: HostName = host.parse().unwrap();
    match &environment.on(&host, &environment.services[0]).configs[0].content {
        ConfigSource::Content(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

fn shop() -> String {
    service("web", "traffic: { edge: { host: [shop.example.com, www.example.com], port: 8080 } }")
        + &service(
            "api",
            "traffic: { edge: { host: shop.example.com, path: /api, port: 9000 } }, deploy: { placement: { constraints: [host.role == web] } }",
        )
        + &service("rest", "traffic: { edge: { port: 8080 } }")
}

#[test]
fn the_edge_is_the_first_service_of_the_hosts_that_run_something_behind_it() {
    let environment = environment("edge:", &shop());
    let names: Vec<_> = environment.services.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["edge", "web", "api", "rest"]);
    let edge = &environment.services[0];
    assert_eq!((edge.update.order, edge.image.as_str()), (Order::StartFirst, "docker.io/library/haproxy:3.0"));
    assert_eq!(environment.services[1].update.order, Order::StartFirst);
    assert!(environment.networks["shop-test_edge-seats"].internal);
    assert!(environment.volumes.contains_key("shop-test_edge-listeners"));
    let web = environment.services[1].edge.as_ref().unwrap();
    assert_eq!((web.backend.as_str(), web.seats.len(), web.seats[0].server.as_str()), ("web", 3, "web.1"));
}

#[test]
fn requests_go_where_domain_and_path_fit_best() {
    let environment = environment("edge: { certificates: [pem] }", &shop());
    let text = haproxy(&environment, "web1");
    let routes: Vec<_> =
        text.lines().filter(|line| line.contains("use_backend") || line.contains("redirect")).collect();
    assert_snapshot!(routes.join("\n"), @r"
    http-request redirect code 308 location https://%[var(txn.host)]%[pathq] unless { ssl_fc }
    use_backend api if { var(txn.host) -m str shop.example.com } { path /api }
    use_backend api if { var(txn.host) -m str shop.example.com } { path_beg /api/ }
    use_backend web if { var(txn.host) -m str shop.example.com }
    use_backend web if { var(txn.host) -m str www.example.com }
    use_backend rest
    ");
    assert!(text.contains("bind :443 ssl crt /usr/local/etc/shipctl-edge/certificates"), "{text}");
    assert!(text.contains("set-header X-Forwarded-Proto https if { ssl_fc }") && text.contains("forwardfor"), "{text}");
    assert!(text.contains(":9000 port 8080"), "the check asks where the gate asks: {text}");
    assert!(!haproxy(&environment, "web2").contains("api"), "web2 does not run it");
}

#[test]
fn another_release_or_another_service_changes_no_seat() {
    let one = environment("edge:", &service("web", "traffic: { edge: { port: 8080 } }"));
    let two = environment(
        "edge:",
        &(service("a", "traffic: { edge: { host: a.b, port: 1 } }")
            + &service("web", "traffic: { edge: { port: 8080 } }")),
    );
    let seats = |environment: &Environment| {
        let web = environment.services.values().find(|service| service.name.as_str() == "web").unwrap();
        web.edge.as_ref().unwrap().seats.clone()
    };
    assert_eq!(seats(&one), seats(&two));
    let other_image = service("web", "traffic: { edge: { port: 8080 } }").replace("shop/web", "shop/web:2");
    assert_eq!(haproxy(&one, "web1"), haproxy(&environment("edge:", &other_image), "web1"));
}

#[test]
fn what_cannot_be_behind_an_edge_is_refused() {
    assert_snapshot!(problems("", &service("web", "traffic: { edge: { port: 8080 } }")), @"environments/base.yml:6:83: there is no edge (write `edge: {}` at the top of the manifest)");
    let services = service(
        "web",
        "ports: ['80:8080'], traffic: { edge: { host: Shop.Example.com, path: api, port: 8080 }, balancer: front }",
    ) + &service("one", "traffic: { edge: { host: a.b, port: 8080 } }")
        + &service("two", "traffic: { edge: { host: a.b, port: 8080 } }")
        + &service("three", "network_mode: host, traffic: { edge: { path: /x } }")
        + &service("edge", "ports: ['80:80']");
    assert_snapshot!(problems("edge: { https: 80, redirect: true, subnet: 10.0.0.0/8, htp: 1 }", &services), @r"
    environments/base.yml:4:1: a service is called `edge`, as the edge itself is
    environments/base.yml:4:9: `https` without a certificate (add `certificates: [name]`, each a secret with a certificate, its chain and its key)
    environments/base.yml:4:16: port 80 is that of `http`
    environments/base.yml:4:20: `redirect` without a certificate (add `certificates: [name]`, each a secret with a certificate, its chain and its key)
    environments/base.yml:4:44: `10.0.0.0/8` is no range of 65536 IPv4 addresses (write one such as `198.18.0.0/16`, which nothing else on the hosts uses)
    environments/base.yml:4:56: unknown key `htp` (did you mean `http`?)
    environments/base.yml:6:80: port 80 of host `web1` is taken by the edge (publish another, or give the edge another port)
    environments/base.yml:6:117: `Shop.Example.com` is not a domain (write a domain in lower case, such as `shop.example.com`, without a port)
    environments/base.yml:6:141: `api` is not a path (write `/api`: letters, digits, `-`, `_`, `.` and `~` between slashes)
    environments/base.yml:6:160: `balancer` beside `edge`: requests come from a balancer or through the edge (remove one of the two)
    environments/base.yml:8:83: requests for `/` of a.b go to `one` (environments/base.yml:7) (give one of them another `host` or `path`)
    environments/base.yml:9:107: `port` is missing
    environments/base.yml:10:82: port 80 of host `web1` is taken by `web` (environments/base.yml:6) (publish another port, or place the services on different hosts)
    environments/base.yml:10:82: port 80 of host `web1` is taken by the edge (publish another, or give the edge another port)
    ");
}

#[test]
fn requests_come_through_the_edge_alone() {
    let services = service("web", "ports: ['8081:8080'], traffic: { edge: { port: 8080 } }")
        + &service("own", "network_mode: host, traffic: { edge: { path: /x, port: 8080 } }");
    assert_snapshot!(problems("edge:", &services), @r"
    environments/base.yml:6:80: port 8081 of the host beside `traffic: { edge: … }`: requests come through the edge (remove it, or publish the container's port alone)
    environments/base.yml:7:103: behind the edge, a container cannot have `network_mode: host`
    ");
}
