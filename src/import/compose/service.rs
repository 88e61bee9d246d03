//! The keys of a service whose meaning depends on where Compose runs, or whose words differ from ours.

use std::time::Duration;

use crate::duration;
use crate::manifest::node::{Kind, Node};

use super::super::{paths, tree};
use super::Compose;

/// What engines assume where a health check does not say it.
const INTERVAL: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;
/// The gate's own deadline.
const DEADLINE: Duration = Duration::from_mins(1);

impl Compose<'_> {
    /// Rewrites them all.
    pub(super) fn services(&mut self) {
        for name in self.names() {
            // Not a map: the manifest's reader says so.
            if !matches!(self.service(&name).kind, Kind::Map(_)) {
                continue;
            }
            let map = tree::as_map(self.service(&name));
            map.retain(|key, _| !key.starts_with("x-"));
            self.unknown(&name);
            self.environment(&name);
            self.build(&name);
            self.health(&name);
            self.capabilities(&name);
            self.replicas(&name);
            self.restart(&name);
            self.volumes(&name);
        }
    }

    /// Our own words mean nothing in a Compose file.
    fn unknown(&mut self, name: &str) {
        if let Some(entry) = tree::take(self.service(name), "health") {
            let key = format!("services.{name}.health");
            self.draft.leave(key, entry.key, "not a key of the Compose Specification", "use `healthcheck`");
        }
    }

    /// The context is beneath the project, which may be another folder than that of the file.
    fn build(&mut self, name: &str) {
        let Some(build) = tree::at(self.service(name), &["build"]).cloned() else { return };
        let path: &[&str] = if matches!(build.kind, Kind::Map(_)) { &["build", "context"] } else { &["build"] };
        let context = tree::at(self.service(name), path).cloned();
        let context = context.unwrap_or_else(|| tree::text(build.span, "."));
        let Some(text) = context.text().filter(|text| !text.contains("://") && !text.contains('$')) else { return };
        if let Some(beneath) = self.beneath(text) {
            let node = tree::text(context.span, &beneath);
            tree::set(self.service(name), path, node);
        } else if self.prefix.is_none() {
            let reason = "the context is beneath the project, which is not above this file";
            let instead = "write the project where the sources are, or correct the path";
            self.draft.change(format!("services.{name}.build"), context.span, reason, instead);
        }
    }

    /// A path as it is from the project's root; `None` where it leads out of it.
    pub(super) fn beneath(&self, text: &str) -> Option<String> {
        paths::beneath(self.prefix.as_deref()?, text)
    }

    /// The gate asks the container's health check, if it has one.
    fn health(&mut self, name: &str) {
        let service = self.service(name);
        let at = service.span;
        let check = tree::at(service, &["healthcheck"]).cloned();
        let is_off = check.as_ref().is_some_and(|check| {
            let test = tree::at(check, &["test"]);
            let first = test.and_then(|test| tree::items(test).first());
            let is_none = [test, first].into_iter().flatten().any(|word| word.text() == Some("NONE"));
            is_none || tree::at(check, &["disable"]).and_then(Node::text) == Some("true")
        });
        let key = format!("services.{name}.health");
        match check.filter(|_| !is_off) {
            Some(check) if tree::at(&check, &["test"]).is_some() => {
                let deadline = deadline(&check);
                if deadline > DEADLINE {
                    let value = tree::text(check.span, &duration::display(deadline));
                    tree::set(
                        service,
                        &["health", "container"],
                        Node::new(check.span, Kind::Map(indexmap::IndexMap::new())),
                    );
                    tree::set(service, &["health", "healthy_deadline"], value);
                    self.draft
                        .comment(key, "As long as the health check may take before it calls a container unhealthy.");
                } else {
                    tree::set(service, &["health"], tree::word(check.span, "container"));
                }
            }
            check => {
                let at = check.map_or(at, |check| check.span);
                tree::set(service, &["health"], tree::word(at, "none"));
                let words = "Passes once it runs. Better: { http: { port: 8080, path: /up } }, tcp, exec or container.";
                self.draft.comment(&key, words);
                let at = tree::at(&self.draft.tree, &["services"]).map_or(at, |services| {
                    tree::entries(services).find(|(other, _)| *other == name).map_or(at, |(_, entry)| entry.key)
                });
                let reason = "the service has no health check, so that a container passes as soon as it runs";
                let instead = "write `health: { http: { port: …, path: … } }`, or `tcp`, `exec` or `container`";
                self.draft.change(key, at, reason, instead);
            }
        }
    }

    /// Engines take them in any case; we in capitals.
    fn capabilities(&mut self, name: &str) {
        for key in ["cap_add", "cap_drop"] {
            let Some(list) = tree::at(self.service(name), &[key]).cloned() else { continue };
            let upper = |item: &Node| match item.text() {
                Some(text) => tree::text(item.span, &text.to_uppercase()),
                None => item.clone(),
            };
            if let Kind::List(items) = &list.kind {
                let items: Vec<Node> = items.iter().map(upper).collect();
                tree::set(self.service(name), &[key], tree::list(list.span, items));
            }
        }
    }

    /// One container per service and host.
    fn replicas(&mut self, name: &str) {
        for path in [&["scale"][..], &["deploy", "replicas"], &["deploy", "mode"]] {
            let Some((last, above)) = path.split_last() else { continue };
            let Some(parent) = at_mut(self.service(name), above) else { continue };
            let Some(entry) = tree::take(parent, last) else { continue };
            // What happens in any case is not missed.
            let is_so = match entry.value.text() {
                Some(text) => matches!(text, "1" | "replicated" | "global"),
                None => entry.value.is_null(),
            };
            if !is_so {
                let key = format!("services.{name}.{}", path.join("."));
                let reason = "so many ran on one machine; here every host runs one";
                let instead = "write `deploy: { replicas: … }`, and ports as a range such as `8080-8089:80`";
                self.draft.leave(key, entry.key, reason, instead);
            }
        }
    }

    /// Swarm's word for `restart`.
    fn restart(&mut self, name: &str) {
        let service = self.service(name);
        let Some(deploy) = at_mut(service, &["deploy"]) else { return };
        let Some(entry) = tree::take(deploy, "restart_policy") else { return };
        let word = |key: &str| tree::at(&entry.value, &[key]).and_then(Node::text).map(str::to_owned);
        let policy = match (word("condition").as_deref(), word("max_attempts")) {
            (Some("none"), _) => "no".to_owned(),
            (Some("on-failure"), Some(most)) => format!("on-failure:{most}"),
            (Some("on-failure"), None) => "on-failure".to_owned(),
            _ => "always".to_owned(),
        };
        if tree::at(service, &["restart"]).is_none() {
            tree::set(service, &["restart"], tree::text(entry.value.span, &policy));
        }
        for (key, timing) in tree::entries(&entry.value).filter(|(key, _)| matches!(*key, "delay" | "window")) {
            let key = format!("services.{name}.deploy.restart_policy.{key}");
            let reason = "the engine waits longer from attempt to attempt by itself";
            self.draft.leave(key, timing.key, reason, "nothing");
        }
    }
}

/// When the engine itself would call the container unhealthy.
fn deadline(check: &Node) -> Duration {
    let time = |key, default| {
        let text = tree::at(check, &[key]).and_then(Node::text);
        text.and_then(|text| duration::parse(text).ok()).unwrap_or(default)
    };
    let retries = tree::at(check, &["retries"]).and_then(Node::text).and_then(|text| text.parse().ok());
    let round = time("interval", INTERVAL) + time("timeout", INTERVAL);
    time("start_period", Duration::ZERO) + round * retries.unwrap_or(RETRIES).min(100)
}

/// The value beneath these keys, to be changed.
pub(super) fn at_mut<'n>(node: &'n mut Node, path: &[&str]) -> Option<&'n mut Node> {
    path.iter().try_fold(node, |node, key| match &mut node.kind {
        Kind::Map(map) => map.get_mut(*key).map(|entry| &mut entry.value),
        _ => None,
    })
}
