//! The page of a rollout, from its journal: what it tells, and that nothing that came from elsewhere acts in it.

use std::time::Duration;

use shipctl::event::{EVENT_FORMAT, Event, Failure, Record};
use shipctl::fleet::ledger::Kind;
use shipctl::journal::story::{End, Story, What};
use shipctl::plan::{Step, Subject};
use shipctl::report::html;
use shipctl::rollout::report::{Outcome, Report, Row, RowHealth, Running};

use crate::report_lines::{first_plan, rollout};
use crate::support::environment::{host, service};

/// What a container may print to trouble whoever reads it.
const HOSTILE: &str = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}\u{1b}[2J{{ 7 * 7 }}";

/// A rollout that fails on web2 with hostile words, and goes back.
pub fn failed() -> Vec<Record> {
    let mut records = rollout();
    let failure = Failure {
        host: Some(host(2)),
        service: Some(service("web")),
        doing: Step::Gate(Subject::New).to_string(),
        reason: format!("it exited with code 1\nlast answer: {HOSTILE}"),
        log: vec!["listening on 80".to_owned(), HOSTILE.to_owned()],
    };
    for record in &mut records {
        match &mut record.event {
            Event::HostFailed { failure: it } => *it = failure.clone(),
            Event::StepFailed { reason, .. } => reason.clone_from(&failure.reason),
            Event::RolloutStarted { by, .. } => *by = format!("ann\"><b>@desk {HOSTILE}"),
            _ => {}
        }
    }
    let row = |number| Row {
        host: host(number),
        service: service("web"),
        before: Running::Nothing,
        now: Running::Several(vec![HOSTILE.to_owned()]),
        as_intended: false,
        health: RowHealth::Unknown,
        traffic: None,
    };
    let report = Report {
        outcome: Outcome::RolledBack,
        release: first_plan().release,
        rows: vec![row(1), row(2)],
        stores: Vec::new(),
        jobs: Vec::new(),
        compared: Vec::new(),
        asked: Vec::new(),
        failure: Some(failure),
        further_failures: Vec::new(),
        undo_failures: Vec::new(),
    };
    let last = records.last().expect("a record");
    let (sequence, at) = (last.sequence + 1, last.at);
    records.push(Record { format: EVENT_FORMAT, sequence, at, event: Event::Finished(Box::new(report)) });
    records
}

/// As the journal of the run is read again.
fn story(records: &[Record]) -> Story {
    let kept = records.iter().filter(|record| !record.event.is_progress());
    let read = kept.map(|record| {
        let line = serde_json::to_string(record).expect("JSON");
        serde_json::from_str(&line).expect("a record")
    });
    Story::of(read.collect()).expect("a story")
}

pub fn page(records: &[Record]) -> String {
    html::page(&story(records), 0).expect("a page")
}

#[test]
fn a_story_says_what_took_how_long_where_and_how_it_ended() {
    let story = story(&failed());
    assert_eq!((story.plan.kind, story.plan.scope.environment.as_str()), (Kind::Deploy, "prod"));
    let gate = What::Step(Step::Gate(Subject::New));
    let of =
        |number| story.spans.iter().find(|span| span.host == Some(host(number)) && span.what == gate).expect("a gate");
    let took = |number| Duration::try_from(of(number).to.duration_since(of(number).from)).expect("a time");
    assert_eq!((took(1), &of(1).end), (Duration::from_millis(800), &End::Done));
    assert_eq!(took(2), Duration::from_mins(1));
    assert!(matches!(&of(2).end, End::Failed(why) if why.starts_with("it exited with code 1")), "{:?}", of(2));
    let watched = story.spans.iter().find(|span| span.what == What::Monitor).expect("a window");
    assert_eq!((watched.to.duration_since(watched.from).as_secs(), &watched.end), (10, &End::Done));
    let batches: Vec<_> =
        story.batches.iter().map(|it| (it.number, it.to.duration_since(it.from).as_millis())).collect();
    assert_eq!(batches, [(1, 11_600), (2, 61_200)]);
}

#[test]
fn a_journal_that_breaks_off_is_told_as_far_as_it_goes() {
    let mut records = failed();
    let gate = |record: &Record| matches!(&record.event, Event::StepFailed { .. });
    records.truncate(records.iter().position(gate).expect("a failed step"));
    let story = story(&records);
    assert!(story.report.is_none());
    assert_eq!(story.spans.iter().filter(|span| span.end == End::Open).count(), 1, "{:#?}", story.spans);
    let page = html::page(&story, 3).expect("a page");
    for words in ["unfinished", "No end is recorded", "no end is recorded", "3 lines of the journal could not be read"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert!(Story::of(records.split_off(10)).is_none(), "without its beginning there is nothing to tell");
}

#[test]
fn the_page_shows_the_evidence_and_each_part_of_the_rollout() {
    let page = page(&failed());
    for words in [
        "rolled-back",
        "First cause: web on web2, at gate new",
        "it exited with code 1",
        "listening on 80",
        "connection refused",
        "front web&#x2f;web1",
        "in traffic, up",
        "5.90 MB",
        "the lock could not be released",
        "shipctl deploy prod (once the cause is gone)",
        "aria-label=\"web1: ",
        "batch 1 of 2: web on web1",
        "class=\"bar gate failed\"",
        "class=\"bar stop undo\"",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
}

#[test]
fn nothing_that_came_from_elsewhere_is_markup() {
    let page = page(&failed());
    for markup in ["<script", "<img", "<b>", "</pre><", "\u{202e}", "\u{1b}", ">49<"] {
        assert!(!page.contains(markup), "{markup}\n{page}");
    }
    assert_eq!(page.matches("&lt;script&gt;alert(1)").count(), page.matches("alert(1)").count());
    assert!(page.matches("alert(1)").count() >= 4, "in the log, the reason, the rows and the head");
}

#[test]
fn the_page_needs_nothing_else() {
    let page = page(&rollout());
    for loading in ["<script", "src=", "url(", "@import", "http:", "https:", "<iframe", "<form"] {
        assert!(!page.contains(loading), "{loading}");
    }
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
    assert!(page.contains(&format!("content=\"{policy}\"")), "a browser is told that nothing may be loaded");
}
