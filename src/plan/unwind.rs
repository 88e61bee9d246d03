//! Undoing one host, computed from what was attempted.
//!
//! The step that failed may have taken hold, so it is undone too. What is started again is gated again.
//! The order is such that an undo that fails leaves the later ones undone: a host is never given two
//! containers of one service that both want its port.

use crate::environment::Order;
use crate::plan::{Fate, Replacement, Step, Subject, Target};

/// The steps that bring the host of `replacement` back, when all of `attempted` (staging included) may have taken hold.
pub fn unwind(replacement: &Replacement, attempted: &[Step]) -> Vec<Step> {
    let created = attempted.contains(&Step::Create);
    let in_service = attempted.iter().any(|step| matches!(step, Step::Start(Subject::New) | Step::Gate(Subject::New)));
    let old_stopped = attempted.iter().any(|step| matches!(step, Step::Stop(Subject::Old | Subject::Left(..), _)));
    let away = match &replacement.target {
        Target::Create { .. } if in_service => stop_and_remove(replacement),
        Target::Create { .. } if created => vec![Step::Remove(Subject::New)],
        Target::Existing { fate, runs, .. } if in_service || *runs => put_away(replacement, *fate),
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
    admit.into_iter().chain(away).chain(asked).collect()
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
    let is_left = |step: &&Step| matches!(step, Step::Stop(Subject::Left(..), _)) && replacement.before.is_some();
    replacement.steps.iter().filter(is_left).cloned()
}

/// The steps that bring the host of a promoted `replacement` back to what it ran before.
pub fn demote(replacement: &Replacement) -> Vec<Step> {
    let away = match &replacement.target {
        Target::Create { .. } => stop_and_remove(replacement),
        Target::Existing { fate, .. } => put_away(replacement, *fate),
    };
    out_of_traffic(replacement, join(replacement.order, away, restore(replacement)))
}

fn stop_and_remove(replacement: &Replacement) -> Vec<Step> {
    vec![Step::Stop(Subject::New, replacement.target.grace()), Step::Remove(Subject::New)]
}

fn put_away(replacement: &Replacement, fate: Fate) -> Vec<Step> {
    match fate {
        Fate::Remove => stop_and_remove(replacement),
        Fate::Stop => vec![Step::Stop(Subject::New, replacement.target.grace())],
        Fate::Leave => Vec::new(),
    }
}

fn restore(replacement: &Replacement) -> Vec<Step> {
    match replacement.before {
        Some(_) => vec![Step::Start(Subject::Old), Step::Gate(Subject::Old), Step::Promote(Subject::Old)],
        None => Vec::new(),
    }
}

/// Start-first can bring the old one back before the new one goes; stop-first must free the port first.
fn join(order: Order, away: Vec<Step>, back: Vec<Step>) -> Vec<Step> {
    match order {
        Order::StopFirst => away.into_iter().chain(back).collect(),
        Order::StartFirst => back.into_iter().chain(away).collect(),
    }
}
