//! `publish:`, the key-value stores that a release writes its configuration to.

use std::collections::{BTreeMap, BTreeSet};

use super::declared::Declared;
use super::service::Draft;
use super::update::AS_ONE;
use super::{existing_file, nested};
use crate::environment::publish::{PublishedValue, Publishing, StoreAccess, StoreKind};
use crate::environment::{ConfigSource, Service};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Kind, Node, quoted};
use crate::manifest::source::Span;
use crate::manifest::suggest;
use crate::name::{ResourceName, SecretName};

/// What a store takes in one transaction, without the one key of our own.
const MAX_KEYS: usize = 60;

/// All stores, by the name the manifest gives them.
pub(super) fn decode(
    top: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
    scope: &str,
    drafts: &[Draft],
) -> BTreeMap<String, Publishing> {
    let Some(entry) = top.entry("publish") else { return BTreeMap::new() };
    if let Some(at) = drafts.iter().find_map(|draft| draft.alone) {
        let message = "some hosts would run the earlier release with the values that the new one publishes";
        decoder.problem_with_help(at, message, AS_ONE);
    }
    let mut stores = BTreeMap::new();
    let mut places: Vec<(&str, Span)> = Vec::new();
    for (name, entry) in decoder.map(&entry.value, entry.key).named() {
        decoder.name::<ResourceName>(name, entry.key, "the name of a store");
        let Some(store) = store(name, entry, decoder, declared, scope, drafts) else { continue };
        let shared = places.iter().find_map(|(other, at)| Some((*other, *at, shared(&stores[*other], &store)?)));
        if let Some((other, at, key)) = shared {
            let place = decoder.place(at);
            let (other, key) = (quoted(other), quoted(&key));
            let message = format!("{other} has the key {key} in the same store already ({place})");
            let help = "put both into one entry, or give one of them another `prefix` or `state`";
            decoder.problem_with_help(entry.key, message, help);
        }
        places.push((name, entry.key));
        stores.insert(name.to_owned(), store);
    }
    stores
}

/// A key that two entries would both write.
fn shared(one: &Publishing, other: &Publishing) -> Option<String> {
    let address = |publishing: &Publishing| publishing.store.address.to_ascii_lowercase();
    if address(one) != address(other) {
        return None;
    }
    let all = |publishing: &'_ Publishing| publishing.values.keys().chain([&publishing.state]).cloned().collect();
    let (one, other): (BTreeSet<String>, BTreeSet<String>) = (all(one), all(other));
    one.intersection(&other).next().cloned()
}

fn store(
    name: &str,
    entry: &Entry,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
    scope: &str,
    drafts: &[Draft],
) -> Option<Publishing> {
    let mut fields = decoder.map(&entry.value, entry.key);
    let (consul, etcd) = (fields.entry("consul"), fields.entry("etcd"));
    let access = match (consul, etcd) {
        (Some(_), Some(etcd)) => {
            decoder.problem(etcd.key, "a store is `consul` or `etcd`, not both");
            None
        }
        (Some(consul), None) => access(consul, decoder, declared, true),
        (None, Some(etcd)) => access(etcd, decoder, declared, false),
        (None, None) => {
            let help = "write `consul: { address: … }` or `etcd: { address: … }`";
            fields.lack(decoder, "nothing says which store this is", help);
            None
        }
    };
    let prefix = fields.get("prefix").and_then(|node| key(node, decoder)).unwrap_or_else(|| scope.to_owned());
    let state = fields.get("state").and_then(|node| key(node, decoder));
    let state = state.unwrap_or_else(|| format!("shipctl/{scope}/{name}"));
    let readers = fields.get("services").map(|node| readers(node, decoder, drafts));
    let values = fields.required("keys", decoder).map(|node| values(node, &prefix, decoder, declared));
    if let (Some(values), Some(node)) = (&values, fields.get("keys")) {
        if values.is_empty() || values.len() > MAX_KEYS {
            let message = format!("{} keys: a store takes 1 to {MAX_KEYS} at once", values.len());
            decoder.problem_with_help(node.span, message, "put more into one value, such as a rendered config");
        }
        if values.contains_key(&state) {
            decoder.problem(node.span, format!("the key {} is where shipctl keeps its own record", quoted(&state)));
        }
    }
    fields.finish(decoder);
    Some(Publishing { store: access?, state, values: values?, readers })
}

fn access(entry: &Entry, decoder: &mut Decoder<'_>, declared: &Declared<'_>, is_consul: bool) -> Option<StoreAccess> {
    let mut fields = decoder.map(&entry.value, entry.key);
    let insecure = fields.get("insecure").and_then(|node| decoder.boolean(node)).unwrap_or(false);
    let address = fields.required("address", decoder).and_then(|node| {
        let text = decoder.text(node)?.trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.contains(['/', '@', '?', '#', ' '])) {
            let message = format!("{} is not the address of a store", quoted(text));
            decoder.problem_with_help(node.span, message, "write `https://host:port`, without a path");
            return None;
        }
        if text.starts_with("http://") && !insecure {
            let help = "write `https://…`, or `insecure: true` to accept that";
            decoder.problem_with_help(node.span, "whoever is on the way can read and change this", help);
        }
        Some(text.to_owned())
    });
    let mut file = |key| fields.get(key).and_then(|node| existing_file(node, decoder, declared.root));
    let (ca, cert, key) = (file("ca"), file("cert"), file("key"));
    if cert.is_some() != key.is_some() {
        decoder.problem(entry.key, "`cert` and `key` belong together");
    }
    let kind = if is_consul {
        StoreKind::Consul { token: secret(&mut fields, "token", decoder, declared) }
    } else {
        let user = fields.entry("username");
        let username = user.and_then(|entry| decoder.text(&entry.value)).map(str::to_owned);
        let password = secret(&mut fields, "password", decoder, declared);
        if username.is_some() != password.is_some() {
            decoder.problem(entry.key, "`username` and `password: { secret: … }` belong together");
        }
        StoreKind::Etcd { login: username.zip(password) }
    };
    fields.finish(decoder);
    Some(StoreAccess { kind, address: address?, ca, identity: cert.zip(key) })
}

fn secret(
    fields: &mut Fields<'_>,
    key: &'static str,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
) -> Option<SecretName> {
    let mut fields = nested(fields, key, decoder)?;
    let node = fields.required("secret", decoder);
    fields.finish(decoder);
    declared.secret(node?, decoder)
}

/// A key: words with slashes between them.
fn key(node: &Node, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    if is_key(text) {
        return Some(text.to_owned());
    }
    let help = "write words with `/` between them, without one at the beginning or end";
    decoder.problem_with_help(node.span, format!("{} is not a key", quoted(text)), help);
    None
}

fn is_key(text: &str) -> bool {
    !text.contains(char::is_control)
        && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && text.len() <= 255
}

fn values(
    node: &Node,
    prefix: &str,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
) -> BTreeMap<String, PublishedValue> {
    let mut values = BTreeMap::new();
    for (name, entry) in decoder.map(node, node.span).named() {
        if !is_key(name) {
            let help = "write words with `/` between them, without one at the beginning or end";
            decoder.problem_with_help(entry.key, format!("{} is not a key", quoted(name)), help);
        }
        if let Some(value) = value(entry, decoder, declared) {
            values.insert(format!("{prefix}/{name}"), value);
        }
    }
    values
}

/// Text, `{ config: name }` or `{ secret: name }`.
fn value(entry: &Entry, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Option<PublishedValue> {
    let Kind::Map(_) = entry.value.kind else {
        let text = decoder.text(&entry.value)?;
        return Some(PublishedValue::Text(ConfigSource::Content(text.to_owned())));
    };
    let mut fields = decoder.map(&entry.value, entry.key);
    let (config, secret) = (fields.get("config"), fields.get("secret"));
    let value = match (config, secret) {
        (Some(node), None) => declared.config(node, decoder).map(|(_, source)| PublishedValue::Text(source)),
        (None, Some(node)) => declared.secret(node, decoder).map(PublishedValue::Secret),
        _ => {
            fields.lack(decoder, "a value is one thing", "write text, `{ config: name }` or `{ secret: name }`");
            None
        }
    };
    fields.finish(decoder);
    value
}

fn readers(node: &Node, decoder: &mut Decoder<'_>, drafts: &[Draft]) -> BTreeSet<crate::name::ServiceName> {
    let known = |service: &Service, text: &str| service.instance_of.as_ref().unwrap_or(&service.name).as_str() == text;
    let mut readers = BTreeSet::new();
    let items = decoder.list(node);
    if items.is_empty() {
        let help = "leave it out where all services read it";
        decoder.problem_with_help(node.span, "nobody would read what is published", help);
    }
    for item in items {
        let Some(text) = decoder.text(item) else { continue };
        let services = drafts.iter().map(|draft| &draft.service).filter(|service| known(service, text));
        let services: Vec<_> = services.map(|service| service.name.clone()).collect();
        if services.is_empty() {
            let hint = suggest::hint(text, drafts.iter().map(|draft| draft.service.name.as_str()));
            decoder.problem_with_help(item.span, format!("there is no service {}", quoted(text)), hint);
        }
        readers.extend(services);
    }
    readers
}
