//! What an act came to, from a look at the hosts before and one after, and what is remembered of it. Pure.

use std::collections::BTreeSet;

use crate::container::ContainerId;
use crate::fleet::act::{Deed, Part};
use crate::fleet::ledger::{Kind, RolloutResult};
use crate::fleet::observed::{Observed, ObservedContainer, ObservedHost};
use crate::name::HostName;
use crate::plan::incumbent::is_active;
use crate::plan::{Plan, Replacement, Step, Subject, Target};
use crate::rollout::batches::Progress;
use crate::rollout::lock::Claim;
use crate::rollout::report::Outcome;
use crate::rollout::verdict::{Requests, Standing};

/// Where a host and service stand after an act.
pub(super) fn standing(
    kind: Kind,
    one: &Replacement,
    (was, is): (Option<&ObservedHost>, Option<&ObservedHost>),
    requests: Requests,
    is_rebooted: bool,
) -> Standing {
    let (Some(was), Some(is)) = (was, is) else { return Standing { at_target: false, at_origin: false } };
    let Target::Existing { container, runs, .. } = &one.target else {
        return Standing { at_target: false, at_origin: false };
    };
    let active = |host: &ObservedHost| -> BTreeSet<ContainerId> {
        host.of_service(&one.service).filter(|one| is_active(one)).map(|one| one.id.clone()).collect()
    };
    let find = |host: &'_ ObservedHost| -> Option<ObservedContainer> {
        host.containers.iter().find(|it| it.id == container.id).cloned()
    };
    let is_alone = active(is).into_iter().eq([container.id.clone()]);
    let serves = is_alone && requests.all && find(is).is_some_and(|it| it.settled());
    let began = |host: &ObservedHost| find(host).and_then(|it| it.state.started_at);
    let ids = removed(one);
    let left = ids.iter().filter(|id| is.containers.iter().any(|it| it.id == **id)).count();
    let as_before = active(is) == active(was) && left == ids.len();
    let at_target = match kind {
        Kind::Drain => as_before && requests.none,
        Kind::Admit => as_before && serves,
        Kind::Reboot => is_rebooted && as_before && (!runs || serves),
        Kind::Restart => serves && began(is) != began(was),
        Kind::Start => serves,
        Kind::Remove => left == 0,
        _ => active(is).is_empty(),
    };
    if kind == Kind::Admit {
        return Standing { at_target, at_origin: as_before && !requests.all };
    }
    Standing { at_target, at_origin: as_before && (!runs || serves || !was_settled(find(was))) }
}

/// Whether a host is in another life than the one that it was to end.
pub(super) fn is_rebooted(plan: &Plan, host: &HostName, after: &Observed) -> bool {
    let from = plan.reboot.as_ref().and_then(|reboot| reboot.from.get(host));
    from.zip(after.boots.get(host)).is_some_and(|(from, now)| from != now)
}

fn was_settled(container: Option<ObservedContainer>) -> bool {
    container.is_some_and(|it| it.settled())
}

/// The containers that an act removes from a host.
fn removed(one: &Replacement) -> Vec<ContainerId> {
    let id = |subject: &Subject| match (subject, &one.target) {
        (Subject::Left(id, _) | Subject::Kept(id, _), _) => Some(id.clone()),
        (_, Target::Existing { container, .. }) => Some(container.id.clone()),
        (_, Target::Create { .. }) => None,
    };
    let of = |step: &Step| match step {
        Step::Remove(subject) => id(subject),
        _ => None,
    };
    one.steps.iter().filter_map(of).collect()
}

/// What an act came to. Where hosts failed, each of them was brought back or is not as it should be.
pub(super) fn outcome(progress: &Progress, standings: &[&Standing]) -> Outcome {
    let is_sound = progress.undo_failures.is_empty() && !progress.gated.any_failed();
    let all = |holds: fn(&Standing) -> bool| standings.iter().all(|standing| holds(standing));
    let is_decided = all(|it| it.at_target || it.at_origin) && is_sound;
    match (&progress.failure, progress.cancelled) {
        (_, true) if is_decided || !progress.touched => Outcome::Cancelled,
        // What failed on the way and then succeeded is done.
        (_, false) if all(|it| it.at_target) && is_sound => Outcome::Completed,
        (Some(_), false) if !progress.touched && all(|it| it.at_origin) => Outcome::Unchanged,
        (Some(_), false) if is_sound && all(|it| it.at_origin) => Outcome::RolledBack,
        (Some(_), false) if is_decided => Outcome::Partial,
        _ => Outcome::Halted,
    }
}

/// What is remembered of an act.
pub(super) fn deed(
    plan: &Plan,
    claim: &Claim,
    (before, after): (&Observed, &Observed),
    standings: &[&Standing],
    (number, result): (u64, RolloutResult),
    at: jiff::Timestamp,
) -> Deed {
    let mut all: Vec<_> = plan.replacements().collect();
    all.sort_by(|a, b| (&a.host, &a.service).cmp(&(&b.host, &b.service)));
    let parts = all.into_iter().zip(standings).flat_map(|(one, standing)| {
        let containers = match (plan.kind, before.seen(&one.host), &one.target) {
            (Kind::Remove, ..) => removed(one),
            (Kind::Stop, Some(host), _) => {
                host.of_service(&one.service).filter(|it| is_active(it)).map(|it| it.id.clone()).collect()
            }
            (_, _, Target::Existing { container, .. }) => vec![container.id.clone()],
            _ => Vec::new(),
        };
        let gone = |id: &ContainerId| {
            plan.kind == Kind::Remove
                && after.seen(&one.host).is_some_and(|host| host.containers.iter().all(|it| it.id != *id))
        };
        let part = |container: ContainerId| Part {
            host: one.host.clone(),
            service: one.service.clone(),
            done: standing.at_target || gone(&container),
            container,
        };
        containers.into_iter().map(part).collect::<Vec<_>>()
    });
    Deed {
        number,
        rollout: claim.rollout.clone(),
        kind: plan.kind,
        act: plan.act.clone().unwrap_or_default(),
        result,
        by: claim.by.clone(),
        at,
        parts: parts.collect(),
    }
}
