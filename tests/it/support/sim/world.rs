//! The simulated fleet: hosts with engines, markers and containers, one registry, one clock, and a schedule of faults.
//!
//! It implements the semantics that the rollout relies on and nothing more. Time is tokio's paused clock, everything
//! runs on one thread: the same schedule gives the same run.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shipctl::container::ContainerId;
use shipctl::engine::EngineError;
use shipctl::environment::{RestartPolicy, Scope};
use shipctl::fleet::observed::{EngineFacts, ObservedHost, Phase};
use shipctl::name::HostName;
use shipctl::fleet::ledger;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::container::{Behaviour, SimContainer};
use super::fault::Fault;
use super::op::Op;
use super::rules::Rules;

/// A marker of a simulated host.
#[derive(Debug, Clone)]
pub struct SimMarker {
    pub id: ContainerId,
    pub text: String,
}

/// A simulated host.
#[derive(Debug, Clone, Default)]
pub struct SimHost {
    pub up: bool,
    /// A fault took it down during this run.
    pub felled: bool,
    pub boots_at: Option<Instant>,
    pub images: BTreeSet<String>,
    pub networks: BTreeSet<String>,
    pub volumes: BTreeSet<String>,
    pub containers: Vec<SimContainer>,
    pub markers: BTreeMap<String, SimMarker>,
}

/// All there is.
#[derive(Debug, Clone)]
pub struct State {
    pub hosts: BTreeMap<HostName, SimHost>,
    pub registry_up: bool,
    pub rules: Rules,
    pub violations: Vec<String>,
    /// Calls made so far; faults go by it.
    pub calls: u64,
    /// Changes made so far.
    pub mutations: u64,
    pub faults: Vec<(u64, Fault)>,
    /// What each call was, when asked for.
    pub log: Option<Vec<String>>,
    late: Vec<(Instant, HostName, Op)>,
    behaviours: BTreeMap<String, Behaviour>,
    next_id: u64,
    epoch: Instant,
    trace: u64,
}

impl State {
    pub fn host(&mut self, name: &HostName) -> &mut SimHost {
        self.hosts.get_mut(name).expect("a host of the world")
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

    pub fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Lets pass what is due by now: late calls, reboots, programs that end.
    pub fn settle(&mut self, now: Instant) {
        while let Some(index) = self.late.iter().position(|(due, _, _)| *due <= now) {
            let (_, host, op) = self.late.remove(index);
            if self.host(&host).up {
                // Nobody hears what becomes of a call that is late.
                let _unheard = op.apply(self, &host, now);
            }
        }
        for host in self.hosts.values_mut() {
            if host.boots_at.is_some_and(|at| at <= now) {
                host.boot(now);
            }
            host.containers.iter_mut().for_each(|container| container.refresh(now));
        }
    }

    fn remember(&mut self, what: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        (self.trace, what).hash(&mut hasher);
        self.trace = hasher.finish();
    }
}

impl SimHost {
    fn lose_power(&mut self, now: Instant, back: Option<Instant>) {
        self.up = false;
        self.felled = true;
        self.boots_at = back;
        for container in self.containers.iter_mut().filter(|container| container.is_running()) {
            container.end(now, 137);
        }
    }

    /// Starts what an engine starts after a boot: what its restart policy says, and nothing else.
    fn boot(&mut self, now: Instant) {
        self.up = true;
        self.boots_at = None;
        for container in &mut self.containers {
            let failed = matches!(container.phase, Phase::Exited { code, .. } if code != 0);
            if container.restart != RestartPolicy::No && failed {
                container.start(now);
            }
        }
    }
}

/// The world, shared by all doors into it.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    crash: Arc<Notify>,
}

/// How long a call takes.
const LATENCY: Duration = Duration::from_millis(3);

impl World {
    /// Hosts that are up and empty.
    pub fn new(hosts: impl IntoIterator<Item = HostName>) -> Self {
        let host = SimHost { up: true, ..SimHost::default() };
        let state = State {
            hosts: hosts.into_iter().map(|name| (name, host.clone())).collect(),
            registry_up: true,
            rules: Rules::default(),
            violations: Vec::new(),
            calls: 0,
            mutations: 0,
            faults: Vec::new(),
            log: None,
            late: Vec::new(),
            behaviours: BTreeMap::new(),
            next_id: 0,
            epoch: Instant::now(),
            trace: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), crash: Arc::default() }
    }

    /// A world of its own that continues from this one's present.
    pub fn fork(&self) -> Self {
        Self { state: Arc::new(Mutex::new(self.state().clone())), crash: Arc::default() }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the world")
    }

    /// From now on, calls number `n` (from 1) fail so.
    pub fn schedule(&self, faults: &[(u64, Fault)]) {
        let mut state = self.state();
        state.calls = 0;
        state.faults = faults.to_vec();
    }

    /// What a program of this image does.
    pub fn behaves(&self, digest: &str, behaviour: Behaviour) {
        self.state().behaviours.insert(digest.to_owned(), behaviour);
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
        let fault = self.begin(host, &op).await?;
        let lost = || EngineError::InDoubt("the connection was lost".to_owned());
        let now = Instant::now();
        match fault {
            None => op.apply(&mut self.state(), host, now),
            Some(Fault::FailAfter) => {
                let _unheard = op.apply(&mut self.state(), host, now);
                Err(EngineError::Refused("internal error".to_owned()))
            }
            Some(Fault::LoseReply) => {
                let _unheard = op.apply(&mut self.state(), host, now);
                Err(lost())
            }
            Some(Fault::Late(by)) => {
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
    pub async fn look<T>(&self, host: &HostName, what: &str, read: impl FnOnce(&mut State, Instant) -> T) -> Result<T, EngineError> {
        let fault = self.begin(host, &what).await?;
        if fault == Some(Fault::CrashAfter) {
            self.crash.notify_one();
            return std::future::pending().await;
        }
        if fault.is_some() {
            return Err(EngineError::InDoubt("the connection was lost".to_owned()));
        }
        Ok(read(&mut self.state(), Instant::now()))
    }

    /// Counts a call and meets the faults that strike before it takes hold.
    async fn begin(&self, host: &HostName, what: &impl std::fmt::Debug) -> Result<Option<Fault>, EngineError> {
        sleep(LATENCY).await;
        let now = Instant::now();
        let (fault, up) = {
            let mut state = self.state();
            state.settle(now);
            state.calls += 1;
            let call = state.calls;
            let since = now.duration_since(state.epoch);
            state.remember(&(host.as_str(), call, since));
            if state.log.is_some() {
                let line = format!("{call} {host} {:.80}", format!("{what:?}"));
                state.log.as_mut().expect("just seen").push(line);
            }
            let fault = state.faults.iter().find(|(number, _)| *number == call).map(|(_, fault)| *fault);
            match fault {
                Some(Fault::PowerOff) => state.host(host).lose_power(now, None),
                Some(Fault::PowerCut(back)) => state.host(host).lose_power(now, Some(now + back)),
                _ => {}
            }
            (fault, state.host(host).up)
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
        if let Some(log) = &mut state.log {
            log.push(format!("{call} journal"));
        }
        let fault = state.faults.iter().find(|(number, _)| *number == call).map(|(_, fault)| *fault);
        match fault {
            Some(fault) if fault.kills() => {
                self.crash.notify_one();
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
        ObservedHost {
            engine: EngineFacts { id: format!("engine-{host}"), ..EngineFacts::default() },
            containers,
            foreign_ports: BTreeMap::new(),
            networks: sim.networks.clone(),
            volumes: sim.volumes.clone(),
            ledger: sim.markers.get(&ledger).and_then(|marker| serde_json::from_str(&marker.text).ok()).unwrap_or_default(),
        }
    }

    /// When the world began, for the hosts' clocks.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }
}
