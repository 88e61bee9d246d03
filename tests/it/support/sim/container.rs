//! A simulated container: what its image makes it do as time passes.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use shipctl::container::{ContainerId, SWITCHING_SUFFIX, SpecDigest, final_name};
use shipctl::environment::RestartPolicy;
use shipctl::fleet::observed::{ContainerState, EngineHealth, ObservedContainer, Phase};
use shipctl::fleet::stamp::Stamp;
use shipctl::name::HostName;
use tokio::time::Instant;

/// What a program does once it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Healthy after so long.
    Good(Duration),
    /// Runs, and never becomes healthy.
    NeverHealthy,
    /// Exits with code 1 after so long.
    Exits(Duration),
    /// Healthy at once, and failing after so long.
    FailsAfter(Duration),
    /// Ends with this code after so long, as a job does.
    Ends(Duration, i64),
    /// Healthy at once, and never again after it was stopped.
    Once,
    /// Another behaviour on one host, good elsewhere.
    Only(HostName, Box<Behaviour>),
}

impl Behaviour {
    /// Whether the program fails after it was healthy, on any host.
    pub fn fails_late(&self) -> bool {
        match self {
            Self::Only(_, behaviour) => behaviour.fails_late(),
            other => matches!(other, Self::FailsAfter(_)),
        }
    }

    fn on(&self, host: &HostName) -> Self {
        match self {
            Self::Only(name, behaviour) if name == host => behaviour.on(host),
            Self::Only(..) => Self::Good(Duration::from_millis(200)),
            other => other.clone(),
        }
    }
}

/// A container of a simulated host.
#[derive(Debug, Clone)]
pub struct SimContainer {
    pub id: ContainerId,
    pub name: String,
    pub stamp: Stamp,
    pub ports: Vec<u16>,
    pub restart: RestartPolicy,
    /// Digests of the files that were copied in.
    pub files: Vec<String>,
    pub phase: Phase,
    pub started: Option<Instant>,
    /// When it took up the files that it has: its last start, or a signal since.
    pub began: Option<Instant>,
    /// The version of its live files that it has taken up.
    pub loaded: Option<String>,
    pub finished: Option<Instant>,
    pub restarts: u64,
    /// It was stopped on request, and not started since.
    pub stopped: bool,
    /// What the store held when it was started last.
    pub read: Option<String>,
    lives: u32,
    /// Its seat behind the edge.
    pub seat: Option<Ipv4Addr>,
    behaviour: Behaviour,
}

impl SimContainer {
    pub fn new(
        id: ContainerId,
        name: String,
        stamp: Stamp,
        ports: Vec<u16>,
        behaviour: &Behaviour,
        host: &HostName,
    ) -> Self {
        Self {
            id,
            name,
            stamp,
            ports,
            restart: RestartPolicy::No,
            files: Vec::new(),
            phase: Phase::Created,
            started: None,
            began: None,
            loaded: None,
            finished: None,
            restarts: 0,
            stopped: false,
            read: None,
            lives: 0,
            seat: None,
            behaviour: behaviour.on(host),
        }
    }

    /// What its program does from its next start on.
    pub fn behaves(&mut self, behaviour: Behaviour) {
        self.behaviour = behaviour;
    }

    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    pub fn is_proven(&self) -> bool {
        self.name == final_name(&self.name)
    }

    /// Whether it is what its name says but for a switch that is under way.
    pub fn is_switching(&self) -> bool {
        self.name.ends_with(SWITCHING_SUFFIX)
    }

    /// The spec that it shows to who looks.
    pub fn shown(&self) -> SpecDigest {
        self.stamp.spec.named(final_name(&self.name)).expect("nobody renames containers here")
    }

    /// The spec that it really has: with the files that its program has taken up.
    pub fn spec(&self) -> SpecDigest {
        match &self.loaded {
            Some(version) if self.is_running() => SpecDigest(format!("{}.{version}", self.stamp.spec.base())),
            _ => self.shown(),
        }
    }

    /// Has it take up a version of its live files, which may make it behave in another way.
    pub fn load(&mut self, version: String, behaviour: Option<Behaviour>, host: &HostName, now: Instant) {
        self.loaded = Some(version);
        self.began = Some(now);
        if let Some(behaviour) = behaviour {
            self.behaviour = behaviour.on(host);
        }
    }

    /// Lets time do to the container what its program does.
    pub fn refresh(&mut self, now: Instant) {
        let (Some(started), true) = (self.began, self.is_running()) else { return };
        let after = match &self.behaviour {
            Behaviour::Exits(after) => after,
            Behaviour::Ends(after, code) => {
                if now >= started + *after {
                    self.phase = Phase::Exited { code: *code, oom_killed: false };
                    self.finished = Some(started + *after);
                }
                return;
            }
            _ => return,
        };
        if now >= started + *after {
            if self.restart == RestartPolicy::No {
                self.phase = Phase::Exited { code: 1, oom_killed: false };
                self.finished = Some(started + *after);
            } else {
                self.restarts += 1;
                self.started = Some(now);
                self.began = Some(now);
            }
        }
    }

    pub fn start(&mut self, now: Instant) {
        self.phase = Phase::Running;
        self.started = Some(now);
        self.began = Some(now);
        self.restarts = 0;
        self.lives += 1;
        self.stopped = false;
    }

    pub fn end(&mut self, now: Instant, code: i64) {
        self.phase = Phase::Exited { code, oom_killed: false };
        self.finished = Some(now);
    }

    /// The truth, which the rollout can only find out by asking.
    pub fn healthy_since(&self) -> Option<Instant> {
        let started = self.began.filter(|_| self.is_running())?;
        match &self.behaviour {
            Behaviour::Good(after) => Some(started + *after),
            Behaviour::FailsAfter(_) => Some(started),
            Behaviour::Once if self.lives == 1 => Some(started),
            _ => None,
        }
    }

    pub fn is_healthy(&self, now: Instant) -> bool {
        let failing = self.fails_at().is_some_and(|at| now >= at);
        self.healthy_since().is_some_and(|since| now >= since) && !failing
    }

    /// Whether it has been healthy for so long in its present life. A promotion whose answer was lost is made again, and
    /// may then meet a program that has begun to fail: that is the monitor's to find.
    pub fn has_proved_itself(&self, needed: Duration, now: Instant) -> bool {
        let healthy_until = self.fails_at().map_or(now, |at| now.min(at));
        self.healthy_since().is_some_and(|since| healthy_until >= since + needed)
    }

    fn fails_at(&self) -> Option<Instant> {
        match (&self.behaviour, self.began) {
            (Behaviour::FailsAfter(after), Some(started)) => Some(started + *after),
            _ => None,
        }
    }

    pub fn state(&self, epoch: Instant) -> ContainerState {
        let stamp = |at: Option<Instant>| at.map(|at| timestamp(at, epoch));
        ContainerState {
            phase: self.phase,
            started_at: stamp(self.started),
            finished_at: stamp(self.finished),
            restarts: self.restarts,
            health: EngineHealth::None,
        }
    }

    pub fn observed(&self, epoch: Instant) -> ObservedContainer {
        ObservedContainer {
            id: self.id.clone(),
            name: self.name.clone(),
            proven: self.is_proven(),
            switching: self.is_switching(),
            stamp: Stamp { spec: self.shown(), ..self.stamp.clone() },
            state: self.state(epoch),
            restart: self.restart.clone(),
            ports: self.ports.iter().copied().collect(),
            seat: self.seat,
            emptied: false,
        }
    }
}

/// The hosts' clock: virtual time since the world began.
pub fn timestamp(at: Instant, epoch: Instant) -> Timestamp {
    let micros = i64::try_from(at.saturating_duration_since(epoch).as_micros()).unwrap_or(0);
    Timestamp::from_microsecond(1_767_225_600_000_000 + micros).expect("a date of this century")
}
