//! `start`, `stop`, `restart`, `rm`, and `host drain`, `admit`, `reboot`: what an operator does to what runs. Needs neither
//! registry nor secrets.

use std::time::Duration;

use crate::cli::{self, Overrides, Said, Selectors, Target};
use crate::error::Exit;
use crate::error::Result;
use crate::fleet::act::Act;
use crate::fleet::ledger::Kind;
use crate::plan::act::{self, Asked};
use crate::release::Files;

use super::confirm::Assent;
use super::doors::{Power, all_answer, refused};
use super::proposal::{Proposal, checked};
use super::rollout::{Order, carry_out};
use super::{Context, select};

/// Plans, asks, and does it.
pub(super) async fn run(context: &Context, kind: Kind, arguments: &cli::Act) -> Result<Exit> {
    let assent = context.assent(arguments.assent)?;
    let cli::Act { target, selectors, said, force, .. } = arguments;
    done(context, target, selectors, asked(kind, said, *force), assent).await
}

/// The same for what takes nothing away, so nobody is asked.
pub(super) async fn start(context: &Context, arguments: &cli::Start) -> Result<Exit> {
    let cli::Start { target, selectors, said } = arguments;
    done(context, target, selectors, asked(Kind::Start, said, false), Assent::Given).await
}

/// Takes hosts out of traffic.
pub(super) async fn drain(context: &Context, arguments: &cli::HostDrain) -> Result<Exit> {
    let assent = context.assent(arguments.assent)?;
    let cli::HostDrain { target, hosts, reason, force, .. } = arguments;
    let said = Said { parallel: None, reason: reason.clone() };
    done(context, target, &of_hosts(hosts), asked(Kind::Drain, &said, *force), assent).await
}

/// Puts hosts back. What is healthy takes nothing away, so nobody is asked.
pub(super) async fn admit(context: &Context, arguments: &cli::HostAdmit) -> Result<Exit> {
    let cli::HostAdmit { target, hosts, reason } = arguments;
    let said = Said { parallel: None, reason: reason.clone() };
    done(context, target, &of_hosts(hosts), asked(Kind::Admit, &said, false), Assent::Given).await
}

/// Reboots hosts.
pub(super) async fn reboot(context: &Context, arguments: &cli::HostReboot) -> Result<Exit> {
    let assent = context.assent(arguments.assent)?;
    let cli::HostReboot { target, hosts, parallel, timeout, reason, force, .. } = arguments;
    let said = Said { parallel: *parallel, reason: reason.clone() };
    let asked = Asked { back_within: *timeout, ..asked(Kind::Reboot, &said, *force) };
    done(context, target, &of_hosts(hosts), asked, assent).await
}

fn of_hosts(hosts: &[String]) -> Selectors {
    Selectors { hosts: hosts.to_vec(), services: Vec::new() }
}

fn asked(kind: Kind, said: &Said, forced: bool) -> Asked {
    let act = Act { reason: said.reason.clone(), forced };
    Asked { kind, act, parallel: said.parallel.map(usize::from), back_within: Duration::ZERO }
}

async fn done(context: &Context, target: &Target, selectors: &Selectors, asked: Asked, assent: Assent) -> Result<Exit> {
    let mut environment = context.recorded_environment(target, &Overrides::default())?;
    // They are for rollouts, and would take this for one.
    environment.hooks.clear();
    environment.notify.clear();
    let selection = select(&environment, selectors)?;
    let recorder = context.recorder();
    let power = if asked.kind == Kind::Reboot { Power::Reboot } else { Power::None };
    context
        .visit_with(&environment, power, async |fleet| {
            let observed = context.signals.unless_cancelled(async { Ok(fleet.observe(&recorder).await) }).await?;
            all_answer(&observed, &selection)?;
            let plan = act::plan(&environment, &observed, &selection, &asked).map_err(refused)?;
            let proposal = Proposal { plan: checked(plan)?, observed, publishing: Vec::new(), key: None };
            let order = Order { proposal: &proposal, files: &Files::new(), assent, remark: None };
            carry_out(context, fleet, &recorder, order).await
        })
        .await
}
