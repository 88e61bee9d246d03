//! Host keys of SSH: strict, and with the command that puts it right.

use std::fs;

use crate::support::{Fleet, Project};

/// The host that cannot be trusted is named, the hint holds these words, and nothing was deployed anywhere.
#[track_caller]
fn assert_refused(fleet: &Fleet, project: &Project, message: &str, hint: &[&str]) {
    let run = project.deploy(1);
    let said = run.result["error"].to_string();
    assert!(said.contains("host h1") && said.contains(message), "{run}");
    let all = run.text();
    assert!(hint.iter().all(|word| all.contains(word)), "no hint with {hint:?}: {run}");
    assert_eq!(fleet.snapshot(), Vec::<String>::new());
}

#[test]
fn a_changed_host_key_is_refused_with_the_command_that_forgets_the_old_one() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    fleet.script(&["new-hostkey", "h1"]);
    assert_refused(&fleet, &project, "CHANGED", &["ssh-keygen", "-R", &fleet.host("h1").address]);
}

#[test]
fn an_unknown_host_key_is_refused_with_the_command_that_enrols_it() {
    let fleet = Fleet::start();
    let mut project = Project::new(&fleet);
    let known = fs::read_to_string(fleet.file("ssh/known_hosts")).expect("known hosts");
    let others: String = known.lines().filter(|line| !line.starts_with("h1,")).flat_map(|line| [line, "\n"]).collect();
    assert_ne!(others, known);
    project.write("known_hosts", &others);
    let config = fs::read_to_string(fleet.file("ssh/config")).expect("a configuration");
    let (theirs, ours) = (fleet.file("ssh/known_hosts"), project.path("known_hosts"));
    // As lenient as a configuration can be: strictness is not left to it.
    let config = config.replace(&*theirs.to_string_lossy(), &ours.to_string_lossy());
    project.write("ssh_config", &config.replace("StrictHostKeyChecking yes", "StrictHostKeyChecking no"));
    project.ssh_config = project.path("ssh_config");
    assert_refused(&fleet, &project, "not known", &["ssh-keyscan", &fleet.host("h1").address]);
    assert_eq!(fs::read_to_string(ours).expect("known hosts"), others, "a key was added to the known ones");
}
