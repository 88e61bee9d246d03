//! Where the project is, and where this program is.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use crate::error::{Error, Result};

/// The directory that holds `environments/`: the one that was named, or the nearest one upwards.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf> {
    let is_root = |directory: &&Path| directory.join("environments").is_dir();
    if let Some(named) = named {
        let missing = || Error::bad_input(anyhow!("there is no `environments/` in {}", named.display()));
        return Some(named).filter(is_root).map(Path::to_path_buf).ok_or_else(missing);
    }
    let here = std::env::current_dir().context("the current directory cannot be read").map_err(Error::bad_input)?;
    here.ancestors().find(is_root).map(Path::to_path_buf).ok_or_else(|| {
        Error::bad_input(anyhow!("there is no `environments/` in {} or above it", here.display()))
            .hint("go to the project, or name it with --project DIR")
    })
}

/// This program, to be started once more.
pub(super) fn program() -> Result<PathBuf> {
    std::env::current_exe().context("it cannot be found where this program is").map_err(Error::unchanged)
}
