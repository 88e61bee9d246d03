//! The simulated fleet: hosts with engines, markers and containers, one registry, one clock, and a schedule of faults.
//!
//! It implements the semantics that the rollout relies on and nothing more. Time is tokio's paused clock, everything
//! runs on one thread: the same schedule gives the same run.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use shipctl::container::ContainerId;
use shipctl::delivery::Place;
use shipctl::engine::EngineError;
use shipctl::environment::{RestartPolicy, Scope};
use shipctl::fleet::key::{self, FingerprintKey};
use shipctl::fleet::ledger;
use shipctl::fleet::observed::{Boot, EngineFacts, ObservedHost, Phase};
use shipctl::fleet::stock::{Layer, Stock, StockedImage};
use shipctl::metrics::Sample;
use shipctl::name::HostName;
use shipctl::rollout::cancel::Cancel;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::balancer::SimBalancer;
use super::container::{Behaviour, SimContainer};
use super::edge::SimEdge;
use super::fault::Fault;
use super::hook::SimHooks;
use super::op::Op;
use super::rules::{self, Rules};
use super::store::SimStore;

/// A marker of a simulated host.
#[derive(Debug, Clone)]
pub struct SimMarker {
    pub id: ContainerId,
    /// Orders notes of one name that were put, not created.
    pub number: u64,
    pub text: String,
}

/// A simulated host.
#[derive(Debug, Clone, Default)]
pub struct SimHost {
    pub up: bool,
    /// A fault took it down during this run.
    pub felled: bool,
    /// When a fault took it down last.
    pub down_since: Option<Instant>,
    pub boots_at: Option<Instant>,
    /// How often it was started again.
    pub boots: u32,
    /// Whether it stays down when it is told to reboot.
    pub stays_down: bool,
    pub images: BTreeSet<String>,
    pub networks: BTreeSet<String>,
    pub volumes: BTreeSet<String>,
    /// Sets of files, with the digests of what is in them.
    pub places: BTreeMap<Place, Vec<String>>,
    /// Files that running containers can be switched to.
    pub live: BTreeMap<Place, SimVersions>,
    pub containers: Vec<SimContainer>,
    pub markers: BTreeMap<String, SimMarker>,
    /// Its edge; `None` where it has none.
    pub edge: Option<SimEdge>,
}

/// What every image of a simulated host takes on its disk.
pub const IMAGE: u64 = 10_000_000;

impl SimHost {
    /// Its images, each of one layer.
    pub fn stock(&self) -> Stock {
        let stocked = |name: &String| {
            let users = self.containers.iter().filter(|one| one.stamp.image.reference() == *name);
            let digests = name.contains('@').then(|| name.clone());
            let layers = vec![Layer { chain: name.clone(), bytes: IMAGE }];
            let users = users.map(|one| one.name.clone()).collect();
            StockedImage { digests: digests.into_iter().collect(), layers, users, ..StockedImage::default() }
        };
        Stock {
            images: self.images.iter().map(|name| (name.clone(), stocked(name))).collect(),
            markers: self.markers.keys().cloned().collect(),
        }
    }
}

/// A place that holds several versions of its files.
#[derive(Debug, Clone, Default)]
pub struct SimVersions {
    /// Digests of what is in them.
    pub versions: BTreeMap<String, Vec<String>>,
    /// The one that counts.
    pub current: Option<String>,
}

/// What a call was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// It changes a host.
    Change,
    /// It only looks.
    Look,
    /// A line of the operator's journal.
    Journal,
}

/// A broken promise of an adapter, planted to see whether the sweep catches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// `stop` leaves the restart policy as it is.
    StopKeepsPolicy,
    /// An error that means "nobody knows" is reported as "refused".
    LostMeansUndone,
    /// A late call takes hold later than a rollout waits for.
    LateBeyondBound(Duration),
    /// A probe without an answer says yes.
    SilenceIsHealth,
    /// A look at a host that does not answer shows an empty host.
    SilentIsEmpty,
    /// A balancer shows no requests of a server.
    DrainedIsIdle,
    /// A host shows no connections of a container.
    ConnectionsUnseen,
    /// Creating a marker whose name is taken succeeds.
    LockIsShared,
    /// Somebody else writes to the store just before us. No broken promise: nothing may be written over it.
    SomebodyElseWrites,
    /// Every change is made twice, as one whose first answer was lost is. No broken promise: nothing may come of it.
    EveryChangeTwice,
}

/// All there is.
#[derive(Debug, Clone)]
pub struct State {
    pub hosts: BTreeMap<HostName, SimHost>,
    /// By names that no host has.
    pub balancers: BTreeMap<HostName, SimBalancer>,
    pub registry_up: bool,
    pub store: SimStore,
    pub hooks: SimHooks,
    pub rules: Rules,
    pub violations: Vec<String>,
    pub flaw: Option<Flaw>,
    /// Calls made so far; faults go by it.
    pub calls: u64,
    /// Changes made so far.
    pub mutations: u64,
    pub faults: Vec<(u64, Fault)>,
    /// What each call was.
    pub kinds: Vec<Call>,
    late: Vec<(Instant, HostName, Op)>,
    behaviours: BTreeMap<String, Behaviour>,
    /// Smoke requests that were made: where, and for which path.
    pub smoked: Vec<(HostName, String)>,
    /// Those that fail, by the digest of the image and the path.
    pub refused: BTreeSet<(String, String)>,
    /// Of so many requests between two looks, by the digest of the image, those that fail.
    pub failing: BTreeMap<String, u64>,
    /// What was measured, in the order in which it is asked for; the last answer stays.
    pub measured: Vec<Result<Vec<Sample>, String>>,
    /// Queries that were asked.
    pub queries: Vec<String>,
    /// What a job does.
    pub job: Behaviour,
    /// Starts of jobs, by the names of their containers.
    pub job_starts: BTreeMap<String, u32>,
    next_id: u64,
    epoch: Instant,
    trace: u64,
}

impl State {
    pub fn host(&mut self, name: &HostName) -> &mut SimHost {
        self.hosts.get_mut(name).expect("a host of the world")
    }

    pub fn balancer(&mut self, name: &HostName) -> &mut SimBalancer {
        self.balancers.get_mut(name).expect("a balancer of the world")
    }

    fn is_up(&self, name: &HostName) -> bool {
        match self.balancers.get(name) {
            Some(balancer) => balancer.up,
            None => self.hosts[name].up,
        }
    }

    fn lose_power(&mut self, name: &HostName, now: Instant, back: Option<Instant>) {
        match self.balancers.get_mut(name) {
            Some(balancer) => balancer.lose_power(back),
            None => self.host(name).lose_power(now, back),
        }
    }

    pub fn container(&mut self, host: &HostName, id: &ContainerId) -> Option<&mut SimContainer> {
        self.host(host).containers.iter_mut().find(|container| container.id == *id)
    }

    pub fn new_id(&mut self) -> ContainerId {
        self.next_id += 1;
        ContainerId(format!("c{:04}", self.next_id))
    }

    pub fn behaviour(&self, digest: &str) -> Behaviour {
        self.behaviours.get(digest).cloned().unwrap_or(Behaviour::Good(Duration::from_millis(200)))
    }

    /// Has a container take up its live files, if it has any.
    pub fn load(&mut self, host: &HostName, id: &ContainerId, now: Instant) {
        let Some(live) = self.container(host, id).and_then(|container| container.stamp.live.clone()) else { return };
        let current = |place| self.hosts[host].live.get(place).and_then(|live| live.current.clone());
        let mut versions: Vec<_> = live.places.iter().map(current).collect();
        versions.dedup();
        let [Some(version)] = &versions[..] else {
            return self.violation(format!("I18: {host}: a container takes up files that are not there: {versions:?}"));
        };
        let of_version = self.behaviours.get(version).cloned();
        let of_image = self.container(host, id).map(|one| one.stamp.image.digest().to_owned());
        let behaviour = of_version.or_else(|| of_image.map(|digest| self.behaviour(&digest)));
        if let Some(container) = self.container(host, id) {
            container.load(version.clone(), behaviour, host, now);
        }
    }

    pub fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Lets pass what is due by now: late calls, reboots, programs that end.
    pub fn settle(&mut self, now: Instant) {
        self.store.settle(now);
        while let Some(index) = self.late.iter().position(|(due, _, _)| *due <= now) {
            let (_, host, op) = self.late.remove(index);
            if self.is_up(&host) {
                // Nobody hears what becomes of a call that is late.
                let _unheard = op.apply(self, &host, now);
            }
        }
        for balancer in self.balancers.values_mut().filter(|one| one.boots_at.is_some_and(|at| at <= now)) {
            balancer.boot();
        }
        rules::routed(self, now);
        let mut started = Vec::new();
        for (name, host) in &mut self.hosts {
            if host.boots_at.is_some_and(|at| at <= now) {
                let returned = host.boot(now).into_iter();
                let runs = host.containers.iter().filter(|one| one.is_running());
                started.extend(runs.map(|one| (name.clone(), one.id.clone())));
                self.violations
                    .extend(returned.map(|one| format!("I4: {name}: a boot brings back {one}, which was stopped")));
            }
            host.containers.iter_mut().for_each(|container| container.refresh(now));
        }
        for (host, id) in started {
            self.load(&host, &id, now);
        }
    }

    /// Counts a call to somebody, and says which fault meets it.
    pub fn call(&mut self, whom: &str, kind: Call, now: Instant) -> Option<Fault> {
        self.settle(now);
        self.calls += 1;
        let call = self.calls;
        let since = now.duration_since(self.epoch);
        self.remember(&(whom, call, since));
        self.kinds.push(kind);
        self.faults.iter().find(|(number, _)| *number == call).map(|(_, fault)| *fault)
    }

    fn remember(&mut self, what: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        (self.trace, what).hash(&mut hasher);
        self.trace = hasher.finish();
    }
}

impl SimHost {
    /// Whether no fault has taken it down in this run.
    pub fn is_sound(&self) -> bool {
        self.up && !self.felled
    }

    fn lose_power(&mut self, now: Instant, back: Option<Instant>) {
        self.up = false;
        self.felled = true;
        self.down_since = Some(now);
        self.boots_at = back;
        for container in self.containers.iter_mut().filter(|container| container.is_running()) {
            container.end(now, 137);
        }
    }

    /// It shuts down in good order, as it was told to, and starts again.
    pub fn go_down(&mut self, now: Instant) {
        self.up = false;
        self.boots_at = (!self.stays_down).then(|| now + REBOOT);
        for container in self.containers.iter_mut().filter(|container| container.is_running()) {
            container.end(now, 143);
        }
    }

    /// The life that it is in.
    pub fn boot_now(&self) -> Boot {
        Boot(format!("life {}", self.boots))
    }

    /// Starts what an engine starts after a boot: what its restart policy says, and nothing else. Returns the names of
    /// containers that came back although they had been stopped.
    fn boot(&mut self, now: Instant) -> Vec<String> {
        self.up = true;
        self.boots += 1;
        self.boots_at = None;
        self.edge = self.edge.as_ref().map(|_| SimEdge::default());
        let mut returned = Vec::new();
        for container in &mut self.containers {
            let failed = matches!(container.phase, Phase::Exited { code, .. } if code != 0);
            if container.restart != RestartPolicy::No && failed {
                if container.stopped {
                    returned.push(container.name.clone());
                }
                container.start(now);
            }
        }
        returned
    }
}

/// The world, shared by all doors into it.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    crash: Arc<Notify>,
    cancel: Cancel,
}

/// How long a host is down that reboots.
const REBOOT: Duration = Duration::from_secs(4);

/// How long a call takes.
pub const LATENCY: Duration = Duration::from_millis(3);

impl World {
    /// Hosts that are up and empty.
    pub fn new(hosts: impl IntoIterator<Item = HostName>) -> Self {
        let host = SimHost { up: true, ..SimHost::default() };
        let state = State {
            hosts: hosts.into_iter().map(|name| (name, host.clone())).collect(),
            balancers: BTreeMap::new(),
            registry_up: true,
            store: SimStore::default(),
            hooks: SimHooks::default(),
            rules: Rules::default(),
            violations: Vec::new(),
            flaw: None,
            calls: 0,
            mutations: 0,
            faults: Vec::new(),
            kinds: Vec::new(),
            late: Vec::new(),
            behaviours: BTreeMap::new(),
            smoked: Vec::new(),
            refused: BTreeSet::new(),
            failing: BTreeMap::new(),
            measured: Vec::new(),
            queries: Vec::new(),
            job: Behaviour::Ends(Duration::from_millis(300), 0),
            job_starts: BTreeMap::new(),
            next_id: 0,
            epoch: Instant::now(),
            trace: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), crash: Arc::default(), cancel: Cancel::default() }
    }

    /// A world of its own that continues from this one's present.
    pub fn fork(&self) -> Self {
        Self { state: Arc::new(Mutex::new(self.state().clone())), crash: Arc::default(), cancel: Cancel::default() }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the world")
    }

    /// From now on, calls number `n` (from 1) fail so.
    pub fn schedule(&self, faults: &[(u64, Fault)]) {
        let mut state = self.state();
        state.calls = 0;
        state.kinds.clear();
        state.faults = faults.to_vec();
        // A run can be killed once; a second blow that met nobody is not for the next run.
        let _unheard = self.crash.notified().now_or_never();
    }

    /// What a program of this image does.
    pub fn behaves(&self, digest: &str, behaviour: Behaviour) {
        self.state().behaviours.insert(digest.to_owned(), behaviour);
    }

    /// The operator's wish to stop, which a fault may voice.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Ends the run.
    pub fn kill(&self) {
        self.crash.notify_one();
    }

    /// Returns when a fault kills the run.
    pub async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// A number that differs when anything that happened differs.
    pub fn trace(&self) -> u64 {
        self.state().trace
    }

    /// Makes a change on a host, as far as the schedule lets it.
    pub async fn change(&self, host: &HostName, op: Op) -> Result<Option<ContainerId>, EngineError> {
        let result = self.attempt(host, op).await;
        match (self.state().flaw, result) {
            (Some(Flaw::LostMeansUndone), Err(EngineError::InDoubt(why))) => Err(EngineError::NotFound(why)),
            (_, result) => result,
        }
    }

    async fn attempt(&self, host: &HostName, op: Op) -> Result<Option<ContainerId>, EngineError> {
        let fault = self.begin(host, Call::Change).await?;
        let lost = || EngineError::InDoubt("the connection was lost".to_owned());
        let now = Instant::now();
        match fault {
            None | Some(Fault::Interrupt) => {
                let mut state = self.state();
                if state.flaw == Some(Flaw::EveryChangeTwice) {
                    let _unheard = op.apply(&mut state, host, now);
                }
                op.apply(&mut state, host, now)
            }
            Some(Fault::FailAfter) => {
                let _unheard = op.apply(&mut self.state(), host, now);
                Err(EngineError::Refused("internal error".to_owned()))
            }
            Some(Fault::LoseReply) => {
                let _unheard = op.apply(&mut self.state(), host, now);
                Err(lost())
            }
            Some(Fault::Late(by)) => {
                let flaw = self.state().flaw;
                let by = if let Some(Flaw::LateBeyondBound(by)) = flaw { by } else { by };
                self.state().late.push((now + by, host.clone(), op));
                Err(lost())
            }
            Some(Fault::CrashAfter) => {
                let _unheard = op.apply(&mut self.state(), host, now);
                self.crash.notify_one();
                std::future::pending().await
            }
            Some(_) => Err(lost()),
        }
    }

    /// Looks at a host, as far as the schedule lets it.
    pub async fn look<T>(
        &self,
        host: &HostName,
        read: impl FnOnce(&mut State, Instant) -> T,
    ) -> Result<T, EngineError> {
        let fault = self.begin(host, Call::Look).await?;
        if fault == Some(Fault::CrashAfter) {
            self.crash.notify_one();
            return std::future::pending().await;
        }
        if fault.is_some_and(|fault| fault != Fault::Interrupt) {
            return Err(EngineError::InDoubt("the connection was lost".to_owned()));
        }
        Ok(read(&mut self.state(), Instant::now()))
    }

    /// Counts a call and meets the faults that strike before it takes hold.
    async fn begin(&self, host: &HostName, kind: Call) -> Result<Option<Fault>, EngineError> {
        sleep(LATENCY).await;
        let now = Instant::now();
        let (fault, up) = {
            let mut state = self.state();
            let fault = state.call(host.as_str(), kind, now);
            match fault {
                Some(Fault::PowerOff) => state.lose_power(host, now, None),
                Some(Fault::PowerCut(back)) => state.lose_power(host, now, Some(now + back)),
                Some(Fault::Elsewhere) => {
                    let other = state.hosts.keys().rev().find(|other| *other != host).cloned();
                    if let Some(other) = other {
                        state.lose_power(&other, now, None);
                    }
                }
                Some(Fault::Interrupt) => self.cancel.request(),
                _ => {}
            }
            (fault.filter(|fault| *fault != Fault::Elsewhere), state.is_up(host))
        };
        match fault {
            Some(Fault::CrashBefore) => {
                self.crash.notify_one();
                std::future::pending().await
            }
            Some(Fault::Refuse) => Err(EngineError::Refused("refused".to_owned())),
            Some(Fault::Unreachable) => Err(EngineError::Unreachable("no route to host".to_owned())),
            _ if !up => Err(EngineError::InDoubt("the host does not answer".to_owned())),
            fault => Ok(fault),
        }
    }

    /// One append to the operator's journal; counts as a call that can be refused, or be the last.
    pub fn journal(&self) -> std::io::Result<()> {
        let mut state = self.state();
        state.calls += 1;
        let call = state.calls;
        state.remember(&call);
        state.kinds.push(Call::Journal);
        let fault = state.faults.iter().find(|(number, _)| *number == call).map(|(_, fault)| *fault);
        match fault {
            Some(fault) if fault.kills() => {
                self.crash.notify_one();
                Ok(())
            }
            Some(Fault::Interrupt) => {
                self.cancel.request();
                Ok(())
            }
            Some(fault) if !fault.fells_host() => Err(std::io::Error::other("no space left on device")),
            _ => Ok(()),
        }
    }
}

impl State {
    /// What a look at a host of this scope shows.
    pub fn observed(&mut self, host: &HostName, scope: &Scope) -> ObservedHost {
        let epoch = self.epoch;
        let ledger = ledger::marker_name(scope);
        let sim = self.host(host);
        let mut containers: Vec<_> = sim.containers.iter().map(|container| container.observed(epoch)).collect();
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        let (jobs, containers) = containers.into_iter().partition(|container| container.stamp.job.is_some());
        ObservedHost {
            engine: EngineFacts { id: format!("engine-{host}"), ..EngineFacts::default() },
            containers,
            jobs,
            foreign_ports: BTreeMap::new(),
            networks: sim.networks.clone(),
            volumes: sim.volumes.clone(),
            ledger: sim
                .markers
                .get(&ledger)
                .and_then(|marker| serde_json::from_str(&marker.text).ok())
                .unwrap_or_default(),
            key: sim.markers.get(&key::marker_name(scope)).and_then(|marker| FingerprintKey::parse(&marker.text)),
        }
    }

    /// When the world began, for the hosts' clocks.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }
}
