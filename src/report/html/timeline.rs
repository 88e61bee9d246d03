//! Spans of time as bars on one axis: percentages of the whole, so that a page draws them at any width.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::event::Direction;
use crate::journal::story::{End, Span, Story, What};
use crate::name::HostName;
use crate::plan::Step;
use crate::report::clean::clip;
use crate::report::line::count;
use crate::report::style::took;

/// Marks on the axis at most.
const MARKS: u64 = 6;
/// Foreign text is cut to this many characters.
const LONGEST: usize = 600;

/// The whole picture.
#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    marks: Vec<Mark>,
    batches: Vec<Bar>,
    lanes: Vec<Lane>,
    legend: Vec<(&'static str, &'static str)>,
}

/// A moment on the axis.
#[derive(Debug, Serialize)]
struct Mark {
    left: String,
    label: String,
}

/// A span on the axis.
#[derive(Debug, Serialize)]
struct Bar {
    left: String,
    width: String,
    class: String,
    label: String,
    title: String,
}

/// What was done on one host, or for all of them.
#[derive(Debug, Serialize)]
struct Lane {
    name: String,
    failed: bool,
    summary: String,
    bars: Vec<Bar>,
    steps: Vec<Row>,
}

/// A bar in words.
#[derive(Debug, Serialize)]
struct Row {
    at: String,
    class: String,
    what: String,
    took: String,
    end: String,
    failed: bool,
}

impl Timeline {
    pub(super) fn of(story: &Story) -> Self {
        let scale = Scale { began: story.began, whole: since(story.began, story.ended).max(Duration::from_millis(1)) };
        let of_run: Vec<_> = story.spans.iter().filter(|span| span.host.is_none()).collect();
        let mut lanes = Vec::new();
        if !of_run.is_empty() {
            lanes.push(lane("all hosts".to_owned(), &of_run, &scale));
        }
        for host in hosts(story) {
            let spans: Vec<_> = story.spans.iter().filter(|span| span.host.as_ref() == Some(host)).collect();
            lanes.push(lane(host.to_string(), &spans, &scale));
        }
        let batches = story.batches.iter().map(|batch| {
            let title = format!("batch {} of {}: {} on {}", batch.number, batch.of, batch.service, names(&batch.hosts));
            scale.bar(batch.from, batch.to, "batch", batch.number.to_string(), title)
        });
        let is_there = |class: &str| story.spans.iter().any(|span| class_of(&span.what) == class);
        let legend = LEGEND.into_iter().filter(|(class, _)| match *class {
            "undo" => story.spans.iter().any(|span| span.direction == Direction::Backward),
            "failed" => story.spans.iter().any(|span| matches!(span.end, End::Failed(_))),
            class => is_there(class),
        });
        Self { marks: scale.marks(), batches: batches.collect(), lanes, legend: legend.collect() }
    }
}

/// What the colours mean, in the order in which a host goes through them.
const LEGEND: [(&str, &str); 13] = [
    ("lock", "lock"),
    ("prepare", "prepare, create"),
    ("hook", "hook"),
    ("job", "job"),
    ("store", "store"),
    ("drain", "drain"),
    ("stop", "stop"),
    ("start", "start, switch"),
    ("gate", "gate"),
    ("promote", "promote, admit"),
    ("monitor", "watched"),
    ("undo", "undoing"),
    ("failed", "failed"),
];

fn class_of(what: &What) -> &'static str {
    match what {
        What::Lock => "lock",
        What::Prepare | What::Step(Step::Create) => "prepare",
        What::Hook(_) => "hook",
        What::Job(_) => "job",
        What::Publish(_) | What::Withdraw(_) => "store",
        What::Step(Step::Drain | Step::Unseat(_)) => "drain",
        What::Step(Step::Stop(..) | Step::Remove(_) | Step::Reboot) => "stop",
        What::Step(Step::Start(_) | Step::Doubt(_) | Step::Switch(..) | Step::Signal(..)) => "start",
        What::Step(Step::Gate(_)) => "gate",
        What::Step(Step::Promote(_) | Step::Admit | Step::Seat(_)) => "promote",
        What::Monitor => "monitor",
    }
}

/// What was done, in words.
fn words(span: &Span) -> String {
    let what = match &span.what {
        What::Lock => "take the lock".to_owned(),
        What::Prepare => "prepare".to_owned(),
        What::Step(step) => step.to_string(),
        What::Monitor => "watch".to_owned(),
        What::Job(job) => format!("job {job}"),
        What::Hook(point) => format!("hook {point}"),
        What::Publish(store) => format!("publish to {store}"),
        What::Withdraw(store) => format!("put back {store}"),
    };
    let undo = if span.direction == Direction::Backward { "undo: " } else { "" };
    match &span.service {
        Some(service) => format!("{undo}{what} ({service})"),
        None => format!("{undo}{what}"),
    }
}

fn lane(name: String, spans: &[&Span], scale: &Scale) -> Lane {
    let bars = spans.iter().map(|span| {
        let mut class = class_of(&span.what).to_owned();
        if span.direction == Direction::Backward {
            class.push_str(" undo");
        }
        match span.end {
            End::Failed(_) => class.push_str(" failed"),
            End::Open => class.push_str(" open"),
            End::Done => {}
        }
        let title = format!("{}, {}{}", words(span), took(since(span.from, span.to)), ending(&span.end));
        scale.bar(span.from, span.to, &class, String::new(), title)
    });
    let steps = spans.iter().map(|span| Row {
        at: took(since(scale.began, span.from)),
        class: class_of(&span.what).to_owned(),
        what: words(span),
        took: took(since(span.from, span.to)),
        end: match &span.end {
            End::Done => "done".to_owned(),
            End::Failed(why) => format!("failed: {}", clip(&why.replace('\n', "; "), LONGEST)),
            End::Open => "no end is recorded".to_owned(),
        },
        failed: span.end != End::Done,
    });
    let failed = spans.iter().any(|span| span.end != End::Done);
    let busy: Duration = spans.iter().map(|span| since(span.from, span.to)).sum();
    let summary = format!("{}, {} in all", count(spans.len(), "step"), took(busy));
    Lane { name, failed, summary, bars: bars.collect(), steps: steps.collect() }
}

fn ending(end: &End) -> &'static str {
    match end {
        End::Done => "",
        End::Failed(_) => ", failed",
        End::Open => ", no end is recorded",
    }
}

/// Hosts that something was done on, in the order of the plan's names.
fn hosts(story: &Story) -> impl Iterator<Item = &HostName> {
    let mut hosts: Vec<_> = story.spans.iter().filter_map(|span| span.host.as_ref()).collect();
    hosts.sort();
    hosts.dedup();
    hosts.into_iter()
}

pub(super) fn names(hosts: &[HostName]) -> String {
    hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(", ")
}

/// From one moment to another; none where a clock was set back between them.
pub(in crate::report) fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

struct Scale {
    began: Timestamp,
    whole: Duration,
}

impl Scale {
    fn percent(&self, at: Timestamp) -> f64 {
        (since(self.began, at).as_secs_f64() / self.whole.as_secs_f64() * 100.0).min(100.0)
    }

    fn bar(&self, from: Timestamp, to: Timestamp, class: &str, label: String, title: String) -> Bar {
        let left = self.percent(from);
        let width = (self.percent(to) - left).max(0.0);
        Bar { left: format!("{left:.3}"), width: format!("{width:.3}"), class: class.to_owned(), label, title }
    }

    /// Round moments, a few of them.
    fn marks(&self) -> Vec<Mark> {
        const STEPS: [u64; 19] = [
            100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_200_000,
            1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000,
        ];
        let whole = u64::try_from(self.whole.as_millis()).unwrap_or(u64::MAX);
        let step = STEPS.into_iter().find(|step| whole / step < MARKS).unwrap_or(whole.max(1));
        let marks = (0..=whole / step).map(|index| Duration::from_millis(index * step));
        let left = |at: Duration| at.as_secs_f64() / self.whole.as_secs_f64() * 100.0;
        marks.map(|at| Mark { left: format!("{:.3}", left(at)), label: mark(at) }).collect()
    }
}

/// `0`, `1.5s`, `20s`, `2m`, `1h30m`
fn mark(at: Duration) -> String {
    match at.as_millis() {
        0 => "0".to_owned(),
        millis if millis < 60_000 && millis % 1000 != 0 => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
        _ => crate::duration::display(at),
    }
}
