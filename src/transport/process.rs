//! Starting processes: the one place where it is done.

use std::ffi::OsStr;
use std::process::Stdio;

use tokio::process::Command;

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
