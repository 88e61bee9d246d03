//! `config show --explain` and `config diff`: where values come from, what they hide, and how environments differ.

use assert_cmd::Command;
use insta::assert_snapshot;
use serde_json::Value;

use crate::manifest_support::Project;

fn project() -> Project {
    let base = "project: shop
services:
  web:
    image: shop/web:1
    health: none
    environment: { LOG: info, KEEP: x }
    command: [serve, --fast]
";
    let prod = "hosts: { h1: { docker: unix:///h1 } }
services:
  web:
    image: shop/web:2
    environment: { LOG: warn }
    command: !override
      - slow
      - |
        two
        lines
";
    let staging = "hosts: { h1: { docker: unix:///h1 } }
services: { web: { environment: { LOG: info, DEBUG: '1' } } }
";
    let project = Project::new().with("environments/base.yml", base).with("environments/prod.yml", prod);
    project.with("environments/staging.yml", staging).with("hot.yml", "services: { web: { image: shop/web:3 } }\n")
}

fn shipctl(project: &Project, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::cargo_bin("shipctl").expect("the program");
    let output = command.current_dir(project.root()).args(arguments).output().expect("it runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn each_value_is_explained_by_what_it_hides() {
    let project = project();
    let arguments =
        ["config", "show", "prod", "--explain", "--file", "hot.yml", "--set", "services.web.environment.LOG=debug"];
    let (code, text) = shipctl(&project, &arguments);
    assert_eq!(code, 0);
    assert_snapshot!(text, @r"
    project: shop           # environments/base.yml:1
    services:
      web:
        image: shop/web:3   # hot.yml:1, over `shop/web:2` (environments/prod.yml:4), over `shop/web:1` (environments/base.yml:4)
        health: none        # environments/base.yml:5
        environment:
          LOG: debug        # --set, over `warn` (environments/prod.yml:5), over `info` (environments/base.yml:6)
          KEEP: x           # environments/base.yml:6
        command:            # over `a list` (environments/base.yml:7)
        - slow              # environments/prod.yml:7
        - |                 # environments/prod.yml:9
          two
          lines
    hosts:
      h1:
        docker: unix:///h1  # environments/prod.yml:1
    ");
    let (_, json) = shipctl(&project, &[&arguments[..], &["--format", "json"]].concat());
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let values = json["manifest"].as_array().expect("a list");
    let log = values.iter().find(|value| value["path"] == "services.web.environment.LOG").expect("the value");
    assert_eq!(log["hides"][0]["value"], "warn");
    assert_eq!(log["hides"][1]["file"], "environments/base.yml");
}

#[test]
fn two_environments_differ_in_the_values_that_are_named() {
    let project = project();
    let (code, text) = shipctl(&project, &["config", "diff", "prod", "staging"]);
    assert_eq!(code, 0);
    assert_snapshot!(text, @r"
    services.web.image
      - shop/web:2  # environments/prod.yml:4
      + shop/web:1  # environments/base.yml:4
    services.web.environment.LOG
      - warn  # environments/prod.yml:5
      + info  # environments/staging.yml:2
    services.web.command[0]
      - slow  # environments/prod.yml:7
      + serve  # environments/base.yml:7
    services.web.command[1]
      - two\nlines\n  # environments/prod.yml:9
      + --fast  # environments/base.yml:7
    services.web.environment.DEBUG
      + 1  # environments/staging.yml:2
    prod (-) and staging (+) differ in 5 values
    ");
    assert_eq!(shipctl(&project, &["config", "diff", "prod", "staging", "--check"]).0, 7);
    let (code, text) = shipctl(&project, &["config", "diff", "prod", "prod", "--check"]);
    assert_eq!((code, text.as_str()), (0, "prod and prod say the same\n"));
    let (code, text) = shipctl(&project, &["config", "diff", "prod", "stagin"]);
    assert!(code == 2 && text.contains("did you mean `staging`?"), "{text}");
}

#[test]
fn render_prints_and_writes_what_goes_to_stores_without_secrets() {
    let project = Project::new().with("templates/level.j2", "{{ environment }}").with(
        "environments/prod.yml",
        "project: shop
hosts: { h1: { docker: unix:///h1 } }
services: { web: { image: shop/web, health: none } }
secrets: { token: { environment: TOKEN } }
configs: { level: { template: templates/level.j2 } }
publish:
  settings:
    etcd: { address: \"https://e:1\" }
    keys: { level: { config: level }, a/b: x, key: { secret: token } }
",
    );
    let (code, text) = shipctl(&project, &["config", "render", "prod"]);
    assert_eq!(
        (code, text.as_str()),
        (0, "# store settings shop/prod/a/b\nx\n# store settings shop/prod/level\nprod\n")
    );
    let (code, text) = shipctl(&project, &["config", "render", "prod", "-o", "out"]);
    assert_eq!(code, 0, "{text}");
    let written =
        |key: &str| std::fs::read_to_string(project.root().join(format!("out/_publish/settings/shop%2Fprod%2F{key}")));
    assert_eq!((written("level").ok().as_deref(), written("a%2Fb").ok().as_deref()), (Some("prod"), Some("x")));
    assert!(written("key").is_err());
    let (_, json) = shipctl(&project, &["config", "render", "prod", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["files"][0]["key"], "shop/prod/a/b");
}

#[test]
fn values_of_variables_are_shown_only_where_they_are_asked_for() {
    let project =
        project().with("hot.yml", "services: { web: { image: \"shop/web:${TAG}\" } }\n").with(".env", "TAG=7\n");
    let show = ["config", "show", "prod", "--file", "hot.yml"];
    let (_, text) = shipctl(&project, &show);
    assert!(text.contains("image: shop/web:${TAG}") && !text.contains("shop/web:7"), "{text}");
    let (code, text) = shipctl(&project, &[&show[..], &["--interpolate"]].concat());
    assert!(code == 0 && text.contains("image: shop/web:7"), "{text}");
    let project = project.with(".env", "");
    let (code, text) = shipctl(&project, &[&show[..], &["--interpolate"]].concat());
    assert!(code == 2 && text.contains("TAG"), "{text}");
}

#[test]
fn what_is_no_release_is_refused_before_a_host_is_asked() {
    let (code, text) = shipctl(&project(), &["rollback", "prod", "--to", "../x", "--yes"]);
    assert!(code == 2 && text.contains("`../x` is not the name of a release"), "{text}");
    assert!(!text.contains("h1"), "{text}");
}
