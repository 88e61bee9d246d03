//! `prune`: what no release needs any more is removed from hosts. Needs neither registry nor secrets.

use std::collections::BTreeMap;

use anyhow::anyhow;

use crate::cli;
use crate::error::{Error, Exit, Result};
use crate::fleet::select::Selection;
use crate::journal::hand::{Ending, Place};
use crate::name::HostName;
use crate::report::lock::held;
use crate::report::prune::PruneAnswer;
use crate::rollout::clean::{Clean, Cleaned};
use crate::rollout::lock::NotLocked;

use super::doors::all_answer;
use super::hand::Recorded;
use super::{Context, operator, signals};

/// Removes it, or shows what would go.
pub(super) async fn run(context: &Context, arguments: &cli::Prune) -> Result<Exit> {
    let mut environment = context.recorded_environment(&arguments.target, &arguments.overrides)?;
    environment.prune.grace = arguments.grace.unwrap_or(environment.prune.grace);
    environment.prune.exclude.extend(arguments.exclude.iter().cloned());
    let selection = Selection::resolve(&environment, &arguments.hosts, &[]).map_err(Error::bad_input)?;
    let (recorder, scope) = (context.recorder(), environment.scope());
    context
        .visit(&environment, async |fleet| {
            let observed = context.look(fleet).await?;
            all_answer(&observed, &selection)?;
            let clean =
                Clean { environment: &environment, selection: &selection, doors: &fleet.doors, recorder: &recorder };
            let (hosts, done) = if arguments.dry_run {
                let look = async { Ok(clean.look(&observed).await) };
                (context.signals.unless_cancelled(look).await?, false)
            } else {
                let hosts = environment.hosts.keys().filter(|host| selection.has_host(host)).map(Place::host).collect();
                let note = Recorded::begin_at(context, &environment, "prune", hosts, &[], arguments.reason.as_ref())?;
                let claim = operator::claim("prune", context.clock.now());
                let cancel = context.signals.act(&recorder);
                let cleaned = clean.run(&claim, cancel).await;
                context.signals.rest();
                let hosts = environment.hosts.keys().filter(|host| selection.has_host(host));
                let endings: Vec<_> =
                    hosts.map(|host| Ending::of_host(host, failure(&cleaned, host, cancel.is_requested()))).collect();
                note.end_after(context, &recorder, &endings);
                (cleaned.map_err(|refusal| not_locked(context, refusal))?, true)
            };
            let exit = match hosts.values().all(|host| host.failure.is_none()) {
                _ if context.signals.cancel().is_requested() => Exit::Interrupted,
                true => Exit::Done,
                false => Exit::Unchanged,
            };
            context.reporter.answer(&PruneAnswer { scope, hosts, done }, exit);
            Ok(exit)
        })
        .await
}

/// Why a host does not have all of it behind it.
fn failure(
    cleaned: &std::result::Result<BTreeMap<HostName, Cleaned>, NotLocked>,
    host: &HostName,
    is_cancelled: bool,
) -> Option<String> {
    let interrupted = || "interrupted".to_owned();
    match cleaned {
        Ok(cleaned) => match cleaned.get(host) {
            Some(cleaned) => cleaned.failure.clone().or_else(|| is_cancelled.then(interrupted)),
            None => Some("it did not answer".to_owned()),
        },
        Err(NotLocked::Held(_)) => Some("nothing was removed: somebody else has the lock".to_owned()),
        Err(NotLocked::Failed(..)) => Some("nothing was removed: the lock cannot be taken".to_owned()),
        Err(NotLocked::Cancelled) => Some(interrupted()),
    }
}

fn not_locked(context: &Context, refusal: NotLocked) -> Error {
    match refusal {
        NotLocked::Held(holder) => {
            let source = anyhow!("nothing was removed: {}", held(&holder, context.clock.now()));
            Error { exit: Exit::Locked, ..Error::unchanged(source) }
        }
        NotLocked::Failed(host, error) => Error::unchanged(anyhow!("the lock cannot be taken on {host}: {error}")),
        NotLocked::Cancelled => signals::interrupted(),
    }
}
