//! From a plan to its end: shown, confirmed, carried out, reported. What `deploy` and `rollback` have in common.

use anyhow::Context as _;

use crate::error::{Error, Exit, Result};
use crate::journal::FileJournal;
use crate::release::Files;
use crate::report::plan::{NothingToDo, PlanAnswer};
use crate::report::rollout::RolloutAnswer;
use crate::rollout::Rollout;
use crate::rollout::recorder::Recorder;
use crate::rollout::report::Outcome;

use super::Context;
use super::confirm::{Answer, Assent};
use super::doors::Fleet;
use super::proposal::Proposal;
use super::{key, operator};

/// What is to be carried out.
pub(super) struct Order<'a> {
    /// The plan.
    pub(super) proposal: &'a Proposal,
    /// Contents of its files.
    pub(super) files: &'a Files,
    /// How the operator agrees.
    pub(super) assent: Assent,
    /// Why it is this plan, if that is not plain from the command.
    pub(super) remark: Option<String>,
}

/// Shows the plan, asks, carries it out, and says what came of it.
pub(super) async fn carry_out(
    context: &Context,
    fleet: &Fleet<'_>,
    recorder: &Recorder,
    order: Order<'_>,
) -> Result<Exit> {
    let Proposal { plan, observed, publishing, .. } = order.proposal;
    if plan.is_noop() {
        context.reporter.answer(&NothingToDo { plan }, Exit::Done);
        return Ok(Exit::Done);
    }
    context.reporter.preview(&PlanAnswer { plan, saved: None, remark: order.remark });
    let scope = &plan.scope;
    let question = format!("Carry this out on {} {}? [y/N]", scope.project, scope.environment);
    if context.confirm(order.assent, question).await? == Answer::No {
        return Err(Error::unchanged(anyhow::anyhow!("not confirmed; no host was changed")));
    }
    let claim = operator::claim(plan, context.clock.now());
    let journal = FileJournal::create(&context.root, scope, &claim.rollout, context.reporter.redactor().clone())
        .context("the journal cannot be created")
        .map_err(Error::unchanged)?;
    recorder.keep_in(Box::new(journal));
    let cancel = context.signals.act(recorder);
    let (files, doors) = (order.files, &fleet.doors);
    let key = order.proposal.key.as_ref();
    let rollout = Rollout { plan, observed, files, publishing, key, doors, recorder, cancel, claim };
    let report = context.reporter.redactor().data(rollout.run().await);
    context.signals.rest();
    if matches!(report.outcome, Outcome::Completed | Outcome::RolledBack | Outcome::Halted) {
        key::arrived(&context.root, scope);
    }
    let exit = report.outcome.exit();
    context.reporter.answer(&RolloutAnswer { report: &report, plan, now: context.clock.now() }, exit);
    Ok(exit)
}
