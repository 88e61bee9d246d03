//! The new containers, created on every host before the first batch: a host on which that fails (a full disk, a name
//! that is taken) is found while every host still runs what it ran.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;

use crate::event::{Event, Warning};
use crate::plan::rollback::Reached;
use crate::plan::{Replacement, Step};
use crate::rollout::prepare::AT_ONCE;
use crate::rollout::replace::{self, Stopped};
use crate::rollout::run::Run;

/// Stages all hosts; everything that stopped it is returned, not only the first.
pub(super) async fn all(run: &Run<'_>) -> Result<(), Vec<Stopped>> {
    let stages = staged(run).map(|replacement| replace::stage(run, replacement));
    let ends: Vec<_> = stream::iter(stages).buffered(AT_ONCE).collect().await;
    let stopped: Vec<_> = ends.into_iter().filter_map(Result::err).collect();
    if stopped.is_empty() { Ok(()) } else { Err(stopped) }
}

/// Removes what was staged for batches that never came. What cannot be removed was never started, so that is a warning.
pub(super) async fn clear(run: &Run<'_>, reached: &Reached) {
    let unused = staged(run).filter(|one| {
        let key = (one.host.clone(), one.service.clone());
        one.staging.contains(&Step::Create) && !reached.promoted.contains(&key) && !reached.undone.contains(&key)
    });
    let removals = unused.map(|replacement| async move {
        let (host, container) = (replacement.host.clone(), replacement.target.name().unproven());
        run.recorder.note(Event::Retiring { host: host.clone(), container: container.clone() });
        run.recorder.note(match replace::unstage(run, replacement).await {
            Ok(()) => Event::Retired { host, container },
            Err(error) => Event::Warning(Warning::NotRetired { host, container, reason: error.to_string() }),
        });
    });
    join_all(removals).await;
}

fn staged<'a>(run: &Run<'a>) -> impl Iterator<Item = &'a Replacement> {
    run.plan.batches.iter().flat_map(|batch| &batch.replacements).filter(|one| !one.staging.is_empty())
}
