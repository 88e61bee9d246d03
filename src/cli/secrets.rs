//! `secrets …`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use clap_complete::ArgValueCompleter;

use super::complete::Names;
use super::{Target, examples};

/// `secrets …`
#[derive(Debug, Subcommand)]
pub enum Secrets {
    /// Make sure that you have an identity, and show the recipient that others encrypt to
    #[command(after_help = examples::SECRETS_INIT)]
    Init(SecretsInit),
    /// Change one secret of an encrypted file; its value is asked for, or read from standard input
    #[command(after_help = examples::SECRETS_SET)]
    Set(SecretsSet),
    /// Change an encrypted file in your editor
    #[command(after_help = examples::SECRETS_EDIT)]
    Edit(SecretsEdit),
    /// Print the value of a secret, or of all, as a deploy would read them
    #[command(after_help = examples::SECRETS_VIEW)]
    View(SecretsView),
    /// List secrets: where each comes from, and a fingerprint that changes with its value
    #[command(after_help = examples::SECRETS_LIST)]
    List(SecretsTarget),
    /// Encrypt every encrypted file of an environment anew, to the present recipients
    #[command(after_help = examples::SECRETS_ROTATE)]
    Rotate(SecretsTarget),
}

/// `secrets init`
#[derive(Debug, Args)]
pub struct SecretsInit {
    /// Environment whose manifest says where identities are, and who the recipients are
    #[arg(value_name = "ENV", add = ArgValueCompleter::new(Names::Environments))]
    pub environment: Option<String>,
}

/// `secrets list`, `secrets rotate`
#[derive(Debug, Args)]
pub struct SecretsTarget {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
}

/// `secrets set`
#[derive(Debug, Args)]
pub struct SecretsSet {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Secret, as it is declared under `secrets` with `age: FILE`
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(Names::Secrets))]
    pub name: String,
    /// Read the value from this file; one line end at its end is dropped
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub from_file: Option<PathBuf>,
}

/// `secrets edit`
#[derive(Debug, Args)]
pub struct SecretsEdit {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Encrypted file, as the manifest names it; needed where there are several
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// `secrets view`
#[derive(Debug, Args)]
pub struct SecretsView {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Secret, as it is declared under `secrets`
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(Names::Secrets))]
    pub name: Option<String>,
    /// Print also where it is not a terminal that is written to
    #[arg(long)]
    pub reveal: bool,
}
