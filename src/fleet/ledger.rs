//! What was rolled out to an environment, kept on every host of it: who, when, what came of it, and which
//! container each host runs in each release. It is what `history` shows and what `rollback` goes by.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::container::{PinnedImage, SpecDigest};
use crate::environment::Scope;
use crate::fleet::act::Deed;
use crate::name::{HostName, JobName, ServiceName};
use crate::release::ReleaseId;

/// Which spec each host runs of each service.
pub type Placements = BTreeMap<HostName, BTreeMap<ServiceName, SpecDigest>>;

/// All rollouts that are remembered, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Version of this form.
    pub format: u32,
    /// Oldest first, with rising numbers.
    pub entries: Vec<Entry>,
    /// What operators did between rollouts, oldest first; numbered with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<Deed>,
}

/// Entries a ledger keeps; older ones are dropped.
pub const KEPT_ENTRIES: usize = 100;

/// Bytes that the entries of a ledger may take as text; older ones are dropped. A host lists them with its containers.
pub const MAX_TEXT: usize = 128 * 1024;

/// Completed rollouts that are kept whatever their size: the release in force, and the one before it.
const KEPT_COMPLETED: usize = 2;

/// The current [`Ledger::format`].
pub const LEDGER_FORMAT: u32 = 1;

/// One rollout that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Rises by one with each rollout of the environment; never derived from a clock.
    pub number: u64,
    /// The rollout's id, which names its journal.
    pub rollout: String,
    /// `deploy` or `rollback`.
    pub kind: Kind,
    /// The release it was to bring.
    pub release: ReleaseId,
    /// Images of the release, by service, for people.
    pub images: BTreeMap<ServiceName, String>,
    /// What came of it.
    pub result: RolloutResult,
    /// `user@machine` of the operator.
    pub by: String,
    /// When it ended, by the operator's clock; for people only.
    pub at: Timestamp,
    /// What every host runs if the release is in force.
    pub placements: Placements,
    /// The images of a canary, which it is promoted with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pinned: BTreeMap<ServiceName, PinnedImage>,
    /// Digests of what the release published, by store.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub published: BTreeMap<String, String>,
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Jobs of the release that have run to a good end by then, and whether they are reversible.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<JobName, bool>,
}

/// What an operator asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A release from the manifest.
    Deploy,
    /// An earlier release.
    Rollback,
    /// What was stopped, again.
    Start,
    /// Nothing of it, for now.
    Stop,
    /// The same containers, started anew.
    Restart,
    /// Fewer containers.
    Remove,
    /// No requests for a host, for now.
    Drain,
    /// Requests for a host again.
    Admit,
    /// The host itself, started anew.
    Reboot,
}

impl Kind {
    /// Whether a release is brought to hosts.
    pub fn brings_release(self) -> bool {
        matches!(self, Self::Deploy | Self::Rollback)
    }

    /// Whether it is about hosts, with all that is on them.
    pub fn is_of_hosts(self) -> bool {
        matches!(self, Self::Drain | Self::Admit | Self::Reboot)
    }

    /// As the command is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Remove => "rm",
            Self::Drain => "host drain",
            Self::Admit => "host admit",
            Self::Reboot => "host reboot",
        }
    }
}

/// What came of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutResult {
    /// The release is in force on every host it was meant for.
    Completed,
    /// It was carried out on the hosts and services that were selected; the release did not come into force.
    Partial,
    /// Its canary runs the release, and waits to be promoted.
    Canary,
    /// Every touched host went back.
    RolledBack,
    /// Mixed, or not known.
    Mixed,
    /// The operator interrupted it.
    Interrupted,
}

/// Name of the marker that holds an environment's ledger on each of its hosts.
pub fn marker_name(scope: &Scope) -> String {
    format!("shipctl-ledger-{}", scope.prefix())
}

impl Ledger {
    /// Number of the last rollout or act; 0 if there was none.
    pub fn last_number(&self) -> u64 {
        let acted = self.acts.last().map_or(0, |deed| deed.number);
        self.entries.last().map_or(0, |entry| entry.number).max(acted)
    }

    /// Highest release number ever given out; 0 if none.
    pub fn last_release(&self) -> u64 {
        self.entries.iter().map(|entry| entry.release.number).max().unwrap_or(0)
    }

    /// The release in force: that of the last completed rollout.
    pub fn current(&self) -> Option<&Entry> {
        self.completed().next_back()
    }

    /// The rollout whose canary waits to be promoted. What has tried to bring the others there and came to no end changes
    /// nothing about that.
    pub fn canary(&self) -> Option<&Entry> {
        let last = self.entries.iter().rev().find(|entry| entry.result == RolloutResult::Canary)?;
        let mut later = self.entries.iter().filter(|entry| entry.number > last.number);
        let waits_still = later.all(|entry| match entry.result {
            RolloutResult::Partial | RolloutResult::Mixed | RolloutResult::Interrupted => entry.release == last.release,
            // Another release went back to what was there before, which is the canary.
            RolloutResult::RolledBack => entry.release != last.release,
            RolloutResult::Completed | RolloutResult::Canary => false,
        });
        waits_still.then_some(last)
    }

    /// The release that was in force before the current one was deployed, which `rollback` without an argument goes to.
    /// A release that was itself rolled back from is passed over, and a second rollback goes one further back.
    pub fn last_good(&self) -> Option<&Entry> {
        let current = &self.current()?.release;
        let brought = |entry: &&Entry| entry.kind == Kind::Deploy && entry.release == *current;
        let deployed = self.completed().rev().find(brought)?.number;
        self.completed().rev().find(|entry| entry.number < deployed && entry.release != *current)
    }

    /// The last completed entry of a release given as `12`, `r12` or the beginning of its digest.
    pub fn find(&self, release: &str) -> Option<&Entry> {
        self.completed().rev().find(|entry| entry.release.matches(release))
    }

    /// The completed rollouts, oldest first.
    pub fn completed(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.result == RolloutResult::Completed)
    }

    /// The ledger with one more entry, and without those that are too old.
    #[must_use]
    pub fn with(mut self, entry: Entry) -> Self {
        self.format = LEDGER_FORMAT;
        self.entries.push(entry);
        let waiting = self.canary().map(|entry| entry.number);
        let (mut entries, mut bytes, mut completed) = (0, 0, 0);
        let mut kept: Vec<_> = self.entries.into_iter().rev().collect();
        kept.retain(|entry| {
            entries += 1;
            bytes += text(entry).len();
            let is_completed = entry.result == RolloutResult::Completed;
            completed += usize::from(is_completed);
            let is_needed = is_completed && completed <= KEPT_COMPLETED || Some(entry.number) == waiting;
            (entries <= KEPT_ENTRIES && bytes <= MAX_TEXT) || is_needed
        });
        kept.reverse();
        self.entries = kept;
        self
    }

    /// How it is written on a host.
    pub fn text(&self) -> String {
        text(self)
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| unreachable!("a ledger is plain data: {error}"))
}
