//! Manifest → [`Environment`]: what the keys mean, their defaults, references between them, and the
//! rules that span several. All errors at once. Besides the manifest it only asks whether files exist.

use std::collections::BTreeMap;

use crate::environment::{Balancer, Environment, Transfer};
use crate::fleet::Endpoint;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::Node;
use crate::manifest::{Diagnostic, Diagnostics, Manifest};
use crate::name::{BalancerName, ProjectName};

mod age_keys;
mod answer;
mod attachment;
mod balancers;
mod between;
mod blkio;
mod build;
mod configs;
mod declared;
mod delivery;
mod dependencies;
mod deploy;
mod edge;
mod error_rate;
mod files;
mod health;
mod hooks;
mod hosts;
mod image;
mod images;
mod jobs;
mod keys;
mod limits;
mod mounts;
mod naming;
mod networks;
mod notify;
mod overrides;
mod ports;
mod privileges;
mod prune;
mod publish;
mod queries;
mod registry;
mod replicas;
mod resources;
mod runtime;
mod schema;
mod service;
mod traffic;
mod update;
mod words;

pub use schema::schema;

use declared::Declared;
use hosts::Machine;
use overrides::Base;
use service::Draft;

/// Releases that a host keeps where the manifest is silent.
const KEEP_RELEASES: usize = 3;

/// Decides what the keys of a manifest mean.
///
/// # Errors
/// Everything that is wrong, each with its file and line.
pub fn resolve(manifest: &Manifest) -> Result<Environment, Diagnostics> {
    let mut decoder = Decoder::new(&manifest.sources);
    let environment = decode(manifest, &mut decoder);
    // Without an environment there is a problem, and `finish` does not come back.
    let missing = || Diagnostic::general("the manifest has no `project`").into();
    decoder.finish(environment)?.ok_or_else(missing)
}

fn decode(manifest: &Manifest, decoder: &mut Decoder<'_>) -> Option<Environment> {
    let mut top = decoder.map(&manifest.tree, manifest.tree.span);
    // Was followed when the layers were read.
    top.get("extends");
    let project: Option<ProjectName> =
        top.required("project", decoder).and_then(|node| decoder.parsed(node, "the name of a project"));
    let project_text = project.as_ref().map_or("project", ProjectName::as_str);
    let prefix = format!("{project_text}-{}", manifest.name);
    let declared = Declared::decode(&mut top, decoder, &manifest.root, &prefix);
    let age = top.entry("age").map(|entry| age_keys::decode(entry, decoder)).unwrap_or_default();
    let registry = top.entry("registry").and_then(|entry| registry::decode(entry, decoder, &declared));
    let (transfer, mirrors) = images::decode(&mut top, decoder, registry.as_ref());
    let sound = decoder.count();
    let hosts = hosts::decode(&mut top, decoder, &manifest.root);
    let builder = hosts::builder(&mut top, decoder, &manifest.root);
    let hosts_are_sound = decoder.count() == sound;
    let balancers = balancers::decode(&mut top, decoder, &declared);
    let active = words::texts(&mut top, "profiles", decoder);
    let roles = overrides::roles(&mut top, &hosts, decoder);
    let edge = edge::decode(&mut top, &declared, &prefix, decoder);
    let mut drafts = service::decode(&mut top, project_text, decoder, &declared);
    let mut base = Base { top: &mut top, machines: &hosts, roles: &roles, project: project_text, declared: &declared };
    overrides::apply(&mut base, &mut drafts, decoder);
    let known: Vec<_> = drafts.iter().map(|draft| draft.service.name.clone()).collect();
    let drafts = dependencies::arrange(drafts, &active, decoder);
    let drafts = replicas::expand(drafts, &hosts, decoder);
    let scope = format!("{project_text}/{}", manifest.name);
    let publish = publish::decode(&mut top, decoder, &declared, &scope, &drafts);
    let jobs = jobs::decode(&mut top, decoder, &hosts, &drafts, &known);
    let hooks = hooks::decode(&mut top, decoder, &manifest.root);
    let notify = notify::decode(&mut top, decoder, &declared);
    let keep_releases = top.get("keep_releases").and_then(|node| decoder.number(node, 1..=100));
    let prune = prune::decode(&mut top, decoder);
    top.finish_compose(decoder, keys::TOP);
    if hosts_are_sound {
        let brought = transfer == Transfer::Direct || registry.is_some();
        let fleet = Fleet { hosts: &hosts, builder: &builder, brought, balancers: &balancers };
        between::check(&drafts, &fleet, decoder);
        edge::check(edge.as_ref(), &drafts, &hosts, decoder);
    }
    let (drafts, needs) = match edge {
        Some(edge) => edge::add(edge, drafts, &hosts, decoder),
        None => (drafts, None),
    };
    let (network, volume) = needs.unzip();
    Some(Environment {
        project: project?,
        name: manifest.name.clone(),
        root: manifest.root.clone(),
        registry,
        transfer,
        mirrors,
        builder,
        balancers,
        hosts: hosts.into_iter().map(|machine| (machine.host.name.clone(), machine.host)).collect(),
        overrides: drafts.iter().flat_map(Draft::overrides).collect(),
        services: drafts.into_iter().map(|draft| (draft.service.name.clone(), draft.service)).collect(),
        secrets: declared.secrets,
        age,
        networks: declared.networks.into_values().chain(network).map(|it| (it.name.clone(), it)).collect(),
        volumes: declared.volumes.into_values().chain(volume).map(|it| (it.name.clone(), it)).collect(),
        publish,
        jobs,
        hooks,
        notify,
        keep_releases: keep_releases.and_then(|keep| usize::try_from(keep).ok()).unwrap_or(KEEP_RELEASES),
        prune,
    })
}

/// What services are placed on.
struct Fleet<'a> {
    hosts: &'a [Machine<'a>],
    builder: &'a Endpoint,
    /// Whether images that the builder has come to hosts.
    brought: bool,
    balancers: &'a BTreeMap<BalancerName, Balancer>,
}

/// Reads the map under a key, if there is one.
fn nested<'n>(fields: &mut Fields<'n>, key: &'static str, decoder: &mut Decoder<'_>) -> Option<Fields<'n>> {
    fields.entry(key).map(|entry| decoder.map(&entry.value, entry.key))
}

/// Reads the path of a file that must be there. A relative one is beneath the project root, and comes back joined to it.
fn existing_file(node: &Node, decoder: &mut Decoder<'_>, root: &std::path::Path) -> Option<std::path::PathBuf> {
    let path = root.join(decoder.text(node)?);
    if !path.is_file() {
        decoder.problem(node.span, format!("there is no file {}", path.display()));
    }
    Some(path)
}
