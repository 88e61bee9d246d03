//! What runs once for a release. The container is the proof: it is there under the one name that the job has in the
//! release, so that a second one collides; it is started once, and how it ended is read from it by whoever comes next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::container::{ContainerId, ContainerName};
use crate::engine::{Engine, EngineError, LineSink, within};
use crate::environment::{RestartPolicy, When};
use crate::event::{Direction, Event, Failure};
use crate::fleet::observed::{ContainerState, Phase};
use crate::name::JobName;
use crate::plan::Job;
use crate::plan::job::{Action, TIMED_OUT};
use crate::rollout::replace::{self, Stopped};
use crate::rollout::report::{JobNow, JobRow};
use crate::rollout::run::{Bound, CALL, LATE, Run};

/// From one look at a job to the next; at first it is looked at more often.
const LOOK: Duration = Duration::from_secs(1);
/// A host that gives no answer for so long is not waited for.
const SILENCE: Duration = Duration::from_mins(1);
/// Starts of one container whose answer was lost.
const STARTS: u32 = 3;
/// Lines of a job that are passed on; the container keeps them all.
const MAX_LINES: usize = 5000;
/// What is still in the pipe when a job has ended comes within this time.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Carries out the jobs that come at this point, one after the other.
pub(super) async fn all(run: &Run<'_>, when: When) -> Result<(), Stopped> {
    for job in run.plan.due_jobs().filter(|job| job.when == when) {
        if run.cancel.is_requested() {
            return Err(Stopped::Cancelled);
        }
        let begun = Instant::now();
        run.lock.set_step(format!("job {} on {}", job.name, job.host));
        match one(run, job).await {
            Ok(()) => {
                run.set_job(&job.name, JobNow::Done);
                let (host, job) = (job.host.clone(), job.name.clone());
                run.recorder.note(Event::JobDone { host, job, took: begun.elapsed() });
            }
            Err(End::Left) => {
                run.set_job(&job.name, JobNow::Left);
                run.recorder.note(Event::JobLeft { host: job.host.clone(), job: job.name.clone() });
                return Err(Stopped::Cancelled);
            }
            Err(End::Failed { now, reason, log }) => {
                run.set_job(&job.name, now);
                let (host, doing) = (Some(job.host.clone()), format!("job {}", job.name));
                let failure = Failure { host, service: None, doing, reason, log };
                run.recorder.note(Event::HostFailed { failure: failure.clone() });
                return Err(Stopped::Failed { failure, unhealthy: false });
            }
        }
    }
    Ok(())
}

/// How the jobs of the plan stand.
pub(super) fn rows(run: &Run<'_>) -> Vec<JobRow> {
    let row = |job: &Job| {
        let before = if job.is_due() { JobNow::NotRun } else { JobNow::Done };
        let now = run.job(&job.name).unwrap_or(before);
        JobRow { job: job.name.clone(), host: job.host.clone(), reversible: job.reversible, now }
    };
    run.plan.jobs.iter().map(row).collect()
}

/// Jobs that have run to a good end, for the record.
pub(super) fn done(run: &Run<'_>) -> BTreeMap<JobName, bool> {
    let done = rows(run).into_iter().filter(|row| row.now == JobNow::Done);
    done.map(|row| (row.job, row.reversible)).collect()
}

/// Why a job was not carried to a good end.
enum End {
    /// The operator asked to stop; it runs.
    Left,
    Failed {
        now: JobNow,
        reason: String,
        log: Vec<String>,
    },
}

impl End {
    /// It did not run.
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    fn not_run(reason: impl ToString) -> Self {
        Self::Failed { now: JobNow::NotRun, reason: reason.to_string(), log: Vec::new() }
    }

    /// It may run, or have ended anyhow.
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    fn unknown(reason: impl ToString) -> Self {
        Self::Failed { now: JobNow::Left, reason: reason.to_string(), log: Vec::new() }
    }
}

async fn one(run: &Run<'_>, job: &Job) -> Result<(), End> {
    let engine = &run.host(&job.host).map_err(End::not_run)?.engine;
    let (id, earlier) = match &job.action {
        Action::Done => return Ok(()),
        Action::Await(id) => (id.clone(), true),
        Action::Run { replaces } => {
            let starting = Event::JobStarting { host: job.host.clone(), job: job.name.clone() };
            run.recorder.intend(starting).map_err(End::not_run)?;
            if let Some((old, _)) = replaces {
                let removed = run.change(&job.host, Direction::Forward, Bound::CHANGE, || engine.remove(old)).await;
                removed.map_err(End::not_run)?;
            }
            let files = run.files.get(&(job.host.clone(), job.service.clone())).map_or(&[][..], Vec::as_slice);
            let create = || engine.create(&job.spec, &job.stamp, files);
            let id = run.change(&job.host, Direction::Forward, Bound::CHANGE, create).await.map_err(End::not_run)?;
            start(run, job, engine.as_ref(), &id).await?;
            (id, false)
        }
    };
    run.set_job(&job.name, JobNow::Left);
    run.recorder.note(Event::JobRunning { host: job.host.clone(), job: job.name.clone(), earlier });
    let told = Arc::new(AtomicUsize::new(0));
    let ended = {
        let ended = end(run, job, engine.as_ref(), &id);
        let following = follow(run, job, engine.as_ref(), &id, &told);
        tokio::pin!(ended, following);
        let mut told_all = false;
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut ended => break ended,
                () = &mut following, if !told_all => told_all = true,
            }
        };
        if ended.is_ok() && !told_all {
            // What it said last is on its way. If it does not come, the container still has it.
            let _ = timeout(LAST_LINES, following).await;
        }
        ended
    };
    let state = ended?;
    let reason = match state.phase {
        Phase::Exited { code: 0, oom_killed: false } => return Ok(()),
        Phase::Exited { oom_killed: true, code } => format!("it was killed for want of memory (exit code {code})"),
        Phase::Exited { code, .. } => format!("it ended with exit code {code}"),
        _ => "it ended, and nobody knows how".to_owned(),
    };
    let log = replace::log_of(run, &job.host, &id).await;
    Err(End::Failed { now: JobNow::Failed, reason, log })
}

/// Starts a container once. A start whose answer was lost is not made again before it is known not to have taken hold: it
/// would start what has ended meanwhile a second time.
async fn start(run: &Run<'_>, job: &Job, engine: &dyn Engine, id: &ContainerId) -> Result<(), End> {
    for attempt in 1..=STARTS {
        run.lock.verify(run.doors, &job.host, run.recorder).await.map_err(End::not_run)?;
        let Err(error) = within(CALL, engine.start(id)).await else { return Ok(()) };
        if error.in_doubt() {
            sleep(LATE).await;
        }
        match looked(engine, id).await {
            Ok(state) if state.phase != Phase::Created => return Ok(()),
            Ok(_) => {}
            Err(silent) => {
                let reason = format!("{error}; whether it was started cannot be told: {silent}");
                return Err(End::unknown(reason));
            }
        }
        let again = matches!(error, EngineError::InDoubt(_) | EngineError::Unreachable(_));
        if !again || attempt == STARTS {
            // It never ran, so the next deploy may try again. If this fails, the next one finds it as it is.
            drop(run.change(&job.host, Direction::Forward, Bound::CHANGE, || engine.remove(id)).await);
            return Err(End::not_run(format!("it could not be started: {error}")));
        }
        run.recorder.note(Event::Retrying { host: job.host.clone(), reason: error.to_string() });
    }
    unreachable!("the last attempt returns")
}

/// One look, asked again once.
async fn looked(engine: &dyn Engine, id: &ContainerId) -> Result<ContainerState, EngineError> {
    let ask = async || match timeout(CALL, engine.state(id)).await {
        Ok(answer) => answer,
        Err(_) => Err(EngineError::InDoubt("the engine does not answer".to_owned())),
    };
    match ask().await {
        Err(error) if !matches!(error, EngineError::NotFound(_)) => ask().await,
        answer => answer,
    }
}

/// Waits until the container has ended, its time is up, or the operator asks to stop.
async fn end(run: &Run<'_>, job: &Job, engine: &dyn Engine, id: &ContainerId) -> Result<ContainerState, End> {
    let deadline = Instant::now() + job.timeout;
    let (mut heard, mut pause) = (Instant::now(), Duration::from_millis(50));
    loop {
        match looked(engine, id).await {
            Ok(state) => match state.phase {
                Phase::Exited { .. } | Phase::Dead | Phase::Created => return Ok(state),
                Phase::Running | Phase::Restarting | Phase::Paused => heard = Instant::now(),
            },
            Err(EngineError::NotFound(_)) => {
                return Err(End::unknown("its container is gone, and with it how it ended"));
            }
            Err(error) if heard.elapsed() >= SILENCE => {
                return Err(End::unknown(format!("how it ended is not known: {error}")));
            }
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            return Err(give_up(run, job, engine, id).await);
        }
        tokio::select! {
            biased;
            () = run.cancel.requested() => return Err(End::Left),
            () = sleep_until(deadline.min(Instant::now() + pause)) => {}
        }
        pause = LOOK.min(pause * 2);
    }
}

/// Ends a container whose time is up. Its name says so first: whatever it ends with, it is no proof.
async fn give_up(run: &Run<'_>, job: &Job, engine: &dyn Engine, id: &ContainerId) -> End {
    let (host, grace) = (&job.host, job.stamp.grace);
    let name = ContainerName(format!("{}{TIMED_OUT}", job.container()));
    let promote = || engine.promote(id, &name, &RestartPolicy::No);
    let mut ended = run.change(host, Direction::Forward, Bound::CHANGE, promote).await;
    if ended.is_ok() {
        ended = run.change(host, Direction::Forward, Bound::stop(grace), || engine.stop(id, grace)).await;
    }
    let limit = crate::duration::display(job.timeout);
    match ended {
        Ok(()) => {
            let log = replace::log_of(run, host, id).await;
            End::Failed { now: JobNow::Failed, reason: format!("it did not end within {limit}, and was stopped"), log }
        }
        Err(error) => End::unknown(format!("it did not end within {limit}, and could not be stopped: {error}")),
    }
}

/// Passes lines on as they come, to the end. A connection that ends is made again, from the line that was told last.
async fn follow(run: &Run<'_>, job: &Job, engine: &dyn Engine, id: &ContainerId, told: &Arc<AtomicUsize>) {
    let (recorder, host, name, count) = (run.recorder.clone(), job.host.clone(), job.name.clone(), Arc::clone(told));
    let sink: LineSink = Arc::new(move |line| {
        let line = match count.fetch_add(1, Ordering::Relaxed) {
            number if number < MAX_LINES => line,
            MAX_LINES => format!("more than {MAX_LINES} lines; its container keeps the rest"),
            _ => return,
        };
        recorder.note(Event::JobOutput { host: host.clone(), job: name.clone(), line });
    });
    loop {
        // A log that cannot be read is no reason to fail: how the job ends does not depend on it.
        match engine.follow(id, told.load(Ordering::Relaxed), &sink).await {
            Ok(()) | Err(EngineError::NotFound(_) | EngineError::Refused(_)) => return,
            Err(_) => sleep(LOOK).await,
        }
    }
}
