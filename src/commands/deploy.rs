//! `deploy`: bring the manifest's release to the hosts.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::cli;
use crate::error::{Error, Exit, Result};
use crate::plan::Plan;
use crate::plan::saved::{self, SavedPlanError};

use super::Context;
use super::proposal::{Input, propose};
use super::rollout::{Order, carry_out};

/// Plans, asks, rolls out.
pub(super) async fn run(context: &Context, arguments: &cli::Deploy) -> Result<Exit> {
    let assent = context.assent(arguments.assent)?;
    let reviewed = arguments.plan.as_deref().map(read).transpose()?;
    let input = Input::read(context, &arguments.target, &arguments.selectors, &arguments.overrides).await?;
    let recorder = context.recorder();
    context
        .visit(&input.environment, async |fleet| {
            let images = reviewed.as_ref().map(|plan| plan.images.clone());
            let proposal = context.signals.unless_cancelled(propose(fleet, &input, images, &recorder)).await?;
            if let Some(reviewed) = &reviewed {
                saved::compare(reviewed, &proposal.plan).map_err(stale)?;
            }
            fleet.learn_passwords(&input.logins, &proposal.plan).await?;
            carry_out(
                context,
                fleet,
                &recorder,
                Order { proposal: &proposal, files: &input.files, assent, remark: None },
            )
            .await
        })
        .await
}

fn read(file: &Path) -> Result<Plan> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string()).map_err(Error::bad_input)?;
    saved::read(&text).with_context(|| file.display().to_string()).map_err(Error::bad_input)
}

fn stale(error: SavedPlanError) -> Error {
    Error::unchanged(error).hint(
        "plan again, with the same --host, --service and --set as here, and have it reviewed: shipctl plan ENV -o FILE",
    )
}
