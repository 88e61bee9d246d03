//! Who is told what comes of a rollout, over real sockets and by real programs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use shipctl::environment::Secret;
use shipctl::environment::notify::{Given, Notification, Occasion, Recipient, Target};
use shipctl::event::{EVENT_FORMAT, Event, EventSink, Failure, Record};
use shipctl::name::SecretName;
use shipctl::notify::Notifier;
use shipctl::redact::Redactor;
use shipctl::rollout::report::{Outcome, Report, Row, RowHealth, Running};

use crate::report_lines::first_plan;
use crate::support::environment::{host, service};
use crate::support::http;

/// What somebody heard, head and body, and how often they answer 503 before they listen.
#[derive(Default)]
struct Heard {
    requests: Vec<(String, Value)>,
    busy: usize,
    answer: Option<&'static str>,
}

async fn listener() -> (Target, Arc<Mutex<Heard>>) {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let address = http::serve(Arc::clone(&heard), |heard: &mut Heard, head, body| {
        heard.requests.push((head.to_owned(), serde_json::from_str(body).expect("JSON")));
        if heard.busy > 0 {
            heard.busy -= 1;
            return ("503 Service Unavailable", "later".to_owned());
        }
        (heard.answer.unwrap_or("200 OK"), "ok".to_owned())
    });
    (Target { url: Given::Text(format!("{}/services/T0/canary", address.await)), insecure: true, ca: None }, heard)
}

fn notification(to: Recipient, on: &[Occasion]) -> Notification {
    Notification { to, on: on.iter().copied().collect(), timeout: Duration::from_secs(5) }
}

fn row(number: usize, now: Running) -> Row {
    Row {
        host: host(number),
        service: service("web"),
        before: Running::Nothing,
        now,
        as_intended: true,
        health: RowHealth::Running,
        traffic: None,
    }
}

fn report(outcome: Outcome) -> Report {
    let release = Running::Release { number: 1, image: "shop/web:v1".to_owned() };
    Report {
        outcome,
        release: first_plan().release,
        rows: vec![row(1, release), row(2, Running::Unknown)],
        stores: Vec::new(),
        jobs: Vec::new(),
        compared: Vec::new(),
        asked: Vec::new(),
        failure: Some(Failure::new("gate new", "it answered <500> & ended").on(&host(2))),
        further_failures: Vec::new(),
        undo_failures: Vec::new(),
    }
}

/// Everything that happens, as a screen hears it; returns who could not be told.
async fn play(
    all: BTreeMap<String, Notification>,
    secrets: &BTreeMap<SecretName, Secret>,
    events: Vec<Event>,
) -> Vec<(String, String)> {
    let notifier = Notifier::new(&all, Path::new("/"), secrets, &Redactor::default());
    for (sequence, event) in (1..).zip(events) {
        notifier.take(&Record { format: EVENT_FORMAT, sequence, at: Timestamp::UNIX_EPOCH, event });
    }
    notifier.finish().await
}

fn rollout(outcome: Outcome) -> Vec<Event> {
    let started =
        Event::RolloutStarted { rollout: "r".to_owned(), by: "ann@desk".to_owned(), plan: Box::new(first_plan()) };
    vec![started, Event::Locked, Event::Finished(Box::new(report(outcome)))]
}

fn one(to: Recipient, on: &[Occasion]) -> BTreeMap<String, Notification> {
    BTreeMap::from([("team".to_owned(), notification(to, on))])
}

fn texts(heard: &Mutex<Heard>) -> Vec<String> {
    let heard = heard.lock().expect("no panic");
    heard.requests.iter().map(|(_, body)| body["text"].as_str().expect("text").to_owned()).collect()
}

#[tokio::test]
async fn slack_hears_the_beginning_and_the_end_in_its_own_form() {
    let (target, heard) = listener().await;
    let untold = play(one(Recipient::Slack(target), &Occasion::ALL), &BTreeMap::new(), rollout(Outcome::Halted)).await;
    assert_eq!(untold, []);
    let release = first_plan().release;
    let begun = format!("shop prod: deploy of {release} begins on web1, web2, by ann@desk");
    let ended = format!(
        "shop prod: deploy of {release} halted, and hosts may run different releases: web2: gate new: it answered \
         &lt;500&gt; &amp; ended\nweb1 web: r1\nweb2 web: not known"
    );
    assert_eq!(texts(&heard), [begun, ended]);
}

#[tokio::test]
async fn a_webhook_gets_the_facts_with_its_headers_for_its_occasions_alone() {
    let (target, listening) = listener().await;
    let token: SecretName = "token".parse().expect("a name");
    let headers = BTreeMap::from([
        ("Authorization".to_owned(), Given::Secret(token.clone())),
        ("X-Team".to_owned(), Given::Text("ops".to_owned())),
    ]);
    let secrets = BTreeMap::from([(token, Secret::new("Bearer canary".to_owned()))]);
    let all = one(Recipient::Webhook { target, headers }, &[Occasion::Rollback]);
    assert_eq!(play(all.clone(), &secrets, rollout(Outcome::Completed)).await, []);
    assert!(texts(&listening).is_empty());
    assert_eq!(play(all, &secrets, rollout(Outcome::RolledBack)).await, []);
    let heard = listening.lock().expect("no panic");
    let [(top, facts)] = heard.requests.as_slice() else { panic!("{:?}", heard.requests) };
    let top = top.to_lowercase();
    assert!(top.contains("authorization: bearer canary") && top.contains("x-team: ops"), "{top}");
    assert!(top.contains("content-type: application/json"), "{top}");
    assert_eq!((&facts["notice"], &facts["outcome"]), (&"rollback".into(), &"rolled-back".into()), "{facts}");
    assert_eq!(facts["failure"]["reason"], "it answered <500> & ended");
    assert!(facts["text"].as_str().expect("text").contains("every touched host runs what it ran before"), "{facts}");
    assert!(facts.get("hook").is_none());
}

#[tokio::test]
async fn who_did_not_get_the_lock_has_not_begun() {
    let (target, heard) = listener().await;
    let mut events = rollout(Outcome::Unchanged);
    events.remove(1);
    assert_eq!(play(one(Recipient::Slack(target), &Occasion::ALL), &BTreeMap::new(), events).await, []);
    let [text] = &texts(&heard)[..] else { panic!("more than the end was told") };
    assert!(text.contains("failed before any host was changed: web2: gate new"), "{text}");
}

#[tokio::test]
async fn what_may_pass_is_tried_twice_and_what_will_not_once_and_no_address_is_said() {
    let (target, heard) = listener().await;
    let all = one(Recipient::Slack(target), &[Occasion::Success]);
    heard.lock().expect("no panic").busy = 1;
    assert_eq!(play(all.clone(), &BTreeMap::new(), rollout(Outcome::Completed)).await, []);
    assert_eq!(texts(&heard).len(), 2);
    heard.lock().expect("no panic").answer = Some("404 Not Found");
    let untold = play(all, &BTreeMap::new(), rollout(Outcome::Completed)).await;
    assert_eq!(untold, [("team".to_owned(), "it answered 404 Not Found: ok".to_owned())]);
    assert_eq!(texts(&heard).len(), 3);
    let nobody = Target { url: Given::Text("http://127.0.0.1:1/canary".to_owned()), insecure: true, ca: None };
    let all = one(Recipient::Slack(nobody), &[Occasion::Success]);
    let untold = play(all, &BTreeMap::new(), rollout(Outcome::Completed)).await;
    assert!(untold.len() == 1 && !format!("{untold:?}").contains("canary"), "{untold:?}");
}

#[tokio::test]
async fn who_cannot_be_reached_at_all_is_named_and_the_others_are_told() {
    let (target, heard) = listener().await;
    let unknown = Target { url: Given::Secret("gone".parse().expect("a name")), insecure: false, ca: None };
    let plain = Target { insecure: false, ..target.clone() };
    let all = BTreeMap::from([
        ("a".to_owned(), notification(Recipient::Slack(unknown), &[Occasion::Success])),
        ("b".to_owned(), notification(Recipient::Slack(plain), &[Occasion::Success])),
        ("c".to_owned(), notification(Recipient::Slack(target), &[Occasion::Success])),
    ]);
    let untold = play(all, &BTreeMap::new(), rollout(Outcome::Completed)).await;
    let why = "its address has to begin with https://, or `insecure: true` has to be said";
    let untold: Vec<_> = untold.iter().map(|(name, why)| (name.as_str(), why.as_str())).collect();
    assert_eq!(untold, [("a", "the secret `gone` has no value"), ("b", why)]);
    assert_eq!(texts(&heard).len(), 1);
}

#[tokio::test]
async fn a_program_is_told_as_a_hook_is_and_its_last_word_is_kept_when_it_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("heard").display().to_string();
    let command = |words: String| Recipient::Command(vec!["sh".to_owned(), "-c".to_owned(), words]);
    let says = command(format!(
        "echo \"$SHIPCTL_NOTICE|$SHIPCTL_HOOK|$SHIPCTL_OUTCOME|$SHIPCTL_TEXT\" >> {file}; cat >> {file}"
    ));
    let fails = command("echo first; echo no such commit; exit 3".to_owned());
    let all = BTreeMap::from([
        ("says".to_owned(), notification(says, &[Occasion::Failure])),
        ("fails".to_owned(), notification(fails, &[Occasion::Failure])),
    ]);
    let untold = play(all, &BTreeMap::new(), rollout(Outcome::Unchanged)).await;
    assert_eq!(untold, [("fails".to_owned(), "it ended with exit code 3: no such commit".to_owned())]);
    let heard = std::fs::read_to_string(file).expect("what it heard");
    let (line, json) = heard.split_once('\n').expect("two lines");
    assert!(line.starts_with("failure||unchanged|shop prod: deploy of "), "{line}");
    let facts: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!((&facts["notice"], &facts["rollout"]), (&"failure".into(), &"r".into()));
}

#[tokio::test]
async fn who_never_answers_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let to = Recipient::Slack(Target { url: Given::Text(url), insecure: true, ca: None });
    let limit = Duration::from_millis(200);
    let all =
        BTreeMap::from([("team".to_owned(), Notification { timeout: limit, ..notification(to, &Occasion::ALL) })]);
    let untold = play(all, &BTreeMap::new(), rollout(Outcome::Completed)).await;
    assert_eq!(untold.len(), 2, "{untold:?}");
}
