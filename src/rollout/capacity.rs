//! Whether enough hosts serve, right before some are taken out of service.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::event::{Event, Failure};
use crate::fleet::serving::Out;
use crate::name::{HostName, ServiceName};
use crate::plan::{Batch, Capacity};
use crate::rollout::run::Run;

/// From one look at the fleet to the next.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Why a batch may not begin.
pub(super) enum Short {
    Cancelled,
    Failed(Box<Failure>),
}

/// Looks at the other hosts of its services, and returns when as many of them serve as the batch has to keep. A host that is just
/// being restarted is waited for, as long as a container may take to become healthy.
pub(super) async fn wait(run: &Run<'_>, batch: &Batch) -> Result<(), Short> {
    for (service, keep) in batch.keeps().filter(|(_, keep)| *keep > 0) {
        if let Some(capacity) = run.plan.capacity.get(service) {
            wait_for(run, batch, &Kept { service, keep, capacity }).await?;
        }
    }
    Ok(())
}

/// What has to be in service of one service.
struct Kept<'a> {
    service: &'a ServiceName,
    keep: usize,
    capacity: &'a Capacity,
}

async fn wait_for(run: &Run<'_>, batch: &Batch, kept: &Kept<'_>) -> Result<(), Short> {
    let Kept { service, keep, capacity } = *kept;
    let patience = batch.replacements.iter().map(|one| one.target.health().healthy_deadline).max().unwrap_or_default();
    let taken = |host: &HostName| batch.of(service).any(|one| one.host == *host && one.pauses());
    let begun = Instant::now();
    let mut is_said = false;
    loop {
        if run.cancel.is_requested() {
            return Err(Short::Cancelled);
        }
        let observed = run.doors.observe(&run.plan.scope).await;
        let out: Vec<_> = capacity.out(service, &observed).filter(|(host, _)| !taken(host)).collect();
        let serving = capacity.hosts.keys().filter(|host| !taken(host)).count() - out.len();
        if serving >= keep {
            return Ok(());
        }
        let out: Vec<(HostName, Out)> = out.into_iter().map(|(host, why)| (host.clone(), why)).collect();
        if begun.elapsed() >= patience {
            return Err(Short::Failed(Box::new(failure(kept, serving, &out))));
        }
        if !is_said {
            is_said = true;
            run.recorder.note(Event::Short { service: service.clone(), keep, out });
        }
        tokio::select! {
            biased;
            () = run.cancel.requested() => {}
            () = sleep(LOOK_AGAIN) => {}
        }
    }
}

fn failure(kept: &Kept<'_>, serving: usize, out: &[(HostName, Out)]) -> Failure {
    let out: Vec<_> = out.iter().map(|(host, why)| format!("{host}: {why}")).collect();
    let keep = kept.keep;
    Failure {
        host: None,
        service: Some(kept.service.clone()),
        doing: "begin the next batch".to_owned(),
        reason: format!("{keep} other hosts must serve meanwhile, and {serving} do ({})", out.join("; ")),
        log: Vec::new(),
    }
}
