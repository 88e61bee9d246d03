//! `volumes` of a service: what is mounted from the folder of the file is on no host.

use std::path::Path;

use crate::manifest::node::{Kind, Node};
use crate::manifest::short;

use super::super::tree;
use super::Compose;

/// A file larger than this is no configuration.
const LARGEST: u64 = 256 * 1024;

impl Compose<'_> {
    /// Drops options that only matter elsewhere, and turns files of the folder into configs.
    pub(super) fn volumes(&mut self, name: &str) {
        let Some(list) = tree::at(self.service(name), &["volumes"]).cloned() else { return };
        let mut kept = Vec::new();
        for (index, item) in tree::items(&list).iter().enumerate() {
            let key = format!("services.{name}.volumes[{index}]");
            kept.extend(self.volume(name, &key, item));
        }
        if matches!(list.kind, Kind::List(_)) {
            if kept.is_empty() {
                tree::take(self.service(name), "volumes");
            } else {
                tree::set(self.service(name), &["volumes"], tree::list(list.span, kept));
            }
        }
    }

    fn volume(&mut self, name: &str, key: &str, item: &Node) -> Option<Node> {
        let (source, target) = match (&item.kind, item.text()) {
            // What is with variables is for the manifest's reader.
            (_, Some(text)) if text.contains('$') => return Some(item.clone()),
            (_, Some(text)) => match short::volume(text) {
                short::VolumeText { source: Some(source), target, .. } => (source.to_owned(), target.to_owned()),
                _ => return Some(item.clone()),
            },
            (Kind::Map(_), None) => {
                let word = |key| tree::at(item, &[key]).and_then(Node::text).map(str::to_owned);
                let bind = word("type").is_some_and(|kind| kind == "bind");
                match (word("source").filter(|_| bind), word("target")) {
                    (Some(source), Some(target)) => (source, target),
                    _ => return Some(item.clone()),
                }
            }
            _ => return Some(item.clone()),
        };
        if !source.starts_with('.') && !source.starts_with('~') && !source.contains('/') || source.starts_with('/') {
            return Some(self.without_options(key, item));
        }
        if self.becomes_config(name, key, item, &source, &target) {
            return None;
        }
        let reason = format!("`{source}` is a folder beside the file, which no host has");
        let instead = "build it into the image, mount an absolute path of the hosts, or make it a volume";
        self.draft.leave(key, item.span, reason, instead);
        None
    }

    /// A file that is mounted is configuration, which is copied into the container.
    fn becomes_config(&mut self, name: &str, key: &str, item: &Node, source: &str, target: &str) -> bool {
        let Some(base) = self.config(Path::new(source)) else { return false };
        let at = item.span;
        let path = self.draft.template(&format!("{name}/{base}.j2"), &self.text_of(source));
        let config: String = base.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let config = format!("{name}_{}", config.to_lowercase());
        tree::set(&mut self.draft.tree, &["configs", &config, "template"], tree::text(at, &path.display().to_string()));
        let entry = tree::map(at, [("source", tree::text(at, &config)), ("target", tree::text(at, target))]);
        tree::push(self.service(name), &["configs"], entry);
        let reason = format!("`{source}` is now a template, {}, and a config of the service", path.display());
        self.draft.change(key, at, reason, "the container gets a copy, which it cannot change for the host");
        true
    }

    fn text_of(&self, source: &str) -> String {
        std::fs::read_to_string(self.input.folder.join(source)).unwrap_or_default()
    }

    /// The name of a small text file.
    pub(super) fn config(&self, source: &Path) -> Option<String> {
        let path = self.input.folder.join(source);
        let data = std::fs::metadata(&path).ok().filter(|data| data.is_file() && data.len() <= LARGEST);
        let text = data.and_then(|_| std::fs::read_to_string(&path).ok())?;
        if text.contains("endraw") {
            return None;
        }
        source.file_name()?.to_str().map(str::to_owned)
    }

    /// `ro` and `rw` are kept; the rest is for hosts that label files, or for Docker Desktop.
    fn without_options(&mut self, key: &str, item: &Node) -> Node {
        let Some((parts, options)) = item.text().and_then(|text| {
            let parts = short::volume(text);
            Some((parts.source?, parts.target, parts.options?))
                .map(|(source, target, options)| ((source, target), options))
        }) else {
            return item.clone();
        };
        let (kept, left): (Vec<&str>, Vec<&str>) =
            options.split(',').partition(|option| matches!(*option, "ro" | "rw"));
        if left.is_empty() {
            return item.clone();
        }
        let reason = format!("`{}` is not an option of a volume here; the volume was kept", left.join(","));
        self.draft.leave(key, item.span, reason, "on a host with SELinux, label the path by hand");
        let (source, target) = parts;
        let options = kept.first().map(|option| format!(":{option}")).unwrap_or_default();
        tree::text(item.span, &format!("{source}:{target}{options}"))
    }
}
