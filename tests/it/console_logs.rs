//! Lines of many containers, merged and followed, on hosts in memory with a paused clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shipctl::console::Line;
use shipctl::console::follow::{Following, Heard, follow};
use shipctl::console::happenings::{Hearing, hear};
use shipctl::console::history::{Source, Span, read};
use shipctl::console::sieve::Sieve;
use shipctl::environment::{Scope, Secret};
use shipctl::event::Listening;
use shipctl::redact::Redactor;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::support::listening::{Talkative, at};

fn source(host: &str, talkative: &Talkative, container: &str) -> Source {
    let console = Arc::new(talkative.clone());
    Source { host: host.parse().expect("a name"), console, container: talkative.sighting(container) }
}

async fn lines(sources: &[Source], span: &Span, sieve: &Sieve) -> Vec<String> {
    let mut shown = Vec::new();
    read(sources, span, sieve, |line| {
        shown.push(format!("{} {}", line.host, line.line));
        true
    })
    .await;
    shown
}

fn two_hosts() -> (Talkative, Talkative) {
    let (one, two) = (Talkative::new(), Talkative::new());
    one.start("a", "web", 1);
    two.start("b", "web", 1);
    for (host, id, millis, text) in
        [(&one, "a", 1000, "1"), (&two, "b", 1500, "2"), (&two, "b", 2500, "3"), (&one, "a", 3000, "4 hunter2!")]
    {
        host.print(id, millis, text);
    }
    (one, two)
}

#[tokio::test]
async fn lines_of_all_hosts_are_merged_by_time_cut_and_sifted() {
    let (one, two) = two_hosts();
    let sources = [source("h1", &one, "a"), source("h2", &two, "b")];
    let (all, redactor) = (Span::default(), Redactor::default());
    redactor.learn([("pass", &Secret::new("hunter2!".to_owned()))]);
    let sieve = |grep: Option<&str>| Sieve {
        grep: grep.map(|grep| grep.parse().expect("a pattern")),
        redactor: redactor.clone(),
    };
    let everything = ["h1 1", "h2 2", "h2 3", "h1 4 [secret pass]"];
    assert_eq!(lines(&sources, &all, &sieve(None)).await, everything);
    for (span, grep, expected) in [
        (Span { tail: Some(1), ..Span::default() }, None, &["h2 3", "h1 4 [secret pass]"][..]),
        (Span { tail: Some(0), ..Span::default() }, None, &[]),
        (Span { tail: Some(1), ..Span::default() }, Some("[12]$"), &["h1 1", "h2 2"]),
        (Span { since: Some(at(1500)), until: Some(at(2500)), tail: None }, None, &["h2 2", "h2 3"]),
        (Span { since: Some(at(1501)), ..Span::default() }, None, &["h2 3", "h1 4 [secret pass]"]),
        (all.clone(), Some("hunter"), &[]),
        (all.clone(), Some("secret pass"), &["h1 4 [secret pass]"]),
    ] {
        assert_eq!(lines(&sources, &span, &sieve(grep)).await, expected, "{span:?} {grep:?}");
    }
}

#[tokio::test]
async fn a_host_that_fails_is_named_and_the_others_are_shown() {
    let (one, two) = two_hosts();
    let sources = [source("h1", &one, "a"), source("h2", &two, "b")];
    one.cut();
    let mut shown = Vec::new();
    let (span, sieve) = (Span::default(), Sieve::default());
    let read = read(&sources, &span, &sieve, |line| {
        shown.push(line.line);
        true
    });
    let read = read.await;
    assert_eq!(shown, ["2", "3"]);
    assert_eq!([read[0].failed.is_some(), read[1].failed.is_some()], [true, false]);
}

/// What is heard next, lines by their text and remarks by a word.
async fn next(heard: &mut UnboundedReceiver<Heard<Line>>) -> String {
    let next = timeout(Duration::from_secs(30), heard.recv()).await.expect("something is heard").expect("a follower");
    match next {
        Heard::Line(line) => line.line,
        Heard::Note(Listening::Lost { .. }) => "<lost>".to_owned(),
        Heard::Note(Listening::Back { .. }) => "<back>".to_owned(),
        Heard::Note(Listening::Joined { release, .. }) => format!("<r{release}>"),
        Heard::Note(Listening::Unreadable { .. }) => "<unreadable>".to_owned(),
    }
}

fn following(host: &Talkative) -> UnboundedReceiver<Heard<Line>> {
    let (sender, heard) = unbounded_channel();
    let known = [("old", 1)].map(|(id, _)| (host.sighting(id).id, None));
    let following = Following {
        host: "h1".parse().expect("a name"),
        console: Arc::new(host.clone()),
        scope: scope(),
        selection: shipctl::fleet::select::Selection::default(),
        sieve: Sieve::default(),
        known: BTreeMap::from(known),
    };
    tokio::spawn(follow(following, sender));
    heard
}

#[tokio::test(start_paused = true)]
async fn a_container_that_takes_the_place_of_another_is_followed_too() {
    let host = Talkative::new();
    host.start("old", "web", 1);
    host.print("old", 1000, "one");
    let mut heard = following(&host);
    assert_eq!(next(&mut heard).await, "one");
    host.stop("old");
    host.start("new", "web", 2);
    host.print("new", 2000, "two");
    assert_eq!([next(&mut heard).await, next(&mut heard).await], ["<r2>", "two"]);
    // Going back: the old one is started again, and goes on where it was.
    host.stop("new");
    host.print("old", 3000, "three");
    host.start("old", "web", 1);
    assert_eq!([next(&mut heard).await, next(&mut heard).await], ["<r1>", "three"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_connection_no_line_is_missing_and_none_comes_twice() {
    let host = Talkative::new();
    host.start("old", "web", 1);
    host.print("old", 1000, "0");
    let mut heard = following(&host);
    assert_eq!(next(&mut heard).await, "0");
    for round in 1..=3 {
        host.cut();
        assert_eq!(next(&mut heard).await, "<lost>");
        // Printed at one and the same time as what was read, and later.
        host.print("old", 1000, &format!("{round} same"));
        host.print("old", 1000, &format!("{round} later"));
        host.mend();
        let mut rest = [next(&mut heard).await, next(&mut heard).await, next(&mut heard).await];
        rest.sort();
        assert_eq!(rest, [format!("{round} later"), format!("{round} same"), "<back>".to_owned()]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_lived_and_died_while_nobody_could_look_is_read_to_its_end() {
    let host = Talkative::new();
    host.start("old", "web", 1);
    host.print("old", 1000, "hello");
    let mut heard = following(&host);
    assert_eq!(next(&mut heard).await, "hello");
    host.cut();
    assert_eq!(next(&mut heard).await, "<lost>");
    host.start("short", "web", 2);
    host.print("short", 5000, "last words");
    host.stop("short");
    host.mend();
    assert_eq!(
        [next(&mut heard).await, next(&mut heard).await, next(&mut heard).await],
        ["<back>", "<r2>", "last words"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_heard_once_across_lost_connections_and_without_what_only_looks() {
    let host = Talkative::new();
    host.start("a", "web", 1);
    host.happen("a", 1000, "create");
    host.happen("a", 1001, "exec_start: check");
    host.happen("a", 1001, "start");
    let (sender, mut heard) = unbounded_channel();
    let hearing = Hearing {
        host: "h1".parse().expect("a name"),
        console: Arc::new(host.clone()),
        scope: scope(),
        selection: shipctl::fleet::select::Selection::default(),
        since: Some(at(0)),
        until: None,
        now: at(5000),
        all: false,
    };
    tokio::spawn(hear(hearing.clone(), sender));
    let mut actions = Vec::new();
    while actions.len() < 3 {
        match timeout(Duration::from_secs(30), heard.recv()).await.expect("something happens").expect("a listener") {
            Heard::Line(one) => actions.push(one.action),
            Heard::Note(Listening::Back { .. }) => host.happen("a", 1001, "die"),
            Heard::Note(_) => {}
        }
    }
    assert_eq!(actions, ["create", "start", "die"]);
    let (sender, mut heard) = unbounded_channel();
    hear(Hearing { since: Some(at(1001)), until: Some(at(1001)), all: true, ..hearing }, sender).await;
    let mut actions = Vec::new();
    while let Some(Heard::Line(one)) = heard.recv().await {
        actions.push(one.action);
    }
    assert_eq!(actions[..3], ["exec_start: check", "start", "die"]);
}

fn scope() -> Scope {
    Scope { project: "shop".parse().expect("a name"), environment: "prod".parse().expect("a name") }
}
