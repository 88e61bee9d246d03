//! The error of a command: what kind it is, its causes, and what to do next. This is the only place
//! where kinds meet exit codes.

use std::fmt;
use std::process::ExitCode;

/// What a run of shipctl came to, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Failed, and no host was changed.
    Unchanged,
    /// Bad input: arguments, manifest, template. Nothing was contacted.
    BadInput,
    /// Every touched host runs what it ran before, healthy.
    RolledBack,
    /// Mixed or unknown; the table says which host runs what.
    Mixed,
    /// Another rollout holds the lock.
    Locked,
    /// Interrupted: the host in hand was finished or undone, the lock released.
    Interrupted,
    /// `plan --check` or `status --check`: there are differences.
    Differs,
    /// A program that was run by hand ended with this code.
    Program(u8),
}

impl Exit {
    /// As scripts get it.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unchanged => 1,
            Self::BadInput => 2,
            Self::RolledBack => 3,
            Self::Mixed => 4,
            Self::Locked => 5,
            Self::Interrupted => 6,
            Self::Differs => 7,
            Self::Program(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error on its way to the operator.
#[derive(Debug)]
pub struct Error {
    /// Decides the exit code.
    pub exit: Exit,
    /// What failed and why, outermost first.
    pub source: anyhow::Error,
    /// What to do next, one sentence or command each.
    pub hints: Vec<String>,
}

impl Error {
    /// Something in the operator's input is wrong; nothing was contacted.
    pub fn bad_input(source: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::BadInput, source: source.into(), hints: Vec::new() }
    }

    /// Something failed before any host was changed.
    pub fn unchanged(source: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Unchanged, source: source.into(), hints: Vec::new() }
    }

    /// Adds a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.source)
    }
}

impl From<anyhow::Error> for Error {
    /// Errors without a better kind happened before anything was changed; a rollout never ends this way.
    fn from(source: anyhow::Error) -> Self {
        Self::unchanged(source)
    }
}

/// Result of a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;
