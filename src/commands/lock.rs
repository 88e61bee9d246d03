//! `lock show`: who holds the lock. Changes nothing.

use futures_util::future::join_all;

use crate::cli::{self, Overrides};
use crate::error::{Exit, Result};
use crate::report::lock::LockAnswer;
use crate::rollout::lock::holder;

use super::Context;

/// Reads the lock on every host.
pub(super) async fn show(context: &Context, arguments: &cli::LockShow) -> Result<Exit> {
    let environment = context.recorded_environment(&arguments.target, &Overrides::default())?;
    let scope = environment.scope();
    context
        .visit(&environment, async |fleet| {
            let asking = fleet.doors.hosts.iter().map(|(host, doors)| {
                let scope = &scope;
                async move { (host.clone(), holder(doors.markers.as_ref(), host, scope).await) }
            });
            let answers = context.signals.unless_cancelled(async { Ok(join_all(asking).await) }).await?;
            let mut unreachable: Vec<_> =
                fleet.doors.unreachable.iter().map(|(host, why)| (host.clone(), why.clone())).collect();
            let (mut holders, mut answered) = (Vec::new(), 0);
            for (host, answer) in answers {
                match answer {
                    Ok(holder) => {
                        answered += 1;
                        holders.extend(holder);
                    }
                    Err(error) => unreachable.push((host, error.to_string())),
                }
            }
            let exit = if answered == 0 { Exit::Unchanged } else { Exit::Done };
            let answer = LockAnswer { scope: scope.clone(), holders, unreachable, now: context.clock.now() };
            context.reporter.answer(&answer, exit);
            Ok(exit)
        })
        .await
}
