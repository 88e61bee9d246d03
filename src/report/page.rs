//! Text in the making, for people: lines of words in tones.

use super::clean::clean;
use super::style::{Tone, paint};

/// Whole lines, styled.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Adds one line of our own words.
    pub fn line(&mut self, tone: Tone, words: &str) {
        self.0.push_str(&paint(tone, words));
        self.0.push('\n');
    }

    /// Adds foreign text, line by line and cleaned, each behind `lead`.
    pub fn foreign(&mut self, lead: &str, text: &str) {
        for line in text.lines() {
            self.0.push_str(lead);
            self.0.push_str(&clean(line));
            self.0.push('\n');
        }
    }

    /// Adds a label in a tone and foreign text beside it; its further lines are indented as far.
    pub fn labelled(&mut self, tone: Tone, label: &str, text: &str) {
        let mut lines = text.trim_end().lines();
        self.0.push_str(&paint(tone, label));
        self.0.push(' ');
        self.0.push_str(&clean(lines.next().unwrap_or_default()));
        self.0.push('\n');
        let indent = " ".repeat(label.chars().count() + 1);
        lines.for_each(|line| self.foreign(&indent, line));
    }

    /// Adds lines that are styled and clean already.
    pub fn ready(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// Adds an empty line.
    pub fn gap(&mut self) {
        self.0.push('\n');
    }

    /// All of it.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Adds the hosts that did not answer, and what was heard.
pub(super) fn silent(page: &mut Page, hosts: &[(crate::name::HostName, String)]) {
    for (host, why) in hosts {
        page.labelled(Tone::Bad, &format!("{host} did not answer:"), why);
    }
}
