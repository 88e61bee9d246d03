//! The question before hosts are changed.

use std::io::{self, Write};

use anyhow::{Context as _, anyhow};
use dialoguer::Input;

use crate::cli;
use crate::error::{Error, Result};

use super::Context;
use super::signals;

/// How the operator agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assent {
    /// By `--yes`.
    Given,
    /// By answering.
    Ask,
}

impl Context {
    /// How the operator will agree. Where nobody can be asked this fails at once, before anything is built or contacted.
    pub(super) fn assent(&self, asked: cli::Assent) -> Result<Assent> {
        self.assent_to(asked, "this changes hosts")
    }

    /// The same for something that is no rollout.
    pub(super) fn assent_to(&self, asked: cli::Assent, what: &str) -> Result<Assent> {
        if asked.yes {
            return Ok(Assent::Given);
        }
        if self.reporter.can_ask() {
            return Ok(Assent::Ask);
        }
        let source = anyhow!("{what}, so it asks first; but there is no terminal here to ask on");
        Err(Error::bad_input(source).hint("add --yes to go on without a question"))
    }

    /// Asks whether the plan that was just shown shall be carried out.
    pub(super) async fn confirm(&self, assent: Assent, question: String) -> Result<Answer> {
        if assent == Assent::Given {
            return Ok(Answer::Yes);
        }
        self.reporter.clear();
        // By line, in the terminal's own mode: a process that ends here leaves the terminal as it was.
        let ask = move || Input::<String>::new().with_prompt(question).allow_empty(true).interact();
        let asking = async {
            let answer = tokio::task::spawn_blocking(ask)
                .await
                .context("the question could not be asked")
                .map_err(Error::unchanged)?;
            answer.map_err(|_| signals::interrupted())
        };
        let answer = self.signals.unless_cancelled(asking).await.inspect_err(|_| {
            // The cursor still stands behind the question; if that cannot be helped, nothing is lost.
            let _ = io::stderr().write_all(b"\n");
        })?;
        Ok(if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") { Answer::Yes } else { Answer::No })
    }
}

/// What the operator said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Go on.
    Yes,
    /// Change nothing.
    No,
}
