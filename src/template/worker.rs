//! Templates in a process of their own. Fuel bounds how much a template does, not how much memory one step of it takes; only
//! the system can refuse that, and only to a process as a whole. So shipctl starts itself once more, with little memory and
//! time, and what goes wild ends there.

use std::env::ArgsOs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, ExitCode, ExitStatus};

use minijinja::Value;
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

use super::engine::Engine;
use super::library::Library;
use crate::manifest::Diagnostic;
use crate::transport::process;

/// What stands in the place of a command where shipctl is started for this.
const ARGUMENT: &str = "--work-on-templates";

/// Of the process, with its code: a file may have 1 MiB, and all templates of a project are in memory.
const MEMORY: u64 = 512 << 20;

/// Seconds of a processor for all templates of a run.
const TIME: u64 = 20;

/// One template, for one host.
#[derive(Serialize, Deserialize)]
struct Request<N, S> {
    name: N,
    scope: S,
}

/// The other end, as long as it lives.
pub(super) struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts `program`, which is shipctl, on the templates of a project.
    pub(super) fn start(program: &Path, root: &Path) -> io::Result<Self> {
        let mut child = process::filter(program).arg(ARGUMENT).arg(root).spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(requests), Some(answers)) => Ok(Self { child, requests, answers: BufReader::new(answers) }),
            _ => Err(io::Error::other("it has no streams")),
        }
    }

    /// As [`Engine::render`]. The outer error says why there is no answer.
    pub(super) fn render(&mut self, name: &str, scope: &Value) -> Result<Result<String, Diagnostic>, String> {
        match self.ask(name, scope) {
            Ok(answer) => Ok(answer),
            Err(error) => Err(match self.child.wait() {
                Ok(status) => reason(status),
                Err(_) => format!("templates cannot be rendered: {error}"),
            }),
        }
    }

    fn ask(&mut self, name: &str, scope: &Value) -> io::Result<Result<String, Diagnostic>> {
        let mut line = serde_json::to_vec(&Request { name, scope })?;
        line.push(b'\n');
        self.requests.write_all(&line)?;
        self.requests.flush()?;
        let mut answer = String::new();
        if self.answers.read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Why a worker ended in the middle of a template.
fn reason(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status.signal().and_then(rustix::process::Signal::from_named_raw) {
        Some(rustix::process::Signal::XCPU | rustix::process::Signal::KILL) => "this template runs too long".to_owned(),
        // An allocation that is refused aborts a program.
        Some(rustix::process::Signal::ABORT) => "this template takes more memory than it may".to_owned(),
        _ => format!("the process that renders templates ended: {status}"),
    }
}

/// The project, where the arguments are those of a worker.
pub fn is_asked_for(mut arguments: ArgsOs) -> Option<PathBuf> {
    let is_worker = arguments.nth(1)? == ARGUMENT;
    arguments.next().filter(|_| is_worker).map(PathBuf::from)
}

/// Answers requests on standard input until it ends.
pub fn serve(root: &Path) -> ExitCode {
    match limit().and_then(|()| answer(root)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What cannot be limited on a system stays as it is.
fn limit() -> io::Result<()> {
    let to = |most| Rlimit { current: Some(most), maximum: Some(most) };
    // No memory image of a program that is meant to be ended.
    setrlimit(Resource::Core, to(0))?;
    setrlimit(Resource::Cpu, Rlimit { current: Some(TIME), maximum: Some(TIME + 1) })?;
    let limited = setrlimit(Resource::As, to(MEMORY));
    if cfg!(target_os = "linux") { Ok(limited?) } else { Ok(()) }
}

fn answer(root: &Path) -> io::Result<()> {
    let library = Library::open(root);
    let engine = Engine::new(&library).map_err(|problem| io::Error::other(problem.to_string()))?;
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let request: Request<String, Value> = serde_json::from_str(&line?)?;
        let answer = engine.render(&request.name, &request.scope);
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        output.write_all(&line)?;
        output.flush()?;
    }
    Ok(())
}
