//! What a registry has, and what was changed in it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::image::digest::Digest;
use crate::registry::description::{Content, Description, Image};

use super::Answer;
use super::page::Page;
use super::style::Tone;
use super::table::Table;

/// The repositories of a registry.
#[derive(Debug)]
pub struct RepositoriesAnswer {
    /// `host[:port]`.
    pub registry: String,
    /// Their names.
    pub repositories: Vec<String>,
}

/// Tags of some images.
#[derive(Debug)]
pub struct TagsAnswer {
    /// By image.
    pub tags: Vec<Tagged>,
}

/// One tag.
#[derive(Debug, Clone, Serialize)]
pub struct Tagged {
    /// `host[:port]/path`.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// What it leads to; none if it is gone meanwhile.
    pub digest: Option<Digest>,
    /// Whether the manifest names it.
    pub is_named: bool,
}

/// What a registry says of an image.
#[derive(Debug)]
pub struct ImageAnswer {
    /// As it was asked for.
    pub image: String,
    /// What it is.
    pub description: Description,
}

/// A tag that is to be moved, or was.
#[derive(Debug)]
pub struct MovedAnswer {
    /// With its repository.
    pub tag: String,
    /// What it led to.
    pub before: Option<Digest>,
    /// What it is to lead to.
    pub digest: Digest,
    /// Whether it was moved.
    pub is_moved: bool,
}

/// An image that is to be removed, or was.
#[derive(Debug)]
pub struct RemovedAnswer {
    /// `host[:port]/path`.
    pub repository: String,
    /// Which image.
    pub digest: Digest,
    /// The tags that lead to it.
    pub tags: Vec<String>,
    /// Who uses it all the same.
    pub users: Vec<String>,
    /// Whether it was removed.
    pub is_removed: bool,
}

impl Answer for RepositoriesAnswer {
    fn json(&self) -> (&'static str, Value) {
        ("repositories", json!({ "registry": self.registry, "repositories": self.repositories }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        if self.repositories.is_empty() {
            page.line(Tone::Neutral, &format!("{} has no repository that we may see", self.registry));
        }
        for name in &self.repositories {
            page.foreign("", &format!("{}/{name}", self.registry));
        }
        page.into_text()
    }
}

impl Answer for TagsAnswer {
    fn json(&self) -> (&'static str, Value) {
        ("tags", json!(self.tags))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        if self.tags.is_empty() {
            page.line(Tone::Neutral, "there are no tags");
            return page.into_text();
        }
        let mut table = Table::new(&["IMAGE", "TAG", "DIGEST", ""]);
        for one in &self.tags {
            let digest = one.digest.as_ref().map_or("gone meanwhile", Digest::as_str);
            let (tone, remark) = if one.is_named { (Tone::Good, "in the manifest") } else { (Tone::Neutral, " ") };
            table.row(tone, [one.repository.as_str(), &one.tag, digest, remark]);
        }
        page.ready(&table.text());
        page.into_text()
    }
}

impl Answer for ImageAnswer {
    fn json(&self) -> (&'static str, Value) {
        (
            "image",
            json!({ "image": self.image, "digest": self.description.digest, "content": self.description.content }),
        )
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        page.labelled(Tone::Strong, "image   ", &self.image);
        page.labelled(Tone::Strong, "digest  ", self.description.digest.as_str());
        match &self.description.content {
            Content::Index(parts) => {
                page.gap();
                let mut table = Table::new(&["PLATFORM", "DIGEST"]);
                for part in parts {
                    table.row(Tone::Neutral, [&part.platform, &part.digest]);
                }
                page.ready(&table.text());
            }
            Content::Image(image) => one(&mut page, image),
        }
        page.into_text()
    }
}

fn one(page: &mut Page, image: &Image) {
    let size = |bytes: u64| indicatif::DecimalBytes(bytes).to_string();
    page.labelled(Tone::Strong, "platform", &image.platform);
    page.labelled(Tone::Strong, "created ", image.created.as_deref().unwrap_or("it does not say"));
    page.labelled(Tone::Strong, "user    ", if image.user.is_empty() { "root" } else { &image.user });
    page.labelled(Tone::Strong, "command ", &image.command.join(" "));
    if !image.ports.is_empty() {
        page.labelled(Tone::Strong, "ports   ", &image.ports.join(", "));
    }
    for (name, value) in &image.labels {
        page.labelled(Tone::Strong, "label   ", &format!("{name}={value}"));
    }
    page.labelled(Tone::Strong, "size    ", &format!("{} in {} layers", size(image.size()), image.layers.len()));
    page.gap();
    let mut table = Table::new(&["LAYER", "SIZE"]);
    for layer in &image.layers {
        table.row(Tone::Neutral, [layer.digest.clone(), size(layer.size)]);
    }
    page.ready(&table.text());
}

impl Answer for MovedAnswer {
    fn json(&self) -> (&'static str, Value) {
        ("tag", json!({ "tag": self.tag, "before": self.before, "digest": self.digest, "moved": self.is_moved }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        let Self { tag, digest, .. } = self;
        let text = match (&self.before, self.is_moved) {
            (Some(before), false) if before == digest => format!("{tag} leads to {digest} already"),
            (Some(before), false) => format!("{tag} leads to {before}, and is to lead to {digest}"),
            (Some(before), true) => format!("{tag} leads to {digest} now; before, to {before}"),
            (None, _) => format!("{tag} leads to {digest} now; there was no such tag"),
        };
        page.line(if self.is_moved { Tone::Good } else { Tone::Neutral }, &text);
        page.into_text()
    }
}

impl Answer for RemovedAnswer {
    fn json(&self) -> (&'static str, Value) {
        let Self { repository, digest, tags, users, is_removed } = self;
        let value = json!({
            "repository": repository, "digest": digest, "tags": tags, "used_by": users, "removed": is_removed,
        });
        ("image", value)
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        let Self { repository, digest, tags, .. } = self;
        let tags = if tags.is_empty() { "no tag".to_owned() } else { format!("the tags {}", tags.join(", ")) };
        if self.is_removed {
            page.line(Tone::Good, &format!("{repository}@{digest} is removed, with {tags}"));
        } else {
            page.line(Tone::Warning, &format!("{repository}@{digest} is to be removed, with {tags}"));
            for user in &self.users {
                page.line(Tone::Bad, &format!("  although {user}"));
            }
        }
        page.into_text()
    }
}
