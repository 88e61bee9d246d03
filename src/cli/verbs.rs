//! Commands that change what hosts run without bringing a release.

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCompleter;

use crate::duration;
use crate::environment::prune::Pattern;
use crate::image::reference::{ImageName, InvalidReference};
use crate::name::ServiceName;

use super::complete::Names;
use super::shared::{Assent, Overrides, Selectors, Target};

/// What is said of an act.
#[derive(Debug, Clone, Args)]
pub struct Said {
    /// At most so many hosts of a service at a time; limits of the manifest hold all the same
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub parallel: Option<u16>,
    /// Why, for who reads `status` and `history`
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
}

/// `stop`, `restart`, `rm`
#[derive(Debug, Args)]
pub struct Act {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
    /// How, and why.
    #[command(flatten)]
    pub said: Said,
    /// Do it in spite of limits, of requests that do not end, and of balancers that do not answer; it is recorded
    #[arg(long)]
    pub force: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub assent: Assent,
}

/// `start`
#[derive(Debug, Args)]
pub struct Start {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
    /// How, and why.
    #[command(flatten)]
    pub said: Said,
}

/// `pull`
#[derive(Debug, Args)]
pub struct Pull {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
    /// At most so many hosts at a time
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub parallel: u16,
    /// Why, for who reads `history --by-hand`
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
}

/// `prune`
#[derive(Debug, Args)]
pub struct Prune {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Only these hosts (repeatable, or separated by commas)
    #[arg(long = "host", value_name = "HOST", add = ArgValueCompleter::new(Names::Hosts))]
    pub hosts: Vec<String>,
    /// Show what would be removed, and why the rest stays; nothing is removed
    #[arg(long)]
    pub dry_run: bool,
    /// Leave images alone that were made or rolled out only so long ago, whatever the manifest says (`prune.grace`)
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub grace: Option<Duration>,
    /// Leave images of this name alone, in which `*` stands for any characters, as well as those of the manifest (repeatable)
    #[arg(long = "exclude", value_name = "PATTERN", value_parser = str::parse::<Pattern>)]
    pub exclude: Vec<Pattern>,
    /// Why, for who reads `history --by-hand`
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
    /// Values above the manifest.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// An image that hosts are given in place of the manifest's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hotfix {
    /// Whose; where nothing is said there is only one that is meant.
    pub service: Option<ServiceName>,
    /// By digest.
    pub image: String,
}

pub(super) fn hotfix(text: &str) -> Result<Hotfix, String> {
    let (service, image) = match text.split_once('=') {
        Some((service, image)) => (Some(service.parse::<ServiceName>().map_err(|error| error.to_string())?), image),
        None => (None, text),
    };
    let name: ImageName = image.parse().map_err(|error: InvalidReference| error.to_string())?;
    if name.digest().is_none() {
        return Err("name it by its digest, as NAME@sha256:…: a tag may be another image tomorrow".to_owned());
    }
    Ok(Hotfix { service, image: image.to_owned() })
}

/// Longest reason, in characters: it is kept on every host.
const LONGEST: usize = 200;

pub(super) fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("say why, in a few words".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("write it on one line".to_owned());
    }
    if text.chars().count() > LONGEST {
        return Err(format!("write at most {LONGEST} characters: it is kept on every host"));
    }
    Ok(text.to_owned())
}
