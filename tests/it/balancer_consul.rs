//! Consul as a balancer. The agents here answer as the documentation of its HTTP API describes: `PUT
//! /v1/agent/service/register`, `PUT /v1/agent/service/maintenance/<id>`, which makes or removes a critical check
//! `_service_maintenance:<id>` whose notes are the reason, and `GET /v1/health/service/<name>`, which lists the instances of the
//! catalog with their node and checks. Each agent changes the services of its own node only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value as Json, json};
use shipctl::balancer::consul::Consul;
use shipctl::balancer::{Admin, BalancerError, Health, LoadBalancer, Member, Members};
use shipctl::environment::Secret;
use shipctl::name::HostName;
use shipctl::transport::{Place, Socket, socket};

use crate::balancer_contract::{Case, assert_silent};
use crate::support::http;

const TOKEN: &str = "a-token-canary";

/// The catalog: services by node and id.
#[derive(Default)]
struct Catalog {
    services: BTreeMap<(String, String), Json>,
    checks: Vec<Json>,
}

impl Catalog {
    fn register(&mut self, node: &str, service: &Json) {
        let id = service["ID"].as_str().expect("an id").to_owned();
        if service["Check"].is_object() {
            let check = json!({ "Node": node, "CheckID": format!("service:{id}"), "Name": service["Check"]["Name"],
                "Status": service["Check"]["Status"].as_str().unwrap_or("critical"), "Notes": "", "ServiceID": id });
            self.checks.push(check);
        }
        self.services.insert((node.to_owned(), id), service.clone());
    }

    fn maintain(&mut self, node: &str, id: &str, reason: Option<&str>) -> (&'static str, String) {
        if !self.services.contains_key(&(node.to_owned(), id.to_owned())) {
            return (
                "404 Not Found",
                format!("Unknown service ID \"{id}\". Ensure that the service ID is passed, not the service name."),
            );
        }
        let check_id = format!("_service_maintenance:{id}");
        self.checks.retain(|check| check["CheckID"] != *check_id || check["Node"] != node);
        if let Some(reason) = reason {
            self.checks.push(json!({ "Node": node, "CheckID": check_id, "Name": "Service Maintenance Mode",
                "Status": "critical", "Notes": reason, "ServiceID": id }));
        }
        ("200 OK", String::new())
    }

    fn set(&mut self, check: &str, status: &str) {
        let check = self.checks.iter_mut().find(|one| one["CheckID"] == check).expect("a check");
        check["Status"] = json!(status);
    }

    fn health(&self, name: &str) -> Json {
        let instances = self.services.iter().filter(|(_, service)| service["Name"] == name);
        let instances = instances.map(|((node, id), service)| {
            let mut checks = vec![json!({ "Node": node, "CheckID": "serfHealth", "Status": "passing", "Notes": "", "ServiceID": "" })];
            checks.extend(self.checks.iter().filter(|check| check["Node"] == *node && (check["ServiceID"] == *id || check["ServiceID"] == "")).cloned());
            let own = json!({ "ID": id, "Service": name, "Address": "", "Port": service["Port"] });
            json!({ "Node": { "Node": node, "Address": format!("10.0.0.{}", &node[3..]) }, "Service": own, "Checks": checks })
        });
        Json::from(instances.collect::<Vec<_>>())
    }

    fn answer(&mut self, node: &str, head: &str, body: &str) -> (&'static str, String) {
        if !head.to_lowercase().contains(&format!("x-consul-token: {TOKEN}")) {
            return ("403 Forbidden", "Permission denied".to_owned());
        }
        let mut words = head.split_whitespace();
        let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        if let ("GET", Some(name)) = (method, path.strip_prefix("/v1/health/service/")) {
            return ("200 OK", self.health(name).to_string());
        }
        if let ("PUT", Some(id)) = (method, path.strip_prefix("/v1/agent/service/maintenance/")) {
            let reason = query.get("reason").copied().unwrap_or("").replace("%20", " ").replace("%3A", ":");
            return match query.get("enable") {
                Some(&"true") => self.maintain(node, id, Some(&reason)),
                Some(&"false") => self.maintain(node, id, None),
                _ => ("400 Bad Request", "Missing value for enable".to_owned()),
            };
        }
        assert_eq!((method, path), ("PUT", "/v1/agent/service/register"));
        self.register(node, &serde_json::from_str(body).expect("JSON"));
        ("200 OK", String::new())
    }
}

/// The port of an agent.
async fn serve(node: &str, catalog: &Arc<Mutex<Catalog>>) -> u16 {
    let node = node.to_owned();
    let answer = move |catalog: &mut Catalog, head: &str, body: &str| catalog.answer(&node, head, body);
    let address = http::serve(Arc::clone(catalog), answer).await;
    address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

fn host(number: u8) -> HostName {
    format!("web{number}").parse().expect("a name")
}

fn members() -> Members {
    let member = |number| {
        // The second publishes at one address alone.
        let bound = (number == 2).then(|| "10.1.0.2".to_owned());
        let member =
            Member { host: host(number), addresses: vec![format!("10.0.0.{number}")], ports: vec![8080], bound };
        (format!("web{number}"), member)
    };
    [("app".to_owned(), [1, 2].map(member).into())].into()
}

fn consul(ports: [u16; 2], token: &str) -> Consul {
    let agent = |(number, port): (u8, u16)| (host(number), socket(None, Place::Port("127.0.0.1".to_owned(), port)));
    let agents: BTreeMap<HostName, Box<dyn Socket>> = [1, 2].into_iter().zip(ports).map(agent).collect();
    Consul::new(agents, Ok(Some(&Secret::new(token.to_owned()))), members(), Duration::ZERO)
}

/// Two agents, and the catalog behind them.
async fn world() -> (Consul, Arc<Mutex<Catalog>>) {
    let catalog = Arc::default();
    let ports = [serve("web1", &catalog).await, serve("web2", &catalog).await];
    (consul(ports, TOKEN), catalog)
}

/// Registered by somebody else, under a name of theirs.
fn registered(catalog: &Mutex<Catalog>) {
    for node in ["web1", "web2"] {
        let service = json!({ "ID": format!("theirs-{node}"), "Name": "app", "Port": 8080,
            "Check": { "Name": "up", "Status": "passing" } });
        catalog.lock().expect("no panic").register(node, &service);
    }
}

#[tokio::test]
async fn consul_keeps_the_contract() {
    let (consul, catalog) = world().await;
    registered(&catalog);
    Case { balancer: &consul, backend: "app", server: "web1", other: "web2" }.holds().await;
    assert!(catalog.lock().expect("no panic").checks.iter().all(|check| check["Status"] == "passing"));
}

#[tokio::test]
async fn agents_that_do_not_answer_or_do_not_know_us_are_errors_and_the_token_is_not_shown() {
    assert_silent(&consul([1, 1], TOKEN), "app", "web1").await;
    let catalog = Arc::default();
    let ports = [serve("web1", &catalog).await, serve("web2", &catalog).await];
    let stranger = consul(ports, "wr0ng-canary");
    assert_silent(&stranger, "app", "web1").await;
    let Err(BalancerError::Refused(why)) = stranger.drain("app", "web1").await else { panic!("it was let in") };
    assert_eq!(why, "Consul's agent on web1 answered 403 Forbidden: Permission denied");
}

#[tokio::test]
async fn one_agent_that_is_silent_keeps_nobody_from_seeing_the_catalog() {
    let (_, catalog) = world().await;
    registered(&catalog);
    let consul = consul([1, serve("web2", &catalog).await], TOKEN);
    let seen = consul.servers("app").await.expect("the other one answers");
    assert!(seen["web1"].is_in_traffic() && seen["web2"].is_in_traffic(), "{seen:?}");
}

#[tokio::test]
async fn what_nobody_has_registered_gets_nothing_and_is_registered_when_it_is_admitted() {
    let (consul, catalog) = world().await;
    let seen = consul.servers("app").await.expect("servers");
    assert_eq!((seen["web1"].admin, seen.len()), (Admin::Drain, 2));
    consul.drain("app", "web1").await.expect("there is nothing to do");
    assert!(catalog.lock().expect("no panic").services.is_empty());
    consul.admit("app", "web1").await.expect("an admit");
    let service = catalog.lock().expect("no panic").services[&("web1".to_owned(), "app-web1".to_owned())].clone();
    assert_eq!((&service["Name"], &service["Port"]), (&json!("app"), &json!(8080)));
    assert_eq!(service["Check"]["TCP"], "127.0.0.1:8080");
    let seen = consul.servers("app").await.expect("servers");
    assert!(seen["web1"].is_in_traffic() && !seen["web2"].is_in_traffic(), "{seen:?}");
    consul.admit("app", "web2").await.expect("an admit");
    let service = catalog.lock().expect("no panic").services[&("web2".to_owned(), "app-web2".to_owned())].clone();
    assert_eq!((&service["Check"]["TCP"], &service["Address"]), (&json!("10.1.0.2:8080"), &json!("10.1.0.2")));
}

#[tokio::test]
async fn somebodys_own_maintenance_is_neither_ended_nor_taken_for_ours() {
    let (consul, catalog) = world().await;
    registered(&catalog);
    catalog.lock().expect("no panic").maintain("web1", "theirs-web1", Some("upgrading the disk"));
    assert_eq!(consul.servers("app").await.expect("servers")["web1"].admin, Admin::Maintenance);
    for answer in [consul.drain("app", "web1").await, consul.admit("app", "web1").await] {
        assert!(matches!(answer, Err(BalancerError::Refused(_))), "{answer:?}");
    }
    let check =
        catalog.lock().expect("no panic").checks.iter().find(|check| check["Notes"] == "upgrading the disk").cloned();
    assert!(check.is_some());
}

#[tokio::test]
async fn what_consuls_own_check_finds_is_seen_while_it_is_drained() {
    let (consul, catalog) = world().await;
    registered(&catalog);
    consul.drain("app", "web1").await.expect("a drain");
    for (status, health) in [("critical", Health::Down), ("passing", Health::Up)] {
        catalog.lock().expect("no panic").set("service:theirs-web1", status);
        let seen = consul.server("app", "web1").await.expect("an answer").expect("a server");
        assert_eq!((seen.admin, seen.health, seen.sessions), (Admin::Drain, health, None));
    }
}

#[tokio::test]
async fn an_instance_that_may_be_a_host_under_another_name_keeps_it_from_being_taken_for_drained() {
    let (consul, catalog) = world().await;
    let service =
        json!({ "ID": "theirs", "Name": "app", "Port": 9090, "Check": { "Name": "up", "Status": "passing" } });
    catalog.lock().expect("no panic").register("ip-10-0-0-9", &service);
    let seen = consul.server("app", "web1").await.expect("an answer").expect("a server");
    assert_eq!(seen.admin, Admin::Unknown);
    let Err(BalancerError::Refused(why)) = consul.drain("app", "web1").await else { panic!("it is taken for drained") };
    assert!(why.starts_with("Consul has an instance of app at ") && why.contains("register it as `app-web1`"), "{why}");
}

#[tokio::test]
async fn without_its_token_nothing_is_asked() {
    let (_, catalog) = world().await;
    let ports = [serve("web1", &catalog).await, serve("web2", &catalog).await];
    let agent = |(number, port): (u8, u16)| (host(number), socket(None, Place::Port("127.0.0.1".to_owned(), port)));
    let agents: BTreeMap<HostName, Box<dyn Socket>> = [1, 2].into_iter().zip(ports).map(agent).collect();
    let consul =
        Consul::new(agents, Err("the secret `t`, its token, has no value".to_owned()), members(), Duration::ZERO);
    let refused = consul.servers("app").await;
    assert!(matches!(&refused, Err(BalancerError::Refused(why)) if why.contains("no value")), "{refused:?}");
}
