//! Programs that tests start: the one under test, the fleet script, and what asks the machine.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// A program, not yet started.
#[expect(clippy::disallowed_methods, reason = "tests start the program under test")]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

/// Runs to the end, which must be a good one; what it wrote to standard output.
#[track_caller]
pub fn finish(command: &mut Command) -> String {
    attempt(command).unwrap_or_else(|complaint| panic!("{complaint}"))
}

/// Runs to the end; what it wrote, as a success or as a failure.
pub fn attempt(command: &mut Command) -> Result<String, String> {
    attempt_on(command, Stdio::null())
}

/// The same, with something to read.
pub fn attempt_on(command: &mut Command, input: Stdio) -> Result<String, String> {
    let output = command.stdin(input).output().map_err(|error| format!("{command:?}: {error}"))?;
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(said.into_owned());
    }
    Err(format!("{command:?}: {}\n{said}{complaint}", output.status))
}

/// Sends a signal, as a terminal or an operator would.
pub fn signal(name: &str, pid: u32) {
    finish(command("bash").args(["-c", r#"kill -"$0" "$1""#, name, &pid.to_string()]));
}

/// Command lines of everything that runs on this machine, its hosts included: containers and daemons too.
pub fn command_lines() -> Vec<Vec<u8>> {
    of_processes("cmdline")
}

/// The same for environments.
pub fn environments() -> Vec<Vec<u8>> {
    of_processes("environ")
}

fn of_processes(file: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir("/proc").expect("/proc can be read").flatten();
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let processes = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_process));
    // One that has ended since has nothing to read any more.
    processes.filter_map(|entry| std::fs::read(entry.path().join(file)).ok()).collect()
}

/// Whether `text` holds `part`, both as bytes.
pub fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
