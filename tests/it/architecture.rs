//! What is deliberately absent from modules, checked by machine. See ARCHITECTURE.md.

use std::fs;
use std::path::{Path, PathBuf};

const PURE: [&str; 30] = [
    "src/plan",
    "src/name.rs",
    "src/duration.rs",
    "src/size.rs",
    "src/container.rs",
    "src/delivery.rs",
    "src/publish/mod.rs",
    "src/publish/state.rs",
    "src/publish/swap.rs",
    "src/release.rs",
    "src/event.rs",
    "src/event",
    "src/hook/facts.rs",
    "src/fleet/act.rs",
    "src/fleet/checkup",
    "src/fleet/layers.rs",
    "src/fleet/ledger.rs",
    "src/fleet/machine.rs",
    "src/fleet/observed.rs",
    "src/fleet/select.rs",
    "src/fleet/settings.rs",
    "src/fleet/setup",
    "src/fleet/stamp.rs",
    "src/fleet/status.rs",
    "src/rollout/acts.rs",
    "src/rollout/policy.rs",
    "src/rollout/verdict.rs",
    "src/engine/content.rs",
    "src/engine/sockets.rs",
    "src/engine/spec.rs",
];

const IMPURE: [&str; 9] = [
    "async fn",
    ".await",
    "tokio::",
    "std::fs",
    "std::env",
    "std::process",
    "std::net",
    "Timestamp::now",
    "Instant::now",
];

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut found: Vec<_> = entries.flat_map(|entry| sources(&entry.expect("an entry").path())).collect();
    found.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every line of these files that holds one of the words, but for comments.
fn offences(files: &[PathBuf], words: &[&str]) -> Vec<String> {
    let mut offences = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).expect("a source file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if let Some(word) = words.iter().find(|word| code.contains(**word)) {
                offences.push(format!(
                    "{}:{}: `{word}`",
                    file.strip_prefix(root()).unwrap_or(file).display(),
                    number + 1
                ));
            }
        }
    }
    offences
}

#[test]
fn pure_modules_have_no_effects() {
    let files: Vec<_> = PURE.iter().flat_map(|path| sources(&root().join(path))).collect();
    assert!(files.len() > 15, "the list of pure modules has gone stale");
    assert_eq!(offences(&files, &IMPURE), Vec::<String>::new());
}

#[test]
fn data_goes_down_only() {
    let forbidden = [
        ("src/plan", &["crate::rollout", "crate::report", "crate::commands", "crate::manifest"][..]),
        (
            "src/rollout",
            &["crate::report", "crate::commands", "crate::manifest", "crate::transport", "crate::engine::docker"][..],
        ),
        ("src/engine", &["crate::plan", "crate::report", "crate::commands", "crate::manifest"][..]),
        ("src/transport", &["crate::engine", "crate::plan", "crate::rollout", "bollard"][..]),
        ("src/report", &["crate::engine::docker", "crate::transport", "crate::commands"][..]),
        (
            "src/import",
            &["crate::rollout", "crate::plan", "crate::engine", "crate::transport", "crate::commands", "crate::report"]
                [..],
        ),
        (
            "src/manifest",
            &["crate::rollout", "crate::plan", "crate::engine", "crate::transport", "crate::commands"][..],
        ),
    ];
    let offences: Vec<_> =
        forbidden.iter().flat_map(|(path, words)| offences(&sources(&root().join(path)), words)).collect();
    assert_eq!(offences, Vec::<String>::new());
}

#[test]
fn no_test_file_is_forgotten() {
    let main = fs::read_to_string(root().join("tests/it/main.rs")).expect("main.rs");
    let declared = |name: &str| main.lines().any(|line| line.trim() == format!("mod {name};"));
    let entries = fs::read_dir(root().join("tests/it")).expect("tests/it");
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let is_module = path.is_dir() && path.join("mod.rs").exists() || path.extension().is_some_and(|it| it == "rs");
        assert!(!is_module || name == "main" || declared(&name), "tests/it/{name} is not in main.rs");
    }
}

#[test]
fn files_hold_one_noun() {
    let long: Vec<_> = sources(&root().join("src"))
        .into_iter()
        .filter_map(|file| {
            let lines = fs::read_to_string(&file).expect("a source file").lines().count();
            (lines > 450).then(|| format!("{} has {lines} lines: which two nouns does it hold?", file.display()))
        })
        .collect();
    assert_eq!(long, Vec::<String>::new());
}
