//! One externally visible change to one host.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerId, ContainerName, SpecDigest};

/// A change, or the one look that decides whether the next change may come ([`Step::Gate`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Take the host's servers out of traffic and wait until they are idle.
    Drain,
    /// Put the host's servers back into traffic, once every balancer finds the container healthy.
    Admit,
    /// Give a container requests: attach it at its seat behind the edge, and wait until the edge sends it some.
    Seat(Subject),
    /// Take a container out of traffic: drain its seat behind the edge, wait until it is idle, and take it away from there.
    Unseat(Subject),
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
    /// Take a container's proof away: it runs on, but has yet to prove itself with what comes now.
    Doubt(Subject),
    /// Switch a container to the live files of this spec.
    Switch(Subject, SpecDigest),
    /// Reboot the host, and wait until it is back as another life of itself. Who else is on it is waited for first.
    Reboot,
    /// Have a container take up its live files: by this signal, or by starting it where it does not run.
    Signal(Subject, String),
}

/// Which container of a replacement a step is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The one that is to run.
    New,
    /// The one that goes back into service if the new one fails.
    Old,
    /// The one that there is, where no other takes its place.
    Own,
    /// A third one, left over from an unfinished rollout.
    Left(ContainerId, ContainerName),
    /// One that does not run, kept to go back to.
    Kept(ContainerId, ContainerName),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Old => f.write_str("old"),
            Self::Own => f.write_str("container"),
            Self::Left(_, name) => write!(f, "left-over {name}"),
            Self::Kept(_, name) => write!(f, "{name}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drain => f.write_str("drain"),
            Self::Admit => f.write_str("admit"),
            Self::Seat(subject) => write!(f, "seat {subject}"),
            Self::Unseat(subject) => write!(f, "unseat {subject}"),
            Self::Create => f.write_str("create new"),
            Self::Stop(subject, grace) => write!(f, "stop {subject} (grace {})", crate::duration::display(*grace)),
            Self::Start(subject) => write!(f, "start {subject}"),
            Self::Gate(subject) => write!(f, "gate {subject}"),
            Self::Promote(subject) => write!(f, "promote {subject}"),
            Self::Remove(subject) => write!(f, "remove {subject}"),
            Self::Doubt(subject) => write!(f, "mark {subject} as unproven"),
            Self::Switch(subject, to) => write!(f, "switch {subject} to files {}", to.version().unwrap_or("unknown")),
            Self::Reboot => f.write_str("reboot the host"),
            Self::Signal(subject, signal) => write!(f, "send {signal} to {subject}"),
        }
    }
}
