//! The plan linter: re-derives from a finished plan what must hold of every plan, without the planner's code.

use std::collections::BTreeSet;

use crate::container::ContainerId;
use crate::delivery::FileSet;
use crate::environment::Order;
use crate::plan::{Plan, Replacement, Step, Subject, Target};

/// What is wrong with a plan, one sentence each; empty for every plan that may be carried out.
pub fn faults(plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    let mut touched = BTreeSet::new();
    for replacement in plan.replacements() {
        let who = format!("{} on {}", replacement.service, replacement.host);
        if !touched.insert((&replacement.host, &replacement.service)) {
            faults.push(format!("{who} is replaced twice"));
        }
        if !plan.seen.contains_key(&replacement.host) {
            faults.push(format!("{who} is replaced although the host was not seen"));
        }
        if let Target::Create { spec, .. } = &replacement.target {
            if spec.published.iter().any(|(store, digest)| plan.published.get(store) != Some(digest)) {
                faults.push(format!("{who} reads what is not published"));
            }
            let deliveries = plan.preparations.get(&replacement.host).map_or(&[][..], |it| &it.deliveries);
            let is_delivered = |set: &FileSet| deliveries.iter().any(|(_, there)| there == set);
            if !FileSet::of(spec).iter().all(is_delivered) {
                faults.push(format!("{who} mounts files that are not put in their place first"));
            }
            let prepared = plan.preparations.get(&replacement.host).is_some_and(|it| it.pulls.contains(&spec.image));
            if !prepared {
                faults.push(format!("{who} is created from an image that is not made present first"));
            }
        }
        faults.extend(step_faults(replacement).into_iter().map(|fault| format!("{who}: {fault}")));
        faults.extend(retirement_faults(plan, replacement).into_iter().map(|fault| format!("{who}: {fault}")));
    }
    let mut stores = BTreeSet::new();
    for publication in &plan.publications {
        if !stores.insert(&publication.store) {
            faults.push(format!("the store {} is changed twice", publication.store));
        }
        if plan.published.get(&publication.store) != publication.to.as_ref() {
            faults.push(format!("the store {} gets something else than the release has", publication.store));
        }
        if plan.partial {
            faults.push(format!("the store {} is changed for hosts that are left out", publication.store));
        }
    }
    faults
}

fn step_faults(replacement: &Replacement) -> Vec<&'static str> {
    let at = |wanted: fn(&Step) -> bool| replacement.steps.iter().position(wanted);
    let start = at(|step| matches!(step, Step::Start(Subject::New)));
    let gate = at(|step| matches!(step, Step::Gate(Subject::New)));
    let promote = at(|step| matches!(step, Step::Promote(Subject::New)));
    let creates = matches!(replacement.target, Target::Create { .. });
    let stop = at(|step| matches!(step, Step::Stop(Subject::Old, _)));
    let mut faults = Vec::new();
    if start.is_some() && (gate <= start || promote <= gate) {
        faults.push("a container is started without being gated and promoted after it");
    }
    if gate.is_some() != promote.is_some() {
        faults.push("a gate without a promotion, or the other way round");
    }
    if creates && (!replacement.staging.contains(&Step::Create) || start.is_none()) {
        faults.push("the new container is not created before the first batch, or never started");
    }
    if replacement.staging.iter().any(|step| !matches!(step, Step::Create | Step::Remove(Subject::Left(..)))) {
        faults.push("something that runs is disturbed before its batch");
    }
    match replacement.order {
        Order::StopFirst if start.is_some() && stop > start => {
            faults.push("stop-first, but the old one is stopped last");
        }
        Order::StartFirst if stop.is_some() && promote.is_some() && stop < promote => {
            faults.push("start-first, but the old one is stopped before the new one is promoted");
        }
        _ => {}
    }
    if stop.is_some() && replacement.before.is_none() {
        faults.push("the old one is stopped, but there is none");
    }
    faults.extend(traffic_faults(replacement));
    if replacement.before_settled && replacement.before.is_none() {
        faults.push("something runs that is not remembered");
    }
    faults
}

/// Whatever is stopped or started is out of traffic for that time.
fn traffic_faults(replacement: &Replacement) -> Vec<&'static str> {
    let steps = &replacement.steps;
    let drain = steps.iter().position(|step| *step == Step::Drain);
    let admit = steps.iter().position(|step| *step == Step::Admit);
    let mut faults = Vec::new();
    if drain.is_some() != admit.is_some() {
        faults.push("it is drained and never admitted, or the other way round");
    }
    if replacement.traffic.is_none() && drain.is_some() {
        faults.push("it is drained, but no balancer is named");
    }
    if replacement.traffic.is_some() && !steps.is_empty() && (drain != Some(0) || admit != Some(steps.len() - 1)) {
        faults.push("it is behind a balancer, and changed while it gets requests");
    }
    faults
}

fn retirement_faults(plan: &Plan, replacement: &Replacement) -> Vec<&'static str> {
    let retired = |id: &ContainerId| {
        plan.retirements.get(&replacement.host).is_some_and(|all| all.iter().any(|one| one.id == *id))
    };
    let mut faults = Vec::new();
    if replacement.before.as_ref().is_some_and(|before| retired(&before.id)) {
        faults.push("what the host would go back to is removed");
    }
    if matches!(&replacement.target, Target::Existing { container, .. } if retired(&container.id)) {
        faults.push("what the host is to run is removed");
    }
    faults
}
