//! `image`, `registry` and `builder`.

use crate::image::reference::DEFAULT_REGISTRY;
use crate::manifest::node::{Kind, Node};
use crate::manifest::source::Span;

use super::super::{paths, tree};
use super::{Kamal, one_or_more};

/// The variable that Kamal's own example has for the password.
const PASSWORD: &str = "KAMAL_REGISTRY_PASSWORD";

impl Kamal {
    /// The image of every role, where it is pushed, and what builds it.
    pub(super) fn images(&mut self) {
        let at = self.file.span;
        let mut registry = self.section("registry");
        let server = tree::take(&mut registry, "server");
        let at = server.as_ref().map_or(at, |entry| entry.value.span);
        let server = server.and_then(|entry| entry.value.text().map(str::to_owned));
        let server = server.unwrap_or_else(|| DEFAULT_REGISTRY.to_owned());
        let server = server.trim_start_matches("https://").trim_start_matches("http://");
        let (host, folder) = server.split_once('/').unwrap_or((server, ""));
        tree::set(&mut self.draft.tree, &["registry", "host"], tree::text(at, host));
        if host.starts_with("localhost") {
            let reason = "Kamal runs this registry itself, and reaches it from hosts through SSH";
            self.draft.change("registry.server", at, reason, "name a registry that every host can reach");
        }
        self.login(&mut registry);
        self.leave_rest("registry", "registry", &registry);
        let image = tree::take(&mut self.file, "image");
        let (image, at) = if let Some(entry) = image {
            (entry.value.text().unwrap_or_default().to_owned(), entry.value.span)
        } else {
            let reason = format!("the image is called `{}`, as nothing says how", self.service);
            self.draft.change("image", self.file.span, reason, "correct it in environments/base.yml");
            (self.service.clone(), at)
        };
        let image = if folder.is_empty() { image } else { format!("{folder}/{image}") };
        self.image = Some(tree::text(at, &image));
        self.builder();
    }

    fn login(&mut self, registry: &mut Node) {
        let username = tree::take(registry, "username");
        let password = tree::take(registry, "password");
        let (Some(username), password) = (username, password) else { return };
        let name = match &username.value.kind {
            // The name of a secret.
            Kind::List(items) => items.first().and_then(Node::text).map(|name| format!("${{{name}}}")),
            _ => username.value.text().map(str::to_owned),
        };
        let Some(name) = name else { return };
        let secret = password.as_ref().and_then(|entry| tree::items(&entry.value).first()?.text().map(str::to_owned));
        let at = password.as_ref().map_or(username.key, |entry| entry.value.span);
        if secret.is_none() {
            let reason = "a password is not copied into the project";
            let instead = format!("set the variable {PASSWORD} where you deploy");
            self.draft.change("registry.password", at, reason, instead);
        }
        let secret = self.secret(secret.as_deref().unwrap_or(PASSWORD), at);
        tree::set(&mut self.draft.tree, &["registry", "username"], tree::text(username.value.span, &name));
        tree::set(&mut self.draft.tree, &["registry", "password", "secret"], tree::text(at, &secret));
    }

    /// What every role's image is built from.
    fn builder(&mut self) {
        let at = self.file.span;
        let mut builder = self.section("builder");
        let mut build = Node::new(at, Kind::Map(indexmap::IndexMap::new()));
        let context = tree::take(&mut builder, "context").map(|entry| entry.value);
        if context.is_none() {
            let reason = "Kamal builds a clone of the last commit; here the folder is built as it is";
            self.draft.change("builder", builder.span, reason, "deploy from a clean checkout");
        }
        let context = context.unwrap_or_else(|| tree::text(at, "."));
        let text = context.text().unwrap_or(".").to_owned();
        let beneath = self.prefix.as_deref().and_then(|prefix| paths::beneath(prefix, &text));
        tree::set(&mut build, &["context"], tree::text(context.span, &beneath.unwrap_or(text)));
        for key in ["dockerfile", "args", "target"] {
            if let Some(entry) = tree::take(&mut builder, key) {
                tree::set(&mut build, &[key], entry.value);
            }
        }
        if let Some(remote) = tree::take(&mut builder, "remote")
            && let Some(text) = remote.value.text()
        {
            let (key, value) = text.strip_prefix("ssh://").map_or(("docker", text), |rest| ("ssh", rest));
            tree::set(&mut self.draft.tree, &["builder", key], tree::text(remote.value.span, value));
        }
        self.leave_rest("builder", "builder", &builder);
        self.build = Some(build);
    }

    /// A secret that comes from a variable; its name.
    pub(super) fn secret(&mut self, variable: &str, at: Span) -> String {
        let name = variable.to_lowercase();
        tree::set(&mut self.draft.tree, &["secrets", &name, "environment"], tree::text(at, variable));
        self.secrets = true;
        name
    }

    /// Adds each option of `docker run` to a service.
    pub(super) fn options(&mut self, service: &str, path: &str, node: &Node) {
        use super::options::{Shape, key};
        for (option, entry) in tree::entries(node) {
            let name = option.replace('_', "-");
            let Some((keys, shape)) = key(&name) else {
                let (reason, instead) = super::reasons::of("options", &name);
                self.draft.leave(format!("{path}.{option}"), entry.key, reason, instead);
                continue;
            };
            let values = one_or_more(&entry.value);
            for value in values {
                let text = value.text().unwrap_or_default().to_owned();
                let (left, right) = text.split_once('=').unwrap_or((&text, ""));
                match shape {
                    Shape::One => self.put(service, keys, value),
                    Shape::Many => self.add(service, keys, value),
                    Shape::Pairs => {
                        let path: Vec<&str> = keys.iter().copied().chain([left]).collect();
                        self.put(service, &path, tree::text(value.span, right));
                    }
                    Shape::Volume => self.volume(service, &format!("{path}.{option}"), &value),
                    Shape::Ulimit => {
                        let (soft, hard) = right.split_once(':').unwrap_or((right, right));
                        self.put(service, &["ulimits", left, "soft"], tree::word(value.span, soft));
                        self.put(service, &["ulimits", left, "hard"], tree::word(value.span, hard));
                    }
                }
            }
        }
    }
}
