//! What was found about the operator's own machine.

use serde_json::{Value, json};

use crate::doctor::{Finding, State};

use super::Answer;
use super::clean::clean;
use super::line::count;
use super::page::Page;
use super::style::{Tone, paint};

/// All findings.
#[derive(Debug)]
pub struct DoctorAnswer {
    /// In the order in which they were made.
    pub findings: Vec<Finding>,
}

impl DoctorAnswer {
    /// How many stand like this.
    pub fn number(&self, state: State) -> usize {
        self.findings.iter().filter(|finding| finding.state == state).count()
    }
}

impl Answer for DoctorAnswer {
    fn json(&self) -> (&'static str, Value) {
        let number = |state| self.number(state);
        let (warnings, failures) = (number(State::Warn), number(State::Fail));
        ("doctor", json!({ "findings": self.findings, "warnings": warnings, "failures": failures }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        let width = self.findings.iter().map(|finding| finding.about.chars().count()).max().unwrap_or(0);
        for Finding { about, state, found, advice } in &self.findings {
            let (tone, word) = match state {
                State::Ok => (Tone::Good, "ok  "),
                State::Warn => (Tone::Warning, "warn"),
                State::Fail => (Tone::Bad, "fail"),
            };
            page.ready(&format!("{}  {:width$}  {}\n", paint(tone, word), clean(about), clean(found)));
            if let Some(advice) = advice {
                page.ready(&format!("      {:width$}  do: {}\n", "", clean(advice)));
            }
        }
        page.gap();
        let (tone, sentence) = match (self.number(State::Fail), self.number(State::Warn)) {
            (0, 0) => (Tone::Good, "Nothing is missing here.".to_owned()),
            (0, warnings) => (Tone::Warning, format!("It should do, with {}.", count(warnings, "warning"))),
            (failures, _) => (Tone::Bad, format!("{} will not work as it is.", count(failures, "thing"))),
        };
        page.line(tone, &sentence);
        page.into_text()
    }
}
