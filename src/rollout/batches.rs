//! The batches of a rollout: forward until one fails, then back, each host to its own earlier release.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::environment::{FailureAction, Point};
use crate::event::{Event, Failure};
use crate::name::{HostName, ServiceName};
use crate::plan::rollback::{Reached, rollback};
use crate::plan::{Batch, Cause, Fate, Replacement, Step, Subject, Target};
use crate::rollout::ask;
use crate::rollout::capacity::{self, Short};
use crate::rollout::hooks::Halted;
use crate::rollout::monitor::{monitor, monitor_back};
use crate::rollout::policy::{self, Failed, Next, Undo};
use crate::rollout::replace::{self, Attempt, Replaced, UndoFailure, Undone};
use crate::rollout::run::Run;
use crate::rollout::verdict::Gated;

/// How far the batches got.
#[derive(Default)]
pub(super) struct Progress {
    /// Whether a host was told anything at all.
    pub(super) touched: bool,
    /// What runs its new release, what was undone, and what failed after its promotion.
    pub(super) reached: Reached,
    /// What passed a gate last, forward or backward.
    pub(super) gated: Gated,
    /// What failed first.
    pub(super) failure: Option<Failure>,
    /// What could not be undone.
    pub(super) undo_failures: Vec<Failure>,
    /// The operator asked to stop.
    pub(super) cancelled: bool,
    /// Where it went.
    pub(super) course: Course,
    /// Hosts that failed, and went back alone as far as they may.
    pub(super) given_up: BTreeSet<HostName>,
}

/// Where a rollout went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Course {
    /// It did not come to the end of its batches.
    #[default]
    Stopped,
    /// Every batch was carried out, on the hosts that did not fail.
    Finished,
    /// The promoted hosts were to go back.
    Back,
}

/// How a batch ended.
pub(super) enum BatchEnd {
    Done,
    Cancelled,
    Failed {
        undone: Vec<Undo>,
        /// Those that failed; none if what failed is not the failure of a host.
        hosts: Vec<HostName>,
    },
}

/// What comes after a batch.
#[derive(PartialEq, Eq)]
enum Then {
    /// The next one.
    Next,
    /// Some of its hosts went back alone, and the others are still to be watched.
    Watch,
    /// Nothing.
    End,
}

/// Carries out all batches, and the way back if one fails.
pub(super) async fn all(run: &Run<'_>) -> Progress {
    let mut progress = Progress::default();
    let batches = &run.plan.batches;
    let resumed = run.plan.resumed.iter().flat_map(|batch| &batch.replacements);
    progress.reached.promoted = resumed.map(|one| (one.host.clone(), one.service.clone())).collect();
    if let (true, Some(resumed)) = (batches.is_empty(), run.plan.resumed.first()) {
        // Everything was brought there by an unfinished rollout; that it does well is all that is left to be seen.
        let end = monitor(run, resumed, &mut progress).await;
        if progress.conclude(run, resumed, end).await == Then::Next {
            progress.finish(run, &run.plan.resumed[1..]).await;
        }
        return progress;
    }
    for (index, batch) in batches.iter().enumerate() {
        if run.cancel.is_requested() {
            progress.cancelled = true;
            return progress;
        }
        let Some(batch) = &progress.left_of(batch) else { continue };
        match run.call_hook(Point::BeforeBatch, index, batch).await {
            Ok(()) => {}
            Err(Halted::Stopped) => {
                progress.cancelled = true;
                return progress;
            }
            Err(Halted::Failed(failure)) => {
                progress.fail_before(run, batch, failure).await;
                return progress;
            }
        }
        let mut hosts: Vec<_> = batch.replacements.iter().map(|one| one.host.clone()).collect();
        hosts.dedup();
        let (service, beside) = (batch.service.clone(), batch.beside.keys().cloned().collect());
        run.recorder.note(Event::BatchStarted { number: index + 1, of: batches.len(), service, beside, hosts });
        let end = forward(run, batch, &mut progress).await;
        if progress.conclude(run, batch, end).await == Then::End {
            return progress;
        }
        // It is one whose failure stops nothing.
        let _warned = run.call_hook(Point::AfterBatch, index, batch).await;
        if index + 1 < batches.len() && !batch.delay.is_zero() {
            tokio::select! {
                biased;
                () = run.cancel.requested() => {}
                () = sleep(batch.delay) => {}
            }
        }
    }
    progress.finish(run, &run.plan.resumed).await;
    progress
}

async fn forward(run: &Run<'_>, batch: &Batch, progress: &mut Progress) -> BatchEnd {
    match capacity::wait(run, batch).await {
        Ok(()) => progress.touched = true,
        Err(Short::Cancelled) => return BatchEnd::Cancelled,
        Err(Short::Failed(failure)) => {
            run.recorder.note(Event::HostFailed { failure: (*failure).clone() });
            progress.failure.get_or_insert(*failure);
            return BatchEnd::Failed { undone: Vec::new(), hosts: Vec::new() };
        }
    }
    let goes_back = batch.failure_action != FailureAction::Pause && progress.given_up.len() >= batch.may_fail;
    let is_first = progress.reached.promoted.is_empty();
    let (ends, stalled) = in_time(run, batch, replaced(run, batch, goes_back, is_first)).await;
    let (mut undone, mut cancelled, mut failed) = (Vec::new(), false, Vec::new());
    for (replacement, end) in batch.replacements.iter().zip(ends) {
        let key = (replacement.host.clone(), replacement.service.clone());
        let undo = match end {
            Replaced::Promoted => {
                progress.reached.promoted.insert(key.clone());
                if replacement.steps.iter().any(|step| matches!(step, Step::Gate(_))) {
                    progress.gated.passed(key);
                }
                continue;
            }
            Replaced::Cancelled(undo) => {
                cancelled = true;
                if stalled && !run.cancel.is_requested() {
                    let failure = slow(batch, replacement);
                    run.recorder.note(Event::HostFailed { failure: failure.clone() });
                    progress.failure.get_or_insert(failure);
                    failed.push(key.0.clone());
                }
                undo
            }
            Replaced::Failed { failure, unhealthy, undo } => {
                failed.push(key.0.clone());
                let gates = [Step::Gate(Subject::New), Step::Gate(Subject::Own)];
                let of_gate = gates.iter().any(|gate| failure.doing == gate.to_string());
                progress.failure.get_or_insert(failure);
                let is_gated_again = matches!(&undo, Ok(Undone { gated: true }));
                undone.push(progress.undone(key.clone(), undo));
                let is_left = matches!(replacement.target, Target::Existing { fate: Fate::Leave, .. })
                    && (replacement.cause != Cause::Asked
                        || replacement.is_of_running() && unhealthy && !is_gated_again);
                if of_gate && is_left && !replacement.is_switch() {
                    progress.gated.failed(key);
                }
                continue;
            }
        };
        undone.push(progress.undone(key, undo));
    }
    match (failed.is_empty(), cancelled) {
        (false, _) => BatchEnd::Failed { undone, hosts: failed },
        (true, true) => BatchEnd::Cancelled,
        (true, false) => monitor(run, batch, progress).await,
    }
}

/// Waits for the hosts of a batch, as long as from time to time another one gets ready. After that those that are not are
/// undone, which is waited for too. Tells whether it came to that.
async fn in_time<T>(run: &Run<'_>, batch: &Batch, work: impl Future<Output = T>) -> (T, bool) {
    run.progress();
    tokio::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return (done, false),
        () = run.stalled(batch.progress_deadline) => run.stop.request(),
    }
    (work.await, true)
}

fn slow(batch: &Batch, replacement: &Replacement) -> Failure {
    let deadline = crate::duration::display(batch.progress_deadline);
    Failure {
        host: Some(replacement.host.clone()),
        service: Some(replacement.service.clone()),
        doing: "the progress of its batch".to_owned(),
        reason: format!("for {deadline} no host of the batch got ready (`progress_deadline`)"),
        log: Vec::new(),
    }
}

/// Replaces a batch; whatever fails or is cancelled is undone before this returns. Where stores were changed, nothing is
/// undone and nothing started again before all of the batch is decided, and before stores are put back if they are: no
/// container proves itself with other values than those it is to run with.
async fn replaced(run: &Run<'_>, batch: &Batch, goes_back: bool, is_first: bool) -> Vec<Replaced> {
    let all = || batch.replacements.iter();
    if run.publishing.is_empty() {
        let ends = all().map(|one| async move {
            let attempt = replace::attempt(run, one, goes_back).await;
            replace::conclude(run, one, attempt).await
        });
        return join_all(ends).await;
    }
    let attempts = join_all(all().map(|one| replace::attempt(run, one, goes_back))).await;
    let nothing_runs_it = is_first && !attempts.iter().any(|one| matches!(one, Attempt::Promoted));
    let has_failed = || run.stop.is_requested() || attempts.iter().any(Attempt::has_failed);
    if nothing_runs_it || goes_back && has_failed() {
        run.withdraw().await;
    }
    join_all(all().zip(attempts).map(|(one, attempt)| replace::conclude(run, one, attempt))).await
}

/// Brings the fleet back.
async fn back(run: &Run<'_>, progress: &mut Progress) {
    progress.course = Course::Back;
    run.withdraw().await;
    let batches = rollback(run.plan, &progress.reached);
    undo(run, progress, &batches).await;
}

/// Brings everything on these hosts back, also services that went well there: a host runs one release. What it did not come
/// to stays promoted.
async fn back_alone(run: &Run<'_>, progress: &mut Progress, hosts: &BTreeSet<HostName>) -> Undo {
    let mut batches = rollback(run.plan, &progress.reached);
    for batch in &mut batches {
        batch.replacements.retain(|one| hosts.contains(&one.host));
    }
    batches.retain(|batch| !batch.replacements.is_empty());
    let end = undo(run, progress, &batches).await;
    let Reached { promoted, undone, failed } = &mut progress.reached;
    promoted.retain(|key| !hosts.contains(&key.0) || !undone.contains(key));
    *failed = None;
    end
}

/// Undoes batches until something that is gone back to is not healthy either.
async fn undo(run: &Run<'_>, progress: &mut Progress, batches: &[Batch]) -> Undo {
    if batches.is_empty() {
        return Undo::Restored;
    }
    let before = progress.undo_failures.len();
    let hosts = batches.iter().flat_map(|batch| batch.replacements.iter().map(|one| one.host.clone())).collect();
    progress.touched = true;
    // A journal that fails keeps nobody from undoing; that it failed was reported when it did.
    run.recorder.note(Event::RollingBack { hosts });
    for batch in batches {
        let ends = batch.replacements.iter().map(|one| async move { (one, replace::undo(run, one, &one.steps).await) });
        let mut undone = Vec::new();
        for (replacement, end) in join_all(ends).await {
            undone.push(progress.undone((replacement.host.clone(), replacement.service.clone()), end));
        }
        if policy::after_undo(&undone) == Next::Halt || !monitor_back(run, batch, progress).await {
            return Undo::OldUnhealthy;
        }
        if !batch.delay.is_zero() {
            tokio::select! {
                biased;
                () = run.cancel.requested() => {}
                () = sleep(batch.delay) => {}
            }
        }
    }
    if progress.undo_failures.len() == before { Undo::Restored } else { Undo::Failed }
}

impl Progress {
    /// The end of the batches, if what an unfinished rollout had left to be measured of its own is as it may be.
    async fn finish(&mut self, run: &Run<'_>, resumed: &[Batch]) {
        for batch in resumed {
            let end = tokio::select! {
                biased;
                () = run.cancel.requested() => BatchEnd::Cancelled,
                answer = ask::all(run, batch) => match answer {
                    Ok(()) => continue,
                    Err(failure) => self.judged(run, failure),
                },
            };
            if self.conclude(run, batch, end).await == Then::End {
                return;
            }
        }
        self.course = Course::Finished;
    }

    /// Takes the end of a batch, and of watching it again after hosts of it went back alone.
    async fn conclude(&mut self, run: &Run<'_>, batch: &Batch, mut end: BatchEnd) -> Then {
        loop {
            match self.end(run, batch, end).await {
                Then::Watch => end = monitor(run, &self.watchable(batch), self).await,
                then => return then,
            }
        }
    }

    async fn end(&mut self, run: &Run<'_>, batch: &Batch, end: BatchEnd) -> Then {
        let (mut undone, hosts) = match end {
            BatchEnd::Done => return Then::Next,
            BatchEnd::Cancelled => {
                self.cancelled = true;
                return Then::End;
            }
            BatchEnd::Failed { undone, hosts } => (undone, hosts),
        };
        self.given_up.extend(hosts.iter().cloned());
        let hosts_failed = if hosts.is_empty() { 0 } else { self.given_up.len() };
        // A monitor watches what earlier batches promoted too: what fails is judged as its own batch says.
        let of_failed = |key: &(HostName, ServiceName)| {
            let holds =
                |batch: &&Batch| batch.replacements.iter().any(|one| (&one.host, &one.service) == (&key.0, &key.1));
            run.plan.resumed.iter().chain(&run.plan.batches).find(holds)
        };
        let batch = self.reached.failed.as_ref().and_then(of_failed).unwrap_or(batch);
        let mut failed = Failed { hosts: hosts_failed, most: batch.may_fail };
        if run.cancel.is_requested() {
            // Who asked to stop is not told that it goes on.
            failed = Failed::NO_HOST;
        }
        let mut next = policy::after_failure(batch.failure_action, &undone, &failed);
        if next == Next::GoOn {
            run.recorder.note(Event::GoingOn { hosts: hosts.clone(), failed: failed.hosts, most: failed.most });
            match back_alone(run, self, &hosts.into_iter().collect()).await {
                Undo::Restored => {
                    run.stop.forget();
                    return Then::Watch;
                }
                other => undone.push(other),
            }
            next = policy::after_failure(batch.failure_action, &undone, &Failed::NO_HOST);
        }
        if next == Next::Rollback {
            back(run, self).await;
        }
        Then::End
    }

    /// The same, to be watched. Where nothing of it is left, nothing is counted or measured of it.
    fn watchable(&self, batch: &Batch) -> Batch {
        let nothing = || Batch { replacements: Vec::new(), compare: None, queries: Vec::new(), ..batch.clone() };
        self.left_of(batch).unwrap_or_else(nothing)
    }

    /// What is left of a batch without hosts that went back alone.
    fn left_of(&self, batch: &Batch) -> Option<Batch> {
        let mut batch = batch.clone();
        batch.replacements.retain(|one| !self.given_up.contains(&one.host));
        (!batch.replacements.is_empty()).then_some(batch)
    }

    /// A batch cannot be begun.
    async fn fail_before(&mut self, run: &Run<'_>, batch: &Batch, failure: Failure) {
        run.recorder.note(Event::HostFailed { failure: failure.clone() });
        self.failure.get_or_insert(failure);
        let is_begun = self.touched || !self.reached.promoted.is_empty();
        if policy::after_failure_before(batch.failure_action, is_begun) == Next::Rollback {
            back(run, self).await;
        }
    }

    /// A batch whose containers do well has failed by what was counted of it.
    pub(super) fn judged(&mut self, run: &Run<'_>, failure: Failure) -> BatchEnd {
        run.recorder.note(Event::HostFailed { failure: failure.clone() });
        self.failure.get_or_insert(failure);
        BatchEnd::Failed { undone: Vec::new(), hosts: Vec::new() }
    }

    /// Whether it was brought back, and proved itself.
    pub(super) fn is_back(&self, replacement: &Replacement) -> bool {
        let key = (replacement.host.clone(), replacement.service.clone());
        self.reached.undone.contains(&key) && !self.undo_failures.iter().any(|it| it.host.as_ref() == Some(&key.0))
    }

    pub(super) fn is_promoted(&self, replacement: &Replacement) -> bool {
        self.reached.promoted.contains(&(replacement.host.clone(), replacement.service.clone()))
    }

    fn undone(&mut self, key: (HostName, ServiceName), end: Result<Undone, UndoFailure>) -> Undo {
        self.reached.undone.insert(key.clone());
        match end {
            Ok(Undone { gated }) => {
                if gated {
                    self.gated.passed(key);
                } else {
                    self.gated.forget(&key);
                }
                Undo::Restored
            }
            Err(UndoFailure { kind, failure }) => {
                if kind == Undo::OldUnhealthy {
                    self.gated.failed(key);
                } else {
                    self.gated.forget(&key);
                }
                self.undo_failures.push(failure);
                kind
            }
        }
    }
}
