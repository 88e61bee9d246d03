//! `build:`.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::declared::Declared;
use super::naming::extra_hosts;
use super::privileges::one_or_more;
use super::{image, keys, words};
use crate::environment::Build;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Kind, Node, quoted};
use crate::name::SecretName;

/// How the image is built: a directory alone, or all that can be said of it.
pub(super) fn decode(entry: &Entry, decoder: &mut Decoder<'_>, declared: &Declared) -> Build {
    if let Kind::Scalar { .. } = &entry.value.kind {
        return Build::of(context(&entry.value, decoder).unwrap_or_default());
    }
    let mut fields = decoder.map(&entry.value, entry.key);
    let usual =
        Build::of(fields.required("context", decoder).and_then(|node| context(node, decoder)).unwrap_or_default());
    let dockerfile = fields.get("dockerfile").and_then(|node| beneath(node, "the context", decoder));
    let flag = |fields: &mut Fields<'_>, key, decoder: &mut Decoder<'_>| {
        fields.get(key).and_then(|node| decoder.boolean(node)).unwrap_or_default()
    };
    let build = Build {
        dockerfile: dockerfile.unwrap_or(usual.dockerfile),
        args: words::pairs(&mut fields, "args", decoder),
        target: words::text(&mut fields, "target", decoder),
        platform: platform(&mut fields, decoder),
        labels: words::pairs(&mut fields, "labels", decoder),
        secrets: secrets(&mut fields, decoder, declared),
        ssh: ssh(&mut fields, decoder),
        cache_from: words::texts(&mut fields, "cache_from", decoder),
        network: words::text(&mut fields, "network", decoder),
        extra_hosts: fields.get("extra_hosts").map(|node| extra_hosts(node, decoder)).unwrap_or_default(),
        shm_size: fields.get("shm_size").and_then(|node| decoder.bytes(node)),
        no_cache: flag(&mut fields, "no_cache", decoder),
        pull: flag(&mut fields, "pull", decoder),
        ..Build::default()
    };
    fields.finish_compose(decoder, keys::BUILD);
    Build { context: usual.context, ..build }
}

/// Images of one engine are for one platform each.
fn platform(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Option<String> {
    let node = fields.get("platforms")?;
    let items = one_or_more(node);
    if let [_, second, ..] = items {
        let help = "leave all but one out; services for other machines are built by another engine (`builder`)";
        decoder.problem_with_help(second.span, "an engine makes an image for one platform", help);
    }
    items.first().and_then(|item| image::platform_of(item, decoder))
}

/// Names of secrets, or `{ source: …, target: ID }`.
fn secrets(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>, declared: &Declared) -> BTreeMap<String, SecretName> {
    let Some(node) = fields.get("secrets") else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    for item in decoder.list(node) {
        let (source, id) = if let Kind::Map(_) = item.kind {
            let mut fields = decoder.map(item, item.span);
            let source = fields.required("source", decoder);
            let id = fields.get("target").or(source);
            fields.finish_compose(decoder, keys::BUILD_SECRET);
            (source, id)
        } else {
            (Some(item), Some(item))
        };
        let (Some(source), Some(id)) = (source, id) else { continue };
        let (Some(secret), Some(text)) = (declared.secret(source, decoder), decoder.text(id)) else { continue };
        if all.insert(text.to_owned(), secret).is_some() {
            decoder.problem(id.span, format!("two secrets of the build have the id {}", quoted(text)));
        }
    }
    all
}

/// `default`, `id=SOCKET`, or a map of such.
fn ssh(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> BTreeMap<String, Option<PathBuf>> {
    let Some(node) = fields.get("ssh") else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    let mut agent = |id: &str, socket: &str, node: &Node, decoder: &mut Decoder<'_>| {
        if !socket.is_empty() && !socket.starts_with('/') {
            let message = format!("{} is not the socket of an SSH agent", quoted(socket));
            decoder.problem_with_help(node.span, message, "write an absolute path, or leave it out for your own agent");
        }
        all.insert(id.to_owned(), (!socket.is_empty()).then(|| PathBuf::from(socket)));
    };
    if let Kind::Map(map) = &node.kind {
        for (id, entry) in map {
            let socket = if entry.value.is_null() { None } else { decoder.text(&entry.value) };
            let socket = socket.unwrap_or_default();
            agent(id, socket, &entry.value, decoder);
        }
    } else {
        for item in one_or_more(node) {
            let Some(text) = decoder.text(item) else { continue };
            let (id, socket) = text.split_once('=').unwrap_or((text, ""));
            agent(id, socket, item, decoder);
        }
    }
    all
}

fn context(node: &Node, decoder: &mut Decoder<'_>) -> Option<PathBuf> {
    beneath(node, "the project", decoder).map(PathBuf::from)
}

/// A relative path that does not climb.
fn beneath(node: &Node, what: &str, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if text.is_empty() || !Path::new(text).components().all(inside) {
        decoder
            .problem(node.span, format!("{} is not beneath {what}: write a relative path without `..`", quoted(text)));
        return None;
    }
    Some(text.to_owned())
}
