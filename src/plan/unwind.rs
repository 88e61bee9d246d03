//! Undoing one host, computed from what was attempted.
//!
//! The step that failed may have taken hold, so it is undone too. What is started again is gated again.
//! The order is such that an undo that fails leaves the later ones undone: a host is never given two
//! containers of one service that both want its port.

use crate::environment::Order;
use crate::plan::{Cause, Fate, Replacement, Step, Subject, Target, act};

/// The steps that bring the host of `replacement` back, when all of `attempted` (staging included) may have taken hold.
pub fn unwind(replacement: &Replacement, attempted: &[Step]) -> Vec<Step> {
    if replacement.cause == Cause::Asked {
        return act::unwind(replacement, attempted);
    }
    if replacement.is_switch() {
        let is_begun = attempted.iter().any(|step| !matches!(step, Step::Drain));
        if is_begun || !replacement.before_settled {
            return out_of_traffic(replacement, clear(replacement).chain(switch_back(replacement)).collect());
        }
        return attempted.contains(&Step::Drain).then_some(Step::Admit).into_iter().collect();
    }
    let created = attempted.contains(&Step::Create);
    let in_service = attempted.iter().any(takes_up);
    let old_stopped = attempted.iter().any(|step| matches!(step, Step::Stop(Subject::Old | Subject::Left(..), _)));
    let seated =
        attempted.contains(&Step::Seat(Subject::New)) || replacement.seating.as_ref().is_some_and(|it| it.new_sits);
    let away = match &replacement.target {
        Target::Create { .. } if in_service => stop_and_remove(replacement, seated),
        Target::Create { .. } if created => vec![Step::Remove(Subject::New)],
        Target::Existing { fate, runs, .. } if in_service || *runs => put_away(replacement, *fate, seated),
        _ => Vec::new(),
    };
    if old_stopped || !replacement.before_settled {
        let steps = join(replacement.order, away, clear(replacement).chain(restore(replacement)).collect());
        return out_of_traffic(replacement, steps);
    }
    // The old one served all the time. Whether it still does well is said only after it was asked.
    let asked = (in_service && replacement.order == Order::StartFirst).then_some(Step::Gate(Subject::Old));
    // It was only drained, and what it would have made room for need not be waited for.
    let admit = attempted.contains(&Step::Drain).then_some(Step::Admit);
    let seat = attempted.contains(&Step::Unseat(Subject::Old)).then_some(Step::Seat(Subject::Old));
    admit.into_iter().chain(seat).chain(away).chain(asked).collect()
}

/// Whether the new container runs with its files from here on.
fn takes_up(step: &Step) -> bool {
    matches!(step, Step::Start(Subject::New) | Step::Signal(Subject::New, _) | Step::Gate(Subject::New))
}

/// With its traffic taken away before, and given back if something is there that can take it. Where nothing is, the
/// servers stay drained.
fn out_of_traffic(replacement: &Replacement, steps: Vec<Step>) -> Vec<Step> {
    if replacement.traffic.is_none() || steps.is_empty() {
        return steps;
    }
    let admit = steps.contains(&Step::Promote(Subject::Old)).then_some(Step::Admit);
    std::iter::once(Step::Drain).chain(steps).chain(admit).collect()
}

/// What an earlier rollout left running, and the way forward has perhaps not come to yet, must go before the old one starts.
fn clear(replacement: &Replacement) -> impl Iterator<Item = Step> {
    let is_left = |step: &&Step| {
        matches!(step, Step::Stop(Subject::Left(..), _) | Step::Unseat(Subject::Left(..)))
            && replacement.before.is_some()
    };
    replacement.steps.iter().filter(is_left).cloned()
}

/// The steps that bring the host of a promoted `replacement` back to what it ran before.
pub fn demote(replacement: &Replacement) -> Vec<Step> {
    if replacement.is_switch() {
        return out_of_traffic(replacement, switch_back(replacement).collect());
    }
    let away = match &replacement.target {
        Target::Create { .. } => stop_and_remove(replacement, true),
        Target::Existing { fate, .. } => put_away(replacement, *fate, true),
    };
    out_of_traffic(replacement, join(replacement.order, away, restore(replacement)))
}

fn stop_and_remove(replacement: &Replacement, seated: bool) -> Vec<Step> {
    let mut steps = stop(replacement, seated);
    steps.push(Step::Remove(Subject::New));
    steps
}

/// Out of traffic first, if it may have got any.
fn stop(replacement: &Replacement, seated: bool) -> Vec<Step> {
    let unseat = replacement.seating.as_ref().filter(|_| seated).map(|_| Step::Unseat(Subject::New));
    unseat.into_iter().chain([Step::Stop(Subject::New, replacement.target.grace())]).collect()
}

fn put_away(replacement: &Replacement, fate: Fate, seated: bool) -> Vec<Step> {
    match fate {
        Fate::Remove => stop_and_remove(replacement, seated),
        Fate::Stop => stop(replacement, seated),
        Fate::Leave => Vec::new(),
    }
}

fn restore(replacement: &Replacement) -> Vec<Step> {
    let Some(before) = &replacement.before else { return Vec::new() };
    // What is started has the files that it is to have, whatever an earlier rollout came to, and takes them up.
    let enter = match &before.live {
        Some(live) => {
            let switch = Step::Switch(Subject::Old, before.spec.clone());
            vec![switch, Step::Signal(Subject::Old, live.signal.clone())]
        }
        None => vec![Step::Start(Subject::Old)],
    };
    let enter = enter.into_iter().chain([Step::Gate(Subject::Old), Step::Promote(Subject::Old)]);
    let seat = replacement.seating.as_ref().map(|_| Step::Seat(Subject::Old));
    enter.chain(seat).collect()
}

/// The same container, with the files that it had.
fn switch_back(replacement: &Replacement) -> impl Iterator<Item = Step> {
    let before = replacement.before.iter();
    before.filter_map(|before| Some((before.spec.clone(), before.live.as_ref()?.signal.clone()))).flat_map(
        |(spec, signal)| {
            [
                Step::Doubt(Subject::Old),
                Step::Switch(Subject::Old, spec),
                Step::Signal(Subject::Old, signal),
                Step::Gate(Subject::Old),
                Step::Promote(Subject::Old),
            ]
        },
    )
}

/// Start-first can bring the old one back before the new one goes; stop-first must free the port first.
fn join(order: Order, away: Vec<Step>, back: Vec<Step>) -> Vec<Step> {
    match order {
        Order::StopFirst => away.into_iter().chain(back).collect(),
        Order::StartFirst => back.into_iter().chain(away).collect(),
    }
}
