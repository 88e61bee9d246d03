//! The images of a release: built, pushed and resolved for one command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::container::PinnedImage;
use crate::engine::client::Client;
use crate::engine::docker::{DockerHost, Supply};
use crate::engine::{EngineError, PullProgress};
use crate::environment::{Environment, Secret, Transfer};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::fleet::Host;
use crate::image::bake::Baking;
use crate::image::{self, Cause, ImageError, Progress, Sources};
use crate::name::{HostName, SecretName, ServiceName};
use crate::registry::credentials::Logins;
use crate::registry::oci::OciRegistry;
use crate::rollout::recorder::Recorder;

use super::doors::{Fleet, hinted, open_one};
use super::proposal::Input;

/// The registries of an environment, for what is read there by a release's names.
pub(super) fn registry(environment: &Environment, logins: &Arc<Logins>) -> Result<OciRegistry> {
    OciRegistry::open(&environment.root, environment.registry.as_ref(), Arc::clone(logins))
        .and_then(|registry| registry.behind(&environment.mirrors))
        .map_err(|error| hinted(Error::bad_input(error.clone()), error.hint()))
}

/// Pins every image of the environment, building and pushing those that the manifest says are built.
pub(super) async fn pin(
    fleet: &Fleet<'_>,
    logins: &Arc<Logins>,
    secrets: &BTreeMap<SecretName, Secret>,
    recorder: &Recorder,
) -> Result<BTreeMap<ServiceName, PinnedImage>> {
    let environment = fleet.environment;
    let registry = registry(environment, logins)?;
    let builder = Builder::open(fleet).await?;
    let announced = Mutex::new(BTreeSet::new());
    let sink = |service: &ServiceName, progress: Progress| {
        if let Some(event) = event(service, progress, &announced) {
            recorder.note(event);
        }
    };
    let sources = Sources { builder: builder.client(), registry: &registry, logins, secrets };
    let pinned = async {
        let images = image::pin_all(environment, sources, &sink).await.map_err(|error| {
            let hint = error.hint();
            hinted(Error::unchanged(error), hint)
        })?;
        match environment.transfer {
            Transfer::Registry => Ok(images),
            Transfer::Direct => on_builder(fleet, logins, &builder, images).await,
        }
    }
    .await;
    builder.close().await;
    let images = pinned?;
    for (service, image) in &images {
        let mirror = registry.told_by(image.digest());
        recorder.note(Event::Pinned { service: service.clone(), image: image.to_string(), mirror });
    }
    Ok(images)
}

/// The same images as the builder has them, to be sent from there; those of a registry it pulls.
async fn on_builder(
    fleet: &Fleet<'_>,
    logins: &Arc<Logins>,
    builder: &Builder<'_>,
    images: BTreeMap<ServiceName, PinnedImage>,
) -> Result<BTreeMap<ServiceName, PinnedImage>> {
    fleet.learn_for(logins, images.values()).await?;
    let mut named = BTreeMap::new();
    for (service, image) in images {
        let name = fleet.environment.services.get(&service).map_or("", |service| &service.image);
        let platform = fleet.environment.services.get(&service).and_then(|service| service.platform.as_deref());
        let image = builder.keep(&image, name, platform).await.map_err(|cause| failed(&service, cause))?;
        named.insert(service, image);
    }
    Ok(named)
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
    let registry = registry(environment, &input.logins)?;
    let mut oven = Oven { fleet, registry: &registry, input, builder: Builder::None, recorder };
    let result = oven.bake(&wanted).await;
    oven.builder.close().await;
    result
}

/// What images are baked with. The builder is asked only for what is missing.
struct Oven<'a> {
    fleet: &'a Fleet<'a>,
    registry: &'a OciRegistry,
    input: &'a Input,
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
                self.recorder.note(Event::Pinned { service: key.1.clone(), image: image.to_string(), mirror: None });
                done.push((baking, image.clone()));
                image
            };
            images.insert(key.clone(), image);
        }
        Ok(images)
    }

    async fn one(&mut self, service: &ServiceName, baking: &Baking<'_>) -> Result<PinnedImage> {
        if self.fleet.environment.pushes_to().is_none() {
            self.open().await?;
        }
        let found = baking.find(self.sources()).await.map_err(|cause| failed(service, cause))?;
        if let Some(image) = found {
            return self.kept(service, image).await;
        }
        self.open().await?;
        let announced = Mutex::new(BTreeSet::new());
        let progress = |progress: Progress| {
            if let Some(event) = event(service, progress, &announced) {
                self.recorder.note(event);
            }
        };
        let client = self.builder.client().ok_or_else(|| failed(service, Cause::NoBuilder))?;
        let made = baking.make(client, self.sources(), &progress).await.map_err(|cause| failed(service, cause))?;
        self.kept(service, made).await
    }

    async fn kept(&self, service: &ServiceName, image: PinnedImage) -> Result<PinnedImage> {
        let environment = self.fleet.environment;
        if environment.transfer == Transfer::Registry {
            return Ok(image);
        }
        let service = &environment.services[service];
        let kept = self.builder.keep(&image, image.tag(), service.platform.as_deref()).await;
        kept.map_err(|cause| failed(&service.name, cause))
    }

    async fn open(&mut self) -> Result<()> {
        if matches!(self.builder, Builder::None) {
            self.builder = Builder::connect(self.fleet).await?;
        }
        Ok(())
    }

    fn sources(&self) -> Sources<'_> {
        let Input { logins, secrets, .. } = self.input;
        Sources { builder: self.builder.client(), registry: self.registry, logins, secrets }
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
        match open_one(&host, Supply { logins: Some(fleet.logins()), ..Supply::default() }).await {
            Ok(own) => Ok(Self::Own(Box::new(own))),
            Err(error) => {
                let hint = error.hint.clone();
                let source = anyhow::Error::new(error)
                    .context(format!("the builder at {} cannot be reached", environment.builder));
                Err(hinted(Error::unchanged(source), hint))
            }
        }
    }

    fn host(&self) -> Option<&DockerHost> {
        match self {
            Self::None => None,
            Self::Host(host) => Some(host),
            Self::Own(host) => Some(host),
        }
    }

    fn client(&self) -> Option<&Client> {
        self.host().map(|host| &host.client)
    }

    /// Has the builder keep an image under the name of its content, which it is sent to hosts under.
    async fn keep(
        &self,
        image: &PinnedImage,
        name: &str,
        platform: Option<&str>,
    ) -> std::result::Result<PinnedImage, Cause> {
        let builder = self.host().ok_or(Cause::NoBuilder)?;
        let silent: PullProgress = Arc::new(|_, _| ());
        let refused = |error: EngineError| Cause::Engine(error.to_string());
        if let PinnedImage::Registry { .. } = image {
            builder.engine.pull(image, &silent).await.map_err(refused)?;
        }
        image::sent::keep(builder.client.docker(), image, name, platform).await
    }

    async fn close(&self) {
        if let Self::Own(host) = self {
            host.transport.close().await;
        }
    }
}

/// Images that are not pushed are those of the builder, also where nothing is built.
fn is_needed(environment: &Environment) -> bool {
    environment.pushes_to().is_none() || environment.services.values().any(|service| service.build.is_some())
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
        Progress::Built { id, key, took } => {
            let (service, image) = (service.clone(), PinnedImage::short(&id).to_owned());
            Some(Event::Built { service, image, key, took })
        }
        Progress::Unchanged { id, key } => {
            let (service, image) = (service.clone(), PinnedImage::short(&id).to_owned());
            Some(Event::BuildUnchanged { service, image, key })
        }
        Progress::Pushed { .. } | Progress::Present { .. } | Progress::Resolved { .. } => None,
    }
}
