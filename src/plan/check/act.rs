//! What must hold of an operator's act, without the code that plans it.

use crate::fleet::ledger::Kind;
use crate::name::HostName;
use crate::plan::{Batch, Cause, Plan, Replacement, Step, Subject, Target};

/// What is wrong with the plan as a whole.
pub(super) fn faults(plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    let is_act = !plan.kind.brings_release();
    if is_act != plan.act.is_some() || plan.replacements().any(|one| (one.cause == Cause::Asked) != is_act) {
        faults.push("an act is mixed with a rollout".to_owned());
    }
    let brings_more = !plan.retirements.is_empty() || !plan.publications.is_empty() || !plan.hooks.is_empty();
    if plan.reboot.is_some() != (plan.kind == Kind::Reboot) {
        faults.push("hosts are rebooted without being asked for, or the other way round".to_owned());
    }
    let knows = |host: &HostName| plan.reboot.as_ref().is_none_or(|reboot| reboot.from.contains_key(host));
    if plan.replacements().any(|one| !knows(&one.host)) {
        faults.push("a host is rebooted of which it is not known which life that ends".to_owned());
    }
    let is_in = |batch: &Batch, host: &HostName| batch.replacements.iter().any(|one| one.host == *host);
    let times = |host: &HostName| plan.batches.iter().filter(|batch| is_in(batch, host)).count();
    if plan.kind.is_of_hosts() && plan.replacements().any(|one| times(&one.host) > 1) {
        faults.push("a host is in hand twice".to_owned());
    }
    let is_one = |batch: &Batch| batch.replacements.iter().all(|one| one.service == batch.service);
    if !plan.kind.is_of_hosts() && !plan.batches.iter().all(is_one) {
        faults.push("a batch holds several services".to_owned());
    }
    if is_act && (brings_more || plan.due_jobs().next().is_some() || plan.unrecorded) {
        faults.push("an act does what only a rollout does".to_owned());
    }
    faults
}

/// What is wrong with the steps on one host.
pub(super) fn step_faults(kind: Kind, one: &Replacement) -> Vec<&'static str> {
    if kind.is_of_hosts() {
        return host_step_faults(kind, one);
    }
    let steps = &one.steps;
    let at = |wanted: &Step| steps.iter().position(|step| step == wanted);
    let first_stop = steps.iter().position(|step| matches!(step, Step::Stop(..)));
    let (drain, admit) = (at(&Step::Drain), at(&Step::Admit));
    let (start, gate, promote) =
        (at(&Step::Start(Subject::Own)), at(&Step::Gate(Subject::Own)), at(&Step::Promote(Subject::Own)));
    let mut faults = Vec::new();
    if at(&Step::Reboot).is_some() {
        faults.push("a host is rebooted for one of its services");
    }
    if one.traffic.is_some() && first_stop.is_some() && drain != Some(0) {
        faults.push("it is behind a balancer, and stopped while it gets requests");
    }
    let sits = one.seating.as_ref().is_some_and(|seating| seating.new_sits);
    if sits && first_stop.is_some() && at(&Step::Unseat(Subject::Own)).is_none_or(|at| Some(at) > first_stop) {
        faults.push("it sits behind the edge, and is stopped there");
    }
    let comes_back = matches!(kind, Kind::Start | Kind::Restart);
    if comes_back != start.is_some() {
        faults.push("it is started where it should not be, or the other way round");
    }
    if comes_back && (start >= gate || gate >= promote || first_stop > start) {
        faults.push("a container is started without being gated and promoted after it");
    }
    let enters =
        one.traffic.is_some() && admit <= promote || one.seating.is_some() && at(&Step::Seat(Subject::Own)) <= promote;
    if comes_back && enters {
        faults.push("it does not get its requests back once it has proved itself");
    }
    if !comes_back && admit.is_some() {
        faults.push("it gets requests although nothing is there");
    }
    let switch = steps.iter().position(|step| matches!(step, Step::Switch(Subject::Own, _)));
    if comes_back && one.target.live().is_some() && switch.is_none_or(|at| Some(at) > start) {
        faults.push("a container is started with files that may be another release's");
    }
    let is_remove = |step: &Step| matches!(step, Step::Remove(_));
    if steps.iter().any(is_remove) != (kind == Kind::Remove) {
        faults.push("a container is removed, or is not");
    }
    let first_remove = steps.iter().position(is_remove);
    if first_remove.is_some() && steps.iter().skip(first_remove.unwrap_or_default()).any(|step| !is_remove(step)) {
        faults.push("something is removed before what runs is stopped");
    }
    if one.is_of_running() && first_stop.is_none() {
        faults.push("what runs is not stopped");
    }
    faults
}

/// The same for an act on hosts.
fn host_step_faults(kind: Kind, one: &Replacement) -> Vec<&'static str> {
    let at = |wanted: &Step| one.steps.iter().position(|step| step == wanted);
    let (drain, unseat) = (at(&Step::Drain), at(&Step::Unseat(Subject::Own)));
    let (gate, seat, admit) = (at(&Step::Gate(Subject::Own)), at(&Step::Seat(Subject::Own)), at(&Step::Admit));
    let (reboot, start) = (at(&Step::Reboot), at(&Step::Start(Subject::Own)));
    let runs = matches!(one.target, Target::Existing { runs: true, .. });
    let mut faults = Vec::new();
    let is_of_it = |step: &Step| match step {
        Step::Drain | Step::Unseat(Subject::Own) => kind != Kind::Admit,
        Step::Gate(Subject::Own) | Step::Seat(Subject::Own) | Step::Admit => kind != Kind::Drain,
        Step::Reboot | Step::Start(Subject::Own) | Step::Switch(Subject::Own, _) => kind == Kind::Reboot,
        _ => false,
    };
    if !one.steps.iter().all(is_of_it) {
        faults.push("something is done that was not asked for");
    }
    if (kind == Kind::Reboot) != reboot.is_some() {
        faults.push("its host is rebooted, or is not");
    }
    let sits = one.seating.as_ref().is_some_and(|seating| seating.new_sits);
    if runs && kind != Kind::Admit && (one.traffic.is_some() && drain != Some(0) || sits && unseat.is_none()) {
        faults.push("it gets requests after that");
    }
    if reboot.is_some() && (drain > reboot || unseat > reboot) {
        faults.push("its host is rebooted while it gets requests");
    }
    let is_proved_late = gate <= reboot || start > gate || start < reboot || admit.is_some() && admit < gate;
    if runs && reboot.is_some() && (start.is_none() || is_proved_late) {
        faults.push("it does not prove itself after its host was rebooted");
    }
    if kind == Kind::Admit && gate != Some(0) {
        faults.push("it gets requests although it has not proved itself");
    }
    let enters = one.traffic.is_some() && admit.is_none() || one.seating.is_some() && seat.is_none();
    if runs && kind != Kind::Drain && enters {
        faults.push("it does not get its requests back once it has proved itself");
    }
    faults
}
