//! What is shipped, imported and started with is what the JSON Schema says. That every manifest of the other tests is held
//! against it too is seen to where they are loaded.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

use crate::import_support::Fixture;
use crate::schema_support::{is_readable, objection};

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    assert!(!files.is_empty(), "{}", folder.display());
    files
}

fn assert_valid(folder: &Path) {
    for file in yaml_files(folder) {
        let layer = fs::read_to_string(&file).expect("a layer");
        assert!(is_readable(&layer), "{}", file.display());
        assert_eq!(objection(&layer), None, "{}", file.display());
    }
}

#[test]
fn every_shipped_layer_is_what_the_schema_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_valid(&root.join("environments"));
    assert_valid(&root.join("tests/demo/environments"));
}

#[test]
fn what_init_and_the_imports_write_is_what_the_schema_says() {
    for image in [&[][..], &["--image", "ghcr.io/acme/shop"], &["--registry", "registry.internal:5000"]] {
        let fixture = Fixture::of(&[]);
        let (code, _, problems) = fixture.shipctl(&[&["init", ".", "--host", "web1=deploy@web1"], image].concat());
        assert_eq!(code, 0, "{problems}");
        assert_valid(&fixture.root().join("environments"));
    }
    for (fixture, file) in
        [("compose-swarm", "stack.yml"), ("compose-django", "compose.yaml"), ("compose-node", "docker-compose.yml")]
    {
        let fixture = Fixture::new(fixture);
        fixture.import(&["compose", file]);
        assert_valid(&fixture.root().join("environments"));
    }
    for fixture in ["kamal-roles", "kamal-erb", "kamal-rails"] {
        let fixture = Fixture::new(fixture);
        fixture.import(&["kamal", "config/deploy.yml"]);
        assert_valid(&fixture.root().join("environments"));
    }
}

#[test]
fn the_schema_is_printed_without_a_project() {
    let nowhere = tempfile::tempdir().expect("a directory");
    let mut command = Command::cargo_bin("shipctl").expect("the program");
    let output = command.current_dir(nowhere.path()).args(["config", "schema"]).output().expect("it runs");
    assert!(output.status.success() && output.stderr.is_empty());
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(printed, shipctl::environment::resolve::schema());
}

#[test]
fn what_a_tag_removes_and_replaces_is_not_there_for_the_schema() {
    for sound in [
        "services: { web: { image: !reset , ports: !override ['80'], health: !reset {} } }",
        "services: { web: { ports: [!reset '80', '81'] } }",
        "x-web: &web { init: true }\nservices: { web: { <<: *web, stop_grace_period: '${GRACE:-10s}' } }",
        "x-any: [{ a: 1 }]",
    ] {
        assert_eq!(objection(sound), None, "{sound}");
    }
    for unsound in
        ["services: { web: { init: '${' } }\nprot: 1", "services: { web: !override { prot: 1 } }", "services: [web]"]
    {
        assert!(objection(unsound).is_some(), "{unsound}");
    }
}
