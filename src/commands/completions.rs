//! `completions`: scripts for shells. A script asks shipctl itself for every word; see [`crate::cli::complete`].

use std::io::{self, Write};

use anyhow::{Context as _, anyhow};
use clap_complete::Shell;
use clap_complete::env::Shells;

use crate::cli;
use crate::cli::complete::VARIABLE;
use crate::error::{Error, Exit, Result};

/// Writes the script of a shell.
pub(super) fn run(arguments: &cli::Completions) -> Result<Exit> {
    let script = script(arguments.shell).context("the script cannot be made").map_err(Error::unchanged)?;
    let written = io::stdout().write_all(&script);
    written.context("the script cannot be written").map_err(Error::unchanged)?;
    Ok(Exit::Done)
}

/// The completion script of a shell.
fn script(shell: Shell) -> anyhow::Result<Vec<u8>> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let completer = shells.completer(&name).ok_or_else(|| anyhow!("nothing is known of {name}"))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "shipctl", "shipctl", "shipctl", &mut script)?;
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_scripts_are_current() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
        let files = [
            (Shell::Bash, "shipctl.bash"),
            (Shell::Zsh, "_shipctl"),
            (Shell::Fish, "shipctl.fish"),
            (Shell::Elvish, "shipctl.elv"),
            (Shell::PowerShell, "shipctl.ps1"),
        ];
        for (shell, file) in files {
            let shipped = std::fs::read(directory.join(file)).unwrap_or_default();
            let current = script(shell).expect("a script");
            assert!(shipped == current, "write it anew: cargo run -- completions {shell} > completions/{file}");
        }
    }
}
