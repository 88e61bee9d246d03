//! `events`: what the engines of all hosts do with the environment's containers. Changes nothing.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use crate::cli::{self, Overrides};
use crate::console::Line;
use crate::console::happenings::{Happening, Hearing, hear};
use crate::engine::console::Stream;
use crate::error::{Error, Exit, Result};
use crate::event::Listening;
use crate::report::stream::{Lines, Prefix};

use super::listen::{Listener, Summary, listen};
use super::{Context, select};

/// Shows them as they happen.
pub(super) async fn run(context: &Context, arguments: &cli::Events) -> Result<Exit> {
    let environment = context.recorded_environment(&arguments.target, &Overrides::default())?;
    let selection = select(&environment, &arguments.selectors)?;
    let now = context.clock.now();
    let (since, until) =
        (arguments.since.map(|moment| moment.before(now)), arguments.until.map(|moment| moment.before(now)));
    let services = environment.services.keys().map(|service| service.as_str().len()).max().unwrap_or(0);
    let hosts: Vec<_> = environment.hosts.keys().filter(|host| selection.has_host(host)).cloned().collect();
    context
        .visit(&environment, async |fleet| {
            let (sender, heard) = unbounded_channel();
            let prefix = Prefix {
                hosts: environment.hosts.keys().cloned().collect(),
                services,
                times: true,
                releases: true,
                none: false,
            };
            let (lines, recorder) = (context.reporter.lines(prefix), context.recorder());
            let mut listener = Listener { lines, recorder, troubled: BTreeMap::new() };
            let mut tasks = JoinSet::new();
            for host in &hosts {
                match (fleet.console(host), fleet.doors.unreachable.get(host)) {
                    (Some(console), _) => {
                        let (host, scope, selection, all) =
                            (host.clone(), environment.scope(), selection.clone(), arguments.all);
                        let hearing =
                            Hearing { host, console: Arc::clone(&console), scope, selection, since, until, now, all };
                        tasks.spawn(hear(hearing, sender.clone()));
                    }
                    (None, reason) => {
                        let (host, reason) = (host.clone(), reason.cloned().unwrap_or_default());
                        listener.note(Listening::Lost { host, reason });
                    }
                }
            }
            drop(sender);
            if tasks.is_empty() {
                return Err(Error::unchanged(anyhow::anyhow!("no host answered")));
            }
            let is_interrupted = tokio::select! {
                biased;
                () = context.signals.cancel().requested() => until.is_some(),
                _read_or_not = listen(heard, |one: &Happening| one.at, &mut listener, show) => false,
            };
            let exit = listener.exit(is_interrupted);
            let answer = Summary { command: "events", counted: "events", listener: &listener };
            context.reporter.answer(&answer, exit);
            Ok(exit)
        })
        .await
}

fn show(lines: &mut Lines, one: &Happening) -> io::Result<()> {
    let Happening { at, host, service, release, container, action, exit_code } = one.clone();
    let line = match exit_code {
        Some(code) => format!("{action}, exit code {code} ({container})"),
        None => format!("{action} ({container})"),
    };
    let line = Line { at, host, service, release, container, stream: Stream::Stdout, line };
    lines.write_as(&line, one)
}
