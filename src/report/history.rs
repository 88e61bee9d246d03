//! Past rollouts.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::environment::Scope;
use crate::fleet::ledger::{Entry, RolloutResult};
use crate::name::HostName;
use crate::release::ReleaseId;

use super::Answer;
use super::page::{Page, silent};
use super::style::{Tone, moment};
use super::table::Table;

/// The rollouts that the hosts remember.
#[derive(Debug)]
pub struct HistoryAnswer {
    /// Project and environment.
    pub scope: Scope,
    /// Newest first.
    pub entries: Vec<Entry>,
    /// The release in force.
    pub current: Option<ReleaseId>,
    /// Hosts that did not answer; they may remember more.
    pub unreachable: Vec<(HostName, String)>,
    /// By the operator's clock.
    pub now: Timestamp,
}

impl Answer for HistoryAnswer {
    fn json(&self) -> (&'static str, Value) {
        ("history", json!({ "entries": self.entries, "current": self.current, "unreachable": self.unreachable }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        if self.entries.is_empty() {
            let Scope { project, environment } = &self.scope;
            page.line(Tone::Neutral, &format!("{project} {environment}: no rollout is recorded"));
        } else {
            page.ready(&self.table());
        }
        silent(&mut page, &self.unreachable);
        page.into_text()
    }
}

impl HistoryAnswer {
    fn table(&self) -> String {
        let mut table = Table::new(&["NUMBER", "KIND", "RELEASE", "RESULT", "BY", "WHEN", "IMAGES", ""]);
        let in_force = self.entries.iter().position(|entry| entry.result == RolloutResult::Completed);
        for (index, entry) in self.entries.iter().enumerate() {
            let images: Vec<String> =
                entry.images.iter().map(|(service, image)| format!("{service} {image}")).collect();
            let is_current = in_force == Some(index) && self.current.as_ref() == Some(&entry.release);
            let tone = match entry.result {
                RolloutResult::Completed if is_current => Tone::Good,
                RolloutResult::Completed => Tone::Neutral,
                RolloutResult::Partial | RolloutResult::RolledBack | RolloutResult::Interrupted => Tone::Warning,
                RolloutResult::Mixed => Tone::Bad,
            };
            table.row(
                tone,
                [
                    entry.number.to_string(),
                    entry.kind.as_str().to_owned(),
                    entry.release.to_string(),
                    words(entry.result).to_owned(),
                    entry.by.clone(),
                    moment(entry.at, self.now),
                    images.join(", "),
                    if is_current { "in force" } else { " " }.to_owned(),
                ],
            );
        }
        table.text()
    }
}

fn words(result: RolloutResult) -> &'static str {
    match result {
        RolloutResult::Completed => "completed",
        RolloutResult::Partial => "partial",
        RolloutResult::RolledBack => "rolled back",
        RolloutResult::Mixed => "mixed",
        RolloutResult::Interrupted => "interrupted",
    }
}
