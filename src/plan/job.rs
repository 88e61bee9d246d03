//! What runs once for a release: which container, where, and whether it has to run at all.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerId, ContainerName, ContainerSpec, SpecDigest};
use crate::environment::{Environment, Naming, RestartPolicy, When};
use crate::fleet::observed::{HostView, ObservedContainer, Phase};
use crate::fleet::stamp::{JobStamp, Stamp};
use crate::name::{HostName, JobName, ServiceName};
use crate::plan::planner::Planner;
use crate::plan::{FailedJob, Note, Plan, Refusal, Retirement};
use crate::release::Release;

/// Ends the name of a job's container that did not end in time: it is no proof, whatever it ends with.
pub const TIMED_OUT: &str = "-timed-out";

/// A job of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub name: JobName,
    /// Where it runs.
    pub host: HostName,
    /// The service whose image and files it has.
    pub service: ServiceName,
    /// Before the first batch, or after the last.
    pub when: When,
    /// How long it may take.
    #[serde(with = "crate::duration::text")]
    pub timeout: Duration,
    /// Whether the release before can still run once it has.
    pub reversible: bool,
    /// What is to be done.
    pub action: Action,
    /// The container.
    pub spec: Box<ContainerSpec>,
    /// What it says about itself.
    pub stamp: Box<Stamp>,
}

/// What is to be done about a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing: it has run for this release.
    Done,
    /// Create its container, or take over one that was never started, and start it. What ran before is removed first, if the
    /// operator asked for another run.
    Run {
        /// The container of the run before.
        replaces: Option<(ContainerId, String)>,
    },
    /// Wait for the one that an interrupted rollout has started.
    Await(ContainerId),
}

impl Job {
    /// Whether something is to be done.
    pub fn is_due(&self) -> bool {
        self.action != Action::Done
    }

    /// Whether its container is created.
    pub fn is_created(&self) -> bool {
        matches!(self.action, Action::Run { .. })
    }

    /// The name of its container.
    pub fn container(&self) -> ContainerName {
        ContainerName(self.stamp.created_as(&self.spec))
    }
}

/// Jobs of a release in the order of the manifest, with what their containers are.
pub(super) fn specs(environment: &Environment, release: &Release) -> Vec<(JobName, ContainerSpec)> {
    let spec = |job: &crate::environment::Job| {
        let mut spec = release.containers.get(&(job.host.clone(), job.service.clone()))?.clone();
        spec.job = Some(job.name.clone());
        spec.files.iter_mut().for_each(|file| file.deliver = file.deliver.clone().fixed());
        spec.health = spec.health.running();
        spec.published = BTreeMap::new();
        let runtime = &mut spec.runtime;
        runtime.command = Some(job.command.clone());
        runtime.entrypoint = job.entrypoint.clone().or(runtime.entrypoint.take());
        // What there is only one of on a host belongs to the service.
        runtime.ports = Vec::new();
        runtime.expose = Vec::new();
        runtime.naming = Naming { hostname: None, domainname: None, ..runtime.naming.clone() };
        for network in &mut runtime.networks {
            network.aliases = Vec::new();
            network.attachment = crate::environment::Attachment::default();
        }
        runtime.restart = RestartPolicy::No;
        runtime.healthcheck = None;
        Some((job.name.clone(), spec))
    };
    environment.jobs.values().filter_map(spec).collect()
}

/// Digests of jobs, which are a part of what a release is.
pub(super) fn digests(specs: &[(JobName, ContainerSpec)]) -> BTreeMap<JobName, SpecDigest> {
    specs.iter().map(|(name, spec)| (name.clone(), spec.digest())).collect()
}

/// How a job's container stands.
enum Standing {
    Never,
    Runs,
    Done,
    Failed(String),
}

fn standing(container: &ObservedContainer) -> Standing {
    if container.name.ends_with(TIMED_OUT) {
        return Standing::Failed("did not end in time".to_owned());
    }
    match container.state.phase {
        Phase::Created if container.state.started_at.is_none() => Standing::Never,
        Phase::Exited { code: 0, oom_killed: false } => Standing::Done,
        Phase::Running | Phase::Restarting | Phase::Paused => Standing::Runs,
        Phase::Exited { oom_killed: true, .. } => Standing::Failed("was killed for want of memory".to_owned()),
        Phase::Exited { code, .. } => Standing::Failed(format!("ended with exit code {code}")),
        Phase::Created | Phase::Dead => Standing::Failed("ended, nobody knows how".to_owned()),
    }
}

/// Whether it ran to a good end.
fn is_done(container: &ObservedContainer) -> bool {
    matches!(standing(container), Standing::Done)
}

impl Planner<'_> {
    /// Every container of a job, with its host.
    fn job_containers(&self) -> impl Iterator<Item = (&HostName, &ObservedContainer, &JobStamp)> {
        let hosts = self.observed.hosts.iter().filter_map(|(name, view)| match view {
            HostView::Seen(host) => Some((name, host)),
            HostView::Unreachable(_) => None,
        });
        hosts
            .flat_map(|(name, host)| host.jobs.iter().filter_map(move |one| Some((name, one, one.stamp.job.as_ref()?))))
    }

    /// Adds the jobs of the release to its plan.
    pub(super) fn jobs(&self, plan: &mut Plan, specs: &[(JobName, ContainerSpec)]) -> Result<(), Refusal> {
        for (name, spec) in specs {
            let job = &self.environment.jobs[name];
            let digest = spec.digest();
            let job_stamp =
                JobStamp { name: name.clone(), release: plan.release.digest.clone(), reversible: job.reversible };
            let stamp = Stamp::of(spec, digest, plan.release.number).for_job(job_stamp);
            let mut planned = Job {
                name: name.clone(),
                host: job.host.clone(),
                service: job.service.clone(),
                when: job.when,
                timeout: job.timeout,
                reversible: job.reversible,
                action: Action::Done,
                spec: Box::new(spec.clone()),
                stamp: Box::new(stamp),
            };
            planned.action = self.action(plan, &planned)?;
            if planned.is_due() && !self.comes(plan, &planned)? {
                plan.notes.push(Note::JobNotRun(name.clone()));
                continue;
            }
            plan.jobs.push(planned);
        }
        Ok(())
    }

    fn action(&self, plan: &Plan, job: &Job) -> Result<Action, Refusal> {
        let again = self.selection.reruns(&job.name);
        let of_release = |stamp: &JobStamp| stamp.name == job.name && stamp.release == plan.release.digest;
        let found = self.job_containers().find(|(_, _, stamp)| of_release(stamp));
        let Some((host, container, _)) = found else {
            let ledger = self.observed.ledger();
            let mut entries = ledger.entries.iter().filter(|entry| entry.release.digest == plan.release.digest);
            let is_done = entries.any(|entry| entry.jobs.contains_key(&job.name));
            return Ok(if is_done && !again { Action::Done } else { Action::Run { replaces: None } });
        };
        let failed = |why: String| {
            let (job, host, container) = (job.name.clone(), host.clone(), container.name.clone());
            Refusal::JobFailed(Box::new(FailedJob { job, host, container, release: plan.release.clone(), why }))
        };
        let replaces = || Action::Run { replaces: Some((container.id.clone(), container.name.clone())) };
        match standing(container) {
            Standing::Never => Ok(Action::Run { replaces: None }),
            Standing::Runs => Ok(Action::Await(container.id.clone())),
            Standing::Done | Standing::Failed(_) if again => Ok(replaces()),
            Standing::Done => Ok(Action::Done),
            Standing::Failed(why) => Err(failed(why)),
        }
    }

    /// Whether a job that is due is a part of this rollout.
    fn comes(&self, plan: &Plan, job: &Job) -> Result<bool, Refusal> {
        if !self.selection.has_service(&job.service) || job.when == When::After && plan.partial {
            return Ok(false);
        }
        if !self.selection.has_host(&job.host) {
            return Err(Refusal::JobElsewhere { job: job.name.clone(), host: job.host.clone() });
        }
        Ok(true)
    }

    /// Names what a rollback does not undo.
    pub(super) fn note_jobs(&self, plan: &mut Plan) {
        let (target, ledger) = (&plan.release, self.observed.ledger());
        let entries = ledger.entries.iter().filter(|entry| entry.release.number > target.number);
        let recorded =
            entries.flat_map(|entry| entry.jobs.iter().map(move |(name, is)| (name, *is, entry.release.number)));
        let kept = self.job_containers().filter(|(_, one, _)| one.stamp.release > target.number && is_done(one));
        let kept = kept.map(|(_, one, stamp)| (&stamp.name, stamp.reversible, one.stamp.release));
        let lasting = recorded.chain(kept).filter(|(_, is_reversible, _)| !is_reversible);
        let notes: Vec<_> =
            lasting.map(|(name, _, release)| Note::JobNotUndone { job: name.clone(), release }).collect();
        plan.notes.extend(notes);
    }

    /// Beyond the jobs of this release, as many releases' are kept as of services. What is recorded needs no proof.
    pub(super) fn retire_jobs(&self, plan: &mut Plan) {
        if plan.is_noop() {
            return;
        }
        let is_other = |stamp: &JobStamp| stamp.release != plan.release.digest;
        let mut releases: Vec<_> = self.job_containers().map(|(_, one, _)| one.stamp.release).collect();
        releases.sort_unstable();
        releases.dedup();
        let mut kept: Vec<_> = releases.into_iter().filter(|number| *number != plan.release.number).collect();
        let oldest = kept.len().saturating_sub(self.environment.keep_releases);
        kept.drain(..oldest);
        let mut retired = Vec::new();
        for (host, container, stamp) in self.job_containers() {
            let runs = matches!(standing(container), Standing::Runs);
            if is_other(stamp) && !runs && !kept.contains(&container.stamp.release) {
                let (id, name) = (container.id.clone(), container.name.clone());
                retired.push((host.clone(), Retirement { id, name, release: container.stamp.release }));
            }
        }
        for (host, retirement) in retired {
            plan.retirements.entry(host).or_default().push(retirement);
        }
    }
}

impl Display for Job {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, host, action, .. } = self;
        let when = match self.when {
            When::Before => "before the first batch",
            When::After => "after the last batch",
        };
        let timeout = crate::duration::display(self.timeout);
        match action {
            Action::Done => return write!(f, "job {name}: has run for this release"),
            Action::Run { replaces: None } => write!(f, "job {name} on {host}, {when}, within {timeout}")?,
            Action::Run { replaces: Some((_, old)) } => {
                write!(f, "job {name} on {host}, again (removes {old}), {when}, within {timeout}")?;
            }
            Action::Await(_) => write!(f, "job {name} on {host} runs already: wait for it, {when}, within {timeout}")?,
        }
        f.write_str(if self.reversible { "" } else { "; point of no return: it cannot be undone" })
    }
}
