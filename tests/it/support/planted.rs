//! Bugs planted on purpose, each of a kind that such tools have had. The sweep must catch every one of them; if it does
//! not, it is the sweep that has a hole.
//!
//! A bug of the planner is planted by bending its plan, one of an adapter by a world that breaks its contract.

use std::time::Duration;

use shipctl::environment::When;
use shipctl::plan::{Plan, Step, Subject, Target};

use super::operator::Bend;
use super::sim::world::Flaw;

/// A planted bug.
#[derive(Debug, Clone, Copy)]
pub struct Planted {
    pub name: &'static str,
    pub bend: Option<Bend>,
    pub flaw: Option<Flaw>,
    /// Services are released each on its own.
    pub apart: bool,
}

const fn plan(name: &'static str, bend: Bend) -> Planted {
    Planted { name, bend: Some(bend), flaw: None, apart: false }
}

const fn flaw(name: &'static str, flaw: Flaw) -> Planted {
    Planted { name, bend: None, flaw: Some(flaw), apart: false }
}

/// All of them.
pub const ALL: [Planted; 33] = [
    plan("a container is promoted without passing its gate", |plan| {
        drop_steps(plan, |step| matches!(step, Step::Gate(_)));
    }),
    plan("a container is promoted before its gate", |plan| {
        for step in steps(plan) {
            if let Some(gate) = step.iter().position(|step| matches!(step, Step::Gate(_))) {
                step.swap(gate, gate + 1);
            }
        }
    }),
    plan("the new container is never promoted", |plan| drop_steps(plan, |step| matches!(step, Step::Promote(_)))),
    plan("the old container is removed instead of stopped", |plan| {
        for steps in steps(plan) {
            if let Some(stop) = steps.iter().position(|step| matches!(step, Step::Stop(Subject::Old, _))) {
                steps.insert(stop + 1, Step::Remove(Subject::Old));
            }
        }
    }),
    plan("the old container is stopped before the new one exists", |plan| {
        for replacement in plan.batches.iter_mut().flat_map(|batch| &mut batch.replacements) {
            if replacement.staging.pop().is_some() {
                replacement.steps.insert(1, Step::Create);
            }
        }
    }),
    plan("images are not pulled before the first container is stopped", |plan| {
        plan.preparations.values_mut().for_each(|preparation| preparation.pulls.clear());
    }),
    plan("files are not in their places before the first container is stopped", |plan| {
        plan.preparations.values_mut().for_each(|preparation| preparation.deliveries.clear());
    }),
    plan("all hosts are replaced at once", |plan| {
        let rest: Vec<_> = plan.batches.drain(1.min(plan.batches.len())..).collect();
        if let Some(first) = plan.batches.first_mut() {
            first.replacements.extend(rest.into_iter().flat_map(|batch| batch.replacements));
        }
    }),
    plan("what ran before is forgotten", |plan| {
        plan.batches
            .iter_mut()
            .flat_map(|batch| &mut batch.replacements)
            .for_each(|replacement| replacement.before = None);
    }),
    plan("a host is left out", |plan| drop(plan.batches.pop())),
    plan("the release before is pruned at once, though it is the way back", |plan| {
        let replacements: Vec<_> = plan.replacements().cloned().collect();
        for replacement in replacements {
            let (Some(before), Target::Create { .. }) = (replacement.before, &replacement.target) else { continue };
            plan.batches.iter_mut().flat_map(|batch| &mut batch.replacements).for_each(|one| {
                if one.host == replacement.host {
                    let left = Subject::Left(before.id.clone(), before.name.clone());
                    one.steps.insert(1, Step::Remove(left));
                }
            });
        }
    }),
    plan("a job runs after the release that needs it", |plan| {
        plan.jobs.iter_mut().for_each(|job| job.when = When::After);
    }),
    plan("the container of a job does not say for which release it runs", |plan| {
        for stamp in plan.jobs.iter_mut().filter_map(|job| job.stamp.job.as_mut()) {
            stamp.release.push('x');
        }
    }),
    plan("a container is told before its files are there", |plan| {
        for steps in steps(plan) {
            if let Some(switch) = steps.iter().position(|step| matches!(step, Step::Switch(..)))
                && matches!(steps.get(switch + 1), Some(Step::Signal(..)))
            {
                steps.swap(switch, switch + 1);
            }
        }
    }),
    plan("a container passes for proven while it is switched to other files", |plan| {
        drop_steps(plan, |step| matches!(step, Step::Doubt(_)));
    }),
    plan("a container that was kept is started with the files that it had last", |plan| {
        drop_steps(plan, |step| matches!(step, Step::Switch(..)));
    }),
    plan("a host gets no requests after it was replaced", |plan| drop_steps(plan, |step| *step == Step::Admit)),
    plan("a host gets requests before its container has proved itself", |plan| {
        for steps in steps(plan) {
            let start = steps.iter().position(|step| matches!(step, Step::Start(_)));
            if let (Some(start), Some(Step::Admit)) = (start, steps.last()) {
                steps.pop();
                steps.insert(start + 1, Step::Admit);
            }
        }
    }),
    plan("a container gets requests through the edge before it has proved itself", |plan| {
        for steps in steps(plan) {
            let start = steps.iter().position(|step| matches!(step, Step::Start(_)));
            let seat = steps.iter().position(|step| matches!(step, Step::Seat(_)));
            if let (Some(start), Some(seat)) = (start, seat) {
                let seat = steps.remove(seat);
                steps.insert(start + 1, seat);
            }
        }
    }),
    plan("a container is stopped while the edge sends it requests", |plan| {
        drop_steps(plan, |step| matches!(step, Step::Unseat(_)));
    }),
    plan("the old container is out of traffic before the edge has the new one", |plan| {
        for steps in steps(plan) {
            let seat = steps.iter().position(|step| matches!(step, Step::Seat(_)));
            let unseat = steps.iter().position(|step| matches!(step, Step::Unseat(_)));
            if let (Some(seat), Some(unseat)) = (seat, unseat) {
                steps.swap(seat, unseat);
            }
        }
    }),
    plan("a service is replaced before the one that it needs", |plan| plan.batches.reverse()),
    plan("a service goes back before the one that needs it", |plan| plan.order.reverse()),
    plan("a host fails, and the others follow although none may fail", |plan| {
        plan.batches.iter_mut().for_each(|batch| batch.may_fail = 3);
    }),
    plan("a host is taken out of service without a look at the others", |plan| {
        plan.batches.iter_mut().for_each(|batch| batch.keep = 0);
    }),
    Planted { name: "only the service that fails goes back", bend: None, flaw: None, apart: true },
    flaw("a stopped container keeps its restart policy and comes back after a power cut", Flaw::StopKeepsPolicy),
    flaw("a lost call is taken for one that did not happen", Flaw::LostMeansUndone),
    flaw("a lost call may take hold long after it was given up", Flaw::LateBeyondBound(Duration::from_secs(45))),
    flaw("a container that cannot be asked is taken for healthy", Flaw::SilenceIsHealth),
    flaw("a host that does not answer is taken for an empty one", Flaw::SilentIsEmpty),
    flaw("a drained server is taken for idle while it is still at requests", Flaw::DrainedIsIdle),
    flaw("a container is stopped while somebody has a connection to it", Flaw::ConnectionsUnseen),
];

fn steps(plan: &mut Plan) -> impl Iterator<Item = &mut Vec<Step>> {
    plan.batches.iter_mut().flat_map(|batch| &mut batch.replacements).map(|replacement| &mut replacement.steps)
}

fn drop_steps(plan: &mut Plan, unwanted: fn(&Step) -> bool) {
    steps(plan).for_each(|steps| steps.retain(|step| !unwanted(step)));
}
