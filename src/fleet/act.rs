//! What operators did to what runs without bringing a release: kept on every host beside the rollouts, so that anybody can
//! read who stopped what, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::container::ContainerId;
use crate::environment::RestartPolicy;
use crate::fleet::ledger::{Entry, Kind, Ledger, RolloutResult};
use crate::fleet::observed::{ObservedContainer, Phase};
use crate::name::{HostName, ServiceName};

/// What an operator says of an act.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether limits and drains were not to keep it from being done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
}

/// An act that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// Rises by one with each rollout and each act of the environment.
    pub number: u64,
    /// Its id, which names its journal.
    pub rollout: String,
    /// What was asked for.
    pub kind: Kind,
    /// Why, and whether it was forced.
    #[serde(flatten)]
    pub act: Act,
    /// What came of it.
    pub result: RolloutResult,
    /// `user@machine` of the operator.
    pub by: String,
    /// When it ended, by the operator's clock; for people only.
    pub at: Timestamp,
    /// What it was done to.
    pub parts: Vec<Part>,
}

/// One service on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where.
    pub host: HostName,
    /// Which.
    pub service: ServiceName,
    /// The container that was started, stopped or removed.
    pub container: ContainerId,
    /// Whether it was done, by a look at the host afterwards.
    pub done: bool,
}

/// Who did something, and why, for who looks at what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// What was done.
    pub kind: Kind,
    /// `user@machine` of the operator.
    pub by: String,
    /// When, by the operator's clock.
    pub at: Timestamp,
    /// Why, and whether it was forced.
    #[serde(flatten)]
    pub act: Act,
}

impl From<&Entry> for Said {
    fn from(entry: &Entry) -> Self {
        let act = Act { reason: entry.reason.clone(), forced: false };
        Self { kind: entry.kind, by: entry.by.clone(), at: entry.at, act }
    }
}

impl From<&Deed> for Said {
    fn from(deed: &Deed) -> Self {
        Self { kind: deed.kind, by: deed.by.clone(), at: deed.at, act: deed.act.clone() }
    }
}

/// Acts that a ledger keeps; older ones are dropped.
pub const KEPT_ACTS: usize = 50;

/// Bytes that acts may take as text, beside rollouts; older ones are dropped, but for the last.
const MAX_TEXT: usize = 32 * 1024;

impl Ledger {
    /// The ledger with one more act, and without those that are too old.
    #[must_use]
    pub fn with_act(mut self, deed: Deed) -> Self {
        self.acts.push(deed);
        let mut bytes = 0;
        let mut kept: Vec<_> = self.acts.into_iter().rev().take(KEPT_ACTS).collect();
        let mut is_kept = |deed: &Deed| {
            let is_last = bytes == 0;
            bytes += serde_json::to_string(deed).map_or(MAX_TEXT, |text| text.len());
            is_last || bytes <= MAX_TEXT
        };
        let kept_entries = kept.iter().map(&mut is_kept).take_while(|kept| *kept).count();
        kept.truncate(kept_entries);
        kept.reverse();
        self.acts = kept;
        self
    }

    /// The act by which this container was stopped, if it does not run for that reason: what ends by itself, or is started
    /// again, has its restart policy.
    pub fn stopped(&self, host: &HostName, container: &ObservedContainer) -> Option<&Deed> {
        let is_at_rest = matches!(container.state.phase, Phase::Exited { .. } | Phase::Dead | Phase::Created);
        let is_it = |part: &Part| part.host == *host && part.container == container.id;
        let mut deeds = self.acts.iter().rev().filter(|deed| !deed.kind.is_of_hosts());
        let last = deeds.find(|deed| deed.parts.iter().any(is_it))?;
        let is_stopped = is_at_rest && container.restart == RestartPolicy::No;
        (is_stopped && last.kind == Kind::Stop && last.parts.iter().any(|part| is_it(part) && part.done))
            .then_some(last)
    }

    /// The rollout that gave a container to this host alone, or to some, if a reason was given for it: what it brought did not
    /// come into force.
    pub fn deviation(&self, host: &HostName, container: &ObservedContainer) -> Option<&Entry> {
        let has = |entry: &Entry| {
            entry.placements.get(host).and_then(|all| all.get(&container.stamp.service)) == Some(&container.stamp.spec)
        };
        let is_in_force = self.current().is_some_and(has);
        let last = self.entries.iter().rev().find(|entry| has(entry))?;
        (!is_in_force && last.result == RolloutResult::Partial && last.reason.is_some()).then_some(last)
    }

    /// The act by which a service was removed from a host that has no container of it any more, if no rollout came after it.
    pub fn removed(&self, host: &HostName, service: &ServiceName) -> Option<&Deed> {
        let is_it = |part: &Part| part.host == *host && part.service == *service;
        let mut deeds = self.acts.iter().rev().filter(|deed| !deed.kind.is_of_hosts());
        let last = deeds.find(|deed| deed.parts.iter().any(is_it))?;
        let is_last = self.entries.last().is_none_or(|entry| entry.number < last.number);
        (is_last && last.kind == Kind::Remove && last.parts.iter().any(|part| is_it(part) && part.done)).then_some(last)
    }

    /// The act by which a service was taken out of traffic on a host, if nobody has admitted it since. Whether it still is out
    /// of traffic is for balancers to say.
    pub fn drained(&self, host: &HostName, service: &ServiceName) -> Option<&Deed> {
        let is_it = |part: &&Part| part.host == *host && part.service == *service;
        let done = |deed: &Deed| deed.parts.iter().filter(is_it).any(|part| part.done);
        let mut told = self.acts.iter().rev().filter(|deed| matches!(deed.kind, Kind::Drain | Kind::Admit));
        told.find(|deed| done(deed)).filter(|deed| deed.kind == Kind::Drain)
    }
}
