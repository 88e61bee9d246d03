//! `notify:`, who is told what comes of a rollout. Being told is never a condition of anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::SecretName;

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// How they are reached.
    pub to: Recipient,
    /// When they are told.
    pub on: BTreeSet<Occasion>,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// How somebody is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// The facts as JSON, by `POST`.
    Webhook {
        /// Where to.
        target: Target,
        /// Headers beside the usual ones.
        headers: BTreeMap<String, Given>,
    },
    /// A line of text in the form that Slack's incoming webhooks take, and Mattermost's and others' after them.
    Slack(Target),
    /// A program on this machine, told as a hook is.
    Command(Vec<String>),
}

/// An address of a web server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The address. It is often a secret itself.
    pub url: Given,
    /// Whether what is said may be read and changed on the way.
    pub insecure: bool,
    /// An authority to trust beside the system's.
    pub ca: Option<PathBuf>,
}

/// A value as it is, or the secret that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// As it is.
    Text(String),
    /// The secret's.
    Secret(SecretName),
}

/// What somebody is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// The lock is taken; hosts are changed from here on.
    Start,
    /// The release runs where it was to be brought, be it a canary.
    Success,
    /// The fleet has gone back.
    Rollback,
    /// Hosts run different releases, or it is not known what they run.
    Mixed,
    /// Anything else: no host was changed, it was interrupted, or somebody else holds the lock.
    Failure,
}

impl Occasion {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Start, Self::Success, Self::Rollback, Self::Mixed, Self::Failure];

    /// Its name in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Success => "success",
            Self::Rollback => "rollback",
            Self::Mixed => "mixed",
            Self::Failure => "failure",
        }
    }
}

impl Display for Occasion {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Recipient {
    /// The secrets that it takes to reach them.
    pub fn secrets(&self) -> BTreeSet<&SecretName> {
        let (target, headers) = match self {
            Self::Webhook { target, headers } => (target, Some(headers)),
            Self::Slack(target) => (target, None),
            Self::Command(_) => return BTreeSet::new(),
        };
        let given = headers.into_iter().flat_map(BTreeMap::values).chain([&target.url]);
        given
            .filter_map(|given| match given {
                Given::Secret(name) => Some(name),
                Given::Text(_) => None,
            })
            .collect()
    }
}

/// For a plan: how and where, without anything that only the manifest needs to know.
impl Display for Recipient {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook { target, .. } => write!(f, "webhook {target}"),
            Self::Slack(target) => write!(f, "slack {target}"),
            Self::Command(words) => {
                let words: Vec<_> = words.iter().map(|word| word.escape_debug().to_string()).collect();
                f.write_str(&words.join(" "))
            }
        }
    }
}

/// The machine alone: paths of webhooks are their keys.
impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.url {
            Given::Text(url) => {
                let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
                f.write_str(rest.split(['/', '?', '#']).next().unwrap_or_default())
            }
            Given::Secret(name) => write!(f, "[secret {name}]"),
        }
    }
}
