//! Rules between services and hosts. Hosts are complete when these are asked.

use std::collections::BTreeSet;

use super::Fleet;
use super::ports::Published;
use super::service::Draft;
use crate::environment::placement::Subject;
use crate::environment::{Balancer, Constraint, Order, Port, Runtime, Service};
use crate::fleet::Host;
use crate::manifest::decode::Decoder;
use crate::manifest::source::Span;
use crate::manifest::suggest;
use crate::name::BalancerName;

/// Checks them all.
pub(super) fn check(drafts: &[Draft], fleet: &Fleet<'_>, decoder: &mut Decoder<'_>) {
    for draft in drafts {
        constraints_match(draft, fleet, decoder);
        images_reach_hosts(draft, fleet, decoder);
        order_is_possible(draft, decoder);
        ports_have_a_network(draft, decoder);
        traffic_is_possible(draft, fleet, decoder);
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
        Subject::Role => {
            let roles: BTreeSet<&str> = hosts(fleet).filter_map(|host| host.role.as_deref()).collect();
            if roles.is_empty() {
                return "no host has a role; write `role: web` beside one".to_owned();
            }
            return suggest::hint(&constraint.value, roles.iter().copied());
        }
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

/// An image is only where it was built, unless something brings it further.
fn images_reach_hosts(draft: &Draft, fleet: &Fleet<'_>, decoder: &mut Decoder<'_>) {
    let (Some(span), false) = (draft.build.or(draft.baked), fleet.brought) else { return };
    let far = hosts(fleet).find(|host| draft.admits(host) && host.endpoint != *fleet.builder);
    if let Some(host) = far {
        let what = if draft.build.is_some() { "the image is built" } else { "`deliver: image`: the image is made" };
        let message = format!("{what} on {}, and nothing brings it to host `{}`", fleet.builder, host.name);
        let help =
            "add `registry: { host: … }` or `images: { transfer: direct }`, or name the host's engine as `builder`";
        decoder.problem_with_help(span, message, help);
    }
}

/// Started first, the new container would find the port taken by the old one.
fn order_is_possible(draft: &Draft, decoder: &mut Decoder<'_>) {
    let (Order::StartFirst, Some(order)) = (draft.service.update.order, draft.order) else { return };
    for (service, published) in draft.everywhere() {
        start_first_is_possible(&service.runtime, published, order, decoder);
    }
}

fn start_first_is_possible(runtime: &Runtime, published: &[Published], order: Span, decoder: &mut Decoder<'_>) {
    let taken = runtime.ports.iter().zip(published).find(|(port, _)| port.host_port.is_some());
    if let Some((port, published)) = taken {
        let (port, place) = (port.host_port.unwrap_or_default(), decoder.place(published.at));
        let message = format!("`start-first`: both containers would want port {port} of the host ({place})");
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
    for (service, published) in draft.everywhere() {
        let mut names = service.runtime.networks.iter().map(|network| network.name.as_str());
        if let (Some(mode), Some(port)) = (names.find(|name| matches!(*name, "host" | "none")), published.first()) {
            let message = format!("`network_mode: {mode}` publishes no ports");
            decoder.problem_with_help(port.at, message, "remove one of the two");
        }
    }
}

/// A balancer sends requests to a port of the host, which only one container can have at a time.
fn traffic_is_possible(draft: &Draft, fleet: &Fleet<'_>, decoder: &mut Decoder<'_>) {
    let Some(traffic) = &draft.service.traffic else { return };
    super::traffic::are_known(traffic, &draft.balancers, fleet.balancers, decoder);
    if let (Order::StartFirst, Some(order)) = (draft.service.update.order, draft.order) {
        let message = "`start-first` beside `traffic`: the balancer would go on sending requests to the old container";
        decoder.problem_with_help(order, message, "use `stop-first`: the host is drained first");
    }
    let counts = |name: &BalancerName| matches!(fleet.balancers.get(name), None | Some(Balancer::Haproxy { .. }));
    let silent = traffic.balancers.iter().zip(&draft.balancers).find(|(name, _)| !counts(name));
    if let (Some((name, at)), true) = (silent, draft.service.update.error_rate.is_some()) {
        let message = format!("`error_rate` compares what HAProxy counts, and {name} is none");
        decoder.problem_with_help(*at, message, "ask what measures its requests instead: `queries`");
    }
    let publishes = |(service, _): (&Service, &[Published])| {
        service.runtime.ports.iter().any(|port| port.host_port.is_some())
            || service.runtime.networks.iter().any(|network| network.name == "host")
    };
    // kamal-proxy reaches a container on a network of theirs.
    let needs_port = |name| !matches!(fleet.balancers.get(name), Some(Balancer::KamalProxy(_)));
    let is_reached = !traffic.balancers.iter().any(needs_port) || draft.everywhere().all(publishes);
    if let (false, Some(at)) = (is_reached, draft.balancers.first()) {
        let message = "`traffic`: no request can reach the service, which publishes no port of its hosts";
        decoder.problem_with_help(*at, message, "publish one, such as `ports: [\"8080:80\"]`");
    }
}

/// A port of a host goes to one service.
fn ports_are_free(drafts: &[Draft], fleet: &Fleet<'_>, decoder: &mut Decoder<'_>) {
    let mut told: Vec<(Span, Span)> = Vec::new();
    for host in hosts(fleet) {
        let mut taken: Vec<(&Draft, &Port, Span)> = Vec::new();
        for draft in drafts.iter().filter(|draft| draft.admits(host)) {
            let (service, published) = draft.on(&host.name);
            for (port, Published { at: span, .. }) in service.runtime.ports.iter().zip(published) {
                let earlier = taken.iter().find(|(_, earlier, _)| collide(port, earlier));
                if let Some((other, _, at)) = earlier.filter(|(.., at)| at != span && !told.contains(&(*span, *at))) {
                    told.push((*span, *at));
                    let number = port.host_port.unwrap_or_default();
                    let (name, place) = (&other.service.name, decoder.place(*at));
                    let message = format!("port {number} of host `{}` is taken by `{name}` ({place})", host.name);
                    let help = "publish another port, or place the services on different hosts";
                    decoder.problem_with_help(*span, message, help);
                }
                taken.push((draft, port, *span));
            }
        }
    }
}

fn hosts<'a>(fleet: &'a Fleet<'_>) -> impl Iterator<Item = &'a Host> + Clone {
    fleet.hosts.iter().map(|machine| &machine.host)
}

fn collide(one: &Port, other: &Port) -> bool {
    let everywhere = |ip: &Option<String>| matches!(ip.as_deref(), None | Some("0.0.0.0" | "::"));
    let same_address = everywhere(&one.host_ip) || everywhere(&other.host_ip) || one.host_ip == other.host_ip;
    one.host_port.is_some() && one.host_port == other.host_port && one.protocol == other.protocol && same_address
}
