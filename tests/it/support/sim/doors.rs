//! The simulated fleet behind the doors of a rollout.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shipctl::container::{ContainerId, ContainerName, ContainerSpec, PinnedImage};
use shipctl::delivery::{FileSet, Place};
use shipctl::engine::marker::{Marker, Markers};
use shipctl::engine::{Engine, EngineError, Provision, PullProgress};
use shipctl::environment::{Check, Port, RestartPolicy, Scope};
use shipctl::fleet::observed::{ContainerState, ObservedHost};
use shipctl::fleet::stamp::Stamp;
use shipctl::health::{NotReady, Prober};
use shipctl::journal::Journal;
use shipctl::name::HostName;
use shipctl::rollout::doors::{BalancerDoor, Doors, HostDoors};
use shipctl::template::rendered::RenderedFile;

use super::balancer::SimBalancerDoor;
use super::op::Op;
use super::world::{Flaw, World};

/// One simulated host behind all its doors.
#[derive(Clone)]
pub struct SimDoor {
    world: World,
    host: HostName,
}

impl World {
    /// Doors to every host.
    pub fn doors(&self) -> Doors {
        let names: Vec<_> = self.state().hosts.keys().cloned().collect();
        let hosts = names.into_iter().map(|host| {
            let door = Arc::new(SimDoor { world: self.clone(), host: host.clone() });
            (host, HostDoors { engine: door.clone(), markers: door.clone(), prober: door })
        });
        let hosts = hosts.collect();
        let balancers: Vec<_> = self.state().balancers.keys().cloned().collect();
        let balancers = balancers.into_iter().map(|name| {
            let own = name.as_str().parse().expect("a name");
            let balancer = Arc::new(SimBalancerDoor { world: self.clone(), name });
            (own, BalancerDoor { balancer, backends: ["web".to_owned()].into() })
        });
        Doors { hosts, unreachable: std::collections::BTreeMap::new(), balancers: balancers.collect() }
    }
}

#[async_trait]
impl Engine for SimDoor {
    async fn observe(&self, scope: &Scope) -> Result<ObservedHost, EngineError> {
        let seen = self.world.look(&self.host, |state, _| state.observed(&self.host, scope)).await;
        match (seen, self.world.state().flaw) {
            (Err(_), Some(Flaw::SilentIsEmpty)) => {
                Ok(World::new([self.host.clone()]).state().observed(&self.host, scope))
            }
            (seen, _) => seen,
        }
    }

    async fn pull(&self, image: &PinnedImage, _: &PullProgress) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Pull(image.clone())).await.map(drop)
    }

    async fn provide(&self, _: &Scope, what: &Provision) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Provide(what.clone())).await.map(drop)
    }

    async fn deliver(&self, _: &Scope, set: &FileSet, files: &[RenderedFile]) -> Result<(), EngineError> {
        let mut files: Vec<_> = files.iter().map(|file| file.stamp(None)).collect();
        files.sort();
        let digests = files.into_iter().map(|file| file.digest).collect();
        self.world.change(&self.host, Op::Deliver(set.place.clone(), digests)).await.map(drop)
    }

    async fn tidy(&self, _: &Scope, _: &[Place]) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Tidy).await.map(drop)
    }

    async fn create(
        &self,
        spec: &ContainerSpec,
        stamp: &Stamp,
        files: &[RenderedFile],
    ) -> Result<ContainerId, EngineError> {
        let files = files.iter().map(|file| file.target.path.clone()).collect();
        let op = Op::Create { spec: Box::new(spec.clone()), stamp: Box::new(stamp.clone()), files };
        let created = self.world.change(&self.host, op).await?;
        created.ok_or_else(|| EngineError::Refused("no id".to_owned()))
    }

    async fn start(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Start(id.clone())).await.map(drop)
    }

    async fn stop(&self, id: &ContainerId, _: Duration) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Stop(id.clone())).await.map(drop)
    }

    async fn promote(
        &self,
        id: &ContainerId,
        name: &ContainerName,
        restart: &RestartPolicy,
    ) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Promote(id.clone(), name.clone(), restart.clone())).await.map(drop)
    }

    async fn remove(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Remove(id.clone())).await.map(drop)
    }

    async fn state(&self, id: &ContainerId) -> Result<ContainerState, EngineError> {
        let read = self.world.look(&self.host, |state, _| {
            let epoch = state.epoch();
            state.container(&self.host, id).map(|container| container.state(epoch))
        });
        read.await?.ok_or_else(|| EngineError::NotFound("no such container".to_owned()))
    }

    async fn log_tail(&self, id: &ContainerId, _: usize) -> Result<Vec<String>, EngineError> {
        self.world.look(&self.host, |_, _| vec![format!("last words of {}", id.0)]).await
    }

    async fn find(&self, name: &str) -> Result<Option<ContainerId>, EngineError> {
        let read = self.world.look(&self.host, |state, _| {
            let found = state.host(&self.host).containers.iter().find(|container| container.name == name);
            found.map(|container| container.id.clone())
        });
        read.await
    }
}

#[async_trait]
impl Markers for SimDoor {
    async fn create(&self, name: &str, text: &str) -> Result<ContainerId, EngineError> {
        let created = self.world.change(&self.host, Op::MarkerCreate(name.to_owned(), text.to_owned())).await?;
        created.ok_or_else(|| EngineError::Refused("no id".to_owned()))
    }

    async fn put(&self, name: &str, number: u64, text: &str) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::MarkerPut(name.to_owned(), number, text.to_owned())).await.map(drop)
    }

    async fn read(&self, name: &str) -> Result<Option<Marker>, EngineError> {
        let read = self.world.look(&self.host, |state, _| {
            let marker = state.host(&self.host).markers.get(name);
            marker.map(|marker| Marker { id: marker.id.clone(), text: marker.text.clone() })
        });
        read.await
    }

    async fn write(&self, id: &ContainerId, text: &str) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::MarkerWrite(id.clone(), text.to_owned())).await.map(drop)
    }

    async fn remove(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::MarkerRemove(id.clone())).await.map(drop)
    }
}

#[async_trait]
impl Prober for SimDoor {
    async fn probe(&self, id: &ContainerId, _: &[Port], _: &Check, _: Duration) -> Result<(), NotReady> {
        let read = self.world.look(&self.host, |state, now| {
            state.container(&self.host, id).is_some_and(|container| container.is_healthy(now))
        });
        match read.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotReady("503".to_owned())),
            Err(_) if self.world.state().flaw == Some(Flaw::SilenceIsHealth) => Ok(()),
            Err(error) => Err(NotReady(error.to_string())),
        }
    }

    async fn port_in_use(&self, _: u16) -> Option<bool> {
        self.world.look(&self.host, |_, _| false).await.ok()
    }
}

/// The operator's journal, as part of the world.
pub struct SimJournal(pub World);

impl Journal for SimJournal {
    fn append(&mut self, _: &shipctl::event::Record, _: bool) -> std::io::Result<()> {
        self.0.journal()
    }
}
