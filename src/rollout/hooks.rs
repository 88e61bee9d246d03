//! Programs of the operator's own at named points. What a failure means is [`policy::stops`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout};

use crate::engine::LineSink;
use crate::environment::{Hook, Point};
use crate::event::{Event, Failure, Warning};
use crate::hook::facts::Moment;
use crate::hook::{Facts, HookEnd, Hooks};
use crate::plan::Plan;
use crate::rollout::cancel::Cancel;
use crate::rollout::lock::Claim;
use crate::rollout::policy;
use crate::rollout::recorder::Recorder;
use crate::rollout::report::Report;

/// Lines of a hook that are passed on.
const MAX_LINES: usize = 1000;
/// Last lines that are kept, for a failure.
const LAST_LINES: usize = 20;
/// A door that has not ended a hook so long after its time will not do it.
const OVERDUE: Duration = Duration::from_secs(20);

/// Calls the hooks of an environment.
pub struct Caller<'a> {
    /// What is to be run, by when.
    pub hooks: &'a BTreeMap<Point, Hook>,
    /// The way to them.
    pub door: &'a dyn Hooks,
    /// Journal and screen.
    pub recorder: &'a Recorder,
    /// The operator's wish to stop.
    pub cancel: &'a Cancel,
}

/// Why a rollout does not go on after a hook.
#[derive(Debug)]
pub enum Halted {
    /// The operator asked to stop while it ran.
    Stopped,
    /// It failed, and is one that must not.
    Failed(Failure),
}

impl Caller<'_> {
    /// Runs the hook that these facts are for, if there is one. One whose failure stops nothing runs also after the operator
    /// asked to stop, and fails with a warning.
    pub async fn call(&self, facts: &Facts) -> Result<(), Halted> {
        let Moment::Hook(point) = facts.moment else { return Ok(()) };
        let Some(hook) = self.hooks.get(&point) else { return Ok(()) };
        let begun = Instant::now();
        let program = hook.command.first().cloned().unwrap_or_default();
        let last = Arc::new(Mutex::new(VecDeque::new()));
        let end = match self.recorder.intend(Event::HookStarted { hook: point, program }) {
            Ok(()) => {
                let sink = self.sink(point, &last);
                let running = self.door.run(hook, facts, &sink, self.stop(point));
                let overdue = |_| HookEnd::Failed("it is not known to have ended".to_owned());
                timeout(hook.timeout + OVERDUE, running).await.unwrap_or_else(overdue)
            }
            Err(broken) => HookEnd::Failed(broken.to_string()),
        };
        let reason = match end {
            HookEnd::Done => {
                self.recorder.note(Event::HookDone { hook: point, took: begun.elapsed() });
                return Ok(());
            }
            HookEnd::Stopped if policy::stops(point) => return Err(Halted::Stopped),
            HookEnd::Stopped => "it was interrupted".to_owned(),
            HookEnd::Failed(reason) => reason,
        };
        if policy::stops(point) {
            let log = last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
            return Err(Halted::Failed(Failure { log, ..Failure::new(format!("hook {point}"), reason) }));
        }
        self.recorder.note(Event::Warning(Warning::HookFailed { hook: point, reason }));
        Ok(())
    }

    /// Returns when a hook is to be stopped. What comes after the end is not kept from running by what led to it.
    fn stop(&self, point: Point) -> BoxFuture<'_, ()> {
        if self.cancel.is_requested() && !policy::stops(point) {
            return std::future::pending().boxed();
        }
        self.cancel.requested().boxed()
    }

    fn sink(&self, hook: Point, last: &Arc<Mutex<VecDeque<String>>>) -> LineSink {
        let (recorder, last, told) = (self.recorder.clone(), Arc::clone(last), Mutex::new(0));
        Arc::new(move |line: String| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            *told += 1;
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            last.push_back(line.clone());
            if last.len() > LAST_LINES {
                last.pop_front();
            }
            let line = match *told {
                number if number <= MAX_LINES => line,
                number if number == MAX_LINES + 1 => format!("more than {MAX_LINES} lines; the rest is not shown"),
                _ => return,
            };
            recorder.note(Event::HookOutput { hook, line });
        })
    }

    /// Runs the hook that comes after the end of a rollout. It changes nothing about what the rollout came to.
    pub async fn conclude(&self, plan: &Plan, claim: &Claim, report: &Report) {
        let Some(point) = policy::hook_after(&report.outcome) else { return };
        let facts = Facts::planned(Moment::Hook(point), plan, &claim.rollout, &claim.by).ended(report);
        // It is one whose failure stops nothing.
        let _warned = self.call(&facts).await;
    }
}
