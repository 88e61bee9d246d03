//! What runs where, and how that differs from the release in force.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::environment::Scope;
use crate::fleet::status::{Drift, Status, StatusRow};

use super::Answer;
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
        silent(&mut page, &self.status.unreachable);
        self.verdict(&mut page);
        page.into_text()
    }
}

impl StatusAnswer<'_> {
    fn verdict(&self, page: &mut Page) {
        let Status { release, rows, unreachable } = self.status;
        let environment = &self.scope.environment;
        let silent = match unreachable.len() {
            0 => String::new(),
            hosts => format!("; {} did not answer", count(hosts, "host")),
        };
        match rows.iter().filter(|row| row.drift.is_some()).count() {
            0 if rows.is_empty() => {}
            0 if silent.is_empty() => page.line(Tone::Good, "Everything runs as recorded."),
            0 => page.line(Tone::Warning, &format!("What answered runs as recorded{silent}.")),
            drifted => {
                page.line(
                    Tone::Warning,
                    &format!("{} from the release in force{silent}.", count(drifted, "difference")),
                );
                let is_gone = |row: &StatusRow| row.drift == Some(Drift::SecretsGone);
                let next = match release {
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

fn table(rows: &[StatusRow], now: Timestamp) -> String {
    // Only where a balancer is told anything.
    let has_traffic = rows.iter().any(|row| !row.traffic.is_empty());
    let columns = ["HOST", "SERVICE", "RELEASE", "STATE", "TRAFFIC", "SINCE", "DRIFT", "IMAGE"];
    let mut table =
        Table::new(&columns.into_iter().filter(|name| has_traffic || *name != "TRAFFIC").collect::<Vec<_>>());
    for row in rows {
        let since = row.since.map(|since| moment(since, now)).unwrap_or_default();
        let drift = row.drift.as_ref().map_or("", words);
        let tone = match row.drift {
            None => Tone::Neutral,
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
