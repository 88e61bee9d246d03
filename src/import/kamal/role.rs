//! `servers`: one service per role, on the hosts of the role.

use crate::manifest::node::{Kind, Node};
use crate::manifest::source::Span;

use super::super::tree;
use super::{Kamal, PRIMARY, one_or_more, seconds};

/// A role before its hosts have names.
struct Role {
    name: String,
    service: String,
    at: Span,
    node: Node,
}

impl Kamal {
    /// All roles, and the keys at the top that hold for each of them.
    pub(super) fn roles(&mut self) {
        self.root_proxy();
        let servers = tree::take(&mut self.file, "servers");
        let mut roles = Vec::new();
        if let Some(entry) = servers {
            if let Kind::Map(_) = entry.value.kind {
                for (name, role) in tree::entries(&entry.value) {
                    roles.extend(self.role(name, &format!("servers.{name}"), role.key, role.value.clone()));
                }
            } else {
                roles.extend(self.role(PRIMARY, "servers", entry.key, entry.value.clone()));
            }
        }
        let primary = tree::take(&mut self.file, "primary_role");
        let primary = primary.and_then(|entry| entry.value.text().map(str::to_owned));
        let primary = primary.unwrap_or_else(|| PRIMARY.to_owned());
        for role in &roles {
            self.service(role, role.name == primary);
        }
        for key in ["env", "labels", "volumes", "logging", "boot"] {
            tree::take(&mut self.file, key);
        }
        for key in ["stop_timeout", "drain_timeout", "deploy_timeout", "readiness_delay"] {
            tree::take(&mut self.file, key);
        }
    }

    /// Notes the hosts of a role; `None` where it has none.
    fn role(&mut self, name: &str, path: &str, at: Span, mut node: Node) -> Option<Role> {
        let hosts = match &node.kind {
            Kind::Map(_) => tree::take(&mut node, "hosts").map(|entry| entry.value),
            _ => Some(std::mem::replace(&mut node, Node::new(at, Kind::Map(indexmap::IndexMap::new())))),
        };
        let service = self.service_name(path, name, at)?;
        let mut count = 0;
        for host in hosts.iter().flat_map(one_or_more) {
            let (address, tags) = match host.text() {
                Some(address) => (Some(address.to_owned()), Vec::new()),
                // An address with tags.
                None => match tree::entries(&host).next() {
                    Some((address, entry)) => {
                        let tags = one_or_more(&entry.value);
                        (Some(address.to_owned()), tags.iter().filter_map(Node::text).map(str::to_owned).collect())
                    }
                    None => (None, Vec::new()),
                },
            };
            if let Some(address) = address {
                self.fleet.role(&address, host.span, name, tags);
                count += 1;
            }
        }
        if count == 0 {
            self.draft.leave(path, at, "the role has no hosts", "write it as a service, with a constraint");
            return None;
        }
        Some(Role { name: name.to_owned(), service, at, node })
    }

    fn service(&mut self, role: &Role, is_primary: bool) {
        let Role { name, service, at, node } = role;
        let (service, mut node) = (service.as_str(), node.clone());
        let path = format!("servers.{name}");
        self.begin(service, *at);
        let aside = |this: &Self, key: &str| tree::at(&this.file, &[key]).cloned();
        for (key, value) in [("image", self.image.clone()), ("build", self.build.clone())] {
            if let Some(value) = value {
                self.put(service, &[key], value);
            }
        }
        if let Some(command) = tree::take(&mut node, "cmd") {
            self.put(service, &["command"], command.value);
        }
        for (env, path) in [
            (aside(self, "env"), "env".to_owned()),
            (tree::take(&mut node, "env").map(|entry| entry.value), format!("{path}.env")),
        ] {
            if let Some(env) = env {
                self.environment(service, &path, &env);
            }
        }
        let own = tree::take(&mut node, "labels").map(|entry| entry.value);
        for labels in [aside(self, "labels"), own].into_iter().flatten() {
            self.labels(service, &labels);
        }
        for (index, volume) in aside(self, "volumes").iter().flat_map(one_or_more).enumerate() {
            self.volume(service, &format!("volumes[{index}]"), &volume);
        }
        let own = tree::take(&mut node, "proxy").map(|entry| entry.value);
        self.gate(service, own.as_ref(), is_primary, *at);
        if let Some(own) = &own {
            self.leave_proxy(&format!("{path}.proxy"), own);
        }
        let stop = tree::take(&mut node, "stop_timeout").map(|entry| entry.value);
        let stop = stop.or_else(|| aside(self, "stop_timeout")).or_else(|| aside(self, "drain_timeout"));
        if let Some(stop) = stop {
            self.put(service, &["stop_grace_period"], seconds(&stop));
        }
        let logging = tree::take(&mut node, "logging").map(|entry| entry.value);
        if let Some(logging) = logging.or_else(|| aside(self, "logging")) {
            self.logging(service, &logging);
        }
        if let Some(options) = tree::take(&mut node, "options") {
            self.options(service, &format!("{path}.options"), &options.value);
        }
        let constraint = self.fleet.role_constraint(name);
        self.place(service, &constraint, *at);
        self.boot(service);
        self.leave_rest("servers", &path, &node);
    }

    /// How many hosts at a time, and how long between them.
    fn boot(&mut self, service: &str) {
        let Some(mut boot) = tree::at(&self.file, &["boot"]).cloned() else { return };
        if let Some(limit) = tree::take(&mut boot, "limit") {
            self.put(service, &["deploy", "update_config", "parallelism"], limit.value);
        }
        if let Some(wait) = tree::take(&mut boot, "wait") {
            self.put(service, &["deploy", "update_config", "delay"], seconds(&wait.value));
        }
        self.leave_rest("boot", "boot", &boot);
    }
}
