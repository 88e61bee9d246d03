//! shipctl while it runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::poll::until;
use super::process::{command, command_lines, holds, signal};
use super::{Project, Run, SOON};

/// Longest run of any scenario.
const LIMIT: Duration = Duration::from_mins(3);

/// A run that is not over. It ends with the test, at the latest.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    complaints: Option<JoinHandle<String>>,
    sockets: std::path::PathBuf,
    begun: Instant,
}

impl Running {
    /// Starts it as a pipeline would: JSON, and nobody to ask.
    pub fn start(project: &Project, arguments: &[&str]) -> Self {
        let sockets = project.path("run");
        let mut shipctl = Self::command(project, "json");
        shipctl.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let begun = Instant::now();
        let mut child = shipctl.spawn().expect("shipctl starts");
        let (stdout, mut stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let complaints = thread::spawn(move || {
            let mut text = String::new();
            // What is not text is of no use to an assertion.
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Self { child, lines, seen: Vec::new(), complaints: Some(complaints), sockets, begun }
    }

    /// shipctl in a project's directory, with sockets in a place where only its own are.
    pub fn command(project: &Project, format: &str) -> Command {
        let mut shipctl = command(env!("CARGO_BIN_EXE_shipctl"));
        shipctl.args(["--format", format]).current_dir(project.root());
        shipctl.env("SHIPCTL_SSH_CONFIG", &project.ssh_config).env("XDG_RUNTIME_DIR", project.path("run"));
        shipctl
    }

    /// Waits for an event of that name about which `is_it` is true.
    #[track_caller]
    pub fn wait_for(&mut self, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let Ok(line) = self.lines.recv_timeout(SOON * 4) else {
                panic!("no event {name} came:\n{}", self.seen.join("\n"));
            };
            self.seen.push(line.clone());
            let record: Value = serde_json::from_str(&line).expect("JSON lines");
            if let Some(event) = record["event"].get(name).filter(|event| is_it(event)) {
                return event.clone();
            }
            assert!(record.get("exit").is_none(), "it ended without an event {name}:\n{}", self.seen.join("\n"));
        }
    }

    /// Waits until a step is about to be done on a host, as `create`, or `gate` (with `new`) and so on.
    #[track_caller]
    pub fn wait_for_step(&mut self, host: &str, step: &str) {
        let is_it =
            |event: &Value| event["host"] == host && (event["step"] == step || event["step"].get(step).is_some());
        self.wait_for("step_started", is_it);
    }

    /// Tells of every event that has a content, as it comes, to the end.
    #[track_caller]
    pub fn follow(mut self, mut tell: impl FnMut(&str, &Value)) -> Run {
        while let Ok(line) = self.lines.recv_timeout(LIMIT) {
            let record: Value = serde_json::from_str(&line).expect("JSON lines");
            self.seen.push(line);
            for (name, event) in record["event"].as_object().into_iter().flatten() {
                tell(name, event);
            }
        }
        self.end()
    }

    /// Sends a signal to shipctl alone.
    pub fn signal(&self, name: &str) {
        signal(name, self.child.id());
    }

    /// Waits for its end; no ssh process and no socket may be left behind, however it ended.
    #[track_caller]
    pub fn end(mut self) -> Run {
        let status = until("shipctl ends", LIMIT, || self.child.try_wait().expect("it can be waited for"));
        let took = self.begun.elapsed();
        self.seen.extend(self.lines.iter());
        let complaints = self.complaints.take().map(|reader| reader.join().expect("a reader")).unwrap_or_default();
        let run = Run::new(status, took, &self.seen, complaints);
        self.assert_no_ssh(if status.code().is_some() { Duration::ZERO } else { SOON });
        // A killed one cannot remove its directory; the next run does.
        let left = std::fs::read_dir(&self.sockets).expect("a directory").count();
        assert!(left == 0 || status.code().is_none(), "sockets are left behind\n{run}");
        run
    }

    #[track_caller]
    fn assert_no_ssh(&self, patience: Duration) {
        let sockets = self.sockets.to_string_lossy().into_owned();
        let left = || command_lines().into_iter().find(|line| holds(line, sockets.as_bytes()));
        until("every ssh process ends", patience, || left().is_none().then_some(()));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that is over cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
