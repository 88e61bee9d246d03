//! `rollback`: bring an earlier release back, from what the hosts have kept. Needs neither registry nor secrets.

use anyhow::anyhow;

use crate::cli;
use crate::error::{Error, Exit, Result};
use crate::fleet::ledger::{Entry, Kind, Ledger};
use crate::fleet::observed::{Observed, Phase};
use crate::fleet::select::Selection;
use crate::fleet::status::{Drift, Status, StatusRow};
use crate::name::{HostName, ServiceName};
use crate::plan::planner;
use crate::release::{Files, ReleaseId};

use super::confirm::Assent;
use super::doors::{Fleet, all_answer, refused};
use super::proposal::{Proposal, checked, without_downtime};
use super::rollout::{Order, before_plan, carry_out, leave_out};
use super::{Context, publish, secrets, select};

/// Chooses the release, plans, asks, rolls out.
pub(super) async fn run(context: &Context, arguments: &cli::Rollback) -> Result<Exit> {
    let assent = context.assent(arguments.assent)?;
    let mut environment = context.recorded_environment(&arguments.target, &arguments.overrides)?;
    leave_out(arguments.limits, &mut environment);
    let selection = select(&environment, &arguments.selectors)?;
    if let Some(to) = arguments.to.as_deref().filter(|to| !ReleaseId::is_name(to)) {
        return Err(Error::bad_input(anyhow!("`{}` is not the name of a release", to.escape_debug()))
            .hint("write `12`, `r12`, or its digest as `shipctl history ENV` shows it"));
    }
    context.visit(&environment, async |fleet| back(context, fleet, &selection, arguments, assent).await).await
}

async fn back(
    context: &Context,
    fleet: &Fleet<'_>,
    selection: &Selection,
    arguments: &cli::Rollback,
    assent: Assent,
) -> Result<Exit> {
    let keys =
        secrets::only(fleet.environment, publish::keys_of(fleet.environment), context.reporter.redactor()).await?;
    let recorder = context.recorder();
    before_plan(context, fleet.environment, Kind::Rollback, &recorder).await?;
    let observed = context.signals.unless_cancelled(async { Ok(fleet.observe(&recorder).await) }).await?;
    all_answer(&observed, selection)?;
    let ledger = observed.ledger();
    let Choice { entry, remark } = choose(&ledger, &observed, selection, arguments.to.as_deref())?;
    let mut plan = planner::rollback(fleet.environment, &observed, selection, entry).map_err(refused)?;
    let publishing = publish::propose(fleet.environment, &keys, None, &ledger, &mut plan).await?;
    plan.reason.clone_from(&arguments.reason);
    without_downtime(&plan, arguments.limits.require_zero_downtime)?;
    let proposal = Proposal { plan: checked(plan)?, observed, publishing, key: None };
    carry_out(context, fleet, &recorder, Order { proposal: &proposal, files: &Files::new(), assent, remark }).await
}

struct Choice<'l> {
    entry: &'l Entry,
    remark: Option<String>,
}

/// The release that was named; otherwise the one in force where the fleet does not run it, otherwise the one before.
fn choose<'l>(ledger: &'l Ledger, observed: &Observed, selection: &Selection, to: Option<&str>) -> Result<Choice<'l>> {
    if let Some(to) = to {
        let unknown = || {
            Error::unchanged(anyhow!("no completed rollout brought a release `{to}`"))
                .hint("shipctl history ENV names them")
        };
        return ledger.find(to).map(|entry| Choice { entry, remark: None }).ok_or_else(unknown);
    }
    let none = || {
        Error::unchanged(anyhow!("no release has been completed in this environment, so there is none to go back to"))
    };
    let current = ledger.current().ok_or_else(none)?;
    let earlier = ledger.last_good();
    if is_left(observed, selection) {
        let earlier = earlier.map(|entry| format!("; for the one before it: --to r{}", entry.release.number));
        let remark = format!(
            "{} is in force and does not run everywhere: it is put back{}",
            current.release,
            earlier.unwrap_or_default()
        );
        return Ok(Choice { entry: current, remark: Some(remark) });
    }
    let first = || Error::unchanged(anyhow!("{} is the first release, there is none before it", current.release));
    earlier.map(|entry| Choice { entry, remark: None }).ok_or_else(first)
}

/// Whether the container of the release in force was not stopped by a rollout, which takes its restart policy away: then it
/// could not be kept running, and is no release to go back to.
fn ended_by_itself(observed: &Observed, host: &HostName, service: &ServiceName) -> bool {
    let ledger = observed.ledger();
    let wanted = ledger.current().and_then(|entry| entry.placements.get(host)?.get(service));
    observed.seen(host).is_some_and(|seen| {
        seen.of_service(service).any(|container| {
            let ended = matches!(container.state.phase, Phase::Exited { .. } | Phase::Dead);
            Some(&container.stamp.spec) == wanted && ended && container.restart == container.stamp.restart
        })
    })
}

/// Whether a selected host runs something else than the release in force. One that runs it badly is a reason to
/// go back further, and a container that no release explains is none at all.
fn is_left(observed: &Observed, selection: &Selection) -> bool {
    let is_selected = |host, service| selection.has_host(host) && selection.has_service(service);
    let rows = Status::of(observed).rows;
    // What an operator has stopped was not left by a rollout.
    let may_be_left = |row: &StatusRow| row.act.as_ref().is_none_or(|said| said.kind.brings_release());
    rows.iter().filter(|row| may_be_left(row) && is_selected(&row.host, &row.service)).any(|row| match row.drift {
        Some(Drift::NotRunning) => !ended_by_itself(observed, &row.host, &row.service),
        Some(Drift::SecretsGone | Drift::OtherRelease | Drift::Unproven | Drift::RestartPolicy | Drift::Several) => {
            true
        }
        Some(Drift::Unhealthy | Drift::Orphan | Drift::OutOfTraffic) | None => false,
    })
}
