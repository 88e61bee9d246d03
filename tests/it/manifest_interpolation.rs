//! `${VARIABLE}` in values: by the rules of the Compose Specification, from the process and from `.env`.

use assert_cmd::Command;
use shipctl::manifest::{Overrides, load_recorded};

use crate::manifest_support::{Project, with_service_keys};

const VARIABLES: &str = "TAG=1.4\nEMPTY=\nTRUE=true\nYAML='[a, b]: {c}'\nPASSWORD=hunter2\n";

fn project(keys: &str) -> Project {
    Project::of(&with_service_keys(keys)).with(".env", VARIABLES)
}

#[test]
fn a_value_is_what_its_variables_say() {
    let mut wrong = Vec::new();
    for (written, expected) in [
        ("${TAG}", "1.4"),
        ("$TAG", "1.4"),
        ("v$TAG-x", "v1.4-x"),
        ("${TAG}${TAG}", "1.41.4"),
        ("${NONE:-x}", "x"),
        ("${NONE-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${EMPTY}", ""),
        ("${TAG:-x}", "1.4"),
        ("${NONE:-}", ""),
        ("${NONE:-${TAG}}", "1.4"),
        ("${NONE:-${EMPTY:-a${TAG}b}}c", "a1.4bc"),
        ("${TAG:+y}", "y"),
        ("${EMPTY:+y}", ""),
        ("${EMPTY+y}", "y"),
        ("${NONE+y}", ""),
        ("${TAG:?must be there}", "1.4"),
        ("$$TAG", "$TAG"),
        ("$${TAG}", "${TAG}"),
        ("a $$ b", "a $ b"),
        // What a variable holds is text, never structure, and is not read again.
        ("${YAML}", "[a, b]: {c}"),
        ("{{ jinja }}", "{{ jinja }}"),
    ] {
        let environment = project(&format!("environment: {{ A: '{written}' }}")).sound();
        let found = &environment.services[0].runtime.environment["A"];
        if found != expected {
            wrong.push(format!("{written}: expected {expected:?}, found {found:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn a_plain_value_stays_plain_and_keys_are_left_alone() {
    let environment = project("init: ${TRUE}\nlabels: { $TAG: x }").sound();
    let runtime = &environment.services[0].runtime;
    assert!(runtime.init);
    assert_eq!(runtime.labels["$TAG"], "x");
    assert_eq!(project("init: '${TRUE}'").problems(), "12:11: expected true or false, found `true`");
}

#[test]
fn what_is_wrong_is_placed_and_no_value_is_shown() {
    let mut wrong = Vec::new();
    for (written, expected) in [
        (
            "${TAGS}",
            "12:23: the variable `TAGS` is not set (did you mean `TAG`? Otherwise set it in the environment or in .env, write `${TAGS:-default}`, or `$$` for a literal `$`)",
        ),
        (
            "${NONE:?say which}",
            "12:23: the variable `NONE` must be set: `say which` (set it in the environment or in .env)",
        ),
        ("${EMPTY:?}", "12:23: the variable `EMPTY` must be set (set it in the environment or in .env)"),
        ("${TAG", "12:23: `${` without its `}` (write `${NAME}`, or `$$` for a literal `$`)"),
        ("${}", "12:23: `${` without the name of a variable (write `${NAME}`, or `$$` for a literal `$`)"),
        ("a $ b", "12:23: a `$` without the name of a variable (write `${NAME}`, or `$$` for a literal `$`)"),
        ("$1", "12:23: a `$` without the name of a variable (write `${NAME}`, or `$$` for a literal `$`)"),
        (
            "${PASSWORD/x}",
            "12:23: after the name of a variable only `:-`, `-`, `:?`, `?`, `:+` and `+` are known (write `${NAME}`, or `$$` for a literal `$`)",
        ),
    ] {
        let found = project(&format!("environment: {{ A: '{written}' }}")).problems();
        if found != expected {
            wrong.push(format!("{written}\n  expected: {expected}\n  found:    {found}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    let deep = format!("{}x{}", "${NONE:-".repeat(20), "}".repeat(20));
    assert!(project(&format!("environment: {{ A: '{deep}' }}")).problems().contains("nested too deeply"));
}

#[test]
fn what_set_sets_was_the_shells_to_expand() {
    let environment = project("init: true").load("test", &["services.web.environment.A=$TAG ${TAG}"]).expect("sound");
    assert_eq!(environment.services[0].runtime.environment["A"], "$TAG ${TAG}");
}

#[test]
fn the_process_wins_over_the_file_and_config_show_shows_what_is_written() {
    let project = project("environment: { A: '${TAG}', B: '${PASSWORD}' }");
    let shipctl = |arguments: &[&str]| {
        let mut command = Command::cargo_bin("shipctl").expect("the program");
        let output = command.current_dir(project.root()).env("TAG", "2.0").args(arguments).output().expect("it runs");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let shown = shipctl(&["config", "show", "test"]);
    assert!(shown.contains("${TAG}") && !shown.contains("hunter2"), "{shown}");
    let project = &project;
    std::fs::write(project.root().join("templates/app.conf.j2"), "{{ service.environment.A }}").expect("a template");
    let manifest = with_service_keys("environment: { A: '${TAG}' }\nconfigs: [app]");
    std::fs::write(project.root().join("environments/test.yml"), manifest).expect("a manifest");
    let rendered = shipctl(&["config", "render", "test"]);
    assert!(rendered.contains("2.0") && !rendered.contains("1.4"), "{rendered}");
}

#[test]
fn a_variable_that_only_a_deploy_knows_does_not_stand_between_an_operator_and_a_rollback() {
    let recorded = |keys: &str| {
        let project = project(keys);
        load_recorded(project.root(), "test", &Overrides::default()).map_err(|problems| problems.to_string())
    };
    let environment = recorded("environment: { A: '${COMMIT:?of the build}-${COMMIT}', B: '${TAG}' }").expect("sound");
    assert_eq!(environment.services[0].runtime.environment["A"], "unset-unset");
    assert_eq!(environment.services[0].runtime.environment["B"], "1.4");
    // Where no word can stand in, and outside of the services, it is missed as ever.
    for (project, expected) in [
        (project("stop_grace_period: '${GRACE}'"), "`GRACE` is not set"),
        (
            Project::of(&with_service_keys("init: true").replace("unix:///var/run/docker.sock", "'${SOCKET}'")),
            "`SOCKET`",
        ),
    ] {
        let problems = load_recorded(project.root(), "test", &Overrides::default()).expect_err("a problem").to_string();
        assert!(problems.contains(expected), "{problems}");
    }
}
