//! A Compose file → a project. Its services are written in our own words already, so that most of it stays as it is;
//! what is rewritten here is what Compose takes from the machine that it runs on: files, folders and variables.

use crate::manifest::merge;
use crate::manifest::node::{Kind, Node};
use crate::manifest::source::Sources;
use crate::name::ProjectName;

use super::draft::Draft;
use super::settle::{self, Words};
use super::{ImportError, Imported, Input, Wishes, paths, project_of, tree};

mod declared;
mod environment;
mod images;
mod order;
mod reasons;
mod service;
mod volumes;

pub(super) use images::on_the_hub;

/// Translates a Compose file.
///
/// # Errors
/// What is not YAML, and what leaves nothing to deploy.
pub fn import(input: &Input, wishes: &Wishes<'_>) -> Result<Imported, ImportError> {
    let mut sources = Sources::default();
    let file = input.parse(&mut sources)?;
    let mut draft = Draft::new(sources, file.span);
    draft.tree = file;
    let mut compose = Compose { draft, input, wishes, prefix: paths::prefix(&input.folder, wishes.root) };
    compose.top();
    compose.extend();
    compose.leave_profiles();
    compose.declared();
    compose.services();
    compose.share_builds();
    order::sort(&mut compose.draft);
    compose.fleet();
    let header = format!("Made from {} by `shipctl import compose`.", input.name);
    let words = Words { header, reason: reasons::of, key: &settle::same_key };
    settle::finish(compose.draft, &wishes.environment, &words)
}

/// A Compose file on its way.
struct Compose<'i> {
    draft: Draft,
    input: &'i Input,
    wishes: &'i Wishes<'i>,
    /// From the project's root to the folder of the file; `None` where that is not beneath it.
    prefix: Option<std::path::PathBuf>,
}

impl Compose<'_> {
    /// Keys at the top that are not sections.
    fn top(&mut self) {
        let span = self.draft.tree.span;
        let name = tree::take(&mut self.draft.tree, "name");
        let named = name.as_ref().and_then(|entry| entry.value.text()?.parse::<ProjectName>().ok());
        if let (Some(entry), None) = (&name, &named) {
            self.draft.leave("name", entry.key, "is not the name of a project", "correct `project`");
        }
        let at = name.map_or(span, |entry| entry.value.span);
        let project = named.map_or_else(|| project_of(&self.input.folder), |name| name.to_string());
        tree::set(&mut self.draft.tree, &["project"], tree::text(at, &project));
        let map = tree::as_map(&mut self.draft.tree);
        // Anchors have been followed; what else stands in them is for other programs.
        map.retain(|key, _| !key.starts_with("x-"));
        for key in ["project", "hosts", "registry", "images", "builder", "keep_releases", "extends"] {
            if key != "project"
                && let Some(entry) = tree::take(&mut self.draft.tree, key)
            {
                self.draft.leave(key, entry.key, "not a key of the Compose Specification", "nothing");
            }
        }
    }

    /// Names of the services, in order.
    fn names(&self) -> Vec<String> {
        let services = self.draft.tree.entry("services");
        services.into_iter().flat_map(|entry| tree::entries(&entry.value)).map(|(name, _)| name.to_owned()).collect()
    }

    fn service(&mut self, name: &str) -> &mut Node {
        let entry = tree::as_map(&mut self.draft.tree).get_mut("services");
        let entry = entry.and_then(|entry| tree::as_map(&mut entry.value).get_mut(name));
        entry.map_or_else(|| unreachable!("the service is one of `names`"), |entry| &mut entry.value)
    }

    /// `extends` within the file: what the other service says lies below.
    fn extend(&mut self) {
        for name in self.names() {
            // A chain is as long as there are services, and a circle is not followed for ever.
            for _ in 0..self.names().len() {
                let Some(entry) = tree::take(self.service(&name), "extends") else { break };
                let other = entry.value.text().or_else(|| tree::at(&entry.value, &["service"])?.text());
                let is_here = entry.value.entry("file").is_none();
                let base = other.and_then(|other| tree::at(&self.draft.tree, &["services", other])).cloned();
                let Some(base) = base.filter(|_| is_here) else {
                    let key = format!("services.{name}.extends");
                    let reason = "another file is not read";
                    self.draft.leave(key, entry.key, reason, "write the keys of the other service into this one");
                    break;
                };
                let (mut base, own) = (base, self.service(&name).clone());
                // When a service is started is its own matter.
                tree::take(&mut base, "profiles");
                let layer = |node: Node| {
                    let at = node.span;
                    tree::map(at, [("services", tree::map(at, [(name.as_str(), node)]))])
                };
                let merged = merge::merge(Some(layer(base)), layer(own));
                if let Some(merged) = tree::at(&merged, &["services", &name]) {
                    *self.service(&name) = merged.clone();
                }
            }
            tree::take(self.service(&name), "extends");
        }
    }

    /// What `docker compose up` does not start is not deployed.
    fn leave_profiles(&mut self) {
        for name in self.names() {
            let Some(entry) = tree::take(self.service(&name), "profiles") else { continue };
            if tree::items(&entry.value).is_empty() {
                continue;
            }
            let reason = "a service with a profile is only started when it is asked for, and is left out";
            let instead = "write it into an environment of its own, if it is to be deployed";
            self.draft.leave(format!("services.{name}"), entry.key, reason, instead);
            if let Some(services) = tree::as_map(&mut self.draft.tree).get_mut("services") {
                tree::take(&mut services.value, &name);
            }
        }
    }

    /// Hosts, and how images get there.
    fn fleet(&mut self) {
        let at = self.draft.tree.span;
        let mut hosts = Node::new(at, Kind::Map(indexmap::IndexMap::new()));
        for host in &self.wishes.hosts {
            tree::set(&mut hosts, &[host.name.as_str()], host.node(at));
        }
        if self.wishes.hosts.is_empty() {
            tree::set(&mut hosts, &["local", "docker"], tree::text(at, "unix:///var/run/docker.sock"));
            let words = "Compose knows no hosts: this is the engine of this machine. Others are written as\n\
                         `web1: { ssh: deploy@web1.example.com }`; what is built then needs a `registry`.";
            self.draft.comment("hosts", words);
        }
        tree::set(&mut self.draft.tree, &["hosts"], hosts);
        self.registry();
        self.data();
    }

    /// What keeps data would keep some on each host.
    fn data(&mut self) {
        let count = self.wishes.hosts.len();
        if count < 2 {
            return;
        }
        for name in self.names() {
            let Some(volumes) = tree::at(self.service(&name), &["volumes"]) else { continue };
            let at = volumes.span;
            let reason = format!("the service runs on each of the {count} hosts, each with data of its own");
            let instead = "place it with `deploy: { placement: { constraints: [\"host.name == …\"] } }`";
            self.draft.change(format!("services.{name}.volumes"), at, reason, instead);
        }
    }
}
