//! Commands about rollouts that are over.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use clap_complete::ArgValueCompleter;

use super::complete::Names;
use super::{Target, examples};

/// `history`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct History {
    /// Something else than the list.
    #[command(subcommand)]
    pub action: Option<HistoryAction>,
    /// Environment: a file in `environments/`, without `.yml`
    // Not flattened: what a subcommand stands in for has to be optional here, and required for who reads the help.
    #[arg(value_name = "ENV", required = true, add = ArgValueCompleter::new(Names::Environments))]
    pub environment: Option<String>,
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Show what was done by hand instead (in containers, on hosts, in registries), from this checkout: who, when, where, what and why
    #[arg(long)]
    pub by_hand: bool,
}

/// `history …`
#[derive(Debug, Subcommand)]
pub enum HistoryAction {
    /// Show all that is known of a release: its rollouts, by whom, when, what came of them and why
    #[command(after_help = examples::HISTORY_SHOW)]
    Show(HistoryShow),
}

/// `history show`
#[derive(Debug, Args)]
pub struct HistoryShow {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// The release: `12`, `r12`, or its digest as `history` shows it
    #[arg(value_name = "RELEASE", add = ArgValueCompleter::new(Names::Releases))]
    pub release: String,
}

/// `report`
#[derive(Debug, Args)]
pub struct Report {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// The release: `12`, `r12`, its digest, or the id of a rollout [default: the last rollout from this checkout]
    #[arg(value_name = "RELEASE", add = ArgValueCompleter::new(Names::Releases))]
    pub release: Option<String>,
    /// Write the page to this file instead of standard output
    #[arg(long = "output", short = 'o', value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// `man`
#[derive(Debug, Args)]
pub struct Manual {
    /// Where the pages go; it is made if need be
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: PathBuf,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Also what this environment needs: a file in `environments/`, without `.yml` [default: all of the project]
    #[arg(value_name = "ENV", add = ArgValueCompleter::new(Names::Environments))]
    pub environment: Option<String>,
}
