//! A live tree on a terminal: the rollout, and beneath it each host in hand with what it does, for how long, and how
//! many bytes of an image have come. What stays of interest is printed above it. Only for terminals that can redraw:
//! elsewhere every line would be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::{Event, EventSink, Record};
use crate::name::{HostName, ServiceName};
use crate::plan::{Plan, Step};
use crate::redact::Redactor;

use super::Display;
use super::line::{Line, Weight, Widths, line};
use super::style::{Tone, paint};

/// Live lines at most; a larger fleet would push the rest off the screen.
const MOST: usize = 20;
const TICK: Duration = Duration::from_millis(120);

/// A live tree on standard error.
pub struct TerminalDisplay {
    screen: MultiProgress,
    colour: bool,
    redactor: Redactor,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The rollout as a whole, once it has begun.
    trunk: Option<Trunk>,
    /// By host or service; the empty key is what the run as a whole does.
    branches: BTreeMap<String, Branch>,
    widths: Widths,
}

struct Trunk {
    bar: ProgressBar,
    /// `deploy of r12-3fa9c1 to shop prod`
    what: String,
    /// `batch 2 of 3`
    batch: String,
    /// How many replacements there are.
    all: usize,
    /// Those that run the release now.
    promoted: BTreeSet<(HostName, ServiceName)>,
    /// What is done to each service of each host, in order.
    steps: BTreeMap<(HostName, ServiceName), Vec<Step>>,
}

struct Branch {
    bar: ProgressBar,
    activity: String,
    is_bytes: bool,
}

impl TerminalDisplay {
    /// Takes over the lower lines of standard error; what `redactor` knows does not get there.
    pub fn new(colour: bool, redactor: Redactor) -> Self {
        Self::on(ProgressDrawTarget::stderr(), colour, redactor)
    }

    /// The same on another terminal.
    pub fn on(target: ProgressDrawTarget, colour: bool, redactor: Redactor) -> Self {
        Self { screen: MultiProgress::with_draw_target(target), colour, redactor, state: Mutex::default() }
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

    /// Begins the tree.
    fn plant(&self, state: &mut State, plan: &Plan) {
        let bar = self.screen.insert(0, ProgressBar::new_spinner());
        bar.set_style(template("{spinner} {wide_msg} {elapsed:>4}"));
        bar.enable_steady_tick(TICK);
        let scope = &plan.scope;
        let what = format!("{} of {} to {} {}", plan.kind.as_str(), plan.release, scope.project, scope.environment);
        let steps = plan.batches.iter().flat_map(|batch| &batch.replacements);
        let steps = steps.map(|one| ((one.host.clone(), one.service.clone()), one.steps.clone()));
        let all = plan.batches.iter().map(|batch| batch.replacements.len()).sum();
        let trunk =
            Trunk { bar, what, batch: "preparing".to_owned(), all, promoted: BTreeSet::new(), steps: steps.collect() };
        trunk.show(self);
        state.trunk = Some(trunk);
        state.widths = Widths::of(plan);
    }

    /// Keeps account of how far the rollout has come.
    fn count(&self, state: &mut State, event: &Event) {
        let Some(trunk) = &mut state.trunk else { return };
        match event {
            Event::BatchStarted { number, of, .. } => trunk.batch = format!("batch {number} of {of}"),
            Event::Promoted { host, service, .. } => {
                trunk.promoted.insert((host.clone(), service.clone()));
            }
            Event::Unwound { host, service } => {
                trunk.promoted.remove(&(host.clone(), service.clone()));
            }
            Event::RollingBack { .. } => "rolling back".clone_into(&mut trunk.batch),
            Event::Recording { .. } => "recording".clone_into(&mut trunk.batch),
            _ => return,
        }
        trunk.show(self);
    }

    /// The branch of a host, a service or the run; `None` where the screen is full.
    ///
    /// A new one says `text`, as a line must not be drawn before it says something.
    fn branch<'s>(&self, state: &'s mut State, key: &str, text: &str) -> Option<&'s mut Branch> {
        if !state.branches.contains_key(key) {
            if state.branches.len() >= MOST {
                return None;
            }
            let bar = ProgressBar::new_spinner().with_style(activity()).with_message(text.to_owned());
            let before = state.branches.range::<str, _>((Bound::Unbounded, Bound::Excluded(key))).next_back();
            let bar = match (before, &state.trunk) {
                (Some((_, before)), _) => self.screen.insert_after(&before.bar, bar),
                (None, Some(trunk)) => self.screen.insert_after(&trunk.bar, bar),
                (None, None) => self.screen.insert(0, bar),
            };
            bar.enable_steady_tick(TICK);
            state.branches.insert(key.to_owned(), Branch { bar, activity: String::new(), is_bytes: false });
            state.join();
        }
        state.branches.get_mut(key)
    }

    /// Sets what a host, a service or the run does now; its time begins.
    fn show(&self, state: &mut State, key: &str, text: String) {
        let Some(branch) = self.branch(state, key, &text) else { return };
        if branch.is_bytes {
            branch.bar.set_style(activity());
            branch.is_bytes = false;
        }
        branch.bar.reset_elapsed();
        branch.bar.set_message(text.clone());
        branch.activity = text;
    }

    /// Adds what is heard while it goes on.
    fn remark(&self, state: &mut State, key: &str, text: &str) {
        let Some(branch) = self.branch(state, key, text) else { return };
        let before = if branch.activity.is_empty() { "" } else { "  " };
        branch.bar.set_message(format!("{}{before}{text}", branch.activity));
    }

    /// Shows how many bytes of an image have come to a host, and how they come.
    fn transfer(&self, state: &mut State, host: &HostName, how: &str, done: u64, total: u64) {
        let text = format!("{host}  {how}");
        let Some(branch) = self.branch(state, host.as_str(), &text) else { return };
        if !branch.is_bytes {
            branch.bar.set_style(bytes());
            branch.bar.reset();
            branch.bar.set_message(text);
            branch.is_bytes = true;
        }
        branch.bar.set_length(total.max(done));
        branch.bar.set_position(done);
    }

    fn remove(&self, state: &mut State, keep: impl Fn(&str) -> bool) {
        let gone: Vec<String> = state.branches.keys().filter(|key| !keep(key)).cloned().collect();
        if gone.is_empty() {
            return;
        }
        for branch in gone.iter().filter_map(|key| state.branches.remove(key)) {
            branch.bar.finish_and_clear();
            self.screen.remove(&branch.bar);
        }
        state.join();
    }

    /// Takes the tree away.
    fn fell(&self, state: &mut State) {
        self.remove(state, |_| false);
        if let Some(trunk) = state.trunk.take() {
            trunk.bar.finish_and_clear();
            self.screen.remove(&trunk.bar);
        }
    }
}

impl State {
    /// Joins the branches to the trunk, if there is one.
    fn join(&self) {
        let last = self.branches.len().saturating_sub(1);
        for (index, branch) in self.branches.values().enumerate() {
            branch.bar.set_prefix(match (&self.trunk, index == last) {
                (None, _) => "",
                (Some(_), false) => "├─ ",
                (Some(_), true) => "└─ ",
            });
        }
    }

    /// `, 3 of 5` for the third of the steps that a host goes through.
    fn place(&self, event: &Event) -> String {
        let Event::StepStarted { host, service, step, direction: crate::event::Direction::Forward } = event else {
            return String::new();
        };
        let steps = self.trunk.as_ref().and_then(|trunk| trunk.steps.get(&(host.clone(), service.clone())));
        let place = steps.and_then(|steps| Some((steps.iter().position(|one| one == step)? + 1, steps.len())));
        place.map(|(place, of)| format!(" ({place} of {of})")).unwrap_or_default()
    }
}

impl Trunk {
    fn show(&self, display: &TerminalDisplay) {
        let text = format!("{}: {}, {} of {} run it", self.what, self.batch, self.promoted.len(), self.all);
        self.bar.set_message(display.styled(Tone::Strong, &text));
    }
}

impl EventSink for TerminalDisplay {
    fn take(&self, record: &Record) {
        let mut state = self.state();
        let state = &mut *state;
        let event = &record.event;
        match event {
            Event::Pulling { host, done, total } => return self.transfer(state, host, "pulling", *done, *total),
            Event::Sending { host, done, total } => return self.transfer(state, host, "sending", *done, *total),
            _ => {}
        }
        // The next step says it too, and the line would change twice at once.
        if matches!(event, Event::StepFinished { .. }) {
            return;
        }
        self.count(state, event);
        if let Event::Finished(_) = event {
            return self.fell(state);
        }
        let Some(mut line) = line(event) else { return };
        line.text = self.redactor.text(&line.text).into_owned();
        let key = line.host.map(HostName::as_str).or(line.service.map(ServiceName::as_str)).unwrap_or_default();
        if ends_batch(event) {
            self.remove(state, |_| false);
        } else if ends(event) {
            self.remove(state, |other| other != key);
        }
        if !key.is_empty() {
            // What the run as a whole did has led to this.
            self.remove(state, |other| !other.is_empty());
        }
        match line.weight {
            Weight::Milestone => self.print(&line, state.widths),
            Weight::Detail if ends(event) => {}
            Weight::Detail if is_remark(event) => {
                let text = self.styled(line.tone, &line.text);
                self.remark(state, key, &text);
            }
            Weight::Detail => {
                let place = state.place(event);
                let text = self.styled(line.tone, line.text.strip_suffix(" ...").unwrap_or(&line.text));
                let text = format!("{}{text}{place}", line.columns(state.widths));
                self.show(state, key, text);
            }
        }
        if let Event::RolloutStarted { plan, .. } = event {
            self.plant(state, plan);
        }
    }
}

impl Display for TerminalDisplay {
    fn clear(&self) {
        self.fell(&mut self.state());
        // Nothing is left to draw; a failure here leaves at most a stale line.
        let _ = self.screen.clear();
    }
}

fn activity() -> ProgressStyle {
    template("{prefix:.dim}{spinner} {wide_msg} {elapsed:>4}")
}

fn bytes() -> ProgressStyle {
    let style = template(
        "{prefix:.dim}{spinner} {wide_msg} {bar:16} {decimal_bytes} of {decimal_total_bytes} {decimal_bytes_per_sec} \
         {elapsed:>4}",
    );
    style.progress_chars("=> ")
}

fn template(template: &str) -> ProgressStyle {
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
            | Event::Acted { .. }
            | Event::Unwound { .. }
            | Event::HostFailed { .. }
            | Event::Retired { .. }
            | Event::Pruned { .. }
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
            | Event::GoingOn { .. }
            | Event::RollingBack { .. }
            | Event::Recorded { .. }
    )
}

fn is_remark(event: &Event) -> bool {
    matches!(
        event,
        Event::Probed { .. }
            | Event::Retrying { .. }
            | Event::BuildOutput { .. }
            | Event::Pulled { .. }
            | Event::Sent(_)
            | Event::Routed { .. }
    )
}
