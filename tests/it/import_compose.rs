//! Compose files of the kind that teams have: what is written is sound, and what is missing from it is listed.

use insta::assert_snapshot;

use crate::import_support::{Fixture, first_plan};

const HOST: [&str; 2] = ["--host", "web1=deploy@web1.internal"];

#[test]
fn a_node_application_with_a_database_and_a_proxy() {
    let fixture = Fixture::new("compose-node");
    let report = fixture.import(&["compose", "docker-compose.yml", HOST[0], HOST[1]]);
    assert_snapshot!(report, @"REPORT node");
    assert_snapshot!(fixture.read("environments/base.yml"), @"FILE node environments/base.yml");
    assert_snapshot!(fixture.read("environments/prod.yml"), @"FILE node environments/prod.yml");
    let variables = "NPM_TOKEN=1\nPOSTGRES_PASSWORD=2\nSESSION_SECRET=3\nSMTP_URL=4\nSTRIPE_KEY=5\n";
    fixture.write(".env", variables);
    let environment = fixture.environment("prod");
    assert_snapshot!(first_plan(&environment), @"PLAN node");
    assert_eq!(environment.services["api"].runtime.environment["STRIPE_KEY"], "5");
    assert_eq!(environment.services["api"].build, environment.services["worker"].build);
    // The folder's own text is in the container, whatever a template would make of it.
    let (code, stdout, _) = fixture.shipctl(&["config", "render", "prod", "-o", "rendered"]);
    assert_eq!(code, 0, "{stdout}");
    let rendered = fixture.read("rendered/web1/nginx/etc/nginx/conf.d/default.conf");
    assert_eq!(rendered, fixture.read("nginx/default.conf"));
}

#[test]
fn no_value_of_a_variable_is_copied() {
    let fixture = Fixture::new("compose-node");
    let report = fixture.import(&["compose", "docker-compose.yml"]);
    for text in [report, fixture.read("environments/base.yml"), fixture.read("environments/prod.yml")] {
        assert!(!text.contains("sk_live") && !text.contains("mail.internal"), "{text}");
    }
}

#[test]
fn a_django_application_on_this_machine() {
    let fixture = Fixture::new("compose-django");
    let report = fixture.import(&["compose", "compose.yaml"]);
    assert_snapshot!(report, @"REPORT django");
    assert_snapshot!(fixture.read("environments/base.yml"), @"FILE django environments/base.yml");
    fixture.write(".env", "DB_PORT=5432\n");
    assert_snapshot!(first_plan(&fixture.environment("prod")), @"PLAN django");
}

#[test]
fn a_stack_of_swarm_on_two_hosts() {
    let fixture = Fixture::new("compose-swarm");
    let hosts = ["--host", "a=root@10.0.0.1", "--host", "b=ssh://root@10.0.0.2:2222"];
    let report = fixture.import(&[&["compose", "stack.yml", "--environment", "staging"][..], &hosts].concat());
    assert_snapshot!(report, @"REPORT swarm");
    fixture.write(".env", "DATA_DIR=/srv/agent\n");
    assert_snapshot!(first_plan(&fixture.environment("staging")), @"PLAN swarm");
}

#[test]
fn a_program_reads_what_was_not_translated() {
    let file = "services:\n  web:\n    image: shop/web:1\n    links: [db]\n    healthcheck: { test: [CMD, 'true'] }\n";
    let fixture = Fixture::of(&[("compose.yml", file)]);
    let report = fixture.import(&["compose", "compose.yml", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&report).expect("one object");
    assert_eq!(value["exit"], 0);
    let import = &value["import"];
    assert_eq!(import["environment"], "prod");
    assert_eq!(import["files"], serde_json::json!(["environments/base.yml", "environments/prod.yml"]));
    let left = &import["untranslated"][0];
    assert_eq!(
        (&left["key"], &left["file"], &left["line"]),
        (&"services.web.links".into(), &"compose.yml".into(), &4.into())
    );
    assert!(left["reason"].as_str().is_some_and(|reason| reason.contains("find each other by name")), "{left}");
}

#[test]
fn nothing_is_overwritten_and_then_nothing_is_written() {
    let file = "services: { web: { image: shop/web } }\n";
    let fixture = Fixture::of(&[("compose.yml", file), ("environments/prod.yml", "# mine\n")]);
    let (code, stdout, stderr) = fixture.shipctl(&["import", "compose", "compose.yml"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("environments/prod.yml is there already; nothing was written"), "{stderr}");
    assert_eq!(fixture.read("environments/prod.yml"), "# mine\n");
    assert!(!fixture.root().join("environments/base.yml").exists());
    fixture.import(&["compose", "compose.yml", "-o", "elsewhere"]);
    assert!(fixture.root().join("elsewhere/environments/base.yml").exists());
}

#[test]
fn what_cannot_be_read_is_bad_input_with_its_line() {
    for (file, words) in [
        ("services:\n  web: {\n", "compose.yml:"),
        ("- a\n", "expected a map of keys, found a list"),
        ("", "compose.yml is empty"),
        ("volumes: { data: }\n", "`services` is missing"),
        ("services: { web: { command: x } }\n", "`services` is empty"),
    ] {
        let fixture = Fixture::of(&[("compose.yml", file)]);
        let (code, stdout, stderr) = fixture.shipctl(&["import", "compose", "compose.yml"]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{file}");
        assert!(stderr.contains(words), "{file}: {stderr}");
        assert!(!fixture.root().join("environments").exists());
    }
    let fixture = Fixture::of(&[]);
    for (arguments, words) in [
        (&["import", "compose", "missing.yml"][..], "cannot read missing.yml"),
        (&["import", "compose", "x.yml", "--host", "web1=tcp://10.0.0.1:2376"], "certificates"),
        (&["import", "compose", "x.yml", "--host", "web1"], "NAME=ADDRESS"),
    ] {
        let (code, _, stderr) = fixture.shipctl(arguments);
        assert_eq!(code, 2);
        assert!(stderr.contains(words), "{stderr}");
    }
}
