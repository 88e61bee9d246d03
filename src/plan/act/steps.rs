//! The steps of an act on one host, and their undoing.

use crate::environment::{Order, RestartPolicy};
use crate::fleet::ledger::Kind;
use crate::fleet::observed::ObservedContainer;
use crate::name::{HostName, ServiceName};
use crate::plan::act::hosts;
use crate::plan::incumbent::is_active;
use crate::plan::{Cause, Fate, Incumbent, Replacement, Seating, Step, Subject, Target, Traffic};

/// One service on one host.
pub(super) struct Hand<'a> {
    pub(super) host: &'a HostName,
    pub(super) service: &'a ServiceName,
    /// The container that it is about.
    pub(super) own: &'a ObservedContainer,
    /// All that run.
    pub(super) active: &'a [&'a ObservedContainer],
    /// All that there are.
    pub(super) all: &'a [&'a ObservedContainer],
    pub(super) traffic: Option<Traffic>,
    pub(super) seating: Option<Seating>,
}

impl Hand<'_> {
    pub(super) fn replacement(self, kind: Kind) -> Replacement {
        let drain = self.traffic.as_ref().map(|_| Step::Drain);
        let (seat, admit) = self.entrance();
        let enter = || self.enter().into_iter().chain(seat.clone()).chain(admit.clone());
        let steps: Vec<_> = match kind {
            Kind::Start => drain.into_iter().chain(self.unarmed()).chain(enter()).collect(),
            Kind::Restart => drain.into_iter().chain(self.leave()).chain(enter()).collect(),
            Kind::Remove => drain.into_iter().chain(self.leave()).chain(self.removed()).collect(),
            _ => drain.into_iter().chain(self.leave()).collect(),
        };
        Replacement {
            host: self.host.clone(),
            service: self.service.clone(),
            cause: Cause::Asked,
            secrets: Vec::new(),
            before: None,
            before_settled: false,
            target: Target::Existing {
                container: Box::new(Incumbent::from(self.own)),
                runs: is_active(self.own),
                fate: Fate::Leave,
            },
            order: Order::StopFirst,
            traffic: self.traffic,
            seating: self.seating,
            staging: Vec::new(),
            steps,
        }
    }

    fn subject(&self, container: &ObservedContainer) -> Subject {
        if container.id == self.own.id {
            return Subject::Own;
        }
        let incumbent = Incumbent::from(container);
        let Incumbent { id, name, .. } = incumbent;
        if is_active(container) { Subject::Left(id, name) } else { Subject::Kept(id, name) }
    }

    /// Out of traffic, and stopped.
    fn leave(&self) -> Vec<Step> {
        let one = |container: &&ObservedContainer| {
            let subject = self.subject(container);
            let sits = self.seating.is_some() && container.seat.is_some();
            let unseat = sits.then(|| Step::Unseat(subject.clone()));
            unseat.into_iter().chain([Step::Stop(subject, container.stamp.grace)])
        };
        self.active.iter().flat_map(one).collect()
    }

    /// One that ended by itself still has its restart policy: started with it, it would pass for one that has proved itself
    /// if this run came to no end.
    fn unarmed(&self) -> Option<Step> {
        let ended = (self.own.restart != RestartPolicy::No).then_some(self.own);
        ended.map(|own| Step::Stop(Subject::Own, own.stamp.grace))
    }

    /// Started with the files that its name says, gated, and promoted.
    fn enter(&self) -> Vec<Step> {
        let spec = &self.own.stamp.spec;
        let switch = self.own.stamp.live.as_ref().map(|_| Step::Switch(Subject::Own, spec.clone()));
        let start = [Step::Start(Subject::Own), Step::Gate(Subject::Own), Step::Promote(Subject::Own)];
        switch.into_iter().chain(start).collect()
    }

    /// Back into traffic.
    fn entrance(&self) -> (Option<Step>, Option<Step>) {
        let seat = self.seating.as_ref().map(|_| Step::Seat(Subject::Own));
        (seat, self.traffic.as_ref().map(|_| Step::Admit))
    }

    fn removed(&self) -> Vec<Step> {
        self.all.iter().map(|one| Step::Remove(self.subject(one))).collect()
    }
}

/// The steps that undo an act on one host: what ran is started again, what did not run is stopped. What is removed is gone,
/// so what was to go with it is removed too.
pub fn unwind(replacement: &Replacement, attempted: &[Step]) -> Vec<Step> {
    if let Some(steps) = hosts::unwind(replacement, attempted) {
        return steps;
    }
    let has = |step: &Step| attempted.contains(step);
    let is_stop = |step: &Step| matches!(step, Step::Stop(..));
    let runs = matches!(replacement.target, Target::Existing { runs: true, .. });
    let admit = replacement.traffic.as_ref().map(|_| Step::Admit);
    let is_remove = |step: &&Step| matches!(step, Step::Remove(_));
    if attempted.iter().any(|step| is_remove(&step)) {
        return replacement.steps.iter().filter(is_remove).cloned().collect();
    }
    if !runs {
        let drain = has(&Step::Admit).then_some(Step::Drain);
        let unseat = has(&Step::Seat(Subject::Own)).then_some(Step::Unseat(Subject::Own));
        let stop = has(&Step::Start(Subject::Own)).then(|| Step::Stop(Subject::Own, replacement.target.grace()));
        return drain.into_iter().chain(unseat).chain(stop).collect();
    }
    if !attempted.iter().any(is_stop) {
        let back = has(&Step::Unseat(Subject::Own)).then_some(Step::Seat(Subject::Own));
        return back.into_iter().chain(admit.filter(|_| has(&Step::Drain))).collect();
    }
    let spec = replacement.target.spec();
    let switch = replacement.target.live().map(|_| Step::Switch(Subject::Own, spec));
    let start = [Step::Start(Subject::Own), Step::Gate(Subject::Own), Step::Promote(Subject::Own)];
    let seat = replacement.seating.as_ref().filter(|seating| seating.new_sits).map(|_| Step::Seat(Subject::Own));
    switch.into_iter().chain(start).chain(seat).chain(admit).collect()
}
