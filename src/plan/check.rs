//! The plan linter: re-derives from a finished plan what must hold of every plan, without the planner's code.

use std::collections::BTreeSet;

use crate::container::ContainerId;
use crate::delivery::FileSet;
use crate::environment::{Order, RestartPolicy, When};
use crate::fleet::ledger::Kind;
use crate::fleet::serving::Out;
use crate::name::HostName;
use crate::plan::{Cause, Job, Plan, Replacement, Step, Subject, Target};

mod act;

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
        let of_steps = match replacement.cause {
            Cause::Asked => act::step_faults(plan.kind, replacement),
            _ => step_faults(replacement),
        };
        faults.extend(of_steps.into_iter().map(|fault| format!("{who}: {fault}")));
        faults.extend(retirement_faults(plan, replacement).into_iter().map(|fault| format!("{who}: {fault}")));
    }
    for job in &plan.jobs {
        faults.extend(job_faults(plan, job).into_iter().map(|fault| format!("job {}: {fault}", job.name)));
    }
    faults.extend(act::faults(plan));
    faults.extend(comparison_faults(plan));
    faults.extend(canary_faults(plan));
    faults.extend(order_faults(plan));
    faults.extend(capacity_faults(plan));
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

fn job_faults(plan: &Plan, job: &Job) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if plan.jobs.iter().filter(|other| other.name == job.name).count() > 1 {
        faults.push("it is there twice");
    }
    if !job.is_due() {
        return faults;
    }
    if plan.kind == Kind::Rollback {
        faults.push("a rollback runs none");
    }
    if plan.partial && job.when == When::After {
        faults.push("it runs after a release that does not come into force");
    }
    if !plan.seen.contains_key(&job.host) {
        faults.push("it runs on a host that was not seen");
    }
    if job.stamp.job.as_ref().is_none_or(|stamp| stamp.name != job.name || stamp.release != plan.release.digest) {
        faults.push("its container does not say which release it runs for");
    }
    if !job.spec.runtime.ports.is_empty() || job.spec.runtime.restart != RestartPolicy::No {
        faults.push("it takes ports, or would be started again by the engine");
    }
    let preparation = plan.preparations.get(&job.host);
    let is_there = |set: &FileSet| preparation.is_some_and(|it| it.deliveries.iter().any(|(_, there)| there == set));
    let has_image = preparation.is_some_and(|it| it.pulls.contains(&job.spec.image));
    if job.is_created() && (!has_image || !FileSet::of(&job.spec).iter().all(is_there)) {
        faults.push("its image or its files are not made present first");
    }
    faults
}

/// Services are replaced one after the other, in the order in which they also go back.
fn order_faults(plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    // What is done to hosts is done to all that is on them together.
    for batches in [&plan.resumed, &plan.batches].into_iter().filter(|_| !plan.kind.is_of_hosts()) {
        let mut services: Vec<_> = batches.iter().map(|batch| &batch.service).collect();
        services.dedup();
        let mut order = plan.order.iter();
        if let Some(service) = services.into_iter().find(|service| !order.any(|next| next == *service)) {
            faults.push(format!("{service} is not replaced in the order in which services go back"));
        }
    }
    faults
}

/// No batch takes more hosts out of service than may be out, or begins when too few others serve.
fn capacity_faults(plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    for (service, capacity) in &plan.capacity {
        let hosts = capacity.hosts.iter();
        let mut serving: BTreeSet<_> = hosts.filter(|(_, it)| it.out.is_none()).map(|(host, _)| host).collect();
        for batch in plan.batches.iter().filter(|batch| batch.of(service).next().is_some()) {
            let goes = |one: &&Replacement| {
                let is_beside = |step: &Step| {
                    matches!(step, Step::Promote(Subject::New) | Step::Start(Subject::New | Subject::Own))
                };
                let is_out = |step: &Step| {
                    matches!(
                        step,
                        Step::Drain
                            | Step::Unseat(Subject::Own)
                            | Step::Reboot
                            | Step::Stop(Subject::Old | Subject::Own | Subject::Left(..), _)
                    )
                };
                one.steps.iter().take_while(|step| !is_beside(step)).any(is_out)
            };
            let gone: BTreeSet<_> = batch.of(service).filter(goes).map(|one| &one.host).collect();
            let keep = batch.keeps().find(|(of, _)| *of == service).map_or(0, |(_, keep)| keep);
            let (before, left) = (serving.len(), serving.difference(&gone).count());
            let allowed =
                if batch.canary { capacity.most_out.max(batch.replacements.len()) } else { capacity.most_out };
            let least = capacity.hosts.len().saturating_sub(allowed);
            if left < least && before - left > 1 {
                faults.push(format!("{service}: a batch leaves {left} hosts in service, and {least} must be"));
            }
            if left < before && keep < least.min(left) {
                faults.push(format!("{service}: a batch begins although too few other hosts serve"));
            }
            if batch.may_fail > 0 && (batch.canary || !plan.published.is_empty() || !plan.held.is_empty()) {
                faults.push(format!("{service}: a host may fail alone that the others depend on"));
            }
            if batch.may_fail > capacity.hosts.len() {
                faults.push(format!("{service}: more hosts may fail than there are"));
            }
            if keep > left {
                faults.push(format!("{service}: a batch waits for more hosts than there will be"));
            }
            let stays_out = |host: &HostName| {
                capacity.hosts.get(host).is_none_or(|it| matches!(it.out, Some(Out::Maintenance(_) | Out::Held)))
            };
            if matches!(plan.kind, Kind::Stop | Kind::Remove | Kind::Drain) {
                serving.retain(|host| !gone.contains(host));
                continue;
            }
            serving.extend(batch.of(service).map(|one| &one.host).filter(|host| !stays_out(host)));
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
    faults.extend(switch_faults(replacement));
    faults.extend(traffic_faults(replacement));
    faults.extend(seat_faults(replacement));
    if replacement.before_settled && replacement.before.is_none() {
        faults.push("something runs that is not remembered");
    }
    faults
}

/// What gets other files proves itself anew, and what is started has the files of its spec.
fn switch_faults(replacement: &Replacement) -> Vec<&'static str> {
    let at = |wanted: fn(&Step) -> bool| replacement.steps.iter().position(wanted);
    let doubt = at(|step| matches!(step, Step::Doubt(Subject::New)));
    let switch = at(|step| matches!(step, Step::Switch(Subject::New, _)));
    let signal = at(|step| matches!(step, Step::Signal(Subject::New, _)));
    let start = at(|step| matches!(step, Step::Start(Subject::New)));
    let gate = at(|step| matches!(step, Step::Gate(Subject::New)));
    let promote = at(|step| matches!(step, Step::Promote(Subject::New)));
    let mut faults = Vec::new();
    if signal.is_some() && (doubt.is_none() || switch <= doubt || signal <= switch || gate <= signal) {
        faults.push("a container is told of other files without being doubted, switched and gated around it");
    }
    if doubt.is_some() && (switch <= doubt || promote <= doubt) {
        faults.push("a container is doubted, and not switched and promoted after it");
    }
    if replacement.target.live().is_some() && start.is_some() && (switch.is_none() || start <= switch) {
        faults.push("a container is started with files that may be another release's");
    }
    let spec = replacement.target.spec();
    if replacement.steps.iter().any(|step| matches!(step, Step::Switch(Subject::New, to) if *to != spec)) {
        faults.push("a container is switched to the files of another release");
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

/// A canary comes before the others, and whoever waits for it is left alone.
fn canary_faults(plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    for held in plan.replacements().filter(|one| plan.held.contains(&one.host)) {
        faults.push(format!("{} on {} is replaced, although the host waits for the canary", held.service, held.host));
    }
    let mut others = BTreeSet::new();
    for batch in plan.resumed.iter().chain(&plan.batches) {
        if !batch.canary {
            others.insert(&batch.service);
        } else if others.contains(&batch.service) {
            faults.push(format!("{}: its canary comes after others", batch.service));
        }
    }
    faults
}

/// Nothing is compared with itself, nor with what this plan replaces before, and nothing is measured that is not watched.
fn comparison_faults(plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    for batch in plan.resumed.iter().chain(&plan.batches).filter(|batch| batch.monitor.is_zero()) {
        if !batch.queries.is_empty() {
            faults.push(format!("a batch of {}: something is asked about it, but it is not watched", batch.service));
        }
    }
    for (at, batch) in plan.batches.iter().enumerate() {
        let Some(comparison) = &batch.compare else { continue };
        let so_far = plan.resumed.iter().chain(&plan.batches[..=at]).flat_map(|batch| &batch.replacements);
        let new: BTreeSet<_> = so_far.filter_map(|one| one.traffic.as_ref()).flat_map(|it| &it.routes).collect();
        if comparison.old.is_empty() || comparison.old.iter().any(|route| new.contains(route)) {
            faults.push(format!("batch {} of {}: its errors are compared with its own", at + 1, batch.service));
        }
        if batch.monitor.is_zero() {
            faults.push(format!(
                "batch {} of {}: its errors are compared, but it is not watched",
                at + 1,
                batch.service
            ));
        }
    }
    faults
}

/// Behind an edge only what is promoted gets requests, and nothing is stopped that does.
fn seat_faults(replacement: &Replacement) -> Vec<&'static str> {
    let steps = &replacement.steps;
    let at = |wanted: &Step| steps.iter().position(|step| step == wanted);
    let seat = at(&Step::Seat(Subject::New));
    let unseat = at(&Step::Unseat(Subject::Old));
    let stop = steps.iter().position(|step| matches!(step, Step::Stop(Subject::Old, _)));
    let mut faults = Vec::new();
    if replacement.seating.is_none() && (seat.is_some() || unseat.is_some()) {
        faults.push("it is seated, but there is no edge");
    }
    if replacement.seating.is_some() && at(&Step::Start(Subject::New)).is_some() && seat.is_none() {
        faults.push("it is started behind the edge, and never gets a request");
    }
    if seat.is_some() && seat < at(&Step::Promote(Subject::New)) {
        faults.push("it gets requests before it has proved itself");
    }
    if unseat > stop && stop.is_some() {
        faults.push("it is stopped before it is out of traffic");
    }
    if replacement.order == Order::StartFirst && unseat.is_some() && seat.is_some() && unseat < seat {
        faults.push("start-first, but the old one is out of traffic before the new one is in it");
    }
    if let Some(seating) = &replacement.seating
        && (seating.new == seating.old && replacement.before.is_some()
            || seating.left.values().any(|it| *it == seating.new && !seating.new_sits))
    {
        faults.push("two containers are to sit at the same place");
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
