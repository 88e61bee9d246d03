//! `cp`: files from a container to this machine, or back.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;

use crate::cli::{self, Selectors};
use crate::console::archive::End;
use crate::console::choice::last_proven;
use crate::console::unpack::{pack, unpack};
use crate::engine::EngineError;
use crate::engine::archives::Archives;
use crate::error::{Error, Exit, Result};
use crate::report::Answer;
use crate::report::clean::clean;
use crate::report::top::size;

use super::Context;
use super::doors::all_answer;
use super::hand::{Recorded, Target, ending, meant, targets};

/// Parts of an archive that wait for who is slower.
const WAITING: usize = 16;
/// Bytes of a part.
const PART: usize = 256 * 1024;

/// Finds the container, writes down what is done, does it.
pub(super) async fn run(context: &Context, arguments: &cli::Copy) -> Result<Exit> {
    let (from, to) = (&arguments.from, &arguments.to);
    let ((End::There { host, service, .. }, End::Here(_)) | (End::Here(_), End::There { host, service, .. })) =
        (from, to)
    else {
        return Err(Error::bad_input(anyhow!("one end of the copy is in a container, and the other one is here"))
            .hint("shipctl cp ENV HOST:SERVICE:/PATH LOCAL, or the other way round"));
    };
    let selectors = Selectors { hosts: vec![host.clone()], services: service.iter().cloned().collect() };
    let (environment, selection) = meant(context, &arguments.target, &selectors).await?;
    if let End::Here(path) = from {
        path.metadata().with_context(|| path.display().to_string()).map_err(Error::bad_input)?;
    }
    context
        .visit(&environment, async |fleet| {
            let observed = context.look(fleet).await?;
            context.reporter.clear();
            let stopped = || {
                let host = observed.hosts.keys().find(|host| selection.has_host(host))?;
                let container = last_proven(observed.seen(host)?, &selection)?.clone();
                Some(Target { host: host.clone(), container })
            };
            let Some(target) = targets(&observed, &selection).into_iter().next().or_else(stopped) else {
                all_answer(&observed, &selection)?;
                return Err(Error::unchanged(anyhow!("{host} has no container of it")));
            };
            let door = fleet.door(&target.host).ok_or_else(|| Error::unchanged(anyhow!("{host} did not answer")))?;
            let (archives, done) = (Arc::clone(&door.archives), Arc::new(AtomicU64::new(0)));
            let words = [text(from), text(to)];
            let targets = [target];
            let recorded = Recorded::begin(context, &environment, "cp", &targets, &words, arguments.reason.as_ref())?;
            let [target] = &targets;
            let copying = async {
                let copied = match (from, to) {
                    (End::There { path, .. }, End::Here(to)) => fetch(&*archives, target, path, to, &done).await,
                    (End::Here(from), End::There { path, .. }) => send(&*archives, target, from, path, &done).await,
                    _ => unreachable!("it was looked at above"),
                };
                copied.map_err(Error::unchanged)
            };
            let progress = context.reporter.transfer(format!("{} → {}", words[0], words[1]), Arc::clone(&done));
            let copied = context.signals.unless_cancelled(copying).await;
            drop(progress);
            let ended = copied.as_ref().map(|_| Some(0)).map_err(ToString::to_string);
            recorded.end(context, &[ending(target, ended)])?;
            let copy = Copied { from: &words[0], to: copied?, bytes: done.load(Ordering::Relaxed) };
            context.reporter.answer(&copy, Exit::Done);
            Ok(Exit::Done)
        })
        .await
}

fn text(end: &End) -> String {
    match end {
        End::Here(path) => path.display().to_string(),
        End::There { host, service, path } => {
            let service = service.as_ref().map(|service| format!("{service}:")).unwrap_or_default();
            format!("{host}:{service}{path}")
        }
    }
}

/// From a container. Where it is now.
async fn fetch(
    archives: &dyn Archives,
    target: &Target,
    path: &str,
    to: &Path,
    done: &AtomicU64,
) -> anyhow::Result<String> {
    let (sender, receiver) = channel(WAITING);
    let to = to.to_owned();
    let unpacking = spawn_blocking(move || unpack(Incoming { receiver, part: Bytes::new() }, &to));
    let mut parts = archives.read(&target.container.id, path);
    let mut failed = None;
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error: EngineError| error.to_string());
        done.fetch_add(part.as_ref().map_or(0, |part| part.len() as u64), Ordering::Relaxed);
        failed = part.as_ref().err().cloned();
        // Who unpacks says why they have stopped.
        if sender.send(part).await.is_err() {
            break;
        }
    }
    drop(sender);
    let unpacked = unpacking.await?;
    match failed {
        // What was unpacked of it says only that there is no more.
        Some(failed) => Err(anyhow!(failed)),
        None => Ok(unpacked?.display().to_string()),
    }
}

/// To a container. Where it is now.
async fn send(
    archives: &dyn Archives,
    target: &Target,
    from: &Path,
    path: &str,
    done: &Arc<AtomicU64>,
) -> anyhow::Result<String> {
    let id = &target.container.id;
    let own = from.canonicalize()?.file_name().map(|name| name.to_string_lossy().into_owned());
    let (folder, name) = if archives.is_directory(id, path).await? {
        (path.trim_end_matches('/'), own.ok_or_else(|| anyhow!("`{}` has no name", from.display()))?)
    } else {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        anyhow::ensure!(!name.is_empty(), "{path} is no directory of the container");
        (folder, name.to_owned())
    };
    let folder = if folder.is_empty() { "/" } else { folder };
    let (sender, receiver) = channel::<Bytes>(WAITING);
    let (from, inside) = (from.to_owned(), name.clone());
    let packing = spawn_blocking(move || pack(&from, &inside, Outgoing { sender, part: Vec::with_capacity(PART) }));
    let count = Arc::clone(done);
    let parts = stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|part| (part, receiver)));
    let parts = parts.inspect(move |part| {
        count.fetch_add(part.len() as u64, Ordering::Relaxed);
    });
    let written = archives.write(id, folder, parts.boxed()).await;
    match packing.await? {
        // If the engine has refused it, nobody took it any more.
        Err(error) if written.is_ok() => return Err(error),
        _ => written?,
    }
    let there = format!("{}/{name}", folder.trim_end_matches('/'));
    Ok(format!("{}:{}:{there}", target.host, target.service()))
}

/// What comes, as a file.
struct Incoming {
    receiver: Receiver<std::result::Result<Bytes, String>>,
    part: Bytes,
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.receiver.blocking_recv() {
                Some(part) => self.part = part.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let part = self.part.split_to(self.part.len().min(buffer.len()));
        buffer[..part.len()].copy_from_slice(&part);
        Ok(part.len())
    }
}

/// A file that goes, in parts.
struct Outgoing {
    sender: Sender<Bytes>,
    part: Vec<u8>,
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let part = std::mem::replace(&mut self.part, Vec::with_capacity(PART));
        if part.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(part.into()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// What was copied.
struct Copied<'a> {
    from: &'a str,
    to: String,
    bytes: u64,
}

impl Answer for Copied<'_> {
    fn json(&self) -> (&'static str, Value) {
        ("cp", json!({ "from": self.from, "to": self.to, "bytes": self.bytes }))
    }

    fn text(&self) -> String {
        format!("{} → {} ({})\n", clean(self.from), clean(&self.to), size(self.bytes))
    }
}
