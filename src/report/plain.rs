//! One line per event, for CI logs and for terminals that cannot redraw. Times are those of the records, so a
//! journal that is shown again gives the same text.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::event::{Event, EventSink, Record};
use crate::redact::Redactor;

use super::Display;
use super::group::Groups;
use super::line::{Widths, line};
use super::style::{paint, took};

/// Writes a line per event.
pub struct PlainDisplay {
    redactor: Redactor,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    groups: Option<Groups>,
    began: Option<Timestamp>,
    widths: Widths,
}

impl PlainDisplay {
    /// Writes to `out`, without what `redactor` knows.
    pub fn new(out: Box<dyn Write + Send>, redactor: Redactor) -> Self {
        Self { redactor, state: Mutex::new(State { out, groups: None, began: None, widths: Widths::default() }) }
    }

    /// The same in the log of a CI system, with groups.
    #[must_use]
    pub fn grouped(self, groups: Option<Groups>) -> Self {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).groups = groups;
        self
    }
}

impl EventSink for PlainDisplay {
    fn take(&self, record: &Record) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let began = *state.began.get_or_insert(record.at);
        if let Event::RolloutStarted { plan, .. } = &record.event {
            state.widths = Widths::of(plan);
        }
        if let Some(groups) = &mut state.groups {
            groups.take(&record.event, record.at);
        }
        let Some(line) = line(&record.event) else { return };
        let elapsed = Duration::try_from(record.at.duration_since(began)).unwrap_or_default();
        let text = format!("[{:>6}] {}{}\n", took(elapsed), line.columns(state.widths), paint(line.tone, &line.text));
        // A log that can no longer be written must not end a rollout: journal and final table remain.
        let text = self.redactor.text(&text);
        let text = match &state.groups {
            Some(groups) => groups.system().harmless(&text).into_owned(),
            None => text.into_owned(),
        };
        let _ = state.out.write_all(text.as_bytes()).and_then(|()| state.out.flush());
    }
}

impl Display for PlainDisplay {
    fn clear(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(groups) = &mut state.groups {
            groups.close();
        }
    }
}
