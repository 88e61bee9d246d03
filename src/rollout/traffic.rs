//! Taking a host out of traffic, keeping it out while it is in hand, and putting it back. Balancers are believed only
//! by what they show afterwards, and are asked again right before a container is stopped.

use std::collections::BTreeSet;
use std::slice;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use crate::balancer::{Admin, LoadBalancer, Server};
use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::environment::{OnDeadline, Route};
use crate::event::{Direction, Event, Warning};
use crate::plan::{Replacement, Step, Subject, Target, Traffic};
use crate::rollout::gate::GateFailure;
use crate::rollout::run::{Bound, CALL, Run};

/// From one look at a balancer to the next while something is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Connections are waited for so long once balancers count no request any more.
const KEPT: Duration = Duration::from_secs(5);
/// From one look to the next while a host must stay out of traffic: for so long a balancer that has forgotten it (by a
/// reload, say) may go unnoticed.
const HOLD: Duration = Duration::from_millis(500);
/// Looks at a balancer that gives no answer, in all.
const LOOKS: u32 = 3;
/// A balancer that forgets a drained server more often than this while it is emptied cannot be worked with.
const LOSSES: u32 = 3;

/// One switch of traffic.
pub(super) struct Switch<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) replacement: &'a Replacement,
    pub(super) traffic: &'a Traffic,
    pub(super) direction: Direction,
    /// What must get requests when this is taken out of traffic.
    pub(super) instead: Option<&'a Traffic>,
}

/// Takes the host's servers out of traffic, and returns when they are idle.
pub(super) async fn drain(run: &Run<'_>, replacement: &Replacement, direction: Direction) -> Result<(), GateFailure> {
    let Some(traffic) = &replacement.traffic else { return Ok(()) };
    take_out(&Switch { run, replacement, traffic, direction, instead: None }, direction == Direction::Forward).await
}

/// Takes servers out of traffic, and returns when they are idle.
pub(super) async fn take_out(switch: &Switch<'_>, heeds_cancel: bool) -> Result<(), GateFailure> {
    let Switch { run, replacement, traffic, direction, .. } = *switch;
    let (begun, mut losses, mut quiet) = (Instant::now(), 0, None);
    tell_all(switch, begun).await?;
    loop {
        // Where a balancer was reloaded, another process of it may still be at requests that this one does not count.
        let (mut busy, mut kept, mut unknown, mut is_counted) = (0, 0, None, losses == 0);
        let mut seen = Vec::new();
        for route in &traffic.routes {
            match look(run, route).await {
                Ok(server) if server.admin == Admin::Ready => {
                    losses += 1;
                    if losses > LOSSES {
                        return Err(GateFailure::Unanswered(format!("{route} does not stay drained")));
                    }
                    forgotten(run, replacement, route, direction).await?;
                    busy += 1;
                }
                Ok(server) => {
                    is_counted &= server.sessions.is_some();
                    busy += server.open();
                    kept += server.kept;
                    seen.push((route, server));
                }
                // One that is just being restarted is asked again.
                Err(error) => unknown = Some(error),
            }
        }
        let (mut open, mut unseen) = (0, None);
        if busy == 0 && unknown.is_none() {
            match connections(switch).await {
                // What a balancer keeps for a next request has none, and gets none.
                Ok(Some(count)) if count <= kept => {
                    all_shown(run, replacement, seen);
                    return Ok(());
                }
                Ok(Some(count)) => open = count - kept,
                Ok(None) => {
                    if !is_counted {
                        let (host, service) = (replacement.host.clone(), replacement.service.clone());
                        run.recorder.note(Event::Warning(Warning::Uncounted { host, service }));
                    }
                    all_shown(run, replacement, seen);
                    return Ok(());
                }
                Err(error) => unseen = Some(error),
            }
        }
        // A connection that for so long has had no request that anybody counts is kept for a next one, which does not come.
        let is_quiet = busy == 0 && open > 0 && is_counted && unknown.is_none();
        quiet = is_quiet.then(|| quiet.unwrap_or_else(Instant::now));
        if begun.elapsed() >= traffic.drain.deadline || quiet.is_some_and(|since: Instant| since.elapsed() >= KEPT) {
            return match (unknown, unseen) {
                (Some(error), _) => Err(error.into()),
                (None, Some(error)) if direction == Direction::Forward => Err(error.into()),
                // A host that cannot be asked for this does not stay as it is on the way back.
                (None, Some(_)) => Ok(()),
                (None, None) => {
                    late(switch, &Left { busy, open, is_counted })?;
                    all_shown(run, replacement, seen);
                    Ok(())
                }
            };
        }
        if heeds_cancel && run.is_stopping() {
            return Err(GateFailure::Cancelled);
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Tells all balancers that the host gets nothing new. None is told before all have answered, and what was told is taken
/// back where one does not obey: a host that is left as it is goes on serving. On the way back a balancer that is away for a
/// moment is waited for.
async fn tell_all(switch: &Switch<'_>, begun: Instant) -> Result<(), GateFailure> {
    let Switch { run, replacement, traffic, direction, .. } = *switch;
    let is_over = || direction == Direction::Forward || begun.elapsed() >= traffic.drain.deadline;
    let mut in_traffic = Vec::new();
    for route in &traffic.routes {
        let server = loop {
            match look(run, route).await {
                Ok(server) => break server,
                Err(error) if is_over() => return Err(error.into()),
                Err(_) => sleep(LOOK_AGAIN).await,
            }
        };
        match server.admin {
            Admin::Maintenance => run.recorder.note(Event::Warning(kept_out(replacement, route))),
            Admin::Ready | Admin::Drain | Admin::Unknown => in_traffic.push((route, server.admin)),
        }
    }
    for route in switch.instead.iter().flat_map(|instead| &instead.routes) {
        if !look(run, route).await?.is_in_traffic() {
            return Err(GateFailure::Unhealthy(format!("{route}: the balancer no longer finds it healthy")));
        }
    }
    for (told, (route, _)) in in_traffic.iter().enumerate() {
        while let Err(error) = set(run, replacement, route, direction, Admin::Drain).await {
            if is_over() {
                // The one that did not answer may have heard.
                for (route, was) in &in_traffic[..=told] {
                    if *was != Admin::Drain {
                        // One that is away cannot be told; what it does then is in the table.
                        let _away = set(run, replacement, route, Direction::Backward, Admin::Ready).await;
                    }
                }
                return Err(error.into());
            }
            sleep(LOOK_AGAIN).await;
        }
    }
    Ok(())
}

/// Connections that are still open to what will be stopped, where that can be told. Behind an edge there are none but the
/// edge's own.
async fn connections(switch: &Switch<'_>) -> Result<Option<u64>, EngineError> {
    let Switch { run, replacement, .. } = *switch;
    if replacement.traffic.is_none() {
        return Ok(Some(0));
    }
    let engine = &run.host(&replacement.host)?.engine;
    let mut open: u64 = 0;
    for id in in_hand(run, replacement) {
        let counted = match timeout(CALL, engine.connections(&id)).await {
            Ok(counted) => counted?,
            Err(_) => return Err(EngineError::InDoubt(format!("{} does not answer", replacement.host))),
        };
        let Some(counted) = counted else { return Ok(None) };
        open = open.saturating_add(counted);
    }
    Ok(Some(open))
}

/// The containers of a replacement that may run.
fn in_hand(run: &Run<'_>, replacement: &Replacement) -> BTreeSet<ContainerId> {
    let new = match &replacement.target {
        Target::Existing { container, .. } => Some(container.id.clone()),
        Target::Create { .. } => run.created(&replacement.host, &replacement.service),
    };
    let left = replacement.steps.iter().filter_map(|step| match step {
        Step::Stop(Subject::Left(id, _), _) => Some(id.clone()),
        _ => None,
    });
    left.chain(replacement.before.iter().map(|before| before.id.clone())).chain(new).collect()
}

/// What has not ended in time.
struct Left {
    /// Requests that balancers count.
    busy: u64,
    /// Connections to the container, where they count none.
    open: u64,
    /// Whether all of them count: then a connection without a request is kept for a next one, and no reason to fail.
    is_counted: bool,
}

/// Requests did not end in time. On the way back the release that is known to be good is worth more than they are.
fn late(switch: &Switch<'_>, left: &Left) -> Result<(), GateFailure> {
    let Switch { run, replacement, traffic, direction, .. } = *switch;
    let matters = left.busy > 0 || !left.is_counted;
    if matters && direction == Direction::Forward && traffic.drain.on_deadline == OnDeadline::Abort {
        let deadline = crate::duration::display(traffic.drain.deadline);
        let what = if left.busy > 0 {
            format!("{} requests", left.busy)
        } else {
            format!("{} connections to the container", left.open)
        };
        return Err(GateFailure::Unanswered(format!("{what} did not end within {deadline}")));
    }
    let (host, service) = (replacement.host.clone(), replacement.service.clone());
    let (requests, connections) = (left.busy, left.open);
    run.recorder.note(Event::Warning(Warning::CutOff { host, service, requests, connections }));
    Ok(())
}

/// Has balancers forget what their checks found of a container that has ended: what comes after it has to be found healthy
/// anew. It has to pass the gate in any case, so a balancer that does not do this keeps nobody.
pub(super) async fn forget(run: &Run<'_>, replacement: &Replacement) {
    for route in replacement.traffic.iter().flat_map(|traffic| &traffic.routes) {
        if let Ok(balancer) = door(run, route) {
            let _kept = timeout(CALL, balancer.forget(&route.backend, &route.server)).await;
        }
    }
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
    put_in(&Switch { run, replacement, traffic, direction, instead: None }).await
}

/// Puts servers into traffic, once every balancer finds the container healthy; returns when all of them send it requests. On
/// the way back each balancer is for itself: one that is away keeps no other from sending requests.
pub(super) async fn put_in(switch: &Switch<'_>) -> Result<(), GateFailure> {
    let Switch { run, replacement, traffic, direction, .. } = *switch;
    let begun = Instant::now();
    if direction == Direction::Backward {
        run.settle(&replacement.host).await;
        let all = traffic.routes.iter().map(|route| put_in_at(switch, slice::from_ref(route), begun));
        return join_all(all).await.into_iter().collect();
    }
    for route in &traffic.routes {
        until(run, route, traffic, begun, "does not find it healthy", Server::may_be_healthy).await?;
    }
    // A lost "drain" must not take hold after this.
    run.settle(&replacement.host).await;
    put_in_at(switch, &traffic.routes, begun).await
}

/// The same at some of them. A server that somebody has put into maintenance meanwhile stays there.
async fn put_in_at(switch: &Switch<'_>, routes: &[Route], begun: Instant) -> Result<(), GateFailure> {
    let Switch { run, replacement, traffic, direction, .. } = *switch;
    let mut theirs = Vec::new();
    for route in routes {
        let server = until(run, route, traffic, begun, "does not find it healthy", Server::may_be_healthy).await?;
        if server.admin == Admin::Maintenance {
            run.recorder.note(Event::Warning(kept_out(replacement, route)));
        } else {
            set(run, replacement, route, direction, Admin::Ready).await?;
            theirs.push(route);
        }
    }
    for route in theirs {
        let server = until(run, route, traffic, begun, "sends it no requests", Server::is_in_traffic).await?;
        shown(run, replacement, route, server);
    }
    Ok(())
}

fn all_shown(run: &Run<'_>, replacement: &Replacement, seen: Vec<(&Route, Server)>) {
    for (route, server) in seen {
        shown(run, replacement, route, server);
    }
}

/// Notes how a balancer sees a server that was switched.
fn shown(run: &Run<'_>, replacement: &Replacement, route: &Route, server: Server) {
    let (host, service, route) = (replacement.host.clone(), replacement.service.clone(), route.clone());
    run.recorder.note(Event::Routed { host, service, route, server });
}

/// Waits until a server is as it should be, or somebody keeps it out; what cannot be asked is asked again until the deadline.
async fn until(
    run: &Run<'_>,
    route: &Route,
    traffic: &Traffic,
    begun: Instant,
    complaint: &str,
    wanted: impl Fn(&Server) -> bool,
) -> Result<Server, GateFailure> {
    loop {
        let failure = match look(run, route).await {
            Ok(server) if wanted(&server) || server.admin == Admin::Maintenance => return Ok(server),
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
) -> Result<(), GateFailure> {
    for route in replacement.traffic.iter().flat_map(|traffic| &traffic.routes) {
        let seen = look(run, route).await;
        if !seen.as_ref().is_ok_and(|server| server.admin != Admin::Ready) {
            if seen.is_ok() {
                run.recorder.note(Event::Warning(lost(replacement, route)));
            }
            return drain(run, replacement, direction).await;
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

fn kept_out(replacement: &Replacement, route: &Route) -> Warning {
    Warning::KeptOut { host: replacement.host.clone(), route: route.clone() }
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
            Admin::Ready | Admin::Maintenance | Admin::Unknown => balancer.admit(&route.backend, &route.server).await?,
        }
        Ok(())
    };
    run.change(&replacement.host, direction, Bound::patient(balancer.patience()), call).await
}

/// Looks at a server; one look that gets no answer is no reason to give up.
async fn look(run: &Run<'_>, route: &Route) -> Result<Server, EngineError> {
    let balancer = door(run, route)?;
    let mut looks = 0;
    let server = loop {
        looks += 1;
        match timeout(CALL, balancer.server(&route.backend, &route.server)).await {
            Ok(Ok(server)) => break server,
            Ok(Err(error)) if looks == LOOKS => return Err(error.into()),
            Err(_) => return Err(EngineError::InDoubt(format!("balancer {} does not answer", route.balancer))),
            Ok(Err(_)) => sleep(LOOK_AGAIN).await,
        }
    };
    server.ok_or_else(|| EngineError::NotFound(format!("{route} is gone")))
}

fn door<'a>(run: &Run<'a>, route: &Route) -> Result<&'a dyn LoadBalancer, EngineError> {
    let door = run.doors.balancers.get(&route.balancer);
    door.map(|door| &*door.balancer)
        .ok_or_else(|| EngineError::Unreachable(format!("no connection to balancer {}", route.balancer)))
}
