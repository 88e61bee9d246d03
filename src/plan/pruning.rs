//! Which images of a host no release needs any more. Pure: what may go is told from names and references alone; that
//! something is old is never a reason, only that it is new is one to keep it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::container::{OWN_REPOSITORIES, PinnedImage};
use crate::environment::Environment;
use crate::environment::prune::Pattern;
use crate::fleet::ledger::{Entry, Ledger};
use crate::fleet::observed::{HostView, Observed};
use crate::fleet::stock::{Stock, StockedImage};
use crate::image::reference::{DEFAULT_REGISTRY, ImageName};

/// What images are judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruning {
    /// Repositories that the environment's services have images from, now or in what hosts keep. Others are left alone.
    pub repositories: BTreeSet<String>,
    /// How many releases back are not touched, beside the one in force.
    pub releases: usize,
    /// How long an image stays after it was made or rolled out.
    #[serde(with = "crate::duration::text")]
    pub grace: Duration,
    /// What stays in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Pattern>,
}

/// Why an image stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stays {
    /// A container was made from it: of whom ever, and whether it runs or not.
    Used(String),
    /// Somebody has given it a name, or knows it by another repository.
    Named(String),
    /// It is of a release that is in force, waits, or can be gone back to: its number.
    Release(u64),
    /// The manifest or the operator says so.
    Excluded(Pattern),
    /// It was made, or rolled out, only then.
    Young(Timestamp),
}

/// What becomes of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged<'a> {
    /// Its id.
    pub id: &'a str,
    /// The image.
    pub image: &'a StockedImage,
    /// Why it stays; `None` if it goes.
    pub stays: Option<Stays>,
}

impl Pruning {
    /// What is judged by for an environment as it is on its hosts.
    pub fn of(environment: &Environment, observed: &Observed) -> Self {
        let registry = environment.registry.as_ref().map(|registry| registry.host.as_str());
        let declared = environment.services.values().chain(environment.overrides.values()).filter_map(|service| {
            let name: ImageName = service.image.parse().ok()?;
            Some(name.locate(registry).repository())
        });
        let hosts = observed.hosts.values().filter_map(|view| match view {
            HostView::Seen(host) => Some(host),
            HostView::Unreachable(_) => None,
        });
        let kept = hosts.flat_map(|host| host.containers.iter().chain(&host.jobs));
        let kept = kept.filter_map(|container| match &container.stamp.image {
            PinnedImage::Registry { repository, .. } | PinnedImage::Direct { repository, .. } => {
                Some(repository.clone())
            }
            PinnedImage::Local { .. } => None,
        });
        let mut repositories: BTreeSet<_> = declared.chain(kept).collect();
        // A host that could not pull one has it from another host, under a name of its own.
        let passed_on = repositories.iter().filter_map(|one| one.split_once('/'));
        let passed_on: Vec<_> = passed_on.map(|(_, path)| format!("{OWN_REPOSITORIES}{path}")).collect();
        repositories.extend(passed_on);
        Self {
            repositories,
            releases: environment.keep_releases,
            grace: environment.prune.grace,
            exclude: environment.prune.exclude.clone(),
        }
    }

    /// Judges those images of a host that the environment has brought there. The ledger is the one that is in force, and `now`
    /// is the operator's time.
    pub fn judge<'a>(&self, stock: &'a Stock, ledger: &Ledger, now: Timestamp) -> Vec<Judged<'a>> {
        let kept = self.kept(ledger);
        let ours = stock.images.iter().filter_map(|(id, image)| {
            let naming: Vec<_> = ledger.entries.iter().rev().filter(|entry| names(entry, id, image)).collect();
            let is_ours = self.is_ours(image, &naming);
            is_ours.then(|| Judged { id, image, stays: self.stays(image, &naming, &kept, now) })
        });
        ours.collect()
    }

    /// Releases whose images stay, by number: in force, waiting, or kept to go back to.
    fn kept(&self, ledger: &Ledger) -> BTreeSet<u64> {
        let mut kept = BTreeSet::new();
        for entry in ledger.completed().rev() {
            if kept.len() > self.releases {
                break;
            }
            kept.insert(entry.release.number);
        }
        kept.extend(ledger.last_good().into_iter().chain(ledger.canary()).map(|entry| entry.release.number));
        kept
    }

    /// From one of the repositories, or, without any name, one that was rolled out.
    fn is_ours(&self, image: &StockedImage, naming: &[&Entry]) -> bool {
        let is_nameless = image.tags.is_empty() && image.digests.is_empty();
        image.digests.iter().any(|digest| self.is_of(digest))
            || image.tags.iter().any(|tag| self.is_sent(tag))
            || is_nameless && !naming.is_empty()
    }

    /// Whether it is a name by content in one of the repositories.
    fn is_of(&self, digest: &str) -> bool {
        digest.split_once('@').is_some_and(|(repository, _)| self.repositories.contains(repository))
    }

    /// Whether an engine has made it of the name of an image that was sent: the containerd store names by content whatever it has.
    fn is_of_sent(&self, digest: &str, image: &StockedImage) -> bool {
        let repository = digest.split_once('@').map(|(repository, _)| repository);
        let sent = image.tags.iter().filter(|tag| self.is_sent(tag)).filter_map(|tag| tag.rsplit_once(':'));
        sent.map(|(repository, _)| format!("{DEFAULT_REGISTRY}/{repository}")).any(|sent| Some(&*sent) == repository)
    }

    /// Whether it is the name that an image has which was sent: not one that somebody gave it.
    fn is_sent(&self, tag: &str) -> bool {
        let sent = tag.rsplit_once(':').filter(|(repository, _)| repository.starts_with(OWN_REPOSITORIES));
        sent.is_some_and(|(repository, _)| self.repositories.contains(repository))
    }

    /// `naming` are the rollouts that were to bring it, the newest first.
    fn stays(&self, image: &StockedImage, naming: &[&Entry], kept: &BTreeSet<u64>, now: Timestamp) -> Option<Stays> {
        if let Some(user) = image.users.first() {
            return Some(Stays::Used(user.clone()));
        }
        let tag = image.tags.iter().find(|tag| !self.is_sent(tag));
        let is_foreign = |digest: &&String| !self.is_of(digest) && !self.is_of_sent(digest, image);
        if let Some(name) = tag.or_else(|| image.digests.iter().find(is_foreign)) {
            return Some(Stays::Named(name.clone()));
        }
        if let Some(entry) = naming.iter().find(|entry| kept.contains(&entry.release.number)) {
            return Some(Stays::Release(entry.release.number));
        }
        let is_about = |pattern: &&Pattern| image.names().any(|name| pattern.matches(name));
        if let Some(pattern) = self.exclude.iter().find(is_about) {
            return Some(Stays::Excluded(pattern.clone()));
        }
        let last = naming.iter().map(|entry| entry.at).chain(image.created).max()?;
        let is_young = now.duration_since(last) < self.grace.try_into().unwrap_or(jiff::SignedDuration::MAX);
        is_young.then_some(Stays::Young(last))
    }
}

/// Whether a rollout was to bring this image. Its record has the name that people know, and the beginning of the digest.
fn names(entry: &Entry, id: &str, image: &StockedImage) -> bool {
    let digests = image.digests.iter().filter_map(|name| name.split_once('@').map(|(_, digest)| digest));
    let sent = image.tags.iter().filter(|tag| tag.starts_with(OWN_REPOSITORIES)).filter_map(|tag| tag.rsplit_once(':'));
    let digests = digests.chain(sent.map(|(_, tag)| tag.strip_prefix("sha256-").unwrap_or(tag)));
    let shorts = digests.chain([id]).map(PinnedImage::short);
    let shorts: Vec<_> = shorts.map(|short| format!("({short})")).collect();
    entry.images.values().any(|text| shorts.iter().any(|short| text.ends_with(short)))
        || entry.pinned.values().any(|pinned| shorts.contains(&format!("({})", PinnedImage::short(pinned.digest()))))
}
