//! What a rollout will do, as a value: shown, saved, compared, and carried out without further choices.
//!
//! Deliberately absent from this module: `async`, input and output, clocks, the environment, logging,
//! questions. What needs an answer is a [`Note`]; the command asks. The same inputs give the same plan, to the byte.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerId, PinnedImage};
use crate::delivery::{FileSet, Place};
use crate::engine::Provision;
use crate::environment::{FailureAction, Hook, Point, Query, Scope};
use crate::fleet::act::Act;
use crate::fleet::key::KeyId;
use crate::fleet::layers::Load;
use crate::fleet::ledger::{Kind, Placements};
use crate::fleet::observed::Boot;
use crate::name::{HostName, ServiceName};
use crate::release::ReleaseId;

pub mod act;
pub mod batching;
mod canary;
pub mod capacity;
pub mod check;
pub mod comparison;
pub mod display;
pub mod doubt;
pub(crate) mod incumbent;
pub mod job;
pub mod note;
pub mod planner;
mod preparing;
pub mod pruning;
pub mod publication;
pub mod refusal;
pub mod replacement;
mod replacing;
mod retiring;
pub mod rollback;
pub mod saved;
mod seating;
pub mod step;
pub mod strategy;
pub mod told;
pub mod traffic;
pub mod unwind;

pub use capacity::Capacity;
pub use comparison::Comparison;
pub use job::Job;
pub use note::Note;
pub use pruning::Pruning;
pub use publication::Publication;
pub use refusal::{FailedJob, Refusal};
pub use replacement::{Cause, Fate, Incumbent, Replacement, Target};
pub use retiring::left_over;
pub use seating::Seating;
pub use step::{Step, Subject};
pub use told::Told;
pub use traffic::Traffic;

/// What a rollout will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form.
    pub format: u32,
    /// What was asked for.
    pub kind: Kind,
    /// How hosts are rebooted; `None` if none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reboot: Option<Reboot>,
    /// What the operator says of it, where no release is brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
    /// Why a release is brought, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
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
    /// What runs once for the release, also what has done so already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<Job>,
    /// What runs on the operator's machine, by when it does.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<Point, Hook>,
    /// Who is told what comes of it, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notify: BTreeMap<String, Told>,
    /// Hosts that an unfinished rollout has already brought to this release, which is not in force yet. Nothing is done
    /// to them; they are monitored with the others, and go back with them.
    pub resumed: Vec<Batch>,
    /// Services in the order in which they are replaced, each before those that need it. Going back is in the reverse order.
    #[serde(default)]
    pub order: Vec<ServiceName>,
    /// Which hosts serve each service now, and how many may be out of service.
    #[serde(default)]
    pub capacity: BTreeMap<ServiceName, Capacity>,
    /// How services go back where that is not as they came.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub back: BTreeMap<ServiceName, rollback::Back>,
    /// In order; the next waits until all of the one before are promoted and monitored.
    pub batches: Vec<Batch>,
    /// What is removed after success.
    pub retirements: BTreeMap<HostName, Vec<Retirement>>,
    /// What images that no release needs any more are known by, where they are removed after success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruning: Option<Pruning>,
    /// Replacements that need nothing.
    pub unchanged: Vec<(HostName, ServiceName)>,
    /// Whether hosts or services that run something else are left out, so that the release does not come into force.
    pub partial: bool,
    /// Hosts that wait until the canary, which this brings the release to, is promoted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub held: BTreeSet<HostName>,
    /// Whether it brings the release of a canary to the hosts that waited for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub promotes: bool,
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
    /// What the builder is to send of them, by their content, as far as it was told. Only shown: execution asks again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub loads: BTreeMap<String, Load>,
    /// Networks and volumes to create.
    pub provisions: Vec<Provision>,
    /// TCP ports of the host that must be free, because no container of ours holds them yet.
    pub free_ports: Vec<u16>,
    /// Sets of files to put in their places, with the services whose files they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<(ServiceName, FileSet)>,
    /// Versions of live files that must be in their places, because a kept container is switched to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<(Place, String)>,
    /// Whether the host lacks the key of the secrets' fingerprints.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub key: bool,
}

/// What is to be known of hosts that are rebooted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reboot {
    /// The life that each of them is to end. One that is in another by then is not told to reboot.
    pub from: BTreeMap<HostName, Boot>,
    /// How long one may take to be back.
    #[serde(with = "crate::duration::text")]
    pub back_within: Duration,
}

/// Hosts replaced together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The service; a batch is about one, but for an act on hosts.
    pub service: ServiceName,
    /// The other services of an act on hosts, and how many hosts of each must be in service when it begins (see `keep`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub beside: BTreeMap<ServiceName, usize>,
    /// Whether the others wait until these have been watched for longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
    /// How long failures still count after promotion.
    #[serde(with = "crate::duration::text")]
    pub monitor: Duration,
    /// Pause before the next batch.
    #[serde(with = "crate::duration::text")]
    pub delay: Duration,
    /// How long it may go on without another of its hosts getting ready.
    #[serde(with = "crate::duration::text", default = "progress_deadline")]
    pub progress_deadline: Duration,
    /// What a failure means for the fleet.
    pub failure_action: FailureAction,
    /// Hosts that may have failed until then, and went back alone, while the rollout goes on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub may_fail: usize,
    /// Hosts that must be in service when it begins, beside those that it takes out of service; 0 if it takes out none.
    #[serde(default)]
    pub keep: usize,
    /// What its servers are compared with while it is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Comparison>,
    /// What is asked when it has been watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<Query>,
    /// One per host.
    pub replacements: Vec<Replacement>,
}

/// What held when plans did not say.
fn progress_deadline() -> Duration {
    Duration::from_mins(10)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &usize) -> bool {
    *number == 0
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

impl Batch {
    /// Its services, each with how many hosts of it must be in service when it begins.
    pub fn keeps(&self) -> impl Iterator<Item = (&ServiceName, usize)> {
        let beside = self.beside.iter().map(|(service, keep)| (service, *keep));
        std::iter::once((&self.service, self.keep)).chain(beside)
    }

    /// What it does to one of its services.
    pub fn of<'a>(&'a self, service: &'a ServiceName) -> impl Iterator<Item = &'a Replacement> {
        self.replacements.iter().filter(move |one| one.service == *service)
    }
}

impl Plan {
    /// Whether carrying it out would change nothing.
    pub fn is_noop(&self) -> bool {
        let is_quiet = !self.jobs.iter().any(Job::is_due);
        self.batches.is_empty() && !self.unrecorded && self.publications.is_empty() && is_quiet
    }

    /// Jobs that have to run, or to end.
    pub fn due_jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| job.is_due())
    }

    /// The hosts on which something is done.
    pub fn touched(&self) -> BTreeSet<HostName> {
        let replaced = self.replacements().map(|one| &one.host).chain(self.due_jobs().map(|job| &job.host));
        replaced.chain(self.preparations.keys()).chain(self.retirements.keys()).cloned().collect()
    }

    /// All replacements in order, the resumed ones first.
    pub fn replacements(&self) -> impl Iterator<Item = &Replacement> {
        self.resumed.iter().chain(&self.batches).flat_map(|batch| &batch.replacements)
    }
}
