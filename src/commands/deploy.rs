//! `deploy`: bring the manifest's release to the hosts.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use crate::cli::{self, Hotfix, Selectors};
use crate::environment::Service;
use crate::error::{Error, Exit, Result};
use crate::fleet::ledger::Kind;
use crate::plan::Plan;
use crate::plan::saved::{self, SavedPlanError};

use super::Context;
use super::proposal::{Images, Input, propose, without_downtime};
use super::rollout::{Order, before_plan, carry_out, leave_out};

/// Plans, asks, rolls out.
pub(super) async fn run(context: &Context, arguments: &cli::Deploy) -> Result<Exit> {
    let assent = context.assent(arguments.assent)?;
    let mut reviewed = arguments.plan.as_deref().map(read).transpose()?;
    let mut input =
        Input::read(context, &arguments.target, &selectors(arguments), &arguments.rerun_jobs, &arguments.overrides)
            .await?;
    leave_out(arguments.limits, &mut input.environment);
    if let Some(plan) = &mut reviewed {
        if arguments.limits.no_hooks {
            plan.hooks.clear();
        }
        if arguments.limits.no_notify {
            plan.notify.clear();
        }
    }
    hotfix(&mut input, &arguments.images)?;
    let recorder = context.recorder();
    before_plan(context, &input.environment, Kind::Deploy, &recorder).await?;
    context
        .visit(&input.environment, async |fleet| {
            let images = reviewed.as_ref().map_or(Images::Manifest, |plan| Images::Reviewed(plan.images.clone()));
            let mut proposal = context.signals.unless_cancelled(propose(fleet, &input, images, &recorder)).await?;
            if let Some(reviewed) = &reviewed {
                saved::compare(reviewed, &proposal.plan).map_err(stale)?;
            }
            proposal.plan.reason.clone_from(&arguments.reason);
            without_downtime(&proposal.plan, arguments.limits.require_zero_downtime)?;
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

/// What is selected: of a hotfix, nothing but the services that it names, unless others are selected too.
fn selectors(arguments: &cli::Deploy) -> Selectors {
    let mut selectors = arguments.selectors.clone();
    if selectors.services.is_empty() {
        selectors.services = arguments.images.iter().filter_map(|it| Some(it.service.as_ref()?.to_string())).collect();
    }
    selectors
}

/// Puts images in the place of those of the manifest, which are not built then.
fn hotfix(input: &mut Input, images: &[Hotfix]) -> Result<()> {
    for Hotfix { service, image } in images {
        let environment = &mut input.environment;
        let is_meant = |one: &&Service| one.instance_of.is_none() && input.selection.has_service(&one.name);
        let meant: Vec<_> = environment.services.values().filter(is_meant).map(|one| one.name.clone()).collect();
        let name = match (service, &meant[..]) {
            (Some(name), _) if meant.contains(name) => name,
            (None, [only]) => only,
            _ => {
                let names: Vec<_> = meant.iter().map(ToString::to_string).collect();
                let wanted = service.as_ref().map_or("--image does not say which service".to_owned(), |name| {
                    format!("there is no service `{name}` to give an image to")
                });
                let source = anyhow!("{wanted}; there are: {}", names.join(", "));
                return Err(Error::bad_input(source).hint("write --image SERVICE=NAME@sha256:…"));
            }
        };
        let is_it = |service: &Service| service.name == *name || service.instance_of.as_ref() == Some(name);
        let own = environment.services.values_mut().filter(|service| is_it(service));
        let on_hosts = environment.overrides.values_mut().filter(|service| is_it(service));
        for service in own.chain(on_hosts) {
            service.image.clone_from(image);
            service.build = None;
        }
    }
    Ok(())
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
