//! What a host tells, and what is made of it, as text.

use std::collections::BTreeSet;

use insta::assert_snapshot;

use super::*;
use crate::fleet::machine::{Account, Distribution};

const KEY: &str = "ssh-ed25519 AAAAC3 ann@desk";

fn wish() -> Wish {
    let authority = Authority { registry: "registry:5000".to_owned(), text: "PEM\n".to_owned() };
    let login = Some(Login { user: "deploy".to_owned(), key: KEY.to_owned() });
    Wish { authority: Some(authority), mirrors: Vec::new(), login }
}

fn debian(traits: impl IntoIterator<Item = Trait>) -> MachineFacts {
    let distribution = Distribution { id: "debian".to_owned(), name: "Debian GNU/Linux 12 (bookworm)".to_owned() };
    MachineFacts { distribution: Some(distribution), traits: BTreeSet::from_iter(traits), ..MachineFacts::default() }
}

/// With an engine that runs as it should, and all else that is wished for.
fn finished() -> MachineFacts {
    let account = Account { groups: [GROUP.to_owned()].into(), keys: vec![KEY.to_owned()] };
    MachineFacts {
        flags: Some(vec!["/usr/sbin/dockerd".to_owned()]),
        settings: Content::Text(Settings::default().completed(&[], false, &[]).text()),
        authority: Content::Text("PEM\n".to_owned()),
        account: Some(account),
        ..debian([Trait::Engine, Trait::Systemd])
    }
}

/// The plan, a line for each thing.
fn planned(facts: &MachineFacts) -> String {
    match plan(facts, &wish()) {
        Ok(items) => {
            let line = |Item { task, stands }: &Item| format!("{task:?}: {stands:?}");
            items.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Err(refusal) => format!("refused: {refusal}"),
    }
}

#[test]
fn a_fresh_host_gets_everything_and_its_engine_starts_with_its_settings() {
    assert_snapshot!(planned(&debian([Trait::Systemd, Trait::AppArmor])), @r#"
    Settings: Will(Settings { before: None, text: "{\n  \"log-driver\": \"json-file\",\n  \"log-opts\": {\n    \"max-size\": \"10m\",\n    \"max-file\": \"3\"\n  },\n  \"live-restore\": true\n}\n", adds: ["rotated logs", "live-restore"] })
    Authority("registry:5000"): Will(Authority { registry: "registry:5000", text: "PEM\n" })
    Engine: Will(Install(["docker.io", "ca-certificates", "apparmor"]))
    User("deploy"): Will(User("deploy"))
    Group("deploy"): Will(Group("deploy"))
    Key("deploy"): Will(Key { user: "deploy", key: "ssh-ed25519 AAAAC3 ann@desk" })
    "#);
}

#[test]
fn a_mirror_is_added_to_settings_or_left_to_who_starts_the_engine() {
    let wish = Wish { mirrors: vec!["https://a".to_owned(), "https://b".to_owned()], ..Wish::default() };
    let settings = r#"{"log-driver": "local", "live-restore": true, "registry-mirrors": ["https://a/"]}"#;
    let about = |flags: &[&str]| {
        let flags = Some(flags.iter().map(|&flag| flag.to_owned()).collect());
        let facts = MachineFacts { settings: Content::Text(settings.to_owned()), flags, ..finished() };
        let items = plan(&facts, &wish).unwrap();
        let line = |Item { task, stands }: &Item| match stands {
            Stands::Will(Step::Settings { adds, .. }) => format!("{task:?}: adds {adds:?}"),
            stands => format!("{task:?}: {stands:?}"),
        };
        items.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(about(&["dockerd"]), @r#"
    Settings: adds ["the mirror https://b"]
    Engine: Already
    Running: Will(Reload { is_enough: true })
    "#);
    assert_snapshot!(about(&["dockerd", "--registry-mirror", "https://c"]), @r#"
    Settings: Already
    Mirror("https://b"): Left("add it where the engine is told of its mirrors, which is not in its settings")
    Engine: Already
    Running: Already
    "#);
}

#[test]
fn where_all_is_so_nothing_is_done() {
    assert_snapshot!(planned(&finished()), @r#"
    Settings: Already
    Authority("registry:5000"): Already
    Engine: Already
    Running: Already
    User("deploy"): Already
    Group("deploy"): Already
    Key("deploy"): Already
    "#);
}

#[test]
fn an_engine_that_runs_is_restarted_only_for_what_it_does_not_read_again() {
    let with = |text: &str, traits: &[Trait]| {
        let settings = Content::Text(text.to_owned());
        let facts = MachineFacts { settings, ..finished() };
        let all = planned(&MachineFacts { traits: traits.iter().copied().chain([Trait::Engine]).collect(), ..facts });
        all.lines().filter(|line| line.starts_with("Running")).collect::<Vec<_>>().join("\n")
    };
    let rotated = "{\"log-driver\": \"local\"}";
    assert_eq!(with(rotated, &[Trait::Systemd]), "Running: Will(Reload { is_enough: true })", "live-restore alone");
    assert_eq!(with("{}", &[Trait::Systemd]), "Running: Will(Reload { is_enough: false })\nRunning: Will(Restart)");
    assert!(with("{}", &[]).contains("Running: Left(\"restart the engine"), "nobody to ask");
    let complete = Settings::default().completed(&[], false, &[]).text();
    assert_eq!(with(&complete, &[Trait::Systemd, Trait::Stale]), "Running: Will(Restart)", "a run was cut off here");
    let down = MachineFacts { flags: None, ..finished() };
    assert!(planned(&down).contains("Running: Will(Restart)"));
}

#[test]
fn what_is_not_understood_is_left_alone() {
    let fedora = Distribution { id: "fedora".to_owned(), name: "Fedora Linux 43".to_owned() };
    assert_snapshot!(planned(&MachineFacts { distribution: Some(fedora), ..finished() }), @"refused: it is Fedora Linux 43; Debian and Ubuntu are known here");
    assert_snapshot!(planned(&MachineFacts::default()), @"refused: it is of no known kind; Debian and Ubuntu are known here");
    let broken = Content::Text("{\"dns\": [\"10.0.0.1\"}".to_owned());
    assert_snapshot!(planned(&MachineFacts { settings: broken, ..finished() }), @"refused: /etc/docker/daemon.json is not a JSON object: expected `,` or `]` at line 1 column 20; it is left as it is");
}
