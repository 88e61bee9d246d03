//! One externally visible change to one host.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerId, ContainerName};

/// A change, or the one look that decides whether the next change may come ([`Step::Gate`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Take the host's servers out of traffic and wait until they are idle.
    Drain,
    /// Put the host's servers back into traffic, once every balancer finds the container healthy.
    Admit,
    /// Create the new container beside the old one; it is not started.
    Create,
    /// Stop a container, and keep it.
    Stop(Subject, #[serde(with = "crate::duration::text")] Duration),
    /// Start a container.
    Start(Subject),
    /// Wait until the container has proved itself healthy.
    Gate(Subject),
    /// Give it its final name and restart policy: from here it is the host's release.
    Promote(Subject),
    /// Remove a container that never proved itself.
    Remove(Subject),
}

/// Which container of a replacement a step is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The one that is to run.
    New,
    /// The one that goes back into service if the new one fails.
    Old,
    /// A third one, left over from an unfinished rollout.
    Left(ContainerId, ContainerName),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Old => f.write_str("old"),
            Self::Left(_, name) => write!(f, "left-over {name}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drain => f.write_str("drain"),
            Self::Admit => f.write_str("admit"),
            Self::Create => f.write_str("create new"),
            Self::Stop(subject, grace) => write!(f, "stop {subject} (grace {})", crate::duration::display(*grace)),
            Self::Start(subject) => write!(f, "start {subject}"),
            Self::Gate(subject) => write!(f, "gate {subject}"),
            Self::Promote(subject) => write!(f, "promote {subject}"),
            Self::Remove(subject) => write!(f, "remove {subject}"),
        }
    }
}
