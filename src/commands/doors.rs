//! Opens the doors of a fleet for one command, and closes them whatever comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bollard::auth::DockerCredentials;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::time::timeout;

use crate::balancer::edge::Edge;
use crate::container::{ContainerId, PinnedImage};
use crate::engine::EngineError;
use crate::engine::console::Console;
use crate::engine::docker::depot::Depot;
use crate::engine::docker::seeds::Seeds;
use crate::engine::docker::{self, DockerHost, RegistryLogins, Supply, files};
use crate::environment::{Environment, Secret, edge};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::fleet::layers::Layers;
use crate::fleet::observed::{HostView, Observed};
use crate::fleet::select::Selection;
use crate::fleet::{Endpoint, Host};
use crate::image::reference::DEFAULT_REGISTRY;
use crate::metrics::Metrics;
use crate::metrics::prometheus::Prometheus;
use crate::name::{BalancerName, HostName, SecretName};
use crate::plan::Plan;
use crate::plan::Refusal;
use crate::power::{Machine, Shell};
use crate::registry::credentials::Logins;
use crate::rollout::doors::{BalancerDoor, Doors, HostDoors};
use crate::rollout::recorder::Recorder;
use crate::transport::TransportError;

use super::balancers::{self, Opener};
use super::sizes::Sizes;
use super::{Context, images, secrets};

/// Handshakes at the same time; each may start a process and cost both sides some computing.
const HANDSHAKES: usize = 16;
/// Longest wait for one host to let us in.
const OPEN: Duration = Duration::from_secs(45);
/// Longest wait for connections to end.
const CLOSE: Duration = Duration::from_secs(5);

/// Connections to the hosts of an environment.
pub(super) struct Fleet<'a> {
    /// The environment.
    pub(super) environment: &'a Environment,
    /// What a rollout does to it.
    pub(super) doors: Doors,
    hosts: BTreeMap<HostName, DockerHost>,
    passwords: Passwords,
    sizes: Arc<Sizes>,
    /// Connects when a host lacks an image that is sent.
    depot: Arc<Depot>,
}

/// What a command may do to hosts themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    /// Nothing.
    None,
    /// They may be told to reboot.
    Reboot,
}

/// Credentials that hosts may be given for a pull, by registry. Empty until a plan needs them.
type Passwords = Arc<RwLock<BTreeMap<String, DockerCredentials>>>;

impl Context {
    /// Looks at every host once, for a command whose answer is all that is to be read.
    pub(super) async fn look(&self, fleet: &Fleet<'_>) -> Result<Observed> {
        let recorder = self.quiet_recorder();
        self.signals.unless_cancelled(async { Ok(fleet.observe(&recorder).await) }).await
    }

    /// Connects to every host, does the work, and closes all connections.
    pub(super) async fn visit<T>(
        &self,
        environment: &Environment,
        work: impl AsyncFnOnce(&Fleet<'_>) -> Result<T>,
    ) -> Result<T> {
        self.visit_with(environment, Power::None, work).await
    }

    /// The same, with so much power over the hosts themselves.
    pub(super) async fn visit_with<T>(
        &self,
        environment: &Environment,
        power: Power,
        work: impl AsyncFnOnce(&Fleet<'_>) -> Result<T>,
    ) -> Result<T> {
        let open = async {
            let keys = balancers::keys_of(environment);
            let secrets = if keys.is_empty() {
                BTreeMap::new()
            } else {
                // Without one its balancer refuses, which is no reason to show nothing else.
                secrets::only(environment, keys, self.reporter.redactor()).await.unwrap_or_default()
            };
            Ok(Fleet::open(environment, &secrets).await)
        };
        let mut fleet = self.signals.unless_cancelled(open).await?;
        if power == Power::Reboot {
            fleet.doors.machines = fleet.machines();
        }
        let result = tokio::select! {
            biased;
            error = self.signals.aborted() => Err(error),
            result = work(&fleet) => result,
        };
        fleet.close().await;
        result
    }
}

impl<'a> Fleet<'a> {
    async fn open(environment: &'a Environment, secrets: &BTreeMap<SecretName, Secret>) -> Self {
        let (passwords, sizes) = (Passwords::default(), Arc::<Sizes>::default());
        let depot = Arc::new(Depot::new(&environment.builder));
        let seeds = Arc::new(Seeds::default());
        let supply = Supply {
            logins: Some(lookup(&passwords)),
            depot: Some(Arc::clone(&depot)),
            sizes: Some(sizes.lookup()),
            seeds: Some(Arc::clone(&seeds)),
        };
        let openings = environment.hosts.values().map(|host| {
            let supply = supply.clone();
            async move { (host.name.clone(), open_one(host, supply).await) }
        });
        let opened: Vec<_> = stream::iter(openings).buffer_unordered(HANDSHAKES).collect().await;
        let mut fleet = Self { environment, doors: Doors::default(), hosts: BTreeMap::new(), passwords, sizes, depot };
        for (name, result) in opened {
            match result {
                Ok(host) => {
                    let DockerHost { engine, markers, prober, .. } = host.clone();
                    fleet.doors.hosts.insert(name.clone(), HostDoors { engine, markers, prober });
                    fleet.hosts.insert(name, host);
                }
                Err(error) => drop(fleet.doors.unreachable.insert(name, told(error))),
            }
        }
        seeds.know(fleet.hosts.iter().map(|(name, host)| (name.clone(), host.client.clone())).collect());
        let doors = Opener { environment, hosts: &fleet.hosts, secrets };
        (fleet.doors.balancers, fleet.doors.counting) = (doors.doors(), doors.counting());
        fleet.doors.metrics = metrics(environment);
        let edges = fleet.edges();
        fleet.doors.balancers.extend(edges);
        fleet
    }

    /// The machines of hosts on which programs can be run.
    fn machines(&self) -> BTreeMap<HostName, Arc<dyn Machine>> {
        let is_by_ssh = |name: &HostName| {
            self.environment.hosts.get(name).is_some_and(|host| matches!(host.endpoint, Endpoint::Ssh(_)))
        };
        let hosts = self.hosts.iter().filter(|(name, _)| is_by_ssh(name));
        let machine = |host: &DockerHost| Arc::new(Shell(Arc::clone(&host.transport))) as Arc<dyn Machine>;
        hosts.map(|(name, host)| (name.clone(), machine(host))).collect()
    }

    /// Doors to the edges of the hosts that have one.
    fn edges(&self) -> BTreeMap<BalancerName, BalancerDoor> {
        let (environment, scope) = (self.environment, self.environment.scope());
        let mut doors = BTreeMap::new();
        for service in environment.services.values() {
            for host in environment.placed(service) {
                let Some(route) = &environment.on(&host.name, service).edge else { continue };
                let Some(DockerHost { client, .. }) = self.hosts.get(&host.name) else { continue };
                let door = doors.entry(edge::balancer(&host.name)).or_insert_with(|| {
                    let balancer = Arc::new(Edge::new(client.clone(), scope.clone()));
                    BalancerDoor { balancer, backends: BTreeSet::new() }
                });
                door.backends.insert(route.backend.clone());
            }
        }
        doors
    }

    /// Looks at every host once.
    pub(super) async fn observe(&self, recorder: &Recorder) -> Observed {
        let scope = self.environment.scope();
        recorder.note(Event::Observing { scope: scope.clone(), hosts: self.environment.hosts.len() });
        self.doors.observe(&scope).await
    }

    /// What images that are sent consist of, and what of it hosts have. What is not told is left out: plans only show it.
    pub(super) async fn layers(&self, images: impl Iterator<Item = &PinnedImage>) -> Layers {
        let sent: BTreeSet<_> = images.filter(|image| image.is_sent()).collect();
        if sent.is_empty() {
            return Layers::default();
        }
        let asked = sent.into_iter().map(|image| async {
            let layers = self.depot.layers(image).await.ok().filter(|layers| !layers.is_empty())?;
            Some((image.digest().to_owned(), layers))
        });
        let (images, held) = tokio::join!(join_all(asked), self.doors.holdings());
        Layers { images: images.into_iter().flatten().collect(), held }
    }

    /// An open connection to the engine at an endpoint, if a host of the fleet is just that.
    pub(super) fn at(&self, endpoint: &Endpoint) -> Option<&DockerHost> {
        let host = self.environment.hosts.values().find(|host| host.endpoint == *endpoint)?;
        self.hosts.get(&host.name)
    }

    /// Credentials for pulls, as far as they are known.
    pub(super) fn logins(&self) -> RegistryLogins {
        lookup(&self.passwords)
    }

    /// What the containers of a host tell, if it has let us in.
    pub(super) fn console(&self, host: &HostName) -> Option<Arc<dyn Console>> {
        self.hosts.get(host).map(|host| Arc::clone(&host.console))
    }

    /// All doors of a host, if it has let us in.
    pub(super) fn door(&self, host: &HostName) -> Option<&DockerHost> {
        self.hosts.get(host)
    }

    /// What a file of a container holds now.
    pub(super) async fn file(
        &self,
        host: &HostName,
        id: &ContainerId,
        path: &str,
    ) -> std::result::Result<Option<String>, EngineError> {
        match self.hosts.get(host) {
            Some(host) => files::read(&host.client, id, path).await,
            None => Err(EngineError::Unreachable(format!("{host} did not answer"))),
        }
    }

    /// Gets what the plan's pulls need: credentials, and no others; and whom to ask how large they are.
    pub(super) async fn learn_passwords(&self, logins: &Arc<Logins>, plan: &Plan) -> Result<()> {
        self.learn_for(logins, plan.preparations.values().flat_map(|preparation| &preparation.pulls)).await
    }

    /// The same for pulls of these images.
    pub(super) async fn learn_for(
        &self,
        logins: &Arc<Logins>,
        images: impl Iterator<Item = &PinnedImage>,
    ) -> Result<()> {
        // What is wrong with it has been said when tags were resolved.
        self.sizes.ask(images::registry(self.environment, logins).ok());
        for image in images {
            let PinnedImage::Registry { repository, .. } = image else { continue };
            let registry = repository.split('/').next().unwrap_or_default();
            // Engines show what they are given for Docker Hub to a mirror that asks, whoever listens on the way.
            if registry == DEFAULT_REGISTRY && self.environment.mirrors.iter().any(|mirror| mirror.insecure) {
                continue;
            }
            let credentials =
                logins.of(registry).await.map_err(|error| hinted(Error::unchanged(error.clone()), error.hint()))?;
            if let Some(credentials) = credentials.for_engine(registry) {
                self.passwords.write().unwrap_or_else(PoisonError::into_inner).insert(registry.to_owned(), credentials);
            }
        }
        Ok(())
    }

    async fn close(&self) {
        let hosts = join_all(self.hosts.values().map(|host| host.transport.close()));
        let balancers = join_all(self.doors.balancers.values().map(|door| door.balancer.close()));
        let counting = join_all(self.doors.counting.values().map(|door| door.close()));
        // A host that does not even hear this is left to the idle limits of the connection.
        let _ = timeout(CLOSE, async { tokio::join!(hosts, balancers, counting, self.depot.close()) }).await;
    }
}

/// Refuses, before minutes are spent on builds, what the planner would refuse.
pub(super) fn all_answer(observed: &Observed, selection: &Selection) -> Result<()> {
    let silent = unreachable(observed, selection);
    if silent.is_empty() { Ok(()) } else { Err(refused(Refusal::Unreachable(silent))) }
}

/// The selected hosts that did not answer.
pub(super) fn unreachable(observed: &Observed, selection: &Selection) -> Vec<(HostName, String)> {
    let silent = observed.hosts.iter().filter_map(|(name, view)| match view {
        HostView::Unreachable(why) if selection.has_host(name) => Some((name.clone(), why.clone())),
        HostView::Unreachable(_) | HostView::Seen(_) => None,
    });
    silent.collect()
}

/// No plan can be made.
pub(super) fn refused(refusal: Refusal) -> Error {
    let hint = match &refusal {
        Refusal::Unreachable(_) => Some("bring the host back, or leave it out by selecting the others with --host"),
        Refusal::NotKept { .. } => Some("deploy that release again from its manifest"),
        Refusal::Balancer(..) => Some("see that it runs, and that its socket and backend are those of the manifest"),
        Refusal::NoServer { .. } => {
            Some("name the server in the manifest: `traffic: { server: … }`, or add it to the backend")
        }
        Refusal::JobFailed(failed) => {
            let again = "deploy a release that puts it right, or have it run once more for this one: --rerun-job";
            let hint = format!("{again} {}", failed.job);
            return Error::unchanged(refusal).hint(hint);
        }
        Refusal::NoCapacity { .. } => Some("bring the hosts back, or raise `max_unavailable`"),
        Refusal::MayNotPause(_) => Some("raise `max_unavailable`"),
        Refusal::WouldBeOut { .. } => Some("leave hosts out with --host, or add --force, which is recorded"),
        Refusal::LeftUnfinished(..) => Some("bring it to an end first: shipctl deploy ENV, or shipctl rollback ENV"),
        Refusal::NothingDeployed => Some("shipctl deploy ENV"),
        Refusal::NothingKept(..) | Refusal::Emptied(..) => {
            Some("shipctl deploy ENV, or leave it out by selecting the others with --host")
        }
        Refusal::InForce { .. } => Some("stop it first (shipctl stop ENV), or add --force, which is recorded"),
        Refusal::NoWayToReboot(_) => {
            Some("leave it out by selecting the others with --host, and reboot it as you reach it")
        }
        Refusal::SameEngine(..) | Refusal::PortTaken { .. } | Refusal::JobElsewhere { .. } => None,
    };
    hinted(Error::unchanged(refusal), hint)
}

/// The error with one more next step, where there is one.
pub(super) fn hinted(error: Error, hint: Option<impl Into<String>>) -> Error {
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Doors to what was measured.
fn metrics(environment: &Environment) -> BTreeMap<String, Arc<dyn Metrics>> {
    let mut doors: BTreeMap<String, Arc<dyn Metrics>> = BTreeMap::new();
    let gates: Vec<_> = environment.services.values().flat_map(|service| &service.update.queries).collect();
    for gate in &gates {
        let address = &gate.query.prometheus;
        let ca = || gates.iter().filter(|one| one.query.prometheus == *address).find_map(|one| one.ca.as_deref());
        doors.entry(address.clone()).or_insert_with(|| Arc::new(Prometheus::new(address, ca())));
    }
    doors
}

/// Connects to one engine.
pub(super) async fn open_one(host: &Host, supply: Supply) -> Result<DockerHost, TransportError> {
    let late = |_| TransportError { message: format!("no connection within {} s", OPEN.as_secs()), hint: None };
    timeout(OPEN, docker::open(host, supply)).await.map_err(late)?
}

fn lookup(passwords: &Passwords) -> RegistryLogins {
    let passwords = Arc::clone(passwords);
    Arc::new(move |registry| passwords.read().unwrap_or_else(PoisonError::into_inner).get(registry).cloned())
}

fn told(error: TransportError) -> String {
    match error.hint {
        Some(hint) => format!("{}\n{hint}", error.message),
        None => error.message,
    }
}
