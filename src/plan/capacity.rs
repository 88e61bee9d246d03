//! Which hosts serve a service, and how many of them may be out of service at a time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::environment::Route;
use crate::fleet::observed::Observed;
use crate::fleet::serving::{Out, may_be_reached, serving};
use crate::name::{HostName, ServiceName};
use crate::plan::planner::{Planner, Wants};
use crate::plan::{Replacement, Step, Subject};

/// The hosts that run a service once the release is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// All of them.
    pub hosts: BTreeMap<HostName, Member>,
    /// Most of them that may be out of service at a time.
    pub most_out: usize,
}

/// One host that runs a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The servers by which requests reach it; none where no balancer is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Why it does not serve when the plan is made; `None` if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<Out>,
    /// Whether requests may reach it although it does not serve: another balancer still sends them, or it is only the
    /// engine that calls it unhealthy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reached: bool,
}

impl Capacity {
    /// Whether the host serves when the plan is made.
    pub fn serves(&self, host: &HostName) -> bool {
        self.hosts.get(host).is_some_and(|member| member.out.is_none())
    }

    /// Whether requests may reach the host when the plan is made.
    pub fn is_reached(&self, host: &HostName) -> bool {
        self.hosts.get(host).is_some_and(|member| member.out.is_none() || member.reached)
    }

    /// Whether the host serves once it has been replaced: one that somebody has put into maintenance, or drained, does not.
    pub fn will_serve(&self, host: &HostName) -> bool {
        self.hosts.get(host).is_some_and(|member| !matches!(member.out, Some(Out::Maintenance(_) | Out::Held)))
    }

    /// Hosts that do not serve in this look, and why.
    pub fn out<'a>(
        &'a self,
        service: &'a ServiceName,
        observed: &'a Observed,
    ) -> impl Iterator<Item = (&'a HostName, Out)> {
        let held = |member: &Member| member.out.clone().filter(|out| *out == Out::Held);
        self.hosts.iter().filter_map(move |(host, member)| {
            let out = serving(observed, host, service, &member.routes).err();
            Some((host, out.or_else(|| held(member))?))
        })
    }
}

impl Replacement {
    /// Whether the service is out of service on the host for a time, if it was in service before.
    pub fn pauses(&self) -> bool {
        let stops = |step: &Step| matches!(step, Step::Stop(Subject::Old | Subject::Own | Subject::Left(..), _));
        let starts = |step: &Step| matches!(step, Step::Start(Subject::New | Subject::Own));
        let stop = self.steps.iter().position(stops);
        let start = self.steps.iter().position(starts);
        let goes = |step: &Step| matches!(step, Step::Drain | Step::Unseat(Subject::Own) | Step::Reboot);
        self.steps.iter().any(goes) || stop.is_some_and(|stop| start.is_none_or(|start| stop < start))
    }
}

impl Planner<'_> {
    /// The capacity of a service before anything is done.
    pub(super) fn capacity(&self, service: &ServiceName, wants: &Wants<'_>, most_out: usize) -> Capacity {
        let placed = wants.keys().filter(|(_, name)| name == service);
        let member = |host: &HostName| {
            let on_host = self.environment.services.get(service).map(|service| self.environment.on(host, service));
            let traffic = on_host.and_then(|service| Some((service.traffic.as_ref()?, service.instance)));
            let routes = traffic.map(|(traffic, instance)| traffic.routes(host, instance)).unwrap_or_default();
            let out = serving(self.observed, host, service, &routes).err();
            let is_drained = matches!(out, None | Some(Out::NoRequests(_))) && self.held(host, service).is_some();
            let out = if is_drained { Some(Out::Held) } else { out };
            let reached = out.as_ref().is_some_and(|out| may_be_reached(self.observed, out, &routes));
            (host.clone(), Member { routes, out, reached })
        };
        Capacity { hosts: placed.map(|(host, _)| member(host)).collect(), most_out }
    }
}
