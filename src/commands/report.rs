//! `report`: a rollout as a page for a browser, from its journal. Nothing is contacted.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context as _, anyhow};

use crate::cli;
use crate::error::{Error, Exit, Result};
use crate::journal::shelf::{self, Recorded, ShelfError};
use crate::journal::story::Story;
use crate::manifest;
use crate::name::EnvironmentName;
use crate::release::ReleaseId;
use crate::report::html;
use crate::report::told::PageAnswer;

use super::Context;

/// Makes the page of a rollout.
pub(super) fn run(context: &Context, arguments: &cli::Report) -> Result<Exit> {
    let output = arguments.output.as_deref();
    if output.is_none() && (io::stdout().is_terminal() || context.reporter.is_json()) {
        return Err(Error::bad_input(anyhow!("the page has to go to a file")).hint("name one with -o report.html"));
    }
    let environment = named(context, &arguments.target.environment)?;
    let wanted = arguments.release.as_deref();
    let Recorded { path, records, unreadable } = shelf::find(&context.root, &environment, wanted).map_err(missing)?;
    let story = Story::of(records).ok_or_else(|| {
        Error::unchanged(anyhow!("{} holds no beginning of a rollout that this shipctl can read", path.display()))
    })?;
    let page = html::page(&story, unreadable).context("the page cannot be made").map_err(Error::unchanged)?;
    let page = context.reporter.redactor().text(&page);
    let Some(output) = output else {
        let written = io::stdout().write_all(page.as_bytes());
        written.context("the page cannot be written").map_err(Error::unchanged)?;
        return Ok(Exit::Done);
    };
    write(output, &page).with_context(|| output.display().to_string()).map_err(Error::unchanged)?;
    context.reporter.answer(&PageAnswer { story: &story, file: output, bytes: page.len() }, Exit::Done);
    Ok(Exit::Done)
}

/// The environment of this name. Its manifest is not read: evidence of a rollout is wanted just when that is broken.
fn named(context: &Context, name: &str) -> Result<EnvironmentName> {
    let known = manifest::environments(&context.root);
    let environment = name.parse::<EnvironmentName>().ok().filter(|it| {
        // One whose manifest was removed has its journals still.
        known.contains(it) || shelf::holds(&context.root, it)
    });
    environment.ok_or_else(|| {
        let hint = manifest::suggest::hint(name, known.iter().map(EnvironmentName::as_str));
        Error::bad_input(anyhow!("there is no environment `{name}`")).hint(hint)
    })
}

/// Puts the page in its place whole, or leaves there what was.
fn write(output: &Path, page: &str) -> io::Result<()> {
    let directory = output.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(permissions()).tempfile_in(directory)?;
    file.write_all(page.as_bytes())?;
    file.persist(output).map_err(|error| error.error)?;
    Ok(())
}

/// As any file that is made: what is in a page is for others to read.
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

fn missing(error: ShelfError) -> Error {
    match error {
        ShelfError::NotFound { ref wanted, ref known } if !known.is_empty() => {
            let is_name = ReleaseId::is_name(wanted);
            let known: Vec<_> = known.iter().map(ToString::to_string).collect();
            let hint = format!("there are journals of {}", known.join(", "));
            let error = if is_name { Error::unchanged(error) } else { Error::bad_input(error) };
            error.hint(hint)
        }
        ShelfError::NotFound { .. } | ShelfError::Empty(_) => {
            Error::unchanged(error).hint("a journal is where its rollout was carried out from")
        }
        ShelfError::Unreadable { .. } | ShelfError::Newer { .. } => Error::unchanged(error),
    }
}
