//! Past rollouts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::environment::Scope;
use crate::fleet::act::Deed;
use crate::fleet::ledger::{Entry, RolloutResult};
use crate::name::HostName;
use crate::release::ReleaseId;

use super::Answer;
use super::clean::clean;
use super::page::{Page, silent};
use super::style::{Tone, moment};
use super::table::Table;

/// The rollouts that the hosts remember.
#[derive(Debug)]
pub struct HistoryAnswer {
    /// Project and environment.
    pub scope: Scope,
    /// Rollouts, newest first.
    pub entries: Vec<Entry>,
    /// What operators did between them, newest first.
    pub acts: Vec<Deed>,
    /// The release in force.
    pub current: Option<ReleaseId>,
    /// Hosts that did not answer; they may remember more.
    pub unreachable: Vec<(HostName, String)>,
    /// By the operator's clock.
    pub now: Timestamp,
}

impl Answer for HistoryAnswer {
    fn json(&self) -> (&'static str, Value) {
        (
            "history",
            json!({ "entries": self.entries, "acts": self.acts, "current": self.current, "unreachable": self.unreachable }),
        )
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        if self.entries.is_empty() && self.acts.is_empty() {
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
        let mut acts = self.acts.iter().peekable();
        for (index, entry) in self.entries.iter().enumerate() {
            while let Some(deed) = acts.next_if(|deed| deed.number > entry.number) {
                self.act(&mut table, deed);
            }
            let images: Vec<String> =
                entry.images.iter().map(|(service, image)| format!("{service} {image}")).collect();
            let reason = entry.reason.as_ref().map(|reason| format!(": {}", clean(reason))).unwrap_or_default();
            let is_current = in_force == Some(index) && self.current.as_ref() == Some(&entry.release);
            let tone = match entry.result {
                RolloutResult::Completed if is_current => Tone::Good,
                RolloutResult::Completed => Tone::Neutral,
                RolloutResult::Partial
                | RolloutResult::Canary
                | RolloutResult::RolledBack
                | RolloutResult::Interrupted => Tone::Warning,
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
                    format!("{}{reason}", images.join(", ")),
                    if is_current { "in force" } else { " " }.to_owned(),
                ],
            );
        }
        acts.for_each(|deed| self.act(&mut table, deed));
        table.text()
    }

    fn act(&self, table: &mut Table, deed: &Deed) {
        let mut hosts = BTreeMap::<_, BTreeSet<_>>::new();
        for part in &deed.parts {
            hosts.entry(part.service.as_str()).or_default().insert(part.host.as_str());
        }
        let names = |all: &BTreeSet<&str>| all.iter().copied().collect::<Vec<_>>().join(", ");
        let what: Vec<_> = hosts.iter().map(|(service, all)| format!("{service} on {}", names(all))).collect();
        let reason = deed.act.reason.as_ref().map(|reason| format!(": {}", clean(reason))).unwrap_or_default();
        let tone = if deed.result == RolloutResult::Completed { Tone::Neutral } else { Tone::Warning };
        table.row(
            tone,
            [
                deed.number.to_string(),
                deed.kind.as_str().to_owned(),
                String::new(),
                words(deed.result).to_owned(),
                deed.by.clone(),
                moment(deed.at, self.now),
                format!("{}{reason}", what.join("; ")),
                if deed.act.forced { "forced" } else { " " }.to_owned(),
            ],
        );
    }
}

/// The words for it.
pub(super) fn words(result: RolloutResult) -> &'static str {
    match result {
        RolloutResult::Completed => "completed",
        RolloutResult::Partial => "partial",
        RolloutResult::Canary => "canary",
        RolloutResult::RolledBack => "rolled back",
        RolloutResult::Mixed => "mixed",
        RolloutResult::Interrupted => "interrupted",
    }
}
