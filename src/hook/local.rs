//! Hooks as processes of this machine. Each has a process group of its own, so that it ends with all that it has started.

use std::io;
use std::path::{self, Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::time::{sleep, timeout};

use super::{Facts, HookEnd, Hooks};
use crate::duration;
use crate::engine::LineSink;
use crate::environment::Hook;
use crate::image::printable::printable;
use crate::redact::Redactor;
use crate::transport::process::{self, Group};

/// What is asked to end has so long to do it.
pub const GRACE: Duration = Duration::from_secs(5);
/// What is still in the pipes when a hook has ended comes within this time; what holds them open for longer was left behind.
const LAST_LINES: Duration = Duration::from_secs(1);
/// Bytes of a line that are kept.
const MAX_LINE: usize = 8 * 1024;

/// Runs hooks in the project's folder.
pub struct LocalHooks {
    root: PathBuf,
    redactor: Redactor,
}

impl LocalHooks {
    /// Hooks of the project at `root`. What `redactor` knows is neither told to them nor passed on from them.
    pub fn new(root: &Path, redactor: Redactor) -> Self {
        Self { root: path::absolute(root).unwrap_or_else(|_| root.to_owned()), redactor }
    }

    fn start(&self, hook: &Hook, facts: &Facts) -> io::Result<Group> {
        let (program, arguments) = hook.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let is_path = program.contains('/');
        let program = if is_path { self.root.join(program) } else { PathBuf::from(program) };
        let mut command = process::command(program);
        command.args(arguments).current_dir(&self.root);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, value) in facts.variables() {
            command.env(name, &*self.redactor.text(&value));
        }
        Group::spawn(command)
    }

    fn told(&self, facts: &Facts) -> Vec<u8> {
        let mut value = serde_json::json!(facts);
        self.redactor.value(&mut value);
        let mut text = value.to_string().into_bytes();
        text.push(b'\n');
        text
    }

    async fn pass_on(&self, stream: Option<impl AsyncRead + Unpin>, line: &LineSink) {
        let Some(stream) = stream else { return };
        let tell = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let text = printable(&self.redactor.text(&text));
            if !text.is_empty() {
                line(text);
            }
        };
        let (mut reader, mut open) = (BufReader::new(stream), Vec::new());
        loop {
            let read = match reader.fill_buf().await {
                Ok([]) | Err(_) => break,
                Ok(part) => {
                    for &byte in part {
                        if byte == b'\n' {
                            tell(&open);
                            open.clear();
                        } else if open.len() < MAX_LINE {
                            open.push(byte);
                        }
                    }
                    part.len()
                }
            };
            reader.consume(read);
        }
        tell(&open);
    }
}

#[async_trait]
impl Hooks for LocalHooks {
    async fn run(&self, hook: &Hook, facts: &Facts, line: &LineSink, mut stop: BoxFuture<'_, ()>) -> HookEnd {
        let mut group = match self.start(hook, facts) {
            Ok(group) => group,
            Err(error) => return HookEnd::Failed(format!("it cannot be run: {error}")),
        };
        let (stdin, stdout, stderr) = group.pipes();
        let told = self.told(facts);
        let feeding = async {
            if let Some(mut stdin) = stdin {
                // One that does not read it closes it, and needs no telling.
                let _unread = stdin.write_all(&told).await;
            }
        };
        let talking = async { tokio::join!(feeding, self.pass_on(stdout, line), self.pass_on(stderr, line)) };
        let limit = sleep(hook.timeout);
        tokio::pin!(talking, limit);
        let mut is_silent = false;
        let end = loop {
            tokio::select! {
                biased;
                status = group.wait() => break of_status(status),
                () = &mut stop => break HookEnd::Stopped,
                () = &mut limit => {
                    let limit = duration::display(hook.timeout);
                    break HookEnd::Failed(format!("it did not end within {limit}, and was ended"));
                }
                _ = &mut talking, if !is_silent => is_silent = true,
            }
        };
        if group.runs() {
            group.ask_to_end();
            let ending = async {
                tokio::select! {
                    _ = group.wait() => {}
                    () = async { talking.as_mut().await; std::future::pending().await }, if !is_silent => {}
                }
            };
            let _late = timeout(GRACE, ending).await;
            group.kill();
        } else if !is_silent && timeout(LAST_LINES, talking).await.is_err() {
            group.kill();
        }
        end
    }
}

fn of_status(status: io::Result<ExitStatus>) -> HookEnd {
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) if status.success() => HookEnd::Done,
        Ok(status) => HookEnd::Failed(match (status.code(), status.signal()) {
            (Some(code), _) => format!("it ended with exit code {code}"),
            (None, Some(signal)) => format!("it was ended by signal {signal}"),
            (None, None) => "it ended, and nobody knows how".to_owned(),
        }),
        Err(error) => HookEnd::Failed(format!("it cannot be waited for: {error}")),
    }
}
