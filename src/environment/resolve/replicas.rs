//! `deploy.mode: replicated`: a service becomes as many as one host runs of it. The first is the service itself; the others
//! are services of their own beside it, with names, containers and ports of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::hosts::Machine;
use super::service::Draft;
use crate::fleet::Host;
use crate::manifest::decode::Decoder;
use crate::name::{HostName, ServiceName};

/// Puts the instances of replicated services in the places of the services.
pub(super) fn expand(drafts: Vec<Draft>, machines: &[Machine<'_>], decoder: &mut Decoder<'_>) -> Vec<Draft> {
    let names: BTreeSet<ServiceName> = drafts.iter().map(|draft| draft.service.name.clone()).collect();
    let mut expanded = Vec::new();
    for draft in drafts {
        let Some((replicas, at)) = &draft.replicas else {
            expanded.push(draft);
            continue;
        };
        let hosts: Vec<&Host> =
            machines.iter().map(|machine| &machine.host).filter(|host| draft.admits(host)).collect();
        let counts = replicas.distribute(&hosts).unwrap_or_else(|fit| {
            if !hosts.is_empty() {
                let message = format!("{} containers are wanted, and {fit} fit on the hosts", replicas.count);
                decoder.problem_with_help(*at, message, "raise `max_replicas_per_node`, or let more hosts run it");
            }
            BTreeMap::new()
        });
        let most = counts.values().copied().max().unwrap_or(0);
        for number in 1..=most.max(1) {
            expanded.extend(instance(&draft, number, &counts, &names, decoder));
        }
    }
    expanded
}

/// One of several on the hosts that run so many.
fn instance(
    draft: &Draft,
    number: usize,
    counts: &BTreeMap<HostName, usize>,
    names: &BTreeSet<ServiceName>,
    decoder: &mut Decoder<'_>,
) -> Option<Draft> {
    let mut draft = draft.clone();
    let at = draft.replicas.as_ref().map(|(_, at)| *at)?;
    let name = draft.service.name.clone();
    let own: ServiceName = if number == 1 {
        name.clone()
    } else {
        // Too long a name is refused where the manifest's own is.
        let own = format!("{name}-{number}").parse().ok()?;
        if names.contains(&own) {
            decoder.problem(at, format!("instance {number} of `{name}` would be called as the service `{own}` is"));
        }
        own
    };
    let only: BTreeSet<HostName> =
        counts.iter().filter(|(_, count)| **count >= number).map(|(host, _)| host.clone()).collect();
    let on_hosts = draft.variants.values_mut().map(|variant| (&mut variant.service, &variant.ports));
    for (service, ports) in on_hosts.chain([(&mut draft.service, &draft.ports)]) {
        service.only = Some(only.clone());
        service.instance = number;
        service.instance_of = (number > 1).then(|| name.clone());
        service.name = own.clone();
        for (port, place) in service.runtime.ports.iter_mut().zip(ports) {
            if let Some(range) = &place.range {
                let own = range.clone().nth(number - 1);
                if own.is_none() {
                    let (from, to) = (range.start(), range.end());
                    let message = format!("ports {from} to {to} are too few for {number} containers on one host");
                    decoder.problem(place.at, message);
                }
                port.host_port = own;
            } else if port.host_port.is_some() && number == 2 {
                let message = format!("several containers of `{name}` on one host would want the same port");
                let help = "publish a range such as `8080-8089:80`, or the container's port alone";
                decoder.problem_with_help(place.at, message, help);
            }
        }
        for network in service.runtime.networks.iter_mut().filter(|_| number > 1) {
            if !matches!(network.name.as_str(), "host" | "none") {
                network.aliases.push(name.to_string());
            }
        }
    }
    draft.variants.retain(|host, _| only.contains(host));
    Some(draft)
}
