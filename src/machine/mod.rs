//! A host itself, past its engine: what it tells of itself, and what is done to it, by small scripts for its `sh`.
//!
//! A script is a file here, and gets what it needs as arguments; what may be long or nobody's business comes on its standard
//! input.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::transport::{Answer, Transport, TransportError};

pub mod look;
pub mod work;

/// For scripts that do no work.
const SHORT: Duration = Duration::from_secs(30);
/// Lines of complaints that are told.
const LAST_WORDS: usize = 4;

/// Runs scripts on one host.
#[derive(Clone)]
pub struct Machine {
    transport: Arc<dyn Transport>,
    /// What stands in front of each: nothing, or the words that make somebody root.
    before: &'static [&'static str],
}

/// Why a script did not do what it was for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MachineError {
    /// There is no way to run anything there.
    #[error("it is reached by its engine's API alone, through which nothing runs on the host itself")]
    NoShell,
    /// The host cannot be reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The login is not root's, and may not become it.
    #[error("the login is not root's, and `sudo -n` does not make it that")]
    NotRoot,
    /// It ended badly.
    #[error("{0}")]
    Failed(String),
    /// It did not end in time.
    #[error("no end within {} s", .0.as_secs())]
    Late(Duration),
}

impl MachineError {
    /// What helps, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoShell => Some("reach the host by SSH, with `ssh:` in the manifest".to_owned()),
            Self::Transport(error) => error.hint.clone(),
            Self::NotRoot => Some("log in as root, or let the user use sudo without a password".to_owned()),
            Self::Failed(_) | Self::Late(_) => None,
        }
    }
}

impl Machine {
    /// Scripts run as whoever logs in.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, before: &[] }
    }

    /// Scripts run as root.
    pub async fn as_root(self) -> Result<Self, MachineError> {
        if self.run("id -u", &[], &[], SHORT).await?.trim() == "0" {
            return Ok(self);
        }
        let root = Self { before: &["sudo", "-n", "--"], ..self };
        match root.run("id -u", &[], &[], SHORT).await {
            Ok(id) if id.trim() == "0" => Ok(root),
            Ok(_) | Err(MachineError::Failed(_)) => Err(MachineError::NotRoot),
            Err(error) => Err(error),
        }
    }

    /// Runs a script to its end, which must be a good one, with `input` to read; what it wrote to its standard output.
    async fn run(
        &self,
        script: &str,
        arguments: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<String, MachineError> {
        let words = self.before.iter().copied().chain(["sh", "-c", script, "sh"]).chain(arguments.iter().copied());
        let words: Vec<String> = words.map(str::to_owned).collect();
        let started = self.transport.start(&words).await.ok_or(MachineError::NoShell)??;
        good(timeout(limit, started.answer(input)).await.map_err(|_| MachineError::Late(limit))?)
    }
}

/// What a script wrote that came to a good end.
fn good(answer: Answer) -> Result<String, MachineError> {
    let Answer { code, output, complaints } = answer;
    if code == Some(0) {
        return Ok(output);
    }
    let lines: Vec<_> = complaints.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LAST_WORDS)..].join("; ");
    let code = code.map_or_else(|| "without a code".to_owned(), |code| format!("with code {code}"));
    Err(MachineError::Failed(if last.is_empty() { format!("it ended {code}") } else { last }))
}

#[cfg(test)]
mod tests;
