//! What is told of a rollout once it is over.

use std::fs;

use crate::support::{Fleet, Project};

#[test]
fn a_release_that_went_back_is_told_by_hosts_and_journal_and_as_a_page() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.behind_balancers();
    project.install();
    project.tag("v2");
    project.misbehave_on("h2", "exit");
    project.deploy(3);
    let shown = project.run(&["history", "show", "prod", "r2"]).expect(0);
    let told = &shown.result["release"]["rollouts"][0];
    assert_eq!(told["entry"]["result"], "rolled_back", "{shown}");
    assert_eq!(told["journal"]["report"]["failure"]["host"], "h2", "{shown}");
    assert_eq!(told["entry"]["rollout"], told["journal"]["rollout"], "one rollout, by both records");
    project.run(&["report", "prod", "r2", "-o", "report.html"]).expect(0);
    let page = fs::read_to_string(project.path("report.html")).expect("the page");
    for words in [
        "First cause: web on h2, at gate new",
        "fixture-app: mode exit: giving up",
        "lb1 app&#x2f;h1",
        "lb2 app&#x2f;h1",
        ">drained",
        ">in traffic, up",
        "<h2>Images pulled</h2>",
        "class=\"bar gate undo\"",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
}
