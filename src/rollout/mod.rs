//! Carries out a plan: lock, check that the plan is still true, prepare and stage every host, replace batch by batch, undo
//! what fails, look again, record, unlock.
//!
//! Deliberately absent: choices about what to do (the plan made them; what a failure means is [`policy`]), words for
//! people, and any way to the world but the [`doors`]. The same code runs on the simulated fleet of the tests.

use std::collections::BTreeMap;

use crate::environment::{Point, When};
use crate::event::{Event, Failure};
use crate::fleet::key::FingerprintKey;
use crate::fleet::ledger::{Entry, RolloutResult};
use crate::fleet::observed::{HostView, Observed};
use crate::hook::facts::Moment;
use crate::hook::{Facts, Hooks};
use crate::name::{HostName, ServiceName};
use crate::plan::Plan;
use crate::plan::planner::fingerprint;
use crate::plan::rollback::Reached;
use crate::publish::Publishing;
use crate::release::Files;
use crate::rollout::batches::{Course, Progress};
use crate::rollout::cancel::Cancel;
use crate::rollout::doors::Doors;
use crate::rollout::hooks::{Caller, Halted};
use crate::rollout::lock::{Claim, Lock, NotLocked};
use crate::rollout::prune::Prune;
use crate::rollout::recorder::Recorder;
use crate::rollout::replace::Stopped;
use crate::rollout::report::{Outcome, Report, Row, StoreNow, StoreRow};
use crate::rollout::run::Run;
use crate::rollout::verdict::{Gated, Standing};

mod acts;
mod arrival;
mod ask;
mod batches;
pub mod cancel;
mod capacity;
pub mod clean;
mod compare;
pub mod doors;
mod gate;
pub mod hooks;
mod jobs;
mod key;
pub mod lock;
mod monitor;
pub mod policy;
mod prepare;
pub mod prune;
mod publish;
pub mod pull;
mod reboot;
mod record;
pub mod recorder;
mod replace;
pub mod report;
mod run;
mod seat;
mod stage;
mod traffic;
mod verdict;

/// Everything a rollout needs beside its plan.
pub struct Rollout<'a> {
    /// What to do. Must have passed [`crate::plan::check`].
    pub plan: &'a Plan,
    /// What the plan was made from.
    pub observed: &'a Observed,
    /// Contents of the files that the plan names by digest.
    pub files: &'a Files,
    /// Stores and the changes of them that the plan names.
    pub publishing: &'a [Publishing],
    /// The key that the plan's secrets are compared by, for hosts that lack it; `None` for plans without any.
    pub key: Option<&'a FingerprintKey>,
    /// The world.
    pub doors: &'a Doors,
    /// Journal and screen.
    pub recorder: &'a Recorder,
    /// The way to the operator's own programs.
    pub hooks: &'a dyn Hooks,
    /// The operator's wish to stop.
    pub cancel: &'a Cancel,
    /// Who asks.
    pub claim: Claim,
}

impl Rollout<'_> {
    /// Carries the plan out, and reports what every host runs afterwards.
    pub async fn run(self) -> Report {
        let (by, rollout) = (self.claim.by.clone(), self.claim.rollout.clone());
        let started = Event::RolloutStarted { rollout, by, plan: Box::new(self.plan.clone()) };
        let report = match self.recorder.intend(started) {
            Ok(()) => match self.agreed().await {
                Ok(()) => self.locked().await,
                Err(Halted::Stopped) => self.report(Outcome::Cancelled, self.observed, Progress::default()),
                Err(Halted::Failed(failure)) => {
                    self.recorder.note(Event::HostFailed { failure: failure.clone() });
                    self.unchanged(self.observed, vec![failure])
                }
            },
            Err(broken) => self.unchanged(self.observed, vec![Failure::new("write the journal", broken.to_string())]),
        };
        self.recorder.note(Event::Finished(Box::new(report.clone())));
        report
    }

    /// The hook that comes when the plan is agreed to, before anything is touched.
    async fn agreed(&self) -> Result<(), Halted> {
        let Self { plan, recorder, cancel, .. } = *self;
        let facts = Facts::planned(Moment::Hook(Point::AfterPlan), plan, &self.claim.rollout, &self.claim.by);
        Caller { hooks: &plan.hooks, door: self.hooks, recorder, cancel }.call(&facts).await
    }

    async fn locked(&self) -> Report {
        let hosts = self.doors.hosts.keys().cloned().collect();
        if let Err(broken) = self.recorder.intend(Event::Locking(hosts)) {
            return self.unchanged(self.observed, vec![Failure::new("write the journal", broken.to_string())]);
        }
        let (scope, needed) = (&self.plan.scope, self.plan.touched());
        let lock = match Lock::acquire(self.doors, scope, &needed, &self.claim, self.recorder, self.cancel).await {
            Ok(lock) => lock,
            Err(NotLocked::Held(holder)) => {
                return self.report(Outcome::Locked(holder), self.observed, Progress::default());
            }
            Err(NotLocked::Cancelled) => {
                return self.report(Outcome::Cancelled, self.observed, Progress::default());
            }
            Err(NotLocked::Failed(host, error)) => {
                let failure = Failure::new("take the lock", error.to_string()).on(&host);
                return self.unchanged(self.observed, vec![failure]);
            }
        };
        self.recorder.note(Event::Locked);
        let run = Run::new(self, &lock);
        let report = tokio::select! {
            biased;
            report = self.carry_out(&run) => report,
            // Keeping the lock never ends by itself.
            () = lock.keep(self.doors, self.recorder) => unreachable!("the heartbeat ends with the rollout"),
        };
        lock.release(self.doors, self.recorder).await;
        Report { jobs: jobs::rows(&run), compared: run.all_compared(), asked: run.all_asked(), ..report }
    }

    async fn carry_out(&self, run: &Run<'_>) -> Report {
        // The plan was made without the lock: somebody may have been faster. Preparing a host harms nobody, so it need
        // not wait for the answer.
        let preparing = async { tokio::join!(self.doors.observe(&self.plan.scope), prepare::all(run)) };
        let (fresh, prepared) = tokio::select! {
            biased;
            () = self.cancel.requested() => {
                return self.report(Outcome::Cancelled, self.observed, Progress::default());
            }
            ready = preparing => ready,
        };
        if let Some(failure) = self.stale(&fresh) {
            record::tidy(run, &fresh).await;
            return self.unchanged(&fresh, vec![failure]);
        }
        if let Err(failures) = prepared {
            record::tidy(run, &fresh).await;
            return self.unchanged(&fresh, failures);
        }
        if let Err(failures) = key::share(run).await {
            record::tidy(run, &fresh).await;
            return self.unchanged(&fresh, failures);
        }
        if let Err(stopped) = stage::all(run).await {
            stage::clear(run, &Reached::default()).await;
            record::tidy(run, &fresh).await;
            let failures: Vec<_> = stopped.into_iter().filter_map(Stopped::failure).collect();
            return if failures.is_empty() {
                self.report(Outcome::Cancelled, &fresh, Progress::default())
            } else {
                self.unchanged(&fresh, failures)
            };
        }
        if let Err(stopped) = jobs::all(run, When::Before).await {
            stage::clear(run, &Reached::default()).await;
            record::tidy(run, &fresh).await;
            return match stopped.failure() {
                Some(failure) => self.unchanged(&fresh, vec![failure]),
                None => self.report(Outcome::Cancelled, &fresh, Progress::default()),
            };
        }
        if let Err(failure) = publish::all(run).await {
            run.withdraw().await;
            stage::clear(run, &Reached::default()).await;
            record::tidy(run, &fresh).await;
            return self.unpublished(run, &fresh, failure).await;
        }
        let mut progress = batches::all(run).await;
        let gone = |key: &(HostName, ServiceName)| progress.reached.undone.contains(key);
        if (progress.failure.is_some() || progress.cancelled) && progress.reached.promoted.iter().all(gone) {
            // Nothing runs that was rolled out with the new values.
            run.withdraw().await;
        } else {
            // Hosts that stay with the release were proved with its values.
            run.publish_again().await;
        }
        if progress.failure.is_none() && !progress.cancelled {
            // The release runs everywhere, and stays: what a job that comes after it does not do is no reason to stop it.
            match jobs::all(run, When::After).await {
                Ok(()) => {}
                Err(Stopped::Cancelled) => progress.cancelled = true,
                Err(Stopped::Failed { failure, .. }) => progress.failure = Some(failure),
            }
        }
        stage::clear(run, &progress.reached).await;
        self.conclude(run, &fresh, progress).await
    }

    /// Looks at every host again, and goes by that.
    async fn conclude(&self, run: &Run<'_>, before: &Observed, progress: Progress) -> Report {
        let after = self.doors.observe(&self.plan.scope).await;
        let (rows, standings): (Vec<_>, Vec<_>) =
            verdict::rows(self.plan, before, &after, &progress.gated).into_iter().unzip();
        let stores = publish::look(run).await;
        let mut progress = progress;
        progress.undo_failures.extend(run.not_withdrawn());
        let is = |wanted: StoreNow| stores.iter().all(|row| row.now == wanted);
        let known = stores.iter().all(|row| matches!(row.now, StoreNow::New | StoreNow::Old));
        let at_target = standings.iter().all(|standing| standing.at_target) && is(StoreNow::New);
        let at_origin = standings.iter().all(|standing| standing.at_origin) && is(StoreNow::Old);
        let at_either = standings.iter().all(|standing| standing.at_target || standing.at_origin) && known;
        let stands_as_it_should = |(row, standing): (&Row, &Standing)| {
            if progress.given_up.contains(&row.host) { standing.at_origin } else { standing.at_target }
        };
        let is_partly_there = progress.course == Course::Finished
            && !progress.given_up.is_empty()
            && rows.iter().zip(&standings).all(stands_as_it_should)
            && progress.undo_failures.is_empty()
            && !progress.gated.any_failed();
        let outcome = if self.plan.act.is_some() {
            acts::outcome(&progress, &standings.iter().collect::<Vec<_>>())
        } else if progress.cancelled {
            if (!progress.touched || at_either) && known && progress.undo_failures.is_empty() {
                Outcome::Cancelled
            } else {
                Outcome::Halted
            }
        } else if progress.failure.is_none() && at_target && !self.plan.held.is_empty() {
            Outcome::Canary
        } else if progress.failure.is_none() && at_target {
            Outcome::Completed
        } else if is_partly_there && !at_origin {
            Outcome::Partial
        } else if (progress.course == Course::Back || is_partly_there)
            && at_origin
            && progress.undo_failures.is_empty()
            && !progress.gated.any_failed()
        {
            Outcome::RolledBack
        } else if progress.failure.is_some() && !progress.touched && at_origin && progress.undo_failures.is_empty() {
            // It failed before the first batch.
            Outcome::Unchanged
        } else {
            Outcome::Halted
        };
        let silent = || last_look(&outcome, &after).or_else(|| last_look_at(&outcome, &stores));
        let progress = Progress { failure: progress.failure.clone().or_else(silent), ..progress };
        if outcome == Outcome::Unchanged {
            record::tidy(run, before).await;
            return Report { stores, ..self.report(outcome, &after, progress) };
        }
        let result = match outcome {
            Outcome::Completed if self.plan.partial => RolloutResult::Partial,
            Outcome::Partial => RolloutResult::Partial,
            Outcome::Canary => RolloutResult::Canary,
            Outcome::Completed => RolloutResult::Completed,
            Outcome::RolledBack => RolloutResult::RolledBack,
            Outcome::Cancelled => RolloutResult::Interrupted,
            _ => RolloutResult::Mixed,
        };
        let ledger = after.ledger();
        let number = ledger.last_number() + 1;
        let ledger = if self.plan.act.is_some() {
            let standings: Vec<_> = standings.iter().collect();
            let (looks, at) = ((before, &after), self.recorder.now());
            ledger.with_act(acts::deed(self.plan, &self.claim, looks, &standings, (number, result), at))
        } else {
            ledger.with(self.entry(run, number, result))
        };
        if outcome == Outcome::Completed {
            // What is too old to go back to is no way back, so its removal need not wait for the record.
            tokio::join!(record::write(run, &ledger), record::retire(run));
        } else {
            record::write(run, &ledger).await;
        }
        record::tidy(run, before).await;
        if let (Outcome::Completed, Some(pruning)) = (&outcome, self.plan.pruning.clone()) {
            let (doors, recorder) = (self.doors, self.recorder);
            let prune = Prune { pruning, scope: self.plan.scope.clone(), ledger, doors, recorder };
            prune.run(&self.plan.seen.keys().cloned().collect(), run.lock).await;
        }
        Report { stores, ..self.report(outcome, &after, progress) }
    }

    /// Nothing was done to a host. Whether nothing was done to a store is for the stores to say.
    async fn unpublished(&self, run: &Run<'_>, after: &Observed, failure: Failure) -> Report {
        let stores = publish::look(run).await;
        let undo_failures = run.not_withdrawn();
        // What is neither old nor new was changed by somebody else, or else it could not be put back.
        let is_ours = |row: &StoreRow| matches!(row.now, StoreNow::New | StoreNow::Unknown(_));
        let is_unchanged = undo_failures.is_empty() && !stores.iter().any(is_ours);
        let outcome = if is_unchanged { Outcome::Unchanged } else { Outcome::Halted };
        let progress = Progress { failure: Some(failure), undo_failures, ..Progress::default() };
        Report { stores, ..self.report(outcome, after, progress) }
    }

    fn entry(&self, run: &Run<'_>, number: u64, result: RolloutResult) -> Entry {
        let images: BTreeMap<_, _> =
            self.plan.images.iter().map(|(service, image)| (service.clone(), image.to_string())).collect();
        Entry {
            number,
            rollout: self.claim.rollout.clone(),
            kind: self.plan.kind,
            release: self.plan.release.clone(),
            images,
            result,
            by: self.claim.by.clone(),
            at: self.recorder.now(),
            placements: self.plan.placements.clone(),
            pinned: if result == RolloutResult::Canary { self.plan.images.clone() } else { BTreeMap::new() },
            published: self.plan.published.clone(),
            reason: self.plan.reason.clone(),
            jobs: jobs::done(run),
        }
    }

    fn stale(&self, fresh: &Observed) -> Option<Failure> {
        for (host, seen) in &self.plan.seen {
            let now = fresh.seen(host);
            if now.map(fingerprint).as_ref() != Some(seen) {
                let reason = match now {
                    Some(_) => "the host changed after the plan was made; make the plan again".to_owned(),
                    None => "the host can no longer be reached".to_owned(),
                };
                return Some(Failure::new("check the plan", reason).on(host));
            }
        }
        None
    }

    fn unchanged(&self, after: &Observed, failures: Vec<Failure>) -> Report {
        let mut failures = failures.into_iter();
        let progress = Progress { failure: failures.next(), ..Progress::default() };
        Report { further_failures: failures.collect(), ..self.report(Outcome::Unchanged, after, progress) }
    }

    fn report(&self, outcome: Outcome, after: &Observed, progress: Progress) -> Report {
        let gated: &Gated = &progress.gated;
        let rows = verdict::rows(self.plan, self.observed, after, gated).into_iter().map(|(row, standing)| {
            let as_intended = match outcome {
                Outcome::Completed | Outcome::Canary => standing.at_target,
                Outcome::RolledBack | Outcome::Unchanged | Outcome::Locked(_) => standing.at_origin,
                Outcome::Partial | Outcome::Halted | Outcome::Cancelled => standing.at_target || standing.at_origin,
            };
            Row { as_intended, ..row }
        });
        let rows = rows.collect();
        let Progress { failure, undo_failures, .. } = progress;
        let further_failures = Vec::new();
        let (release, stores, jobs) = (self.plan.release.clone(), Vec::new(), Vec::new());
        Report {
            outcome,
            release,
            rows,
            stores,
            jobs,
            compared: Vec::new(),
            asked: Vec::new(),
            failure,
            further_failures,
            undo_failures,
        }
    }
}

/// Why a rollout whose every step was done is not known to be.
fn last_look(outcome: &Outcome, after: &Observed) -> Option<Failure> {
    let silent = after.hosts.keys().find(|host| after.seen(host).is_none()).filter(|_| *outcome == Outcome::Halted)?;
    let reason = match after.hosts.get(silent) {
        Some(HostView::Unreachable(why)) => why.clone(),
        _ => return None,
    };
    Some(Failure::new("look again", reason).on(silent))
}

/// The same for stores.
fn last_look_at(outcome: &Outcome, stores: &[StoreRow]) -> Option<Failure> {
    let row = stores.iter().find(|row| row.now != StoreNow::New).filter(|_| *outcome == Outcome::Halted)?;
    let reason = match &row.now {
        StoreNow::Unknown(why) => why.clone(),
        _ => "it no longer holds what was published".to_owned(),
    };
    Some(Failure::new(format!("look again at {}", row.store), reason))
}
