//! The end of a rollout: host by host what runs now, the first cause if there is one, what it came to, and the
//! next command to type.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::event::Failure;
use crate::fleet::ledger::Kind;
use crate::name::HostName;
use crate::plan::{Note, Plan};
use crate::rollout::report::{
    JobNow, JobRow, Outcome, Report, Row, RowHealth, RowTraffic, Running, StoreNow, StoreRow,
};

use super::Answer;
use super::act;
use super::clean::clip;
use super::line::{asked_words, compared_words};
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
        let mut page = Page::default();
        page.gap();
        self.told(&mut page);
        for next in self.next() {
            page.line(Tone::Neutral, &format!("next: {next}"));
        }
        page.into_text()
    }
}

impl RolloutAnswer<'_> {
    /// All but what to do next.
    pub(super) fn told(&self, page: &mut Page) {
        let report = self.report;
        if !report.rows.is_empty() {
            page.ready(&table(&report.rows));
            page.gap();
        }
        for row in &report.stores {
            let (tone, words) = Self::store(row);
            page.line(tone, &format!("store {} {words}", row.store));
        }
        if !report.stores.is_empty() {
            page.gap();
        }
        for row in &report.jobs {
            let (tone, words) = self.job(row);
            page.line(tone, &format!("job {} on {} {words}", row.job, row.host));
        }
        if !report.jobs.is_empty() {
            page.gap();
        }
        for compared in &report.compared {
            page.line(Tone::Neutral, &format!("{}: {}", compared.service, compared_words(compared)));
        }
        for asked in &report.asked {
            page.line(Tone::Neutral, &format!("{}: {}", asked.service, asked_words(asked)));
        }
        if !report.compared.is_empty() || !report.asked.is_empty() {
            page.gap();
        }
        if let Some(failure) = &report.failure {
            block(page, "first cause:", failure);
        }
        for failure in &report.further_failures {
            block(page, "also:", failure);
        }
        for failure in &report.undo_failures {
            block(page, "could not be undone:", failure);
        }
        let (tone, sentence) = self.sentence();
        page.line(tone, &sentence);
    }

    /// What a store holds, in words.
    pub(super) fn store(row: &StoreRow) -> (Tone, String) {
        match &row.now {
            StoreNow::New => (Tone::Neutral, "holds what the release publishes".to_owned()),
            StoreNow::Old => (Tone::Neutral, "holds what it held before".to_owned()),
            StoreNow::Changed => (Tone::Bad, "holds something else: somebody changed it meanwhile".to_owned()),
            StoreNow::Unknown(why) => {
                (Tone::Bad, format!("is not known to hold old or new values: {}", clip(why, LONGEST)))
            }
        }
    }

    /// How a job stands, in words.
    pub(super) fn job(&self, row: &JobRow) -> (Tone, &'static str) {
        let is_kept = self.report.outcome == Outcome::Completed || row.reversible;
        match row.now {
            JobNow::NotRun => (Tone::Neutral, "was not run"),
            JobNow::Done if is_kept => (Tone::Neutral, "has run"),
            JobNow::Done => (Tone::Warning, "has run and is not undone: what runs must bear what it changed"),
            JobNow::Failed => (Tone::Bad, "failed; what it changed until then is not undone"),
            JobNow::Left => (Tone::Warning, "is not known to have ended; the next deploy looks, and waits for it"),
        }
    }

    /// The command that runs failed jobs again.
    fn rerun(&self) -> Option<String> {
        let failed = self.report.jobs.iter().filter(|row| row.now == JobNow::Failed);
        let names: Vec<_> = failed.map(|row| format!(" --rerun-job {}", row.job)).collect();
        let command = format!("shipctl deploy {}{}", self.plan.scope.environment, names.concat());
        (!names.is_empty()).then(|| format!("{command} (runs it again for this release, once the cause is gone)"))
    }

    /// What it came to, in one sentence.
    pub(super) fn sentence(&self) -> (Tone, String) {
        if let Some(said) = act::sentence(self.report, self.plan.kind) {
            return said;
        }
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
            Outcome::Canary => {
                let names = |hosts: Vec<&str>| hosts.join(", ");
                let hosts: BTreeSet<_> = self.report.rows.iter().map(|row| row.host.as_str()).collect();
                let (hosts, held) =
                    (names(hosts.into_iter().collect()), names(self.plan.held.iter().map(HostName::as_str).collect()));
                (Tone::Good, format!("Canary: {release} runs on {hosts}; {held} wait until it is promoted."))
            }
            Outcome::Partial => {
                let words = "hosts that failed run what they ran before, and the release in force stays what it was";
                (Tone::Bad, format!("Partly done: some hosts run {release}; {words}."))
            }
            Outcome::Halted
                if self.report.rows.iter().all(|row| row.as_intended)
                    && self.report.jobs.iter().any(|row| row.now != JobNow::Done) =>
            {
                let words = "its jobs are not done, so it is not in force";
                (Tone::Bad, format!("Unfinished: the hosts run what the table says, but of {release} {words}."))
            }
            Outcome::Halted => (
                Tone::Bad,
                "Halted: hosts run different releases, or cannot be asked; the table says which runs what.".to_owned(),
            ),
            Outcome::Cancelled => (
                Tone::Warning,
                "Interrupted: the hosts in hand were finished or undone, and the lock is released.".to_owned(),
            ),
            Outcome::Unchanged if self.report.jobs.iter().any(|row| row.now == JobNow::Failed) => {
                (Tone::Bad, "Failed at a job: no service was changed on any host.".to_owned())
            }
            Outcome::Unchanged => (Tone::Bad, "Failed before any host was changed.".to_owned()),
            Outcome::Locked(holder) => (Tone::Bad, format!("Nothing was changed: {}.", held(holder, self.now))),
        }
    }

    /// What an operator would do now.
    pub(super) fn next(&self) -> Vec<String> {
        let environment = &self.plan.scope.environment;
        let again = match self.plan.kind {
            // What has gone back everywhere waits for nobody's promotion any more.
            Kind::Deploy if self.plan.promotes && self.report.outcome != Outcome::RolledBack => {
                format!("shipctl promote {environment}")
            }
            Kind::Deploy => format!("shipctl deploy {environment}"),
            Kind::Rollback => format!("shipctl rollback {environment} --to r{}", self.report.release.number),
            act => format!("shipctl {} {environment}", act.as_str()),
        };
        let status = format!("shipctl status {environment}");
        if let Some(next) = act::next(self.report, self.plan) {
            return next;
        }
        if let (Some(rerun), Outcome::Unchanged) = (self.rerun(), &self.report.outcome) {
            return vec![rerun];
        }
        match &self.report.outcome {
            Outcome::Completed => Vec::new(),
            Outcome::Canary => {
                let promote = format!("shipctl promote {environment} (brings it to the others)");
                vec![promote, format!("shipctl rollback {environment} (takes it back)")]
            }
            Outcome::Partial => {
                let back = "(takes it back everywhere)";
                let back = self.plan.from.as_ref().map(|_| format!("shipctl rollback {environment} {back}"));
                let again = format!("{again} (tries the others again)");
                [status, again].into_iter().chain(back).collect()
            }
            Outcome::Halted => match &self.plan.from {
                Some(from) => {
                    let back =
                        format!("shipctl rollback {environment} --to r{} (what was in force before)", from.number);
                    [status].into_iter().chain(self.rerun()).chain([back]).collect()
                }
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
        let remark = Some(remark(row)).filter(|remark| !remark.is_empty()).unwrap_or(" ");
        table.row(tone, [row.host.as_str(), row.service.as_str(), &before, &now, health, image, remark]);
    }
    table.text()
}

/// What an operator should see about a row.
pub(super) fn remark(row: &Row) -> &'static str {
    match row.traffic {
        Some(RowTraffic::Out) => "gets no requests",
        Some(RowTraffic::Unknown) => "its balancer cannot be asked",
        _ if row.as_intended => "",
        _ => "not what was intended",
    }
}

/// `r12`, or what else there is.
pub(super) fn release(running: &Running) -> String {
    match running {
        Running::Release { number, .. } => format!("r{number}"),
        Running::Nothing => "nothing".to_owned(),
        Running::Several(all) => clip(&format!("several: {}", all.join(", ")), LONGEST),
        Running::Unknown => "unknown".to_owned(),
    }
}

/// The word for it.
pub(super) fn health(health: RowHealth) -> &'static str {
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
    page.labelled(Tone::Bad, title, &place(failure));
    failure.reason.lines().for_each(|line| page.line(Tone::Neutral, &format!("  {}", clip(line, LONGEST))));
    if !failure.log.is_empty() {
        page.line(Tone::Neutral, "  the last lines of its output:");
        failure.log.iter().for_each(|line| page.line(Tone::Quiet, &format!("  | {}", clip(line, LONGEST))));
    }
    page.gap();
}

/// `web on web2, at gate new`
pub(super) fn place(failure: &Failure) -> String {
    let doing = failure.doing.replace('\n', " ");
    match (&failure.service, &failure.host) {
        (Some(service), Some(host)) => format!("{service} on {host}, at {doing}"),
        (None, Some(host)) => format!("{host}, at {doing}"),
        (_, None) => doing,
    }
}
