//! `man`: manual pages, one for each command.

use std::fs;

use anyhow::Context as _;

use crate::cli::{self, manual};
use crate::error::{Error, Exit, Result};
use crate::report::Reporter;
use crate::report::told::PagesAnswer;

/// Writes the pages into a directory.
pub(super) fn run(reporter: &Reporter, arguments: &cli::Manual) -> Result<Exit> {
    let directory = &arguments.directory;
    let named = || directory.display().to_string();
    fs::create_dir_all(directory).with_context(named).map_err(Error::unchanged)?;
    let pages = manual::pages();
    for (name, text) in &pages {
        let file = directory.join(name);
        fs::write(&file, text).with_context(|| file.display().to_string()).map_err(Error::unchanged)?;
    }
    let files = pages.into_iter().map(|(name, _)| name).collect();
    reporter.answer(&PagesAnswer { directory, files }, Exit::Done);
    Ok(Exit::Done)
}
