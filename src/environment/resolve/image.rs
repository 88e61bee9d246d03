//! `image:` and `build:`.

use super::build;
use super::declared::Declared;
use crate::environment::Build;
use crate::image::reference::{ImageName, InvalidReference};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Node, quoted};
use crate::name::ServiceName;

/// The image's name and how it is built, if it is.
pub(super) fn decode(
    fields: &mut Fields<'_>,
    service: &ServiceName,
    project: &str,
    decoder: &mut Decoder<'_>,
    declared: &Declared,
) -> (String, Option<Build>) {
    let build = fields.entry("build").map(|entry| build::decode(entry, decoder, declared));
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
    fields.get("platform").and_then(|node| platform_of(node, decoder))
}

/// The same, of a value.
pub(super) fn platform_of(node: &Node, decoder: &mut Decoder<'_>) -> Option<String> {
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

fn name(node: &Node, built: bool, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    let name = match parsed(text) {
        Ok(name) => name,
        Err(error) => {
            decoder.problem(node.span, format!("{} is not an image name: {}", quoted(text), words(&error)));
            return None;
        }
    };
    if built && name.digest().is_some() {
        decoder.problem_with_help(
            node.span,
            "an image that is built cannot be named by its digest",
            "leave out `@sha256:…`",
        );
    }
    Some(text.to_owned())
}

/// What is wrong with a name, and how it is to be written; the name itself has been said.
fn words(error: &InvalidReference) -> &'static str {
    match error {
        InvalidReference::Empty => "it is empty",
        InvalidReference::Registry(_) => "its registry is not `host` or `host:port`",
        InvalidReference::UpperCase(_) => "it must be lower case",
        InvalidReference::Path(_) => "a name is a-z and 0-9, in parts separated by `/`, `.`, `_`, `__` or `-`",
        InvalidReference::Long => "it is longer than 255 characters",
        InvalidReference::Tag(_) => {
            "a tag is 1 to 128 letters, digits, `.`, `_` and `-`, and does not begin with `.` or `-`"
        }
        InvalidReference::Digest(_) => "a digest is `sha256:` and 64 of 0-9 and a-f",
    }
}

/// The text as an image's name. Docker takes a first part in upper case for a registry; that is never what was meant.
fn parsed(text: &str) -> Result<ImageName, InvalidReference> {
    let name: ImageName = text.parse()?;
    match name.registry() {
        Some(host) if !host.contains(['.', ':']) && host.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            Err(InvalidReference::UpperCase(host.to_owned()))
        }
        _ => Ok(name),
    }
}
