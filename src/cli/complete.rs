//! What shells offer for a word of a command line: the names that it can be in the project that the line is about. Reads
//! manifests and journals of this checkout and contacts nobody; what cannot be read offers nothing.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap_complete::engine::{CompletionCandidate, ValueCompleter};

use crate::commands::root;
use crate::environment::Environment;
use crate::journal;
use crate::manifest;

/// The variable by which a shell asks; its value is the shell's name.
pub const VARIABLE: &str = "SHIPCTL_COMPLETE";
/// Journals that are looked through for releases, the latest first.
const JOURNALS: usize = 30;

/// Names that a word can be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names {
    /// Environments of the project.
    Environments,
    /// Hosts of the environment; several, with commas between.
    Hosts,
    /// Services of the environment; several, with commas between.
    Services,
    /// Jobs of the environment; several, with commas between.
    Jobs,
    /// Secrets of the environment.
    Secrets,
    /// Releases that were rolled out from this checkout, the latest first.
    Releases,
}

impl ValueCompleter for Names {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(current) = current.to_str() else { return Vec::new() };
        let line = Line::typed();
        let is_list = matches!(self, Self::Hosts | Self::Services | Self::Jobs);
        let (before, word) = match current.rsplit_once(',') {
            Some((before, word)) if is_list => (format!("{before},"), word),
            _ => (String::new(), current),
        };
        let named: Vec<&str> = before.split(',').collect();
        let known = line.names(*self).unwrap_or_default();
        let fits = |(name, _): &(String, _)| name.starts_with(word) && !named.contains(&name.as_str());
        let candidates = known.into_iter().filter(fits).enumerate();
        candidates
            .map(|(rank, (name, help))| {
                let candidate = CompletionCandidate::new(format!("{before}{name}")).display_order(Some(rank));
                candidate.help(help.map(StyledStr::from))
            })
            .collect()
    }
}

/// A command line, as far as it is typed.
struct Line {
    words: Vec<String>,
}

/// Names, each with a word about it.
type Known = Vec<(String, Option<String>)>;

impl Line {
    /// The line that a shell asks about: it comes after `--`.
    fn typed() -> Self {
        let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
        Self { words: words.filter_map(|word: OsString| word.into_string().ok()).collect() }
    }

    fn names(&self, names: Names) -> Option<Known> {
        let root = self.root()?;
        if let Names::Environments = names {
            return Some(manifest::environments(&root).iter().map(|name| (name.to_string(), None)).collect());
        }
        let known = manifest::environments(&root);
        let environment = self.words.iter().skip(1).find(|word| known.iter().any(|name| name.as_str() == *word))?;
        let environment = manifest::load_recorded(&root, environment, &manifest::Overrides::default()).ok()?;
        Some(match names {
            Names::Environments => return None,
            Names::Hosts => environment.hosts.keys().map(|name| (name.to_string(), None)).collect(),
            Names::Services => environment.services.keys().map(|name| (name.to_string(), None)).collect(),
            Names::Jobs => environment.jobs.keys().map(|name| (name.to_string(), None)).collect(),
            Names::Secrets => environment.secrets.keys().map(|name| (name.to_string(), None)).collect(),
            Names::Releases => releases(&environment),
        })
    }

    /// The project: the one that the line names, or the nearest one upwards.
    fn root(&self) -> Option<PathBuf> {
        let mut words = self.words.iter();
        let named = words.find_map(|word| match word.strip_prefix("--project")? {
            "" => Some(None),
            rest => rest.strip_prefix('=').map(|path| Some(path.to_owned())),
        });
        let named = match named {
            Some(None) => Some(words.next()?.clone()),
            Some(path) => path,
            None => None,
        };
        root::find(named.map(PathBuf::from).as_deref()).ok()
    }
}

/// What journals of this checkout say was completed.
fn releases(environment: &Environment) -> Known {
    let mut known: Known = Vec::new();
    for done in journal::completed(&environment.root, &environment.scope(), JOURNALS) {
        let name = format!("r{}", done.release.number);
        if !known.iter().any(|(other, _)| *other == name) {
            let (when, by) = (done.at.strftime("%Y-%m-%d %H:%M UTC"), done.by);
            known.push((name, Some(format!("{} {when}, by {by}", done.kind.as_str()))));
        }
    }
    known
}
