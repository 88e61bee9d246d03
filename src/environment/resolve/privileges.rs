//! What a service's container may do, and what of its host it sees.

use std::collections::BTreeMap;

use super::words::{pairs, text, texts, word};
use crate::environment::{Device, Privileges};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Kind, Node, quoted};

/// Everything but the device requests, which limits and `gpus` add to.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Privileges {
    let flag = |fields: &mut Fields<'_>, key, decoder: &mut Decoder<'_>| {
        fields.get(key).and_then(|node| decoder.boolean(node)).unwrap_or(false)
    };
    Privileges {
        cap_add: capabilities(fields, "cap_add", decoder),
        cap_drop: capabilities(fields, "cap_drop", decoder),
        security_opt: texts(fields, "security_opt", decoder),
        privileged: flag(fields, "privileged", decoder),
        read_only: flag(fields, "read_only", decoder),
        group_add: texts(fields, "group_add", decoder),
        pid: word(fields, "pid", &["host"], decoder),
        ipc: word(fields, "ipc", &["none", "private", "shareable", "host"], decoder),
        uts: word(fields, "uts", &["host"], decoder),
        userns_mode: word(fields, "userns_mode", &["host"], decoder),
        cgroup: word(fields, "cgroup", &["host", "private"], decoder),
        cgroup_parent: text(fields, "cgroup_parent", decoder),
        sysctls: pairs(fields, "sysctls", decoder),
        tmpfs: tmpfs(fields, decoder),
        devices: devices(fields, decoder),
        device_cgroup_rules: texts(fields, "device_cgroup_rules", decoder),
        device_requests: Vec::new(),
        runtime: text(fields, "runtime", decoder),
        storage_opt: pairs(fields, "storage_opt", decoder),
    }
}

fn capabilities(fields: &mut Fields<'_>, key: &'static str, decoder: &mut Decoder<'_>) -> Vec<String> {
    let Some(node) = fields.get(key) else { return Vec::new() };
    let mut found = Vec::new();
    for item in decoder.list(node) {
        let Some(text) = decoder.text(item) else { continue };
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
            let help = "write it in capitals, as `NET_ADMIN` or `ALL`";
            decoder.problem_with_help(item.span, format!("{} is not a capability", quoted(text)), help);
        }
        found.push(text.to_owned());
    }
    found
}

/// One path or a list of them, each with options behind a colon.
fn tmpfs(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Some(node) = fields.get("tmpfs") else { return found };
    for item in one_or_more(node) {
        let Some(text) = decoder.text(item) else { continue };
        let (path, options) = text.split_once(':').unwrap_or((text, ""));
        if !path.starts_with('/') || path == "/" {
            let help = "write an absolute path, with options behind a colon: `/run:size=64m,mode=1777`";
            decoder.problem_with_help(item.span, format!("{} is not a place for a tmpfs", quoted(path)), help);
        }
        found.insert(path.to_owned(), options.to_owned());
    }
    found
}

fn devices(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Vec<Device> {
    let Some(node) = fields.get("devices") else { return Vec::new() };
    decoder.list(node).iter().filter_map(|item| device(item, decoder)).collect()
}

fn device(node: &Node, decoder: &mut Decoder<'_>) -> Option<Device> {
    let device = if let Kind::Map(_) = node.kind {
        let mut fields = decoder.map(node, node.span);
        let source = fields.required("source", decoder).and_then(|node| decoder.text(node)).map(str::to_owned);
        let target = text(&mut fields, "target", decoder);
        let permissions = text(&mut fields, "permissions", decoder);
        fields.finish(decoder);
        let source = source?;
        Device {
            target: target.unwrap_or_else(|| source.clone()),
            permissions: permissions.unwrap_or_else(|| "rwm".to_owned()),
            source,
        }
    } else {
        let text = decoder.text(node)?;
        let parts: Vec<_> = text.split(':').collect();
        let (source, target, permissions) = match parts[..] {
            [one] => (one, one, "rwm"),
            // As in Compose, the second part may be the permissions.
            [one, permissions] if !permissions.starts_with('/') => (one, one, permissions),
            [source, target] => (source, target, "rwm"),
            [source, target, permissions] => (source, target, permissions),
            _ => ("", "", ""),
        };
        let [source, target, permissions] = [source, target, permissions].map(str::to_owned);
        Device { source, target, permissions }
    };
    let known = |text: &str| !text.is_empty() && text.bytes().all(|b| b"rwm".contains(&b));
    if !device.source.starts_with('/') || !device.target.starts_with('/') || !known(&device.permissions) {
        let message = format!("{} is not a device", quoted(node.text().unwrap_or(&device.source)));
        decoder.problem_with_help(node.span, message, "write `/dev/x`, `/dev/x:/dev/y` or `/dev/x:/dev/y:rwm`");
        return None;
    }
    Some(device)
}

/// The items of a list, or the one value that stands in its place.
pub(super) fn one_or_more(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::List(items) => items,
        _ if node.is_null() => &[],
        _ => std::slice::from_ref(node),
    }
}
