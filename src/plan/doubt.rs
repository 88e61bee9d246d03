//! What keeps a plan from being proven to be without downtime.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::environment::{Check, OnDeadline, Route};
use crate::name::{HostName, ServiceName};
use crate::plan::strategy::{Downtime, Way, Why, downtime, is_reached, replaced, way, why};
use crate::plan::{Batch, Note, Plan, Replacement, Step, Subject};

/// Why it is not proven that no request is lost where a service is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The service.
    pub service: ServiceName,
    /// The host.
    pub host: HostName,
    /// Why.
    pub reason: Reason,
}

/// Why it is not proven that no request is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is expected that some are.
    Downtime(Way, Why, Downtime),
    /// It is drained, and no other host has to serve meanwhile.
    NobodyStays,
    /// Both containers run for a moment, and nobody is told before the old one stops.
    NobodyTold,
    /// It is told of other files while it serves, and what it does then is its own affair.
    Told,
    /// Requests wait for it, and fail if they wait for longer than this.
    Waits(Duration),
    /// Clients that the balancer knows are sent there also while it is drained.
    Sticky(Route),
    /// Idle connections of clients are closed by a balancer that is told something.
    Closes(Route),
    /// Nobody counts the requests or connections that are open when it is stopped.
    Uncounted,
    /// The old edge is stopped after this time, whatever it is at.
    Outlasts(Duration),
    /// Neither shipctl nor the balancer asks whether it answers before it gets requests.
    Unasked(Route),
    /// Requests that take too long are cut off.
    CutOff,
    /// The balancer cannot be asked whether it did what it was told.
    Unread(String),
    /// What is drained may be something else: a server of the balancer leads there.
    Elsewhere(String),
}

/// What keeps it from being proven that no request is lost; empty if it is. Nothing is lost by what runs on, by what is
/// started where no request comes, where the edge switches from one to the other, and by a host that balancers send nothing to while others serve.
pub fn doubts(plan: &Plan) -> Vec<Doubt> {
    let doubt = |(batch, one, left): (&Batch, &Replacement, usize)| {
        let (service, host) = (one.service.clone(), one.host.clone());
        reason(plan, batch, one, left).map(|reason| Doubt { service, host, reason })
    };
    replaced(plan).into_iter().filter_map(doubt).collect()
}

fn reason(plan: &Plan, batch: &Batch, one: &Replacement, left: usize) -> Option<Reason> {
    if !is_reached(plan, one) {
        return None;
    }
    match downtime(plan, one, left) {
        Downtime::None => {}
        downtime => return Some(Reason::Downtime(way(one), why(one), downtime)),
    }
    if way(one) == Way::Signalled && !one.pauses() {
        return Some(Reason::Told);
    }
    if let Some(grace) = sockets(one) {
        return Some(Reason::Outlasts(grace));
    }
    if one.traffic.is_none() && one.seating.is_none() {
        let is_told = way(one) != Way::StartFirst;
        return (!is_told).then_some(Reason::NobodyTold);
    }
    if one.pauses() && batch.keep == 0 {
        return Some(Reason::NobodyStays);
    }
    let traffic = one.traffic.iter().map(|it| it.drain);
    let mut drains = traffic.chain(one.seating.iter().map(|it| it.drain));
    if drains.any(|drain| drain.on_deadline == OnDeadline::Force) {
        return Some(Reason::CutOff);
    }
    let routes = one.traffic.iter().flat_map(|traffic| &traffic.routes);
    let noted = |note: fn(Route) -> Note| routes.clone().find(|route| plan.notes.contains(&note((*route).clone())));
    if let Some(route) = noted(Note::Unread) {
        return Some(Reason::Unread(route.to_string()));
    }
    let waits = routes.clone().find_map(|route| {
        plan.notes.iter().find_map(|note| match note {
            Note::Waits { route: paused, at_most } if paused == route => Some(*at_most),
            _ => None,
        })
    });
    if let Some(at_most) = waits {
        return Some(Reason::Waits(at_most));
    }
    if let Some(route) = noted(Note::Sticky) {
        return Some(Reason::Sticky(route.clone()));
    }
    if let Some(route) = noted(Note::Closes) {
        return Some(Reason::Closes(route.clone()));
    }
    if plan.notes.contains(&Note::Uncounted { host: one.host.clone(), service: one.service.clone() }) {
        return Some(Reason::Uncounted);
    }
    if let Some(route) = noted(Note::Unchecked)
        && one.target.health().check == Check::Running
    {
        return Some(Reason::Unasked(route.clone()));
    }
    let mut elsewhere = routes.filter_map(|route| {
        plan.notes.iter().find_map(|note| match note {
            Note::Elsewhere { route: doubted, to, .. } if doubted == route => Some(format!("{route} leads to {to}")),
            _ => None,
        })
    });
    elsewhere.next().map(Reason::Elsewhere)
}

/// How long the old edge has for what it is at, where a new one takes its sockets.
fn sockets(one: &Replacement) -> Option<Duration> {
    let grace = |step: &Step| match step {
        Step::Stop(Subject::Old, grace) => Some(*grace),
        _ => None,
    };
    (way(one) == Way::StartFirst && why(one) == Why::Sockets).then(|| one.steps.iter().find_map(grace))?
}

impl Display for Doubt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}: ", self.service, self.host)?;
        match &self.reason {
            Reason::Downtime(way, why, downtime) => write!(f, "{way}, as {why}; {downtime}"),
            Reason::NobodyStays => f.write_str("it is drained, and no other host has to serve meanwhile"),
            Reason::NobodyTold => {
                f.write_str("start-first without a balancer or an edge: nobody is told before the old one stops")
            }
            Reason::Told => f.write_str("it is told of other files while it serves, and may lose requests then"),
            Reason::Waits(at_most) => {
                let at_most = crate::duration::display(*at_most);
                write!(f, "requests wait while it is in hand, and fail after {at_most}")
            }
            Reason::Sticky(route) => {
                write!(f, "{route} has a cookie, and clients that come with it are sent there also while it is drained")
            }
            Reason::Closes(route) => {
                write!(
                    f,
                    "{} closes idle connections when it is told, and a request may cross with that",
                    route.balancer
                )
            }
            Reason::Uncounted => {
                f.write_str("nobody counts the requests and connections that are open when it is stopped")
            }
            Reason::Outlasts(grace) => {
                let grace = crate::duration::display(*grace);
                write!(f, "requests and connections that outlast its `stop_grace_period` ({grace}) are cut off")
            }
            Reason::Unasked(route) => {
                write!(f, "`health: none`, and {route} is not checked: it gets requests before it is known to answer")
            }
            Reason::CutOff => {
                f.write_str("requests that outlast `drain_deadline` are cut off (`on_drain_deadline: force`)")
            }
            Reason::Unread(route) => write!(f, "{route} is told, and cannot be asked whether it was drained"),
            Reason::Elsewhere(route) => write!(f, "{route}, which does not look like it, so draining may not empty it"),
        }
    }
}
