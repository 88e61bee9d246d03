//! Manifests and rendered files, looked at without contacting anybody.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::environment::{FileTarget, Scope};
use crate::manifest::{Difference, Manifest, Provenance};
use crate::name::{HostName, ServiceName};

use super::Answer;
use super::clean::clean;
use super::line::count;
use super::page::Page;
use super::style::Tone;

/// The merged manifest.
#[derive(Debug)]
pub struct ManifestAnswer {
    /// All layers of it.
    pub manifest: Manifest,
    /// Whether it is said what each value hides.
    pub explain: bool,
}

impl Answer for ManifestAnswer {
    fn json(&self) -> (&'static str, Value) {
        ("manifest", json!(self.manifest.provenance()))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        page.foreign("", &self.manifest.show(self.explain));
        page.into_text()
    }
}

/// In which values two environments differ.
#[derive(Debug)]
pub struct DiffAnswer {
    /// The one.
    pub left: String,
    /// The other.
    pub right: String,
    /// In the order of the one.
    pub differences: Vec<Difference>,
}

impl Answer for DiffAnswer {
    fn json(&self) -> (&'static str, Value) {
        ("differences", json!({ "left": self.left, "right": self.right, "values": self.differences }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        for Difference { path, left, right } in &self.differences {
            page.line(Tone::Strong, &clean(path));
            for (sign, tone, side) in [("-", Tone::Bad, left), ("+", Tone::Good, right)] {
                let Some(Provenance { value, file, line, .. }) = side else { continue };
                let value = clean(value).replace('\n', "\n      ");
                page.line(tone, &format!("  {sign} {value}  # {}:{line}", clean(file)));
            }
        }
        let (left, right) = (&self.left, &self.right);
        let summary = match self.differences.len() {
            0 => format!("{left} and {right} say the same"),
            n => format!("{left} (-) and {right} (+) differ in {}", count(n, "value")),
        };
        page.line(Tone::Neutral, &summary);
        page.into_text()
    }
}

/// Manifest and templates are in order.
#[derive(Debug)]
pub struct ValidAnswer {
    /// Project and environment.
    pub scope: Scope,
    /// Number of hosts.
    pub hosts: usize,
    /// Number of services.
    pub services: usize,
    /// Number of rendered files.
    pub files: usize,
}

impl Answer for ValidAnswer {
    fn json(&self) -> (&'static str, Value) {
        ("valid", json!({ "scope": self.scope, "hosts": self.hosts, "services": self.services, "files": self.files }))
    }

    fn text(&self) -> String {
        let Self { scope, hosts, services, files } = self;
        let (hosts, services, files) =
            (count(*hosts, "host"), count(*services, "service"), count(*files, "rendered file"));
        format!("{} {} is valid: {hosts}, {services}, {files}.\n", scope.project, scope.environment)
    }
}

/// A configuration file of a container.
#[derive(Debug)]
pub struct RenderedConfig {
    /// On which host.
    pub host: HostName,
    /// Of which service.
    pub service: ServiceName,
    /// Where it goes in the container.
    pub target: FileTarget,
    /// What is in it.
    pub text: String,
    /// Where it was written, if it was.
    pub written: Option<PathBuf>,
}

/// A value that is published to a store. Secrets are none.
#[derive(Debug)]
pub struct RenderedValue {
    /// The store's name in the manifest.
    pub store: String,
    /// Complete.
    pub key: String,
    /// What will be there.
    pub text: String,
    /// Where it was written, if it was.
    pub written: Option<PathBuf>,
}

/// Rendered configuration.
#[derive(Debug)]
pub struct RenderAnswer {
    /// By host and service.
    pub files: Vec<RenderedConfig>,
    /// By store.
    pub values: Vec<RenderedValue>,
}

impl Answer for RenderAnswer {
    fn json(&self) -> (&'static str, Value) {
        let written = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let file = |file: &RenderedConfig| {
            json!({
                "host": file.host, "service": file.service, "target": file.target,
                "text": file.text, "written": written(&file.written),
            })
        };
        let value = |value: &RenderedValue| json!({ "store": value.store, "key": value.key, "text": value.text, "written": written(&value.written) });
        ("files", self.files.iter().map(file).chain(self.values.iter().map(value)).collect())
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        for RenderedConfig { host, service, target, text, written } in &self.files {
            let FileTarget { path, uid, gid, mode } = target;
            if let Some(written) = written {
                page.foreign("", &written.display().to_string());
                continue;
            }
            page.line(
                Tone::Strong,
                &format!("# {host} {service} {} (mode {mode:04o}, owner {uid}:{gid})", clean(path)),
            );
            page.foreign("", text);
        }
        for RenderedValue { store, key, text, written } in &self.values {
            if let Some(written) = written {
                page.foreign("", &written.display().to_string());
                continue;
            }
            page.line(Tone::Strong, &format!("# store {} {}", clean(store), clean(key)));
            page.foreign("", text);
        }
        if self.files.is_empty() && self.values.is_empty() {
            page.line(Tone::Neutral, "no configuration files");
        }
        page.into_text()
    }
}
