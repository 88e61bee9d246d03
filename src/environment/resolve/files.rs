//! `configs:` and `secrets:` of a service: files in its container.

use super::declared::Declared;
use super::mounts::{Targets, is_container_path, occupy};
use crate::environment::{ConfigFile, FileTarget, SecretFile};
use crate::manifest::decode::{Decoder, Fields, decimal};
use crate::manifest::node::{Kind, Node, quoted};

/// Anyone in the container may read a config.
pub(super) const CONFIG_MODE: u32 = 0o444;
/// Only its owner may read a secret.
pub(super) const SECRET_MODE: u32 = 0o400;

/// The service's configs.
pub(super) fn configs(
    fields: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
    targets: &mut Targets,
) -> Vec<ConfigFile> {
    let Some(node) = fields.get("configs") else { return Vec::new() };
    let items = decoder.list(node);
    let config = |item: &Node| {
        let (source, file) = file(item, "/", CONFIG_MODE, decoder, targets)?;
        let (source, content) = declared.config(source, decoder)?;
        Some(ConfigFile { source, content, file: file? })
    };
    items.iter().filter_map(config).collect()
}

/// The service's secrets.
pub(super) fn secrets(
    fields: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
    targets: &mut Targets,
) -> Vec<SecretFile> {
    let Some(node) = fields.get("secrets") else { return Vec::new() };
    let items = decoder.list(node);
    let secret = |item: &Node| {
        let (source, file) = file(item, "/run/secrets/", SECRET_MODE, decoder, targets)?;
        let source = declared.secret(source, decoder)?;
        Some(SecretFile { source, file: file? })
    };
    items.iter().filter_map(secret).collect()
}

/// The name of the source, and where the file goes.
fn file<'n>(
    item: &'n Node,
    folder: &str,
    mode: u32,
    decoder: &mut Decoder<'_>,
    targets: &mut Targets,
) -> Option<(&'n Node, Option<FileTarget>)> {
    if !matches!(item.kind, Kind::Map(_)) {
        let path = format!("{folder}{}", decoder.text(item)?);
        occupy(targets, &path, item.span, decoder);
        return Some((item, Some(FileTarget { path, uid: 0, gid: 0, mode })));
    }
    let mut fields = decoder.map(item, item.span);
    let source = fields.required("source", decoder);
    let target = fields.get("target").or(source);
    let path = target.and_then(|node| {
        let text = decoder.text(node)?;
        let path = if text.starts_with('/') { text.to_owned() } else { format!("{folder}{text}") };
        if !is_container_path(&path) || path.ends_with('/') {
            let message = format!("{} is not a file in the container", quoted(text));
            decoder.problem_with_help(node.span, message, "write an absolute path without `..`");
            return None;
        }
        occupy(targets, &path, node.span, decoder);
        Some(path)
    });
    let uid = fields.get("uid").and_then(|node| id(node, decoder)).unwrap_or(0);
    let gid = fields.get("gid").and_then(|node| id(node, decoder)).unwrap_or(0);
    let mode = fields.get("mode").and_then(|node| permissions(node, decoder)).unwrap_or(mode);
    fields.finish(decoder);
    source.map(|source| (source, path.map(|path| FileTarget { path, uid, gid, mode })))
}

fn id(node: &Node, decoder: &mut Decoder<'_>) -> Option<u32> {
    decoder.number(node, 0..=u64::from(u32::MAX)).and_then(|id| u32::try_from(id).ok())
}

/// `0440` or `0o440`, with or without quotes: octal either way, as `chmod` reads it. Without the zero it could
/// be meant in decimal, which is how YAML reads it.
pub(super) fn permissions(node: &Node, decoder: &mut Decoder<'_>) -> Option<u32> {
    let text = decoder.text(node)?;
    let digits = text.strip_prefix("0o").or_else(|| text.strip_prefix('0')).filter(|digits| decimal(digits).is_some());
    let mode = digits.and_then(|digits| u32::from_str_radix(digits, 8).ok()).filter(|mode| *mode <= 0o1777);
    if mode.is_none() {
        let help = "write it in octal with a leading zero, such as `0440`";
        decoder.problem_with_help(node.span, format!("{} is not a file mode", quoted(text)), help);
    }
    mode
}
