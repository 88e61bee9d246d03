//! Hosts without a balancer: shipctl's own edge, and what clients see of deploys behind it.

use std::time::Duration;

use crate::support::poll::until;
use crate::support::process::{command, finish};
use crate::support::{Fleet, Host, Meter, Project, SOON, edge};

const RATE: u32 = 200;
const DOMAIN: &str = "api.shop.test";

/// `web` for every domain, and `api` for one path of one domain, behind the edge of one host.
pub fn project(fleet: &Fleet, host: &str) -> Project {
    edge::publish(fleet, &["1", "2"]);
    let project = Project::new(fleet);
    project.write("secrets/api_pem", &edge::certificate(DOMAIN));
    let edge = format!(
        "project: shop\nedge: {{ image: {}:1, http: 8080, https: 8443, certificates: [api_pem], redirect: false, \
         stop_grace_period: 20s }}\n",
        edge::IMAGE
    );
    project.edit("project: shop\n", &edge);
    project.edit("secrets:\n  registry", "secrets:\n  api_pem: { file: secrets/api_pem }\n  registry");
    // Published so that a bare Docker endpoint can be asked for their health.
    project.edit(
        "    ports: [\"8080:80\"]\n",
        "    ports: [\"80\"]\n    traffic: { edge: { port: 80 }, drain_deadline: 20s }\n",
    );
    let placement = format!("    deploy:\n      placement: {{ constraints: [host.name == {host}] }}\n");
    project.edit("    deploy:\n", &placement);
    let api = format!(
        "  api:\n    image: shop/web:v3\n    ports: [\"80\"]\n    environment: {{ GREETING: api }}\n    traffic: \
         {{ edge: {{ host: {DOMAIN}, path: /about, port: 80 }} }}\n    health: {{ http: {{ port: 80, path: /up }}, interval: 100ms, \
         min_healthy_time: 300ms }}\n{placement}hosts:\n"
    );
    project.edit("hosts:\n", &api);
    project
}

/// What curl sees of the edge of a host.
fn curl(host: &Host, more: &[&str]) -> String {
    let to = [80, 8080, 8443].map(|port| format!("{DOMAIN}:{port}:{}", host.address));
    let mut curl = command("curl");
    curl.args(["--silent", "--show-error", "--max-time", "10"]);
    for to in &to {
        curl.args(["--resolve", to]);
    }
    finish(curl.args(more))
}

#[test]
fn deploys_a_bad_release_and_another_edge_fail_no_request_on_a_single_host() {
    let fleet = Fleet::start();
    let project = project(&fleet, "h1");
    project.count_posts();
    project.misbehave("abrupt");
    project.install();
    let host = fleet.host("h1");
    assert_eq!(host.release(), "v1");
    let meter = Meter::start_on(&host.url(), RATE, std::slice::from_ref(&host));
    meter.wait_for_more(u64::from(RATE));
    project.deployed("v2");
    assert_eq!(host.release(), "v2");
    // Never healthy, so never asked.
    project.tag("v3");
    project.misbehave("never-healthy");
    project.deploy(3);
    project.misbehave("abrupt");
    project.edit("image: edge/haproxy:1", "image: edge/haproxy:2");
    project.deployed("v2");
    let run = project.deployed("v3");
    assert_eq!(host.release(), "v3", "{run}");
    meter.wait_for_more(u64::from(RATE));
    let measured = meter.stop();
    assert_eq!(measured.failures(), 0, "{measured}");
    measured.assert_posts_arrived_once();
    assert!(measured.answers_of("v1") > 0 && measured.answers_of("v2") > 0, "{measured}");

    // Another service, by its domain and path, with its certificate; and the way there.
    let pem = project.path("secrets/api_pem");
    let pem = pem.to_string_lossy();
    let get = |path: &str| curl(&host, &["--cacert", &pem, &format!("https://{DOMAIN}:8443{path}")]);
    let answer = get("/about");
    assert!(answer.contains("\"greeting\":\"api\"") && answer.contains("v3"), "{answer}");
    // What the service is told of the client, and what the edge writes of each request.
    for (url, proto) in
        [(format!("https://{DOMAIN}:8443/about"), "https"), (format!("http://{DOMAIN}:8080/about"), "http")]
    {
        let answer = curl(&host, &["--include", "--cacert", &pem, "-H", "X-Forwarded-Proto: gopher", &url]);
        let answer = answer.to_lowercase();
        let saw = answer.lines().find_map(|line| line.strip_prefix("x-saw: ")).unwrap_or_default();
        let told = format!("x-forwarded-proto={proto}");
        assert!(saw.contains(&told) && saw.contains("x-forwarded-for=") && !saw.contains("gopher"), "{answer}");
    }
    let docker = "docker -H unix:///run/docker.sock";
    let logs = format!("{docker} logs $({docker} ps -q --filter label=shipctl.service=edge) 2>&1");
    let logs = fleet.script(&["exec", &host.name, "bash", "-c", &logs]);
    assert!(logs.contains("\"GET /about HTTP/1.1\""), "{logs}");
    // Every other path of the domain, and that path of every other domain, are those of the service for all.
    let answer = get("/");
    assert!(answer.contains("\"greeting\":\"hello\""), "{answer}");
    let answer = curl(&host, &[&format!("http://{}:8080/about", host.address)]);
    assert!(answer.contains("\"greeting\":\"hello\""), "{answer}");
    let status = project.said(&["status", "prod"]);
    assert!(status.contains("TRAFFIC") && !status.contains("gets no requests"), "{status}");
    project.edit("redirect: false", "redirect: true");
    project.deploy(0);
    let moved = curl(
        &host,
        &["--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}", &format!("http://{DOMAIN}:8080/x")],
    );
    assert_eq!(moved, format!("308 https://{DOMAIN}:8443/x"));
}

#[test]
fn a_restarted_edge_finds_what_was_seated_and_nothing_else() {
    let fleet = Fleet::start();
    // A bare Docker endpoint: the edge is asked through its engine.
    let project = project(&fleet, "h3");
    project.install();
    let host = fleet.host("h3");
    assert_eq!(host.release(), "v1");
    // The next release never becomes healthy; in the middle of its gate the edge and everything else is restarted.
    project.tag("v2");
    project.misbehave("never-healthy");
    project.edit("healthy_deadline: 5s", "healthy_deadline: 40s");
    let mut run = project.start(&["deploy", "prod", "--yes"]);
    run.wait_for_step("h3", "gate");
    let docker = "docker -H unix:///run/docker.sock";
    let restart = format!("{docker} restart -t 1 $({docker} ps -q --filter label=shipctl.service=edge)");
    fleet.script(&["exec", "h3", "bash", "-c", &restart]);
    until("the edge serves again", SOON, || (host.release() == "v1").then_some(()));
    for _ in 0..20 {
        assert_eq!(host.release(), "v1");
    }
    run.signal("INT");
    run.end();
    fleet.script(&["reboot", "h3"]);
    until("the edge serves after a reboot", Duration::from_mins(1), || (host.release() == "v1").then_some(()));
}
