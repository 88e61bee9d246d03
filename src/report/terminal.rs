//! Live lines on a terminal: what each host in hand does now, and for how long; what stays of interest is
//! printed above them. Only for terminals that can redraw: elsewhere every line would be lost.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::event::{Event, EventSink, Record};
use crate::name::{HostName, ServiceName};
use crate::redact::Redactor;

use super::Display;
use super::line::{Line, Weight, Widths, line};
use super::style::{Tone, paint};

/// Live lines at most; a larger fleet would push the rest off the screen.
const MOST: usize = 20;
const TICK: Duration = Duration::from_millis(120);

/// Live lines on standard error.
pub struct TerminalDisplay {
    screen: MultiProgress,
    colour: bool,
    redactor: Redactor,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By host or service; the empty key is what the run as a whole does.
    bars: BTreeMap<String, Live>,
    widths: Widths,
}

struct Live {
    bar: ProgressBar,
    activity: String,
}

impl TerminalDisplay {
    /// Takes over the lower lines of standard error; what `redactor` knows does not get there.
    pub fn new(colour: bool, redactor: Redactor) -> Self {
        Self { screen: MultiProgress::new(), colour, redactor, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn styled(&self, tone: Tone, text: &str) -> String {
        if self.colour { paint(tone, text) } else { text.to_owned() }
    }

    /// Prints a line that stays.
    fn print(&self, line: &Line<'_>, widths: Widths) {
        let text = self.styled(line.tone, &line.text);
        // A terminal that went away must not end a rollout: journal and final table remain.
        let _ = self.screen.println(format!("{}{text}", line.columns(widths)));
    }

    /// Sets what a host, a service or the run does now.
    fn show(&self, state: &mut State, key: &str, message: &Message) {
        if !state.bars.contains_key(key) {
            if state.bars.len() >= MOST {
                return;
            }
            let bar = self.screen.add(ProgressBar::new_spinner());
            bar.set_style(template());
            bar.enable_steady_tick(TICK);
            state.bars.insert(key.to_owned(), Live { bar, activity: String::new() });
        }
        let Some(live) = state.bars.get_mut(key) else { return };
        match message {
            Message::Activity(text) => {
                live.bar.reset_elapsed();
                live.activity.clone_from(text);
                live.bar.set_message(text.clone());
            }
            Message::Remark(text) => live.bar.set_message(format!("{}  {text}", live.activity)),
        }
    }

    fn remove(&self, state: &mut State, keep: impl Fn(&str) -> bool) {
        let gone: Vec<String> = state.bars.keys().filter(|key| !keep(key)).cloned().collect();
        for live in gone.iter().filter_map(|key| state.bars.remove(key)) {
            live.bar.finish_and_clear();
            self.screen.remove(&live.bar);
        }
    }
}

/// What a live line says.
enum Message {
    /// Something new is done; its time begins.
    Activity(String),
    /// Something is heard while it goes on.
    Remark(String),
}

impl EventSink for TerminalDisplay {
    fn take(&self, record: &Record) {
        let mut state = self.state();
        let state = &mut *state;
        if let Event::RolloutStarted { plan, .. } = &record.event {
            state.widths = Widths::of(plan);
        }
        if let Event::Pulling { host, done, total } = &record.event {
            let columns = format!("{host}  ");
            return self.show(
                state,
                host.as_str(),
                &Message::Activity(format!("{columns}pulling {}", bytes(*done, *total))),
            );
        }
        // The next step says it too, and the line would change twice at once.
        if matches!(record.event, Event::StepFinished { .. }) {
            return;
        }
        let Some(mut line) = line(&record.event) else { return };
        line.text = self.redactor.text(&line.text).into_owned();
        let key = line.host.map(HostName::as_str).or(line.service.map(ServiceName::as_str)).unwrap_or_default();
        if ends_batch(&record.event) {
            self.remove(state, |_| false);
        } else if ends(&record.event) {
            self.remove(state, |other| other != key);
        }
        if !key.is_empty() {
            // What the run as a whole did has led to this.
            self.remove(state, |other| !other.is_empty());
        }
        match line.weight {
            Weight::Milestone => self.print(&line, state.widths),
            Weight::Detail if ends(&record.event) => {}
            Weight::Detail if is_remark(&record.event) => {
                let text = self.styled(line.tone, &line.text);
                self.show(state, key, &Message::Remark(text));
            }
            Weight::Detail => {
                let text = self.styled(line.tone, &line.text);
                self.show(state, key, &Message::Activity(format!("{}{text}", line.columns(state.widths))));
            }
        }
    }
}

impl Display for TerminalDisplay {
    fn clear(&self) {
        self.remove(&mut self.state(), |_| false);
        // Nothing is left to draw; a failure here leaves at most a stale line.
        let _ = self.screen.clear();
    }
}

fn template() -> ProgressStyle {
    let template = "{spinner} {wide_msg} {elapsed:>4}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|error| unreachable!("the template is fixed: {error}"));
    style.tick_chars("-\\|/ ")
}

/// Whether nothing goes on any more for the event's host or service.
fn ends(event: &Event) -> bool {
    matches!(
        event,
        Event::Prepared(_)
            | Event::Promoted { .. }
            | Event::Unwound { .. }
            | Event::HostFailed { .. }
            | Event::Retired { .. }
            | Event::Pinned { .. }
    )
}

/// Whether nothing goes on any more for any of them.
fn ends_batch(event: &Event) -> bool {
    matches!(
        event,
        Event::RolloutStarted { .. }
            | Event::BatchStarted { .. }
            | Event::Monitoring { .. }
            | Event::RollingBack { .. }
            | Event::Recorded { .. }
    )
}

fn is_remark(event: &Event) -> bool {
    matches!(event, Event::Probed { .. } | Event::Retrying { .. } | Event::BuildOutput { .. })
}

fn bytes(done: u64, total: u64) -> String {
    format!("{} of {}", indicatif::DecimalBytes(done), indicatif::DecimalBytes(total.max(done)))
}
