//! Every kind of gate lets a good release through and a bad one not.

use crate::support::{Fleet, Project};

const HTTP: &str = "http: { port: 80, path: /up }";
const PROBE: &str = r#"/fixture-app, probe, "http://127.0.0.1:80/up""#;

/// Deploys v1, which is good, then v2, which `spoil` makes bad on h2.
#[track_caller]
fn assert_tells_apart(fleet: &Fleet, project: &Project, spoil: impl Fn(&Project)) {
    project.edit("healthy_deadline: 5s", "healthy_deadline: 3s");
    let run = project.install();
    assert_eq!(fleet.releases(), ["v1"; 3]);
    fleet.assert_true(&run);
    project.tag("v2");
    spoil(project);
    let run = project.deploy(3);
    assert_eq!(run.failure()["host"], "h2", "{run}");
    assert_eq!(run.failure()["doing"], "gate new", "it was let through, and only the monitor noticed: {run}");
    assert_eq!(fleet.releases(), ["v1"; 3]);
    fleet.assert_true(&run);
}

#[test]
fn an_http_gate_asks_the_application() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    assert_tells_apart(&fleet, &project, |project| project.misbehave_on("h2", "never-healthy"));
}

#[test]
fn a_tcp_gate_wants_the_port_to_be_open() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.edit(HTTP, "tcp: { port: 80 }");
    assert_tells_apart(&fleet, &project, |project| project.misbehave_on("h2", "exit"));
    project.template("");
    project.edit("GREETING: hello", "PORT: '81'");
    let run = project.deploy(3);
    assert_eq!(run.failure()["host"], "h1", "a port that nobody listens on is let through: {run}");
}

#[test]
fn an_exec_gate_goes_by_the_commands_exit_code() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.edit(HTTP, &format!("exec: [{PROBE}]"));
    assert_tells_apart(&fleet, &project, |project| project.misbehave_on("h2", "never-healthy"));
}

#[test]
fn a_container_gate_goes_by_the_images_own_health_check() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    let check = format!("healthcheck: {{ test: [CMD, {PROBE}], interval: 300ms, retries: 2 }}\n    health:\n");
    project.edit("health:\n", &check);
    project.edit(HTTP, "container: {}");
    assert_tells_apart(&fleet, &project, |project| project.misbehave_on("h2", "never-healthy"));
}

#[test]
fn a_container_that_answers_for_another_release_does_not_pass() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.edit("healthy_deadline: 5s", "healthy_deadline: 3s");
    project.edit("image: shop/web:v1", "image: shop/web:${TAG}");
    let expect = "successes: 3\n      expect: { header: { X-Release: \"${TAG}\" } }";
    let smoke = r#"smoke: [{ path: /, contains: '"release":"${TAG}"' }, { path: /posts, method: POST, status: 400 }]"#;
    project.edit(HTTP, &format!("{HTTP}\n      {expect}\n      {smoke}"));
    project.write(".env", "TAG=v1\n");
    project.install();
    assert_eq!(fleet.releases(), ["v1"; 3]);
    // It is healthy, and says of itself that it is another one.
    project.write(".env", "TAG=v2\n");
    project.edit("GREETING: hello", "GREETING: hello, RELEASE: v1");
    let run = project.deploy(3);
    assert_eq!(run.failure()["doing"], "gate new", "{run}");
    let reason = run.failure()["reason"].as_str().expect("a reason");
    assert!(reason.contains("its header X-Release is `v1`, not `v2`"), "{reason}");
    assert_eq!(fleet.releases(), ["v1"; 3]);
    fleet.assert_true(&run);
    project.edit(", RELEASE: v1", "");
    fleet.assert_true(&project.deploy(0));
    assert_eq!(fleet.releases(), ["v2"; 3]);
}
