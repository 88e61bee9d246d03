//! `status`: what every host runs and every store holds, and how that differs from the release in force. Changes nothing.

use crate::cli::{self, Overrides};
use crate::error::{Exit, Result};
use crate::fleet::status::Status;
use crate::report::status::StatusAnswer;

use super::{Context, publish, select};

/// Looks at the hosts and compares.
pub(super) async fn run(context: &Context, arguments: &cli::Status) -> Result<Exit> {
    let environment = context.recorded_environment(&arguments.target, &Overrides::default())?;
    let selection = select(&environment, &arguments.selectors)?;
    context
        .visit(&environment, async |fleet| {
            // Hosts that are not selected are asked too: the newest record may be theirs.
            let observed = context.look(fleet).await?;
            let nobody_answered = observed.hosts.keys().all(|host| observed.seen(host).is_none());
            let mut status = Status::of(&observed);
            status.add_traffic(&environment, &observed);
            let stores =
                async { Ok(publish::standings(&environment, &observed.ledger(), context.reporter.redactor()).await) };
            status.stores = context.signals.unless_cancelled(stores).await?;
            status.rows.retain(|row| selection.has_host(&row.host) && selection.has_service(&row.service));
            status.unreachable.retain(|(host, _)| selection.has_host(host));
            let exit = match arguments.check {
                true if !status.is_clean() => Exit::Differs,
                _ if nobody_answered => Exit::Unchanged,
                _ => Exit::Done,
            };
            context
                .reporter
                .answer(&StatusAnswer { scope: environment.scope(), status: &status, now: context.clock.now() }, exit);
            Ok(exit)
        })
        .await
}
