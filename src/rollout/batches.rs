//! The batches of a rollout: forward until one fails, then back, each host to its own earlier release.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::container::ContainerId;
use crate::environment::FailureAction;
use crate::event::{Event, Failure};
use crate::name::{HostName, ServiceName};
use crate::plan::rollback::{Reached, rollback};
use crate::plan::{Batch, Fate, Replacement, Step, Subject, Target};
use crate::rollout::gate::{self, GateFailure, Watched};
use crate::rollout::policy::{self, Next, Undo};
use crate::rollout::replace::{self, Replaced, UndoFailure, Undone};
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
    /// The promoted hosts were to go back.
    pub(super) went_back: bool,
}

/// How a batch ended.
enum BatchEnd {
    Done,
    Cancelled,
    Failed { undone: Vec<Undo> },
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
        progress.end(run, resumed, end).await;
        return progress;
    }
    for (index, batch) in batches.iter().enumerate() {
        if run.cancel.is_requested() {
            progress.cancelled = true;
            return progress;
        }
        let hosts = batch.replacements.iter().map(|one| one.host.clone()).collect();
        let service = batch.service.clone();
        run.recorder.note(Event::BatchStarted { number: index + 1, of: batches.len(), service, hosts });
        let end = forward(run, batch, &mut progress).await;
        if progress.end(run, batch, end).await {
            return progress;
        }
        if index + 1 < batches.len() && !batch.delay.is_zero() {
            tokio::select! {
                biased;
                () = run.cancel.requested() => {}
                () = sleep(batch.delay) => {}
            }
        }
    }
    progress
}

async fn forward(run: &Run<'_>, batch: &Batch, progress: &mut Progress) -> BatchEnd {
    progress.touched = true;
    let goes_back = batch.failure_action == FailureAction::Rollback;
    let only = progress.reached.promoted.is_empty() && batch.replacements.len() == 1;
    let ends =
        join_all(batch.replacements.iter().map(|replacement| replace::forward(run, replacement, goes_back, only)))
            .await;
    let (mut undone, mut cancelled, mut failed) = (Vec::new(), false, false);
    for (replacement, end) in batch.replacements.iter().zip(ends) {
        let key = (replacement.host.clone(), replacement.service.clone());
        let undo = match end {
            Replaced::Promoted => {
                progress.reached.promoted.insert(key.clone());
                if replacement.steps.contains(&Step::Gate(Subject::New)) {
                    progress.gated.passed(key);
                }
                continue;
            }
            Replaced::Cancelled(undo) => {
                cancelled = true;
                undo
            }
            Replaced::Failed(failure, undo) => {
                failed = true;
                let of_gate = failure.doing == Step::Gate(Subject::New).to_string();
                progress.failure.get_or_insert(failure);
                undone.push(progress.undone(key.clone(), undo));
                if of_gate && matches!(replacement.target, Target::Existing { fate: Fate::Leave, .. }) {
                    progress.gated.failed(key);
                }
                continue;
            }
        };
        undone.push(progress.undone(key, undo));
    }
    match (failed, cancelled) {
        (true, _) => BatchEnd::Failed { undone },
        (false, true) => BatchEnd::Cancelled,
        (false, false) => monitor(run, batch, progress).await,
    }
}

/// Watches everything promoted so far: a host of an earlier batch that fails now fails the rollout too.
async fn monitor(run: &Run<'_>, batch: &Batch, progress: &mut Progress) -> BatchEnd {
    if batch.monitor.is_zero() {
        return BatchEnd::Done;
    }
    let promoted = run.plan.replacements().filter(|one| progress.is_promoted(one));
    let watched: Vec<_> = promoted.filter_map(|replacement| watched(run, replacement)).collect();
    let hosts: BTreeSet<_> = watched.iter().map(|one| one.host.clone()).collect();
    run.recorder.note(Event::Monitoring { hosts: hosts.into_iter().collect(), window: batch.monitor });
    let (one, failure) = match gate::monitor(run, &watched, batch.monitor).await {
        Ok(true) => return BatchEnd::Done,
        Ok(false) | Err((_, GateFailure::Cancelled)) => return BatchEnd::Cancelled,
        Err((one, GateFailure::Unhealthy(reason) | GateFailure::Unanswered(reason))) => (one, reason),
    };
    let key = (one.host.clone(), one.service.clone());
    let log = replace::log_of(run, one.host, &one.id).await;
    let failure = Failure {
        host: Some(key.0.clone()),
        service: Some(key.1.clone()),
        doing: "monitor".to_owned(),
        reason: failure,
        log,
    };
    run.recorder.note(Event::HostFailed { failure: failure.clone() });
    progress.failure.get_or_insert(failure);
    progress.gated.failed(key.clone());
    progress.reached.failed = Some(key);
    BatchEnd::Failed { undone: Vec::new() }
}

/// What to watch after promotion: the container that was created or taken over.
fn watched<'a>(run: &Run<'_>, replacement: &'a Replacement) -> Option<Watched<'a>> {
    let (id, ports): (ContainerId, _) = match &replacement.target {
        Target::Existing { container, .. } => (container.id.clone(), &[][..]),
        Target::Create { spec, .. } => (run.created(&replacement.host, &replacement.service)?, &spec.runtime.ports[..]),
    };
    let (host, service, health) = (&replacement.host, &replacement.service, replacement.target.health());
    Some(Watched { host, service, id, health, ports })
}

/// Brings the fleet back.
async fn back(run: &Run<'_>, progress: &mut Progress) {
    progress.went_back = true;
    run.withdraw().await;
    let batches = rollback(run.plan, &progress.reached);
    if batches.is_empty() {
        return;
    }
    let hosts = batches.iter().flat_map(|batch| batch.replacements.iter().map(|one| one.host.clone())).collect();
    // A journal that fails keeps nobody from undoing; that it failed was reported when it did.
    run.recorder.note(Event::RollingBack { hosts });
    for batch in &batches {
        let ends = batch.replacements.iter().map(|one| async move { (one, replace::undo(run, one, &one.steps).await) });
        let mut undone = Vec::new();
        for (replacement, end) in join_all(ends).await {
            undone.push(progress.undone((replacement.host.clone(), replacement.service.clone()), end));
        }
        if policy::after_undo(&undone) == Next::Halt {
            return;
        }
    }
}

impl Progress {
    /// Takes the end of a batch; true if it ends the rollout.
    async fn end(&mut self, run: &Run<'_>, batch: &Batch, end: BatchEnd) -> bool {
        match end {
            BatchEnd::Done => return false,
            BatchEnd::Cancelled => self.cancelled = true,
            BatchEnd::Failed { undone } => {
                if policy::after_failure(batch.failure_action, &undone) == Next::Rollback {
                    back(run, self).await;
                }
            }
        }
        true
    }

    fn is_promoted(&self, replacement: &Replacement) -> bool {
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
