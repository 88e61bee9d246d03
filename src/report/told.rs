//! What is told of one release: its rollouts by the record of the hosts, and by the journals of this checkout; and
//! the page that was made of one.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::environment::Scope;
use crate::fleet::ledger::{Entry, Placements, RolloutResult};
use crate::journal::story::Story;
use crate::name::HostName;

use super::Answer;
use super::clean::clean;
use super::history::words;
use super::html::since;
use super::line::started;
use super::page::{Page, silent};
use super::rollout::RolloutAnswer;
use super::style::{Tone, moment, took};

/// All that is known of a release.
#[derive(Debug)]
pub struct ReleaseAnswer {
    /// Project and environment.
    pub scope: Scope,
    /// Its rollouts, newest first.
    pub rollouts: Vec<Told>,
    /// Whether it is in force.
    pub in_force: bool,
    /// Hosts that did not answer; they may remember more.
    pub unreachable: Vec<(HostName, String)>,
    /// By the operator's clock.
    pub now: Timestamp,
}

/// One rollout.
#[derive(Debug)]
pub struct Told {
    /// As the hosts have it; `None` if only the journal tells of it: nothing was changed, or no host answered that
    /// knows.
    pub entry: Option<Entry>,
    /// As its journal tells it, with its file; `None` if that is not in this checkout.
    pub journal: Option<(PathBuf, Story)>,
}

impl Answer for ReleaseAnswer {
    fn json(&self) -> (&'static str, Value) {
        let rollouts: Vec<_> = self.rollouts.iter().map(Told::json).collect();
        let value = json!({ "rollouts": rollouts, "in_force": self.in_force, "unreachable": self.unreachable });
        ("release", value)
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        for (index, told) in self.rollouts.iter().enumerate() {
            if index > 0 {
                page.gap();
            }
            told.write(&mut page, self.now, index == 0 && self.in_force, &self.scope);
        }
        silent(&mut page, &self.unreachable);
        page.into_text()
    }
}

impl Told {
    fn json(&self) -> Value {
        let journal = self.journal.as_ref().map(|(path, story)| {
            json!({
                "file": path,
                "rollout": story.rollout,
                "by": story.by,
                "began": story.began,
                "ended": story.ended,
                "report": story.report,
            })
        });
        json!({ "entry": self.entry, "journal": journal })
    }

    fn write(&self, page: &mut Page, now: Timestamp, in_force: bool, scope: &Scope) {
        let story = self.journal.as_ref().map(|(_, story)| story);
        if let Some(entry) = &self.entry {
            let force = if in_force { ", in force" } else { "" };
            let (number, kind) = (entry.number, entry.kind.as_str());
            page.line(Tone::Strong, &format!("{number}: {kind} of {}, {}{force}", entry.release, words(entry.result)));
            page.line(Tone::Neutral, &format!("  by {}, {}", clean(&entry.by), moment(entry.at, now)));
            page.line(Tone::Neutral, &format!("  rollout {}", clean(&entry.rollout)));
        } else if let Some(story) = story {
            let result = story.report.as_deref().map_or("without an end in its journal", |it| it.outcome.as_str());
            page.line(Tone::Strong, &format!("{}, {result}; not in the hosts' record", started(&story.plan)));
            page.line(Tone::Neutral, &format!("  by {}, {}", clean(&story.by), moment(story.began, now)));
            page.line(Tone::Neutral, &format!("  rollout {}", clean(&story.rollout)));
        }
        match (story, &self.entry) {
            (Some(story), entry) => of_journal(page, story, entry.as_ref()),
            (None, Some(entry)) => of_hosts(page, entry),
            (None, None) => {}
        }
        match &self.journal {
            Some((path, story)) => {
                page.line(Tone::Quiet, &format!("  journal: {}", clean(&path.display().to_string())));
                let command = format!("shipctl report {} {} -o report.html", scope.environment, clean(&story.rollout));
                page.line(Tone::Quiet, &format!("  as a page: {command}"));
            }
            None => page.line(Tone::Quiet, "  its journal is not in this checkout, so no more is known here"),
        }
    }
}

/// What only the journal knows: how long it took, host by host what it came to, and why.
fn of_journal(page: &mut Page, story: &Story, entry: Option<&Entry>) {
    let batches = format!("{} of {}", story.batches.len(), story.plan.batches.len());
    page.line(Tone::Neutral, &format!("  took {}, began {batches} batches", took(since(story.began, story.ended))));
    if let Some(from) = &story.plan.from {
        page.line(Tone::Neutral, &format!("  in force before: {from}"));
    }
    for (service, image) in &story.plan.images {
        page.line(Tone::Neutral, &format!("  image {service}: {}", clean(&image.to_string())));
    }
    let Some(report) = &story.report else {
        if let Some(entry) = entry {
            page.line(Tone::Warning, "  its journal breaks off; this is what the hosts were to run:");
            placements(page, &entry.placements);
        }
        return;
    };
    RolloutAnswer { report, plan: &story.plan, now: story.ended }.told(page);
}

fn of_hosts(page: &mut Page, entry: &Entry) {
    for (service, image) in &entry.images {
        page.line(Tone::Neutral, &format!("  image {service}: {}", clean(image)));
    }
    for (job, reversible) in &entry.jobs {
        let lasting = if *reversible { "" } else { ", which cannot be undone" };
        page.line(Tone::Neutral, &format!("  job {job} has run{lasting}"));
    }
    for (store, digest) in &entry.published {
        page.line(Tone::Neutral, &format!("  published to {}: {}", clean(store), clean(digest)));
    }
    let is_in_force = entry.result == RolloutResult::Completed;
    page.line(
        Tone::Neutral,
        if is_in_force { "  what it put on the hosts:" } else { "  what it was to put on the hosts:" },
    );
    placements(page, &entry.placements);
}

fn placements(page: &mut Page, placements: &Placements) {
    for (host, services) in placements {
        let services: Vec<_> = services.iter().map(|(service, spec)| format!("{service} ({})", spec.short())).collect();
        page.line(Tone::Neutral, &format!("    {host}: {}", services.join(", ")));
    }
}

/// A page that was written.
#[derive(Debug)]
pub struct PageAnswer<'a> {
    /// Of which rollout.
    pub story: &'a Story,
    /// To which file.
    pub file: &'a Path,
    /// Its length.
    pub bytes: usize,
}

impl Answer for PageAnswer<'_> {
    fn json(&self) -> (&'static str, Value) {
        let Self { story, file, bytes } = self;
        ("page", json!({ "file": file, "bytes": bytes, "rollout": story.rollout, "release": story.plan.release }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        let outcome = self.story.report.as_deref().map_or("unfinished", |report| report.outcome.as_str());
        let file = self.file.display().to_string();
        page.line(Tone::Neutral, &format!("{}: {}, {outcome}", clean(&file), started(&self.story.plan)));
        page.into_text()
    }
}

/// Manual pages that were written.
#[derive(Debug)]
pub struct PagesAnswer<'a> {
    /// Where.
    pub directory: &'a Path,
    /// Their files.
    pub files: Vec<String>,
}

impl Answer for PagesAnswer<'_> {
    fn json(&self) -> (&'static str, Value) {
        ("manual", json!({ "directory": self.directory, "files": self.files }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        let directory = self.directory.display().to_string();
        let pages = super::line::count(self.files.len(), "page");
        page.line(Tone::Neutral, &format!("{pages} in {}: read one with man -l", clean(&directory)));
        page.into_text()
    }
}
