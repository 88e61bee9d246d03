//! What came of an act, in words.

use std::collections::{BTreeMap, BTreeSet};

use crate::fleet::ledger::Kind;
use crate::plan::Plan;
use crate::rollout::report::{Outcome, Report, Row};

use super::style::Tone;

/// What was done, as one word.
pub(super) fn done(kind: Kind) -> &'static str {
    match kind {
        Kind::Start => "started",
        Kind::Stop => "stopped",
        Kind::Restart => "restarted",
        Kind::Remove => "removed",
        Kind::Drain => "drained",
        Kind::Admit => "admitted",
        Kind::Reboot => "rebooted",
        Kind::Deploy | Kind::Rollback => "done",
    }
}

/// The end of an act in a sentence; `None` for a rollout, and for what is said of both in the same words.
pub(super) fn sentence(report: &Report, kind: Kind) -> Option<(Tone, String)> {
    if kind.brings_release() {
        return None;
    }
    let mut hosts = BTreeMap::<_, BTreeSet<_>>::new();
    for row in &report.rows {
        hosts.entry(row.service.as_str()).or_default().insert(row.host.as_str());
    }
    let names = |all: &BTreeSet<&str>| all.iter().copied().collect::<Vec<_>>().join(", ");
    let mut what: Vec<_> = hosts.iter().map(|(service, all)| format!("{service} on {}", names(all))).collect();
    if kind.is_of_hosts() {
        what = vec![names(&report.rows.iter().map(|row| row.host.as_str()).collect())];
    }
    let verb = done(kind);
    Some(match &report.outcome {
        Outcome::Completed => (Tone::Good, format!("Done: {verb} {}.", what.join("; "))),
        Outcome::RolledBack => {
            (Tone::Warning, "Not done: what was begun was put back, and everything is as it was before.".to_owned())
        }
        Outcome::Partial => {
            let words = "where it failed, it was put back; the table says what runs where";
            (Tone::Bad, format!("Partly done: not everything was {verb}; {words}."))
        }
        Outcome::Halted if kind.is_of_hosts() && kind != Kind::Drain => {
            let words =
                "what is not healthy, or does not answer, stays out of traffic, and no further host was touched";
            (Tone::Bad, format!("Failed: not everything was {verb}; {words}."))
        }
        Outcome::Halted => {
            let words = "nothing else was touched; the table says what runs where";
            (Tone::Bad, format!("Failed: not everything was {verb}; {words}."))
        }
        _ => return None,
    })
}

/// What an operator would do after an act; `None` after a rollout.
pub(super) fn next(report: &Report, plan: &Plan) -> Option<Vec<String>> {
    let environment = &plan.scope.environment;
    plan.act.as_ref()?;
    let again = format!("shipctl {} {environment}{}", plan.kind.as_str(), selected(plan));
    let status = format!("shipctl status {environment}");
    Some(match &report.outcome {
        Outcome::Completed if plan.kind == Kind::Stop => {
            vec![format!("shipctl start {environment}{} (brings it back)", selected(plan))]
        }
        Outcome::Completed if plan.kind == Kind::Drain => {
            vec![format!("shipctl host admit {environment}{} (brings it back)", selected(plan))]
        }
        Outcome::Halted if plan.kind == Kind::Reboot => {
            let is_left = |row: &&Row| !row.as_intended;
            let left: BTreeSet<_> = report.rows.iter().filter(is_left).map(|row| row.host.as_str()).collect();
            let left = left.into_iter().collect::<Vec<_>>().join(",");
            let admit = (!left.is_empty()).then(|| {
                format!(
                    "shipctl host admit {environment} --host {left} (once it is back; what does not run: shipctl start)"
                )
            });
            [status].into_iter().chain(admit).chain([format!("{again} (once the cause is gone)")]).collect()
        }
        Outcome::Completed => Vec::new(),
        Outcome::Locked(_) => vec![format!("shipctl lock show {environment}")],
        Outcome::RolledBack | Outcome::Unchanged => vec![format!("{again} (once the cause is gone)")],
        Outcome::Cancelled => vec![status, format!("{again} (does the rest)")],
        _ => vec![status, format!("{again} (once the cause is gone)")],
    })
}

/// The options that select what a plan is about.
fn selected(plan: &Plan) -> String {
    let hosts: BTreeSet<_> = plan.replacements().map(|one| one.host.as_str()).collect();
    let services: BTreeSet<_> = plan.replacements().map(|one| one.service.as_str()).collect();
    let list = |all: BTreeSet<&str>| all.into_iter().collect::<Vec<_>>().join(",");
    if plan.kind.is_of_hosts() {
        return format!(" --host {}", list(hosts));
    }
    format!(" --host {} --service {}", list(hosts), list(services))
}
