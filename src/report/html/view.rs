//! A story as the page's template takes it: words and numbers, all of them ready.

use serde::Serialize;

use crate::event::Failure;
use crate::journal::story::Story;
use crate::plan::Plan;
use crate::report::clean::clip;
use crate::report::line::extent;
use crate::report::rollout::{RolloutAnswer, health, place, release, remark};
use crate::report::style::{Tone, took};
use crate::rollout::report::{Report, Running};

use super::record::{self, Gate, Pull, Routed, Said};
use super::timeline::{Timeline, names, since};

/// A line of foreign text is cut to this many characters.
const LONGEST: usize = 2000;

/// All that the page shows.
#[derive(Debug, Serialize)]
pub(super) struct View {
    title: String,
    heading: String,
    outcome: String,
    tone: &'static str,
    sentence: String,
    next: Vec<String>,
    facts: Vec<(&'static str, String)>,
    images: Vec<(String, String)>,
    failures: Vec<Evidence>,
    timeline: Timeline,
    rows: Vec<Row>,
    batches: Vec<Batch>,
    gates: Vec<Gate>,
    pulls: Vec<Pull>,
    routed: Vec<Routed>,
    jobs: Vec<(String, String)>,
    stores: Vec<(String, String)>,
    measured: Vec<(String, String)>,
    notes: Vec<String>,
    warnings: Vec<(String, String)>,
    said: Vec<Said>,
    unreadable: usize,
    version: &'static str,
}

/// Why something failed, and what there is to show for it.
#[derive(Debug, Serialize)]
struct Evidence {
    title: &'static str,
    place: String,
    reason: Vec<String>,
    answers: Vec<record::Answer>,
    log: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    host: String,
    service: String,
    before: String,
    now: String,
    health: &'static str,
    image: String,
    remark: &'static str,
    as_intended: bool,
}

#[derive(Debug, Serialize)]
struct Batch {
    name: String,
    service: String,
    hosts: String,
    at: String,
    took: String,
    monitor: String,
    canary: bool,
}

impl View {
    pub(super) fn of(story: &Story, unreadable: usize) -> Self {
        let plan = &*story.plan;
        let scope = &plan.scope;
        let (outcome, tone, sentence, next) = ending(story);
        let heading = format!("{} of {} to {} {}", plan.kind.as_str(), plan.release, scope.project, scope.environment);
        Self {
            title: format!("{outcome}: {heading}"),
            heading,
            outcome,
            tone: record::tone(tone),
            sentence,
            next,
            facts: facts(story),
            images: plan.images.iter().map(|(service, it)| (service.to_string(), it.to_string())).collect(),
            failures: failures(story),
            timeline: Timeline::of(story),
            rows: story.report.iter().flat_map(|report| &report.rows).map(row).collect(),
            batches: batches(story),
            gates: record::gates(story),
            pulls: record::pulls(story),
            routed: record::routed(story),
            jobs: story.report.as_deref().map(|report| jobs(report, plan, story)).unwrap_or_default(),
            stores: story.report.as_deref().map(stores).unwrap_or_default(),
            measured: record::measured(story),
            notes: plan.notes.iter().map(|note| clip(&note.to_string(), LONGEST)).collect(),
            warnings: record::warnings(story),
            said: record::said(story),
            unreadable,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// What it came to: a word, its tone, a sentence, and commands to type.
fn ending(story: &Story) -> (String, Tone, String, Vec<String>) {
    let Some(report) = story.report.as_deref() else {
        let environment = &story.plan.scope.environment;
        let sentence =
            "No end is recorded: the rollout still goes on, or was killed. What the hosts run is for them to say.";
        let next = vec![
            format!("shipctl lock show {environment} (whether it goes on)"),
            format!("shipctl status {environment}"),
            format!("shipctl deploy {environment} (heals what was left)"),
        ];
        return ("unfinished".to_owned(), Tone::Warning, sentence.to_owned(), next);
    };
    let answer = RolloutAnswer { report, plan: &story.plan, now: story.ended };
    let (tone, sentence) = answer.sentence();
    (report.outcome.as_str().to_owned(), tone, sentence, answer.next())
}

fn facts(story: &Story) -> Vec<(&'static str, String)> {
    let plan = &story.plan;
    let time = |at: jiff::Timestamp| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let from = plan.from.as_ref().map_or_else(|| "nothing: the first release".to_owned(), ToString::to_string);
    let mut facts = vec![
        ("By", clip(&story.by, LONGEST)),
        ("Began", time(story.began)),
        ("Took", took(since(story.began, story.ended))),
        ("In force before", from),
        ("Plan", extent(plan)),
        ("Rollout", clip(&story.rollout, LONGEST)),
    ];
    if let Some(report) = &story.report {
        facts.push(("Exit code", report.outcome.exit().code().to_string()));
    }
    if let Some(pulled) = record::pulled(story) {
        facts.push(("Pulled", pulled));
    }
    if !plan.held.is_empty() {
        facts.push(("Waiting", names(&plan.held.iter().cloned().collect::<Vec<_>>())));
    }
    facts
}

fn failures(story: &Story) -> Vec<Evidence> {
    let Some(report) = &story.report else { return Vec::new() };
    let first = report.failure.iter().map(|it| ("First cause", it));
    let further = report.further_failures.iter().map(|it| ("Also", it));
    let undone = report.undo_failures.iter().map(|it| ("Could not be undone", it));
    first.chain(further).chain(undone).map(|(title, failure)| evidence(story, title, failure)).collect()
}

fn evidence(story: &Story, title: &'static str, failure: &Failure) -> Evidence {
    let lines = |text: &str| text.lines().map(|line| clip(line, LONGEST)).collect();
    Evidence {
        title,
        place: clip(&place(failure), LONGEST),
        reason: lines(&failure.reason),
        answers: record::last_answers(story, failure),
        log: failure.log.iter().map(|line| clip(line, LONGEST)).collect(),
    }
}

fn row(row: &crate::rollout::report::Row) -> Row {
    let image = match &row.now {
        Running::Release { image, .. } => clip(image, LONGEST),
        Running::Nothing | Running::Several(_) | Running::Unknown => String::new(),
    };
    Row {
        host: row.host.to_string(),
        service: row.service.to_string(),
        before: release(&row.before),
        now: release(&row.now),
        health: health(row.health),
        image,
        remark: remark(row),
        as_intended: row.as_intended,
    }
}

fn batches(story: &Story) -> Vec<Batch> {
    let batch = |span: &crate::journal::story::BatchSpan| {
        let planned = story.plan.batches.get(span.number.saturating_sub(1));
        Batch {
            name: format!("{} of {}", span.number, span.of),
            service: span.service.to_string(),
            hosts: names(&span.hosts),
            at: took(since(story.began, span.from)),
            took: took(since(span.from, span.to)),
            monitor: planned.map(|batch| crate::duration::display(batch.monitor)).unwrap_or_default(),
            canary: planned.is_some_and(|batch| batch.canary),
        }
    };
    story.batches.iter().map(batch).collect()
}

fn jobs(report: &Report, plan: &Plan, story: &Story) -> Vec<(String, String)> {
    let answer = RolloutAnswer { report, plan, now: story.ended };
    report.jobs.iter().map(|row| (format!("{} on {}", row.job, row.host), answer.job(row).1.to_owned())).collect()
}

fn stores(report: &Report) -> Vec<(String, String)> {
    report.stores.iter().map(|row| (row.store.clone(), RolloutAnswer::store(row).1)).collect()
}
