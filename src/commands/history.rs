//! `history`: past rollouts, as the hosts remember them. Changes nothing.

use crate::cli::{self, Overrides};
use crate::error::{Exit, Result};
use crate::fleet::select::Selection;
use crate::report::history::HistoryAnswer;

use super::Context;
use super::doors::{all_answer, unreachable};

/// Reads the ledger of the hosts.
pub(super) async fn run(context: &Context, arguments: &cli::History) -> Result<Exit> {
    let environment = context.recorded_environment(&arguments.target, &Overrides::default())?;
    let recorder = context.quiet_recorder();
    context
        .visit(&environment, async |fleet| {
            let observed = context.signals.unless_cancelled(async { Ok(fleet.observe(&recorder).await) }).await?;
            let everybody = Selection::default();
            let silent = unreachable(&observed, &everybody);
            if silent.len() == observed.hosts.len() {
                all_answer(&observed, &everybody)?;
            }
            let ledger = observed.ledger();
            let answer = HistoryAnswer {
                scope: environment.scope(),
                current: ledger.current().map(|entry| entry.release.clone()),
                entries: ledger.entries.into_iter().rev().take(arguments.limit).collect(),
                unreachable: silent,
                now: context.clock.now(),
            };
            context.reporter.answer(&answer, Exit::Done);
            Ok(Exit::Done)
        })
        .await
}
