//! What was done by hand: in containers, on hosts and in registries.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::environment::Scope;
use crate::journal::hand::{Ending, Entry, Place};

use super::Answer;
use super::page::Page;
use super::style::{Tone, moment};
use super::table::Table;

/// The deeds that this checkout remembers.
#[derive(Debug)]
pub struct ByHandAnswer {
    /// Project and environment.
    pub scope: Scope,
    /// Newest first.
    pub entries: Vec<Entry>,
    /// By the operator's clock.
    pub now: Timestamp,
}

impl Answer for ByHandAnswer {
    fn json(&self) -> (&'static str, Value) {
        ("by_hand", json!(self.entries))
    }

    fn text(&self) -> String {
        if self.entries.is_empty() {
            let Scope { project, environment } = &self.scope;
            let mut page = Page::default();
            page.line(
                Tone::Neutral,
                &format!("{project} {environment}: nothing that was done by hand is recorded here"),
            );
            return page.into_text();
        }
        let mut table = Table::new(&["WHEN", "BY", "WHAT", "WHERE", "ENDED", "COMMAND", "REASON"]);
        for entry in &self.entries {
            let deed = &entry.deed;
            let place = |place: &Place| match &place.service {
                Some(service) => format!("{} {service}", place.host),
                None => place.host.to_string(),
            };
            let places: Vec<_> = deed.places.iter().map(place).collect();
            let (tone, ended) = ended(entry.endings.as_deref());
            table.row(
                tone,
                [
                    moment(entry.at, self.now),
                    deed.by.clone(),
                    deed.verb.clone(),
                    places.join(", "),
                    ended,
                    deed.command.join(" "),
                    deed.reason.clone().unwrap_or_default(),
                ],
            );
        }
        table.text()
    }
}

fn ended(endings: Option<&[Ending]>) -> (Tone, String) {
    let Some(endings) = endings else { return (Tone::Warning, "not known".to_owned()) };
    let mut words: Vec<_> = endings
        .iter()
        .map(|ending| match (&ending.error, ending.code) {
            (Some(error), _) => error.clone(),
            (None, Some(code)) => code.to_string(),
            (None, None) => "not known".to_owned(),
        })
        .collect();
    words.dedup();
    let is_well = endings.iter().all(|ending| ending.error.is_none() && ending.code == Some(0));
    (if is_well { Tone::Neutral } else { Tone::Warning }, words.join(", "))
}
