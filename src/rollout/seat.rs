//! Seats behind the edge of a host: a container that has proved itself is given one, and requests with it; what is to be
//! stopped gives its own back when it is idle.
//!
//! The attachment is what counts: it is kept by the engine, so that an edge that is restarted at any moment finds just
//! what was seated. The edge's own memory of what is drained only makes the way out of traffic soft.

use crate::engine::EngineError;
use crate::event::{Direction, Event, Warning};
use crate::plan::{Replacement, Subject};
use crate::rollout::gate::GateFailure;
use crate::rollout::replace::find;
use crate::rollout::run::{Bound, Run};
use crate::rollout::traffic::{self, Switch};

/// Seats a container, and returns when the edge sends it requests.
pub(super) async fn seat(
    run: &Run<'_>,
    replacement: &Replacement,
    subject: &Subject,
    direction: Direction,
) -> Result<(), GateFailure> {
    let Some((seating, seat)) = replacement.seating.as_ref().and_then(|it| Some((it, it.seat(subject)?))) else {
        return Ok(());
    };
    let Some(id) = find(run, replacement, subject).await.map_err(|error| unanswered(&error))? else {
        return Err(GateFailure::Unhealthy("the container is gone".to_owned()));
    };
    // A lost "unseat" must not take hold after this.
    run.settle(&replacement.host).await;
    let engine = &run.host(&replacement.host).map_err(|error| unanswered(&error))?.engine;
    let attach = || engine.seat(&id, &seating.network, seat.address);
    run.change(&replacement.host, direction, Bound::CHANGE, attach).await.map_err(|error| unanswered(&error))?;
    let traffic = seating.traffic(seat);
    traffic::put_in(&Switch { run, replacement, traffic: &traffic, direction, instead: None }).await
}

/// Drains a container's seat, and takes it away from there when it is idle.
pub(super) async fn unseat(
    run: &Run<'_>,
    replacement: &Replacement,
    subject: &Subject,
    direction: Direction,
) -> Result<(), GateFailure> {
    let Some((seating, seat)) = replacement.seating.as_ref().and_then(|it| Some((it, it.seat(subject)?))) else {
        return Ok(());
    };
    let traffic = seating.traffic(seat);
    // What has failed since it was seated must not be left alone there.
    let new = seating.traffic(&seating.new);
    let instead = (direction == Direction::Forward && *subject != Subject::New).then_some(&new);
    let switch = Switch { run, replacement, traffic: &traffic, direction, instead };
    let drained = traffic::take_out(&switch, false).await;
    // Without an edge that answers there is nobody to ask for it; what must not serve is taken away all the same.
    let reason = match drained {
        Err(failure) if direction == Direction::Forward => return Err(failure),
        Err(GateFailure::Unhealthy(reason) | GateFailure::Unanswered(reason)) => Some(reason),
        Ok(()) | Err(GateFailure::Cancelled) => None,
    };
    for (route, reason) in traffic.routes.iter().cloned().zip(reason) {
        let host = replacement.host.clone();
        run.recorder.note(Event::Warning(Warning::NotAsked { host, route, reason }));
    }
    let Some(id) = find(run, replacement, subject).await.map_err(|error| unanswered(&error))? else { return Ok(()) };
    let engine = &run.host(&replacement.host).map_err(|error| unanswered(&error))?.engine;
    let detach = || engine.unseat(&id, &seating.network);
    run.change(&replacement.host, direction, Bound::CHANGE, detach).await.map_err(|error| unanswered(&error))
}

fn unanswered(error: &EngineError) -> GateFailure {
    GateFailure::Unanswered(error.to_string())
}
