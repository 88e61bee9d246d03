//! What somebody is told, for people: one line, and where it matters host by host what runs there now. Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::event::Failure;
use crate::fleet::ledger::Kind;
use crate::hook::Facts;
use crate::name::HostName;
use crate::report::clean::clip;
use crate::rollout::report::{Outcome, Report, Row, Running};

/// Hosts that are named; the others are counted.
const NAMED: usize = 12;
/// Characters of a reason.
const REASON: usize = 300;

/// That hosts are about to be changed.
pub fn begun(facts: &Facts) -> String {
    format!("{} begins on {}, by {}{}", what(facts), hosts(&facts.hosts), facts.operator, in_force(facts))
}

/// What it came to.
pub fn ended(facts: &Facts, report: &Report) -> String {
    let what = what(facts);
    let why = report.failure.as_ref().map(reason).unwrap_or_default();
    let on = report.rows.iter().map(|row| row.host.clone()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    match &report.outcome {
        Outcome::Completed => format!("{what} is done on {}, by {}", hosts(&on), facts.operator),
        Outcome::Canary => format!("{what} has its canary on {}, which waits to be promoted", hosts(&on)),
        Outcome::Partial => {
            format!(
                "{what} is done but on hosts that failed, which run what they ran before{why}{}",
                rows(&report.rows)
            )
        }
        Outcome::RolledBack => format!("{what} failed and was undone: every touched host runs what it ran before{why}"),
        Outcome::Halted => format!("{what} halted, and hosts may run different releases{why}{}", rows(&report.rows)),
        Outcome::Cancelled => format!("{what} was interrupted{why}{}", rows(&report.rows)),
        Outcome::Unchanged => format!("{what} failed before any host was changed{why}"),
        Outcome::Locked(holder) => {
            format!("{what} did not begin: {} holds the lock on {} ({})", holder.by, holder.host, holder.kind)
        }
    }
}

fn what(facts: &Facts) -> String {
    let release = facts.release.as_deref().unwrap_or_default();
    let verb = match facts.kind {
        Kind::Deploy => "deploy of",
        Kind::Rollback => "rollback to",
        act => act.as_str(),
    };
    format!("{} {}: {verb} {release}", facts.project, facts.environment)
}

fn in_force(facts: &Facts) -> String {
    facts.from.as_ref().map(|from| format!(" (in force: {from})")).unwrap_or_default()
}

fn hosts(hosts: &[HostName]) -> String {
    let named: Vec<_> = hosts.iter().take(NAMED).map(HostName::as_str).collect();
    match hosts.len() {
        0 => "no host".to_owned(),
        count if count > NAMED => format!("{} and {} more", named.join(", "), count - NAMED),
        _ => named.join(", "),
    }
}

fn reason(failure: &Failure) -> String {
    let place = failure.host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
    format!(": {place}{}: {}", failure.doing, clip(&failure.reason, REASON))
}

fn rows(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { host, service, now, .. } in rows.iter().take(NAMED) {
        let now = match now {
            Running::Release { number, .. } => format!("r{number}"),
            Running::Nothing => "nothing".to_owned(),
            Running::Several(_) => "several containers".to_owned(),
            Running::Unknown => "not known".to_owned(),
        };
        let _infallible = write!(text, "\n{host} {service}: {now}");
    }
    if rows.len() > NAMED {
        let _infallible = write!(text, "\nand {} more", rows.len() - NAMED);
    }
    text
}
