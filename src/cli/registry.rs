//! `registry …` and `tag`.

use clap::{Args, Subcommand};

use super::examples;
use super::shared::{Assent, Overrides, Target};
use super::verbs;

/// `registry …`
#[derive(Debug, Subcommand)]
pub enum Registry {
    /// List the repositories of the environment's registry
    #[command(after_help = examples::REGISTRY_LS)]
    Ls(RegistryLs),
    /// List the tags of images with what they lead to
    #[command(after_help = examples::REGISTRY_TAGS)]
    Tags(RegistryTags),
    /// Show what a registry says of an image: platforms, layers and their sizes, labels, user, command
    #[command(after_help = examples::REGISTRY_INSPECT)]
    Inspect(RegistryInspect),
    /// Remove an image from its registry, unless a host runs it or keeps it for a rollback
    #[command(after_help = examples::REGISTRY_RM)]
    Rm(RegistryRm),
}

/// `registry ls`
#[derive(Debug, Args)]
pub struct RegistryLs {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `registry tags`
#[derive(Debug, Args)]
pub struct RegistryTags {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Images, such as `shop/web` [default: those of all services]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `registry inspect`
#[derive(Debug, Args)]
pub struct RegistryInspect {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// The image, by tag or digest: `shop/web:1.4`, `shop/web@sha256:…`
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `registry rm`
#[derive(Debug, Args)]
pub struct RegistryRm {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// The image, by tag or digest: `shop/web:1.4`, `shop/web@sha256:…`
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// Remove it also if a host runs it or keeps it, or does not answer
    #[arg(long)]
    pub force: bool,
    /// Why, for who reads `history --by-hand`
    #[arg(long, value_name = "TEXT", value_parser = verbs::reason)]
    pub reason: Option<String>,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
    /// Whether to ask.
    #[command(flatten)]
    pub assent: Assent,
}

/// `tag`
#[derive(Debug, Args)]
pub struct Tag {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// The image, by tag or digest: `shop/web:1.4`, `shop/web@sha256:…`
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// The tag of the same repository that is to lead to it
    #[arg(value_name = "TAG")]
    pub tag: String,
    /// Why, for who reads `history --by-hand`
    #[arg(long, value_name = "TEXT", value_parser = verbs::reason)]
    pub reason: Option<String>,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
    /// Whether to ask.
    #[command(flatten)]
    pub assent: Assent,
}
