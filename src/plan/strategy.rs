//! How a finished plan replaces each service, why so, and what requests see of it. Read off the steps, so that it is what is
//! really done.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::environment::edge::ASK;
use crate::environment::{Check, Order};
use crate::fleet::ledger::Kind;
use crate::name::{BalancerName, HostName, ServiceName};
use crate::plan::{Batch, Capacity, Plan, Replacement, Step, Subject, Target};

/// How a service is replaced on some hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Strategy {
    /// The service.
    pub service: ServiceName,
    /// The hosts.
    pub hosts: Vec<HostName>,
    /// Whether these are all on which something is done to it.
    pub everywhere: bool,
    /// What is done.
    pub way: Way,
    /// Why not otherwise.
    pub why: Why,
    /// What requests see of it.
    pub downtime: Downtime,
}

/// What is done to replace a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It is started; there is nothing to replace.
    Started,
    /// What runs stays, and proves itself.
    Kept,
    /// What runs is switched to other files, and told.
    Signalled,
    /// It is taken out of traffic, stopped, and its successor started.
    DrainFirst,
    /// It is stopped, and its successor started.
    StopFirst,
    /// Its successor is started beside it.
    StartFirst,
}

/// Why a container is replaced in this way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nothing of the service runs there.
    NothingRuns,
    /// What is wanted runs already.
    RunsAlready,
    /// Nothing but files changes that it can be told of.
    FilesAlone,
    /// These are told beforehand.
    Balancers(Vec<BalancerName>),
    /// The edge switches from one to the other.
    Edge,
    /// The new edge takes the sockets of the old one.
    Sockets,
    /// Only one container at a time can have this port of the host.
    Port(u16),
    /// Both would have the host's network.
    HostNetwork,
    /// The manifest says so.
    Order,
}

/// What requests see of a replacement, as far as a plan can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Downtime {
    /// Nothing.
    None,
    /// Those that reach the host fail until its gate is passed; other hosts serve.
    EachHost,
    /// No host serves until the gate is passed.
    Service,
}

/// How each service is replaced, in the order of the plan.
pub fn strategies(plan: &Plan) -> Vec<Strategy> {
    let mut strategies: Vec<Strategy> = Vec::new();
    for (batch, one, left) in replaced(plan) {
        let (way, why) = (way(one), why(one));
        let downtime = downtime(plan, one, left);
        let is_same =
            |it: &&mut Strategy| (&it.service, it.way, &it.why, it.downtime) == (&batch.service, way, &why, downtime);
        match strategies.iter_mut().find(is_same) {
            Some(strategy) => strategy.hosts.push(one.host.clone()),
            None => strategies.push(Strategy {
                service: batch.service.clone(),
                hosts: vec![one.host.clone()],
                everywhere: true,
                way,
                why,
                downtime,
            }),
        }
    }
    let services: Vec<_> = strategies.iter().map(|it| it.service.clone()).collect();
    for strategy in &mut strategies {
        strategy.everywhere = services.iter().filter(|service| **service == strategy.service).count() == 1;
    }
    strategies
}

impl Plan {
    /// Of each batch, how many hosts of its service serve while it is replaced.
    pub fn serving(&self) -> Vec<usize> {
        let of = |(batch, all): (&Batch, BTreeMap<ServiceName, usize>)| all.get(&batch.service).copied().unwrap_or(0);
        self.batches.iter().zip(self.all_serving()).map(of).collect()
    }

    /// Of each batch, how many hosts of each of its services serve meanwhile.
    pub fn all_serving(&self) -> Vec<BTreeMap<ServiceName, usize>> {
        let none = Capacity::default();
        let mut serving: BTreeSet<(&ServiceName, &HostName)> = BTreeSet::new();
        for (service, capacity) in &self.capacity {
            serving.extend(capacity.hosts.keys().filter(|host| capacity.serves(host)).map(|host| (service, host)));
        }
        let goes = |batch: &Batch, service: &ServiceName, host: &HostName| {
            batch.of(service).any(|one| one.host == *host && one.pauses())
        };
        let mut all = Vec::with_capacity(self.batches.len());
        for batch in &self.batches {
            let left = |service: &ServiceName| {
                serving.iter().filter(|(of, host)| **of == *service && !goes(batch, service, host)).count()
            };
            all.push(batch.keeps().map(|(service, _)| (service.clone(), left(service))).collect());
            if matches!(self.kind, Kind::Stop | Kind::Remove | Kind::Drain) {
                serving.retain(|(service, host)| !goes(batch, service, host));
                continue;
            }
            let will_serve = |one: &&Replacement| {
                self.capacity.get(&one.service).unwrap_or(&none).will_serve(&one.host) || self.kind == Kind::Admit
            };
            serving.extend(batch.replacements.iter().filter(will_serve).map(|one| (&one.service, &one.host)));
        }
        all
    }
}

/// All that is replaced, with its batch and how many hosts serve meanwhile.
pub(super) fn replaced(plan: &Plan) -> Vec<(&Batch, &Replacement, usize)> {
    // An act replaces nothing.
    let batches = plan.batches.iter().zip(plan.serving()).filter(|_| plan.act.is_none());
    batches.flat_map(|(batch, left)| batch.replacements.iter().map(move |one| (batch, one, left))).collect()
}

pub(super) fn is_reached(plan: &Plan, one: &Replacement) -> bool {
    plan.capacity.get(&one.service).is_some_and(|capacity| capacity.is_reached(&one.host))
}

pub(super) fn downtime(plan: &Plan, one: &Replacement, left: usize) -> Downtime {
    match left {
        _ if !one.pauses() || !is_reached(plan, one) => Downtime::None,
        0 => Downtime::Service,
        _ if one.traffic.is_some() => Downtime::None,
        _ => Downtime::EachHost,
    }
}

pub(super) fn way(one: &Replacement) -> Way {
    let starts = one.steps.contains(&Step::Start(Subject::New));
    let stops = one.steps.iter().any(|step| matches!(step, Step::Stop(Subject::Old | Subject::Left(..), _)));
    let told = one.steps.iter().any(|step| matches!(step, Step::Signal(Subject::New, _)));
    match one.order {
        _ if told => Way::Signalled,
        _ if !starts => Way::Kept,
        _ if !stops => Way::Started,
        Order::StartFirst => Way::StartFirst,
        Order::StopFirst if one.traffic.is_some() => Way::DrainFirst,
        Order::StopFirst => Way::StopFirst,
    }
}

pub(super) fn why(one: &Replacement) -> Why {
    let balancers = || {
        let routes = one.traffic.iter().flat_map(|traffic| &traffic.routes);
        let balancers: BTreeSet<_> = routes.map(|route| route.balancer.clone()).collect();
        Why::Balancers(balancers.into_iter().collect())
    };
    match way(one) {
        Way::Started => Why::NothingRuns,
        Way::Kept => Why::RunsAlready,
        Way::Signalled => Why::FilesAlone,
        Way::DrainFirst => balancers(),
        Way::StartFirst if one.seating.is_some() => Why::Edge,
        Way::StartFirst if is_edge(one) => Why::Sockets,
        Way::StartFirst => Why::Order,
        Way::StopFirst => alone(one),
    }
}

/// The gate of the edge itself is shipctl's own.
fn is_edge(one: &Replacement) -> bool {
    matches!(&one.target.health().check, Check::Exec { command } if *command == ASK)
}

/// Why two containers cannot run at a time; they might if the manifest said so.
fn alone(one: &Replacement) -> Why {
    let (port, is_on_host) = match &one.target {
        Target::Create { spec, .. } => {
            let port = spec.runtime.ports.iter().find_map(|port| port.host_port);
            (port, spec.runtime.networks.iter().any(|network| network.name == "host"))
        }
        Target::Existing { container, .. } => (container.ports.first().copied(), false),
    };
    match port {
        Some(port) => Why::Port(port),
        None if is_on_host => Why::HostNetwork,
        None => Why::Order,
    }
}

impl Display for Strategy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "strategy {}", self.service)?;
        if !self.everywhere {
            let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
            write!(f, " on {}", hosts.join(", "))?;
        }
        write!(f, ": {}, as {}; {}", self.way, self.why, self.downtime)
    }
}

impl Display for Way {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "started",
            Self::Kept => "kept, and gated",
            Self::Signalled => "switched to other files",
            Self::DrainFirst => "drained and stopped first",
            Self::StopFirst => "stop-first",
            Self::StartFirst => "start-first",
        })
    }
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingRuns => f.write_str("nothing of it runs there"),
            Self::RunsAlready => f.write_str("what is wanted runs already"),
            Self::FilesAlone => f.write_str("nothing else of it changes"),
            Self::Balancers(balancers) => {
                let balancers: Vec<_> = balancers.iter().map(ToString::to_string).collect();
                write!(f, "{} stops sending requests before", balancers.join(" and "))
            }
            Self::Edge => f.write_str("the edge switches when it finds the new one up"),
            Self::Sockets => f.write_str("the new one takes the listening sockets over"),
            Self::Port(port) => write!(f, "port {port} of the host is for one container"),
            Self::HostNetwork => f.write_str("both would be on the host's network"),
            Self::Order => f.write_str("`order` says so"),
        }
    }
}

impl Display for Downtime {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no downtime is expected",
            Self::EachHost => "downtime on each host until its gate is passed",
            Self::Service => "downtime until the gate is passed: no other host serves",
        })
    }
}
