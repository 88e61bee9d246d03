//! Commands that make a project.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::import::HostArgument;
use crate::name::{EnvironmentName, ProjectName};

use super::examples;

/// `init`
#[derive(Debug, Args)]
pub struct Init {
    /// Where; it is made if need be [default: here]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Name of the project [default: that of the directory]
    #[arg(long, value_name = "PROJECT", value_hint = ValueHint::Other)]
    pub name: Option<ProjectName>,
    /// The image to deploy [default: what a Dockerfile builds, or else an example]
    #[arg(long, value_name = "IMAGE", value_hint = ValueHint::Other)]
    pub image: Option<String>,
    /// A host of `prod`, such as `web1=deploy@web1.internal` (repeatable)
    #[arg(long = "host", value_name = "NAME=ADDRESS", value_hint = ValueHint::Other)]
    pub hosts: Vec<HostArgument>,
    /// The registry that hosts pull from, as `host[:port]`
    #[arg(long, value_name = "HOST", value_hint = ValueHint::Other)]
    pub registry: Option<String>,
}

/// `import …`
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Translate a Compose file
    #[command(after_help = examples::IMPORT_COMPOSE)]
    Compose(ImportCompose),
    /// Translate Kamal's config/deploy.yml
    #[command(after_help = examples::IMPORT_KAMAL)]
    Kamal(ImportKamal),
}

/// `import compose`
#[derive(Debug, Args)]
pub struct ImportCompose {
    /// The Compose file; `-` is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The environment to make
    #[arg(long, value_name = "NAME", default_value = "prod", value_hint = ValueHint::Other)]
    pub environment: EnvironmentName,
    /// A host of it, such as `web1=deploy@web1.internal` (repeatable) [default: this machine's own Docker]
    #[arg(long = "host", value_name = "NAME=ADDRESS", value_hint = ValueHint::Other)]
    pub hosts: Vec<HostArgument>,
    /// Where the project is to be [default: here]
    #[arg(long = "output", short = 'o', value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}

/// `import kamal`
#[derive(Debug, Args)]
pub struct ImportKamal {
    /// Kamal's configuration
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Lay the file of this destination over it
    #[arg(value_name = "DESTINATION", value_hint = ValueHint::Other)]
    pub destination: Option<EnvironmentName>,
    /// The environment to make [default: the destination, or else `prod`]
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other)]
    pub environment: Option<EnvironmentName>,
    /// Where the project is to be [default: here]
    #[arg(long = "output", short = 'o', value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}
