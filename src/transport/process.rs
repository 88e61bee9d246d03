//! Starting processes: the one place where it is done.

use std::ffi::OsStr;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// What is asked to end has so long to do it.
const GRACE: Duration = Duration::from_secs(5);
/// What is still in the pipes when a program has ended comes within this time.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A program to run, with nothing of ours attached: no standard streams unless the caller asks for them.
///
/// The child is killed when its handle is dropped, and gets a process group of its own: a Ctrl-C at the
/// terminal is ours to act on, and must not cut the connections that we need to finish or undo the host in hand.
#[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A program that answers on its standard output what it is asked on its standard input, while we wait for it. Otherwise as
/// [`command`]; whoever starts it ends it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
pub fn filter(program: impl AsRef<OsStr>) -> std::process::Command {
    use std::os::unix::process::CommandExt;
    let mut command = std::process::Command::new(program);
    command.process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// A program that gets the terminal, such as an editor: our standard streams, and our process group, as a terminal stops
/// every other one that reads from it.
///
/// The child is killed when its handle is dropped.
#[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
pub fn interactive(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    command
}

/// A process and all that it starts in its process group. What is left of it ends with this.
pub struct Group {
    leader: Child,
    id: Option<Pid>,
}

impl Group {
    /// Starts it. The command is one of [`command`].
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let leader = command.spawn()?;
        let id = leader.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self { leader, id })
    }

    /// Its standard streams, those that were asked for. They can be taken once.
    pub fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (self.leader.stdin.take(), self.leader.stdout.take(), self.leader.stderr.take())
    }

    /// Waits for the process that was started; what it has started itself may go on.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.leader.wait().await
    }

    /// Whether nobody has heard yet that the process that was started has ended.
    pub fn runs(&self) -> bool {
        self.leader.id().is_some()
    }

    /// Asks all of them to end.
    pub fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends all of them.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // Where nobody is left, there is nobody to tell.
            let _gone = kill_process_group(id, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.runs() {
            self.kill();
        }
    }
}

/// How a program ended, and what it wrote.
pub struct Ended {
    /// Its status; `None` if its time was up and it was ended.
    pub status: Option<ExitStatus>,
    /// Its standard output.
    pub output: Vec<u8>,
    /// Its standard error.
    pub complaints: Vec<u8>,
}

/// Runs a program to its end, for so long at most, with all that it starts. Of each stream so many bytes are kept, and one
/// more where there is more.
pub async fn run(mut command: Command, limit: Duration, most: u64) -> io::Result<Ended> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::spawn(command)?;
    let (_, stdout, stderr) = group.pipes();
    let (mut output, mut complaints) = (Vec::new(), Vec::new());
    let reading = async { tokio::join!(keep(stdout, &mut output, most), keep(stderr, &mut complaints, most)) };
    let mut reading = Box::pin(reading);
    let mut is_silent = false;
    let waiting = async {
        loop {
            tokio::select! {
                biased;
                status = group.wait() => break status,
                _ = &mut reading, if !is_silent => is_silent = true,
            }
        }
    };
    let status = timeout(limit, waiting).await;
    if status.is_err() {
        group.ask_to_end();
        let _late = timeout(GRACE, group.wait()).await;
        group.kill();
    } else if !is_silent && timeout(LAST_WORDS, reading.as_mut()).await.is_err() {
        // What it has left behind holds its output open.
        group.kill();
    }
    drop(reading);
    Ok(Ended { status: status.ok().transpose()?, output, complaints })
}

/// Reads to the end, and keeps the beginning.
async fn keep(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>, most: u64) {
    let Some(mut stream) = stream else { return };
    // What cannot be read is not there; how the program ended says more.
    let _read = (&mut stream).take(most + 1).read_to_end(kept).await;
    let _rest = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}
