//! Options that several commands have.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::ArgValueCompleter;

use super::complete::Names;
use crate::manifest;
use crate::report::Format;

/// What holds for every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// How to show what happens: live lines (human), a line per event (plain), or JSON lines and one result
    /// object (json) [default: human on a terminal, plain elsewhere and in CI]
    #[arg(
        long,
        global = true,
        value_enum,
        hide_possible_values = true,
        help_heading = "Everywhere",
        display_order = 100
    )]
    pub format: Option<Format>,
    /// Project root [default: the nearest directory upwards that holds `environments/`]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Everywhere", display_order = 101)]
    pub project: Option<PathBuf>,
}

/// Which environment.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Environment: a file in `environments/`, without `.yml`
    #[arg(value_name = "ENV", add = ArgValueCompleter::new(Names::Environments))]
    pub environment: String,
}

/// Which part of an environment.
#[derive(Debug, Clone, Default, Args)]
pub struct Selectors {
    /// Only these hosts (repeatable, or separated by commas)
    #[arg(long = "host", value_name = "HOST", add = ArgValueCompleter::new(Names::Hosts))]
    pub hosts: Vec<String>,
    /// Only these services (repeatable, or separated by commas)
    #[arg(long = "service", value_name = "SERVICE", add = ArgValueCompleter::new(Names::Services))]
    pub services: Vec<String>,
}

/// What lies above every layer of the manifest.
#[derive(Debug, Clone, Default, Args)]
pub struct Overrides {
    /// Put this file above the environment's layers, as a further one (repeatable)
    #[arg(long = "file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Set a manifest value, such as `services.web.image=shop/web:1.4` (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE", value_hint = ValueHint::Other)]
    pub set: Vec<String>,
}

impl Overrides {
    /// The same as the manifest takes them.
    pub fn layers(&self) -> manifest::Overrides {
        manifest::Overrides { files: self.files.clone(), set: self.set.clone() }
    }
}

/// The answer to the question before a rollout.
#[derive(Debug, Clone, Copy, Args)]
pub struct Assent {
    /// Do not ask; required where nobody can answer
    #[arg(long, short = 'y')]
    pub yes: bool,
}
