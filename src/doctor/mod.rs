//! What may be missing on the operator's own machine: programs, keys, credentials, files. No host of a fleet, no registry and
//! no balancer is asked; what has to do with them is looked up here.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::environment::Environment;
use crate::redact::Redactor;
use crate::transport::process;

mod machine;
mod project;
mod ssh;

/// A program that is asked for its version has so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of its answer that are read.
const MOST: u64 = 64 * 1024;

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub about: String,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do, where there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It may do, or not.
    Warn,
    /// Something will not work.
    Fail,
}

/// What is looked at.
pub struct Subject<'a> {
    /// The environments that work is to be done with.
    pub environments: Vec<Environment>,
    /// The project, where there is one.
    pub root: Option<&'a Path>,
    /// By the machine's clock.
    pub now: Timestamp,
    /// Learns the credentials that are found.
    pub redactor: &'a Redactor,
}

/// Looks at everything.
pub async fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = machine::examine(subject).await;
    findings.extend(ssh::examine(subject).await);
    for environment in &subject.environments {
        findings.extend(project::examine(environment, subject.redactor).await);
    }
    findings
}

impl Finding {
    /// It is as it should be.
    pub fn ok(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { about: about.into(), state: State::Ok, found: found.into(), advice: None }
    }

    /// It may do, or not.
    pub fn warn(about: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Warn, advice: Some(advice.into()), ..Self::ok(about, found) }
    }

    /// Something will not work.
    pub fn fail(about: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Fail, ..Self::warn(about, found, advice) }
    }
}

/// What a program says: whether it ended well, and its first line of output or complaint. `None` if it cannot be started.
async fn ask(program: &str, arguments: &[&str]) -> Option<(bool, Vec<String>)> {
    let mut command = process::command(program);
    command.args(arguments);
    let ended = process::run(command, PATIENCE, MOST).await.ok()?;
    let text = if ended.output.is_empty() { ended.complaints } else { ended.output };
    let lines = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
    Some((ended.status.is_some_and(|status| status.success()), lines))
}

/// Whether a program can be started by this name.
fn is_there(program: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let is_program = |path: &Path| path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
    if program.contains('/') {
        return is_program(Path::new(program));
    }
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| is_program(&directory.join(program))))
}
