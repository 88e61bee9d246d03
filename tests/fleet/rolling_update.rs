//! From one release to the next.

use serde_json::Value;

use crate::support::{Container, Fleet, Project};

/// How a container ends that the engine has killed.
const KILLED: i64 = 137;

fn stopped(fleet: &Fleet) -> Vec<Container> {
    let all = fleet.hosts().into_iter().flat_map(|host| host.containers());
    all.filter(|container| !container.is_running()).collect()
}

#[test]
fn every_host_answers_with_the_new_release_and_keeps_the_old_container() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let old: Vec<String> = fleet.hosts().iter().map(|host| host.only().id().to_owned()).collect();
    let run = project.deployed("v2");
    fleet.assert_true(&run);
    assert_eq!(run.table(), ["h1 r1 r2 healthy", "h2 r1 r2 healthy", "h3 r1 r2 healthy"]);
    assert_eq!(fleet.releases(), ["v2"; 3]);
    let kept = stopped(&fleet);
    assert_eq!(kept.iter().map(|one| one.id().to_owned()).collect::<Vec<_>>(), old);
    for container in kept {
        assert_eq!(container.state().exit_code, Some(0), "the old release was not left to finish: {container}");
    }
}

#[test]
fn a_promoted_container_has_its_final_name_restart_policy_and_bounded_logs() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    for host in fleet.hosts() {
        let container = host.only();
        assert!(container.is_promoted() && container.name().starts_with("shop-prod-web-"), "{container}");
        let config = container.host_config();
        let restart = config.restart_policy.expect("a restart policy");
        assert_eq!(
            (restart.name.map(|name| name.to_string()), restart.maximum_retry_count),
            (Some("on-failure".into()), Some(5))
        );
        let logs = config.log_config.expect("a log configuration");
        assert_eq!(logs.typ.as_deref(), Some("json-file"));
        let options = logs.config.expect("log options");
        assert_eq!((options["max-size"].as_str(), options["max-file"].as_str()), ("10m", "3"));
        assert_eq!(container.0.config.expect("a configuration").stop_timeout, Some(10));
    }
}

#[test]
fn a_release_that_runs_already_is_left_alone() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let (before, since) = (fleet.snapshot(), std::time::UNIX_EPOCH.elapsed().expect("it is after 1970"));
    let run = project.deploy(0);
    assert_eq!(run.result["plan"]["changes"], false, "{run}");
    assert_eq!(fleet.snapshot(), before);
    for host in fleet.hosts() {
        assert_eq!(host.changes_since(since), Vec::<String>::new(), "on {}", host.name);
    }
    let said = project.said(&["deploy", "prod", "--yes"]);
    assert!(said.contains("Nothing to do"), "{said}");
}

#[test]
fn an_application_that_ignores_the_stop_signal_is_killed_after_its_grace() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.edit("    health:\n", "    stop_grace_period: 2s\n    health:\n");
    project.misbehave_on("h1", "ignore-term");
    project.install();
    let run = project.deployed("v2");
    assert_eq!(fleet.releases(), ["v2"; 3]);
    let codes: Vec<_> = stopped(&fleet).iter().map(|container| container.state().exit_code).collect();
    assert_eq!(codes, [Some(KILLED), Some(0), Some(0)]);
    let stop = |event: &Value| event["step"].get("stop").is_some();
    let time = |name| run.timed(name).find(|(_, event)| stop(event)).expect("the old container is stopped").0;
    let took = time("step_finished").duration_since(time("step_started")).as_secs();
    assert!((2..8).contains(&took), "the grace was 2 s, stopping took {took} s");
}
