//! `plan`: what `deploy` would do.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use tempfile::NamedTempFile;

use crate::cli;
use crate::error::{Error, Exit, Result};
use crate::plan::{Plan, saved};
use crate::report::plan::PlanAnswer;

use super::Context;
use super::proposal::{Images, Input, propose, without_downtime};

/// Plans, and shows or saves the plan. Images that the manifest says are built are built and pushed: a plan names
/// them by content.
pub(super) async fn run(context: &Context, arguments: &cli::Plan) -> Result<Exit> {
    let input =
        Input::read(context, &arguments.target, &arguments.selectors, &arguments.rerun_jobs, &arguments.overrides)
            .await?;
    let recorder = context.recorder();
    context
        .visit(&input.environment, async |fleet| {
            let proposal =
                context.signals.unless_cancelled(propose(fleet, &input, Images::Manifest, &recorder)).await?;
            let plan = &proposal.plan;
            without_downtime(plan, arguments.require_zero_downtime)?;
            let saved = arguments.output.as_deref();
            saved.map(|file| save(plan, file)).transpose()?;
            let exit = if arguments.check && !plan.is_noop() { Exit::Differs } else { Exit::Done };
            context.reporter.answer(&PlanAnswer { plan, saved, remark: None }, exit);
            Ok(exit)
        })
        .await
}

/// Writes the whole file or none. It is readable by its owner only: environment variables are in it.
fn save(plan: &Plan, file: &Path) -> Result<()> {
    let text = saved::write(plan).map_err(Error::unchanged)?;
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> anyhow::Result<()> {
        let mut temporary = NamedTempFile::new_in(directory)?;
        temporary.write_all(text.as_bytes())?;
        temporary.as_file().sync_all()?;
        temporary.persist(file)?;
        Ok(())
    };
    write().with_context(|| format!("the plan cannot be written to {}", file.display())).map_err(Error::unchanged)
}
