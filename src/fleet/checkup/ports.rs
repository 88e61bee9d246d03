//! Ports that services publish.

use super::{Facts, Finding, Question};

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let taken = |port: u16| {
        let advice = "stop what holds it, or publish another port in the manifest";
        if let Some(holder) = facts.foreign.get(&port) {
            let found = format!("port {port} is held by the container {holder}, which is none of this environment");
            return Some(Finding::bad(Question::Ports, port.to_string(), found, advice));
        }
        let listens = facts.listeners.as_ref().is_some_and(|listeners| listeners.contains(&port));
        if listens && !facts.ours.contains(&port) {
            let found = format!("something that is no container listens at port {port}");
            return Some(Finding::bad(Question::Ports, port.to_string(), found, advice));
        }
        None
    };
    let findings: Vec<_> = facts.wanted.iter().filter_map(|port| taken(*port)).collect();
    if !findings.is_empty() {
        return findings;
    }
    if facts.wanted.is_empty() {
        return vec![Finding::ok(Question::Ports, "none")];
    }
    let open: Vec<_> = facts.wanted.difference(&facts.ours).map(ToString::to_string).collect();
    if open.is_empty() {
        return vec![Finding::ok(Question::Ports, "ours")];
    }
    if facts.listeners.is_none() {
        let why = format!("no container has port {}; whether something else has cannot be seen", open.join(", "));
        return vec![Finding::not_known(Question::Ports, why)];
    }
    vec![Finding::ok(Question::Ports, "free")]
}
