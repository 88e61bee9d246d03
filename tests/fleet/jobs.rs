//! Jobs: what runs once for a release.

use crate::support::{Container, Fleet, Project};

const MANIFEST: &str =
    "jobs:\n  migrate: { service: web, command: [probe, \"http://web/up\"], reversible: no }\nhosts:\n";

fn jobs(fleet: &Fleet) -> Vec<Container> {
    let all = fleet.hosts().into_iter().flat_map(|host| host.containers());
    all.filter(|container| container.name().contains("-job-")).collect()
}

#[test]
fn a_job_runs_once_beside_what_serves_and_one_that_fails_replaces_nothing() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    project.edit("hosts:\n", MANIFEST);
    let run = project.deployed("v2");
    assert_eq!(fleet.releases(), ["v2"; 3], "{run}");
    let done = jobs(&fleet);
    let [job] = &done[..] else { panic!("{} jobs\n{run}", done.len()) };
    // What it asked is what served then: under the service's name it finds the service, and not itself.
    assert_eq!((job.state().exit_code, job.is_running()), (Some(0), false), "{run}");
    assert_eq!(run.events("job_done").len(), 1, "{run}");
    let started = job.state().started_at;
    project.deploy(0);
    let again = jobs(&fleet);
    assert_eq!((again.len(), again[0].id(), again[0].state().started_at), (1, job.id(), started));

    let serving: Vec<_> = fleet.hosts().iter().map(|host| host.running()[0].id().to_owned()).collect();
    project.edit("http://web/up", "http://web/nothing/there");
    project.tag("v1");
    let run = project.deploy(1);
    assert_eq!((&run.failure()["doing"], &run.failure()["host"]), (&"job migrate".into(), &"h1".into()), "{run}");
    let output = run.events("job_output");
    assert!(output.iter().any(|line| line["line"].as_str().is_some_and(|line| line.contains("status"))), "{run}");
    let still: Vec<_> = fleet.hosts().iter().map(|host| host.running()[0].id().to_owned()).collect();
    assert_eq!(still, serving, "{run}");
    assert!(!fleet.is_locked());
    fleet.assert_true(&run);
}
