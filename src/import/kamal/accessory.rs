//! `accessories`: services on the hosts that they are named for, which roles find by the name that they had.

use std::path::Path;

use crate::manifest::node::{Kind, Node};
use crate::manifest::source::Span;

use super::super::compose::on_the_hub;
use super::super::tree;
use super::{Kamal, one_or_more, point};

impl Kamal {
    /// All of them.
    pub(super) fn accessories(&mut self) {
        let section = self.section("accessories");
        let mut placed = Vec::new();
        for (name, entry) in tree::entries(&section) {
            let (path, mut node) = (format!("accessories.{name}"), entry.value.clone());
            let Some(service) = self.service_name(&path, name, entry.key) else { continue };
            if tree::at(&self.draft.tree, &["services", &service]).is_some() {
                self.draft.leave(path, entry.key, "a role has this name already", "write it under another name");
                continue;
            }
            let hosts = self.hosts_of(&mut node);
            if hosts.is_empty() {
                self.draft.leave(
                    path,
                    entry.key,
                    "no host is named for it",
                    "write it as a service, with a constraint",
                );
                continue;
            }
            for (address, at) in hosts {
                self.fleet.accessory(&address, at, name);
            }
            placed.push((name.to_owned(), service, entry.key, node));
        }
        // Where an accessory is placed depends on all hosts.
        for (name, service, at, node) in placed {
            self.accessory(&name, &service, at, node);
        }
    }

    fn hosts_of(&mut self, node: &mut Node) -> Vec<(String, Span)> {
        let mut texts = |key: &str| -> Vec<(String, Span)> {
            let entry = tree::take(node, key);
            let items = entry.iter().flat_map(|entry| one_or_more(&entry.value));
            items.filter_map(|item| Some((item.text()?.to_owned(), item.span))).collect()
        };
        let mut hosts = texts("host");
        hosts.extend(texts("hosts"));
        let bare = |texts: Vec<(String, Span)>| texts.into_iter().map(|(text, _)| text).collect::<Vec<_>>();
        let (roles, tags) = ([texts("role"), texts("roles")].concat(), [texts("tag"), texts("tags")].concat());
        hosts.extend(self.fleet.of_roles(&bare(roles)));
        hosts.extend(self.fleet.of_tags(&bare(tags)));
        hosts
    }

    fn accessory(&mut self, name: &str, service: &str, at: Span, mut node: Node) {
        let path = format!("accessories.{name}");
        self.begin(service, at);
        if let Some(image) = tree::take(&mut node, "image") {
            let text = image.value.text().unwrap_or_default();
            let full = on_the_hub(text).unwrap_or_else(|| text.to_owned());
            self.put(service, &["image"], tree::text(image.value.span, &full));
        }
        if let Some(command) = tree::take(&mut node, "cmd") {
            self.put(service, &["command"], command.value);
        }
        if let Some(port) = tree::take(&mut node, "port") {
            let text = port.value.text().unwrap_or_default();
            let text = if text.contains(':') { text.to_owned() } else { format!("{text}:{text}") };
            self.add(service, &["ports"], tree::text(port.value.span, &text));
        }
        if let Some(env) = tree::take(&mut node, "env") {
            self.environment(service, &format!("{path}.env"), &env.value);
        }
        if let Some(labels) = tree::take(&mut node, "labels") {
            self.labels(service, &labels.value);
        }
        let own = tree::take(&mut node, "service").and_then(|entry| entry.value.text().map(str::to_owned));
        let container = own.unwrap_or_else(|| format!("{}-{name}", self.service));
        self.files(service, &path, &mut node);
        self.directories(service, &path, &container, &mut node);
        for (index, volume) in
            tree::take(&mut node, "volumes").iter().flat_map(|entry| one_or_more(&entry.value)).enumerate()
        {
            self.volume(service, &format!("{path}.volumes[{index}]"), &volume);
        }
        match tree::take(&mut node, "proxy").filter(|entry| matches!(entry.value.kind, Kind::Map(_))) {
            Some(proxy) => {
                self.http(service, &proxy.value, at);
                self.leave_proxy(&format!("{path}.proxy"), &proxy.value);
            }
            None => self.put(service, &["health"], tree::word(at, "none")),
        }
        if let Some(options) = tree::take(&mut node, "options") {
            self.options(service, &format!("{path}.options"), &options.value);
        }
        if container != service {
            self.add(service, &["networks", "default", "aliases"], tree::text(point(at), &container.to_lowercase()));
            let words = "The name by which roles on the same host found it under Kamal.";
            self.draft.comment(format!("services.{service}.networks"), words);
        }
        let constraint = self.fleet.accessory_constraint(name);
        self.place(service, &constraint, at);
        let reason =
            "is a service: a deploy replaces it when something of it has changed, and leaves it alone otherwise";
        self.draft.change(&path, at, reason, "stop Kamal's own container before the first deploy");
        self.leave_rest("accessories", &path, &node);
    }

    /// Files that Kamal copies to the host.
    fn files(&mut self, service: &str, path: &str, node: &mut Node) {
        let files = tree::take(node, "files");
        for (index, file) in files.iter().flat_map(|entry| one_or_more(&entry.value)).enumerate() {
            let key = format!("{path}.files[{index}]");
            let text = file.text().unwrap_or_default();
            let (local, target) = text.split_once(':').unwrap_or((text, ""));
            let target = target.split(':').next().unwrap_or_default();
            let content = std::fs::read_to_string(self.folder.join(local)).ok();
            let base = Path::new(local).file_name().and_then(|name| name.to_str()).unwrap_or("file").to_owned();
            let is_erb = Path::new(local).extension().is_some_and(|extension| extension == "erb");
            let (Some(content), false) = (content.filter(|content| !content.contains("endraw")), is_erb) else {
                let reason = if is_erb {
                    "ERB is not evaluated".to_owned()
                } else {
                    format!("`{local}` is not there, or is no text")
                };
                let instead = format!("write templates/{service}/{base}.j2, and name it under `configs`");
                self.draft.leave(key, file.span, reason, instead);
                continue;
            };
            let template = self.draft.template(&format!("{service}/{base}.j2"), &content).display().to_string();
            let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
            let config = format!("{service}_{}", base.chars().map(plain).collect::<String>());
            let value = tree::text(file.span, &template);
            tree::set(&mut self.draft.tree, &["configs", &config, "template"], value);
            let entry = [("source", tree::text(file.span, &config)), ("target", tree::text(file.span, target))];
            self.add(service, &["configs"], tree::map(file.span, entry));
        }
    }

    /// Folders that Kamal makes beneath the home of whoever logs in.
    fn directories(&mut self, service: &str, path: &str, container: &str, node: &mut Node) {
        let home = if self.user == "root" { "/root".to_owned() } else { format!("/home/{}", self.user) };
        let directories = tree::take(node, "directories");
        for (index, item) in directories.iter().flat_map(|entry| one_or_more(&entry.value)).enumerate() {
            let key = format!("{path}.directories[{index}]");
            let word = |key: &str| tree::at(&item, &[key]).and_then(Node::text);
            let pair = item.text().and_then(|text| text.split_once(':'));
            let Some((local, remote)) = pair.or_else(|| Some((word("local")?, word("remote")?))) else {
                self.draft.leave(key, item.span, "is not a folder and its place", "write it under `volumes`");
                continue;
            };
            let full = if local.starts_with('/') { local.to_owned() } else { format!("{home}/{container}/{local}") };
            self.add(service, &["volumes"], tree::text(item.span, &format!("{full}:{remote}")));
            let reason = format!("is {full}, where Kamal has put it if `{}` lives in {home}", self.user);
            self.draft.change(key, item.span, reason, "look on the host, and correct the path if it is another one");
        }
    }
}
