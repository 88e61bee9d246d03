//! Hooks, and who is notified: programs of the operator's own at named points of a rollout.

use crate::support::{Fleet, Project};

const HOOKS: &str = r#"hooks:
  before-batch: { command: [sh, -c, 'echo "$$SHIPCTL_HOSTS" >> heard; test "$$SHIPCTL_BATCH" != 2'], timeout: 20s }
  rollback: [sh, -c, 'cat >> heard']
notify:
  audit: { command: [sh, -c, 'echo "$$SHIPCTL_NOTICE: $$SHIPCTL_TEXT" >> noticed'] }
  dead: { webhook: { url: "http://127.0.0.1:1/", insecure: true }, on: rollback }
hosts:
"#;

#[test]
fn a_hook_that_fails_before_the_second_batch_takes_the_first_host_back_and_who_is_notified_hears_of_it() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let before: Vec<_> = fleet.hosts().iter().map(|host| host.running()[0].id().to_owned()).collect();
    project.edit("hosts:\n", HOOKS);
    project.tag("v2");
    let run = project.deploy(3);
    let failure = run.failure();
    assert_eq!(
        (&failure["doing"], &failure["reason"]),
        (&"hook before-batch".into(), &"it ended with exit code 1".into())
    );
    let after: Vec<_> = fleet.hosts().iter().map(|host| host.running()[0].id().to_owned()).collect();
    assert_eq!(after, before, "{run}");
    let heard = std::fs::read_to_string(project.path("heard")).expect("what the hooks wrote");
    let lines: Vec<_> = heard.lines().collect();
    assert_eq!(lines[..2], ["h1", "h2"], "{run}");
    let told: serde_json::Value = serde_json::from_str(lines[2]).expect("JSON");
    assert_eq!((&told["hook"], &told["outcome"]), (&"rollback".into(), &"rolled-back".into()), "{run}");
    let noticed = std::fs::read_to_string(project.path("noticed")).expect("what the program wrote");
    let lines: Vec<_> = noticed.lines().collect();
    assert_eq!(lines.len(), 2, "{noticed}");
    assert!(lines[0].starts_with("start: ") && lines[0].contains("begins on h1, h2, h3"), "{noticed}");
    assert!(lines[1].starts_with("rollback: ") && lines[1].contains("every touched host runs"), "{noticed}");
    assert!(run.text().contains("not_notified") && run.text().contains("dead"), "{run}");
    assert!(!fleet.is_locked());
}
