//! The images of a release: built, pushed and resolved for one command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::container::PinnedImage;
use crate::engine::docker::DockerHost;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::fleet::Host;
use crate::image::{self, Progress, Sources};
use crate::name::ServiceName;
use crate::registry::credentials::Logins;
use crate::registry::oci::OciRegistry;
use crate::rollout::recorder::Recorder;

use super::doors::{Fleet, hinted, open_one};

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

/// The engine that builds: a host of the fleet, one of its own, or none where nothing needs it.
enum Builder<'a> {
    None,
    Host(&'a DockerHost),
    Own(Box<DockerHost>),
}

impl<'a> Builder<'a> {
    async fn open(fleet: &'a Fleet<'_>) -> Result<Self> {
        let environment = fleet.environment;
        if !is_needed(environment) {
            return Ok(Self::None);
        }
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
