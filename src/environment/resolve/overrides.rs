//! `hosts.<name>.services` and `roles.<name>.services`: services that are written differently for a host, or for all hosts of
//! a role. What is written there lies above the service, and what is written for the host above what is for its role.

use std::collections::BTreeMap;

use super::declared::Declared;
use super::hosts::Machine;
use super::nested;
use super::service::{self, Draft, Variant};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::merge::{merge_service, settle};
use crate::manifest::node::{Entry, Kind, Map, Node, quoted};
use crate::manifest::suggest;

/// What is one for the whole fleet: a release has one image of a service, and one way to roll it out.
pub(super) const OF_THE_FLEET: [&str; 8] =
    ["build", "depends_on", "deploy", "extends", "image", "platform", "profiles", "pull_policy"];

/// What is written for roles.
pub(super) type Roles<'n> = BTreeMap<&'n str, &'n Map>;

/// `roles:`, by name.
pub(super) fn roles<'n>(top: &mut Fields<'n>, machines: &[Machine<'n>], decoder: &mut Decoder<'_>) -> Roles<'n> {
    let mut roles = Roles::new();
    let Some(entry) = top.entry("roles") else { return roles };
    for (name, entry) in decoder.map(&entry.value, entry.key).named() {
        if !machines.iter().any(|machine| machine.host.role.as_deref() == Some(name)) {
            let known = machines.iter().filter_map(|machine| machine.host.role.as_deref());
            let help = match suggest::nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write `role: {name}` beside a host"),
            };
            decoder.problem_with_help(entry.key, format!("no host has the role {}", quoted(name)), help);
        }
        let mut fields = decoder.map(&entry.value, entry.key);
        if let Some(map) = services(&mut fields, decoder) {
            roles.insert(name, map);
        }
        fields.finish_compose(decoder, &[]);
    }
    roles
}

/// `services` of a host or a role.
pub(super) fn services<'n>(fields: &mut Fields<'n>, decoder: &mut Decoder<'_>) -> Option<&'n Map> {
    let node = fields.get("services")?;
    if let Kind::Map(map) = &node.kind {
        return Some(map);
    }
    if !node.is_null() {
        decoder.expected(node, "a map of services");
    }
    None
}

/// What overrides are put over, and how it is read.
pub(super) struct Base<'b, 'n> {
    pub(super) top: &'b mut Fields<'n>,
    pub(super) machines: &'b [Machine<'n>],
    pub(super) roles: &'b Roles<'n>,
    pub(super) project: &'b str,
    pub(super) declared: &'b Declared<'b>,
}

/// Gives every draft what it is on the hosts that it is written differently for.
pub(super) fn apply(base: &mut Base<'_, '_>, drafts: &mut [Draft], decoder: &mut Decoder<'_>) {
    let names: Vec<String> = drafts.iter().map(|draft| draft.service.name.to_string()).collect();
    let written = base.roles.values().copied().chain(base.machines.iter().filter_map(|machine| machine.services));
    for (name, entry) in written.flatten() {
        if !names.iter().any(|known| **known == **name) {
            let help = suggest::hint(name, names.iter().map(String::as_str));
            decoder.problem_with_help(entry.key, format!("there is no service {}", quoted(name)), help);
        }
        refuse_what_is_of_the_fleet(entry, decoder);
    }
    let Some(services) = nested(base.top, "services", decoder) else { return };
    let services: BTreeMap<&str, &Entry> = services.named().collect();
    for draft in drafts {
        let name = draft.service.name.clone();
        let Some(below) = services.get(name.as_str()) else { continue };
        for machine in base.machines {
            let role = machine.host.role.as_deref().and_then(|role| base.roles.get(role)).copied();
            let above: Vec<&Entry> =
                [role, machine.services].into_iter().flatten().filter_map(|map| map.get(name.as_str())).collect();
            let (Some(last), true) = (above.last(), draft.admits(&machine.host)) else { continue };
            let merged = above.iter().fold(below.value.clone(), |node, entry| merge_service(node, entry.value.clone()));
            let entry = Entry { key: last.key, value: settle(merged) };
            let on_host = service::service(name.clone(), &entry, base.project, decoder, base.declared);
            let variant = Variant { service: on_host.service, ports: on_host.ports };
            draft.variants.insert(machine.host.name.clone(), variant);
        }
    }
}

fn refuse_what_is_of_the_fleet(entry: &Entry, decoder: &mut Decoder<'_>) {
    let Node { kind: Kind::Map(map), .. } = &entry.value else { return };
    for (key, entry) in map.iter().filter(|(key, _)| OF_THE_FLEET.contains(&&***key)) {
        let message = format!("{} is the same on every host", quoted(key));
        decoder.problem_with_help(entry.key, message, "write it in the service itself");
    }
}
