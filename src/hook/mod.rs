//! The door to hooks: programs of the operator's own that run on this machine at named points of a rollout.

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::engine::LineSink;
use crate::environment::Hook;

pub mod facts;
pub mod local;

pub use facts::Facts;

/// Runs hooks.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Runs one to its end, or until its time is up or `stop` returns; then it is ended, with all that it has started.
    /// `line` gets its output as it comes.
    async fn run(&self, hook: &Hook, facts: &Facts, line: &LineSink, stop: BoxFuture<'_, ()>) -> HookEnd;
}

/// How a hook ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookEnd {
    /// With exit code 0.
    Done,
    /// Otherwise, or it could not be run at all.
    Failed(String),
    /// It was stopped.
    Stopped,
}
