//! The end of a rollout: host by host what runs now, the first cause if there is one, what it came to, and the
//! next command to type.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::event::Failure;
use crate::fleet::ledger::Kind;
use crate::plan::{Note, Plan};
use crate::rollout::report::{Outcome, Report, Row, RowHealth, RowTraffic, Running, StoreNow};

use super::Answer;
use super::clean::clip;
use super::lock::held;
use super::page::Page;
use super::style::Tone;
use super::table::Table;

/// A line of a container's output is cut to this many characters.
const LONGEST: usize = 400;

/// What a rollout came to.
#[derive(Debug)]
pub struct RolloutAnswer<'a> {
    /// Its report.
    pub report: &'a Report,
    /// What it carried out.
    pub plan: &'a Plan,
    /// By the operator's clock.
    pub now: Timestamp,
}

impl Answer for RolloutAnswer<'_> {
    fn json(&self) -> (&'static str, Value) {
        ("report", json!(self.report))
    }

    fn text(&self) -> String {
        let report = self.report;
        let mut page = Page::default();
        page.gap();
        if !report.rows.is_empty() {
            page.ready(&table(&report.rows));
            page.gap();
        }
        for row in &report.stores {
            let (tone, words) = match &row.now {
                StoreNow::New => (Tone::Neutral, "holds what the release publishes".to_owned()),
                StoreNow::Old => (Tone::Neutral, "holds what it held before".to_owned()),
                StoreNow::Changed => (Tone::Bad, "holds something else: somebody changed it meanwhile".to_owned()),
                StoreNow::Unknown(why) => {
                    (Tone::Bad, format!("is not known to hold old or new values: {}", clip(why, LONGEST)))
                }
            };
            page.line(tone, &format!("store {} {words}", row.store));
        }
        if !report.stores.is_empty() {
            page.gap();
        }
        if let Some(failure) = &report.failure {
            block(&mut page, "first cause:", failure);
        }
        for failure in &report.further_failures {
            block(&mut page, "also:", failure);
        }
        for failure in &report.undo_failures {
            block(&mut page, "could not be undone:", failure);
        }
        let (tone, sentence) = self.sentence();
        page.line(tone, &sentence);
        for next in self.next() {
            page.line(Tone::Neutral, &format!("next: {next}"));
        }
        page.into_text()
    }
}

impl RolloutAnswer<'_> {
    fn sentence(&self) -> (Tone, String) {
        let release = &self.report.release;
        match &self.report.outcome {
            Outcome::Completed if self.plan.partial => {
                let words = "the rest runs something else, so the release in force stays what it was";
                (Tone::Good, format!("Done: everything that was selected runs {release}; {words}."))
            }
            Outcome::Completed if self.plan.notes.iter().any(|note| matches!(note, Note::Orphan { .. })) => {
                let words = "what it does not have keeps running (see the notes of the plan)";
                (Tone::Warning, format!("Done: {release} is in force on every selected host; {words}."))
            }
            Outcome::Completed => (Tone::Good, format!("Done: {release} is in force on every selected host.")),
            Outcome::RolledBack if self.report.rows.iter().all(|row| row.before == Running::Nothing) => {
                let words = "there was nothing to go back to, so what was created was removed again";
                (Tone::Warning, format!("Undone: {words}; no host runs the service."))
            }
            Outcome::RolledBack => {
                (Tone::Warning, "Rolled back: every touched host runs what it ran before, healthy.".to_owned())
            }
            Outcome::Halted => (
                Tone::Bad,
                "Halted: hosts run different releases, or cannot be asked; the table says which runs what.".to_owned(),
            ),
            Outcome::Cancelled => (
                Tone::Warning,
                "Interrupted: the hosts in hand were finished or undone, and the lock is released.".to_owned(),
            ),
            Outcome::Unchanged => (Tone::Bad, "Failed before any host was changed.".to_owned()),
            Outcome::Locked(holder) => (Tone::Bad, format!("Nothing was changed: {}.", held(holder, self.now))),
        }
    }

    /// What an operator would do now.
    fn next(&self) -> Vec<String> {
        let environment = &self.plan.scope.environment;
        let again = match self.plan.kind {
            Kind::Deploy => format!("shipctl deploy {environment}"),
            Kind::Rollback => format!("shipctl rollback {environment} --to r{}", self.report.release.number),
        };
        let status = format!("shipctl status {environment}");
        match &self.report.outcome {
            Outcome::Completed => Vec::new(),
            Outcome::Halted => match &self.plan.from {
                Some(from) => vec![
                    status,
                    format!("shipctl rollback {environment} --to r{} (what was in force before)", from.number),
                ],
                None => vec![status, format!("{again} (once the cause is gone)")],
            },
            Outcome::RolledBack | Outcome::Unchanged => vec![format!("{again} (once the cause is gone)")],
            Outcome::Cancelled => vec![status, format!("{again} (goes on where it stopped)")],
            Outcome::Locked(_) => vec![format!("shipctl lock show {environment}")],
        }
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new(&["HOST", "SERVICE", "BEFORE", "NOW", "HEALTH", "IMAGE NOW", ""]);
    for row in rows {
        let health = health(row.health);
        let tone = match (row.as_intended, row.health) {
            (false, _) | (_, RowHealth::Unhealthy | RowHealth::Unknown) => Tone::Bad,
            (true, RowHealth::Unproven) => Tone::Warning,
            (true, _) => Tone::Neutral,
        };
        let (before, now) = (release(&row.before), release(&row.now));
        let image = match &row.now {
            Running::Release { image, .. } => image.as_str(),
            Running::Nothing | Running::Several(_) | Running::Unknown => "",
        };
        let remark = match row.traffic {
            Some(RowTraffic::Out) => "gets no requests",
            Some(RowTraffic::Unknown) => "its balancer cannot be asked",
            _ if row.as_intended => " ",
            _ => "not what was intended",
        };
        table.row(tone, [row.host.as_str(), row.service.as_str(), &before, &now, health, image, remark]);
    }
    table.text()
}

fn release(running: &Running) -> String {
    match running {
        Running::Release { number, .. } => format!("r{number}"),
        Running::Nothing => "nothing".to_owned(),
        Running::Several(all) => format!("several: {}", all.join(", ")),
        Running::Unknown => "unknown".to_owned(),
    }
}

fn health(health: RowHealth) -> &'static str {
    match health {
        RowHealth::Healthy => "healthy",
        RowHealth::Running => "running",
        RowHealth::Unproven => "unproven",
        RowHealth::Unhealthy => "unhealthy",
        RowHealth::Stopped => "stopped",
        RowHealth::Unknown => "unknown",
    }
}

fn block(page: &mut Page, title: &str, failure: &Failure) {
    let doing = failure.doing.replace('\n', " ");
    let what = match (&failure.service, &failure.host) {
        (Some(service), Some(host)) => format!("{service} on {host}, at {doing}"),
        (None, Some(host)) => format!("{host}, at {doing}"),
        (_, None) => doing,
    };
    page.labelled(Tone::Bad, title, &what);
    failure.reason.lines().for_each(|line| page.line(Tone::Neutral, &format!("  {}", clip(line, LONGEST))));
    if !failure.log.is_empty() {
        page.line(Tone::Neutral, "  the last lines of its output:");
        failure.log.iter().for_each(|line| page.line(Tone::Quiet, &format!("  | {}", clip(line, LONGEST))));
    }
    page.gap();
}
