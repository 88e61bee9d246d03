//! Quoting filters: whoever reads the file gets back exactly the value, whatever is in it.

use std::process::Command;

use crate::manifest_support::Project;

const HOSTILE: [&str; 8] = [
    "plain",
    "",
    "two words",
    "quote ' double \" back\\slash",
    "$HOME `id` $(id) %d {{ x }}",
    "# no comment: - [a, b] {c: d} !tag &x *x",
    "yes",
    "größer ≥ \u{85}\u{2028}\u{feff} ü",
];

/// `filter` applied to a variable of a config that holds `value`.
fn filtered(filter: &str, value: &str) -> Result<String, String> {
    // A `$` of the manifest would begin a variable.
    let value = serde_json::to_string(&value.replace('$', "$$")).expect("text");
    let manifest = format!(
        "project: shop
hosts: {{ h1: {{ docker: unix:///var/run/docker.sock }} }}
configs: {{ app: {{ template: templates/app.conf.j2, variables: {{ value: {value} }} }} }}
services: {{ web: {{ image: shop/web, health: none, configs: [app] }} }}
"
    );
    let project = Project::of(&manifest).with("templates/app.conf.j2", format!("{{{{ vars.value | {filter} }}}}"));
    let environment = project.sound();
    let host = environment.hosts.values().next().expect("a host");
    match shipctl::template::render(&environment, host, &environment.services[0], shipctl::template::Process::This) {
        Ok(files) => Ok(String::from_utf8(files[0].bytes().to_vec()).expect("text")),
        Err(problems) => Err(problems.to_string()),
    }
}

#[test]
fn yaml_and_json_read_back_as_the_value() {
    for value in HOSTILE.iter().chain(&["line\nbreak\ttab", "\u{1b}[2J"]) {
        let json: String = serde_json::from_str(&filtered("json", value).expect("JSON")).expect("JSON");
        assert_eq!(json, *value);
        let text = format!("key: {}\n", filtered("yaml", value).expect("YAML"));
        let yaml: std::collections::BTreeMap<String, String> = serde_yaml::from_str(&text).expect("YAML");
        assert_eq!(yaml["key"], *value, "{text}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a shell is asked what it reads")]
#[test]
fn a_shell_reads_the_value_as_one_word() {
    for value in HOSTILE.iter().chain(&["line\nbreak"]) {
        let script = format!("printf '%s|' {}", filtered("shell", value).expect("a word"));
        let output = Command::new("sh").args(["-c", &script]).output().expect("sh");
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{value}|"), "{script}");
    }
}

#[test]
fn an_env_file_and_haproxy_are_told_exactly_the_value_or_nothing() {
    assert_eq!(filtered("env", "a $b \"c\" \\d"), Ok(r#"'a $b "c" \d'"#.to_owned()));
    assert_eq!(filtered("haproxy", "a $b 'c'"), Ok(r#"'a $b '"'"'c'"'"''"#.to_owned()));
    for (filter, value, why) in [
        ("env", "it's", "' cannot be written into an env file"),
        ("env", "a\nb", "\\n cannot be written into an env file"),
        ("haproxy", "a\nuser x", "\\n cannot be written into HAProxy's configuration"),
    ] {
        let problem = filtered(filter, value).expect_err("a refusal");
        assert!(problem.contains(why) && problem.starts_with("templates/app.conf.j2:1:"), "{problem}");
    }
}
