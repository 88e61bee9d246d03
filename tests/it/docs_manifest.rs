//! The reference of the manifest names every key that the code knows, and no other; its examples are sound.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::manifest_support::Project;

/// A key that nobody means: what the code knows in its place is in the answer.
const PROBE: &str = "zzzzzzzzzzzz";

/// Read before the keys of a service are, so that they are in no answer.
const READ_BEFORE: [(&str, &[&str]); 1] = [("secrets.<name>", &["key", "timeout"])];

/// What the examples are put over.
const BASE: &str = "project: shop
hosts: { web1: { docker: unix:///1, role: web, labels: { zone: a } } }
services: { web: { image: shop/web, health: none, ports: ['8080-8099:80'] } }
configs: { app: { content: x } }
secrets: { token: { environment: TOKEN } }
networks: { back: , default: }
volumes: { data: }
balancers: { front: { haproxy: { socket: /run/a.sock } } }
";

struct Section {
    /// As in the heading, without quotes; the first is the top.
    level: String,
    /// In backquotes at the beginning of an item, or after a full stop or comma in it.
    keys: BTreeSet<String>,
    examples: Vec<String>,
}

fn sections() -> Vec<Section> {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manifest.md")).expect("the reference");
    let mut sections: Vec<Section> = Vec::new();
    let (mut in_example, mut in_item) = (false, false);
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let level = heading.replace('`', "");
            sections.push(Section { level, keys: BTreeSet::new(), examples: Vec::new() });
        }
        let Some(section) = sections.last_mut() else { continue };
        if line.starts_with("```") {
            in_example = line == "```yaml";
            if in_example {
                section.examples.push(String::new());
            }
        } else if in_example {
            let example = section.examples.last_mut().expect("an example");
            example.push_str(line);
            example.push('\n');
        } else {
            in_item = line.starts_with("* ") || in_item && line.starts_with("  ");
            if in_item {
                section.keys.extend(leading(line));
            }
        }
    }
    sections
}

/// The words in backquotes that an item is about: those before a colon, in each of its sentences.
fn leading(line: &str) -> Vec<String> {
    let line = line.trim_start_matches(['*', ' ']);
    let sentences = line.split(". ");
    let about = sentences.filter_map(|sentence| match sentence.split_once(": ") {
        Some((keys, _)) => Some(keys),
        // The keys of an item may fill more than a line.
        None => sentence.split(", ").all(|word| word.trim_end_matches(',').starts_with('`')).then_some(sentence),
    });
    about
        .flat_map(|keys| keys.split(", "))
        .filter_map(|word| Some(word.trim().trim_end_matches(',').strip_prefix('`')?.strip_suffix('`')?.to_owned()))
        .collect()
}

/// A layer that asks what the code knows at a level.
fn probe(level: &str) -> String {
    let probe = format!("{PROBE}: 1");
    let service = |inner: String| format!("services: {{ web: {{ {inner} }} }}");
    match level {
        "At the top" => probe,
        "services.<name>.configs and secrets, one of them" => service(format!("configs: [{{ source: app, {probe} }}]")),
        "publish.<name>.consul" => format!("publish: {{ settings: {{ consul: {{ {probe} }} }} }}"),
        "publish.<name>.etcd" => format!("publish: {{ settings: {{ etcd: {{ {probe} }} }} }}"),
        "notify.<name>.webhook" => format!("notify: {{ team: {{ webhook: {{ {probe} }} }} }}"),
        "notify.<name>.slack" => format!("notify: {{ team: {{ slack: {{ {probe} }} }} }}"),
        "hooks" => format!("hooks: {{ {probe} }}"),
        "registry" => format!("registry: {{ host: a.b, {probe} }}"),
        "images" => format!("images: {{ {probe} }}"),
        "secrets.<name>" => format!("secrets: {{ token: {{ {probe} }} }}"),
        "services.<name>.health.smoke, one of them" => {
            service(format!("health: {{ exec: x, smoke: [{{ {probe} }}] }}"))
        }
        "services.<name>.deploy.update_config.queries, one of them" => {
            service(format!("deploy: {{ update_config: {{ queries: [{{ {probe} }}] }} }}"))
        }
        "services.<name>.health.expect" => {
            service(format!("health: {{ http: {{ port: 80 }}, expect: {{ {probe} }} }}"))
        }
        "services.<name>.networks.<name>" => service(format!("networks: {{ back: {{ {probe} }} }}")),
        "services.<name>" => service(probe),
        "prune" => format!("prune: {{ {probe} }}"),
        "edge" => format!("edge: {{ {probe} }}"),
        _ => {
            let Some(keys) = level.strip_prefix("services.<name>.") else {
                if let Some(kind) = level.strip_prefix("balancers.<name>.") {
                    return format!("balancers: {{ fresh: {{ {kind}: {{ {probe} }} }} }}");
                }
                let (section, _) = level.split_once('.').unwrap_or((level, ""));
                let name = BTreeMap::from([
                    ("balancers", "front"),
                    ("hosts", "web1"),
                    ("configs", "app"),
                    ("networks", "back"),
                    ("publish", "settings"),
                    ("jobs", "migrate"),
                    ("hooks", "success"),
                    ("notify", "team"),
                    ("volumes", "data"),
                ]);
                return format!("{section}: {{ {}: {{ {probe} }} }}", name[section]);
            };
            service(keys.split('.').rev().fold(probe, |inner, key| match key {
                "build" => format!("build: {{ context: ., {inner} }}"),
                key => format!("{key}: {{ {inner} }}"),
            }))
        }
    }
}

#[test]
fn the_reference_has_every_key_and_no_other() {
    for section in sections() {
        let project = Project::new()
            .with("environments/base.yml", BASE)
            .with("environments/test.yml", probe(&section.level))
            .with("Dockerfile", "FROM scratch\n");
        let problems = project.problems_of("test", &[]);
        let answer = problems.lines().find(|line| line.contains(PROBE)).unwrap_or_else(|| panic!("{problems}"));
        let (_, known) = answer.split_once("(use ").unwrap_or_else(|| panic!("{answer}"));
        let mut known: BTreeSet<String> = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        for (_, keys) in READ_BEFORE.iter().filter(|(level, _)| *level == section.level) {
            known.extend(keys.iter().map(|&key| key.to_owned()));
        }
        assert_eq!(section.keys, known, "{}", section.level);
        for key in &known {
            let is_shown = section.examples.iter().any(|example| example.contains(&format!("{key}:")));
            assert!(is_shown, "{} has no example of `{key}`", section.level);
        }
    }
}

#[test]
fn every_example_of_the_reference_is_sound() {
    for section in sections() {
        assert!(!section.examples.is_empty(), "{}", section.level);
        for example in &section.examples {
            let mut project = Project::new().with("environments/base.yml", BASE).with("environments/test.yml", example);
            for file in
                ["certs/ca.pem", "certs/cert.pem", "certs/key.pem", "etc/app.conf", "Dockerfile", "scripts/tell"]
            {
                project = project.with(file, "x\n");
            }
            if let Err(problems) = project.load("test", &[]) {
                panic!("{}\n{example}\n{}", section.level, problems.render(false));
            }
        }
    }
}
