//! From a plan to its end: shown, confirmed, carried out, reported. What `deploy` and `rollback` have in common.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;

use crate::cli::Limits;
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::event::{Event, Warning};
use crate::fleet::ledger::Kind;
use crate::hook::Facts;
use crate::journal::FileJournal;
use crate::notify::Notifier;
use crate::release::Files;
use crate::report::plan::{NothingToDo, PlanAnswer};
use crate::report::rollout::RolloutAnswer;
use crate::rollout::Rollout;
use crate::rollout::hooks::{Caller, Halted};
use crate::rollout::recorder::Recorder;
use crate::rollout::report::Outcome;

use super::Context;
use super::confirm::{Answer, Assent};
use super::doors::Fleet;
use super::proposal::Proposal;
use super::{key, operator, secrets, signals};

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

/// Takes out of an environment what an operator does without this time.
pub(super) fn leave_out(limits: Limits, environment: &mut Environment) {
    if limits.no_hooks {
        environment.hooks.clear();
    }
    if limits.no_notify {
        environment.notify.clear();
    }
}

/// The hook that comes before anything is looked at or built.
pub(super) async fn before_plan(
    context: &Context,
    environment: &Environment,
    kind: Kind,
    recorder: &Recorder,
) -> Result<()> {
    let facts = Facts::unplanned(environment, kind, &operator::by());
    let (door, cancel) = (&context.hooks(), context.signals.cancel());
    match (Caller { hooks: &environment.hooks, door, recorder, cancel }).call(&facts).await {
        Ok(()) => Ok(()),
        Err(Halted::Stopped) => Err(signals::interrupted()),
        Err(Halted::Failed(failure)) => {
            let source = anyhow::anyhow!("{} failed: {}; no host was changed", failure.doing, failure.reason);
            Err(Error::unchanged(source))
        }
    }
}

/// Who tells of it. A secret that cannot be had keeps nobody from rolling out.
async fn notifier(context: &Context, environment: &Environment) -> Arc<Notifier> {
    let all = &environment.notify;
    let names: BTreeSet<_> = all.values().flat_map(|one| one.to.secrets()).collect();
    let redactor = context.reporter.redactor();
    let secrets = secrets::present(environment, names, redactor).await;
    Arc::new(Notifier::new(all, &context.root, &secrets, redactor))
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
    let claim = operator::claim(plan.kind.as_str(), context.clock.now());
    let journal = FileJournal::create(&context.root, scope, &claim.rollout, context.reporter.redactor().clone())
        .context("the journal cannot be created")
        .map_err(Error::unchanged)?;
    recorder.keep_in(Box::new(journal));
    let notifier = notifier(context, fleet.environment).await;
    recorder.tell(notifier.clone());
    let cancel = context.signals.act(recorder);
    let (files, doors) = (order.files, &fleet.doors);
    let key = order.proposal.key.as_ref();
    let hooks = &context.hooks();
    let caller = Caller { hooks: &plan.hooks, door: hooks, recorder, cancel };
    let own = claim.clone();
    let rollout = Rollout { plan, observed, files, publishing, key, doors, recorder, hooks, cancel, claim };
    let report = context.reporter.redactor().data(rollout.run().await);
    context.signals.rest();
    let ((), untold) = tokio::join!(caller.conclude(plan, &own, &report), notifier.finish());
    for (name, reason) in untold {
        recorder.note(Event::Warning(Warning::NotNotified { name, reason }));
    }
    // Hosts have it before their first container; a rollout without secrets brings it to nobody.
    let has_begun = matches!(
        report.outcome,
        Outcome::Completed | Outcome::Canary | Outcome::RolledBack | Outcome::Partial | Outcome::Halted
    );
    if key.is_some() && has_begun {
        key::arrived(&context.root, scope);
    }
    let exit = report.outcome.exit();
    context.reporter.answer(&RolloutAnswer { report: &report, plan, now: context.clock.now() }, exit);
    Ok(exit)
}
