//! Kamal's addresses → hosts with names and labels, and the constraints that place services on them.

use std::net::IpAddr;

use indexmap::IndexMap;

use crate::manifest::node::Node;
use crate::manifest::source::Span;
use crate::name::HostName;

use super::super::tree;

/// A machine, by its address.
struct Seat {
    at: Span,
    roles: Vec<String>,
    /// Accessories that it is named for.
    accessories: Vec<String>,
    tags: Vec<String>,
}

/// All machines, in the order in which they are named.
#[derive(Default)]
pub(super) struct Fleet(IndexMap<String, Seat>);

impl Fleet {
    fn seat(&mut self, address: &str, at: Span) -> &mut Seat {
        let seat = || Seat { at, roles: Vec::new(), accessories: Vec::new(), tags: Vec::new() };
        self.0.entry(address.to_owned()).or_insert_with(seat)
    }

    /// A host of a role.
    pub(super) fn role(&mut self, address: &str, at: Span, role: &str, tags: Vec<String>) {
        let seat = self.seat(address, at);
        seat.roles.push(role.to_owned());
        seat.tags.extend(tags);
    }

    /// A host of an accessory.
    pub(super) fn accessory(&mut self, address: &str, at: Span, accessory: &str) {
        self.seat(address, at).accessories.push(accessory.to_owned());
    }

    /// Addresses of the hosts that have one of these roles.
    pub(super) fn of_roles(&self, roles: &[String]) -> Vec<(String, Span)> {
        let has = |seat: &&Seat| seat.roles.iter().any(|role| roles.contains(role));
        self.0.iter().filter(|(_, seat)| has(seat)).map(|(address, seat)| (address.clone(), seat.at)).collect()
    }

    /// Addresses of the hosts that have one of these tags.
    pub(super) fn of_tags(&self, tags: &[String]) -> Vec<(String, Span)> {
        let has = |seat: &&Seat| seat.tags.iter().any(|tag| tags.contains(tag));
        self.0.iter().filter(|(_, seat)| has(seat)).map(|(address, seat)| (address.clone(), seat.at)).collect()
    }

    /// One role for each host: it is the value of one label.
    fn is_simple(&self) -> bool {
        self.0.values().all(|seat| seat.roles.len() < 2)
    }

    /// The constraint that places a role.
    pub(super) fn role_constraint(&self, role: &str) -> String {
        if self.is_simple() {
            format!("host.labels.role == {role}")
        } else {
            format!("host.labels.role-{role} == true")
        }
    }

    /// The constraint that places an accessory.
    pub(super) fn accessory_constraint(&self, accessory: &str) -> String {
        let names = self.names();
        let here = |(_, seat): &(&String, &Seat)| seat.accessories.iter().any(|other| other == accessory);
        let mut found = self.0.iter().zip(&names).filter(|(seat, _)| here(seat)).map(|(_, name)| name);
        match (found.next(), found.next()) {
            (Some(only), None) => format!("host.name == {only}"),
            _ => format!("host.labels.accessory-{accessory} == true"),
        }
    }

    /// The manifest's `hosts`.
    pub(super) fn hosts(&self, user: &str, port: Option<&str>, at: Span) -> Node {
        let mut hosts = Node::new(at, crate::manifest::node::Kind::Map(IndexMap::new()));
        for ((address, seat), name) in self.0.iter().zip(self.names()) {
            let address = if address.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()) {
                format!("[{address}]")
            } else {
                address.clone()
            };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let mut host = tree::map(seat.at, [("ssh", tree::text(seat.at, &format!("{user}@{address}{port}")))]);
            for (label, value) in self.labels(seat) {
                tree::set(&mut host, &["labels", &label], tree::text(seat.at, &value));
            }
            tree::set(&mut hosts, &[&name], host);
        }
        hosts
    }

    fn labels(&self, seat: &Seat) -> Vec<(String, String)> {
        let mut labels = Vec::new();
        for role in &seat.roles {
            labels.push(if self.is_simple() {
                ("role".to_owned(), role.clone())
            } else {
                (format!("role-{role}"), "true".to_owned())
            });
        }
        for accessory in &seat.accessories {
            let is_named = self.accessory_constraint(accessory).starts_with("host.name");
            labels.extend((!is_named).then(|| (format!("accessory-{accessory}"), "true".to_owned())));
        }
        labels.extend(seat.tags.iter().map(|tag| (format!("tag-{tag}"), "true".to_owned())));
        labels
    }

    /// The first part of a host's name, or what it is for and a number.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut counts: IndexMap<&str, usize> = IndexMap::new();
        for (address, seat) in &self.0 {
            let purpose = seat.roles.first().or(seat.accessories.first()).map_or("host", String::as_str);
            let lower = address.to_lowercase();
            let short = lower.split('.').next().unwrap_or_default();
            let is_name = lower.parse::<IpAddr>().is_err() && short.parse::<HostName>().is_ok();
            let name = if is_name && !names.iter().any(|name| name == short) {
                short.to_owned()
            } else {
                let count = counts.entry(purpose).or_default();
                loop {
                    *count += 1;
                    let name = format!("{purpose}{count}");
                    if !names.contains(&name) {
                        break name;
                    }
                }
            };
            names.push(name);
        }
        names
    }
}
