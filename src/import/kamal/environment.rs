//! `env`: variables of the container, clear ones and secret ones.

use crate::manifest::node::{Kind, Node};

use super::super::tree;
use super::Kamal;

/// Images whose programs read `<NAME>_FILE`, and how the names of such variables begin.
const FILES: [(&str, &str); 4] =
    [("postgres", "POSTGRES_"), ("mysql", "MYSQL_"), ("mariadb", "M"), ("mongo", "MONGO_INITDB_")];

impl Kamal {
    /// The environment of a service. `path` is where Kamal's file has it.
    pub(super) fn environment(&mut self, service: &str, path: &str, env: &Node) {
        let is_sorted = ["clear", "secret", "tags"].iter().any(|key| env.entry(key).is_some());
        let clear = if is_sorted { tree::at(env, &["clear"]).cloned() } else { Some(env.clone()) };
        for (name, entry) in clear.iter().flat_map(tree::entries) {
            let value = if entry.value.is_null() { tree::text(entry.key, "") } else { entry.value.clone() };
            self.put(service, &["environment", name], value);
        }
        if let Some(secret) = tree::at(env, &["secret"]).cloned() {
            self.secrets(service, &secret);
        }
        if let Some(tags) = env.entry("tags") {
            let (reason, instead) = super::reasons::of("env", "tags");
            self.draft.leave(format!("{path}.tags"), tags.key, reason, instead);
        }
    }

    /// `NAME`, or `NAME:NAME_OF_THE_SECRET`. Where the image's program reads a file instead, a file is better.
    fn secrets(&mut self, service: &str, secret: &Node) {
        let image = tree::at(&self.draft.tree, &["services", service, "image"]).and_then(Node::text);
        let prefix = image.and_then(file_variables);
        for item in tree::items(secret) {
            let Some(text) = item.text() else { continue };
            let (name, source) = text.split_once(':').unwrap_or((text, text));
            let (name, source) = (name.trim().to_owned(), source.trim().to_owned());
            let declared = self.secret(&source, item.span);
            if !prefix.is_some_and(|prefix| name.starts_with(prefix)) {
                let value = tree::map(item.span, [("secret", tree::text(item.span, &declared))]);
                self.put(service, &["environment", &name], value);
                continue;
            }
            // Not only for root: programs often run as a user of their own, who could read a variable too.
            let file = [
                ("source", tree::text(item.span, &declared)),
                ("target", tree::text(item.span, &name)),
                ("mode", tree::word(item.span, "0444")),
            ];
            self.add(service, &["secrets"], tree::map(item.span, file));
            let value = tree::text(item.span, &format!("/run/secrets/{name}"));
            self.put(service, &["environment", &format!("{name}_FILE")], value);
        }
    }

    /// `labels`, for a map of them.
    pub(super) fn labels(&mut self, service: &str, labels: &Node) {
        for (name, entry) in tree::entries(labels) {
            self.put(service, &["labels", name], entry.value.clone());
        }
    }

    /// `logging`.
    pub(super) fn logging(&mut self, service: &str, logging: &Node) {
        if matches!(logging.kind, Kind::Map(_)) {
            self.put(service, &["logging"], logging.clone());
        }
    }

    /// A mount: a path of the host, or a volume that keeps the name that it has there.
    pub(super) fn volume(&mut self, service: &str, key: &str, item: &Node) {
        let text = item.text().unwrap_or_default();
        let source = text.split(':').next().unwrap_or_default().to_owned();
        if !text.contains(':')
            || source.starts_with(['.', '~', '$'])
            || !source.starts_with('/') && source.contains('/')
        {
            let reason = "is beneath the folder of whoever logs in on the host";
            self.draft.leave(key, item.span, reason, "write the absolute path");
            return;
        }
        if !source.starts_with('/') {
            tree::set(&mut self.draft.tree, &["volumes", &source, "name"], tree::text(item.span, &source));
        }
        self.add(service, &["volumes"], item.clone());
    }
}

/// How the names of variables begin for which the image's program reads a file.
fn file_variables(image: &str) -> Option<&'static str> {
    let name = image.rsplit('/').next().unwrap_or(image);
    let name = name.split([':', '@']).next().unwrap_or(name);
    FILES.iter().find(|(known, _)| *known == name).map(|(_, prefix)| *prefix)
}
