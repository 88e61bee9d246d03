//! The health gate: probe until a container has been healthy without a break for long enough, or is dead, or the
//! deadline has passed. And the monitor: the same questions after promotion.
//!
//! The deadline is for the slow. The dead fail at once.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, timeout};

use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::environment::{Health, Port, Smoke};
use crate::event::Event;
use crate::fleet::observed::{ContainerState, Phase};
use crate::name::{HostName, ServiceName};
use crate::rollout::run::{CALL, Run};

/// A container under watch.
#[derive(Clone)]
pub(super) struct Watched<'a> {
    pub(super) host: &'a HostName,
    pub(super) service: &'a ServiceName,
    pub(super) id: ContainerId,
    pub(super) health: &'a Health,
    pub(super) ports: &'a [Port],
}

/// Why a gate was not passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GateFailure {
    /// The container did not prove itself: it ended, restarted, or did not become healthy in time.
    Unhealthy(String),
    /// It could not be asked.
    Unanswered(String),
    /// The operator asked to stop.
    Cancelled,
}

impl From<EngineError> for GateFailure {
    fn from(error: EngineError) -> Self {
        Self::Unanswered(error.to_string())
    }
}

/// In the monitor, one failed probe may be a blip of the network; two in a row are a failure.
const MONITOR_FAILURES: u32 = 2;
/// From the first question to the second; doubled from there on, up to the interval.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// While a probe waits for its answer, the container is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Waits until the container has proved itself healthy. `heeds_cancel` is false when undoing.
pub(super) async fn pass(run: &Run<'_>, watched: &Watched<'_>, heeds_cancel: bool) -> Result<(), GateFailure> {
    let begun = Instant::now();
    let health = watched.health;
    let mut healthy_since: Option<Instant> = None;
    let mut yeses = 0;
    let mut told = Told::default();
    let mut asked = 0;
    loop {
        asked += 1;
        let last = match question(run, watched, &Asking::Check).await {
            Ok(()) => {
                let since = *healthy_since.get_or_insert_with(Instant::now);
                tell(run, watched, &mut told, None);
                yeses += 1;
                if since.elapsed() >= health.min_healthy_time && yeses >= health.successes {
                    return smoke(run, watched, heeds_cancel).await;
                }
                GateFailure::Unhealthy(not_for_long(health, yeses))
            }
            Err(Answer::Dead(why)) => return Err(GateFailure::Unhealthy(why)),
            Err(Answer::No(why)) => {
                (healthy_since, yeses) = (None, 0);
                tell(run, watched, &mut told, Some(&why));
                GateFailure::Unhealthy(format!("its last answer was: {why}"))
            }
            Err(Answer::None(why)) => {
                (healthy_since, yeses) = (None, 0);
                tell(run, watched, &mut told, Some(&why));
                GateFailure::Unanswered(why)
            }
        };
        if begun.elapsed() >= health.healthy_deadline {
            let deadline = crate::duration::display(health.healthy_deadline);
            return Err(match last {
                GateFailure::Unhealthy(why) => GateFailure::Unhealthy(format!("not healthy within {deadline}; {why}")),
                GateFailure::Unanswered(why) => GateFailure::Unanswered(format!("no verdict within {deadline}; {why}")),
                GateFailure::Cancelled => GateFailure::Cancelled,
            });
        }
        let pause = next_pause(health, asked, yeses, healthy_since);
        if heeds_cancel {
            tokio::select! {
                biased;
                () = run.stopping() => return Err(GateFailure::Cancelled),
                () = sleep(pause) => {}
            }
        } else {
            sleep(pause).await;
        }
    }
}

/// What a container that is healthy still lacks.
fn not_for_long(health: &Health, yeses: u32) -> String {
    if yeses < health.successes {
        return format!("healthy, but only {yeses} times in a row and not {}", health.successes);
    }
    let wanted = crate::duration::display(health.min_healthy_time);
    format!("healthy, but not for {wanted} without a break")
}

/// Makes the requests of the gate, each once: what one of them does, another one may undo.
async fn smoke(run: &Run<'_>, watched: &Watched<'_>, heeds_cancel: bool) -> Result<(), GateFailure> {
    for request in &watched.health.smoke {
        if heeds_cancel && run.is_stopping() {
            return Err(GateFailure::Cancelled);
        }
        match question(run, watched, &Asking::Smoke(request)).await {
            Ok(()) => {}
            Err(Answer::Dead(why)) => return Err(GateFailure::Unhealthy(why)),
            Err(Answer::No(why)) => return Err(GateFailure::Unhealthy(format!("smoke request {request}: {why}"))),
            Err(Answer::None(why)) => return Err(GateFailure::Unanswered(format!("smoke request {request}: {why}"))),
        }
    }
    Ok(())
}

/// The interval, or less: at first a container is asked more often, as most are up in a moment, and at last when it will
/// have been healthy for long enough.
fn next_pause(health: &Health, asked: u32, yeses: u32, healthy_since: Option<Instant>) -> Duration {
    match healthy_since {
        Some(_) if yeses < health.successes => health.interval,
        Some(since) => health.interval.min(health.min_healthy_time.saturating_sub(since.elapsed())),
        None => health.interval.min(FIRST_PAUSE * 2_u32.saturating_pow(asked.saturating_sub(1))),
    }
}

/// Watches promoted containers for `window`; the first failure ends it. `Ok(false)` means that the operator asked to stop.
pub(super) async fn monitor<'a>(
    run: &Run<'_>,
    watched: &'a [Watched<'a>],
    window: Duration,
) -> Result<bool, (&'a Watched<'a>, GateFailure)> {
    let mut pending: FuturesUnordered<_> =
        watched.iter().map(|one| async move { (one, watch(run, one, window).await) }).collect();
    loop {
        let next = tokio::select! {
            biased;
            () = run.cancel.requested() => return Ok(false),
            next = pending.next() => next,
        };
        match next {
            None => return Ok(true),
            Some((_, Ok(()))) => {}
            Some((one, Err(failure))) => return Err((one, failure)),
        }
    }
}

async fn watch(run: &Run<'_>, watched: &Watched<'_>, window: Duration) -> Result<(), GateFailure> {
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        match question(run, watched, &Asking::Check).await {
            Ok(()) => failures = 0,
            Err(Answer::Dead(why)) => return Err(GateFailure::Unhealthy(why)),
            Err(Answer::No(why)) => {
                failures += 1;
                if failures >= MONITOR_FAILURES {
                    return Err(GateFailure::Unhealthy(format!("it was promoted, then failed: {why}")));
                }
            }
            Err(Answer::None(why)) => {
                failures += 1;
                if failures > MONITOR_FAILURES {
                    return Err(GateFailure::Unanswered(why));
                }
            }
        }
        // A window may not end between a first and a second failure.
        if begun.elapsed() >= window && failures == 0 {
            return Ok(());
        }
        sleep(watched.health.interval).await;
    }
}

enum Answer {
    /// It ended or began anew; no further probe can help.
    Dead(String),
    /// It answered, and did not say yes.
    No(String),
    /// It could not be asked.
    None(String),
}

/// What a container is asked.
enum Asking<'a> {
    Check,
    Smoke(&'a Smoke),
}

/// One look and one question, with every doubt as a no. While the probe waits for its answer the container is looked at
/// again, so that one that ends is noticed at once.
async fn question(run: &Run<'_>, watched: &Watched<'_>, asking: &Asking<'_>) -> Result<(), Answer> {
    look(run, watched).await?;
    let doors = run.host(watched.host).map_err(|error| Answer::None(error.to_string()))?;
    let Watched { id, health, ports, .. } = watched;
    let (patience, probe) = match asking {
        Asking::Check => (health.timeout, doors.prober.probe(id, ports, health)),
        Asking::Smoke(request) => (request.timeout, doors.prober.smoke(id, ports, request)),
    };
    let probe = timeout(patience + Duration::from_secs(1), probe);
    tokio::pin!(probe);
    loop {
        let answer = tokio::select! {
            biased;
            answer = &mut probe => answer,
            () = sleep(LOOK_AGAIN) => {
                match look(run, watched).await {
                    Err(Answer::Dead(why)) => return Err(Answer::Dead(why)),
                    // The probe will tell.
                    _ => continue,
                }
            }
        };
        let no = match answer {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(not_ready)) => not_ready.0,
            Err(_) => format!("no answer within {}", crate::duration::display(patience)),
        };
        // Why it does not answer may be that it is no more.
        return match look(run, watched).await {
            Err(Answer::Dead(why)) => Err(Answer::Dead(why)),
            _ => Err(Answer::No(no)),
        };
    }
}

async fn look(run: &Run<'_>, watched: &Watched<'_>) -> Result<(), Answer> {
    let doors = run.host(watched.host).map_err(|error| Answer::None(error.to_string()))?;
    let state = match timeout(CALL, doors.engine.state(&watched.id)).await {
        Ok(Ok(state)) => state,
        Ok(Err(EngineError::NotFound(_))) => return Err(Answer::Dead("the container is gone".to_owned())),
        Ok(Err(error)) => return Err(Answer::None(error.to_string())),
        Err(_) => return Err(Answer::None("the engine does not answer".to_owned())),
    };
    let first = run.life(&watched.id, &state);
    ended(&first, &state).map_or(Ok(()), |why| Err(Answer::Dead(why)))
}

/// Why the container is no longer the live one that was first seen; `None` if it is. A restart between two windows of
/// the monitor counts as much as one within.
fn ended(first: &ContainerState, state: &ContainerState) -> Option<String> {
    match state.phase {
        Phase::Exited { oom_killed: true, code } => {
            Some(format!("it was killed for want of memory (exit code {code})"))
        }
        Phase::Exited { code, .. } => Some(format!("it exited with code {code}")),
        Phase::Restarting => Some("it exited and is being restarted by the engine".to_owned()),
        Phase::Dead => Some("it is dead".to_owned()),
        Phase::Created => Some("it is not started".to_owned()),
        Phase::Paused => Some("it is paused".to_owned()),
        Phase::Running if state.restarts > first.restarts || state.started_at != first.started_at => {
            Some("it exited and was restarted by the engine".to_owned())
        }
        Phase::Running => None,
    }
}

/// The last answer that was reported.
#[derive(Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    Healthy,
    NotReady(String),
}

/// Reports an answer when it differs from the one before.
fn tell(run: &Run<'_>, watched: &Watched<'_>, told: &mut Told, not_ready: Option<&str>) {
    let answer = not_ready.map_or(Told::Healthy, |why| Told::NotReady(why.to_owned()));
    if *told != answer {
        *told = answer;
        let (host, service) = (watched.host.clone(), watched.service.clone());
        run.recorder.note(Event::Probed { host, service, not_ready: not_ready.map(ToOwned::to_owned) });
    }
}
