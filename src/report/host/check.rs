//! Whether hosts are fit to run containers.

use serde_json::{Value, json};

use crate::fleet::checkup::{Finding, Question, State};
use crate::name::HostName;
use crate::report::Answer;
use crate::report::clean::clean;
use crate::report::line::count;
use crate::report::page::Page;
use crate::report::style::{Tone, paint};
use crate::report::table::Table;

/// Columns in their order, with their headings.
const COLUMNS: [(Question, &str); 10] = [
    (Question::Engine, "ENGINE"),
    (Question::Storage, "STORAGE"),
    (Question::Disk, "DISK"),
    (Question::Clock, "CLOCK"),
    (Question::Ports, "PORTS"),
    (Question::Registry, "REGISTRY"),
    (Question::Logs, "LOGS"),
    (Question::LiveRestore, "LIVE-RESTORE"),
    (Question::Flaws, "FLAWS"),
    (Question::Warnings, "WARNINGS"),
];

/// What was found on hosts.
#[derive(Debug)]
pub struct CheckAnswer {
    /// By host.
    pub hosts: Vec<(HostName, Vec<Finding>)>,
}

impl CheckAnswer {
    /// Whether nothing was found that will not work.
    pub fn is_fit(&self) -> bool {
        self.number(State::Bad) == 0
    }

    fn number(&self, state: State) -> usize {
        self.hosts.iter().flat_map(|(_, findings)| findings).filter(|finding| finding.state == state).count()
    }
}

impl Answer for CheckAnswer {
    fn json(&self) -> (&'static str, Value) {
        let hosts: Vec<_> =
            self.hosts.iter().map(|(host, findings)| json!({ "host": host, "findings": findings })).collect();
        let (warnings, failures) = (self.number(State::Warning), self.number(State::Bad));
        ("host_check", json!({ "hosts": hosts, "warnings": warnings, "failures": failures }))
    }

    fn text(&self) -> String {
        let headings: Vec<_> = ["HOST"].into_iter().chain(COLUMNS.map(|(_, heading)| heading)).collect();
        let mut table = Table::new(&headings);
        for (host, findings) in &self.hosts {
            let cells = COLUMNS.iter().map(|(question, _)| cell(findings, *question));
            let worst = findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
            table.row(tone(worst), [host.to_string()].into_iter().chain(cells));
        }
        let mut page = Page::default();
        page.ready(&table.text());
        page.gap();
        for (host, findings) in &self.hosts {
            told(&mut page, host, findings);
        }
        let (tone, sentence) = match (self.number(State::Bad), self.number(State::Warning)) {
            (0, 0) => (Tone::Good, "Nothing is wrong there.".to_owned()),
            (0, warnings) => (Tone::Warning, format!("It should do, with {}.", count(warnings, "warning"))),
            (failures, _) => (Tone::Bad, format!("{} will not work as it is.", count(failures, "thing"))),
        };
        page.line(tone, &sentence);
        page.into_text()
    }
}

/// What is more than a word, each with what to do.
pub(super) fn told(page: &mut Page, host: &HostName, findings: &[Finding]) {
    for Finding { state, found, advice, .. } in findings {
        let Some(found) = found else { continue };
        let word = match state {
            State::Ok => "ok  ",
            State::NotKnown => "?   ",
            State::Warning => "warn",
            State::Bad => "bad ",
        };
        page.ready(&format!("{}  {host}: {}\n", paint(tone(*state), word), clean(found)));
        if let Some(advice) = advice {
            page.ready(&format!("      do: {}\n", clean(advice)));
        }
    }
}

fn cell(findings: &[Finding], question: Question) -> String {
    let of_question = findings.iter().filter(|finding| finding.question == question);
    let Some(worst) = of_question.max_by_key(|finding| finding.state) else { return String::new() };
    match worst.state {
        State::Ok | State::NotKnown => worst.short.clone(),
        State::Warning => format!("{} (!)", worst.short),
        State::Bad => format!("{} (!!)", worst.short),
    }
}

fn tone(state: State) -> Tone {
    match state {
        State::Ok => Tone::Neutral,
        State::NotKnown => Tone::Quiet,
        State::Warning => Tone::Warning,
        State::Bad => Tone::Bad,
    }
}
