//! `image:` and `build:`.

use std::path::{Component, Path, PathBuf};

use super::keys;
use crate::environment::Build;
use crate::fleet::parse::host_and_port;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Kind, Node, quoted};
use crate::name::ServiceName;

/// The image's name and how it is built, if it is.
pub(super) fn decode(
    fields: &mut Fields<'_>,
    service: &ServiceName,
    project: &str,
    decoder: &mut Decoder<'_>,
) -> (String, Option<Build>) {
    let build = fields.entry("build").map(|entry| build(entry, decoder));
    let image = match (fields.get("image"), &build) {
        (Some(node), build) => name(node, build.is_some(), decoder),
        (None, Some(_)) => None,
        (None, None) => {
            fields.lack(
                decoder,
                format!("the service `{service}` has no image"),
                "write `image: name:tag`, or `build: { context: . }`",
            );
            None
        }
    };
    (image.unwrap_or_else(|| format!("{project}/{service}")), build)
}

/// `os/architecture[/variant]`, where hosts are not to choose.
pub(super) fn platform(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Option<String> {
    let node = fields.get("platform")?;
    let text = decoder.text(node)?;
    let parts: Vec<&str> = text.split('/').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_word) {
        let help = "write `linux/amd64` or `linux/arm64/v8`";
        decoder.problem_with_help(node.span, format!("{} is not a platform", quoted(text)), help);
    }
    Some(text.to_owned())
}

/// Every deploy looks tags up anew, and hosts pull the digests that they lack; so `always` and `missing` come to the same,
/// and what would pin an old image to a host is refused.
pub(super) fn pull_policy(fields: &mut Fields<'_>, is_built: bool, decoder: &mut Decoder<'_>) {
    let Some(node) = fields.get("pull_policy") else { return };
    match decoder.text(node) {
        Some("build") if !is_built => decoder.problem(node.span, "`pull_policy: build` without `build:`"),
        None | Some("always" | "missing" | "if_not_present" | "build") => {}
        Some(other) => {
            let message = format!("{} is not supported", quoted(other));
            let help = "leave it out: tags are looked up in each deploy, and hosts pull what they lack";
            decoder.problem_with_help(node.span, message, help);
        }
    }
}

fn build(entry: &Entry, decoder: &mut Decoder<'_>) -> Build {
    if let Kind::Scalar { .. } = &entry.value.kind {
        let context = context(&entry.value, decoder).unwrap_or_default();
        return Build {
            context,
            dockerfile: "Dockerfile".to_owned(),
            args: std::collections::BTreeMap::new(),
            target: None,
        };
    }
    let mut fields = decoder.map(&entry.value, entry.key);
    let context = fields.required("context", decoder).and_then(|node| context(node, decoder));
    let dockerfile = fields.get("dockerfile").and_then(|node| beneath(node, "the context", decoder));
    let args = fields.get("args").map(|node| decoder.pairs(node)).unwrap_or_default();
    let target = fields.get("target").and_then(|node| decoder.text(node)).map(str::to_owned);
    fields.finish_compose(decoder, keys::BUILD);
    Build {
        context: context.unwrap_or_default(),
        dockerfile: dockerfile.unwrap_or_else(|| "Dockerfile".to_owned()),
        args: args.into_iter().map(|pair| (pair.key, pair.value)).collect(),
        target,
    }
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

fn name(node: &Node, built: bool, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    if let Err(reason) = check(text) {
        decoder.problem(node.span, format!("{} is not an image name: {reason}", quoted(text)));
        return None;
    }
    if built && text.contains('@') {
        decoder.problem_with_help(
            node.span,
            "an image that is built cannot be named by its digest",
            "leave out `@sha256:…`",
        );
    }
    Some(text.to_owned())
}

/// Checks `[host[:port]/]path[:tag][@sha256:digest]` by the rules of the distribution reference grammar.
fn check(text: &str) -> Result<(), &'static str> {
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    // A colon behind the last slash begins a tag; one before it, a port.
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    };
    let path = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':', '[']) || host == "localhost" => {
            host_and_port(host).map_err(|_| "its registry is not `host[:port]`")?;
            path
        }
        _ => name,
    };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        let bytes = part.as_bytes();
        matches!((bytes.first(), bytes.last()), (Some(first), Some(last)) if plain(*first) && plain(*last))
            && bytes.iter().all(|b| plain(*b) || matches!(b, b'.' | b'_' | b'-'))
    };
    if !path.split('/').all(part) || name.len() > 255 {
        return Err("a name is lower-case letters, digits, `.`, `_` and `-`, in parts separated by `/`");
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if tag.is_some_and(|tag| {
        tag.len() > 128 || !tag.starts_with(word) || !tag.chars().all(|c| word(c) || matches!(c, '.' | '-'))
    }) {
        return Err("a tag is 1 to 128 letters, digits, `.`, `_` and `-`");
    }
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    match digest.map(|digest| digest.strip_prefix("sha256:")) {
        None => Ok(()),
        Some(Some(digest)) if digest.len() == 64 && digest.bytes().all(hex) => Ok(()),
        Some(_) => Err("a digest is `sha256:` and 64 hexadecimal digits"),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn image_names_follow_the_reference_grammar() {
        let digest = format!("app:1@sha256:{}", "a".repeat(64));
        for good in [
            "app",
            "shop/web",
            "shop/web:1.4",
            "registry:5000/shop/web",
            "localhost/x",
            "[::1]:5000/x:y",
            "a.b.c/d__e",
            &digest,
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = format!("app:{}", "t".repeat(129));
        for bad in [
            "",
            "App",
            "../x",
            "a//b",
            "app:",
            "app:-x",
            "app@sha256:abc",
            "app@md5:abc",
            "http://x/y",
            "a b",
            "-x",
            &long,
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
