//! Rules between services and hosts. Hosts are complete when these are asked.

use std::collections::BTreeSet;

use super::Fleet;
use super::service::Draft;
use crate::environment::placement::Subject;
use crate::environment::{Constraint, Order, Port};
use crate::fleet::Host;
use crate::manifest::decode::Decoder;
use crate::manifest::source::Span;
use crate::manifest::suggest;

/// Checks them all.
pub(super) fn check(drafts: &[Draft], fleet: &Fleet<'_>, decoder: &mut Decoder<'_>) {
    for draft in drafts {
        constraints_match(draft, fleet, decoder);
        images_reach_hosts(draft, fleet, decoder);
        order_is_possible(draft, decoder);
        ports_have_a_network(draft, decoder);
    }
    ports_are_free(drafts, fleet, decoder);
}

/// A filter that matches nothing is a misspelling, not a wish to deploy nowhere.
fn constraints_match(draft: &Draft, fleet: &Fleet<'_>, decoder: &mut Decoder<'_>) {
    let mut left: Vec<&Host> = hosts(fleet).collect();
    for (constraint, span) in draft.service.constraints.iter().zip(&draft.constraints) {
        let alone = hosts(fleet).any(|host| constraint.admits(host));
        left.retain(|host| constraint.admits(host));
        if left.is_empty() {
            let message = if alone {
                "no host fulfils this constraint and those before it"
            } else {
                "no host fulfils this constraint"
            };
            decoder.problem_with_help(*span, message, there_is(constraint, fleet));
            return;
        }
    }
}

/// What could have been meant.
fn there_is(constraint: &Constraint, fleet: &Fleet<'_>) -> String {
    let label = match &constraint.subject {
        Subject::Name => return suggest::hint(&constraint.value, hosts(fleet).map(|host| host.name.as_str())),
        Subject::Label(label) => label,
    };
    let values: BTreeSet<&str> = hosts(fleet).filter_map(|host| host.labels.get(label).map(String::as_str)).collect();
    if values.is_empty() {
        let labels: BTreeSet<&str> = hosts(fleet).flat_map(|host| host.labels.keys().map(String::as_str)).collect();
        return match suggest::nearest(label, labels.iter().copied()) {
            Some(near) => format!("no host has a label `{label}`; did you mean `{near}`?"),
            None => format!("no host has a label `{label}`"),
        };
    }
    let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    format!("hosts have {} as `{label}`", values.join(", "))
}

/// Without a registry an image is only where it was built.
fn images_reach_hosts(draft: &Draft, fleet: &Fleet<'_>, decoder: &mut Decoder<'_>) {
    let (Some(span), None) = (draft.build, fleet.registry) else { return };
    let far = hosts(fleet).find(|host| admits(draft, host) && host.endpoint != *fleet.builder);
    if let Some(host) = far {
        let message = format!("the image is built on {}, and nothing brings it to host `{}`", fleet.builder, host.name);
        decoder.problem_with_help(span, message, "add `registry: { host: … }`, or name the host's engine as `builder`");
    }
}

/// Started first, the new container would find the port taken by the old one.
fn order_is_possible(draft: &Draft, decoder: &mut Decoder<'_>) {
    let (Order::StartFirst, Some(order)) = (draft.service.update.order, draft.order) else { return };
    let runtime = &draft.service.runtime;
    let taken = runtime.ports.iter().zip(&draft.ports).find(|(port, _)| port.host_port.is_some());
    if let Some((port, span)) = taken {
        let port = port.host_port.unwrap_or_default();
        let message =
            format!("`start-first`: both containers would want port {port} of the host ({})", decoder.place(*span));
        decoder.problem_with_help(order, message, "use `stop-first`, or publish the container's port alone");
    } else if runtime.networks.iter().any(|network| network.name == "host") {
        decoder.problem_with_help(
            order,
            "`start-first`: both containers would share the host's network",
            "use `stop-first`",
        );
    } else if runtime.networks.iter().any(|network| network.attachment.is_exclusive()) {
        decoder.problem_with_help(order, "`start-first`: both containers would want one address", "use `stop-first`");
    }
}

/// Without a network of its own a container has nothing to publish; the engine would ignore it silently.
fn ports_have_a_network(draft: &Draft, decoder: &mut Decoder<'_>) {
    let runtime = &draft.service.runtime;
    let mode =
        runtime.networks.iter().map(|network| network.name.as_str()).find(|name| matches!(*name, "host" | "none"));
    if let (Some(mode), Some(span)) = (mode, draft.ports.first()) {
        decoder.problem_with_help(*span, format!("`network_mode: {mode}` publishes no ports"), "remove one of the two");
    }
}

/// A port of a host goes to one service.
fn ports_are_free(drafts: &[Draft], fleet: &Fleet<'_>, decoder: &mut Decoder<'_>) {
    let published: Vec<(&Draft, &Port, Span)> = drafts
        .iter()
        .flat_map(|draft| {
            draft.service.runtime.ports.iter().zip(&draft.ports).map(move |(port, span)| (draft, port, *span))
        })
        .collect();
    for (index, (draft, port, span)) in published.iter().enumerate() {
        for (other, earlier, at) in &published[..index] {
            let both = |host: &&Host| admits(draft, host) && admits(other, host);
            let Some(host) = collide(port, earlier).then(|| hosts(fleet).find(both)).flatten() else { continue };
            let number = port.host_port.unwrap_or_default();
            let message = format!(
                "port {number} of host `{}` is taken by `{}` ({})",
                host.name,
                other.service.name,
                decoder.place(*at)
            );
            decoder.problem_with_help(*span, message, "publish another port, or place the services on different hosts");
            break;
        }
    }
}

fn hosts<'a>(fleet: &'a Fleet<'_>) -> impl Iterator<Item = &'a Host> + Clone {
    fleet.hosts.iter().map(|(host, _)| host)
}

fn admits(draft: &Draft, host: &Host) -> bool {
    draft.service.constraints.iter().all(|constraint| constraint.admits(host))
}

fn collide(one: &Port, other: &Port) -> bool {
    let everywhere = |ip: &Option<String>| matches!(ip.as_deref(), None | Some("0.0.0.0" | "::"));
    let same_address = everywhere(&one.host_ip) || everywhere(&other.host_ip) || one.host_ip == other.host_ip;
    one.host_port.is_some() && one.host_port == other.host_port && one.protocol == other.protocol && same_address
}
