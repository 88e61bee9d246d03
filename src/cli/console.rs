//! What containers print and do, and what is done in them by hand.

use clap::Args;
use regex::Regex;

use super::shared::{Selectors, Target};
use crate::console::archive::End;
use crate::console::moment::Moment;

/// `logs`
#[derive(Debug, Args)]
pub struct Logs {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Go on with what is printed from now on, also by containers that are started meanwhile, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
    /// Only what was printed since then: `10m`, `1h30m`, `2d`, or a time such as 2026-05-07T21:09:36Z
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Moment>,
    /// Only what was printed until then
    #[arg(long, value_name = "WHEN", conflicts_with = "follow")]
    pub until: Option<Moment>,
    /// So many lines of each container, the last ones, or `all` [default: all with --since, --until or --grep, otherwise 100,
    /// and 10 with --follow]
    #[arg(long, value_name = "N")]
    pub tail: Option<Tail>,
    /// Only lines in which this regular expression is found
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<Regex>,
    /// What stands in front of lines.
    #[command(flatten)]
    pub front: Front,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
}

/// What stands in front of lines.
#[derive(Debug, Clone, Copy, Args)]
pub struct Front {
    /// Show when each line was printed, by the host's clock
    #[arg(long, short)]
    pub timestamps: bool,
    /// Show the number of the release whose container has printed it
    #[arg(long)]
    pub release: bool,
    /// Show the lines alone, without host and service
    #[arg(long)]
    pub no_prefix: bool,
}

/// How many lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Every one.
    All,
    /// The last ones.
    Last(usize),
}

impl std::str::FromStr for Tail {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            number => number.parse().map(Self::Last).map_err(|_| "expected a number of lines, or `all`"),
        }
    }
}

impl Logs {
    /// How many lines of each container come first; `None` for all.
    pub fn first(&self) -> Option<usize> {
        let is_bounded = self.since.is_some() || self.until.is_some() || self.grep.is_some();
        match self.tail {
            Some(Tail::All) => None,
            Some(Tail::Last(lines)) => Some(lines),
            None if is_bounded => None,
            None if self.follow => Some(10),
            None => Some(100),
        }
    }
}

/// How a program is run.
#[derive(Debug, Clone, Args)]
pub struct Manner {
    /// Pass standard input on although it is no terminal; to one container only
    #[arg(long, short)]
    pub interactive: bool,
    /// Give the program no terminal, even where there is one
    #[arg(long, short = 'T')]
    pub no_tty: bool,
    /// As this user of the container, with a group behind a colon if wanted
    #[arg(long, short, value_name = "USER")]
    pub user: Option<String>,
    /// In this directory of the container
    #[arg(long, short, value_name = "DIR")]
    pub workdir: Option<String>,
}

/// `exec`
#[derive(Debug, Args)]
pub struct Exec {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// How the program is run.
    #[command(flatten)]
    pub manner: Manner,
    /// In at most so many containers at the same time
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub parallel: u16,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
    /// The program and its arguments, behind `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `run`
#[derive(Debug, Args)]
pub struct Run {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Remove the container when the program has ended; this is what is done anyway
    #[arg(long, conflicts_with = "keep")]
    pub rm: bool,
    /// Keep the container, stopped, when the program has ended
    #[arg(long)]
    pub keep: bool,
    /// Leave it running, and print the container's name
    #[arg(long, short, conflicts_with = "interactive")]
    pub detach: bool,
    /// How the program is run.
    #[command(flatten)]
    pub manner: Manner,
    /// In the place of the image's entrypoint
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
    /// What stands in the place of the service's command, behind `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `top`
#[derive(Debug, Args)]
pub struct Top {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Show one table and end, as is done where there is no terminal
    #[arg(long)]
    pub once: bool,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
}

/// `events`
#[derive(Debug, Args)]
pub struct Events {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Begin with what happened since then: `10m`, `1h30m`, or a time; engines keep a few hundred [default: from now on]
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Moment>,
    /// End with what happened until then; `0s` is now [default: go on until Ctrl-C]
    #[arg(long, value_name = "WHEN")]
    pub until: Option<Moment>,
    /// Also programs that are run in containers, health checks among them, and files that are copied
    #[arg(long)]
    pub all: bool,
    /// Which part of it.
    #[command(flatten)]
    pub selectors: Selectors,
}

/// `cp`
#[derive(Debug, Args)]
pub struct Copy {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// A path, or `HOST:SERVICE:/PATH` in a container; `HOST:/PATH` where there is one service
    #[arg(value_name = "FROM")]
    pub from: End,
    /// The same for where it is to be; in a directory that is there, it keeps its name
    #[arg(value_name = "TO")]
    pub to: End,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}
