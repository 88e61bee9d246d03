//! `run`: a container of its own beside a service, for one program.

use std::sync::Mutex;

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::cli;
use crate::console::choice::last_proven;
use crate::container::{ContainerId, SpecDigest};
use crate::delivery::Delivery;
use crate::engine::EngineError;
use crate::engine::docker::DockerHost;
use crate::engine::session::{OneOff, Program};
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::event::{Event, Listening};
use crate::fleet::observed::Observed;
use crate::fleet::stamp::JobStamp;
use crate::journal::hand::Ending;
use crate::report::Answer;

use super::doors::{Fleet, all_answer};
use super::exec::{ExecAnswer, in_lines, prefix, worst};
use super::hand::{Recorded, Target, ending, meant, targets};
use super::{Context, operator, session};

/// Times that a container is tried to be removed after a connection was lost.
const REMOVALS: u32 = 10;

/// Finds the service's container, writes down what is done, makes one like it, runs the program and clears up.
pub(super) async fn run(context: &Context, arguments: &cli::Run) -> Result<Exit> {
    let (environment, selection) = meant(context, &arguments.target, &arguments.selectors).await?;
    context
        .visit(&environment, async |fleet| {
            let observed = context.look(fleet).await?;
            context.reporter.clear();
            let running = targets(&observed, &selection).into_iter().next();
            // A service that does not run is what somebody may want to look into.
            let Some(target) = running.or_else(|| stopped(&observed, &selection)) else {
                all_answer(&observed, &selection)?;
                let source = anyhow!("none of these hosts has a container of it to be like");
                return Err(Error::unchanged(source).hint("deploy it first"));
            };
            let words = &arguments.command;
            let targets = [target];
            let recorded = Recorded::begin(context, &environment, "run", &targets, words, arguments.reason.as_ref())?;
            let [target] = targets;
            let one_off = one_off(&environment, &observed, &target, arguments, context.reporter.is_json());
            let ended = one(context, fleet, &target, &one_off, arguments.detach).await;
            let ending = ending(&target, ended.clone().map(|code| if arguments.detach { Some(0) } else { code }));
            recorded.end(context, std::slice::from_ref(&ending))?;
            if let Err(error) = ended {
                let interrupted = context.signals.cancel().is_requested();
                let exit = if interrupted { Exit::Interrupted } else { Exit::Unchanged };
                return Err(Error { exit, source: anyhow!(error), hints: Vec::new() });
            }
            let exit = worst(std::slice::from_ref(&ending));
            if arguments.detach {
                context.reporter.answer(&Detached { name: &one_off.name, ending: &ending }, exit);
            } else {
                context.reporter.answer(&ExecAnswer { verb: "run", endings: &[ending], is_alone: true }, exit);
            }
            Ok(exit)
        })
        .await
}

fn stopped(observed: &Observed, selection: &crate::fleet::select::Selection) -> Option<Target> {
    let mut hosts = observed.hosts.keys().filter(|host| selection.has_host(host));
    hosts.find_map(|host| {
        let container = last_proven(observed.seen(host)?, selection)?.clone();
        Some(Target { host: host.clone(), container })
    })
}

fn one_off(
    environment: &Environment,
    observed: &Observed,
    target: &Target,
    arguments: &cli::Run,
    is_json: bool,
) -> OneOff {
    let ends =
        session::Ends::choose(arguments.manner.interactive, arguments.manner.no_tty || arguments.detach || is_json);
    let like = &target.container.stamp;
    let ledger = observed.ledger();
    let release = ledger.entries.iter().find(|entry| entry.release.number == like.release);
    let release = release.map_or_else(|| like.spec.short(), |entry| entry.release.digest.clone());
    let name = format!("run-{:08x}", operator::random() & 0xffff_ffff);
    let Ok(name) = name.parse() else { unreachable!("it is made of letters and digits") };
    let mut stamp = like.clone().for_job(JobStamp { name, release, reversible: true });
    // Nobody switches its files.
    (stamp.live, stamp.spec) = (None, SpecDigest(like.spec.base().to_owned()));
    let service = environment.services.get(&like.service).map(|service| environment.on(&target.host, service));
    let copied = service.into_iter().flat_map(|service| {
        let configs = service.configs.iter().map(|file| (&file.deliver, &file.file.path));
        configs.chain(service.secrets.iter().map(|file| (&file.deliver, &file.file.path)))
    });
    let files = copied.filter(|(deliver, _)| **deliver == Delivery::Container).map(|(_, path)| path.clone());
    let scope = environment.scope();
    let job = stamp.job.as_ref().map(|job| format!("{}-job-{}-{}", scope.prefix(), job.name, job.release));
    OneOff {
        name: job.unwrap_or_default(),
        scope,
        stamp,
        program: Program {
            words: arguments.command.clone(),
            user: arguments.manner.user.clone(),
            directory: arguments.manner.workdir.clone(),
            reads: ends.reads,
            terminal: ends.terminal,
        },
        entrypoint: arguments.entrypoint.clone(),
        files: files.collect(),
        keep: arguments.keep,
    }
}

async fn one(
    context: &Context,
    fleet: &Fleet<'_>,
    target: &Target,
    one_off: &OneOff,
    detach: bool,
) -> std::result::Result<Option<i64>, String> {
    let door = fleet.door(&target.host).ok_or_else(|| format!("{} did not answer", target.host))?;
    let created = door.sessions.create_beside(&target.container.id, one_off);
    let id = created.await.map_err(|error| format!("the container cannot be created: {error}"))?;
    let ended = if detach {
        door.sessions.start(&id).await.map(|()| None).map_err(|error| error.to_string())
    } else {
        attended(context, fleet, door, target, &id, one_off).await
    };
    if (detach && ended.is_ok()) || (one_off.keep && !context.signals.cancel().is_requested()) {
        return ended;
    }
    match clear_up(door, &id, one_off).await {
        Ok(()) => ended,
        Err(left) => {
            let why = ended.err().map(|error| format!("{error}; ")).unwrap_or_default();
            Err(format!("{why}{left}"))
        }
    }
}

async fn attended(
    context: &Context,
    fleet: &Fleet<'_>,
    door: &DockerHost,
    target: &Target,
    id: &ContainerId,
    one_off: &OneOff,
) -> std::result::Result<Option<i64>, String> {
    let sessions = &*door.sessions;
    let session = sessions.start_attached(id, one_off).await.map_err(|error| error.to_string())?;
    let ended = if context.reporter.is_json() {
        let lines = Mutex::new(context.reporter.lines(prefix(fleet.environment, std::slice::from_ref(target))));
        in_lines(context, sessions, session, target, &lines).await
    } else {
        let Program { reads, terminal, .. } = one_off.program;
        session::on_this_terminal(context, sessions, session, session::Ends { reads, terminal }).await
    };
    if let Err(reason) = &ended
        && !context.signals.cancel().is_requested()
    {
        let lost = Listening::Lost { host: target.host.clone(), reason: reason.clone() };
        context.recorder().note(Event::Listening(lost));
    }
    ended
}

/// Ends it in good order if it still runs, and removes it unless it is to be kept; or says what may be left.
async fn clear_up(door: &DockerHost, id: &ContainerId, one_off: &OneOff) -> std::result::Result<(), String> {
    let mut last = None;
    for _ in 0..REMOVALS {
        let cleared = async {
            door.engine.stop(id, one_off.stamp.grace).await?;
            if one_off.keep { Ok(()) } else { door.engine.remove(id).await }
        };
        match cleared.await {
            Ok(()) | Err(EngineError::NotFound(_)) => return Ok(()),
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let why = last.map(|error| error.to_string()).unwrap_or_default();
    Err(format!("the container {} may be left on the host: {why}", one_off.name))
}

/// What runs on by itself.
struct Detached<'a> {
    name: &'a str,
    ending: &'a Ending,
}

impl Answer for Detached<'_> {
    fn json(&self) -> (&'static str, Value) {
        ("run", json!({ "host": self.ending.host, "service": self.ending.service, "container": self.name }))
    }

    fn text(&self) -> String {
        format!("{}\n", self.name)
    }
}
