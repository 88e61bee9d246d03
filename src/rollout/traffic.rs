//! Taking a host out of traffic, keeping it out while it is in hand, and putting it back. Balancers are believed only
//! by what they show afterwards, and are asked again right before a container is stopped.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::balancer::{Admin, Health, LoadBalancer, Server};
use crate::engine::EngineError;
use crate::environment::{OnDeadline, Route};
use crate::event::{Direction, Event, Warning};
use crate::plan::{Replacement, Traffic};
use crate::rollout::gate::GateFailure;
use crate::rollout::run::{Bound, CALL, Run};

/// From one look at a balancer to the next while something is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// From one look to the next while a host must stay out of traffic: for so long a balancer that has forgotten it (by a
/// reload, say) may go unnoticed.
const HOLD: Duration = Duration::from_millis(500);
/// Looks at a balancer that gives no answer, in all.
const LOOKS: u32 = 3;
/// A balancer that forgets a drained server more often than this while it is emptied cannot be worked with.
const LOSSES: u32 = 3;

/// Takes the host's servers out of traffic, and returns when they are idle.
pub(super) async fn drain(run: &Run<'_>, replacement: &Replacement, direction: Direction) -> Result<(), GateFailure> {
    let Some(traffic) = &replacement.traffic else { return Ok(()) };
    for route in &traffic.routes {
        set(run, replacement, route, direction, Admin::Drain).await.map_err(|error| unanswered(&error))?;
    }
    let (begun, mut losses) = (Instant::now(), 0);
    loop {
        let (mut busy, mut unknown) = (0, None);
        for route in &traffic.routes {
            match look(run, route).await {
                Ok(server) if server.admin == Admin::Ready => {
                    losses += 1;
                    if losses > LOSSES {
                        return Err(GateFailure::Unanswered(format!("{route} does not stay drained")));
                    }
                    forgotten(run, replacement, route, direction).await.map_err(|error| unanswered(&error))?;
                    busy += 1;
                }
                Ok(server) => busy += server.sessions + server.queued,
                // One that is just being restarted is asked again.
                Err(error) => unknown = Some(error),
            }
        }
        if busy == 0 && unknown.is_none() {
            return Ok(());
        }
        if begun.elapsed() >= traffic.drain.deadline {
            return match unknown {
                Some(error) => Err(unanswered(&error)),
                None => late(run, replacement, traffic, direction, busy),
            };
        }
        if direction == Direction::Forward && run.cancel.is_requested() {
            return Err(GateFailure::Cancelled);
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Requests did not end in time. On the way back the release that is known to be good is worth more than they are.
fn late(
    run: &Run<'_>,
    replacement: &Replacement,
    traffic: &Traffic,
    direction: Direction,
    busy: u64,
) -> Result<(), GateFailure> {
    if direction == Direction::Forward && traffic.drain.on_deadline == OnDeadline::Abort {
        let deadline = crate::duration::display(traffic.drain.deadline);
        return Err(GateFailure::Unanswered(format!("{busy} requests did not end within {deadline}")));
    }
    let (host, service) = (replacement.host.clone(), replacement.service.clone());
    run.recorder.note(Event::Warning(Warning::CutOff { host, service, requests: busy }));
    Ok(())
}

/// Keeps the host's servers out of traffic; never returns. A balancer that cannot be asked is asked again.
pub(super) async fn hold(run: &Run<'_>, replacement: &Replacement, direction: Direction) -> std::convert::Infallible {
    loop {
        sleep(HOLD).await;
        for route in replacement.traffic.iter().flat_map(|traffic| &traffic.routes) {
            if look(run, route).await.is_ok_and(|server| server.admin == Admin::Ready) {
                // What cannot be set now is tried again in a moment.
                let _again = forgotten(run, replacement, route, direction).await;
            }
        }
    }
}

/// Puts the host's servers back into traffic, once every balancer finds the container healthy; returns when all of
/// them send it requests.
pub(super) async fn admit(run: &Run<'_>, replacement: &Replacement, direction: Direction) -> Result<(), GateFailure> {
    let Some(traffic) = &replacement.traffic else { return Ok(()) };
    let begun = Instant::now();
    for route in &traffic.routes {
        until(run, route, traffic, begun, "does not find it healthy", |server| {
            matches!(server.health, Health::Up | Health::Unchecked)
        })
        .await?;
    }
    // A lost "drain" must not take hold after this.
    run.settle(&replacement.host).await;
    for route in &traffic.routes {
        set(run, replacement, route, direction, Admin::Ready).await.map_err(|error| unanswered(&error))?;
    }
    for route in &traffic.routes {
        until(run, route, traffic, begun, "sends it no requests", Server::is_in_traffic).await?;
    }
    Ok(())
}

/// Waits until a server is as it should be; what cannot be asked is asked again until the deadline.
async fn until(
    run: &Run<'_>,
    route: &Route,
    traffic: &Traffic,
    begun: Instant,
    complaint: &str,
    wanted: impl Fn(&Server) -> bool,
) -> Result<(), GateFailure> {
    loop {
        let failure = match look(run, route).await {
            Ok(server) if wanted(&server) => return Ok(()),
            Ok(_) => GateFailure::Unhealthy(format!("{route}: the balancer {complaint}")),
            Err(error) => GateFailure::Unanswered(format!("{route}: {error}")),
        };
        if begun.elapsed() >= traffic.up_deadline {
            return Err(failure);
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Whether all is as before a container may be stopped: drained, and idle unless requests are to be cut off. Balancers
/// that have forgotten are told again, and waited for.
pub(super) async fn before_stop(
    run: &Run<'_>,
    replacement: &Replacement,
    direction: Direction,
) -> Result<(), EngineError> {
    for route in replacement.traffic.iter().flat_map(|traffic| &traffic.routes) {
        let seen = look(run, route).await;
        if !seen.as_ref().is_ok_and(|server| server.admin != Admin::Ready) {
            if seen.is_ok() {
                run.recorder.note(Event::Warning(lost(replacement, route)));
            }
            return drain(run, replacement, direction).await.map_err(|failure| match failure {
                GateFailure::Unhealthy(why) | GateFailure::Unanswered(why) => EngineError::Refused(why),
                GateFailure::Cancelled => EngineError::Refused("interrupted".to_owned()),
            });
        }
    }
    Ok(())
}

async fn forgotten(
    run: &Run<'_>,
    replacement: &Replacement,
    route: &Route,
    direction: Direction,
) -> Result<(), EngineError> {
    run.recorder.note(Event::Warning(lost(replacement, route)));
    set(run, replacement, route, direction, Admin::Drain).await
}

fn lost(replacement: &Replacement, route: &Route) -> Warning {
    Warning::NotDrained { host: replacement.host.clone(), route: route.clone() }
}

async fn set(
    run: &Run<'_>,
    replacement: &Replacement,
    route: &Route,
    direction: Direction,
    to: Admin,
) -> Result<(), EngineError> {
    let balancer = door(run, route)?;
    let call = || async move {
        match to {
            Admin::Drain => balancer.drain(&route.backend, &route.server).await?,
            Admin::Ready | Admin::Maintenance => balancer.admit(&route.backend, &route.server).await?,
        }
        Ok(())
    };
    run.change(&replacement.host, direction, Bound::CHANGE, call).await
}

/// Looks at a server; one look that gets no answer is no reason to give up.
async fn look(run: &Run<'_>, route: &Route) -> Result<Server, EngineError> {
    let balancer = door(run, route)?;
    let mut looks = 0;
    let servers = loop {
        looks += 1;
        match timeout(CALL, balancer.servers(&route.backend)).await {
            Ok(Ok(servers)) => break servers,
            Ok(Err(error)) if looks == LOOKS => return Err(error.into()),
            Err(_) => return Err(EngineError::InDoubt(format!("balancer {} does not answer", route.balancer))),
            Ok(Err(_)) => sleep(LOOK_AGAIN).await,
        }
    };
    servers.get(&route.server).cloned().ok_or_else(|| EngineError::NotFound(format!("{route} is gone")))
}

fn door<'a>(run: &Run<'a>, route: &Route) -> Result<&'a dyn LoadBalancer, EngineError> {
    let door = run.doors.balancers.get(&route.balancer);
    door.map(|door| &*door.balancer)
        .ok_or_else(|| EngineError::Unreachable(format!("no connection to balancer {}", route.balancer)))
}

fn unanswered(error: &EngineError) -> GateFailure {
    GateFailure::Unanswered(error.to_string())
}
