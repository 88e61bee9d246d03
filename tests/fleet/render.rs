//! What a deploy would change in the files of containers, seen beforehand.

use crate::support::{Fleet, Project};

#[test]
fn rendered_files_are_compared_with_what_the_containers_have_now() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    let states = |exit: i32| {
        let run = project.run(&["config", "render", "prod", "--diff", "--check"]).expect(exit);
        let files = run.result["compared"].as_array().expect("files").clone();
        files.iter().map(|file| format!("{} {}", file["host"], file["state"]).replace('"', "")).collect::<Vec<_>>()
    };
    assert_eq!(states(7), ["h1 new", "h2 new", "h3 new"]);
    project.install();
    assert_eq!(states(0), ["h1 same", "h2 same", "h3 same"]);
    let before = fleet.snapshot();
    project.template("{{ 'colour=blue' if host.name == 'h3' else '' }}");
    assert_eq!(states(7), ["h1 same", "h2 same", "h3 changed"]);
    let said = project.said(&["config", "render", "prod", "--diff", "--host", "h3"]);
    assert!(said.contains("h3 web /etc/app/app.conf") && said.contains("+ colour=blue"), "{said}");
    assert!(said.contains("  host=h3") && !said.contains("- host=h3"), "{said}");
    assert_eq!(fleet.snapshot(), before);
}
