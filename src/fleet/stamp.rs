//! The labels we put on every container. They are the truth about what a host runs: any operator on any
//! machine reads the same from them, with no state of our own needed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerSpec, FileDigest, PinnedImage, SpecDigest};
use crate::delivery::{FileSet, LiveFiles, Place};
use crate::environment::{Health, RestartPolicy, Scope};
use crate::name::{JobName, SecretName, ServiceName};

/// Label that every object of ours carries: [`Scope::label`].
pub const SCOPE_LABEL: &str = "shipctl.scope";
/// Label that holds the [`Stamp`] as JSON.
pub const STAMP_LABEL: &str = "shipctl.stamp";
/// Labels for people who look with `docker ps --format` or `docker inspect`.
pub const SERVICE_LABEL: &str = "shipctl.service";
/// Number of the release that created the container.
pub const RELEASE_LABEL: &str = "shipctl.release";

/// What a container of ours says about itself. Written once, at creation; labels cannot be changed later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Version of this form; a newer one is reported, not half-read.
    pub format: u32,
    /// The service.
    pub service: ServiceName,
    /// Number of the release that created it.
    pub release: u64,
    /// Digest of its spec; of one with live files, as it was created. Its name says what it was switched to since
    /// ([`SpecDigest::named`]), and whoever looks at a container puts that here.
    pub spec: SpecDigest,
    /// The image it runs.
    pub image: PinnedImage,
    /// How it is gated when it is started again.
    pub health: Health,
    /// Policy it is given once it has proved itself.
    pub restart: RestartPolicy,
    /// From the stop signal to SIGKILL.
    #[serde(with = "crate::duration::text")]
    pub grace: Duration,
    /// Where the files are kept that it mounts; they stay as long as it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounted: Vec<Place>,
    /// Those of them that it can be switched in while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveFiles>,
    /// Fingerprints of its secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<SecretName, String>,
    /// Which job it is, if it is none of a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobStamp>,
}

/// What the container of a job says beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStamp {
    /// Its name.
    pub name: JobName,
    /// Digest of the content of the release that it runs for.
    pub release: String,
    /// Whether the release before can still run once it has.
    pub reversible: bool,
}

/// The [`Stamp::format`] of services.
pub const STAMP_FORMAT: u32 = 1;
/// That of jobs: a version that does not know them must not take them for services.
pub const JOB_FORMAT: u32 = 2;
/// That of services whose gate asks more than a check: a version that does not know it must not ask less.
pub const GATE_FORMAT: u32 = 3;

impl Stamp {
    /// The stamp of a container that release number `release` creates from `spec`, whose digest is `digest`.
    pub fn of(spec: &ContainerSpec, digest: SpecDigest, release: u64) -> Self {
        let secret = |file: &FileDigest| Some((file.secret.clone()?, file.digest.clone()));
        Self {
            format: if spec.health.is_plain() { STAMP_FORMAT } else { GATE_FORMAT },
            service: spec.service.clone(),
            release,
            spec: digest,
            image: spec.image.clone(),
            health: spec.health.clone(),
            restart: spec.runtime.restart.clone(),
            grace: spec.runtime.stop_grace_period,
            mounted: FileSet::of(spec).into_iter().map(|set| set.place).collect(),
            live: LiveFiles::of(spec),
            secrets: spec.files.iter().filter_map(secret).collect(),
            job: None,
        }
    }

    /// The same for a job, which runs once for the release of this content.
    #[must_use]
    pub fn for_job(self, job: JobStamp) -> Self {
        Self { format: JOB_FORMAT, job: Some(job), ..self }
    }

    /// The name that the container is created under. A job has one name in a release, so that a second one collides.
    pub fn created_as(&self, spec: &ContainerSpec) -> String {
        match &self.job {
            Some(job) => format!("{}-job-{}-{}", spec.scope.prefix(), job.name, job.release),
            None => spec.name(&self.spec).unproven(),
        }
    }

    /// The labels, beside the user's own.
    pub fn labels(&self, scope: &Scope) -> BTreeMap<String, String> {
        let json = serde_json::to_string(self).unwrap_or_else(|error| unreachable!("a stamp is plain data: {error}"));
        BTreeMap::from([
            (SCOPE_LABEL.to_owned(), scope.label()),
            (SERVICE_LABEL.to_owned(), self.service.to_string()),
            (RELEASE_LABEL.to_owned(), self.release.to_string()),
            (STAMP_LABEL.to_owned(), json),
        ])
    }

    /// Reads a stamp back; `None` for containers without one, or with one of another format.
    pub fn read(labels: &BTreeMap<String, String>) -> Option<Self> {
        let stamp: Self = serde_json::from_str(labels.get(STAMP_LABEL)?).ok()?;
        let known = match (&stamp.job, stamp.health.is_plain()) {
            (Some(_), _) => JOB_FORMAT,
            (None, true) => STAMP_FORMAT,
            (None, false) => GATE_FORMAT,
        };
        (stamp.format == known).then_some(stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Expect;

    /// As versions wrote it that knew of nothing but a check and times.
    const OLD: &str = r#"{"format":1,"service":"web","release":7,"spec":"ab","image":{"registry":{"repository":"r/web",
        "digest":"sha256:00","tag":"web:v1"}},"health":{"check":{"http":{"port":80,"path":"/up"}},
        "interval":"200ms","timeout":"1s","min_healthy_time":"200ms","healthy_deadline":"3s"},
        "restart":"unless-stopped","grace":"1s"}"#;

    fn read(json: &str) -> Option<Stamp> {
        Stamp::read(&BTreeMap::from([(STAMP_LABEL.to_owned(), json.to_owned())]))
    }

    #[test]
    fn a_stamp_from_before_gates_expected_anything_is_read_and_written_as_it_was() {
        let stamp = read(OLD).expect("a stamp");
        assert!(stamp.health.is_plain(), "{stamp:?}");
        let same: serde_json::Value = serde_json::from_str(OLD).expect("JSON");
        assert_eq!(serde_json::to_value(&stamp).expect("JSON"), same);
    }

    #[test]
    fn a_gate_that_asks_more_is_kept_whole_or_not_read() {
        let mut stamp = read(OLD).expect("a stamp");
        let header = BTreeMap::from([("X-Release".to_owned(), "v1".to_owned())]);
        stamp.health.expect = Expect { header, ..Expect::default() };
        let json = |stamp: &Stamp| serde_json::to_string(stamp).expect("JSON");
        assert_eq!(read(&json(&stamp)), None, "a format in which nobody may leave it out");
        stamp.format = GATE_FORMAT;
        assert_eq!(read(&json(&stamp)), Some(stamp));
    }
}
