//! docs/events.md and docs/events.schema.json are held against the code and against recorded runs, and the example of a
//! reader is run.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};
use shipctl::environment::error_rate::{Tally, Verdict};
use shipctl::environment::query::{Bound, Decimal};
use shipctl::environment::{Point, Query};
use shipctl::event::{Arrived, EVENT_FORMAT, Event, EventSink, Listening, Record, Warning};
use shipctl::fleet::ledger::Kind;
use shipctl::fleet::serving::Out;
use shipctl::plan::{Step, Subject};
use shipctl::redact::Redactor;
use shipctl::report::json::JsonDisplay;
use shipctl::rollout::report::{Asked, Compared, Number};

use crate::report_lines::rollout;
use crate::report_page::failed;
use crate::support::environment::{host, service};
use crate::support::recording;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The variants of an enum, as JSON names them.
fn variants(file: &str, name: &str) -> BTreeSet<String> {
    let source = text(file);
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).expect("the enum");
    let (body, _) = body.split_once("\n}\n").expect("its end");
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    let snake = |line: &str| {
        let name = line.split(|it: char| !it.is_ascii_alphanumeric()).next().unwrap_or_default();
        let mut snake = String::new();
        for (index, letter) in name.char_indices() {
            if letter.is_ascii_uppercase() && index > 0 {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        snake
    };
    names.map(snake).collect()
}

fn schema() -> Value {
    serde_json::from_str(&text("docs/events.schema.json")).expect("JSON")
}

/// The kinds that the schema knows of something.
fn kinds(definition: &str) -> BTreeSet<String> {
    let schema = schema();
    let all = schema["$defs"][definition]["oneOf"].as_array().expect("a list").clone();
    let kind = |one: &Value| one["const"].as_str().or_else(|| one["required"][0].as_str()).expect("a kind").to_owned();
    all.iter().map(kind).collect()
}

/// The kinds in a table of the document.
fn documented(first: &str) -> BTreeSet<String> {
    let text = text("docs/events.md");
    let (_, table) = text.split_once(&format!("| {first} | means |\n|---|---|\n")).expect("the table");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('`').nth(1).expect("a kind").to_owned()).collect()
}

struct Lines {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Lines {
    fn compile() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource("events.schema.json", schema()).expect("a document");
        let index = compiler.compile("events.schema.json", &mut schemas).expect("a schema");
        Self { schemas, index }
    }

    fn objection(&self, line: &Value) -> Option<String> {
        self.schemas.validate(line, self.index).err().map(|error| error.to_string())
    }
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What `--format json` writes of them.
fn lines(records: &[Record]) -> String {
    let page = Page::default();
    let display = JsonDisplay::new(Box::new(page.clone()), Redactor::default());
    for record in records {
        display.take(record);
    }
    let bytes = page.0.lock().expect("nobody panicked").clone();
    String::from_utf8(bytes).expect("UTF-8")
}

/// Events of the kinds that no recorded run has.
fn samples() -> Vec<Record> {
    let (host, web, job) = (host(1), service("web"), "migrate".parse().expect("a name"));
    let compared = Compared {
        service: web.clone(),
        hosts: vec![host.clone()],
        new: Tally { requests: 100, failed: 3 },
        old: Tally { requests: 200, failed: 0 },
        verdict: Verdict::Fail,
    };
    let bound = Bound::AtMost(Decimal::parse("0.5").expect("a number"));
    let query = Query { prometheus: "http://prometheus:9090".to_owned(), query: "up".to_owned(), bound };
    let numbers = vec![Number { labels: "{instance=\"web1\"}".to_owned(), value: "1".to_owned() }];
    let left = Subject::Left(
        shipctl::container::ContainerId("c1".to_owned()),
        shipctl::container::ContainerName("x".to_owned()),
    );
    let kept = Subject::Kept(
        shipctl::container::ContainerId("c2".to_owned()),
        shipctl::container::ContainerName("y".to_owned()),
    );
    let step = |step| Event::StepStarted {
        host: host.clone(),
        service: web.clone(),
        step,
        direction: shipctl::event::Direction::Backward,
    };
    let warning = |warning| Event::Warning(warning);
    let (reason, route) = (
        "why".to_owned(),
        shipctl::environment::Route {
            balancer: "front".parse().expect("a name"),
            backend: "web".to_owned(),
            server: "web1".to_owned(),
        },
    );
    let events = vec![
        Event::LockTakenOver { host: host.clone(), from: "bob".to_owned() },
        Event::LockWatched { host: host.clone(), holder: "bob".to_owned() },
        Event::Sending { host: host.clone(), done: 1_000_000, total: 2_400_000 },
        Event::Sent(Arrived {
            host: host.clone(),
            image: "shop/web:1.4 (3fa9c1d2e4b5)".to_owned(),
            layers: 4,
            of: 4,
            bytes: 62_000_000,
            refused: Some("layer not found".to_owned()),
            from: Some(host.clone()),
            not_pulled: Some("dial tcp: connection refused".to_owned()),
            took: Duration::from_secs(3),
        }),
        Event::JobOutput { host: host.clone(), job, line: "x".to_owned() },
        Event::JobLeft { host: host.clone(), job: "migrate".parse().expect("a name") },
        Event::HookOutput { hook: Point::BeforePlan, line: "x".to_owned() },
        Event::Short {
            service: web.clone(),
            keep: 2,
            out: vec![
                (host.clone(), Out::Unhealthy),
                (host.clone(), Out::NoRequests(route.clone())),
                (host.clone(), Out::Held),
            ],
        },
        Event::BatchStarted {
            number: 1,
            of: 2,
            service: web.clone(),
            beside: vec![web.clone()],
            hosts: vec![host.clone()],
        },
        Event::Compared(compared),
        Event::Asked(Asked { service: web.clone(), query, numbers, passed: true }),
        Event::GoingOn { hosts: vec![host.clone()], failed: 1, most: 2 },
        Event::CancelRequested,
        Event::Listening(Listening::Lost { host: host.clone(), reason: reason.clone() }),
        Event::Listening(Listening::Back { host: host.clone() }),
        Event::Listening(Listening::Joined { host: host.clone(), service: web.clone(), release: 3 }),
        Event::Listening(Listening::Unreadable { host: host.clone(), service: web.clone(), reason: reason.clone() }),
        Event::Retiring { host: host.clone(), container: "x".to_owned() },
        Event::Retired { host: host.clone(), container: "x".to_owned() },
        Event::Built {
            service: web.clone(),
            image: "3fa9c1d2e4b5".to_owned(),
            key: Some("c0ffee".to_owned()),
            took: Duration::from_secs(3),
        },
        Event::BuildUnchanged { service: web.clone(), image: "3fa9c1d2e4b5".to_owned(), key: "c0ffee".to_owned() },
        Event::Pruned { host: host.clone(), images: 2, bytes: 3 },
        step(Step::Stop(left.clone(), Duration::from_secs(90))),
        step(Step::Remove(left)),
        step(Step::Signal(Subject::New, "SIGHUP".to_owned())),
        step(Step::Stop(Subject::Own, Duration::from_secs(90))),
        step(Step::Remove(kept)),
        step(Step::Reboot),
        Event::Acted { host: host.clone(), service: web.clone(), kind: Kind::Reboot },
        Event::Acted { host: host.clone(), service: web.clone(), kind: Kind::Restart },
        warning(Warning::Journal(reason.clone())),
        warning(Warning::NotRecorded { host: host.clone(), reason: reason.clone() }),
        warning(Warning::NotRetired { host: host.clone(), container: "x".to_owned(), reason: reason.clone() }),
        warning(Warning::NotTidied { host: host.clone(), reason: reason.clone() }),
        warning(Warning::NotPruned { host: host.clone(), reason: reason.clone() }),
        warning(Warning::CutOff { host: host.clone(), service: web.clone(), requests: 2, connections: 1 }),
        warning(Warning::CutOff { host: host.clone(), service: web.clone(), requests: 2, connections: 0 }),
        warning(Warning::Uncounted { host: host.clone(), service: web.clone() }),
        warning(Warning::KeptOut { host: host.clone(), route: route.clone() }),
        warning(Warning::NotDrained { host: host.clone(), route: route.clone() }),
        warning(Warning::NotAsked { host: host.clone(), route, reason: reason.clone() }),
        warning(Warning::NotLocked { host: host.clone(), reason: reason.clone() }),
        warning(Warning::NotUnlocked { host: host.clone(), reason: reason.clone() }),
        warning(Warning::HookFailed { hook: Point::Success, reason: reason.clone() }),
        warning(Warning::NotNotified { name: "team".to_owned(), reason: reason.clone() }),
        warning(Warning::HeartbeatMissed { host, reason }),
    ];
    let at = "2026-11-20T12:00:00Z".parse().expect("a date");
    let record = |(index, event)| Record { format: EVENT_FORMAT, sequence: index as u64 + 1, at, event };
    events.into_iter().enumerate().map(record).collect()
}

#[test]
fn every_kind_of_event_is_in_the_schema_and_in_the_document() {
    for (file, name, definition, first) in
        [("src/event.rs", "Event", "event", "kind"), ("src/event/warning.rs", "Warning", "warning", "warning")]
    {
        let known = variants(file, name);
        assert!(known.len() > 10, "{file}: {known:?}");
        assert_eq!(kinds(definition), known, "the schema");
        assert_eq!(documented(first), known, "the document");
    }
}

#[test]
fn recorded_runs_and_an_event_of_every_kind_are_as_the_schema_says() {
    let schema = Lines::compile();
    let mut seen = BTreeSet::new();
    let runs = [recording::completed(), recording::rolled_back(), recording::canary(), rollout(), failed(), samples()];
    for records in runs {
        for line in lines(&records).lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(schema.objection(&line), None, "{line:#}");
            let event = &line["event"];
            let of = |value: &Value| match value {
                Value::String(kind) => kind.clone(),
                Value::Object(map) => map.keys().next().expect("a kind").clone(),
                other => panic!("{other}"),
            };
            seen.insert(of(event));
            if let Some(warning) = event.get("warning") {
                seen.insert(format!("warning {}", of(warning)));
            }
        }
    }
    let mut all = variants("src/event.rs", "Event");
    all.extend(variants("src/event/warning.rs", "Warning").into_iter().map(|kind| format!("warning {kind}")));
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), Vec::<&String>::new(), "kinds without a sample here");
}

#[test]
fn the_schema_objects_to_what_is_no_line() {
    let schema = Lines::compile();
    let record = |event: Value| json!({ "format": 1, "sequence": 1, "at": "2026-11-20T12:00:00Z", "event": event });
    assert_eq!(schema.objection(&record(json!("locked"))), None);
    for line in [
        record(json!("unlocked")),
        record(json!({ "preparing": 7 })),
        record(json!({ "prepared": "web1", "promoted": "web1" })),
        record(json!({ "probed": { "host": "web1", "service": "web" } })),
        record(json!({ "recorded": { "number": 3, "more": true } })),
        json!({ "format": 2, "sequence": 1, "at": "2026-11-20T12:00:00Z", "event": "locked" }),
        json!({ "format": 1, "exit": 0 }),
        json!({ "format": 1, "exit": 0, "report": {} }),
    ] {
        assert!(schema.objection(&line).is_some(), "{line}");
    }
}

#[test]
fn results_are_as_the_schema_says_and_their_keys_are_documented() {
    let (schema, document) = (Lines::compile(), text("docs/events.md"));
    let project = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(project.path().join("environments")).expect("a directory");
    std::fs::write(project.path().join("environments/prod.yml"), "services: 7\n").expect("a file");
    for arguments in [["config", "validate", "prod"], ["history", "show", "prad"], ["lock", "show", "nowhere"]] {
        let mut command = assert_cmd::Command::cargo_bin("shipctl").expect("the program");
        let output =
            command.current_dir(project.path()).args(arguments).args(["--format", "json"]).output().expect("it runs");
        let Ok(line) = serde_json::from_slice::<Value>(&output.stdout) else { continue };
        assert_eq!(schema.objection(&line), None, "{line:#}");
        assert!(line.get("error").is_some(), "{line}");
    }
    let sources = std::fs::read_dir(root().join("src/report")).expect("a directory");
    let mut keys = BTreeSet::new();
    for entry in sources {
        let source = std::fs::read_to_string(entry.expect("an entry").path()).unwrap_or_default();
        for body in source.split("fn json(&self) -> (&'static str, Value) {").skip(1) {
            let body = body.split("\n    }\n").next().unwrap_or_default();
            let key = body.rmatch_indices("(\"").find_map(|(at, _)| {
                let (key, rest) = body[at + 2..].split_once('"')?;
                (rest.starts_with(',') && key.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'))
                    .then(|| key.to_owned())
            });
            keys.extend(key);
        }
    }
    assert!(keys.len() > 10, "{keys:?}");
    for key in keys {
        assert!(document.contains(&format!("`{key}`")), "`{key}` is not in docs/events.md");
    }
}

fn follow(stream: &str) -> (i32, String) {
    let mut command = assert_cmd::Command::new("python3");
    let output = command.arg(Path::new("docs/follow.py")).current_dir(root()).write_stdin(stream).output();
    let output = output.expect("python3, which the example of a reader is written for");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_example_of_a_reader_follows_a_run_to_its_exit_code() {
    let records = recording::rolled_back();
    let report = |record: &Record| match &record.event {
        Event::Finished(report) => Some(report.clone()),
        _ => None,
    };
    let report = records.iter().find_map(report).expect("an end");
    let result = json!({ "format": 1, "report": report, "exit": 3 });
    let (code, said) = follow(&format!("{}{result}\n", lines(&records)));
    assert_eq!(code, 3, "{said}");
    for words in [
        "deploy of r2-",
        "batch 1 of 3: web on web1\n",
        "web3 failed at gate new: ",
        "outcome: rolled_back\n",
        "web on web1 is back on what it ran before\n",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let (code, said) = follow(&lines(&records));
    assert_eq!(code, 1, "a stream without an end is no success: {said}");
    let later = r#"{"format":1,"sequence":1,"at":"2026-11-20T12:00:00Z","event":{"of_a_later_version":{}}}"#;
    assert_eq!(follow(&format!("{later}\n{}\n", json!({ "format": 1, "status": {}, "exit": 0 }))).0, 0);
}
