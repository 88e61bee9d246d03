//! What a plan says of downtime, and of which plans it is proven that there is none.

use std::time::Duration;

use insta::assert_snapshot;
use shipctl::balancer::{Admin, Health, Servers};
use shipctl::environment::balancer::KamalService;
use shipctl::environment::{Balancer, BatchSize, Check, Environment, Network, OnDeadline, Order};
use shipctl::fleet::Endpoint;
use shipctl::fleet::observed::{BackendView, Observed};
use shipctl::fleet::select::Selection;
use shipctl::plan::doubt::doubts;
use shipctl::plan::strategy::strategies;
use shipctl::plan::{Plan, planner};
use shipctl::report::Answer;
use shipctl::report::plan::PlanAnswer;
use shipctl::transport::Place;

use crate::plan_deploy::{behind_a_balancer, behind_an_edge, deploy, fleet};
use crate::support::environment::{delivering, environment, live, release};

/// Its strategies, and what keeps it from being proven to be without downtime.
fn said(plan: &Plan) -> String {
    let strategies = strategies(plan).into_iter().map(|strategy| strategy.to_string());
    let doubts = doubts(plan).into_iter().map(|doubt| format!("  not proven: {doubt}"));
    strategies.chain(doubts).collect::<Vec<_>>().join("\n")
}

fn update(environment: &Environment, observed: &Observed) -> String {
    said(&deploy(environment, observed, "v2"))
}

fn balanced() -> (Environment, Observed) {
    behind_a_balancer([("web1", Admin::Ready), ("web2", Admin::Ready)])
}

#[test]
fn what_is_drained_while_others_stay_is_proven() {
    let (environment, observed) = balanced();
    assert_snapshot!(update(&environment, &observed), @"strategy web: drained and stopped first, as front stops sending requests before; no downtime is expected");
}

#[test]
fn an_edge_and_a_first_deploy_are_proven_and_a_signal_is_not() {
    let (environment, observed) = behind_an_edge();
    assert_snapshot!(update(&environment, &observed), @"strategy web: start-first, as the edge switches when it finds the new one up; no downtime is expected");
    let environment = delivering(crate::support::environment::environment(2), &live());
    assert_snapshot!(update(&environment, &fleet(&environment, &["v1"])), @r"
    strategy web: switched to other files, as nothing else of it changes; no downtime is expected
      not proven: web on web1: it is told of other files while it serves, and may lose requests then
      not proven: web on web2: it is told of other files while it serves, and may lose requests then
    ");
    assert_snapshot!(update(&environment, &fleet(&environment, &[])), @"strategy web: started, as nothing of it runs there; no downtime is expected");
    assert_eq!(update(&environment, &fleet(&environment, &["v2"])), "");
}

#[test]
fn a_port_of_the_host_is_downtime_and_named_host_by_host() {
    let environment = environment(2);
    assert_snapshot!(update(&environment, &fleet(&environment, &["v1"])), @r"
    strategy web: stop-first, as port 8080 of the host is for one container; downtime on each host until its gate is passed
      not proven: web on web1: stop-first, as port 8080 of the host is for one container; downtime on each host until its gate is passed
      not proven: web on web2: stop-first, as port 8080 of the host is for one container; downtime on each host until its gate is passed
    ");
}

#[test]
fn a_container_that_could_run_beside_another_and_does_not_is_there_because_of_order() {
    let mut environment = environment(1);
    environment.services[0].runtime.ports.clear();
    assert_snapshot!(update(&environment, &fleet(&environment, &["v1"])), @r"
    strategy web: stop-first, as `order` says so; downtime until the gate is passed: no other host serves
      not proven: web on web1: stop-first, as `order` says so; downtime until the gate is passed: no other host serves
    ");
}

#[test]
fn without_a_balancer_nobody_is_told_before_the_old_one_stops() {
    let mut environment = environment(1);
    environment.services[0].runtime.ports.clear();
    environment.services[0].update.order = Order::StartFirst;
    assert_snapshot!(update(&environment, &fleet(&environment, &["v1"])), @r"
    strategy web: start-first, as `order` says so; no downtime is expected
      not proven: web on web1: start-first without a balancer or an edge: nobody is told before the old one stops
    ");
}

#[test]
fn all_hosts_drained_at_once_are_downtime() {
    let (mut environment, observed) = balanced();
    environment.services[0].update.parallelism = BatchSize::All;
    assert_snapshot!(update(&environment, &observed), @r"
    strategy web: drained and stopped first, as front stops sending requests before; downtime until the gate is passed: no other host serves
      not proven: web on web1: drained and stopped first, as front stops sending requests before; downtime until the gate is passed: no other host serves
      not proven: web on web2: drained and stopped first, as front stops sending requests before; downtime until the gate is passed: no other host serves
    ");
    // One alone: the other serves now, but nothing keeps the host from being drained if it does not any more.
    let only = Selection::resolve(&environment, &["web1".to_owned()], &[]).expect("a host");
    let plan = planner::deploy(&environment, &observed, &only, &release(&environment, "v2")).expect("a plan");
    assert_snapshot!(said(&plan), @r"
    strategy web: drained and stopped first, as front stops sending requests before; no downtime is expected
      not proven: web on web1: it is drained, and no other host has to serve meanwhile
    ");
}

#[test]
fn requests_that_are_cut_off_are_lost() {
    let (mut environment, observed) = balanced();
    environment.services[0].traffic.as_mut().expect("traffic").drain.on_deadline = OnDeadline::Force;
    let said = update(&environment, &observed);
    let doubt =
        "not proven: web on web1: requests that outlast `drain_deadline` are cut off (`on_drain_deadline: force`)";
    assert!(said.contains(doubt), "{said}");
    let (mut environment, observed) = behind_an_edge();
    environment.services[0].edge.as_mut().expect("an edge").drain.on_deadline = OnDeadline::Force;
    let said = update(&environment, &observed);
    assert!(said.contains(doubt), "{said}");
}

#[test]
fn a_server_that_leads_elsewhere_proves_nothing() {
    let (environment, mut observed) = balanced();
    for view in observed.backends.values_mut() {
        let BackendView::Seen(servers) = view else { panic!("the balancer was seen") };
        servers.get_mut("web2").expect("a server").port = 9090;
    }
    let said = update(&environment, &observed);
    let doubt = "  not proven: web on web2: front web/web2 leads to web2:9090, which does not look like it, so draining \
                 may not empty it";
    assert_eq!(said.lines().filter(|line| line.contains("not proven")).collect::<Vec<_>>(), [doubt]);
}

/// The doubts about a plan for two hosts behind `front`, of which this is changed.
fn doubts_with(change: impl FnOnce(&mut Environment, &mut Observed)) -> Vec<String> {
    let (mut environment, mut observed) = balanced();
    change(&mut environment, &mut observed);
    doubts(&deploy(&environment, &observed, "v2")).iter().map(ToString::to_string).collect()
}

fn servers(observed: &mut Observed) -> &mut Servers {
    let Some(BackendView::Seen(servers)) = observed.backends.values_mut().next() else { panic!("it was seen") };
    servers
}

#[test]
fn a_host_that_only_one_of_two_balancers_leaves_alone_still_gets_requests() {
    // Beside web2 nobody else serves when web1, which is drained at one balancer, is replaced: so web2 comes last.
    let second = |observed: &mut Observed| {
        let other = servers(observed).clone();
        servers(observed).get_mut("web1").expect("a server").admin = Admin::Maintenance;
        observed.backends.insert(("back".parse().expect("a name"), "web".to_owned()), BackendView::Seen(other));
    };
    let both = |environment: &mut Environment| {
        let balancers = &mut environment.services[0].traffic.as_mut().expect("traffic").balancers;
        balancers.push("back".parse().expect("a name"));
    };
    let doubts = doubts_with(|environment, observed| {
        second(observed);
        both(environment);
    });
    let expected = "web on web1: ";
    assert!(doubts.iter().any(|doubt| doubt.starts_with(expected)), "{doubts:?}");
    // Nobody sends it anything.
    let doubts = doubts_with(|_, observed| second(observed));
    assert!(doubts.iter().all(|doubt| !doubt.starts_with(expected)), "{doubts:?}");
}

#[test]
fn requests_that_wait_for_a_time_may_fail() {
    let doubts = doubts_with(|environment, _| {
        let service = KamalService {
            container: "kamal-proxy".to_owned(),
            target: "web:80".to_owned(),
            deploy: Vec::new(),
            max_pause: Duration::from_secs(30),
        };
        environment.balancers.insert("front".parse().expect("a name"), Balancer::KamalProxy(service));
    });
    let doubt = |host| format!("web on {host}: requests wait while it is in hand, and fail after 30s");
    assert_eq!(doubts, [doubt("web1"), doubt("web2")]);
}

#[test]
fn clients_with_a_cookie_come_while_it_is_drained() {
    let doubts = doubts_with(|_, observed| servers(observed).get_mut("web1").expect("a server").sticky = true);
    let doubt = "web on web1: front web/web1 has a cookie, and clients that come with it are sent there also while it is drained";
    assert_eq!(doubts, [doubt]);
}

#[test]
fn a_balancer_that_closes_idle_connections_may_cross_with_a_request() {
    let doubts = doubts_with(|environment, _| {
        let caddy = Balancer::Caddy { ssh: None, admin: Place::Port("localhost".to_owned(), 2019) };
        environment.balancers.insert("front".parse().expect("a name"), caddy);
    });
    let doubt = |host| {
        format!("web on {host}: front closes idle connections when it is told, and a request may cross with that")
    };
    assert_eq!(doubts, [doubt("web1"), doubt("web2")]);
}

#[test]
fn what_neither_we_nor_the_balancer_ask_gets_requests_before_it_is_known_to_answer() {
    let doubts = doubts_with(|environment, observed| {
        environment.services[0].health.check = Check::Running;
        servers(observed).get_mut("web2").expect("a server").health = Health::Unchecked;
    });
    let doubt =
        "web on web2: `health: none`, and front web/web2 is not checked: it gets requests before it is known to answer";
    assert_eq!(doubts, [doubt]);
}

#[test]
fn where_nobody_counts_requests_or_connections_nothing_is_proven() {
    let uncounted = |observed: &mut Observed| servers(observed).values_mut().for_each(|server| server.sessions = None);
    // The hosts are this machine, which tells of the connections to a container.
    assert_eq!(doubts_with(|_, observed| uncounted(observed)), Vec::<String>::new());
    let doubts = doubts_with(|environment, observed| {
        uncounted(observed);
        let web2 = environment.hosts.values_mut().last().expect("a host");
        web2.endpoint = Endpoint::Tcp { host: "web2".to_owned(), port: 2376, tls: None };
    });
    assert_eq!(doubts, ["web on web2: nobody counts the requests and connections that are open when it is stopped"]);
    let doubts = doubts_with(|environment, observed| {
        uncounted(observed);
        environment.services[0].runtime.networks = vec![Network::plain("host".to_owned())];
    });
    assert_eq!(doubts.len(), 2, "{doubts:?}");
}

#[test]
fn programs_get_strategies_and_the_capacity_at_each_step() {
    let environment = environment(3);
    let plan = deploy(&environment, &fleet(&environment, &["v1"]), "v2");
    let (_, value) = PlanAnswer { plan: &plan, saved: None, remark: None }.json();
    let serving: Vec<_> = value["batches"].as_array().expect("batches").iter().map(|it| &it["serving"]).collect();
    assert_eq!(serving, [2, 2, 2]);
    assert_snapshot!(value["strategies"], @r#"[{"service":"web","hosts":["web1","web2","web3"],"everywhere":true,"way":"stop_first","why":{"port":8080},"downtime":"each_host"}]"#);
}
