//! Where services run, how often, and how they differ from host to host.

use std::collections::BTreeMap;

use shipctl::environment::{Environment, Service};
use shipctl::fleet::select::Selection;
use shipctl::name::{HostName, ServiceName};
use shipctl::template::{self, Process};

use crate::manifest_support::Project;

/// Four hosts in two zones, and `web` with these keys on line 7.
fn project(keys: &str, more: &str) -> Project {
    Project::of(&format!(
        "project: shop
hosts:
  a1: {{ docker: unix:///a1, role: web, labels: {{ zone: a }} }}
  a2: {{ docker: unix:///a2, role: web, labels: {{ zone: a }} }}
  b1: {{ docker: unix:///b1, role: web, labels: {{ zone: b }} }}
  db: {{ docker: unix:///db, role: db }}
services: {{ web: {{ image: shop/web, health: none, {keys} }} }}
registry: {{ host: registry.example }}
{more}"
    ))
}

/// Which hosts run what, as `web: a1 a2, web-2: a1`.
fn placed(environment: &Environment) -> String {
    let line = |service: &Service| {
        let hosts: Vec<_> = environment.placed(service).into_iter().map(|host| host.name.as_str()).collect();
        format!("{}: {}", service.name, hosts.join(" "))
    };
    environment.services.values().map(line).collect::<Vec<_>>().join(", ")
}

fn on<'e>(environment: &'e Environment, service: &str, host: &str) -> &'e Service {
    let service = &environment.services[&service.parse::<ServiceName>().expect("a name")];
    environment.on(&host.parse::<HostName>().expect("a name"), service)
}

#[test]
fn containers_go_to_the_same_hosts_for_the_same_manifest() {
    for (deploy, expected) in [
        ("{}", "web: a1 a2 b1 db"),
        ("{ mode: global }", "web: a1 a2 b1 db"),
        ("{ placement: { constraints: [host.role == web] } }", "web: a1 a2 b1"),
        ("{ placement: { constraints: [host.role != web] } }", "web: db"),
        ("{ replicas: 1 }", "web: a1"),
        ("{ mode: replicated }", "web: a1"),
        ("{ replicas: 3 }", "web: a1 a2 b1"),
        ("{ replicas: 6 }", "web: a1 a2 b1 db, web-2: a1 a2"),
        ("{ replicas: 5, placement: { constraints: [host.role == web] } }", "web: a1 a2 b1, web-2: a1 a2"),
        (
            "{ replicas: 2, placement: { constraints: [host.role == web], preferences: [{ spread: host.labels.zone }] } }",
            "web: a1 b1",
        ),
        (
            "{ replicas: 4, placement: { constraints: [host.role == web], preferences: [{ spread: host.labels.zone }] } }",
            "web: a1 a2 b1, web-2: b1",
        ),
        (
            "{ replicas: 3, placement: { max_replicas_per_node: 1, constraints: [host.role == web], preferences: [{ spread: host.labels.zone }] } }",
            "web: a1 a2 b1",
        ),
        ("{ replicas: 4, placement: { preferences: [{ spread: host.role }] } }", "web: a1 a2 db, web-2: db"),
    ] {
        let environment = project(&format!("deploy: {deploy}"), "").sound();
        assert_eq!(placed(&environment), expected, "{deploy}");
    }
}

#[test]
fn what_cannot_be_placed_is_said() {
    for (deploy, expected) in [
        (
            "{ replicas: 5, placement: { max_replicas_per_node: 1 } }",
            "7:71: 5 containers are wanted, and 4 fit on the hosts (raise `max_replicas_per_node`, or let more hosts run it)",
        ),
        (
            "{ mode: global, replicas: 2 }",
            "7:75: `mode: global` runs one on each host, and has no `replicas` (leave it out, or write `mode: replicated`)",
        ),
        (
            "{ placement: { max_replicas_per_node: 2 } }",
            "7:74: without `replicas` every host runs one (write `replicas: 2` beside it, or leave it out)",
        ),
        (
            "{ placement: { preferences: [{ spread: host.role }] } }",
            "7:74: without `replicas` every host runs one (write `replicas: 2` beside it, or leave it out)",
        ),
        ("{ replicas: 0 }", "7:71: expected a number from 1 to 1000, found `0`"),
        (
            "{ replicas: 2, placement: { preferences: [{ spread: node.id }] } }",
            "7:111: `node.id` is not something of a host: use `host.name`, `host.role` or `host.labels.<label>`",
        ),
        (
            "{ placement: { constraints: [host.role == wep] } }",
            "7:88: no host fulfils this constraint (did you mean `web`?)",
        ),
    ] {
        let found = project(&format!("deploy: {deploy}"), "").problems();
        assert_eq!(found, expected, "{deploy}");
    }
}

#[test]
fn several_containers_on_a_host_have_their_own_names_and_ports() {
    let keys = "deploy: { replicas: 6 }, ports: ['8080-8081:80', '90'], networks: { default: { aliases: [www] } }";
    let environment = project(keys, "").sound();
    let of = |service: &str| {
        let service = on(&environment, service, "a1");
        let ports: Vec<_> = service.runtime.ports.iter().map(|port| (port.host_port, port.container_port)).collect();
        (service.instance, ports, service.runtime.networks[0].aliases.clone())
    };
    assert_eq!(of("web"), (1, vec![(Some(8080), 80), (None, 90)], vec!["www".to_owned()]));
    assert_eq!(of("web-2"), (2, vec![(Some(8081), 80), (None, 90)], vec!["www".to_owned(), "web".to_owned()]));
    let selection = Selection::resolve(&environment, &[], &["web".to_owned()]).expect("a selection");
    assert!(environment.services.keys().all(|service| selection.has_service(service)));
    let one = Selection::resolve(&environment, &[], &["web-2".to_owned()]).expect("a selection");
    assert!(!one.has_service(&"web".parse().expect("a name")));
    for (keys, expected) in [
        (
            "ports: ['8080:80'], deploy: { replicas: 5 }",
            "7:59: several containers of `web` on one host would want the same port (publish a range such as `8080-8089:80`, or the container's port alone)",
        ),
        (
            "ports: ['8080-8081:80'], deploy: { replicas: 9 }",
            "7:59: ports 8080 to 8081 are too few for 3 containers on one host",
        ),
    ] {
        assert_eq!(project(keys, "").problems(), expected);
    }
}

#[test]
fn an_instance_may_not_take_the_name_of_a_service() {
    let manifest = "project: shop\nhosts: { h: { docker: unix:///h } }
services: { web: { image: a, health: none, deploy: { replicas: 2 } }, web-2: { image: a, health: none } }";
    let expected = "3:64: instance 2 of `web` would be called as the service `web-2` is";
    assert_eq!(Project::of(manifest).problems(), expected);
}

#[test]
fn a_service_is_what_is_written_for_the_host_over_the_role_over_the_service() {
    let more = "roles: { web: { services: { web: { environment: { A: role, B: role }, mem_limit: 1g } } } }";
    let project =
        project("environment: { A: service, B: service, C: service }, ports: ['8080:80'], configs: [app]", more)
            .with("templates/app.conf.j2", "{{ host.name }} {{ host.role }} {{ service.environment.A }}");
    let set = [
        "configs.app.template=templates/app.conf.j2",
        "hosts.a2.services.web.environment.A=host",
        "hosts.a2.services.web.ports=!override ['9090:80']",
        "hosts.a2.services.web.env_file=a2.env",
    ];
    let project = project.with("a2.env", "A=file\nD=file\n");
    let environment = project.load("test", &set).unwrap_or_else(|problems| panic!("{problems}"));
    let variables = |host: &str| {
        let service = on(&environment, "web", host);
        service.runtime.environment.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(variables("db"), "A=service B=service C=service");
    assert_eq!(variables("a1"), "A=role B=role C=service");
    assert_eq!(variables("a2"), "A=host B=role C=service D=file");
    assert_eq!(on(&environment, "web", "a1").runtime.limits.memory, Some(1 << 30));
    assert_eq!(on(&environment, "web", "a2").runtime.ports[0].host_port, Some(9090));
    let rendered = template::render_all(&environment, &BTreeMap::new(), Process::This).expect("rendered");
    let texts: Vec<_> = rendered.values().map(|files| String::from_utf8_lossy(files[0].bytes()).into_owned()).collect();
    assert_eq!(texts, ["a1 web role", "a2 web host", "b1 web role", "db db service"]);
}

#[test]
fn ports_are_compared_as_they_are_on_each_host() {
    let manifest = |port: &str| {
        format!(
            "project: shop\nhosts: {{ h1: {{ docker: unix:///1 }}, h2: {{ docker: unix:///2, services: {{ api: {{ ports: !override ['{port}:80'] }} }} }} }}
services:
  web: {{ image: a, health: none, ports: ['80:80'] }}
  api: {{ image: a, health: none, ports: ['81:80'] }}"
        )
    };
    Project::of(&manifest("82")).sound();
    let expected = "2:99: port 80 of host `h2` is taken by `web` (environments/test.yml:4) (publish another port, or place the services on different hosts)";
    let found = Project::of(&manifest("80")).problems_of("test", &[]);
    assert!(found.ends_with(expected), "{found}");
}

#[test]
fn what_is_of_the_fleet_is_not_written_for_a_host() {
    for (more, expected) in [
        (
            "roles: { web: { services: { web: { image: b, deploy: { replicas: 2 } } } } }",
            "9:36: `image` is the same on every host (write it in the service itself)
9:46: `deploy` is the same on every host (write it in the service itself)",
        ),
        ("roles: { wep: { services: { web: {} } } }", "9:10: no host has the role `wep` (did you mean `web`?)"),
        ("roles: { web: { services: { wep: {} } } }", "9:29: there is no service `wep` (did you mean `web`?)"),
        (
            "roles: { web: { services: [], labels: 1 } }",
            "9:27: expected a map of services, found a list
9:31: unknown key `labels` (use `services`)",
        ),
        (
            "roles: { web: { services: { web: { envirnoment: {} } } } }",
            "9:36: unknown key `envirnoment` (did you mean `environment`?)",
        ),
    ] {
        assert_eq!(project("", more).problems(), expected, "{more}");
    }
}
