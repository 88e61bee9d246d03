//! `environment` and `env_file`: values that Compose takes from the machine that it runs on. Their names are translated,
//! their values are not copied, because they may be secret.

use std::sync::Arc;

use crate::manifest::dotenv;
use crate::manifest::node::{Kind, Node, pairs};
use crate::manifest::source::Source;

use super::super::tree;
use super::Compose;

impl Compose<'_> {
    /// Both keys of a service.
    pub(super) fn environment(&mut self, name: &str) {
        let inherited = self.env_files(name);
        for key in [&["environment"][..], &["build", "args"]] {
            self.pass_through(name, key);
        }
        let service = self.service(name);
        for (variable, at) in inherited {
            if tree::at(service, &["environment", &variable]).is_none() {
                let value = tree::text(at, &format!("${{{variable}}}"));
                tree::set(service, &["environment", &variable], value);
            }
        }
    }

    /// A variable without a value has that of the shell.
    fn pass_through(&mut self, name: &str, path: &[&str]) {
        let service = self.service(name);
        let Some(value) = tree::at(service, path) else { return };
        let mut map = match &value.kind {
            Kind::List(items) => match pairs(items) {
                Some(map) => map,
                None => return,
            },
            Kind::Map(map) => map.clone(),
            Kind::Scalar { .. } => return,
        };
        for (variable, entry) in &mut map {
            if entry.value.is_null() {
                entry.value = tree::text(entry.key, &format!("${{{variable}}}"));
            }
        }
        let node = Node::new(value.span, Kind::Map(map));
        tree::set(service, path, node);
    }

    /// The variables that files hold, by name.
    fn env_files(&mut self, name: &str) -> Vec<(String, crate::manifest::source::Span)> {
        let Some(entry) = tree::take(self.service(name), "env_file") else { return Vec::new() };
        let mut found = Vec::new();
        let files = match &entry.value.kind {
            Kind::List(items) => items.clone(),
            _ => vec![entry.value.clone()],
        };
        let key = format!("services.{name}.env_file");
        for file in &files {
            let Some(path) = file.text().or_else(|| tree::at(file, &["path"])?.text()) else {
                self.draft.leave(&key, file.span, "is not the name of a file", "write its variables as `environment`");
                continue;
            };
            let source = std::fs::read_to_string(self.input.folder.join(path)).ok();
            let source = source.map(|text| Source::new(path, text));
            let names = source.map(|source: Arc<Source>| dotenv::names(&source));
            let Some(names) = names else {
                let reason = format!("`{path}` is not there, or cannot be read");
                let instead =
                    "write its variables as `environment: { NAME: \"${NAME}\" }`, or `NAME: { secret: name }`";
                self.draft.leave(&key, file.span, reason, instead);
                continue;
            };
            let reason =
                format!("the variables of `{path}` are named under `environment`; their values were not copied");
            let instead = match path.trim_start_matches("./") {
                ".env" => "keep `.env` beside `environments/`, and out of version control; or".to_owned(),
                _ => {
                    format!("put the lines of `{path}` into `.env` beside `environments/`, or into the environment; or")
                }
            };
            let instead = format!("{instead} write what is secret as `NAME: {{ secret: name }}`");
            self.draft.change(&key, file.span, reason, instead);
            // A later file has the last word, and the value is looked up by name in any case.
            found.extend(names.into_iter().map(|variable| (variable, file.span)));
        }
        found
    }
}
