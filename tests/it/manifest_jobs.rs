//! What a manifest says of what runs once for a release.

use shipctl::environment::When;

use crate::manifest_support::{Project, assert_problems, with_top_keys};

#[test]
fn what_is_wrong_with_a_job_is_said_with_its_place() {
    let cases = [
        (
            "jobs: { m: { service: web, command: [x] } }",
            "4:9: nothing says whether the job is reversible (write `reversible: yes` if the release before can still run once it has, otherwise `reversible: no`)",
        ),
        (
            "jobs: { m: { service: wbe, command: [x], reversible: no } }",
            "4:23: there is no service `wbe` (did you mean `web`?)",
        ),
        ("jobs: { m: { service: web, reversible: no } }", "4:9: `command` is missing"),
        ("jobs: { m: { service: web, command: [], reversible: no } }", "4:37: a job needs a command that ends"),
        (
            "jobs: { m: { service: web, command: [x], reversible: nope } }",
            "4:54: `nope` is not allowed here (did you mean `no`? Otherwise use one of `yes`, `no`, `true`, `false`)",
        ),
        (
            "jobs: { m: { service: web, command: [x], reversible: no, when: befor } }",
            "4:64: `befor` is not allowed here (did you mean `before`? Otherwise use one of `before`, `after`)",
        ),
        (
            "jobs: { m: { service: web, command: [x], reversible: no, timeout: 0s } }",
            "4:67: a job that may take no time cannot run",
        ),
        (
            "jobs: { m: { service: web, command: [x], reversible: no, hots: h1 } }",
            "4:58: unknown key `hots` (did you mean `host`?)",
        ),
        (
            "jobs: { m: { service: web, command: [x], reversible: no, host: h2 } }",
            "4:64: no host `h2` runs web (did you mean `h1`?)",
        ),
        (
            "jobs: { m: { service: web, command: [x], reversible: no, host: h1, role: db } }",
            "4:68: a job has a `host` or a `role`, not both",
        ),
    ];
    assert_problems(with_top_keys, &cases);
}

#[test]
fn a_job_runs_on_the_host_that_is_said_or_the_first_of_its_role_or_of_its_service() {
    let text = "project: shop
hosts:
  h1: { docker: unix:///1, labels: { tier: db } }
  h2: { docker: unix:///2, labels: { tier: web } }
  h3: { docker: unix:///3, role: ops, labels: { tier: web } }
services:
  web: { image: a, health: none, deploy: { placement: { constraints: [host.labels.tier == web] } } }
  off: { image: a, health: none, profiles: [debug] }
jobs:
  first: { service: web, command: x y, reversible: true }
  role: { service: web, command: [x], reversible: no, role: ops, when: after }
  host: { service: web, command: [x], reversible: yes, host: h3, timeout: 1m30s }
  asleep: { service: off, command: [x], reversible: yes }
";
    let jobs = Project::of(text).sound().jobs;
    let said = |name: &str| {
        let job = jobs.values().find(|job| job.name.as_str() == name).expect("a job");
        (job.host.to_string(), job.when, job.timeout.as_secs(), job.reversible, job.command.len())
    };
    assert_eq!(said("first"), ("h2".to_owned(), When::Before, 300, true, 2));
    assert_eq!(said("role"), ("h3".to_owned(), When::After, 300, false, 1));
    assert_eq!(said("host"), ("h3".to_owned(), When::Before, 90, true, 1));
    assert_eq!(jobs.len(), 3, "that of a service that is not active does not run");
}
