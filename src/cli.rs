//! The command line: types only, nothing is executed here. What a command does is in [`crate::commands`].

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::{ArgValueCompleter, Shell};

pub mod complete;
mod console;
mod examples;
pub mod host;
pub mod manual;
mod record;
mod registry;
mod secrets;
mod shared;
mod start;
mod verbs;

use complete::Names;
pub use console::{Copy, Events, Exec, Logs, Run, Tail, Top};
pub use host::{Host, HostAdmit, HostCheck, HostDrain, HostExec, HostReboot, HostSetup};
pub use record::{Doctor, History, HistoryAction, HistoryShow, Manual, Report};
pub use registry::{Registry, RegistryInspect, RegistryLs, RegistryRm, RegistryTags, Tag};
pub use secrets::{Secrets, SecretsEdit, SecretsInit, SecretsSet, SecretsTarget, SecretsView};
pub use shared::{Assent, Global, Overrides, Selectors, Target};
pub use start::{Import, ImportCompose, ImportKamal, Init};
pub use verbs::{Act, Hotfix, Prune, Pull, Said, Start};

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
    /// Bring the release of a canary to the hosts that wait for it
    #[command(after_help = examples::PROMOTE)]
    Promote(Promote),
    /// Bring an earlier release back, from the containers that the hosts have kept
    #[command(after_help = examples::ROLLBACK)]
    Rollback(Rollback),
    /// Make the images of the release present on the hosts; nothing that runs is touched
    #[command(after_help = examples::PULL)]
    Pull(Pull),
    /// Start again what was stopped, behind its health gate
    #[command(after_help = examples::START)]
    Start(Start),
    /// Take services out of traffic and stop them; they stay stopped until somebody starts them, or deploys
    #[command(after_help = examples::STOP)]
    Stop(Act),
    /// Start what runs anew, host by host: drained, stopped, started, gated
    #[command(after_help = examples::RESTART)]
    Restart(Act),
    /// Remove containers that are stopped, or not of the release in force
    #[command(name = "rm", after_help = examples::REMOVE)]
    Remove(Act),
    /// Remove from hosts what no release needs any more: images, and containers that are too old to go back to
    #[command(after_help = examples::PRUNE)]
    Prune(Prune),
    /// Show what every host runs, since when, and how that differs from the release in force
    #[command(after_help = examples::STATUS)]
    Status(Status),
    /// Show past rollouts, newest first
    #[command(after_help = examples::HISTORY)]
    History(History),
    /// Show what the containers of all hosts print, merged by time
    #[command(after_help = examples::LOGS)]
    Logs(Logs),
    /// Run a program in the running containers of a service, on a terminal where it is one container
    #[command(after_help = examples::EXEC)]
    Exec(Exec),
    /// Copy files between a container and this machine
    #[command(name = "cp", after_help = examples::COPY)]
    Copy(Copy),
    /// Show what the containers of all hosts use: processors, memory, networks, disks
    #[command(after_help = examples::TOP)]
    Top(Top),
    /// Show what the engines of all hosts do with the environment's containers, as it happens
    #[command(after_help = examples::EVENTS)]
    Events(Events),
    /// Run a program in a container of its own beside a service, with its image, configuration and secrets
    #[command(after_help = examples::RUN)]
    Run(Run),
    /// Look at hosts themselves, prepare them, and run programs on them
    #[command(subcommand, arg_required_else_help = true)]
    Host(Host),
    /// Make one page for a browser of what a rollout did; nothing is contacted
    #[command(after_help = examples::REPORT)]
    Report(Report),
    /// Look at manifests and templates; nothing is contacted, but the hosts by `render --diff`
    #[command(subcommand, arg_required_else_help = true)]
    Config(Config),
    /// Keep secrets in the repository, encrypted with age; nothing is contacted
    #[command(subcommand, arg_required_else_help = true)]
    Secrets(Secrets),
    /// Look at and tidy the registry of an environment
    #[command(subcommand, arg_required_else_help = true)]
    Registry(Registry),
    /// Have a tag lead to another image in its registry, without pulling it
    #[command(after_help = examples::TAG)]
    Tag(Tag),
    /// Look at the lock of an environment
    #[command(subcommand, arg_required_else_help = true)]
    Lock(Lock),
    /// Write a new project: commented, sound, and deployable to this machine's own Docker
    #[command(after_help = examples::INIT)]
    Init(Init),
    /// Turn another tool's files into a project; what cannot be translated is listed, with the reason
    #[command(subcommand, arg_required_else_help = true)]
    Import(Import),
    /// Look for what is missing on this machine: programs, keys, credentials, files; no host is contacted
    #[command(after_help = examples::DOCTOR)]
    Doctor(Doctor),
    /// Write manual pages, one for each command
    #[command(after_help = examples::MAN)]
    Man(Manual),
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
    /// Give the hosts of --host this image, as [SERVICE=]NAME@DIGEST, instead of the manifest's (repeatable); `status` shows
    /// it with its --reason until another deploy replaces it
    #[arg(
        long = "image",
        value_name = "IMAGE",
        value_parser = verbs::hotfix,
        requires_all = ["hosts", "reason"],
        conflicts_with = "plan"
    )]
    pub images: Vec<Hotfix>,
    /// Why, for who reads `status` and `history`
    #[arg(long, value_name = "TEXT", value_parser = verbs::reason)]
    pub reason: Option<String>,
    /// Run this job again although it has run for the release (repeatable, or separated by commas)
    #[arg(long = "rerun-job", value_name = "JOB", add = ArgValueCompleter::new(Names::Jobs))]
    pub rerun_jobs: Vec<String>,
    /// What it may not do.
    #[command(flatten)]
    pub limits: Limits,
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
    /// Refuse a plan that is not proven to be without downtime; the answer says why, service by service and host by host
    #[arg(long)]
    pub require_zero_downtime: bool,
    /// Run this job again although it has run for the release (repeatable, or separated by commas)
    #[arg(long = "rerun-job", value_name = "JOB", add = ArgValueCompleter::new(Names::Jobs))]
    pub rerun_jobs: Vec<String>,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// What a rollout may not do, or leaves out.
#[derive(Debug, Clone, Copy, Args)]
pub struct Limits {
    /// Refuse a plan that is not proven to be without downtime; the answer says why, service by service and host by host
    #[arg(long)]
    pub require_zero_downtime: bool,
    /// Run no hooks, for when one of them is in the way
    #[arg(long)]
    pub no_hooks: bool,
    /// Tell nobody of it who is told otherwise (`notify`)
    #[arg(long)]
    pub no_notify: bool,
}

/// `promote`
#[derive(Debug, Args)]
pub struct Promote {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Why, for who reads `status` and `history`
    #[arg(long, value_name = "TEXT", value_parser = verbs::reason)]
    pub reason: Option<String>,
    /// What it may not do.
    #[command(flatten)]
    pub limits: Limits,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
    /// Whether to ask.
    #[command(flatten)]
    pub assent: Assent,
}

/// `rollback`
#[derive(Debug, Args)]
pub struct Rollback {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// The release to bring back: `12`, `r12`, or its digest as `history` shows it
    #[arg(long, value_name = "RELEASE", add = ArgValueCompleter::new(Names::Releases))]
    pub to: Option<String>,
    /// Why, for who reads `status` and `history`
    #[arg(long, value_name = "TEXT", value_parser = verbs::reason)]
    pub reason: Option<String>,
    /// What it may not do.
    #[command(flatten)]
    pub limits: Limits,
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

/// `config …`
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the merged manifest, each value with the file and line that set it
    #[command(after_help = examples::CONFIG_SHOW)]
    Show(ConfigShow),
    /// Print in which values the manifests of two environments differ
    #[command(after_help = examples::CONFIG_DIFF)]
    Diff(ConfigDiff),
    /// Render the configuration of every host, and what is published; secrets are left out
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
    /// Put the values of variables in, as a deploy does; they are not hidden
    #[arg(long)]
    pub interpolate: bool,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `config diff`
#[derive(Debug, Args)]
pub struct ConfigDiff {
    /// The one environment
    #[arg(value_name = "ENV", add = ArgValueCompleter::new(Names::Environments))]
    pub left: String,
    /// The other environment
    #[arg(value_name = "OTHER", add = ArgValueCompleter::new(Names::Environments))]
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

    #[test]
    fn history_takes_an_environment_or_shows_a_release_of_one() {
        let history = |words: &[&str]| match Cli::try_parse_from([&["shipctl", "history"], words].concat()) {
            Ok(Cli { command: Command::History(history), .. }) => Some((history.environment, history.action.is_some())),
            _ => None,
        };
        assert_eq!(history(&["prod", "--limit", "5"]), Some((Some("prod".to_owned()), false)));
        assert_eq!(history(&["show", "prod", "r1"]), Some((None, true)));
        assert_eq!(history(&[]), None);
    }
}
