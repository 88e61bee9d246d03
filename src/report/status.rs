//! What runs where, and how that differs from the release in force.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::environment::Scope;
use crate::fleet::act::Said;
use crate::fleet::ledger::Kind;
use crate::fleet::status::{Drift, Status, StatusRow, StoreStatus};

use super::Answer;
use super::act;
use super::clean::clean;
use super::line::count;
use super::page::{Page, silent};
use super::style::{Tone, moment};
use super::table::Table;

/// The state of an environment.
#[derive(Debug)]
pub struct StatusAnswer<'a> {
    /// Project and environment.
    pub scope: Scope,
    /// What was seen.
    pub status: &'a Status,
    /// By the operator's clock.
    pub now: Timestamp,
}

impl Answer for StatusAnswer<'_> {
    fn json(&self) -> (&'static str, Value) {
        let mut value = json!(self.status);
        value["clean"] = json!(self.status.is_clean());
        ("status", value)
    }

    fn text(&self) -> String {
        let Scope { project, environment } = &self.scope;
        let head = match &self.status.release {
            Some(release) => format!("{project} {environment}: {release} is in force"),
            None if self.status.rows.is_empty() && self.status.unreachable.is_empty() => {
                format!("{project} {environment}: nothing has been deployed yet")
            }
            None => format!("{project} {environment}: no release is in force by any record that could be read"),
        };
        let mut page = Page::default();
        page.line(Tone::Strong, &head);
        if !self.status.rows.is_empty() {
            page.ready(&table(&self.status.rows, self.now));
        }
        for row in &self.status.stores {
            store(&mut page, row);
        }
        silent(&mut page, &self.status.unreachable);
        self.verdict(&mut page);
        page.into_text()
    }
}

impl StatusAnswer<'_> {
    fn verdict(&self, page: &mut Page) {
        let Status { release, canary, rows, unreachable, stores } = self.status;
        let environment = &self.scope.environment;
        let silent = match unreachable.len() {
            0 => String::new(),
            hosts => format!("; {} did not answer", count(hosts, "host")),
        };
        let differing = stores.iter().filter(|store| store.state != "held").count();
        match rows.iter().filter(|row| row.drift.is_some()).count() {
            0 if rows.is_empty() => {}
            0 if differing > 0 => {
                let stores = count(differing, "store");
                page.line(Tone::Warning, &format!("What answered runs as recorded, but for {stores}{silent}."));
                page.line(Tone::Neutral, &format!("next: shipctl deploy {environment} (publishes again)"));
            }
            0 if silent.is_empty() => page.line(Tone::Good, "Everything runs as recorded."),
            0 => page.line(Tone::Warning, &format!("What answered runs as recorded{silent}.")),
            drifted => {
                page.line(
                    Tone::Warning,
                    &format!("{} from the release in force{silent}.", count(drifted, "difference")),
                );
                let is_gone = |row: &StatusRow| row.drift == Some(Drift::SecretsGone);
                if let Some(canary) = canary {
                    page.line(Tone::Warning, &format!("{canary} runs as a canary, and waits to be promoted."));
                    let next =
                        format!("shipctl promote {environment}, or shipctl rollback {environment} (takes it back)");
                    page.line(Tone::Neutral, &format!("next: {next}"));
                    return;
                }
                let stopped: Vec<_> = rows.iter().filter(|row| is_stopped(row)).collect();
                if !stopped.is_empty() && stopped.len() == drifted {
                    let next = format!("shipctl start {environment}{} (brings it back)", selected(&stopped));
                    page.line(Tone::Neutral, &format!("next: {next}"));
                    return;
                }
                let drained: Vec<_> = rows.iter().filter(|row| is_drained(row)).collect();
                if !drained.is_empty() && drained.len() == drifted {
                    let hosts: BTreeSet<_> = drained.iter().map(|row| row.host.as_str()).collect();
                    let hosts = hosts.into_iter().collect::<Vec<_>>().join(",");
                    let next = format!("shipctl host admit {environment} --host {hosts} (brings it back)");
                    page.line(Tone::Neutral, &format!("next: {next}"));
                    return;
                }
                let is_removed = |row: &StatusRow| row.act.as_ref().is_some_and(|said| said.kind == Kind::Remove);
                let next = match release {
                    _ if rows.iter().any(is_removed) => format!("shipctl deploy {environment} (creates it again)"),
                    _ if rows.iter().any(is_gone) => {
                        format!("shipctl deploy {environment} (secrets that were in memory come from you again)")
                    }
                    Some(release) => format!(
                        "shipctl rollback {environment} --to r{} (puts it back in force), or deploy",
                        release.number
                    ),
                    None => format!("shipctl plan {environment}"),
                };
                page.line(Tone::Neutral, &format!("next: {next}"));
            }
        }
    }
}

fn store(page: &mut Page, row: &StoreStatus) {
    let StoreStatus { store, state, keys, why } = row;
    let why = why.as_deref().map(clean).unwrap_or_default();
    let (tone, words) = match (*state, &keys[..]) {
        ("held", _) => (Tone::Neutral, "holds what the release in force publishes".to_owned()),
        ("differs", []) => (Tone::Warning, format!("does not hold what the release in force publishes: {why}")),
        ("differs", keys) => {
            let keys: Vec<_> = keys.iter().map(|key| clean(key)).collect();
            (Tone::Warning, format!("does not hold what the release in force publishes under {}", keys.join(", ")))
        }
        _ => (Tone::Warning, format!("could not be asked: {why}")),
    };
    page.line(tone, &format!("store {store} {words}"));
}

fn table(rows: &[StatusRow], now: Timestamp) -> String {
    // Only where a balancer is told anything.
    let has_traffic = rows.iter().any(|row| !row.traffic.is_empty());
    let columns = ["HOST", "SERVICE", "RELEASE", "STATE", "TRAFFIC", "SINCE", "DRIFT", "IMAGE"];
    let mut table =
        Table::new(&columns.into_iter().filter(|name| has_traffic || *name != "TRAFFIC").collect::<Vec<_>>());
    for row in rows {
        let since = row.since.map(|since| moment(since, now)).unwrap_or_default();
        let by = row.act.as_ref().map(|said| stopped(said, now));
        let drift = by.as_deref().or(row.drift.as_ref().map(words)).unwrap_or_default();
        let tone = match row.drift {
            None => Tone::Neutral,
            Some(_) if row.act.is_some() => Tone::Warning,
            Some(Drift::NotRunning | Drift::SecretsGone | Drift::Unhealthy | Drift::Several | Drift::OutOfTraffic) => {
                Tone::Bad
            }
            Some(Drift::OtherRelease | Drift::Unproven | Drift::RestartPolicy | Drift::Orphan) => Tone::Warning,
        };
        let (release, image) = (row.release.as_deref().unwrap_or(""), row.image.as_deref().unwrap_or(""));
        let traffic = has_traffic.then(|| traffic(row));
        let cells = [row.host.as_str(), row.service.as_str(), release, row.state];
        let cells = cells.into_iter().chain(traffic.as_deref()).chain([since.as_str(), drift, image]);
        table.row(tone, cells);
    }
    table.text()
}

fn is_stopped(row: &StatusRow) -> bool {
    row.act.as_ref().is_some_and(|said| said.kind == Kind::Stop)
}

fn is_drained(row: &StatusRow) -> bool {
    row.act.as_ref().is_some_and(|said| said.kind == Kind::Drain)
}

/// The options that select these rows.
fn selected(rows: &[&StatusRow]) -> String {
    let hosts: BTreeSet<_> = rows.iter().map(|row| row.host.as_str()).collect();
    let services: BTreeSet<_> = rows.iter().map(|row| row.service.as_str()).collect();
    let list = |all: BTreeSet<&str>| all.into_iter().collect::<Vec<_>>().join(",");
    format!(" --host {} --service {}", list(hosts), list(services))
}

/// Who stopped it, when, and why.
fn stopped(said: &Said, now: Timestamp) -> String {
    let reason = said.act.reason.as_ref().map(|reason| format!(": {}", clean(reason))).unwrap_or_default();
    let forced = if said.act.forced { ", forced" } else { "" };
    let what = match said.kind {
        Kind::Deploy | Kind::Rollback => "another release, deployed",
        kind => act::done(kind),
    };
    format!("{what} by {} {}{forced}{reason}", clean(&said.by), moment(said.at, now))
}

/// What its balancers make of it: one word where they agree.
fn traffic(row: &StatusRow) -> String {
    let mut words: Vec<_> = row.traffic.values().copied().collect();
    words.dedup();
    match words[..] {
        [] => "-".to_owned(),
        [one] => one.to_owned(),
        _ => row.traffic.iter().map(|(name, word)| format!("{name}: {word}")).collect::<Vec<_>>().join(", "),
    }
}

fn words(drift: &Drift) -> &'static str {
    match drift {
        Drift::NotRunning => "should run",
        Drift::SecretsGone => "should run, its secrets are gone",
        Drift::OtherRelease => "another release",
        Drift::Unproven => "has not passed its gate",
        Drift::Unhealthy => "does not do well",
        Drift::OutOfTraffic => "gets no requests",
        Drift::RestartPolicy => "would not be restarted",
        Drift::Orphan => "not in this release",
        Drift::Several => "runs more than once",
    }
}
