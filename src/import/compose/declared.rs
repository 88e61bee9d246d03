//! The top-level `volumes`, `configs` and `secrets`.

use std::path::Path;

use crate::manifest::node::Node;

use super::super::tree;
use super::Compose;

impl Compose<'_> {
    /// Rewrites them all.
    pub(super) fn declared(&mut self) {
        self.named_volumes();
        self.configs();
        self.secrets();
    }

    fn section(&self, key: &str) -> Vec<(String, crate::manifest::node::Entry)> {
        let section = self.draft.tree.entry(key);
        let entries = section.into_iter().flat_map(|entry| tree::entries(&entry.value));
        entries.map(|(name, entry)| (name.to_owned(), entry.clone())).collect()
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
                let instead = format!("write it as templates/{name}.j2");
                self.draft.leave(&key, at, reason, instead);
                // What refers to it needs something to refer to.
                let template = self.draft.template(&format!("{name}.j2"), "");
                self.declare(&name, at, &template);
                continue;
            };
            let template = self.draft.template(&format!("{name}.j2"), &text);
            self.declare(&name, at, &template);
            let reason = format!("is now the template {}", template.display());
            self.draft.change(&key, at, reason, "`shipctl config render` shows it for every host");
        }
    }

    fn declare(&mut self, name: &str, at: crate::manifest::source::Span, template: &Path) {
        let value = tree::map(at, [("template", tree::text(at, &template.display().to_string()))]);
        tree::set(&mut self.draft.tree, &["configs", name], value);
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
