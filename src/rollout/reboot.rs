//! Rebooting a host, once for all that is on it: what is on it comes here out of traffic, and goes on when the host is back.
//!
//! Nothing is believed but the life that the host says it is in. A call that is refused or lost may have been heard, and one
//! that was heard may come to nothing.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::engine::{EngineError, within};
use crate::fleet::observed::Boot;
use crate::name::{HostName, ServiceName};
use crate::plan::{Plan, Replacement, Step};
use crate::rollout::gate::GateFailure;
use crate::rollout::replace::Stopped;
use crate::rollout::run::{Bound, CALL, LATE, Run};

/// From one question to the next whether a host is back.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// All that is on one host, before its reboot and after it.
#[derive(Default)]
pub(super) struct Meeting {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    here: BTreeSet<ServiceName>,
    /// Who does not come.
    missing: Option<ServiceName>,
    end: Option<Result<(), GateFailure>>,
}

impl Meeting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> Option<Result<(), GateFailure>> {
        let state = self.state();
        let missing = || {
            let reason = |service| format!("the host is not rebooted, as {service} on it is not out of traffic");
            state.missing.as_ref().map(|service| Err(GateFailure::Unanswered(reason(service))))
        };
        state.end.clone().or_else(missing)
    }
}

/// How many replacements come together on a host.
fn expected(plan: &Plan, host: &HostName) -> usize {
    plan.replacements().filter(|one| one.host == *host && one.steps.contains(&Step::Reboot)).count()
}

/// What was to come here has stopped. If that was on its way, the others do not wait for it.
pub(super) fn left(run: &Run<'_>, replacement: &Replacement, stopped: &Stopped) {
    if !replacement.steps.contains(&Step::Reboot) {
        return;
    }
    let meeting = run.meeting(&replacement.host);
    let mut state = meeting.state();
    if !state.here.contains(&replacement.service) {
        match stopped {
            Stopped::Cancelled => {
                state.end.get_or_insert(Err(GateFailure::Cancelled));
            }
            Stopped::Failed { .. } => {
                state.missing.get_or_insert_with(|| replacement.service.clone());
            }
        }
    }
    drop(state);
    meeting.changed.notify_waiters();
}

/// Waits until all that is on the host is out of traffic and the host was rebooted, by the last of them to come.
pub(super) async fn wait(run: &Run<'_>, replacement: &Replacement) -> Result<(), GateFailure> {
    let host = &replacement.host;
    let meeting = run.meeting(host);
    let is_last = {
        let mut state = meeting.state();
        state.here.insert(replacement.service.clone());
        state.here.len() == expected(run.plan, host)
    };
    if is_last && meeting.is_over().is_none() {
        let end = reboot(run, host).await;
        meeting.state().end = Some(end);
        meeting.changed.notify_waiters();
    }
    loop {
        let changed = meeting.changed.notified();
        if let Some(end) = meeting.is_over() {
            return end;
        }
        changed.await;
    }
}

/// Reboots a host, and returns when it is back and its engine answers. What is not known to be as it was before is reported as
/// unhealthy: there is nothing to go back to then.
async fn reboot(run: &Run<'_>, host: &HostName) -> Result<(), GateFailure> {
    let refused = |what: &str| GateFailure::Unanswered(what.to_owned());
    let plan = run.plan.reboot.as_ref().ok_or_else(|| refused("the plan reboots no host"))?;
    let from = plan.from.get(host).ok_or_else(|| refused("the plan does not know which life of it to end"))?;
    let machine = run.doors.machines.get(host).ok_or_else(|| refused("it cannot be told to reboot"))?;
    if run.is_stopping() {
        return Err(GateFailure::Cancelled);
    }
    let engine = &run.host(host)?.engine;
    let held = within(CALL, engine.hold_memory(&run.plan.scope)).await?;
    run.lock.verify(run.doors, host, run.recorder).await?;
    run.lock.away(host);
    let told = within(CALL, machine.reboot(from)).await;
    let back = until_back(run, host, from, &told, plan.back_within).await;
    run.lock.back(host);
    back?;
    let put_back = || engine.restore_memory(&held);
    let restored = run.change(host, crate::event::Direction::Backward, Bound::CHANGE, put_back).await;
    restored.map_err(|error| GateFailure::Unhealthy(format!("secrets cannot be put back into its memory: {error}")))
}

/// Waits until the host is in another life and its engine answers. One that was not told, and is in the same life for as long
/// as a call may be late, is as it was.
async fn until_back(
    run: &Run<'_>,
    host: &HostName,
    from: &Boot,
    told: &Result<(), EngineError>,
    limit: Duration,
) -> Result<(), GateFailure> {
    let begun = Instant::now();
    loop {
        sleep(LOOK_AGAIN).await;
        let last = match (life(run, host).await, told) {
            (Ok(now), _) if now != *from => match within(CALL, run.host(host)?.engine.observe(&run.plan.scope)).await {
                Ok(_) => return Ok(()),
                Err(error) => error.to_string(),
            },
            (Ok(_), Err(error)) if begun.elapsed() >= LATE => return Err(GateFailure::Unanswered(error.to_string())),
            (Ok(_), _) => "it was told to reboot, and goes on as before".to_owned(),
            (Err(error), _) => error.to_string(),
        };
        if begun.elapsed() >= limit {
            let limit = crate::duration::display(limit);
            return Err(GateFailure::Unhealthy(format!("the host is not back within {limit}: {last}")));
        }
    }
}

async fn life(run: &Run<'_>, host: &HostName) -> Result<Boot, EngineError> {
    let Some(machine) = run.doors.machines.get(host) else {
        return Err(EngineError::Unreachable(format!("no connection to {host}")));
    };
    within(CALL, machine.boot()).await
}
