//! `promote`: bring the release of a canary to the hosts that wait for it.

use std::collections::BTreeMap;

use anyhow::anyhow;

use crate::cli::{self, Selectors};
use crate::container::PinnedImage;
use crate::error::{Error, Exit, Result};
use crate::fleet::ledger::Kind;
use crate::name::ServiceName;
use crate::release::ReleaseId;

use super::Context;
use super::doors::{Fleet, all_answer};
use super::proposal::{Images, Input, propose, without_downtime};
use super::rollout::{Order, before_plan, carry_out, leave_out};

/// Finds the canary, makes its release again from the manifest and its own images, and rolls it out everywhere.
pub(super) async fn run(context: &Context, arguments: &cli::Promote) -> Result<Exit> {
    let assent = context.assent(arguments.assent)?;
    let input = Input::read(context, &arguments.target, &Selectors::default(), &[], &arguments.overrides).await?;
    let mut input = input.promoting();
    leave_out(arguments.limits, &mut input.environment);
    let recorder = context.recorder();
    before_plan(context, &input.environment, Kind::Deploy, &recorder).await?;
    context
        .visit(&input.environment, async |fleet| {
            let (release, images) = context.signals.unless_cancelled(canary(context, fleet, &input)).await?;
            let mut proposal =
                context.signals.unless_cancelled(propose(fleet, &input, Images::Canary(images), &recorder)).await?;
            if proposal.plan.release != release {
                return Err(another(&release, &proposal.plan.release));
            }
            proposal.plan.reason.clone_from(&arguments.reason);
            without_downtime(&proposal.plan, arguments.limits.require_zero_downtime)?;
            fleet.learn_passwords(&input.logins, &proposal.plan).await?;
            let remark =
                Some(format!("{release} is promoted: its canary goes back with the others if one of them fails"));
            carry_out(context, fleet, &recorder, Order { proposal: &proposal, files: &input.files, assent, remark })
                .await
        })
        .await
}

/// The release that waits, and its images.
async fn canary(
    context: &Context,
    fleet: &Fleet<'_>,
    input: &Input,
) -> Result<(ReleaseId, BTreeMap<ServiceName, PinnedImage>)> {
    let observed = fleet.observe(&context.quiet_recorder()).await;
    all_answer(&observed, &input.selection)?;
    let ledger = observed.ledger();
    let Some(entry) = ledger.canary() else {
        return Err(Error::unchanged(anyhow!("no canary waits to be promoted"))
            .hint("`canary: { hosts: 1, promote: manual }` in `update_config` makes `deploy` end with one"));
    };
    Ok((entry.release.clone(), entry.pinned.clone()))
}

fn another(canary: &ReleaseId, now: &ReleaseId) -> Error {
    let source = anyhow!("the canary runs {canary}, and the manifest, a template or a secret now gives {now}");
    Error::unchanged(source)
        .hint("promote it from what it was deployed from, with the same --file and --set")
        .hint("or take it back (shipctl rollback ENV), or deploy what is there now, which begins with a canary again")
}
