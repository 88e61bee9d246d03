//! `--host` and `--service`: which part of an environment a command is about.

use std::collections::BTreeSet;

use crate::environment::Environment;
use crate::name::{HostName, JobName, ServiceName};

/// A part of an environment; by default all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    hosts: Option<BTreeSet<HostName>>,
    services: Option<BTreeSet<ServiceName>>,
    again: BTreeSet<JobName>,
    promotes: bool,
}

/// A filter that matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} `{asked}`{}; there are: {}", .nearest.as_ref().map(|near| format!(", did you mean `{near}`?")).unwrap_or_default(), .known.join(", "))]
pub struct NoMatch {
    /// `host`, `service` or `job`.
    pub kind: &'static str,
    /// What was asked for.
    pub asked: String,
    /// The most similar name.
    pub nearest: Option<String>,
    /// All names.
    pub known: Vec<String>,
}

impl Selection {
    /// Resolves filters against an environment. No filter of a kind means all of that kind; every filter must match.
    pub fn resolve(environment: &Environment, hosts: &[String], services: &[String]) -> Result<Self, NoMatch> {
        let mut picked = pick("service", services, &environment.services.keys())?;
        if let Some(picked) = &mut picked {
            let is_meant = |of: &Option<ServiceName>| of.as_ref().is_some_and(|of| picked.contains(of));
            let further = environment.services.values().filter(|service| is_meant(&service.instance_of));
            let further: Vec<ServiceName> = further.map(|service| service.name.clone()).collect();
            picked.extend(further);
        }
        Ok(Self { hosts: pick("host", hosts, &environment.hosts.keys())?, services: picked, ..Self::default() })
    }

    /// The same part, whose jobs of these names run once more.
    pub fn rerunning(self, environment: &Environment, jobs: &[String]) -> Result<Self, NoMatch> {
        Ok(Self { again: pick("job", jobs, &environment.jobs.keys())?.unwrap_or_default(), ..self })
    }

    /// Everything, although a canary has to be promoted first: that is done by this.
    #[must_use]
    pub fn promoting(self) -> Self {
        Self { promotes: true, ..self }
    }

    /// The same hosts, and the services of another one.
    #[must_use]
    pub fn of_services(self, other: &Self) -> Self {
        Self { services: other.services.clone(), ..self }
    }

    /// Whether a canary is promoted.
    pub fn promotes(&self) -> bool {
        self.promotes
    }

    /// Whether somebody has picked hosts.
    pub fn picks_hosts(&self) -> bool {
        self.hosts.is_some()
    }

    /// Whether somebody has picked services.
    pub fn picks_services(&self) -> bool {
        self.services.is_some()
    }

    /// Whether the job is to run even if it has run for the release.
    pub fn reruns(&self, job: &JobName) -> bool {
        self.again.contains(job)
    }

    /// Whether the host is meant.
    pub fn has_host(&self, host: &HostName) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| hosts.contains(host))
    }

    /// Whether the service is meant.
    pub fn has_service(&self, service: &ServiceName) -> bool {
        self.services.as_ref().is_none_or(|services| services.contains(service))
    }
}

fn pick<'a, N>(
    kind: &'static str,
    asked: &[String],
    known: &(impl Iterator<Item = &'a N> + Clone),
) -> Result<Option<BTreeSet<N>>, NoMatch>
where
    N: Clone + Ord + ToString + 'a,
{
    if asked.is_empty() {
        return Ok(None);
    }
    let mut picked = BTreeSet::new();
    for one in asked.iter().flat_map(|list| list.split(',')).map(str::trim) {
        let Some(name) = known.clone().find(|name| name.to_string() == one) else {
            let names: Vec<String> = known.clone().map(ToString::to_string).collect();
            let nearest = names.iter().min_by_key(|name| strsim::damerau_levenshtein(name, one)).cloned();
            let nearest = nearest.filter(|name| strsim::damerau_levenshtein(name, one) <= 3);
            return Err(NoMatch { kind, asked: one.to_owned(), nearest, known: names });
        };
        picked.insert(name.clone());
    }
    Ok(Some(picked))
}
