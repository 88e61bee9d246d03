//! The simulated fleet behind the doors of a rollout.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shipctl::balancer::counters::Counting;
use shipctl::container::{ContainerId, ContainerName, ContainerSpec, PinnedImage};
use shipctl::delivery::{FileSet, LiveFiles, Place};
use shipctl::engine::marker::{Marker, Markers};
use shipctl::engine::memory::Held;
use shipctl::engine::{Arrival, Engine, EngineError, LineSink, Provision, PullProgress, Sent};
use shipctl::environment::{Health, Port, RestartPolicy, Scope, Smoke, edge};
use shipctl::fleet::layers::{Holding, Store};
use shipctl::fleet::observed::{Boot, ContainerState, ObservedHost};
use shipctl::fleet::stamp::Stamp;
use shipctl::fleet::stock::Stock;
use shipctl::health::{NotReady, Prober};
use shipctl::journal::Journal;
use shipctl::metrics::{Metrics, Sample};
use shipctl::name::{BalancerName, HostName};
use shipctl::power::Machine;
use shipctl::rollout::doors::{BalancerDoor, Doors, HostDoors};
use shipctl::template::rendered::RenderedFile;

use super::balancer::SimBalancerDoor;
use super::edge::SimEdgeDoor;
use super::op::Op;
use super::world::{Flaw, State, World};

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
        let counting = balancers.iter().map(|name| {
            let door: Arc<dyn Counting> = Arc::new(SimBalancerDoor { world: self.clone(), name: name.clone() });
            (name.as_str().parse().expect("a name"), door)
        });
        let counting = counting.collect();
        let door: Arc<dyn Metrics> = Arc::new(SimMetrics(self.clone()));
        let metrics = [("http://prometheus:9090".to_owned(), door)].into();
        let balancers = balancers.into_iter().map(|name| {
            let own = name.as_str().parse().expect("a name");
            let balancer = Arc::new(SimBalancerDoor { world: self.clone(), name });
            (own, BalancerDoor { balancer, backends: ["web".to_owned()].into() })
        });
        let balancers = balancers.chain(self.edges());
        Doors {
            hosts,
            unreachable: std::collections::BTreeMap::new(),
            balancers: balancers.collect(),
            counting,
            metrics,
            machines: std::collections::BTreeMap::new(),
        }
    }
}

impl World {
    /// Doors to the edges of hosts.
    fn edges(&self) -> Vec<(BalancerName, BalancerDoor)> {
        let state = self.state();
        let edged = state.hosts.iter().filter(|(_, host)| host.edge.is_some()).map(|(name, _)| name.clone());
        let door = |host: HostName| {
            let name = edge::balancer(&host);
            let balancer = Arc::new(SimEdgeDoor { world: self.clone(), host });
            (name, BalancerDoor { balancer, backends: ["web".to_owned()].into() })
        };
        edged.map(door).collect()
    }
}

impl World {
    /// The same, with hosts that may be told to reboot.
    pub fn doors_that_reboot(&self) -> Doors {
        let names: Vec<_> = self.state().hosts.keys().cloned().collect();
        let machine = |host: HostName| -> (HostName, Arc<dyn Machine>) {
            (host.clone(), Arc::new(SimDoor { world: self.clone(), host }))
        };
        Doors { machines: names.into_iter().map(machine).collect(), ..self.doors() }
    }
}

#[async_trait]
impl Machine for SimDoor {
    async fn boot(&self) -> Result<Boot, EngineError> {
        self.world.look(&self.host, |state, _| state.host(&self.host).boot_now()).await
    }

    async fn reboot(&self, from: &Boot) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Reboot(from.clone())).await.map(drop)
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

    async fn pull(&self, image: &PinnedImage, _: &PullProgress) -> Result<Arrival, EngineError> {
        let had = self.world.state().host(&self.host).images.contains(&image.reference());
        self.world.change(&self.host, Op::Pull(image.clone())).await?;
        let (layers, bytes) = if had { (0, 0) } else { (1, 5_900_000) };
        Ok(if image.is_sent() {
            Arrival::Sent(Sent { layers, of: 4, bytes, ..Sent::default() })
        } else {
            Arrival::Pulled
        })
    }

    async fn holding(&self) -> Result<Holding, EngineError> {
        let layers = |image: &String| vec!["base".to_owned(), image.clone()];
        let images = |state: &mut State, _| state.host(&self.host).images.iter().map(layers).collect();
        Ok(Holding { store: Store::Graph, images: self.world.look(&self.host, images).await? })
    }

    async fn provide(&self, _: &Scope, what: &Provision) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Provide(what.clone())).await.map(drop)
    }

    async fn deliver(&self, _: &Scope, set: &FileSet, files: &[RenderedFile]) -> Result<(), EngineError> {
        let mut files: Vec<_> = files.iter().map(|file| file.stamp(None)).collect();
        files.sort();
        let digests = files.into_iter().map(|file| file.digest).collect();
        let op = Op::Deliver(set.place.clone(), set.version.clone(), digests);
        self.world.change(&self.host, op).await.map(drop)
    }

    async fn tidy(&self, _: &Scope, _: &[Place]) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Tidy).await.map(drop)
    }

    async fn stock(&self) -> Result<Stock, EngineError> {
        self.world.look(&self.host, |state, _| state.host(&self.host).stock()).await
    }

    async fn discard(&self, names: &[String]) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Discard(names.to_vec())).await.map(drop)
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

    async fn seat(&self, id: &ContainerId, _: &str, address: Ipv4Addr) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Seat(id.clone(), address)).await.map(drop)
    }

    async fn unseat(&self, id: &ContainerId, _: &str) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Unseat(id.clone())).await.map(drop)
    }

    async fn promote(
        &self,
        id: &ContainerId,
        name: &ContainerName,
        restart: &RestartPolicy,
    ) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Promote(id.clone(), name.clone(), restart.clone())).await.map(drop)
    }

    async fn doubt(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Doubt(id.clone())).await.map(drop)
    }

    async fn holds(&self, _: &Scope, place: &Place, version: &str) -> Result<bool, EngineError> {
        let read = self.world.look(&self.host, |state, _| {
            state.host(&self.host).live.get(place).is_some_and(|live| live.versions.contains_key(version))
        });
        read.await
    }

    async fn switch(&self, _: &Scope, live: &LiveFiles, version: &str) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Switch(live.places.clone(), version.to_owned())).await.map(drop)
    }

    async fn signal(&self, id: &ContainerId, _: &str) -> Result<(), EngineError> {
        self.world.change(&self.host, Op::Signal(id.clone())).await.map(drop)
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

    async fn hold_memory(&self, _: &Scope) -> Result<Held, EngineError> {
        // No container here has secrets in memory.
        Ok(Held::default())
    }

    async fn restore_memory(&self, _: &Held) -> Result<(), EngineError> {
        Ok(())
    }

    async fn connections(&self, id: &ContainerId) -> Result<Option<u64>, EngineError> {
        self.world.look(&self.host, |state, now| Some(state.connections(&self.host, id, now))).await
    }

    async fn log_tail(&self, id: &ContainerId, _: usize) -> Result<Vec<String>, EngineError> {
        self.world.look(&self.host, |_, _| vec![format!("last words of {}", id.0)]).await
    }

    async fn follow(&self, id: &ContainerId, skip: usize, line: &LineSink) -> Result<(), EngineError> {
        // What a job says has no bearing on what becomes of it, so it is no call that can fail.
        if skip == 0 {
            line(format!("first words of {}", id.0));
        }
        Ok(())
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
    async fn probe(&self, id: &ContainerId, _: &[Port], _: &Health) -> Result<(), NotReady> {
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

    async fn smoke(&self, id: &ContainerId, _: &[Port], request: &Smoke) -> Result<(), NotReady> {
        let made = self.world.look(&self.host, |state, _| {
            state.smoked.push((self.host.clone(), request.path.clone()));
            let image = state.container(&self.host, id).map(|container| container.stamp.image.digest().to_owned());
            !state.refused.contains(&(image.unwrap_or_default(), request.path.clone()))
        });
        match made.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotReady("500".to_owned())),
            Err(error) => Err(NotReady(error.to_string())),
        }
    }

    async fn port_in_use(&self, _: u16) -> Option<bool> {
        self.world.look(&self.host, |_, _| false).await.ok()
    }
}

/// What was measured, as the test says.
struct SimMetrics(World);

#[async_trait]
impl Metrics for SimMetrics {
    async fn ask(&self, query: &str) -> Result<Vec<Sample>, String> {
        let mut state = self.0.state();
        state.queries.push(query.to_owned());
        let is_last = state.measured.len() == 1;
        if is_last { state.measured[0].clone() } else { state.measured.remove(0) }
    }
}

/// The operator's journal, as part of the world.
pub struct SimJournal(pub World);

impl Journal for SimJournal {
    fn append(&mut self, _: &shipctl::event::Record, _: bool) -> std::io::Result<()> {
        self.0.journal()
    }
}
