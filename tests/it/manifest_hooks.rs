//! What a manifest says of programs that run at named points.

use std::time::Duration;

use shipctl::environment::Point;

use crate::manifest_support::{Project, assert_problems, with_top_keys};

#[test]
fn what_is_wrong_with_a_hook_is_said_with_its_place() {
    let cases = [
        ("hooks: { before-bach: [x] }", "4:10: unknown key `before-bach` (did you mean `before-batch`?)"),
        ("hooks: { success: [] }", "4:19: the command is empty (write `[program, argument]`)"),
        ("hooks: { success: { timeout: 5s } }", "4:10: `command` is missing"),
        ("hooks: { success: { command: [x], timeout: 0s } }", "4:44: what may take no time cannot run"),
        ("hooks: { success: { comand: [x], command: [x] } }", "4:21: unknown key `comand` (did you mean `command`?)"),
    ];
    assert_problems(with_top_keys, &cases);
}

const TEXT: &str = "project: shop
hosts: { h1: { docker: unix:///1 } }
services: { web: { image: a, health: none } }
";

#[test]
fn a_program_of_the_project_has_to_be_there() {
    let text = format!("{TEXT}hooks: {{ success: [scripts/tell, it] }}\n");
    let project = Project::of(&text);
    let problems = project.problems_of("test", &[]);
    assert!(problems.contains("4:20: there is no file ") && problems.contains("/scripts/tell"), "{problems}");
    assert_eq!(project.with("scripts/tell", "x").sound().hooks[&Point::Success].command, ["scripts/tell", "it"]);
}

#[test]
fn a_later_layer_says_anew_what_is_run_at_a_point() {
    let base = format!("{TEXT}hooks: {{ success: {{ command: [a, b], timeout: 5s }}, failure: tell it }}\n");
    let project = Project::of("hooks: { success: [c] }\n").with("environments/base.yml", base);
    let hooks = project.sound().hooks;
    assert_eq!(
        (&hooks[&Point::Success].command, hooks[&Point::Success].timeout),
        (&vec!["c".to_owned()], Duration::from_mins(1))
    );
    assert_eq!(hooks[&Point::Failure].command, ["tell", "it"]);
}
