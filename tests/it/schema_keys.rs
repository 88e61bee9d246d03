//! The manifest's JSON Schema and the code that reads manifests know the same keys, words, shapes and defaults, at
//! every level: the code is asked what it knows, and given values of all kinds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shipctl::environment::{Environment, resolve};

use crate::manifest_support::Project;
use crate::schema_support::{is_about_shape, objection};

/// A key or a word that nobody means: what the code knows in its place is in the answer.
const PROBE: &str = "zzzzzzzzzzzz";

/// What probes are put over.
const BASE: &str = "project: shop
hosts: { web1: { docker: unix:///1, role: web, labels: { zone: a } } }
registry: { host: a.example }
services: { web: { image: shop/web, health: none }, other: { image: shop/other, health: none } }
configs: { app: { content: x } }
secrets: { token: { environment: PATH } }
networks: { back: , default: }
volumes: { data: }
balancers: { front: { haproxy: { socket: /run/a.sock } } }
edge: {}
";

/// Scalars and other values that a key is tried with.
const SCALARS: &[&str] = &[
    "''",
    "text",
    "7",
    "70",
    "0",
    "1",
    "1.5",
    "-1",
    "true",
    "false",
    "'true'",
    "5s",
    "2m1s",
    "64m",
    "25%",
    "'0440'",
    "/dev/sda",
    "/srv/x",
    "'8080:80'",
    "'53:53/udp'",
    "10.0.0.5",
    "10.9.0.0/16",
    "'fd00::5'",
    "'02:42:ac:11:00:02'",
    "host.labels.zone",
    "host.role == web",
    "NET_ADMIN",
    "'unix:///9'",
    "'tcp://h:1'",
    "'https://h:1'",
    "'127.0.0.1:8500'",
    "templates/app.conf.j2",
    "file",
    "A=1",
    "db=10.0.0.7",
    "other",
    "back",
    "app",
    "token",
    "linux/amd64",
    "on-failure:3",
    "SIGTERM",
    "data:/data",
    "host-gateway",
    "base",
    "a.b",
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
    "others.yml",
    "data",
    "rwm",
    "PATH",
    "web",
    "web1",
    "zzzzzzzzzzzz",
];
const OTHERS: &[&str] =
    &["~", "[]", "[[a]]", "[{}]", "[~]", "[A=1, B=2]", "{}", "{ a: b }", "{ a: }", "{ a: { b: c } }", "{ a: [b] }"];

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Name,
    Item,
}

/// A map of known keys, and where it stands.
struct Level {
    path: Vec<Step>,
    keys: BTreeMap<String, Value>,
}

impl Level {
    fn name(&self) -> String {
        name_of(&self.path)
    }

    /// Whether it is of a service as such, or of no service.
    fn is_first(&self) -> bool {
        !matches!(self.path.as_slice(), [Step::Key(section), _, Step::Key(key), Step::Name, ..]
            if (section == "hosts" || section == "roles") && key == "services")
    }

    /// A layer that holds this in a level; `child` is the key that it is about.
    fn layer(&self, child: &str, inner: &str) -> String {
        let mut text = map(&self.path, child, inner);
        for at in (0..self.path.len()).rev() {
            text = match &self.path[at] {
                Step::Item => format!("[{text}]"),
                Step::Name => format!("{{ {}: {text} }}", entry(&self.path[..at])),
                Step::Key(key) => map(&self.path[..at], key, &format!("{key}: {text}")),
            };
        }
        text + "\n"
    }
}

fn name_of(path: &[Step]) -> String {
    let names = path.iter().map(|step| match step {
        Step::Key(key) => key.as_str(),
        Step::Name => "*",
        Step::Item => "[]",
    });
    names.collect::<Vec<_>>().join(".")
}

/// The name of an entry in a map of names.
fn entry(path: &[Step]) -> &'static str {
    match path.last() {
        Some(Step::Key(key)) => match key.as_str() {
            "services" | "roles" => "web",
            "networks" => "back",
            "volumes" => "data",
            "depends_on" => "other",
            _ => "fresh",
        },
        _ => "a",
    }
}

/// A map with what must stand beside a key for the map to be sound.
fn map(path: &[Step], child: &str, inner: &str) -> String {
    let level = name_of(path);
    let service = level.split_once("services.*").map_or("-", |(_, rest)| rest);
    let beside: &[&str] = match (level.as_str(), service, child) {
        ("hosts.*" | "builder", _, "tls" | "insecure") => &["docker: 'tcp://h:1'"],
        ("hosts.*", _, "labels" | "role" | "services") => &["ssh: deploy@fresh"],
        ("hosts.*.tls" | "builder.tls", ..) => &["ca: file", "cert: file", "key: file"],
        ("registry", _, "username") => &["password: { secret: token }"],
        ("registry", _, "password") => &["username: me"],
        ("secrets.*", _, "timeout") => &["command: [a]"],
        ("secrets.*", _, "key") => &["age: file"],
        ("configs.*", _, "variables") => &["template: templates/app.conf.j2"],
        ("networks.*.ipam.config.[]", ..) => &["subnet: 10.9.0.0/16"],
        ("balancers.*.haproxy", _, "ssh") => &["socket: /a"],
        ("balancers.*.kamal_proxy", ..) => &["target: 'web:80'"],
        ("balancers.*.command", ..) => &["drain: [a]", "admit: [a]"],
        (_, "", "traffic") if inner.contains("edge") => &[],
        (_, "", "traffic") => &["ports: ['8080:80']"],
        (_, ".traffic", "edge") => &[],
        (_, ".traffic.edge", _) => &["port: 80"],
        ("edge", _, "https" | "redirect") => &["certificates: [token]"],
        (_, ".traffic", _) => &["balancer: front", "backend: app"],
        ("publish.*", _, "keys") => &["etcd: { address: 'https://h:1' }"],
        ("publish.*", _, "consul" | "etcd") => &["keys: { a: b }"],
        ("publish.*", ..) => &["etcd: { address: 'https://h:1' }", "keys: { a: b }"],
        ("publish.*.consul" | "publish.*.etcd", _, "insecure") => &["address: 'http://h:1'"],
        ("publish.*.consul" | "publish.*.etcd", _, "cert") => &["address: 'https://h:1'", "key: file"],
        ("publish.*.consul" | "publish.*.etcd", _, "key") => &["address: 'https://h:1'", "cert: file"],
        ("publish.*.etcd", _, "username") => &["address: 'https://h:1'", "password: { secret: token }"],
        ("publish.*.etcd", _, "password") => &["address: 'https://h:1'", "username: me"],
        ("publish.*.consul" | "publish.*.etcd", ..) => &["address: 'https://h:1'"],
        ("jobs.*", ..) => &["service: web", "command: x", "reversible: no"],
        (level, ..) if level.starts_with("hooks.") => &["command: x"],
        ("notify.*", _, "webhook" | "slack" | "command") | ("notify.*.webhook" | "notify.*.slack", _, "url") => &[],
        ("notify.*", ..) => &["command: x"],
        ("notify.*.webhook" | "notify.*.slack", ..) => &["url: 'https://h'"],
        (_, ".build", _) => &["context: ."],
        (_, "", "pull_policy") => &["build: ."],
        (_, ".extends", _) => &["service: other"],
        (_, ".health", "interval" | "timeout" | "min_healthy_time" | "healthy_deadline" | "successes") => &["none: {}"],
        (_, ".health", "expect" | "smoke") => &["http: { port: 80 }"],
        (_, ".health.smoke.[]", _) => &["path: /", "port: 80"],
        (_, ".health.http" | ".health.tcp", _) => &["port: 80"],
        (_, ".healthcheck", _) => &["test: x"],
        (_, "", "deploy") if inner.contains("error_rate:") => {
            &["ports: ['8080:80']", "traffic: { balancer: front, backend: app }"]
        }
        (_, ".deploy.update_config.queries.[]", "at_least") => &["prometheus: 'http://h:1'", "query: up"],
        (_, ".deploy.update_config.queries.[]", _) => &["prometheus: 'http://h:1'", "query: up", "at_most: 1"],
        (_, ".deploy.update_config", "canary") => &["monitor: 0s"],
        (_, ".deploy.update_config.canary", _) => &["hosts: 1"],
        (_, ".deploy", "placement") => &["replicas: 1"],
        (_, ".deploy.placement.preferences.[]", _) => &["spread: host.labels.zone"],
        (_, ".deploy.resources.reservations.devices.[]", _) => &["capabilities: [gpu]"],
        (_, ".ports.[]", _) => &["target: 80"],
        (_, ".volumes.[]", "bind") => &["type: bind", "source: /srv", "target: /d"],
        (_, ".volumes.[]", "tmpfs") => &["type: tmpfs", "target: /d"],
        (_, ".volumes.[]", _) => &["type: volume", "target: /d"],
        (_, ".configs.[]", "deliver") => &["source: app", "target: /srv/a/app.conf"],
        (_, ".configs.[]", _) => &["source: app"],
        (_, ".secrets.[]" | ".build.secrets.[]", _) => &["source: token"],
        (_, ".devices.[]", _) => &["source: /dev/fuse"],
        (_, ".env_file" | ".env_file.[]" | ".label_file" | ".label_file.[]", _) => &["path: file"],
        (_, ".ulimits.nofile", _) => &["soft: 0", "hard: 7"],
        (_, ".blkio_config.weight_device.[]", _) => &["path: /dev/sda", "weight: 70"],
        (_, service, _) if service.starts_with(".blkio_config.device") => &["path: /dev/sda", "rate: 70"],
        _ => &[],
    };
    let beside = beside.iter().filter(|pair| pair.split(':').next() != Some(child)).copied();
    let all: Vec<&str> = beside.chain([inner]).filter(|text| !text.is_empty()).collect();
    format!("{{ {} }}", all.join(", "))
}

/// All levels of a schema.
fn levels(schema: &Value, root: &Value, path: &mut Vec<Step>, found: &mut Vec<Level>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let definition = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        return levels(definition, root, path, found);
    }
    for one in ["allOf", "anyOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
        levels(one, root, path, found);
    }
    if schema.get("allOf").is_some() {
        return;
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let keys = properties.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        found.push(Level { path: path.clone(), keys });
        for (key, value) in properties {
            path.push(Step::Key(key.clone()));
            levels(value, root, path, found);
            path.pop();
        }
    } else if let Some(value) = schema.get("additionalProperties") {
        path.push(Step::Name);
        levels(value, root, path, found);
        path.pop();
    }
    if let Some(items) = schema.get("items") {
        path.push(Step::Item);
        levels(items, root, path, found);
        path.pop();
    }
}

fn all_levels() -> Vec<Level> {
    let (root, mut found) = (resolve::schema(), Vec::new());
    levels(&root, &root, &mut Vec::new(), &mut found);
    let of_the_fleet = root["definitions"]["override"]["properties"].as_object().expect("an object");
    let is_refused = |step: &Step| matches!(step, Step::Key(key) if of_the_fleet.contains_key(key));
    found.retain(|level| {
        let name = level.name();
        let is_here = level.is_first() || !level.path.get(4).is_some_and(is_refused);
        // Limits of a process have one form for all their names.
        is_here && (!name.contains(".ulimits.") || name.ends_with(".ulimits.nofile"))
    });
    assert!(found.len() > 80, "{} levels", found.len());
    found
}

struct Probed(Project);

impl Probed {
    fn new() -> Self {
        let project = Project::new().with("environments/base.yml", BASE).with("Dockerfile", "FROM scratch\n");
        Self(project.with("file", "A=1\n").with("others.yml", "services: { other: { image: shop/other } }\n"))
    }

    fn load(&self, layer: &str) -> Result<Environment, Vec<shipctl::manifest::Diagnostic>> {
        std::fs::write(self.0.root().join("environments/test.yml"), layer).expect("a layer");
        self.0.load_unchecked("test", &[]).map_err(|problems| problems.iter().cloned().collect())
    }

    /// The words in the help of the problem that is about the probe.
    fn words(&self, layer: &str) -> Option<BTreeSet<String>> {
        let problems = self.load(layer).err()?;
        let problem = problems.iter().find(|problem| problem.message.contains(PROBE))?;
        let help = problem.help.as_deref()?.strip_prefix("use ")?;
        Some(help.split('`').skip(1).step_by(2).map(str::to_owned).collect())
    }
}

#[test]
fn schema_and_code_know_the_same_keys_at_every_level() {
    let probed = Probed::new();
    let mut wrong = Vec::new();
    for level in all_levels() {
        let name = level.name();
        if name.ends_with(".ulimits") {
            continue;
        }
        // What is beside the probe decides which keys of a secret are asked for.
        let children: &[&str] = if name == "secrets.*" { &["key", "timeout"] } else { &[PROBE] };
        let known: BTreeSet<String> = children
            .iter()
            .filter_map(|child| probed.words(&level.layer(child, &format!("{PROBE}: 1"))))
            .flatten()
            .collect();
        let keys: BTreeSet<String> = level.keys.keys().cloned().collect();
        let there_are_none = keys.is_empty() && known.is_empty();
        if keys != known && !there_are_none {
            wrong.push(format!("{name}: the schema has {keys:?}, the code {known:?}"));
        }
        for layer in [level.layer("x-note", "x-note: [1]"), level.layer(PROBE, &format!("{PROBE}: 1"))] {
            let refused = probed.load(&layer).is_err_and(|problems| problems.iter().any(is_about_shape));
            if refused != objection(&layer).is_some() {
                wrong.push(format!("{name}: schema and code disagree over {layer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words that stand in an `enum`.
fn words_of(schema: &Value) -> Vec<&str> {
    let own = schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let of_others = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten().flat_map(words_of);
    own.chain(of_others).collect()
}

#[test]
fn schema_and_code_know_the_same_words() {
    let (probed, mut wrong, mut compared) = (Probed::new(), Vec::new(), 0);
    for level in all_levels().into_iter().filter(Level::is_first) {
        for (key, schema) in &level.keys {
            let words: BTreeSet<String> = words_of(schema).into_iter().map(str::to_owned).collect();
            let known = probed.words(&level.layer(key, &format!("{key}: {PROBE}")));
            let Some(known) = known else { continue };
            compared += 1;
            let missing: Vec<_> =
                known.iter().filter(|word| objection(&level.layer(key, &format!("{key}: {word}"))).is_some()).collect();
            let is_open = key == "restart" || key == "stop_signal";
            if !missing.is_empty() || !words.is_subset(&known) && !is_open {
                wrong.push(format!("{}.{key}: the schema has {words:?}, the code {known:?}", level.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 15, "{compared} keys with words");
}

/// Values that a key is tried with: those of all kinds, and its own words, also in a list.
fn candidates(schema: &Value, takes_a_list: bool) -> Vec<String> {
    let words = words_of(schema).into_iter().map(str::to_owned);
    let scalars: Vec<String> = SCALARS.iter().map(|&text| text.to_owned()).chain(words).collect();
    let lists = scalars.iter().filter(|_| takes_a_list).map(|scalar| format!("[{scalar}]")).collect::<Vec<_>>();
    let others = OTHERS.iter().map(|&text| text.to_owned());
    scalars.into_iter().chain(lists).chain(others).collect()
}

/// Whether keys stand beneath a key, which are tried themselves.
fn has_levels(schema: &Value) -> bool {
    let of_others = schema.get("anyOf").and_then(Value::as_array).is_some_and(|shapes| shapes.iter().any(has_levels));
    schema.get("properties").is_some() || of_others
}

#[test]
fn schema_and_code_take_the_same_values() {
    let (probed, mut wrong, mut never, mut accepted) = (Probed::new(), Vec::new(), Vec::new(), 0);
    for level in all_levels().into_iter().filter(Level::is_first) {
        for (key, schema) in &level.keys {
            let mut is_accepted = false;
            let takes = |value: &str| objection(&level.layer(key, &format!("{key}: {value}"))).is_none();
            let (takes_a_list, takes_a_map) = (takes("[]"), takes("{}"));
            for value in candidates(schema, takes_a_list) {
                let layer = level.layer(key, &format!("{key}: {value}"));
                let objection = objection(&layer);
                match (probed.load(&layer), objection) {
                    (Ok(_), None) => {
                        is_accepted = true;
                        accepted += 1;
                    }
                    (Ok(_), Some(objection)) => wrong.push(format!("sound: {layer}{objection}\n")),
                    // Over a map or a list of a lower layer it says nothing.
                    (Err(_), None) if value == "~" && (takes_a_list || takes_a_map) => {}
                    (Err(problems), None) => {
                        if let Some(problem) = problems.iter().find(|problem| is_about_shape(problem)) {
                            wrong.push(format!("not refused: {layer}  {problem}\n"));
                        }
                    }
                    (Err(_), Some(_)) => {}
                }
            }
            if !is_accepted && !has_levels(schema) {
                never.push(format!("{}.{key}", level.name()));
            }
        }
    }
    wrong.truncate(60);
    assert!(wrong.is_empty(), "{}", wrong.concat());
    assert_eq!(never, Vec::<String>::new(), "no value was sound");
    assert!(accepted > 1000, "{accepted} values");
}

#[test]
fn a_default_of_the_schema_is_what_holds_where_nothing_is_written() {
    let (probed, mut wrong, mut compared) = (Probed::new(), Vec::new(), 0);
    for level in all_levels().into_iter().filter(Level::is_first) {
        for (key, schema) in &level.keys {
            let Some(default) = schema.get("default") else { continue };
            // The other mode has its own.
            let inner = if key == "max_attempts" { "condition: on-failure, " } else { "" };
            let value = serde_json::to_string(default).expect("JSON");
            let with = probed.load(&level.layer(key, &format!("{inner}{key}: {value}")));
            let without = probed.load(&level.layer(key, inner.trim_end_matches(", ")));
            let without = without.or_else(|problems| if key == "docker" { probed.load("{}") } else { Err(problems) });
            match (with, without) {
                (Ok(with), Ok(without)) if format!("{with:?}") == format!("{without:?}") => compared += 1,
                (with, without) => {
                    let problems = [with.err(), without.err()].into_iter().flatten().flatten();
                    let problems: Vec<_> = problems.map(|problem| problem.to_string()).collect();
                    wrong.push(format!("{}.{key}: not {value} {problems:?}", level.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 40, "{compared} defaults");
}

#[test]
fn every_key_says_what_it_is_for() {
    for level in all_levels().iter().filter(|level| !level.name().ends_with(".ulimits")) {
        for (key, schema) in &level.keys {
            let description = schema["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.') && description.len() > 8, "{}.{key}: {description:?}", level.name());
        }
    }
}

#[test]
fn what_is_the_same_on_every_host_is_not_written_for_one() {
    let probed = Probed::new();
    for (key, value) in [("image", "shop/web"), ("deploy", "{}"), ("profiles", "[]"), ("init", "true")] {
        for section in ["hosts: { web1: { services: ", "roles: { web: { services: "] {
            let layer = format!("{section}{{ web: {{ {key}: {value} }} }} }} }}\n");
            assert_eq!(probed.load(&layer).is_err(), objection(&layer).is_some(), "{layer}");
            assert_eq!(objection(&layer).is_none(), key == "init", "{layer}");
        }
    }
}
