//! `exec`: run a program in containers that run already.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::cli;
use crate::console::Line;
use crate::console::session::{Splitter, carry};
use crate::engine::console::Stream;
use crate::engine::session::{Program, Session, Sessions, Written};
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::journal::hand::Ending;
use crate::report::Answer;
use crate::report::clean::clean;
use crate::report::stream::{Lines, Prefix};

use super::doors::{Fleet, all_answer, unreachable};
use super::hand::{Recorded, Target, ending, meant, targets};
use super::{Context, session};

/// Finds the containers, writes down what is done, does it.
pub(super) async fn run(context: &Context, arguments: &cli::Exec) -> Result<Exit> {
    let (environment, selection) = meant(context, &arguments.target, &arguments.selectors).await?;
    context
        .visit(&environment, async |fleet| {
            let observed = context.look(fleet).await?;
            context.reporter.clear();
            let targets = targets(&observed, &selection);
            let silent = unreachable(&observed, &selection);
            if targets.is_empty() {
                all_answer(&observed, &selection)?;
                let source = anyhow!("no container of it runs on any of these hosts");
                return Err(Error::unchanged(source).hint("shipctl status ENV shows what runs where"));
            }
            let is_alone = targets.len() == 1 && silent.is_empty() && !context.reporter.is_json();
            if arguments.manner.interactive && !is_alone {
                let source =
                    anyhow!("standard input can be passed on to one container, and there are {}", targets.len());
                return Err(Error::unchanged(source).hint("choose one with --host and --service"));
            }
            let words = &arguments.command;
            let recorded = Recorded::begin(context, &environment, "exec", &targets, words, arguments.reason.as_ref())?;
            let mut endings = if is_alone {
                vec![alone(context, fleet, &targets[0], arguments).await]
            } else {
                several(context, fleet, &targets, arguments).await
            };
            recorded.end(context, &endings)?;
            let target = |host: &crate::name::HostName| endings.first().map(|any| (host.clone(), any.service.clone()));
            let missing: Vec<_> = silent.iter().filter_map(|(host, why)| Some((target(host)?, why.clone()))).collect();
            endings.extend(missing.into_iter().map(|((host, service), error)| Ending {
                host: Some(host),
                service,
                code: None,
                error: Some(error),
            }));
            if let (true, Some(error)) = (is_alone, endings.first().and_then(|ending| ending.error.clone())) {
                let interrupted = context.signals.cancel().is_requested();
                let exit = if interrupted { Exit::Interrupted } else { Exit::Unchanged };
                let hint = "if the program had begun, it may run on in the container".to_owned();
                return Err(Error { exit, source: anyhow!(error), hints: vec![hint] });
            }
            let exit = if context.signals.cancel().is_requested() { Exit::Interrupted } else { worst(&endings) };
            context.reporter.answer(&ExecAnswer { verb: "exec", endings: &endings, is_alone }, exit);
            Ok(exit)
        })
        .await
}

fn program(arguments: &cli::Exec) -> Program {
    Program {
        words: arguments.command.clone(),
        user: arguments.manner.user.clone(),
        directory: arguments.manner.workdir.clone(),
        reads: false,
        terminal: None,
    }
}

/// In one container: what it reads and writes is what this process does.
async fn alone(context: &Context, fleet: &Fleet<'_>, target: &Target, arguments: &cli::Exec) -> Ending {
    let ends = session::Ends::choose(arguments.manner.interactive, arguments.manner.no_tty);
    let program = Program { reads: ends.reads, terminal: ends.terminal, ..program(arguments) };
    let ended = match sessions(fleet, target) {
        Ok(sessions) => match sessions.exec(&target.container.id, &program).await {
            Ok(session) => session::on_this_terminal(context, &*sessions, session, ends).await,
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error),
    };
    ending(target, ended)
}

/// In several, a few at a time: what they write comes in lines, each behind its host's name.
async fn several(context: &Context, fleet: &Fleet<'_>, targets: &[Target], arguments: &cli::Exec) -> Vec<Ending> {
    let prefix = prefix(fleet.environment, targets);
    let lines = Arc::new(Mutex::new(context.reporter.lines(prefix)));
    let program = program(arguments);
    let runs = targets.iter().map(|target| {
        let (lines, program) = (Arc::clone(&lines), &program);
        async move {
            let ended = match sessions(fleet, target) {
                Ok(sessions) => match sessions.exec(&target.container.id, program).await {
                    Ok(session) => in_lines(context, &*sessions, session, target, &lines).await,
                    Err(error) => Err(error.to_string()),
                },
                Err(error) => Err(error),
            };
            ending(target, ended)
        }
    });
    let mut endings: Vec<_> = stream::iter(runs).buffer_unordered(arguments.parallel.into()).collect().await;
    endings.sort_by(|one, other| (&one.host, &one.service).cmp(&(&other.host, &other.service)));
    endings
}

pub(super) async fn in_lines(
    context: &Context,
    sessions: &dyn Sessions,
    session: Session,
    target: &Target,
    lines: &Mutex<Lines>,
) -> std::result::Result<Option<i64>, String> {
    let mut splitters = [Splitter::default(), Splitter::default()];
    let tell = |stream: Stream, text: String| {
        let line = Line {
            at: context.clock.now(),
            host: target.host.clone(),
            service: target.service().clone(),
            release: target.container.stamp.release,
            container: target.container.name.clone(),
            stream,
            line: context.reporter.redactor().text(&text).into_owned(),
        };
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        // The program runs on where nobody reads: it was asked for for what it does.
        drop(lines.write(&line).and_then(|()| lines.flush()));
    };
    let write = |Written { stream, bytes }: Written| {
        splitters[usize::from(stream == Stream::Stderr)].take(&bytes).into_iter().for_each(|line| tell(stream, line));
        true
    };
    let carried = carry(sessions, session, None::<stream::Empty<Bytes>>, stream::empty(), write);
    let ended = tokio::select! {
        biased;
        () = context.signals.cancel().requested() => Err("interrupted".to_owned()),
        ended = carried => ended.map_err(|error| error.to_string()),
    };
    for (stream, splitter) in [Stream::Stdout, Stream::Stderr].into_iter().zip(&mut splitters) {
        splitter.rest().into_iter().for_each(|line| tell(stream, line));
    }
    ended
}

pub(super) fn prefix(environment: &Environment, targets: &[Target]) -> Prefix {
    let mut services: Vec<_> = targets.iter().map(|target| target.service().as_str()).collect();
    services.sort_unstable();
    services.dedup();
    let width = services.iter().map(|name| name.len()).max().unwrap_or(0);
    Prefix {
        hosts: environment.hosts.keys().cloned().collect(),
        services: if services.len() > 1 { width } else { 0 },
        ..Prefix::default()
    }
}

fn sessions(fleet: &Fleet<'_>, target: &Target) -> std::result::Result<Arc<dyn Sessions>, String> {
    let door = fleet.door(&target.host).ok_or_else(|| format!("{} did not answer", target.host))?;
    Ok(Arc::clone(&door.sessions))
}

/// The highest code; where it is not known how a program ended, at least 1.
pub(super) fn worst(endings: &[Ending]) -> Exit {
    let code = |ending: &Ending| match (ending.code, &ending.error) {
        (_, Some(_)) | (None, None) => 1,
        (Some(code), None) => u8::try_from(code).unwrap_or(1),
    };
    match endings.iter().map(code).max() {
        None | Some(0) => Exit::Done,
        Some(code) => Exit::Program(code),
    }
}

/// How it ended.
pub(super) struct ExecAnswer<'a> {
    /// What was asked for.
    pub(super) verb: &'static str,
    /// In each place.
    pub(super) endings: &'a [Ending],
    /// Whether what was written is all there is to say to people.
    pub(super) is_alone: bool,
}

impl Answer for ExecAnswer<'_> {
    fn json(&self) -> (&'static str, Value) {
        (self.verb, json!(self.endings))
    }

    fn text(&self) -> String {
        let told = |ending: &Ending| match (&ending.error, ending.code) {
            (Some(error), _) => Some(format!("{}: {}\n", ending.place(), clean(error))),
            (None, Some(code)) if code != 0 && !self.is_alone => {
                Some(format!("{}: exit code {code}\n", ending.place()))
            }
            (None, _) => None,
        };
        self.endings.iter().filter_map(told).collect()
    }
}
