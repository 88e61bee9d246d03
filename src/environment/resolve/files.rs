//! `configs:` and `secrets:` of a service: files in its container.

use super::declared::Declared;
use super::delivery;
use super::mounts::{Targets, is_container_path, occupy};
use crate::delivery::Delivery;
use crate::environment::{ConfigFile, FileTarget, SecretFile};
use crate::manifest::decode::{Decoder, Fields, decimal};
use crate::manifest::node::{Kind, Node, quoted};

/// Anyone in the container may read a config.
pub(super) const CONFIG_MODE: u32 = 0o444;
/// Only its owner may read a secret.
pub(super) const SECRET_MODE: u32 = 0o400;

/// What holds where an item says nothing.
struct Usual<'u> {
    folder: &'u str,
    mode: u32,
    /// The service's user.
    owner: Owner<'u>,
    /// Whether it can be kept in memory.
    is_secret: bool,
}

/// Whom the service runs as.
#[derive(Clone, Copy)]
pub(super) enum Owner<'u> {
    /// User and group, by number; those of the image, if nothing is written, are taken to be root's.
    Known(u32, u32),
    /// A name that only the image can say the number of.
    Named(&'u str),
}

impl<'u> Owner<'u> {
    /// From `user:`.
    pub(super) fn of(user: Option<&'u str>) -> Self {
        let (user, group) =
            user.map_or(("0", None), |user| user.split_once(':').map_or((user, None), |(u, g)| (u, Some(g))));
        let group = group.and_then(|group| group.parse().ok()).unwrap_or(0);
        match user.parse() {
            Ok(user) => Self::Known(user, group),
            Err(_) if user == "root" => Self::Known(0, group),
            Err(_) => Self::Named(user),
        }
    }
}

/// The service's configs.
pub(super) fn configs(
    fields: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
    targets: &mut Targets,
) -> Vec<ConfigFile> {
    let Some(node) = fields.get("configs") else { return Vec::new() };
    let items = decoder.list(node);
    let usual = Usual { folder: "/", mode: CONFIG_MODE, owner: Owner::Known(0, 0), is_secret: false };
    let config = |item: &Node| {
        let (source, file, _) = file(item, &usual, decoder, targets)?;
        let deliver = delivery::decode(item, decoder);
        let (source, content) = declared.config(source, decoder)?;
        Some(ConfigFile { source, content, file: file?, deliver: deliver? })
    };
    items.iter().filter_map(config).collect()
}

/// The service's secrets.
pub(super) fn secrets(
    fields: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
    owner: Owner<'_>,
    targets: &mut Targets,
) -> Vec<SecretFile> {
    let Some(node) = fields.get("secrets") else { return Vec::new() };
    let items = decoder.list(node);
    let usual = Usual { folder: "/run/secrets/", mode: SECRET_MODE, owner, is_secret: true };
    let secret = |item: &Node| {
        let (source, file, deliver) = file(item, &usual, decoder, targets)?;
        let source = declared.secret(source, decoder)?;
        Some(SecretFile { source, file: file?, deliver })
    };
    items.iter().filter_map(secret).collect()
}

/// The name of the source, where the file goes, and how it gets there.
fn file<'n>(
    item: &'n Node,
    usual: &Usual<'_>,
    decoder: &mut Decoder<'_>,
    targets: &mut Targets,
) -> Option<(&'n Node, Option<FileTarget>, Delivery)> {
    let folder = usual.folder;
    let usual_owner = |is_written: bool, mode: u32, decoder: &mut Decoder<'_>| match usual.owner {
        Owner::Known(user, group) => (user, group),
        Owner::Named(user) => {
            if !is_written && mode & 0o044 == 0 {
                let message = format!("the user {} could not read this: it belongs to root", quoted(user));
                let help = "write `user` as a number, or give the secret a `uid` (`{ source: .., uid: 1000 }`)";
                decoder.problem_with_help(item.span, message, help);
            }
            (0, 0)
        }
    };
    if !matches!(item.kind, Kind::Map(_)) {
        let path = format!("{folder}{}", decoder.text(item)?);
        occupy(targets, &path, item.span, decoder);
        let (uid, gid) = usual_owner(false, usual.mode, decoder);
        return Some((item, Some(FileTarget { path, uid, gid, mode: usual.mode }), Delivery::Container));
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
    let uid = fields.get("uid").and_then(|node| id(node, decoder));
    let gid = fields.get("gid").and_then(|node| id(node, decoder));
    let mode = fields.get("mode").and_then(|node| permissions(node, decoder)).unwrap_or(usual.mode);
    let in_memory = usual.is_secret && fields.get("tmpfs").and_then(|node| decoder.boolean(node)).unwrap_or(false);
    if !usual.is_secret {
        // Are read apart, where they may be said.
        fields.get("deliver");
        fields.get("on_change");
    }
    fields.finish(decoder);
    let (user, group) = usual_owner(uid.is_some(), mode, decoder);
    let (uid, gid) = (uid.unwrap_or(user), gid.unwrap_or(group));
    let deliver = if in_memory { Delivery::Memory } else { Delivery::Container };
    source.map(|source| (source, path.map(|path| FileTarget { path, uid, gid, mode }), deliver))
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
