//! Services that build upon others, take variables from files, sleep in profiles and wait for each other.

use shipctl::environment::{ConfigSource, Environment, Service};
use shipctl::name::ServiceName;

use crate::manifest_support::Project;

/// A project with these services, on line 3 and after.
fn project(services: &str) -> Project {
    let indented = services.lines().map(|line| format!("  {line}\n")).collect::<Vec<_>>().concat();
    Project::of(&format!(
        "project: shop\nhosts: {{ h1: {{ docker: unix:///var/run/docker.sock }} }}\nservices:\n{indented}"
    ))
}

fn service<'e>(environment: &'e Environment, name: &str) -> &'e Service {
    &environment.services[&name.parse::<ServiceName>().expect("a name")]
}

fn environment_of<'e>(environment: &'e Environment, name: &str) -> Vec<(&'e str, &'e str)> {
    let variables = &service(environment, name).runtime.environment;
    variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn names(environment: &Environment) -> Vec<&str> {
    environment.services.keys().map(ServiceName::as_str).collect()
}

#[test]
fn a_service_is_put_over_the_one_that_it_extends() {
    let common = "services: { app: { image: shop/app, health: none, environment: [A=file, B=file], ports: ['80'] } }";
    let project = project(
        "base: { image: shop/base, health: none, environment: { A: base, C: base }, ports: ['81', '82'], profiles: [never] }
web: { extends: { service: app, file: common.yml }, environment: { B: web }, ports: ['90'] }
worker: { extends: { service: web }, image: shop/worker, ports: !override [], environment: { C: worker } }
job: { extends: base, environment: { A: !reset null }, ports: !reset [], profiles: !reset [] }",
    )
    .with("common.yml", common);
    let environment = project.sound();
    assert_eq!(names(&environment), ["web", "worker", "job"]);
    assert_eq!(service(&environment, "web").image, "shop/app");
    assert_eq!(environment_of(&environment, "web"), [("A", "file"), ("B", "web")]);
    assert_eq!(environment_of(&environment, "worker"), [("A", "file"), ("B", "web"), ("C", "worker")]);
    assert_eq!(environment_of(&environment, "job"), [("C", "base")]);
    let ports = |name: &str| service(&environment, name).runtime.ports.iter().map(|p| p.container_port).collect();
    let expected: [(&str, Vec<u16>); 3] = [("web", vec![80, 90]), ("worker", vec![]), ("job", vec![])];
    for (service, expected) in expected {
        let found: Vec<u16> = ports(service);
        assert_eq!(found, expected, "{service}");
    }
}

#[test]
fn what_a_later_layer_resets_is_not_brought_back_by_the_service_that_is_extended() {
    let base = "project: shop\nservices: { base: { image: a, health: none, init: true, ports: ['80'] }, web: { extends: base } }";
    let over =
        "hosts: { h1: { docker: unix:///var/run/docker.sock } }\nservices: { web: { ports: !reset [], init: false } }";
    let environment = Project::new().with("environments/base.yml", base).with("environments/test.yml", over).sound();
    assert!(service(&environment, "web").runtime.ports.is_empty() && !service(&environment, "web").runtime.init);
    assert_eq!(service(&environment, "base").runtime.ports.len(), 1);
}

#[test]
fn a_service_that_cannot_be_extended_is_named() {
    for (services, expected) in [
        (
            "a: { extends: wep }\nweb: { image: x, health: none }",
            "4:17: there is no service `wep` to extend (did you mean `web`?)",
        ),
        ("a: { extends: b }\nb: { extends: { service: a } }", "4:8: `extends` goes in a circle: b → a → b"),
        (
            "a: { extends: { file: none.yml, service: x } }",
            "4:17: cannot read none.yml: No such file or directory (os error 2)",
        ),
        ("a: { extends: { file: empty.yml, service: x } }", "4:17: `empty.yml` has no services"),
        ("a: { extends: { servise: x } }", "4:8: `extends` does not name a `service`"),
        ("a: { extends: [x] }", "4:17: expected the name of a service, found a list"),
    ] {
        let found = project(services).with("empty.yml", "x-a: 1").problems();
        assert!(found.contains(expected), "{services}\n  expected: {expected}\n  found:    {found}");
    }
}

#[test]
fn files_lie_beneath_what_the_service_says_and_later_files_win() {
    let project = project(
        "web: { image: a, health: none, env_file: [one.env, { path: two.env, format: raw }, { path: no.env, required: false }], environment: { C: own } }
db: { image: a, health: none, env_file: one.env, label_file: labels, labels: [b=own] }",
    )
    .with("one.env", "A=1\nB=one\nC=one\nD='$x'\nE=\"${A}${F:-x}\"\n")
    .with("two.env", "B='two'\n")
    .with("labels", "a=1\nb=2\n");
    let environment = project.sound();
    let expected = [("A", "1"), ("B", "'two'"), ("C", "own"), ("D", "$x"), ("E", "1x")];
    assert_eq!(environment_of(&environment, "web"), expected);
    let labels = &service(&environment, "db").runtime.labels;
    assert_eq!(labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(), ["a=1", "b=own"]);
}

#[test]
fn what_is_wrong_in_a_file_of_variables_is_placed_there_and_no_value_is_shown() {
    let services = "web: { image: a, health: none, env_file: [bad.env, no.env, { path: x, formad: raw }, ../up.env] }";
    let found = project(services).with("bad.env", "OK=1\n1X=hunter2\nLONELY\n").problems();
    for expected in [
        "bad.env:2:1: `1X` is not the name of a variable",
        "bad.env:3:1: the variable `LONELY` is not set, and no value is written",
        "4:54: cannot read no.env",
        "4:73: unknown key `formad` (did you mean `format`?)",
        "4:88: ../up.env is not beneath the project",
    ] {
        assert!(found.contains(expected), "{expected}\n{found}");
    }
    assert!(!found.contains("hunter2"), "{found}");
}

#[test]
fn a_name_without_a_value_takes_it_from_the_variable_of_its_name() {
    let services = "web: { image: a, health: none, environment: [TOKEN, B=2] }
db: { image: a, health: none, environment: { TOKEN: }, build: { context: ., args: [TOKEN] } }";
    let environment = project(services).with(".env", "TOKEN=t\n").sound();
    assert_eq!(environment_of(&environment, "web"), [("B", "2"), ("TOKEN", "t")]);
    assert_eq!(environment_of(&environment, "db"), [("TOKEN", "t")]);
    assert_eq!(service(&environment, "db").build.as_ref().unwrap().args["TOKEN"], "t");
}

#[test]
fn a_service_whose_profile_is_not_active_is_checked_and_left_out() {
    let services = "web: { image: a, health: none }\ndebug: { image: a, health: none, profiles: [debug, trace] }";
    assert_eq!(names(&project(services).sound()), ["web"]);
    let project = project(services);
    let active = project.load("test", &["profiles=[trace]"]).expect("sound");
    assert_eq!(names(&active), ["web", "debug"]);
    let wrong = services.replace("[debug, trace]", "[debug], imagee: b");
    assert!(self::project(&wrong).problems().contains("unknown key `imagee`"));
}

#[test]
fn services_come_behind_those_that_they_depend_on_and_otherwise_in_the_order_of_the_manifest() {
    let services = "web: { image: a, health: none, depends_on: { api: { condition: service_healthy }, gone: { required: false } } }
first: { image: a, health: none }
api: { image: a, health: none, depends_on: [db, cache] }
cache: { image: a, health: none }
db: { image: a, health: none }";
    assert_eq!(names(&project(services).sound()), ["first", "cache", "db", "api", "web"]);
}

#[test]
fn a_dependency_that_cannot_be_kept_is_named() {
    for (keys, expected) in [
        ("depends_on: [dbb]", "4:47: there is no service `dbb` (did you mean `db`?)"),
        ("depends_on: [db]", "4:47: no profile of `db` is active (add `profiles: [late]` to the environment)"),
        ("depends_on: [web]", "4:47: `depends_on` goes in a circle through `web`"),
        (
            "depends_on: { db: { condition: service_completed_successfully, required: false } }",
            "4:65: `service_completed_successfully` is not supported (services run for ever; a task that ends is not one)",
        ),
        (
            "depends_on: { db: { restart: true, required: false } }",
            "4:63: `restart: true` is not supported (a service must bear that one it depends on is replaced)",
        ),
        (
            "depends_on: { db: { condition: up, required: false } }",
            "4:65: `up` is not allowed here (use one of `service_started`, `service_healthy`)",
        ),
    ] {
        let services =
            format!("web: {{ image: a, health: none, {keys} }}\ndb: {{ image: a, health: none, profiles: [late] }}");
        assert_eq!(project(&services).problems(), expected, "{keys}");
    }
}

#[test]
fn a_config_comes_from_a_template_a_file_the_manifest_or_a_variable() {
    let manifest = "project: shop
hosts: { h1: { docker: unix:///var/run/docker.sock } }
services: { web: { image: a, health: none, configs: [file, text, variable] } }
configs: { file: { file: etc/app.conf }, text: { content: \"a: ${X}\\n\" }, variable: { environment: X } }";
    let project = Project::of(manifest).with(".env", "X=1\n").with("etc/app.conf", "as it is {{ }}\n");
    let environment = project.sound();
    let service = &environment.services[0];
    let contents: Vec<_> = service.configs.iter().map(|config| config.content.clone()).collect();
    let text = |text: &str| ConfigSource::Content(text.to_owned());
    assert_eq!(contents, [ConfigSource::File("etc/app.conf".into()), text("a: 1\n"), text("1")]);
    let host = environment.hosts.values().next().expect("a host");
    let files =
        shipctl::template::render(&environment, host, service, shipctl::template::Process::This).expect("rendered");
    let bytes: Vec<_> = files.iter().map(|file| String::from_utf8_lossy(file.bytes()).into_owned()).collect();
    assert_eq!(bytes, ["as it is {{ }}\n", "a: 1\n", "1"]);
}

#[test]
fn a_platform_and_a_pull_policy_are_words_that_hosts_can_follow() {
    let with = |keys: &str| project(&format!("web: {{ image: a, health: none, {keys} }}"));
    let environment = with("platform: linux/arm64/v8, pull_policy: always").sound();
    assert_eq!(service(&environment, "web").platform.as_deref(), Some("linux/arm64/v8"));
    for (keys, expected) in [
        ("platform: arm", "4:44: `arm` is not a platform (write `linux/amd64` or `linux/arm64/v8`)"),
        ("pull_policy: build", "4:47: `pull_policy: build` without `build:`"),
        (
            "pull_policy: never",
            "4:47: `never` is not supported (leave it out: tags are looked up in each deploy, and hosts pull what they lack)",
        ),
    ] {
        assert_eq!(with(keys).problems(), expected);
    }
}

#[test]
fn hosts_do_not_run_different_releases_of_what_they_need_of_each_other() {
    let help =
        "let the fleet go as one: `failure_action: rollback`, without `max_failure_ratio`, and `promote: automatic`";
    let services = "web: { image: a, health: none, depends_on: [db], deploy: { update_config: { failure_action: continue } } }\ndb: { image: a, health: none }";
    let expected = "4:95: some hosts would run the earlier `db`, and others what needs the new one (4)";
    assert_eq!(project(services).problems(), format!("{expected} ({help})"));
    assert_eq!(names(&project(&services.replace("depends_on: [db], ", "")).sound()), ["web", "db"]);
    let text = |ratio: &str| {
        let web =
            format!("web: {{ image: a, health: none, deploy: {{ update_config: {{ max_failure_ratio: {ratio} }} }} }}");
        let publish = "publish: { s: { etcd: { address: \"https://e:1\" }, keys: { a: b } } }";
        format!("project: shop\nhosts: {{ h1: {{ docker: unix:///1 }} }}\nservices:\n  {web}\n{publish}\n")
    };
    let expected = "4:80: some hosts would run the earlier release with the values that the new one publishes";
    assert_eq!(Project::of(&text("0.5")).problems(), format!("{expected} ({help})"));
    Project::of(&text("0.0")).sound();
}
