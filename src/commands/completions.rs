//! `completions`: scripts for shells.

use std::io::{self, Write};

use anyhow::Context as _;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::cli::{self, Cli};
use crate::error::{Error, Exit, Result};

/// Writes the script of a shell.
pub(super) fn run(arguments: &cli::Completions) -> Result<Exit> {
    let written = io::stdout().write_all(&script(arguments.shell));
    written.context("the script cannot be written").map_err(Error::unchanged)?;
    Ok(Exit::Done)
}

/// The completion script of a shell.
fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "shipctl", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_scripts_are_current() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
        for (shell, file) in [(Shell::Bash, "shipctl.bash"), (Shell::Zsh, "_shipctl"), (Shell::Fish, "shipctl.fish")] {
            let shipped = std::fs::read(directory.join(file)).unwrap_or_default();
            assert!(shipped == script(shell), "write it anew: cargo run -- completions {shell} > completions/{file}");
        }
    }
}
