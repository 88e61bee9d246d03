//! `proxy`: how kamal-proxy asks for health is the gate. Traffic is not taken over.

use crate::duration;
use crate::manifest::node::{Kind, Node};
use crate::manifest::source::Span;

use super::super::tree;
use super::{Kamal, merge, point, seconds};

/// kamal-proxy's defaults.
const PORT: &str = "80";
const PATH: &str = "/up";
const INTERVAL: &str = "1s";
const TIMEOUT: &str = "5s";
/// How long Kamal watches a role without a proxy.
const READINESS: &str = "7s";

impl Kamal {
    /// The gate of a role. `own` is the role's own `proxy`.
    pub(super) fn gate(&mut self, service: &str, own: Option<&Node>, is_primary: bool, at: Span) {
        let is_proxied = match own.map(|own| (own, own.text())) {
            Some((_, Some(word))) => word == "true",
            Some((own, None)) => !own.is_null() || is_primary,
            None => is_primary,
        };
        let root = self.proxy.clone();
        if is_proxied {
            let empty = Node::new(at, Kind::Map(indexmap::IndexMap::new()));
            let proxy = root.unwrap_or(empty);
            let proxy = match own.filter(|own| matches!(own.kind, Kind::Map(_))) {
                Some(own) => merge(proxy, own.clone()),
                None => proxy,
            };
            self.http(service, &proxy, at);
        } else {
            let readiness = tree::at(&self.file, &["readiness_delay"]).map(seconds);
            let readiness = readiness.unwrap_or_else(|| tree::text(at, READINESS));
            let empty = Node::new(at, Kind::Map(indexmap::IndexMap::new()));
            self.put(service, &["health", "none"], empty);
            let time = |node: &Node| node.text().and_then(|text| duration::parse(text).ok());
            let deadline = tree::at(&self.file, &["deploy_timeout"]).map(seconds);
            if deadline.is_none_or(|deadline| time(&readiness) < time(&deadline)) {
                self.put(service, &["health", "min_healthy_time"], readiness);
            }
            let words = "As Kamal does: it runs for this long. `health: container` asks the image's own HEALTHCHECK.";
            self.draft.comment(format!("services.{service}.health"), words);
        }
        if let Some(deadline) = tree::at(&self.file, &["deploy_timeout"]).map(seconds) {
            self.put(service, &["health", "healthy_deadline"], deadline);
        }
    }

    /// A gate over HTTP, and the port that it asks, for a balancer.
    pub(super) fn http(&mut self, service: &str, proxy: &Node, at: Span) {
        let or = |path: &[&str], default: &str| {
            tree::at(proxy, path).filter(|node| !node.is_null()).cloned().unwrap_or_else(|| tree::text(at, default))
        };
        let port = tree::at(proxy, &["app_port"]).cloned().unwrap_or_else(|| tree::word(at, PORT));
        let published = format!("{0}:{0}", port.text().unwrap_or(PORT));
        self.put(service, &["health", "http", "port"], port.clone());
        self.put(service, &["health", "http", "path"], or(&["healthcheck", "path"], PATH));
        self.put(service, &["health", "interval"], seconds(&or(&["healthcheck", "interval"], INTERVAL)));
        self.put(service, &["health", "timeout"], seconds(&or(&["healthcheck", "timeout"], TIMEOUT)));
        // The place is that of the service: two that share a `proxy` may not both have the port.
        self.add(service, &["ports"], tree::text(point(at), &published));
        let words = "kamal-proxy reached this port inside the host; your balancer reaches it here.";
        self.draft.comment(format!("services.{service}.ports"), words);
    }

    /// Takes the root's `proxy` aside, and lists what is about traffic.
    pub(super) fn root_proxy(&mut self) {
        let proxy = self.section("proxy");
        self.leave_proxy("proxy", &proxy);
        self.proxy = Some(proxy);
    }

    /// Lists what of a `proxy` is about traffic, or not known.
    pub(super) fn leave_proxy(&mut self, path: &str, proxy: &Node) {
        for (key, entry) in tree::entries(proxy) {
            match key {
                "app_port" => {}
                "healthcheck" => {
                    let mut check = entry.value.clone();
                    for key in ["path", "interval", "timeout"] {
                        tree::take(&mut check, key);
                    }
                    self.leave_rest("proxy.healthcheck", &format!("{path}.healthcheck"), &check);
                }
                _ => {
                    let (reason, instead) = super::reasons::of("proxy", key);
                    self.draft.leave(format!("{path}.{key}"), entry.key, reason, instead);
                }
            }
        }
    }
}
