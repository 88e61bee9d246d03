//! What a scripted rollout looks like in a CI log, and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anstream::AutoStream;
use insta::assert_snapshot;
use jiff::Timestamp;
use shipctl::balancer::{Admin, Health, Server};
use shipctl::environment::Route;
use shipctl::event::{Direction, EVENT_FORMAT, Event, EventSink, Failure, Record, Warning};
use shipctl::fleet::ledger::Ledger;
use shipctl::fleet::observed::{EngineFacts, HostView, Observed, ObservedHost};
use shipctl::fleet::select::Selection;
use shipctl::name::HostName;
use shipctl::plan::{Plan, Step, Subject, planner};
use shipctl::redact::Redactor;
use shipctl::report::json::JsonDisplay;
use shipctl::report::plain::PlainDisplay;

use crate::support::environment::{environment, host, release, service};

/// The first release on two hosts that run nothing yet.
pub fn first_plan() -> Plan {
    let environment = environment(2);
    let empty = |name: &str| ObservedHost {
        engine: EngineFacts { id: name.to_owned(), ..EngineFacts::default() },
        containers: Vec::new(),
        jobs: Vec::new(),
        foreign_ports: BTreeMap::new(),
        networks: BTreeSet::new(),
        volumes: BTreeSet::new(),
        ledger: Ledger::default(),
        key: None,
    };
    let hosts = environment.hosts.keys().map(|name| (name.clone(), HostView::Seen(Box::new(empty(name.as_str())))));
    let observed = Observed { hosts: hosts.collect(), ..Observed::default() };
    planner::deploy(&environment, &observed, &Selection::default(), &release(&environment, "v1")).expect("a plan")
}

/// web1 is promoted, web2 fails at its gate, both go back.
pub fn rollout() -> Vec<Record> {
    let (web, web1, web2) = (service("web"), host(1), host(2));
    let started = |host: &HostName, step: &Step, direction| Event::StepStarted {
        host: host.clone(),
        service: web.clone(),
        step: step.clone(),
        direction,
    };
    let finished = |host: &HostName, step: &Step, millis| Event::StepFinished {
        host: host.clone(),
        service: web.clone(),
        step: step.clone(),
        took: Duration::from_millis(millis),
    };
    let gate = Step::Gate(Subject::New);
    let stop = Step::Stop(Subject::New, Duration::from_secs(1));
    let reason = "http :80/up answered 503 \u{1b}[31mno database";
    let failure = Failure {
        host: Some(web2.clone()),
        service: Some(web.clone()),
        doing: gate.to_string(),
        reason: reason.to_owned(),
        log: vec!["listening on 80".to_owned(), "panic: no database\u{202e}".to_owned()],
    };
    let events = [
        (0, Event::Observing { scope: first_plan().scope, hosts: 2 }),
        (200, Event::Building(web.clone())),
        (900, Event::BuildOutput { service: web.clone(), line: "Step 1/2 : FROM scratch".to_owned() }),
        (1400, Event::Pushing(web.clone())),
        (2000, Event::Pinned { service: web.clone(), image: "shop/web:v1 (763176317631)".to_owned(), mirror: None }),
        (
            2100,
            Event::RolloutStarted {
                rollout: "20261120T120000Z-0a1b2c".to_owned(),
                by: "ann@desk".to_owned(),
                plan: Box::new(first_plan()),
            },
        ),
        (2100, Event::Locking(vec![web1.clone(), web2.clone()])),
        (2200, Event::Locked),
        (2200, Event::Preparing(web1.clone())),
        (2500, Event::Pulling { host: web1.clone(), done: 10, total: 20 }),
        (
            3050,
            Event::Pulled {
                host: web1.clone(),
                image: "shop/web:v1 (763176317631)".to_owned(),
                bytes: 5_900_000,
                took: Duration::from_millis(850),
            },
        ),
        (3100, Event::Prepared(web1.clone())),
        (
            3200,
            Event::BatchStarted {
                number: 1,
                of: 2,
                service: web.clone(),
                beside: Vec::new(),
                hosts: vec![web1.clone()],
            },
        ),
        (3200, started(&web1, &Step::Create, Direction::Forward)),
        (3300, Event::Retrying { host: web1.clone(), reason: "connection reset".to_owned() }),
        (3900, finished(&web1, &Step::Create, 700)),
        (3900, started(&web1, &gate, Direction::Forward)),
        (
            4000,
            Event::Probed {
                host: web1.clone(),
                service: web.clone(),
                not_ready: Some("connection refused".to_owned()),
            },
        ),
        (4200, Event::Probed { host: web1.clone(), service: web.clone(), not_ready: None }),
        (4700, finished(&web1, &gate, 800)),
        (
            4750,
            Event::Routed {
                host: web1.clone(),
                service: web.clone(),
                route: Route {
                    balancer: "front".parse().expect("a name"),
                    backend: "web".to_owned(),
                    server: "web1".to_owned(),
                },
                server: Server {
                    address: "10.0.0.1".to_owned(),
                    port: 80,
                    admin: Admin::Ready,
                    health: Health::Up,
                    sessions: Some(0),
                    queued: 0,
                    kept: 0,
                    backup: false,
                    sticky: false,
                },
            },
        ),
        (4800, Event::Promoted { host: web1.clone(), service: web.clone(), release: 1 }),
        (4800, Event::Monitoring { hosts: vec![web1.clone()], window: Duration::from_secs(10) }),
        (
            14_800,
            Event::BatchStarted {
                number: 2,
                of: 2,
                service: web.clone(),
                beside: Vec::new(),
                hosts: vec![web2.clone()],
            },
        ),
        (14_900, started(&web2, &gate, Direction::Forward)),
        (
            74_900,
            Event::StepFailed {
                host: web2.clone(),
                service: web.clone(),
                step: gate.clone(),
                reason: reason.to_owned(),
            },
        ),
        (74_900, Event::HostFailed { failure }),
        (74_900, Event::Unwinding { host: web2.clone(), service: web.clone() }),
        (74_900, started(&web2, &stop, Direction::Backward)),
        (75_900, finished(&web2, &stop, 1000)),
        (76_000, Event::Unwound { host: web2.clone(), service: web.clone() }),
        (76_000, Event::RollingBack { hosts: vec![web1.clone()] }),
        (130_000, Event::Warning(Warning::NotUnlocked { host: web1, reason: "no answer within 5 s".to_owned() })),
    ];
    let at = |millis: i64| Timestamp::from_millisecond(1_795_000_000_000 + millis).expect("a date");
    let record =
        |(index, (millis, event))| Record { format: EVENT_FORMAT, sequence: index as u64 + 1, at: at(millis), event };
    events.into_iter().enumerate().map(record).collect()
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

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panicked").clone()).expect("UTF-8")
    }
}

#[test]
fn a_ci_log_tells_the_whole_rollout_line_by_line() {
    let page = Page::default();
    let display = PlainDisplay::new(
        Box::new(AutoStream::never(Box::new(page.clone()) as Box<dyn Write + Send>)),
        Redactor::default(),
    );
    for record in &rollout() {
        display.take(record);
    }
    // The digest is that of a spec, whose form is of no interest here.
    let text = page.text().replace(&first_plan().release.to_string(), "r1-RELEASE");
    assert_snapshot!(text, @r#"
    [  0.0s] looking at 2 hosts of shop prod
    [  0.2s] web  building the image
    [  0.9s] web  | Step 1/2 : FROM scratch
    [  1.4s] web  pushing the image
    [  2.0s] web  image shop/web:v1 (763176317631)
    [  2.1s] deploy of r1-RELEASE to shop prod: 2 replacements in 2 batches (rollout 20261120T120000Z-0a1b2c)
    [  2.1s] taking the lock on 2 hosts
    [  2.2s] the lock is taken
    [  2.2s] web1       preparing
    [  3.0s] web1       pulled shop/web:v1 (763176317631) (5.90 MB) in 0.8s
    [  3.1s] web1       ready
    [  3.2s] batch 1 of 2: web on web1
    [  3.2s] web1  web  create new ...
    [  3.3s] web1       no answer, asking again: connection reset
    [  3.9s] web1  web  create new: done in 0.7s
    [  3.9s] web1  web  gate new ...
    [  4.0s] web1  web  not ready: connection refused
    [  4.2s] web1  web  healthy
    [  4.7s] web1  web  gate new: done in 0.8s
    [  4.7s] web1  web  front web/web1: in traffic, up
    [  4.8s] web1  web  promoted: runs r1
    [  4.8s] watching web1 for 10s
    [ 14.8s] batch 2 of 2: web on web2
    [ 14.9s] web2  web  gate new ...
    [ 74.9s] web2  web  failed at gate new: http :80/up answered 503 \u{1b}[31mno database
    [ 74.9s] web2  web  going back to what it ran before
    [ 74.9s] web2  web  undo: stop new (grace 1s) ...
    [ 75.9s] web2  web  stop new (grace 1s): done in 1.0s
    [ 76.0s] web2  web  is back on what it ran before
    [ 76.0s] rolling back web1, each to its own earlier release
    [ 2m10s] web1       warning: the lock could not be released, it expires by itself: no answer within 5 s
    "#);
}

#[test]
fn json_lines_are_the_records_without_the_plan() {
    let page = Page::default();
    let display = JsonDisplay::new(Box::new(page.clone()), Redactor::default());
    let records = rollout();
    for record in &records {
        display.take(record);
    }
    for (line, record) in page.text().lines().zip(&records) {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if line.pointer("/event/rollout_started").is_some() {
            // The plan's containers, with their variables, are for the journal only.
            assert_eq!(line.pointer("/event/rollout_started/plan"), None);
            assert!(line.pointer("/event/rollout_started/release/number").is_some(), "{line}");
        } else {
            assert_eq!(line, serde_json::to_value(record).expect("a value"));
        }
    }
    assert_eq!(page.text().lines().count(), records.len());
    assert_snapshot!(page.text().lines().nth(19).expect("that many"), @r#"{"format":1,"sequence":20,"at":"2026-11-18T11:06:44.7Z","event":{"step_finished":{"host":"web1","service":"web","step":{"gate":"new"},"took":"800ms"}}}"#);
}
