//! The command line: types only, nothing is executed here. What a command does is in [`crate::commands`].

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

mod examples;
mod secrets;
mod shared;
mod start;

pub use secrets::{Secrets, SecretsEdit, SecretsInit, SecretsSet, SecretsTarget, SecretsView};
pub use shared::{Assent, Global, Overrides, Selectors, Target};
pub use start::{Import, ImportCompose, ImportKamal, Init};

/// Deploys containers to your own hosts, host by host behind a health gate, and puts the whole fleet back when a host fails.
#[derive(Debug, Parser)]
#[command(name = "shipctl", version, after_help = examples::EXIT_CODES, arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the manifest's release to the hosts
    #[command(after_help = examples::DEPLOY)]
    Deploy(Deploy),
    /// Show what `deploy` would do; nothing is changed on any host
    #[command(after_help = examples::PLAN)]
    Plan(Plan),
    /// Bring an earlier release back, from the containers that the hosts have kept
    #[command(after_help = examples::ROLLBACK)]
    Rollback(Rollback),
    /// Show what every host runs, since when, and how that differs from the release in force
    #[command(after_help = examples::STATUS)]
    Status(Status),
    /// Show past rollouts, newest first
    #[command(after_help = examples::HISTORY)]
    History(History),
    /// Look at manifests and templates; nothing is contacted
    #[command(subcommand, arg_required_else_help = true)]
    Config(Config),
    /// Keep secrets in the repository, encrypted with age; nothing is contacted
    #[command(subcommand, arg_required_else_help = true)]
    Secrets(Secrets),
    /// Look at the lock of an environment
    #[command(subcommand, arg_required_else_help = true)]
    Lock(Lock),
    /// Write a new project: commented, sound, and deployable to this machine's own Docker
    #[command(after_help = examples::INIT)]
    Init(Init),
    /// Turn another tool's files into a project; what cannot be translated is listed, with the reason
    #[command(subcommand, arg_required_else_help = true)]
    Import(Import),
    /// Print a completion script for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions(Completions),
}

/// `deploy`
#[derive(Debug, Args)]
pub struct Deploy {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Carry out this plan (from `plan -o`), or nothing if manifest or fleet no longer give the same
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub plan: Option<PathBuf>,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
    /// Whether to ask.
    #[command(flatten)]
    pub assent: Assent,
}

/// `plan`
#[derive(Debug, Args)]
pub struct Plan {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Save the plan for `deploy --plan`; readable by you only
    #[arg(long = "output", short = 'o', value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Exit with 7 when there is something to do
    #[arg(long)]
    pub check: bool,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `rollback`
#[derive(Debug, Args)]
pub struct Rollback {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// The release to bring back: `12`, `r12`, or its digest as `history` shows it
    #[arg(long, value_name = "RELEASE", value_hint = ValueHint::Other)]
    pub to: Option<String>,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
    /// Whether to ask.
    #[command(flatten)]
    pub assent: Assent,
}

/// `status`
#[derive(Debug, Args)]
pub struct Status {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Exit with 7 when something differs from the release in force, or does not answer
    #[arg(long)]
    pub check: bool,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
}

/// `history`
#[derive(Debug, Args)]
pub struct History {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}

/// `config …`
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the merged manifest, each value with the file and line that set it
    #[command(after_help = examples::CONFIG_SHOW)]
    Show(ConfigShow),
    /// Print in which values the manifests of two environments differ
    #[command(after_help = examples::CONFIG_DIFF)]
    Diff(ConfigDiff),
    /// Render the configuration files of every host; secrets are left out
    #[command(after_help = examples::CONFIG_RENDER)]
    Render(ConfigRender),
    /// Check manifest and templates; every error at once, with its line
    #[command(after_help = examples::CONFIG_VALIDATE)]
    Validate(ConfigInput),
    /// Print a JSON Schema of the files in `environments/`, for editors; no project is needed
    #[command(after_help = examples::CONFIG_SCHEMA)]
    Schema,
}

/// `config show`
#[derive(Debug, Args)]
pub struct ConfigShow {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Also print what each value hides: what lower layers say in its place
    #[arg(long)]
    pub explain: bool,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `config diff`
#[derive(Debug, Args)]
pub struct ConfigDiff {
    /// The one environment
    #[arg(value_name = "ENV", value_hint = ValueHint::Other)]
    pub left: String,
    /// The other environment
    #[arg(value_name = "OTHER", value_hint = ValueHint::Other)]
    pub right: String,
    /// Exit with 7 when they differ
    #[arg(long)]
    pub check: bool,
}

/// `config validate`
#[derive(Debug, Args)]
pub struct ConfigInput {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `config render`
#[derive(Debug, Args)]
pub struct ConfigRender {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Compare with what the hosts' containers have now, instead of printing the files whole
    #[arg(long, conflicts_with = "output")]
    pub diff: bool,
    /// With --diff: exit with 7 when something differs
    #[arg(long, requires = "diff")]
    pub check: bool,
    /// Write files beneath this directory instead of printing them
    #[arg(long = "output", short = 'o', value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `lock …`
#[derive(Debug, Subcommand)]
pub enum Lock {
    /// Show who holds the lock, since when, and at which step
    #[command(after_help = examples::LOCK_SHOW)]
    Show(LockShow),
}

/// `lock show`
#[derive(Debug, Args)]
pub struct LockShow {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
}

/// `completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
