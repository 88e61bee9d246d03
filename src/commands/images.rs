//! The images of a release: built, pushed and resolved for one command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::container::PinnedImage;
use crate::engine::docker::DockerHost;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::fleet::Host;
use crate::image::bake::Baking;
use crate::image::{self, Cause, ImageError, Progress, Sources};
use crate::name::{HostName, ServiceName};
use crate::registry::credentials::Logins;
use crate::registry::oci::OciRegistry;
use crate::rollout::recorder::Recorder;

use super::doors::{Fleet, hinted, open_one};
use super::proposal::Input;

/// Pins every image of the environment, building and pushing those that the manifest says are built.
pub(super) async fn pin(
    fleet: &Fleet<'_>,
    logins: &std::sync::Arc<Logins>,
    recorder: &Recorder,
) -> Result<BTreeMap<ServiceName, PinnedImage>> {
    let environment = fleet.environment;
    let registry = OciRegistry::open(&environment.root, environment.registry.as_ref(), std::sync::Arc::clone(logins))
        .map_err(|error| hinted(Error::bad_input(error.clone()), error.hint()))?;
    let builder = Builder::open(fleet).await?;
    let announced = Mutex::new(BTreeSet::new());
    let sink = |service: &ServiceName, progress: Progress| {
        if let Some(event) = event(service, progress, &announced) {
            recorder.note(event);
        }
    };
    let sources = Sources { builder: builder.docker(), registry: &registry, logins };
    let pinned = image::pin_all(environment, sources, &sink).await;
    builder.close().await;
    let images = pinned.map_err(|error| {
        let hint = error.hint();
        hinted(Error::unchanged(error), hint)
    })?;
    for (service, image) in &images {
        recorder.note(Event::Pinned { service: service.clone(), image: image.to_string() });
    }
    Ok(images)
}

/// Bakes configuration into images where the manifest says so, one for each content. What is in the registry is not made
/// again.
pub(super) async fn bake(
    fleet: &Fleet<'_>,
    input: &Input,
    images: &BTreeMap<ServiceName, PinnedImage>,
    recorder: &Recorder,
) -> Result<BTreeMap<(HostName, ServiceName), PinnedImage>> {
    let environment = &input.environment;
    let mut wanted = Vec::new();
    for (key, files) in &input.files {
        let (Some(service), Some(base)) = (environment.services.get(&key.1), images.get(&key.1)) else { continue };
        let service = environment.on(&key.0, service);
        if let Some(baking) = Baking::of(environment, service, base, files).map_err(|cause| failed(&key.1, cause))? {
            wanted.push((key.clone(), baking));
        }
    }
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let registry = OciRegistry::open(&environment.root, environment.registry.as_ref(), Arc::clone(&input.logins))
        .map_err(|error| hinted(Error::bad_input(error.clone()), error.hint()))?;
    let mut oven = Oven { fleet, registry: &registry, logins: &input.logins, builder: Builder::None, recorder };
    let result = oven.bake(&wanted).await;
    oven.builder.close().await;
    result
}

/// What images are baked with. The builder is asked only for what is missing.
struct Oven<'a> {
    fleet: &'a Fleet<'a>,
    registry: &'a OciRegistry,
    logins: &'a Logins,
    builder: Builder<'a>,
    recorder: &'a Recorder,
}

impl Oven<'_> {
    async fn bake(
        &mut self,
        wanted: &[((HostName, ServiceName), Baking<'_>)],
    ) -> Result<BTreeMap<(HostName, ServiceName), PinnedImage>> {
        let mut done: Vec<(&Baking<'_>, PinnedImage)> = Vec::new();
        let mut images = BTreeMap::new();
        for (key, baking) in wanted {
            let image = if let Some((_, image)) = done.iter().find(|(other, _)| *other == baking) {
                image.clone()
            } else {
                let image = self.one(&key.1, baking).await?;
                self.recorder.note(Event::Pinned { service: key.1.clone(), image: image.to_string() });
                done.push((baking, image.clone()));
                image
            };
            images.insert(key.clone(), image);
        }
        Ok(images)
    }

    async fn one(&mut self, service: &ServiceName, baking: &Baking<'_>) -> Result<PinnedImage> {
        if self.fleet.environment.registry.is_none() {
            self.open().await?;
        }
        let found = baking.find(self.sources()).await.map_err(|cause| failed(service, cause))?;
        if let Some(image) = found {
            return Ok(image);
        }
        self.open().await?;
        let announced = Mutex::new(BTreeSet::new());
        let progress = |progress: Progress| {
            if let Some(event) = event(service, progress, &announced) {
                self.recorder.note(event);
            }
        };
        let docker = self.builder.docker().ok_or_else(|| failed(service, Cause::NoBuilder))?;
        baking.make(docker, self.sources(), &progress).await.map_err(|cause| failed(service, cause))
    }

    async fn open(&mut self) -> Result<()> {
        if matches!(self.builder, Builder::None) {
            self.builder = Builder::connect(self.fleet).await?;
        }
        Ok(())
    }

    fn sources(&self) -> Sources<'_> {
        Sources { builder: self.builder.docker(), registry: self.registry, logins: self.logins }
    }
}

fn failed(service: &ServiceName, cause: Cause) -> Error {
    let error = ImageError { service: service.clone(), cause };
    let hint = error.hint();
    hinted(Error::unchanged(error), hint)
}

/// The engine that builds: a host of the fleet, one of its own, or none where nothing needs it.
enum Builder<'a> {
    None,
    Host(&'a DockerHost),
    Own(Box<DockerHost>),
}

impl<'a> Builder<'a> {
    async fn open(fleet: &'a Fleet<'_>) -> Result<Self> {
        if is_needed(fleet.environment) { Self::connect(fleet).await } else { Ok(Self::None) }
    }

    async fn connect(fleet: &'a Fleet<'_>) -> Result<Self> {
        let environment = fleet.environment;
        if let Some(host) = fleet.at(&environment.builder) {
            return Ok(Self::Host(host));
        }
        let name = "builder".parse().unwrap_or_else(|error| unreachable!("a fixed name: {error}"));
        let host = Host { name, endpoint: environment.builder.clone(), role: None, labels: BTreeMap::new() };
        match open_one(&host, None).await {
            Ok(own) => Ok(Self::Own(Box::new(own))),
            Err(error) => {
                let hint = error.hint.clone();
                let source = anyhow::Error::new(error)
                    .context(format!("the builder at {} cannot be reached", environment.builder));
                Err(hinted(Error::unchanged(source), hint))
            }
        }
    }

    fn docker(&self) -> Option<&bollard::Docker> {
        match self {
            Self::None => None,
            Self::Host(host) => Some(host.client.docker()),
            Self::Own(host) => Some(host.client.docker()),
        }
    }

    async fn close(&self) {
        if let Self::Own(host) = self {
            host.transport.close().await;
        }
    }
}

/// Without a registry, images are those of the builder, also where nothing is built.
fn is_needed(environment: &Environment) -> bool {
    environment.registry.is_none() || environment.services.values().any(|service| service.build.is_some())
}

/// A push is told once; its bytes are not.
fn event(service: &ServiceName, progress: Progress, announced: &Mutex<BTreeSet<ServiceName>>) -> Option<Event> {
    match progress {
        Progress::Context { .. } => Some(Event::Building(service.clone())),
        Progress::Output(line) => Some(Event::BuildOutput { service: service.clone(), line }),
        Progress::Pushing { .. } => {
            let is_first = announced.lock().unwrap_or_else(PoisonError::into_inner).insert(service.clone());
            is_first.then(|| Event::Pushing(service.clone()))
        }
        Progress::Built { .. } | Progress::Pushed { .. } | Progress::Present { .. } | Progress::Resolved { .. } => None,
    }
}
