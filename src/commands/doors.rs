//! Opens the doors of a fleet for one command, and closes them whatever comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bollard::auth::DockerCredentials;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::time::timeout;

use crate::balancer::haproxy::Haproxy;
use crate::container::{ContainerId, PinnedImage};
use crate::engine::EngineError;
use crate::engine::docker::{self, DockerHost, RegistryLogins, files};
use crate::environment::{Balancer, Environment};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::fleet::observed::{HostView, Observed};
use crate::fleet::select::Selection;
use crate::fleet::{Endpoint, Host};
use crate::name::{BalancerName, HostName};
use crate::plan::Plan;
use crate::plan::Refusal;
use crate::registry::credentials::Logins;
use crate::rollout::doors::{BalancerDoor, Doors, HostDoors};
use crate::rollout::recorder::Recorder;
use crate::transport::{self, TransportError};

use super::Context;

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
}

/// Credentials that hosts may be given for a pull, by registry. Empty until a plan needs them.
type Passwords = Arc<RwLock<BTreeMap<String, DockerCredentials>>>;

impl Context {
    /// Connects to every host, does the work, and closes all connections.
    pub(super) async fn visit<T>(
        &self,
        environment: &Environment,
        work: impl AsyncFnOnce(&Fleet<'_>) -> Result<T>,
    ) -> Result<T> {
        let fleet = self.signals.unless_cancelled(async { Ok(Fleet::open(environment).await) }).await?;
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
    async fn open(environment: &'a Environment) -> Self {
        let passwords = Passwords::default();
        let logins = lookup(&passwords);
        let openings = environment.hosts.values().map(|host| {
            let logins = Arc::clone(&logins);
            async move { (host.name.clone(), open_one(host, Some(logins)).await) }
        });
        let opened: Vec<_> = stream::iter(openings).buffer_unordered(HANDSHAKES).collect().await;
        let mut fleet = Self { environment, doors: Doors::default(), hosts: BTreeMap::new(), passwords };
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
        fleet.doors.balancers = balancers(environment);
        fleet
    }

    /// Looks at every host once.
    pub(super) async fn observe(&self, recorder: &Recorder) -> Observed {
        let scope = self.environment.scope();
        recorder.note(Event::Observing { scope: scope.clone(), hosts: self.environment.hosts.len() });
        self.doors.observe(&scope).await
    }

    /// An open connection to the engine at an endpoint, if a host of the fleet is just that.
    pub(super) fn at(&self, endpoint: &Endpoint) -> Option<&DockerHost> {
        let host = self.environment.hosts.values().find(|host| host.endpoint == *endpoint)?;
        self.hosts.get(&host.name)
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

    /// Gets the credentials that the plan's pulls need, and no others.
    pub(super) async fn learn_passwords(&self, logins: &Logins, plan: &Plan) -> Result<()> {
        for image in plan.preparations.values().flat_map(|preparation| &preparation.pulls) {
            let PinnedImage::Registry { repository, .. } = image else { continue };
            let registry = repository.split('/').next().unwrap_or_default();
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
        // A host that does not even hear this is left to the idle limits of the connection.
        let _ = timeout(CLOSE, async { tokio::join!(hosts, balancers) }).await;
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
        Refusal::SameEngine(..) | Refusal::PortTaken { .. } => None,
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

/// Doors to the balancers that services are behind. They are opened by the first question.
fn balancers(environment: &Environment) -> BTreeMap<BalancerName, BalancerDoor> {
    let mut doors = BTreeMap::new();
    let services = environment.services.values().chain(environment.overrides.values());
    for traffic in services.filter_map(|service| service.traffic.as_ref()) {
        for name in &traffic.balancers {
            let Some(Balancer::Haproxy { ssh, socket }) = environment.balancers.get(name) else { continue };
            let door = doors.entry(name.clone()).or_insert_with(|| {
                let way = transport::socket(ssh.as_ref(), socket.path());
                BalancerDoor { balancer: Arc::new(Haproxy::new(way, socket)), backends: BTreeSet::new() }
            });
            door.backends.insert(traffic.backend.clone());
        }
    }
    doors
}

/// Connects to one engine.
pub(super) async fn open_one(host: &Host, logins: Option<RegistryLogins>) -> Result<DockerHost, TransportError> {
    let late = |_| TransportError { message: format!("no connection within {} s", OPEN.as_secs()), hint: None };
    timeout(OPEN, docker::open(host, logins)).await.map_err(late)?
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
