//! `host exec`: run a program on hosts themselves.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::cli;
use crate::console::HostLine;
use crate::console::session::Splitter;
use crate::engine::console::Stream;
use crate::error::{Exit, Result};
use crate::fleet::Host;
use crate::journal::hand::{Ending, Place};
use crate::report::stream::{Lines, Prefix};
use crate::transport::{self, Program, TransportError};

use super::super::exec::{ExecAnswer, worst};
use super::super::hand::Recorded;
use super::super::{Context, secrets};
use super::by_ssh;

/// Longest wait for one host to let us in.
const OPEN: Duration = Duration::from_secs(45);

/// Writes down what is done, and does it.
pub(in super::super) async fn run(context: &Context, arguments: &cli::HostExec) -> Result<Exit> {
    let environment = context.recorded_environment(&arguments.target, &cli::Overrides::default())?;
    let hosts = by_ssh(&environment, &arguments.selectors)?;
    // The redactor learns what it can: neither the record nor a line may hold a value of a secret.
    secrets::only(&environment, [], context.reporter.redactor()).await?;
    let places = hosts.iter().map(|host| Place::host(&host.name)).collect();
    let (words, reason) = (&arguments.command, arguments.reason.as_ref());
    let recorded = Recorded::begin_at(context, &environment, "host exec", places, words, reason)?;
    let names = hosts.iter().map(|host| host.name.clone()).collect();
    let is_alone = hosts.len() == 1;
    let prefix = Prefix { hosts: names, none: is_alone, ..Prefix::default() };
    let lines = Mutex::new(context.reporter.lines(prefix));
    let runs = hosts.iter().map(|host| one(context, host, words, &lines));
    let work = stream::iter(runs).buffer_unordered(arguments.parallel.into()).collect::<Vec<_>>();
    let mut endings = tokio::select! {
        biased;
        error = context.signals.aborted() => return Err(error),
        endings = work => endings,
    };
    endings.sort_by(|one, other| one.host.cmp(&other.host));
    recorded.end(context, &endings)?;
    let exit = if context.signals.cancel().is_requested() { Exit::Interrupted } else { worst(&endings) };
    context.reporter.answer(&ExecAnswer { verb: "host_exec", endings: &endings, is_alone }, exit);
    Ok(exit)
}

/// On one host, to its end.
async fn one(context: &Context, host: &Host, words: &[String], lines: &Mutex<Lines>) -> Ending {
    let ended = tokio::select! {
        biased;
        () = context.signals.cancel().requested() => Err("interrupted; if the program had begun, it may run on".to_owned()),
        ended = within(context, host, words, lines) => ended,
    };
    let (code, error) = match ended {
        Ok(Some(code)) => (Some(i64::from(code)), None),
        Ok(None) => (None, Some("how it ended is not known: by a signal, or the connection was lost".to_owned())),
        Err(error) => (None, Some(error)),
    };
    Ending { host: Some(host.name.clone()), service: None, code, error }
}

async fn within(
    context: &Context,
    host: &Host,
    words: &[String],
    lines: &Mutex<Lines>,
) -> std::result::Result<Option<u8>, String> {
    let told = |error: TransportError| error.message;
    let late = |_| format!("no connection within {} s", OPEN.as_secs());
    let reached = timeout(OPEN, transport::reach(host)).await.map_err(late)?;
    let no_shell = || "it is reached by its engine's API alone".to_owned();
    let transport = reached.ok_or_else(no_shell)?.map_err(told)?;
    let started = transport.start(words).await.ok_or_else(no_shell)?;
    let ended = match started.map_err(told) {
        Ok(program) => Ok(pass_on(context, host, program, lines).await),
        Err(error) => Err(error),
    };
    transport.close().await;
    ended
}

/// Passes on what it writes, until it ends.
async fn pass_on(context: &Context, host: &Host, program: Program, lines: &Mutex<Lines>) -> Option<u8> {
    let Program { input, output, complaints, ended } = program;
    drop(input);
    let tell = |stream: Stream, text: &str| {
        let line = context.reporter.redactor().text(text).into_owned();
        let line = HostLine { at: context.clock.now(), host: host.name.clone(), stream, line };
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        // The program runs on where nobody reads: it was asked for for what it does.
        drop(lines.write_of_host(&line).and_then(|()| lines.flush()));
    };
    tokio::join!(hear(output, |line| tell(Stream::Stdout, line)), hear(complaints, |line| tell(Stream::Stderr, line)));
    ended.await
}

/// The lines of a stream, to its end.
async fn hear(mut stream: Box<dyn AsyncRead + Send + Unpin>, tell: impl Fn(&str)) {
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        splitter.take(&buffer[..count]).iter().for_each(|line| tell(line));
    }
    splitter.rest().iter().for_each(|line| tell(line));
}
