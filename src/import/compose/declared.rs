//! The top-level `volumes`, `configs` and `secrets`.

use std::path::Path;

use crate::manifest::node::Node;

use super::super::tree;
use super::Compose;

impl Compose<'_> {
    /// Rewrites them all.
    pub(super) fn declared(&mut self) {
        self.external();
        self.named_volumes();
        self.configs();
        self.secrets();
    }

    fn section(&self, key: &str) -> Vec<(String, crate::manifest::node::Entry)> {
        let section = self.draft.tree.entry(key);
        let entries = section.into_iter().flat_map(|entry| tree::entries(&entry.value));
        entries.map(|(name, entry)| (name.to_owned(), entry.clone())).collect()
    }

    /// What somebody else has made has a name, and nothing besides; overlay networks are Swarm's.
    fn external(&mut self) {
        for section in ["networks", "volumes"] {
            for (name, entry) in self.section(section) {
                let word = |path: &[&str]| tree::at(&entry.value, path).and_then(Node::text).map(str::to_owned);
                let external = tree::at(&entry.value, &["external"]);
                let is_external = external.is_some_and(|node| node.text() != Some("false"));
                let mut value = entry.value.clone();
                for (key, other) in tree::entries(&entry.value) {
                    let is_overlay = key == "driver" && other.value.text() == Some("overlay");
                    let is_more = is_external && !matches!(key, "external" | "name");
                    if is_more || is_overlay {
                        tree::take(&mut value, key);
                        let reason = if is_overlay {
                            "overlay networks are Swarm's: each host has a network of its own"
                        } else {
                            "what somebody else makes is not described"
                        };
                        self.draft.leave(format!("{section}.{name}.{key}"), other.key, reason, "nothing");
                    }
                }
                // The old form: `external: { name: … }`.
                if let Some(full) = word(&["external", "name"]) {
                    tree::set(&mut value, &["name"], tree::text(entry.key, &full));
                    tree::set(&mut value, &["external"], tree::word(entry.key, "true"));
                }
                tree::set(&mut self.draft.tree, &[section, &name], value);
            }
        }
    }

    /// Compose put its project before the name; we put project and environment.
    fn named_volumes(&mut self) {
        let project = tree::at(&self.draft.tree, &["project"]).and_then(Node::text).unwrap_or_default().to_owned();
        let environment = self.wishes.environment.clone();
        for (name, entry) in self.section("volumes") {
            if tree::at(&entry.value, &["name"]).is_none() && tree::at(&entry.value, &["external"]).is_none() {
                let reason = format!("is {project}-{environment}_{name} on a host, no longer {project}_{name}");
                let instead = format!("where the data of Compose is to be used, add `name: {project}_{name}`");
                self.draft.change(format!("volumes.{name}"), entry.key, reason, instead);
            }
        }
    }

    /// Files become templates.
    fn configs(&mut self) {
        for (name, entry) in self.section("configs") {
            let at = entry.key;
            let word = |key| tree::at(&entry.value, &[key]).and_then(Node::text).map(str::to_owned);
            let key = format!("configs.{name}");
            let (file, content) = (word("file"), word("content"));
            let text = match &file {
                Some(path) => self
                    .config(Path::new(path))
                    .and_then(|_| std::fs::read_to_string(self.input.folder.join(path)).ok()),
                // Compose puts variables into it; a template has none of those.
                None => content.filter(|content| !content.contains('$')),
            };
            let Some(text) = text else {
                let reason = match file {
                    Some(path) => format!("`{path}` is not there, or is no text"),
                    None => "its content is not in a file".to_owned(),
                };
                let instead =
                    format!("write it as templates/{name}.j2, and name it again in the services that have it");
                self.draft.leave(&key, at, reason, instead);
                if let Some(configs) = tree::as_map(&mut self.draft.tree).get_mut("configs") {
                    tree::take(&mut configs.value, &name);
                }
                self.go_without(&name);
                continue;
            };
            let template = self.draft.template(&format!("{name}.j2"), &text);
            let value = tree::map(at, [("template", tree::text(at, &template.display().to_string()))]);
            tree::set(&mut self.draft.tree, &["configs", &name], value);
            let reason = format!("is now the template {}", template.display());
            self.draft.change(&key, at, reason, "`shipctl config render` shows it for every host");
        }
    }

    /// Takes a config out of every service.
    fn go_without(&mut self, config: &str) {
        for name in self.names() {
            let service = self.service(&name);
            let Some(list) = tree::at(service, &["configs"]).cloned() else { continue };
            let is_other = |item: &&Node| {
                let source = item.text().or_else(|| tree::at(item, &["source"])?.text());
                source != Some(config)
            };
            let kept: Vec<Node> = tree::items(&list).iter().filter(is_other).cloned().collect();
            if kept.is_empty() {
                tree::take(service, "configs");
            } else {
                tree::set(service, &["configs"], tree::list(list.span, kept));
            }
        }
    }

    /// Files are beneath the project; what somebody else keeps comes from the environment.
    fn secrets(&mut self) {
        for (name, entry) in self.section("secrets") {
            let at = entry.key;
            if let Some(file) = tree::at(&entry.value, &["file"]).cloned() {
                let beneath = file.text().filter(|text| !text.contains('$')).and_then(|text| self.beneath(text));
                if let Some(path) = beneath {
                    tree::set(&mut self.draft.tree, &["secrets", &name, "file"], tree::text(file.span, &path));
                }
            } else if tree::at(&entry.value, &["external"]).is_some() {
                let variable = name.to_uppercase().replace(['-', '.'], "_");
                let value = tree::map(at, [("environment", tree::text(at, &variable))]);
                tree::set(&mut self.draft.tree, &["secrets", &name], value);
                let reason = format!("its value was kept by Swarm, and is now that of the variable {variable}");
                let instead = "set it where you deploy, or write `file` or `command`";
                self.draft.change(format!("secrets.{name}"), at, reason, instead);
            }
        }
    }
}
