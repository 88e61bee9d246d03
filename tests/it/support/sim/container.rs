//! A simulated container: what its image makes it do as time passes.

use std::time::Duration;

use jiff::Timestamp;
use shipctl::container::ContainerId;
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
    pub finished: Option<Instant>,
    pub restarts: u64,
    /// It was stopped on request, and not started since.
    pub stopped: bool,
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
            finished: None,
            restarts: 0,
            stopped: false,
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
        !self.name.ends_with("-unproven")
    }

    /// Lets time do to the container what its program does.
    pub fn refresh(&mut self, now: Instant) {
        let (Behaviour::Exits(after), Some(started), true) = (&self.behaviour, self.started, self.is_running()) else {
            return;
        };
        if now >= started + *after {
            if self.restart == RestartPolicy::No {
                self.phase = Phase::Exited { code: 1, oom_killed: false };
                self.finished = Some(started + *after);
            } else {
                self.restarts += 1;
                self.started = Some(now);
            }
        }
    }

    pub fn start(&mut self, now: Instant) {
        self.phase = Phase::Running;
        self.started = Some(now);
        self.restarts = 0;
        self.stopped = false;
    }

    pub fn end(&mut self, now: Instant, code: i64) {
        self.phase = Phase::Exited { code, oom_killed: false };
        self.finished = Some(now);
    }

    /// The truth, which the rollout can only find out by asking.
    pub fn healthy_since(&self) -> Option<Instant> {
        let started = self.started.filter(|_| self.is_running())?;
        match &self.behaviour {
            Behaviour::Good(after) => Some(started + *after),
            Behaviour::FailsAfter(_) => Some(started),
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
        match (&self.behaviour, self.started) {
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
            stamp: self.stamp.clone(),
            state: self.state(epoch),
            restart: self.restart.clone(),
            ports: self.ports.iter().copied().collect(),
            emptied: false,
        }
    }
}

/// The hosts' clock: virtual time since the world began.
pub fn timestamp(at: Instant, epoch: Instant) -> Timestamp {
    let micros = i64::try_from(at.saturating_duration_since(epoch).as_micros()).unwrap_or(0);
    Timestamp::from_microsecond(1_767_225_600_000_000 + micros).expect("a date of this century")
}
