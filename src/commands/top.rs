//! `top`: what the containers of all hosts use. Changes nothing.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::cli::{self, Overrides};
use crate::error::{Exit, Result};
use crate::fleet::select::Selection;
use crate::report::top::{Row, TopAnswer};

use super::doors::{Fleet, all_answer, unreachable};
use super::{Context, select};

/// From one table to the next; an engine takes a second or two to count.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest wait for what an engine counts.
const COUNT: Duration = Duration::from_secs(10);

/// Shows a table, or one after the other where somebody looks at a terminal.
pub(super) async fn run(context: &Context, arguments: &cli::Top) -> Result<Exit> {
    let environment = context.recorded_environment(&arguments.target, &Overrides::default())?;
    let selection = select(&environment, &arguments.selectors)?;
    let is_live = !arguments.once && context.reporter.is_read_by_people() && context.reporter.can_redraw();
    context
        .visit(&environment, async |fleet| {
            let mut is_first = true;
            loop {
                let look = async { look(context, fleet, &selection, is_first).await };
                let table = match context.signals.unless_cancelled(look).await {
                    Err(_) if !is_first && context.signals.cancel().is_requested() => return Ok(Exit::Done),
                    table => table?,
                };
                let exit = if table.unreachable.is_empty() { Exit::Done } else { Exit::Unchanged };
                if !is_live {
                    context.reporter.answer(&table, exit);
                    return Ok(exit);
                }
                context.reporter.redraw(&table, is_first);
                is_first = false;
                tokio::select! {
                    () = context.signals.cancel().requested() => return Ok(Exit::Done),
                    () = sleep(PAUSE) => {}
                }
            }
        })
        .await
}

async fn look(context: &Context, fleet: &Fleet<'_>, selection: &Selection, is_first: bool) -> Result<TopAnswer> {
    let observed = if is_first {
        fleet.observe(&context.quiet_recorder()).await
    } else {
        // The table stays where it is meanwhile.
        fleet.doors.observe(&fleet.environment.scope()).await
    };
    context.reporter.clear();
    let silent = unreachable(&observed, selection);
    let hosts = || observed.hosts.keys().filter(|host| selection.has_host(host));
    if is_first && silent.len() == hosts().count() {
        all_answer(&observed, selection)?;
    }
    let containers = hosts().flat_map(|host| {
        let containers = observed.seen(host).into_iter().flat_map(|seen| &seen.containers);
        containers.map(move |container| (host, container))
    });
    let meant = containers.filter(|(_, one)| one.state.is_running() && selection.has_service(&one.stamp.service));
    let mut rows = join_all(meant.map(|(host, one)| async move {
        let counted = async { fleet.console(host)?.usage(&one.id).await.ok() };
        Row {
            host: host.clone(),
            service: one.stamp.service.clone(),
            release: one.stamp.release,
            container: one.name.clone(),
            since: one.state.started_at,
            restarts: one.state.restarts,
            usage: timeout(COUNT, counted).await.ok().flatten(),
        }
    }))
    .await;
    rows.sort_by(|one, other| (&one.host, &one.service).cmp(&(&other.host, &other.service)));
    Ok(TopAnswer { rows, unreachable: silent, now: context.clock.now() })
}
