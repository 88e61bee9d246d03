//! What a rollout will do, as a value: shown, saved, compared, and carried out without further choices.
//!
//! Deliberately absent from this module: `async`, input and output, clocks, the environment, logging,
//! questions. What needs an answer is a [`Note`]; the command asks. The same inputs give the same plan, to the byte.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerId, PinnedImage};
use crate::delivery::FileSet;
use crate::engine::Provision;
use crate::environment::{FailureAction, Scope};
use crate::fleet::key::KeyId;
use crate::fleet::ledger::{Kind, Placements};
use crate::name::{HostName, ServiceName};
use crate::release::ReleaseId;

pub mod batching;
pub mod check;
pub mod display;
pub(crate) mod incumbent;
pub mod note;
pub mod planner;
mod preparing;
pub mod publication;
pub mod refusal;
pub mod replacement;
mod replacing;
mod retiring;
pub mod rollback;
pub mod saved;
pub mod step;
pub mod traffic;
pub mod unwind;

pub use note::Note;
pub use publication::Publication;
pub use refusal::Refusal;
pub use replacement::{Cause, Fate, Incumbent, Replacement, Target};
pub use step::{Step, Subject};
pub use traffic::Traffic;

/// What a rollout will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form.
    pub format: u32,
    /// What was asked for.
    pub kind: Kind,
    /// Project and environment.
    pub scope: Scope,
    /// The release that will be in force.
    pub release: ReleaseId,
    /// The release in force now.
    pub from: Option<ReleaseId>,
    /// Images of the release.
    pub images: BTreeMap<ServiceName, PinnedImage>,
    /// The key that its secrets are compared by; `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// What every host runs once the release is in force, also hosts that this plan does not touch.
    pub placements: Placements,
    /// What is made present on every host before anything is stopped anywhere.
    pub preparations: BTreeMap<HostName, Preparation>,
    /// Digests of what the release has in stores once it is in force.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub published: BTreeMap<String, String>,
    /// What is changed in stores before the first batch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publications: Vec<Publication>,
    /// Hosts that an unfinished rollout has already brought to this release, which is not in force yet. Nothing is done
    /// to them; they are monitored with the others, and go back with them.
    pub resumed: Vec<Batch>,
    /// In order; the next waits until all of the one before are promoted and monitored.
    pub batches: Vec<Batch>,
    /// What is removed after success.
    pub retirements: BTreeMap<HostName, Vec<Retirement>>,
    /// Replacements that need nothing.
    pub unchanged: Vec<(HostName, ServiceName)>,
    /// Whether hosts or services that run something else are left out, so that the release does not come into force.
    pub partial: bool,
    /// Whether the ledger lacks this release although hosts may already run it.
    pub unrecorded: bool,
    /// What the operator should know.
    pub notes: Vec<Note>,
    /// What each host looked like; a plan is stale when one looks different.
    pub seen: BTreeMap<HostName, String>,
}

/// The current [`Plan::format`].
pub const PLAN_FORMAT: u32 = 1;

/// What a host needs before its containers are touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preparation {
    /// Images to pull.
    pub pulls: Vec<PinnedImage>,
    /// Networks and volumes to create.
    pub provisions: Vec<Provision>,
    /// TCP ports of the host that must be free, because no container of ours holds them yet.
    pub free_ports: Vec<u16>,
    /// Sets of files to put in their places, with the services whose files they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<(ServiceName, FileSet)>,
    /// Whether the host lacks the key of the secrets' fingerprints.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub key: bool,
}

/// Hosts replaced together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The service; a batch is about one.
    pub service: ServiceName,
    /// Whether the others wait until these have been watched for longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
    /// How long failures still count after promotion.
    #[serde(with = "crate::duration::text")]
    pub monitor: Duration,
    /// Pause before the next batch.
    #[serde(with = "crate::duration::text")]
    pub delay: Duration,
    /// What a failure means for the fleet.
    pub failure_action: FailureAction,
    /// One per host.
    pub replacements: Vec<Replacement>,
}

/// A container that is removed after success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// Engine's id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// Number of the release that created it.
    pub release: u64,
}

impl Plan {
    /// Whether carrying it out would change nothing.
    pub fn is_noop(&self) -> bool {
        self.batches.is_empty() && !self.unrecorded && self.publications.is_empty()
    }

    /// The hosts on which something is done.
    pub fn touched(&self) -> BTreeSet<HostName> {
        let replaced = self.replacements().map(|one| &one.host);
        replaced.chain(self.preparations.keys()).chain(self.retirements.keys()).cloned().collect()
    }

    /// All replacements in order, the resumed ones first.
    pub fn replacements(&self) -> impl Iterator<Item = &Replacement> {
        self.resumed.iter().chain(&self.batches).flat_map(|batch| &batch.replacements)
    }
}
