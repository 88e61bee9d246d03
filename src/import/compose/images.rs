//! Images: which services share a build, and how images reach hosts.

use crate::image::reference::ImageName;
use crate::manifest::node::Node;

use super::super::tree;
use super::Compose;

impl Compose<'_> {
    /// Services that run what another one builds share its build, and so its content.
    pub(super) fn share_builds(&mut self) {
        let names = self.names();
        let mut builds: Vec<(String, Node)> = Vec::new();
        for name in &names {
            let service = self.service(name);
            let image = tree::at(service, &["image"]).and_then(Node::text).map(str::to_owned);
            builds.extend(image.zip(tree::at(service, &["build"]).cloned()));
        }
        for name in &names {
            let service = self.service(name);
            let image = tree::at(service, &["image"]).and_then(Node::text);
            let shared = builds.iter().find(|(built, _)| Some(built.as_str()) == image).map(|(_, build)| build.clone());
            if let (Some(build), None) = (shared, tree::at(service, &["build"])) {
                tree::set(service, &["build"], build);
            }
        }
    }

    /// With a registry, names without one would be looked up there; without one, nothing that is built reaches a host.
    pub(super) fn registry(&mut self) {
        let is_far = self.wishes.hosts.iter().any(|host| host.key().0 == "ssh");
        let names = self.names();
        let is_built = |this: &mut Self, name: &str| tree::at(this.service(name), &["build"]).cloned();
        let built: Vec<(String, Node)> =
            names.iter().filter_map(|name| Some((name.clone(), is_built(self, name)?))).collect();
        let Some(first) = built.first().filter(|_| is_far) else { return };
        let mut host = None;
        for (name, _) in &built {
            let image = tree::at(self.service(name), &["image"]).and_then(Node::text).map(str::to_owned);
            host = host.or(image.and_then(|image| bare(&image)?.registry().map(str::to_owned)));
        }
        let at = first.1.span;
        if host.is_none() {
            let reason = "images that are built here reach the hosts through a registry, and the file names none";
            self.draft.change(
                format!("services.{}.build", first.0),
                at,
                reason,
                "correct `registry.host` in the environment's file",
            );
            self.draft.comment("registry", "A placeholder: what is built is pushed there, and pulled by every host.");
        }
        let host = host.unwrap_or_else(|| "registry.example.com".to_owned());
        tree::set(&mut self.draft.tree, &["registry", "host"], tree::text(at, &host));
        for name in names.iter().filter(|name| built.iter().all(|(other, _)| other != *name)) {
            let Some(image) = tree::at(self.service(name), &["image"]).cloned() else { continue };
            let Some(text) = image.text().filter(|text| !text.starts_with('$')) else { continue };
            if let Some(full) = on_the_hub(text) {
                tree::set(self.service(name), &["image"], tree::text(image.span, &full));
            }
        }
    }
}

/// The name with Docker's default registry, if it has none.
pub(in crate::import) fn on_the_hub(text: &str) -> Option<String> {
    bare(text).filter(|name| name.registry().is_none()).map(|_| format!("docker.io/{text}"))
}

/// The name without what only variables tell.
fn bare(text: &str) -> Option<ImageName> {
    text.split(['$', '@']).next()?.trim_end_matches(':').parse().ok()
}
