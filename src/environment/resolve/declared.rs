//! What services refer to by name: the top-level `secrets`, `configs`, `volumes` and `networks`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{configs, keys, resources};
use crate::environment::{ConfigSource, NetworkSpec, SecretSource, VolumeSpec};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Node, quoted};
use crate::manifest::rules::SECRETS;
use crate::manifest::source::Span;
use crate::manifest::suggest;
use crate::name::{ResourceName, SecretName};

/// The network that a service is on when it names none.
pub(super) const DEFAULT_NETWORK: &str = "default";

/// For a command that prints a secret: some unlock a vault over the network.
pub(super) const SECRET_TIMEOUT: Duration = Duration::from_secs(30);

/// Everything that has been declared.
pub(super) struct Declared<'m> {
    pub(super) root: &'m Path,
    pub(super) secrets: BTreeMap<SecretName, SecretSource>,
    /// Names that are declared, though their source could not be read.
    secret_names: BTreeSet<String>,
    configs: BTreeMap<String, ConfigSource>,
    pub(super) volumes: BTreeMap<String, VolumeSpec>,
    pub(super) networks: BTreeMap<String, NetworkSpec>,
}

impl<'m> Declared<'m> {
    /// Reads the four sections. `prefix` is `<project>-<environment>`.
    pub(super) fn decode(top: &mut Fields<'_>, decoder: &mut Decoder<'_>, root: &'m Path, prefix: &str) -> Self {
        let mut declared = Self {
            root,
            secrets: BTreeMap::new(),
            secret_names: BTreeSet::new(),
            configs: BTreeMap::new(),
            volumes: BTreeMap::new(),
            networks: BTreeMap::new(),
        };
        for (name, fields) in section("volumes", top, decoder) {
            decoder.name::<ResourceName>(name, fields.at, "a name");
            declared.volumes.insert(name.to_owned(), resources::volume(name, fields, prefix, decoder));
        }
        for (name, fields) in section("networks", top, decoder) {
            decoder.name::<ResourceName>(name, fields.at, "a name");
            declared.networks.insert(name.to_owned(), resources::network(name, fields, prefix, decoder));
        }
        let default = || NetworkSpec::plain(format!("{prefix}_{DEFAULT_NETWORK}"));
        declared.networks.entry(DEFAULT_NETWORK.to_owned()).or_insert_with(default);
        for (name, mut fields) in section("secrets", top, decoder) {
            declared.secret_names.insert(name.to_owned());
            let name = decoder.name::<SecretName>(name, fields.at, "the name of a secret");
            if let (Some(name), Some(source)) = (name.clone(), secret_source(name.as_ref(), &mut fields, decoder)) {
                declared.secrets.insert(name, source);
            }
            fields.finish_compose(decoder, keys::SECRET);
        }
        for (name, mut fields) in section("configs", top, decoder) {
            decoder.name::<ResourceName>(name, fields.at, "the name of a config");
            let config = configs::decode(&mut fields, decoder, root);
            fields.finish_compose(decoder, keys::CONFIG);
            declared.configs.insert(name.to_owned(), config);
        }
        declared
    }

    /// The secret that a value names.
    pub(super) fn secret(&self, node: &Node, decoder: &mut Decoder<'_>) -> Option<SecretName> {
        let name = decoder.text(node)?;
        refer("secret", name, node.span, self.secret_names.iter().map(String::as_str), decoder)?;
        name.parse().ok()
    }

    /// The config that a value names.
    pub(super) fn config(&self, node: &Node, decoder: &mut Decoder<'_>) -> Option<(String, ConfigSource)> {
        let name = decoder.text(node)?;
        refer("config", name, node.span, self.configs.keys().map(String::as_str), decoder)?;
        self.configs.get(name).map(|config| (name.to_owned(), config.clone()))
    }

    /// The full name of a volume.
    pub(super) fn volume(&self, name: &str, at: Span, decoder: &mut Decoder<'_>) -> String {
        refer("volume", name, at, self.volumes.keys().map(String::as_str), decoder);
        self.volumes.get(name).map(|volume| volume.name.clone()).unwrap_or_default()
    }

    /// The full name of a network.
    pub(super) fn network(&self, name: &str, at: Span, decoder: &mut Decoder<'_>) -> String {
        refer("network", name, at, self.networks.keys().map(String::as_str), decoder);
        self.networks.get(name).map(|network| network.name.clone()).unwrap_or_default()
    }
}

/// Refuses a name that is not declared.
fn refer<'a>(
    what: &str,
    name: &str,
    at: Span,
    declared: impl Iterator<Item = &'a str> + Clone,
    decoder: &mut Decoder<'_>,
) -> Option<()> {
    if declared.clone().any(|known| known == name) {
        return Some(());
    }
    let help = match suggest::nearest(name, declared) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("declare it under `{what}s:` at the top of the manifest"),
    };
    decoder.problem_with_help(at, format!("the {what} {} is not declared", quoted(name)), help);
    None
}

/// The entries of a top-level map of maps.
fn section<'n>(key: &'static str, top: &mut Fields<'n>, decoder: &mut Decoder<'_>) -> Vec<(&'n str, Fields<'n>)> {
    let Some(entry) = top.entry(key) else { return Vec::new() };
    let entries = decoder.map(&entry.value, entry.key);
    entries.named().map(|(name, entry)| (name, decoder.map(&entry.value, entry.key))).collect()
}

fn secret_source(
    secret: Option<&SecretName>,
    fields: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
) -> Option<SecretSource> {
    let sources: Vec<_> =
        SECRETS.iter().filter_map(|group| group.first()).filter_map(|key| Some((*key, fields.entry(key)?))).collect();
    match sources.as_slice() {
        [("file", entry)] => decoder.text(&entry.value).map(|path| SecretSource::File(PathBuf::from(path))),
        [("command", entry)] => {
            let words = decoder.command(&entry.value)?;
            if words.first().is_none_or(String::is_empty) {
                decoder.problem(entry.value.span, "the command is empty");
            }
            let timeout = fields.get("timeout").and_then(|node| decoder.duration(node)).unwrap_or(SECRET_TIMEOUT);
            Some(SecretSource::Command { words, timeout })
        }
        [("age", entry)] => {
            let file = decoder.text(&entry.value).map(PathBuf::from)?;
            let key = match fields.get("key") {
                Some(node) => decoder.text(node)?.to_owned(),
                None => secret?.to_string(),
            };
            Some(SecretSource::Age { file, key })
        }
        [(_, entry)] => {
            let node = &entry.value;
            let name = decoder.text(node)?;
            if name.is_empty() || name.contains('=') {
                decoder.problem(node.span, format!("{} is not the name of an environment variable", quoted(name)));
            }
            Some(SecretSource::Variable(name.to_owned()))
        }
        [(first, _), (other, entry), ..] => {
            decoder
                .problem(entry.value.span, format!("a secret comes from `{first}` or from `{other}`, not from both"));
            None
        }
        [] => {
            let help = "write `{ age: path }`, `{ file: path }`, `{ environment: VARIABLE }` or `{ command: [program, argument] }`";
            fields.lack(decoder, "nothing says where this secret comes from", help);
            None
        }
    }
}
