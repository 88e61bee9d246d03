//! A program on this machine, such as one that sets the status of a commit. It is run as a hook is.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Untold, Way};
use crate::engine::LineSink;
use crate::environment::Hook;
use crate::hook::local::LocalHooks;
use crate::hook::{Facts, HookEnd, Hooks};
use crate::redact::Redactor;

/// A program.
pub(super) struct Program {
    hook: Hook,
    door: LocalHooks,
}

impl Program {
    pub(super) fn new(words: &[String], timeout: Duration, root: &Path, redactor: &Redactor) -> Self {
        let hook = Hook { command: words.to_vec(), timeout };
        Self { hook, door: LocalHooks::new(root, redactor.clone()) }
    }
}

#[async_trait]
impl Way for Program {
    /// What it prints is its own; of one that fails, the last line says why.
    async fn tell(&self, facts: &Facts) -> Result<(), Untold> {
        let last = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&last);
        let sink: LineSink = Arc::new(move |line| *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(line));
        let end = self.door.run(&self.hook, facts, &sink, Box::pin(std::future::pending())).await;
        let last = last.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (end, last) {
            (HookEnd::Done, _) => Ok(()),
            (HookEnd::Failed(why), Some(last)) => Err(Untold::for_good(format!("{why}: {last}"))),
            (HookEnd::Failed(why), None) => Err(Untold::for_good(why)),
            (HookEnd::Stopped, _) => Err(Untold::for_good("it was stopped")),
        }
    }
}
