//! The time after promotion in which failures still count.

use std::collections::BTreeSet;

use crate::container::ContainerId;
use crate::event::{Event, Failure};
use crate::plan::{Batch, Replacement, Target};
use crate::rollout::ask;
use crate::rollout::batches::{BatchEnd, Progress};
use crate::rollout::compare;
use crate::rollout::gate::{self, GateFailure, Watched};
use crate::rollout::replace;
use crate::rollout::run::Run;

/// Watches everything promoted so far: a host of an earlier batch that fails now fails the rollout too.
pub(super) async fn monitor(run: &Run<'_>, batch: &Batch, progress: &mut Progress) -> BatchEnd {
    if batch.monitor.is_zero() {
        return BatchEnd::Done;
    }
    // What was stopped when its host was rebooted is so still.
    let promoted = run.plan.replacements().filter(|one| progress.is_promoted(one) && !one.is_bystander());
    let watched: Vec<_> = promoted.filter_map(|replacement| watched(run, replacement)).collect();
    if watched.is_empty() {
        return BatchEnd::Done;
    }
    let hosts: BTreeSet<_> = watched.iter().map(|one| one.host.clone()).collect();
    run.recorder.note(Event::Monitoring { hosts: hosts.into_iter().collect(), window: batch.monitor });
    let end = tokio::select! {
        biased;
        end = gate::monitor(run, &watched, batch.monitor) => end,
        failure = compare::watch(run, batch) => return progress.judged(run, failure),
    };
    let (one, failure) = match end {
        Ok(true) => return judge(run, batch, progress).await,
        Ok(false) | Err((_, GateFailure::Cancelled)) => return BatchEnd::Cancelled,
        Err((one, GateFailure::Unhealthy(reason) | GateFailure::Unanswered(reason))) => (one, reason),
    };
    let key = (one.host.clone(), one.service.clone());
    let failure = failed(run, one, failure).await;
    run.recorder.note(Event::HostFailed { failure: failure.clone() });
    progress.failure.get_or_insert(failure);
    progress.gated.failed(key.clone());
    let hosts = vec![key.0.clone()];
    progress.reached.failed = Some(key);
    BatchEnd::Failed { undone: Vec::new(), hosts }
}

/// What was counted and measured while a batch was watched.
async fn judge(run: &Run<'_>, batch: &Batch, progress: &mut Progress) -> BatchEnd {
    let verdict = async {
        compare::end(run, batch).await?;
        ask::all(run, batch).await
    };
    tokio::select! {
        biased;
        () = run.cancel.requested() => BatchEnd::Cancelled,
        verdict = verdict => match verdict {
            Ok(()) => BatchEnd::Done,
            Err(failure) => progress.judged(run, failure),
        },
    }
}

/// Watches what a batch has brought back; false if it fails. Who wants to stop is not kept waiting.
pub(super) async fn monitor_back(run: &Run<'_>, batch: &Batch, progress: &mut Progress) -> bool {
    if batch.monitor.is_zero() {
        return true;
    }
    let watched: Vec<_> = batch
        .replacements
        .iter()
        .filter(|one| progress.is_back(one))
        .filter_map(|one| {
            let before = one.before.as_ref()?;
            let (host, service, id) = (&one.host, &one.service, before.id.clone());
            Some(Watched { host, service, id, health: &before.health, ports: &[] })
        })
        .collect();
    let hosts: BTreeSet<_> = watched.iter().map(|one| one.host.clone()).collect();
    run.recorder.note(Event::Monitoring { hosts: hosts.into_iter().collect(), window: batch.monitor });
    let (one, reason) = match gate::monitor(run, &watched, batch.monitor).await {
        Ok(_) | Err((_, GateFailure::Cancelled)) => return true,
        Err((one, GateFailure::Unhealthy(reason) | GateFailure::Unanswered(reason))) => (one, reason),
    };
    let failure = failed(run, one, reason).await;
    run.recorder.note(Event::HostFailed { failure: failure.clone() });
    progress.gated.failed((one.host.clone(), one.service.clone()));
    progress.undo_failures.push(failure);
    false
}

async fn failed(run: &Run<'_>, one: &Watched<'_>, reason: String) -> Failure {
    let log = replace::log_of(run, one.host, &one.id).await;
    let (host, service) = (Some(one.host.clone()), Some(one.service.clone()));
    Failure { host, service, doing: "monitor".to_owned(), reason, log }
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
