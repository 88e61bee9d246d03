//! One service on one host: the steps of a replacement in order, and the undoing of those that were attempted.

use tokio::time::{Instant, timeout};

use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::event::{Direction, Event, Failure};
use crate::name::HostName;
use crate::plan::unwind::unwind;
use crate::plan::{Cause, Replacement, Step, Subject, Target};
use crate::rollout::compare;
use crate::rollout::gate::{self, GateFailure, Watched};
use crate::rollout::policy::{self, Undo};
use crate::rollout::reboot;
use crate::rollout::run::{Bound, CALL, Run};
use crate::rollout::seat;
use crate::rollout::traffic;

/// Lines of a container's output that are shown as evidence.
const EVIDENCE: usize = 20;

/// How a replacement ended on the way forward.
pub(super) enum Replaced {
    /// The host runs its target.
    Promoted,
    /// The operator asked to stop before it was promoted, and it was undone.
    Cancelled(Result<Undone, UndoFailure>),
    /// It failed and was undone.
    Failed {
        failure: Failure,
        /// Whether it was asked, and found not to do well.
        unhealthy: bool,
        undo: Result<Undone, UndoFailure>,
    },
}

/// A host that was brought back.
pub(super) struct Undone {
    /// Whether what it runs passed its gate on the way.
    pub(super) gated: bool,
}

/// An undo that did not bring the host back.
pub(super) struct UndoFailure {
    pub(super) kind: Undo,
    pub(super) failure: Failure,
}

/// Why steps were not done to the end.
pub(super) enum Stopped {
    Cancelled,
    Failed { failure: Failure, unhealthy: bool },
}

impl Stopped {
    /// What failed; `None` if the operator asked to stop.
    pub(super) fn failure(self) -> Option<Failure> {
        match self {
            Self::Cancelled => None,
            Self::Failed { failure, .. } => Some(failure),
        }
    }
}

/// Carries out the staging of a replacement. What fails stays; [`super::stage`] clears it away.
pub(super) async fn stage(run: &Run<'_>, replacement: &Replacement) -> Result<(), Stopped> {
    steps(run, replacement, &replacement.staging, Direction::Forward, &mut Vec::new()).await
}

/// How far a replacement got before anything of it is undone.
pub(super) enum Attempt {
    /// The host runs its target.
    Promoted,
    /// It stopped on the way; what was attempted is to be undone.
    Stopped(Stopped, Vec<Step>),
}

impl Attempt {
    /// Whether something failed, and not only the wish to stop ended it.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self, Self::Stopped(Stopped::Failed { .. }, _))
    }
}

/// Carries out a replacement that is staged. Undoes nothing; that is for [`conclude`]. Where the fleet `goes_back` after a
/// failure, the others of the batch are not waited for until they have proved themselves.
pub(super) async fn attempt(run: &Run<'_>, replacement: &Replacement, goes_back: bool) -> Attempt {
    let mut attempted = replacement.staging.clone();
    let stopped = match steps(run, replacement, &replacement.steps, Direction::Forward, &mut attempted).await {
        Ok(()) => {
            let (host, service) = (replacement.host.clone(), replacement.service.clone());
            run.progress();
            run.recorder.note(if replacement.cause == Cause::Asked {
                Event::Acted { host, service, kind: run.plan.kind }
            } else {
                Event::Promoted { host, service, release: replacement.target.release() }
            });
            return Attempt::Promoted;
        }
        Err(stopped) => stopped,
    };
    reboot::left(run, replacement, &stopped);
    if let Stopped::Failed { failure, .. } = &stopped {
        run.recorder.note(Event::HostFailed { failure: failure.clone() });
        if goes_back {
            run.stop.request();
        }
    }
    Attempt::Stopped(stopped, attempted)
}

/// Undoes what was attempted, unless the host runs its target.
pub(super) async fn conclude(run: &Run<'_>, replacement: &Replacement, attempt: Attempt) -> Replaced {
    let Attempt::Stopped(stopped, attempted) = attempt else { return Replaced::Promoted };
    let unhealthy = matches!(stopped, Stopped::Failed { unhealthy: true, .. });
    let undoing = if policy::has_had_its_chance(replacement.is_of_running(), unhealthy) {
        Vec::new()
    } else {
        unwind(replacement, &attempted)
    };
    let undone = undo(run, replacement, &undoing).await;
    match stopped {
        Stopped::Cancelled => Replaced::Cancelled(undone),
        Stopped::Failed { failure, unhealthy } => Replaced::Failed { failure, unhealthy, undo: undone },
    }
}

/// Carries out steps that undo something: with more patience, and without regard to the operator's wish to stop.
pub(super) async fn undo(run: &Run<'_>, replacement: &Replacement, undoing: &[Step]) -> Result<Undone, UndoFailure> {
    let gated = undoing.iter().any(|step| matches!(step, Step::Gate(Subject::Old | Subject::Own)));
    if undoing.is_empty() {
        return Ok(Undone { gated });
    }
    let (host, service) = (replacement.host.clone(), replacement.service.clone());
    run.recorder.note(Event::Unwinding { host: host.clone(), service: service.clone() });
    run.settle(&host).await;
    match steps(run, replacement, undoing, Direction::Backward, &mut Vec::new()).await {
        Err(Stopped::Failed { failure, unhealthy }) => {
            run.recorder.note(Event::HostFailed { failure: failure.clone() });
            Err(UndoFailure { kind: if unhealthy { Undo::OldUnhealthy } else { Undo::Failed }, failure })
        }
        // Undoing heeds no wish to stop, so `Cancelled` does not come back from it.
        Ok(()) | Err(Stopped::Cancelled) => {
            run.recorder.note(Event::Unwound { host, service });
            Ok(Undone { gated })
        }
    }
}

async fn steps(
    run: &Run<'_>,
    replacement: &Replacement,
    steps: &[Step],
    direction: Direction,
    attempted: &mut Vec<Step>,
) -> Result<(), Stopped> {
    for step in steps {
        let (host, service, step) = (replacement.host.clone(), replacement.service.clone(), step.clone());
        // Once the gate is passed, finishing is shorter than undoing; so it is where undoing is to start again what was stopped.
        let past_gate = attempted.iter().any(|step| match step {
            Step::Gate(_) | Step::Reboot => true,
            Step::Stop(Subject::Own, _) => replacement.is_of_running(),
            _ => false,
        });
        if direction == Direction::Forward && !past_gate && run.is_stopping() {
            return Err(Stopped::Cancelled);
        }
        run.lock.set_step(format!("{host} {service}: {step}"));
        let started =
            Event::StepStarted { host: host.clone(), service: service.clone(), step: step.clone(), direction };
        let intended = run.recorder.intend(started);
        let begun = Instant::now();
        let result = if let (Err(broken), Direction::Forward) = (intended, direction) {
            Err(GateFailure::Unanswered(broken.to_string()))
        } else {
            attempted.push(step.clone());
            do_step(run, replacement, &step, direction).await
        };
        let (reason, unhealthy) = match result {
            Ok(()) => {
                run.recorder.note(Event::StepFinished { host, service, step, took: begun.elapsed() });
                continue;
            }
            Err(GateFailure::Cancelled) => return Err(Stopped::Cancelled),
            Err(GateFailure::Unhealthy(reason)) => (reason, true),
            Err(GateFailure::Unanswered(reason)) => (reason, false),
        };
        let log = evidence(run, replacement, &step).await;
        let doing = step.to_string();
        run.recorder.note(Event::StepFailed {
            host: host.clone(),
            service: service.clone(),
            step,
            reason: reason.clone(),
        });
        return Err(Stopped::Failed {
            failure: Failure { host: Some(host), service: Some(service), doing, reason, log },
            unhealthy,
        });
    }
    Ok(())
}

async fn do_step(
    run: &Run<'_>,
    replacement: &Replacement,
    step: &Step,
    direction: Direction,
) -> Result<(), GateFailure> {
    if let (Step::Stop(subject, _), Some(_)) = (step, &replacement.traffic)
        && find(run, replacement, subject).await?.is_some()
    {
        traffic::before_stop(run, replacement, direction).await?;
    }
    if let (Step::Reboot, Some(_)) = (step, &replacement.traffic) {
        traffic::before_stop(run, replacement, direction).await?;
    }
    let work = while_out(run, replacement, step, direction);
    let stays_out = matches!(
        step,
        Step::Stop(..)
            | Step::Start(_)
            | Step::Gate(_)
            | Step::Promote(_)
            | Step::Doubt(_)
            | Step::Switch(..)
            | Step::Signal(..)
            | Step::Reboot
    );
    if replacement.traffic.is_none() || !stays_out {
        return work.await;
    }
    tokio::select! {
        done = work => done,
        never = traffic::hold(run, replacement, direction) => match never {},
    }
}

/// A step as such; whoever calls keeps the host out of traffic meanwhile.
async fn while_out(
    run: &Run<'_>,
    replacement: &Replacement,
    step: &Step,
    direction: Direction,
) -> Result<(), GateFailure> {
    match step {
        Step::Drain => return traffic::drain(run, replacement, direction).await,
        Step::Admit => {
            if direction == Direction::Forward {
                compare::begin(run, replacement).await?;
            }
            return traffic::admit(run, replacement, direction).await;
        }
        Step::Seat(subject) => return seat::seat(run, replacement, subject, direction).await,
        Step::Unseat(subject) => return seat::unseat(run, replacement, subject, direction).await,
        Step::Gate(subject) => return pass_gate(run, replacement, subject, direction).await,
        Step::Reboot => {
            reboot::wait(run, replacement).await?;
            traffic::forget(run, replacement).await;
            return Ok(());
        }
        _ => {}
    }
    change(run, replacement, step, direction).await?;
    if matches!(step, Step::Stop(..)) {
        traffic::forget(run, replacement).await;
    }
    Ok(())
}

async fn pass_gate(
    run: &Run<'_>,
    replacement: &Replacement,
    subject: &Subject,
    direction: Direction,
) -> Result<(), GateFailure> {
    let Some(id) = find(run, replacement, subject).await? else {
        return Err(GateFailure::Unhealthy("the container is gone".to_owned()));
    };
    let (health, ports) = match (subject, &replacement.before, &replacement.target) {
        (Subject::Old, Some(before), _) => (&before.health, &[][..]),
        (_, _, Target::Create { spec, .. }) => (&spec.health, &spec.runtime.ports[..]),
        (_, _, Target::Existing { container, .. }) => (&container.health, &[][..]),
    };
    let watched = Watched { host: &replacement.host, service: &replacement.service, id, health, ports };
    let heeds_cancel = direction == Direction::Forward && !(*subject == Subject::Own && replacement.is_of_running());
    gate::pass(run, &watched, heeds_cancel).await
}

async fn change(
    run: &Run<'_>,
    replacement: &Replacement,
    step: &Step,
    direction: Direction,
) -> Result<(), EngineError> {
    let host = &replacement.host;
    let engine = &run.host(host)?.engine;
    if let (Step::Create, Target::Create { spec, stamp }) = (step, &replacement.target) {
        let key = (host.clone(), replacement.service.clone());
        let files = run.files.get(&key).map_or(&[][..], Vec::as_slice);
        let id = run.change(host, direction, Bound::CHANGE, || engine.create(spec, stamp, files)).await?;
        run.remember(host, &replacement.service, id);
        return Ok(());
    }
    let (Step::Start(subject)
    | Step::Stop(subject, _)
    | Step::Promote(subject)
    | Step::Remove(subject)
    | Step::Doubt(subject)
    | Step::Switch(subject, _)
    | Step::Signal(subject, _)
    | Step::Gate(subject)) = step
    else {
        return Ok(());
    };
    let Some(id) = find(run, replacement, subject).await? else {
        return match step {
            // What is gone has ended and is removed.
            Step::Stop(..) | Step::Remove(_) => Ok(()),
            _ => Err(EngineError::NotFound(format!("the {subject} container is gone"))),
        };
    };
    match step {
        Step::Start(_) => {
            if replacement
                .steps
                .iter()
                .any(|step| matches!(step, Step::Stop(Subject::New | Subject::Own, _) | Step::Doubt(_)))
            {
                // A lost stop or mark of the same container must not take hold after its start.
                run.settle(host).await;
            }
            run.begin_life(&id);
            run.change(host, direction, Bound::CHANGE, || engine.start(&id)).await
        }
        Step::Stop(_, grace) => run.change(host, direction, Bound::stop(*grace), || engine.stop(&id, *grace)).await,
        Step::Remove(_) => run.change(host, direction, Bound::CHANGE, || engine.remove(&id)).await,
        Step::Promote(subject) => {
            let (name, restart) = match (subject, &replacement.before) {
                (Subject::Old, Some(before)) => (before.name.clone(), before.restart.clone()),
                _ => (replacement.target.name(), replacement.target.restart().clone()),
            };
            run.change(host, direction, Bound::CHANGE, || engine.promote(&id, &name, &restart)).await
        }
        Step::Doubt(_) => run.change(host, direction, Bound::CHANGE, || engine.doubt(&id)).await,
        Step::Switch(subject, to) => {
            let live = match (subject, &replacement.before) {
                (Subject::Old, Some(before)) => before.live.as_ref(),
                _ => replacement.target.live(),
            };
            let (Some(live), Some(version)) = (live, to.version()) else {
                return Err(EngineError::Refused("it has no files that it could be switched to".to_owned()));
            };
            let switch = || engine.switch(&run.plan.scope, live, version);
            run.change(host, direction, Bound::CHANGE, switch).await
        }
        Step::Signal(_, signal) => {
            // A lost mark or switch must not take hold once it has proved itself with what it has now.
            run.settle(host).await;
            // What it was asked before was asked of its other files.
            run.begin_life(&id);
            run.change(host, direction, Bound::CHANGE, || engine.signal(&id, signal)).await?;
            // Nor may a lost signal come while it proves itself.
            run.settle(host).await;
            Ok(())
        }
        Step::Drain | Step::Admit | Step::Seat(_) | Step::Unseat(_) | Step::Create | Step::Gate(_) | Step::Reboot => {
            Ok(())
        }
    }
}

/// Removes what was created for a replacement whose batch never came.
pub(super) async fn unstage(run: &Run<'_>, replacement: &Replacement) -> Result<(), EngineError> {
    run.settle(&replacement.host).await;
    change(run, replacement, &Step::Remove(Subject::New), Direction::Backward).await
}

/// The id of a step's container; `None` if there is none (any more). A create without an answer may have left one
/// behind under its unproven name.
pub(super) async fn find(
    run: &Run<'_>,
    replacement: &Replacement,
    subject: &Subject,
) -> Result<Option<ContainerId>, EngineError> {
    match (subject, &replacement.before, &replacement.target) {
        (Subject::Left(id, _) | Subject::Kept(id, _), _, _) => Ok(Some(id.clone())),
        (Subject::Old, Some(before), _) => Ok(Some(before.id.clone())),
        (Subject::Old, None, _) => Err(EngineError::NotFound("the plan names no container to go back to".to_owned())),
        (Subject::New | Subject::Own, _, Target::Existing { container, .. }) => Ok(Some(container.id.clone())),
        (Subject::New | Subject::Own, _, Target::Create { .. }) => {
            let created = run.created(&replacement.host, &replacement.service);
            if created.is_some() {
                return Ok(created);
            }
            let engine = &run.host(&replacement.host)?.engine;
            let name = replacement.target.name().unproven();
            run.change(&replacement.host, Direction::Forward, Bound::HARMLESS, || engine.find(&name)).await
        }
    }
}

/// The last lines of the container that a step failed on, as far as they can be had.
async fn evidence(run: &Run<'_>, replacement: &Replacement, step: &Step) -> Vec<String> {
    let (Step::Gate(subject) | Step::Start(subject) | Step::Signal(subject, _)) = step else { return Vec::new() };
    match find(run, replacement, subject).await {
        Ok(Some(id)) => log_of(run, &replacement.host, &id).await,
        Ok(None) | Err(_) => Vec::new(),
    }
}

/// The last lines of a container's output. A failure is reported with or without them, so errors are not.
pub(super) async fn log_of(run: &Run<'_>, host: &HostName, id: &ContainerId) -> Vec<String> {
    let Ok(doors) = run.host(host) else { return Vec::new() };
    match timeout(CALL, doors.engine.log_tail(id, EVIDENCE)).await {
        Ok(Ok(lines)) => lines,
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}
