//! Rendered files against what the containers of the fleet have now.

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::Answer;
use super::clean::clean;
use super::config::RenderedConfig;
use super::line::count;
use super::page::Page;
use super::style::Tone;

/// Lines around a change.
const CONTEXT: usize = 3;

/// What a container has where a file would go.
#[derive(Debug)]
pub enum Now {
    /// This text.
    Text(String),
    /// No file, or none that is text.
    Missing,
    /// Nothing, because no proven container of the service runs there.
    NotRunning,
    /// It could not be seen, and why.
    Unknown(String),
}

/// A file and what is there now.
#[derive(Debug)]
pub struct ComparedConfig {
    /// As it would be delivered.
    pub file: RenderedConfig,
    /// What is there now.
    pub now: Now,
}

/// All files, compared.
#[derive(Debug)]
pub struct CompareAnswer {
    /// By host and service.
    pub files: Vec<ComparedConfig>,
}

impl ComparedConfig {
    /// In words that scripts may rely on.
    fn state(&self) -> &'static str {
        match &self.now {
            Now::Text(text) if *text == self.file.text => "same",
            Now::Text(_) => "changed",
            Now::Missing | Now::NotRunning => "new",
            Now::Unknown(_) => "unknown",
        }
    }
}

impl CompareAnswer {
    /// Whether a deploy would change a file.
    pub fn differs(&self) -> bool {
        self.files.iter().any(|file| matches!(file.state(), "changed" | "new"))
    }

    /// Whether everything could be seen.
    pub fn is_complete(&self) -> bool {
        self.files.iter().all(|file| file.state() != "unknown")
    }
}

impl Answer for CompareAnswer {
    fn json(&self) -> (&'static str, Value) {
        let file = |compared: &ComparedConfig| {
            let RenderedConfig { host, service, target, text, .. } = &compared.file;
            let now = if let Now::Text(now) = &compared.now { Some(now) } else { None };
            json!({
                "host": host, "service": service, "path": target.path, "state": compared.state(),
                "text": text, "now": now,
            })
        };
        ("compared", self.files.iter().map(file).collect())
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        for compared in &self.files {
            let RenderedConfig { host, service, target, text, .. } = &compared.file;
            let title = format!("{host} {service} {}", clean(&target.path));
            match &compared.now {
                Now::Text(now) if now == text => {}
                Now::Text(now) => {
                    page.line(Tone::Strong, &title);
                    difference(&mut page, now, text);
                }
                Now::Missing => page.line(Tone::Good, &format!("{title}: new, the container has no such file")),
                Now::NotRunning => page.line(Tone::Good, &format!("{title}: new, the service does not run there")),
                Now::Unknown(why) => page.labelled(Tone::Bad, &format!("{title}: cannot be compared:"), why),
            }
        }
        let of = |state: &str| self.files.iter().filter(|file| file.state() == state).count();
        let (all, same, changed, new) = (count(self.files.len(), "file"), of("same"), of("changed"), of("new"));
        page.line(Tone::Neutral, &format!("{all}: {same} the same, {changed} changed, {new} new"));
        page.into_text()
    }
}

/// The changed lines, with a few around them.
fn difference(page: &mut Page, now: &str, then: &str) {
    let diff = TextDiff::from_lines(now, then);
    for group in diff.grouped_ops(CONTEXT) {
        let (from, to) = (group.first(), group.last());
        if let (Some(from), Some(to)) = (from, to) {
            let (first, last) = (from.new_range().start + 1, to.new_range().end);
            page.line(Tone::Quiet, &format!("  lines {first} to {last}"));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, tone) = match change.tag() {
                ChangeTag::Delete => ("-", Tone::Bad),
                ChangeTag::Insert => ("+", Tone::Good),
                ChangeTag::Equal => (" ", Tone::Neutral),
            };
            page.line(tone, &format!("  {sign} {}", clean(change.value().trim_end_matches(['\r', '\n']))));
        }
    }
}
