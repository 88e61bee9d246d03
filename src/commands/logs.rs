//! `logs`: what the containers of all hosts print, merged by time. Changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use crate::cli::{self, Overrides};
use crate::console::Line;
use crate::console::bookmark::Bookmark;
use crate::console::choice::chosen;
use crate::console::follow::{Following, follow};
use crate::console::history::{self, Source, Span};
use crate::console::sieve::Sieve;
use crate::container::ContainerId;
use crate::engine::console::Console;
use crate::environment::Environment;
use crate::error::{Exit, Result};
use crate::event::Listening;
use crate::fleet::observed::{Observed, ObservedContainer};
use crate::fleet::select::Selection;
use crate::name::HostName;
use crate::report::stream::{Lines, Prefix};

use super::doors::{Fleet, all_answer, unreachable};
use super::listen::{Listener, Summary, listen};
use super::{Context, secrets, select};

/// Shows what was printed, and with `--follow` what is printed from now on.
pub(super) async fn run(context: &Context, arguments: &cli::Logs) -> Result<Exit> {
    let environment = context.recorded_environment(&arguments.target, &Overrides::default())?;
    let selection = select(&environment, &arguments.selectors)?;
    let (recorder, redactor) = (context.recorder(), context.reporter.redactor().clone());
    // What containers print may hold secrets that nothing here needs.
    secrets::only(&environment, [], &redactor).await?;
    let now = context.clock.now();
    let span = Span {
        since: arguments.since.map(|moment| moment.before(now)),
        until: arguments.until.map(|moment| moment.before(now)),
        tail: arguments.first(),
    };
    let sieve = Sieve { grep: arguments.grep.clone(), redactor };
    context
        .visit(&environment, async |fleet| {
            let observed = context.look(fleet).await?;
            context.reporter.clear();
            let silent = unreachable(&observed, &selection);
            if silent.len() == observed.hosts.keys().filter(|host| selection.has_host(host)).count() {
                all_answer(&observed, &selection)?;
            }
            let mut listener = Listener {
                lines: context.reporter.lines(prefix(&environment, &selection, arguments)),
                recorder,
                troubled: BTreeMap::new(),
            };
            for (host, reason) in silent {
                listener.note(Listening::Lost { host, reason });
            }
            let part = Part { fleet, selection: &selection, sieve: &sieve, observed: &observed };
            let cancel = context.signals.cancel();
            let told = async {
                let known = part.history(&span, &mut listener).await?;
                if arguments.follow { part.follow(known, &mut listener).await } else { Some(()) }
            };
            let is_interrupted = tokio::select! {
                biased;
                () = cancel.requested() => !arguments.follow,
                _read_or_not = told => false,
            };
            drop(listener.lines.flush());
            let exit = listener.exit(is_interrupted);
            let answer = Summary { command: "logs", counted: "lines", listener: &listener };
            context.reporter.answer(&answer, exit);
            Ok(exit)
        })
        .await
}

fn prefix(environment: &Environment, selection: &Selection, arguments: &cli::Logs) -> Prefix {
    let services = environment.services.keys().filter(|service| selection.has_service(service));
    let services: Vec<_> = services.map(|service| service.as_str().len()).collect();
    Prefix {
        hosts: environment.hosts.keys().cloned().collect(),
        services: if services.len() > 1 { services.into_iter().max().unwrap_or(0) } else { 0 },
        none: arguments.front.no_prefix,
        times: arguments.front.timestamps,
        releases: arguments.front.release,
    }
}

/// What is listened to.
struct Part<'a> {
    fleet: &'a Fleet<'a>,
    selection: &'a Selection,
    sieve: &'a Sieve,
    observed: &'a Observed,
}

type Known = BTreeMap<HostName, BTreeMap<ContainerId, Option<Bookmark>>>;

impl Part<'_> {
    fn hosts(&self) -> impl Iterator<Item = (HostName, Arc<dyn Console>, &[ObservedContainer])> {
        let seen = self.observed.hosts.keys().filter(|host| self.selection.has_host(host));
        seen.filter_map(|host| {
            Some((host.clone(), self.fleet.console(host)?, &self.observed.seen(host)?.containers[..]))
        })
    }

    /// Shows what was printed up to now. Which containers there are and how far each was read; `None` once nobody reads.
    async fn history(&self, span: &Span, listener: &mut Listener) -> Option<Known> {
        let mut known = Known::new();
        let mut sources = Vec::new();
        for (host, console, containers) in self.hosts() {
            // One that does not run is gone on with where it ended, should it be started again.
            let ended = |one: &ObservedContainer| {
                Some(Bookmark::from(one.state.finished_at.or(span.since).unwrap_or(Timestamp::MIN)))
            };
            known.insert(host.clone(), containers.iter().map(|one| (one.id.clone(), ended(one))).collect());
            let chosen = self.observed.seen(&host).map(|seen| chosen(seen, self.selection, span.since));
            for container in chosen.into_iter().flatten() {
                sources.push(Source { host: host.clone(), console: Arc::clone(&console), container });
            }
        }
        let mut is_read = true;
        let read = history::read(&sources, span, self.sieve, |line| {
            is_read = listener.lines.write(&line).is_ok();
            is_read
        });
        let read = read.await;
        is_read &= listener.lines.flush().is_ok();
        for (source, read) in sources.iter().zip(read) {
            let Source { host, container, .. } = source;
            let bookmark = read.bookmark.or_else(|| span.since.map(Bookmark::from));
            known.entry(host.clone()).or_default().insert(container.id.clone(), bookmark);
            if let (true, Some(error)) = (is_read, read.failed) {
                let reason = error.to_string();
                listener.troubled.insert(host.clone(), reason.clone());
                let service = container.service.clone();
                listener.note(Listening::Unreadable { host: host.clone(), service, reason });
            }
        }
        is_read.then_some(known)
    }

    /// Shows what is printed from now on, until nobody reads.
    async fn follow(&self, mut known: Known, listener: &mut Listener) -> Option<()> {
        let (sender, heard) = unbounded_channel();
        let mut hosts = JoinSet::new();
        for (host, console, _) in self.hosts() {
            let known = known.remove(&host).unwrap_or_default();
            let (scope, selection, sieve) =
                (self.fleet.environment.scope(), self.selection.clone(), self.sieve.clone());
            hosts.spawn(follow(Following { host, console, scope, selection, sieve, known }, sender.clone()));
        }
        drop(sender);
        listen(heard, |line: &Line| line.at, listener, Lines::write).await.ok()
    }
}
