//! What Compose makes of files that are like those of real projects, and what shipctl makes of them. `compose/record` says
//! how Compose's word was recorded.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use shipctl::manifest::{self, Overrides};
use shipctl::name::ServiceName;

use crate::compose_form::effective;
use crate::manifest_support::Project;

const CASES: &str = "tests/it/compose";

#[test]
fn a_service_is_what_compose_makes_of_it() {
    let mut cases: Vec<_> = fs::read_dir(CASES).expect("the cases").flatten().map(|entry| entry.path()).collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    assert!(cases.len() >= 25, "{} cases", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| compare(case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn compare(case: &Path) -> Result<(), String> {
    let recorded = fs::read_to_string(case.join("expected.json")).expect("what was recorded");
    let recorded = recorded.replace("recorded_", "shop-test_").replace("$$", "$");
    let recorded: Value = serde_json::from_str(&recorded).expect("JSON");
    let project = project(case);
    let environment = project.load("test", &[]).map_err(|problems| format!("{}:\n{problems}", case.display()))?;
    let names: BTreeSet<&str> = environment.services.keys().map(ServiceName::as_str).collect();
    let expected: BTreeSet<&str> = object(&recorded["services"]).keys().map(String::as_str).collect();
    assert_eq!(names, expected, "{}", case.display());
    let mut wrong = Vec::new();
    for service in environment.services.values() {
        let recorded = normal(object(&recorded["services"][service.name.as_str()]).clone());
        let found = effective(service);
        for key in recorded.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
            let (theirs, ours) = (recorded.get(key), found.get(key));
            if theirs != ours {
                let say = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
                let (theirs, ours) = (say(theirs), say(ours));
                wrong.push(format!(
                    "{}: {}.{key}\n  Compose: {theirs}\n  shipctl: {ours}",
                    case.display(),
                    service.name
                ));
            }
        }
    }
    // A service comes behind those that it depends on.
    for (service, recorded) in object(&recorded["services"]) {
        for needed in recorded.get("depends_on").map(object).into_iter().flatten().map(|(name, _)| name) {
            let place = |name: &str| environment.services.keys().position(|key| key.as_str() == name);
            if place(needed).is_some_and(|at| Some(at) > place(service)) {
                wrong.push(format!("{}: {service} comes before {needed}", case.display()));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A project whose layers are the files of the case, beneath one that says what Compose has no word for.
fn project(case: &Path) -> Project {
    let mut project = Project::new();
    for entry in fs::read_dir(case).expect("a case").flatten() {
        let name = entry.file_name().into_string().expect("a name");
        let path = match name.as_str() {
            "compose.yml" => "environments/base.yml",
            "compose.override.yml" => "environments/over.yml",
            other => other,
        };
        project = project.with(path, fs::read(entry.path()).expect("a file"));
    }
    let extends = if case.join("compose.override.yml").exists() { "over" } else { "base" };
    let ours = format!(
        "extends: {extends}\nproject: shop\nhosts: {{ h1: {{ docker: unix:///var/run/docker.sock }} }}\nregistry: {{ host: registry.example }}\n"
    );
    let project = project.with("environments/test.yml", &ours);
    let manifest = manifest::read(project.root(), "test", &Overrides::default()).expect("a manifest");
    let paths = manifest.provenance().into_iter().filter_map(|value| {
        value.path.strip_prefix("services.").and_then(|rest| rest.split(['.', '[']).next()).map(str::to_owned)
    });
    let gates: String = paths
        .collect::<BTreeSet<_>>()
        .iter()
        .fold("services:\n".to_owned(), |gates, name| gates + &format!("  {name}: {{ health: none }}\n"));
    project.with("environments/test.yml", ours + &gates)
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("an object: {value}"))
}

/// What was recorded without what says nothing about the container, and with what Compose leaves to the engine or to
/// another key said in one way.
fn normal(mut service: Map<String, Value>) -> Map<String, Value> {
    for key in ["command", "entrypoint"] {
        if service.get(key).is_some_and(Value::is_null) {
            service.remove(key);
        }
    }
    // Asked for by other tests: order, and which image is pulled.
    for key in ["depends_on", "pull_policy"] {
        service.remove(key);
    }
    for port in items(&mut service, "ports") {
        port.retain(|key, _| !matches!(key.as_str(), "mode" | "name" | "app_protocol"));
    }
    for mount in items(&mut service, "volumes") {
        if let Some(bind) = mount.get_mut("bind").and_then(Value::as_object_mut) {
            bind.retain(|key, value| key != "create_host_path" || value != true);
        }
        mount.retain(|_, value| *value != json!({}));
    }
    // Compose mounts a secret as it lies on the host; ours belongs to the user who is to read it.
    let user = service.get("user").and_then(Value::as_str).unwrap_or("0").to_owned();
    for (key, folder, mode, owner) in [("configs", "/", 0o444, "0"), ("secrets", "/run/secrets/", 0o400, &*user)] {
        for file in items(&mut service, key) {
            let target = file.get("target").or(file.get("source")).and_then(Value::as_str).unwrap_or_default();
            let target = if target.starts_with('/') { target.to_owned() } else { format!("{folder}{target}") };
            file.insert("target".to_owned(), json!(target));
            for (key, value) in [("uid", json!(owner)), ("gid", json!("0")), ("mode", json!(mode))] {
                file.entry(key).or_insert(value);
            }
        }
    }
    if let Some(limits) = service.get_mut("ulimits").and_then(Value::as_object_mut) {
        for limit in limits.values_mut().filter(|limit| limit.is_number()) {
            *limit = json!({"soft": limit, "hard": limit});
        }
    }
    // Paths of memory have no order.
    if let Some(Value::Array(paths)) = service.get_mut("tmpfs") {
        paths.sort_by_key(Value::to_string);
    }
    if service.get("healthcheck") == Some(&json!({"disable": true})) {
        service.insert("healthcheck".to_owned(), json!({"test": ["NONE"]}));
    }
    if let Some(Value::Object(logging)) = service.get_mut("logging") {
        logging.entry("options").or_insert(json!({}));
    }
    if let Some(Value::Object(networks)) = service.get_mut("networks") {
        networks.values_mut().filter(|network| network.is_null()).for_each(|network| *network = json!({}));
        networks.values_mut().filter_map(Value::as_object_mut).for_each(|network| drop(network.remove("priority")));
        let named = networks.iter().map(|(name, network)| (format!("shop-test_{name}"), network.clone()));
        *networks = named.collect();
    }
    if let Some(ports) = service.get("expose").and_then(Value::as_array) {
        // Ours says the protocol, and not a range.
        let each = ports.iter().filter_map(Value::as_str).flat_map(|text| {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            let number = |text: &str| text.parse::<u16>().expect("a port");
            number(from)..=number(to)
        });
        let ports: Vec<Value> = each.map(|port| json!(format!("{port}/tcp"))).collect();
        service.insert("expose".to_owned(), Value::Array(ports));
    }
    deploy(&mut service);
    // Numbers of bytes are texts to Compose, and some numbers are.
    for key in ["mem_limit", "mem_reservation", "memswap_limit", "shm_size", "mem_swappiness"] {
        let number = service.get(key).and_then(|value| value.as_str()?.parse::<i64>().ok());
        number.map(|number| service.insert(key.to_owned(), json!(number)));
    }
    service
}

/// The objects of a list.
fn items<'s>(service: &'s mut Map<String, Value>, key: &str) -> impl Iterator<Item = &'s mut Map<String, Value>> {
    service.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

/// `deploy` says in other words what older keys say.
fn deploy(service: &mut Map<String, Value>) {
    let Some(deploy) = service.remove("deploy") else { return };
    for (from, key) in [
        ("/resources/limits/cpus", "cpus"),
        ("/resources/limits/memory", "mem_limit"),
        ("/resources/limits/pids", "pids_limit"),
        ("/resources/reservations/memory", "mem_reservation"),
        ("/update_config", "update_config"),
        ("/placement/constraints", "constraints"),
    ] {
        deploy.pointer(from).map(|value| service.insert(key.to_owned(), value.clone()));
    }
    let devices = deploy.pointer("/resources/reservations/devices").and_then(Value::as_array).cloned();
    for mut device in devices.into_iter().flatten() {
        let is_chosen = device.get("device_ids").is_some();
        let count = device.as_object_mut().expect("a device").entry("count");
        count.or_insert(json!(if is_chosen { 0 } else { -1 }));
        service.entry("gpus").or_insert(json!([])).as_array_mut().expect("a list").push(device);
    }
    if let Some(policy) = deploy.get("restart_policy") {
        let restart = match (policy["condition"].as_str(), policy["max_attempts"].as_u64()) {
            (Some("none"), _) => "no".to_owned(),
            (Some("on-failure"), Some(attempts)) => format!("on-failure:{attempts}"),
            _ => "always".to_owned(),
        };
        service.insert("restart".to_owned(), json!(restart));
    }
}
