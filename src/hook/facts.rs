//! What a hook is told: as JSON on its standard input, and the same in variables. Pure.

use serde::{Deserialize, Serialize};

use crate::environment::{Environment, Occasion, Point};
use crate::event::Failure;
use crate::fleet::ledger::Kind;
use crate::name::{EnvironmentName, HostName, ProjectName, ServiceName};
use crate::plan::{Batch, Plan};
use crate::rollout::report::Report;

/// Version of the form of [`Facts`].
pub const FACTS_FORMAT: u32 = 1;

/// What a hook is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Version of this form.
    pub format: u32,
    /// The point at which it runs, or what somebody is told of.
    #[serde(flatten)]
    pub moment: Moment,
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
    /// What was asked for.
    pub kind: Kind,
    /// `user@machine`.
    pub operator: String,
    /// The rollout's id; not before there is a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// The release that will be in force; not before there is a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The release in force when the plan was made, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The hosts it is about: of the batch, of the plan, or of the environment before there is a plan.
    pub hosts: Vec<HostName>,
    /// The services likewise.
    pub services: Vec<ServiceName>,
    /// Which batch; only before and after one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Place>,
    /// What it came to; only after the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// What failed first; only after the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The same for people; only for who is notified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// When something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// To a hook.
    Hook(Point),
    /// To who is notified.
    Notice(Occasion),
}

/// Which batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// From 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Facts {
    /// Before there is a plan.
    pub fn unplanned(environment: &Environment, kind: Kind, operator: &str) -> Self {
        Self {
            format: FACTS_FORMAT,
            moment: Moment::Hook(Point::BeforePlan),
            project: environment.project.clone(),
            environment: environment.name.clone(),
            kind,
            operator: operator.to_owned(),
            rollout: None,
            release: None,
            from: None,
            hosts: environment.hosts.keys().cloned().collect(),
            services: environment.services.keys().cloned().collect(),
            batch: None,
            outcome: None,
            failure: None,
            text: None,
        }
    }

    /// About a plan as a whole.
    pub fn planned(moment: Moment, plan: &Plan, rollout: &str, operator: &str) -> Self {
        let mut services: Vec<_> = plan.replacements().map(|one| one.service.clone()).collect();
        services.sort();
        services.dedup();
        Self {
            format: FACTS_FORMAT,
            moment,
            project: plan.scope.project.clone(),
            environment: plan.scope.environment.clone(),
            kind: plan.kind,
            operator: operator.to_owned(),
            rollout: Some(rollout.to_owned()),
            release: Some(plan.release.to_string()),
            from: plan.from.as_ref().map(ToString::to_string),
            hosts: plan.touched().into_iter().collect(),
            services,
            batch: None,
            outcome: None,
            failure: None,
            text: None,
        }
    }

    /// The same, about one of its batches.
    #[must_use]
    pub fn of_batch(self, number: usize, of: usize, batch: &Batch) -> Self {
        let hosts = batch.replacements.iter().map(|one| one.host.clone()).collect();
        Self { hosts, services: vec![batch.service.clone()], batch: Some(Place { number, of }), ..self }
    }

    /// The same, after the end.
    #[must_use]
    pub fn ended(self, report: &Report) -> Self {
        let outcome = Some(report.outcome.as_str().to_owned());
        Self { outcome, failure: report.failure.clone(), ..self }
    }

    /// The facts as variables. One that is not known is empty, so that none is inherited from whoever started this.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let known = |text: &Option<String>| text.clone().unwrap_or_default();
        let number = |number: Option<usize>| number.map(|it| it.to_string()).unwrap_or_default();
        let hosts: Vec<_> = self.hosts.iter().map(HostName::as_str).collect();
        let services: Vec<_> = self.services.iter().map(ServiceName::as_str).collect();
        let (hook, notice) = match self.moment {
            Moment::Hook(point) => (point.to_string(), String::new()),
            Moment::Notice(occasion) => (String::new(), occasion.to_string()),
        };
        let reason = self.failure.as_ref().map(|failure| failure.reason.replace(['\n', '\0'], " "));
        vec![
            ("SHIPCTL_HOOK", hook),
            ("SHIPCTL_NOTICE", notice),
            ("SHIPCTL_PROJECT", self.project.to_string()),
            ("SHIPCTL_ENVIRONMENT", self.environment.to_string()),
            ("SHIPCTL_KIND", self.kind.as_str().to_owned()),
            ("SHIPCTL_OPERATOR", self.operator.replace('\0', "")),
            ("SHIPCTL_ROLLOUT", known(&self.rollout)),
            ("SHIPCTL_RELEASE", known(&self.release)),
            ("SHIPCTL_FROM", known(&self.from)),
            ("SHIPCTL_HOSTS", hosts.join(" ")),
            ("SHIPCTL_SERVICES", services.join(" ")),
            ("SHIPCTL_BATCH", number(self.batch.map(|batch| batch.number))),
            ("SHIPCTL_BATCHES", number(self.batch.map(|batch| batch.of))),
            ("SHIPCTL_OUTCOME", known(&self.outcome)),
            ("SHIPCTL_FAILURE", known(&reason)),
            ("SHIPCTL_TEXT", known(&self.text).replace('\0', "")),
        ]
    }
}
