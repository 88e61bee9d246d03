//! One schedule of faults: a command is run under it, then the world is left in peace, and everything that must hold
//! is checked, against the world and not against what the rollout says.

use std::collections::BTreeMap;
use std::time::Duration;

use shipctl::container::SpecDigest;
use shipctl::delivery::Delivery;
use shipctl::environment::{BatchSize, Drain, Environment, OnDeadline, Order, RestartPolicy, Traffic};
use shipctl::fleet::key;
use shipctl::name::{BalancerName, HostName};
use shipctl::rollout::cancel::Cancel;
use shipctl::rollout::report::{Outcome, Report, RowTraffic, Running, StoreNow};
use tokio::time::Instant;

use super::environment::{PUBLISHED, delivering, environment, host, image, publishing, secret_release};
use super::operator::{Command, End, Operator, let_pass};
use super::planted::Planted;
use super::sim::balancer::SimBalancer;
use super::sim::container::SimContainer;
use super::sim::rules::Rules;
use super::sim::world::Call;
use super::sim::{Behaviour, Fault, World};

/// A fleet in a known state, and a command to run on it.
#[derive(Clone)]
pub struct Scenario {
    pub operator: Operator,
    pub command: Command,
    /// Whether the release that the command brings is a good one.
    pub good: bool,
    /// Whether the release fails after it has proved itself. Who interrupts its monitor is not told of that.
    fails_late: bool,
    /// Most hosts that may be out of service through the command.
    at_once: usize,
    origins: BTreeMap<HostName, SpecDigest>,
    targets: BTreeMap<HostName, SpecDigest>,
    /// What an earlier run had left behind when the command is typed.
    left: Vec<String>,
    /// What hosts run when the command is typed, where that is not what they go back to.
    begins: BTreeMap<HostName, Truth>,
}

/// What each host runs of a release.
fn specs(operator: &Operator, tag: &str) -> BTreeMap<HostName, SpecDigest> {
    let release = secret_release(&operator.environment, tag);
    release.containers.iter().map(|((host, _), spec)| (host.clone(), spec.digest())).collect()
}

/// What was found out about one schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Everything that did not hold.
    pub violations: Vec<String>,
    /// What each call of the first run was.
    pub kinds: Vec<Call>,
    /// Differs when anything that happened differs.
    pub trace: u64,
    /// Outcome of the first run, for people.
    pub end: String,
    /// What was on every host after it: the names of containers, how they stand, and what they hold.
    pub left: Vec<String>,
}

impl Scenario {
    /// Three hosts on release 2 (1 is kept), about to get release 3.
    pub async fn deploy(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::fleet(&environment(3)).await, behaviour)
    }

    fn deploy_to(operator: Operator, behaviour: Behaviour) -> Self {
        let good = matches!(behaviour, Behaviour::Good(_));
        let fails_late = behaviour.fails_late();
        operator.world.behaves(image("v3").digest(), behaviour);
        let (origins, targets) = (specs(&operator, "v2"), specs(&operator, "v3"));
        let command = Command::Deploy("v3".to_owned());
        Self {
            operator,
            command,
            good,
            fails_late,
            at_once: 1,
            origins,
            targets,
            left: Vec::new(),
            begins: BTreeMap::new(),
        }
    }

    /// Three hosts, whose containers mount a file of their release from a volume.
    pub async fn volume(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::fleet(&delivering(environment(3), &Delivery::Volume)).await, behaviour)
    }

    /// The same, about to go back to release 1.
    pub async fn volume_rollback() -> Self {
        Self::rollback_of(Self::fleet(&delivering(environment(3), &Delivery::Volume)).await)
    }

    /// Three hosts, whose containers read a value of their release from a store.
    pub async fn publishing(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::fleet(&publishing(environment(3))).await, behaviour)
    }

    /// The same, about to go back to release 1.
    pub async fn publishing_rollback() -> Self {
        Self::rollback_of(Self::fleet(&publishing(environment(3))).await)
    }

    /// What the store holds before the command, and if it succeeds.
    fn published(&self) -> Option<(String, String)> {
        let tag = |tag: &str| tag.to_owned();
        let ends = match &self.command {
            Command::Deploy(to) => (tag("v2"), to.clone()),
            Command::Rollback => (tag("v2"), tag("v1")),
        };
        (!self.operator.environment.publish.is_empty()).then_some(ends)
    }

    /// I12: what the run says of the store is so.
    fn judge_store(&self, world: &World, end: &End, felled: bool, broken: &mut Vec<String>) {
        let Some((old, new)) = self.published() else { return };
        let there = world.state().store.text(PUBLISHED).unwrap_or_default();
        let report = match end {
            End::Reported(report) => report,
            End::Killed => return,
            End::Refused(_) | End::Nothing | End::NoRelease => {
                if there != old {
                    broken.push(format!("I12: a run that refused to begin left {there} in the store"));
                }
                return;
            }
        };
        let wanted = match (&report.outcome, report.stores.first().map(|row| &row.now)) {
            (Outcome::RolledBack | Outcome::Unchanged | Outcome::Locked(_), _)
            | (_, Some(StoreNow::Old))
            | (Outcome::Cancelled, None) => Some(&old),
            (Outcome::Completed, _) | (_, Some(StoreNow::New)) => Some(&new),
            (_, Some(StoreNow::Unknown(_)) | None) => None,
            (_, Some(StoreNow::Changed)) => {
                broken.push("I12: nobody else changed the store, and the report says so".to_owned());
                None
            }
        };
        if wanted.is_some_and(|wanted| *wanted != there) {
            let said = (&report.outcome, &report.stores);
            broken.push(format!("I12: the store holds {there:?}, and the report says {said:?} (felled: {felled})"));
        }
    }

    /// Three empty hosts, about to get their first release.
    pub fn first_deploy(behaviour: Behaviour) -> Self {
        let operator = Operator::new(&World::new((1..=3).map(host)), &environment(3));
        Self { origins: BTreeMap::new(), ..Self::deploy_to(operator, behaviour) }
    }

    /// Three hosts, two of them at a time.
    pub async fn two_at_a_time(behaviour: Behaviour) -> Self {
        let mut environment = environment(3);
        environment.services[0].update.parallelism = BatchSize::Count(2);
        Self { at_once: 2, ..Self::deploy_to(Self::fleet(&environment).await, behaviour) }
    }

    /// The same, start-first: both containers of a host may run at a time.
    pub async fn start_first(behaviour: Behaviour) -> Self {
        let mut environment = environment(3);
        let web = &mut environment.services[0];
        web.update.order = Order::StartFirst;
        web.runtime.ports.clear();
        Self::deploy_to(Self::fleet(&environment).await, behaviour)
    }

    /// Three hosts behind two balancers.
    pub async fn balanced(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::balanced_fleet().await, behaviour)
    }

    /// The same, about to go back.
    pub async fn balanced_rollback() -> Self {
        Self::rollback_of(Self::balanced_fleet().await)
    }

    async fn balanced_fleet() -> Operator {
        let mut environment = environment(3);
        let names: Vec<BalancerName> = ["lb1", "lb2"].map(|name| name.parse().expect("a name")).into();
        environment.services[0].traffic = Some(Traffic {
            balancers: names.clone(),
            backend: "web".to_owned(),
            server: None,
            drain: Drain { deadline: Duration::from_secs(5), on_deadline: OnDeadline::Abort },
            up_deadline: Duration::from_secs(5),
        });
        let world = World::new((1..=3).map(host));
        let own = |name: &BalancerName| (name.as_str().parse().expect("a name"), SimBalancer::new());
        world.state().balancers = names.iter().map(own).collect();
        let operator = Operator::new(&world, &environment);
        operator.deploy("v1").await;
        operator.deploy("v2").await;
        operator
    }

    /// Three hosts on release 2, about to go back to release 1.
    pub async fn rollback() -> Self {
        Self::rollback_of(Self::fleet(&environment(3)).await)
    }

    fn rollback_of(operator: Operator) -> Self {
        let (origins, targets) = (specs(&operator, "v2"), specs(&operator, "v1"));
        let (command, begins) = (Command::Rollback, BTreeMap::new());
        Self {
            operator,
            command,
            good: true,
            fails_late: false,
            at_once: 1,
            origins,
            targets,
            left: Vec::new(),
            begins,
        }
    }

    /// Three hosts on release 2, which has ended on the second one, about to get it again. It ends there again, or not.
    pub async fn put_back(good: bool) -> Self {
        let operator = Self::fleet(&environment(3)).await;
        let second = host(2);
        let mut origins = specs(&operator, "v2");
        let targets = origins.clone();
        origins.remove(&second);
        let now = Instant::now();
        let mut state = operator.world.state();
        let ended = state.host(&second).containers.iter_mut().find(|container| container.is_running());
        let ended = ended.expect("release 2 runs");
        ended.end(now, 1);
        if !good {
            ended.behaves(Behaviour::NeverHealthy);
        }
        drop(state);
        let (command, begins) = (Command::Deploy("v2".to_owned()), BTreeMap::new());
        Self { operator, command, good, fails_late: false, at_once: 1, origins, targets, left: Vec::new(), begins }
    }

    /// Three hosts on release 2, two of which a killed rollout of release 3 has left half-done, about to get release 4.
    pub async fn after_a_kill(behaviour: Behaviour) -> Self {
        let good = matches!(behaviour, Behaviour::Good(_));
        let mut environment = environment(3);
        environment.services[0].update.parallelism = BatchSize::Count(2);
        let fleet = Self::fleet(&environment).await;
        fleet.world.behaves(image("v4").digest(), behaviour);
        let half_done = |world: &World| {
            let unproven = |name: &HostName| {
                world.state().hosts[name].containers.iter().any(|one| one.is_running() && !one.is_proven())
            };
            [host(1), host(2)].iter().all(unproven)
        };
        let mut operator = None;
        for call in 1..200 {
            let world = fleet.world.fork();
            let ann = Operator { world: world.clone(), cancel: world.cancel(), ..fleet.clone() };
            world.schedule(&[(call, Fault::CrashAfter)]);
            let end = ann.run(&Command::Deploy("v3".to_owned())).await;
            world.schedule(&[]);
            if matches!(end, End::Killed) && half_done(&world) {
                // The lock of the dead expires.
                let_pass(&world, Duration::from_secs(30)).await;
                operator = Some(Operator { environment: super::environment::environment(3), ..ann });
                break;
            }
        }
        let operator = operator.expect("a moment at which two hosts are half-done");
        let (origins, targets) = (specs(&operator, "v2"), specs(&operator, "v4"));
        let left = specs(&operator, "v3");
        let begins = [host(1), host(2)].map(|name| (name.clone(), Truth::One(left[&name].clone(), false)));
        let (command, begins) = (Command::Deploy("v4".to_owned()), begins.into());
        let names = [host(1), host(2), host(3)];
        let left = left_behind(&operator.world, &names);
        Self { operator, command, good, fails_late: false, at_once: 2, origins, targets, left, begins }
    }

    async fn fleet(environment: &Environment) -> Operator {
        let world = World::new((1..=3).map(host));
        let operator = Operator::new(&world, environment);
        operator.deploy("v1").await;
        operator.deploy("v2").await;
        // A host that lacks the key of the secrets: bringing it there is part of every deploy that is swept.
        world.state().host(&host(2)).markers.remove(&key::marker_name(&environment.scope()));
        operator
    }

    fn wanted(&self) -> Command {
        self.command.clone()
    }

    /// The spec that a host shall have if the command succeeds.
    fn target(&self, name: &HostName) -> SpecDigest {
        self.targets[name].clone()
    }

    /// The spec that a host has when the command is typed.
    fn origin(&self, name: &HostName) -> Truth {
        self.origins.get(name).map_or(Truth::Nothing, |spec| Truth::One(spec.clone(), true))
    }

    /// What a host runs when the command is typed.
    fn beginning(&self, name: &HostName) -> Truth {
        self.begins.get(name).cloned().unwrap_or_else(|| self.origin(name))
    }

    /// The same, with a bug in it.
    pub fn with(mut self, planted: Planted) -> Self {
        self.operator.bend = planted.bend;
        self.operator.world.state().flaw = planted.flaw;
        self
    }

    /// Runs the command under `faults`, and then in peace.
    pub async fn play(&self, faults: &[(u64, Fault)]) -> Finding {
        let world = self.operator.world.fork();
        let operator = Operator { world: world.clone(), cancel: world.cancel(), ..self.operator.clone() };
        let names: Vec<_> = world.state().hosts.keys().cloned().collect();
        let rules = Rules {
            max_unavailable: self.at_once,
            origin: self.origins.clone(),
            image: match &self.command {
                Command::Deploy(tag) => Some(image(tag).reference()),
                Command::Rollback => None,
            },
        };
        world.state().rules = rules;
        world.schedule(faults);
        let end = operator.run(&self.wanted()).await;
        let operator = Operator { cancel: Cancel::default(), ..operator };
        let kinds = world.state().kinds.clone();
        let left = standing(&world);
        world.schedule(&[]);
        let mut broken = Vec::new();
        self.judge_report(&world, &end, faults, &names, &mut broken);
        // Late calls come in; hosts that lost power come back, as they do for the operator's next try.
        let_pass(&world, Duration::from_secs(90)).await;
        if !faults.iter().any(|(_, fault)| fault.fells_host()) {
            self.judge_report(&world, &end, faults, &names, &mut broken);
        }
        Self::restore_power(&world);
        let_pass(&world, Duration::from_secs(2)).await;
        self.judge_convergence(&operator, &names, &mut broken).await;
        let mut state = world.state();
        state.violations.append(&mut broken);
        state.violations.dedup();
        let violations = std::mem::take(&mut state.violations);
        drop(state);
        let end = match end {
            End::Reported(report) => format!("{:?}", report.outcome),
            other => format!("{other:?}"),
        };
        Finding { violations, kinds, trace: world.trace(), end, left }
    }

    fn restore_power(world: &World) {
        let now = Instant::now();
        let mut state = world.state();
        for balancer in state.balancers.values_mut().filter(|balancer| !balancer.up) {
            balancer.boots_at = Some(now);
        }
        for host in state.hosts.values_mut() {
            if !host.up {
                host.boots_at = Some(now);
            }
        }
        state.store.restore();
        state.settle(now);
    }

    /// I4 and I5: what the run said is what is; after a single fault every host runs exactly the old or the new.
    fn judge_report(
        &self,
        world: &World,
        end: &End,
        faults: &[(u64, Fault)],
        names: &[HostName],
        broken: &mut Vec<String>,
    ) {
        let single = faults.len() <= 1;
        let fells = faults.iter().any(|(_, fault)| fault.fells_host());
        let report = match end {
            End::Reported(report) => report,
            End::Killed => return,
            // Nothing was done, so nothing may have changed.
            End::Refused(_) | End::Nothing | End::NoRelease => {
                self.judge_store(world, end, fells, broken);
                for name in names {
                    if !fells && running(world, name) != self.beginning(name) {
                        broken.push(format!("I4: {name} was changed by a run that refused to begin"));
                    }
                }
                return;
            }
        };
        self.judge_store(world, end, fells, broken);
        for name in names {
            let truth = running(world, name);
            let (old, new) = (self.origin(name), self.target(name));
            // Who interrupts a monitor is told of a late failure only as far as a balancer has noticed it.
            let row = report.rows.iter().find(|row| row.host == *name);
            let is_out = row.is_some_and(|row| row.traffic == Some(RowTraffic::Out));
            let unwatched = self.fails_late && (report.outcome == Outcome::Cancelled || is_out);
            let is_new =
                |truth: &Truth| matches!(truth, Truth::One(spec, fine) if *spec == new && (*fine || unwatched));
            let begun = self.beginning(name);
            let is_old_or_new = |truth: &Truth| *truth == old || *truth == begun || is_new(truth);
            let up = world.state().hosts[name].up;
            let fine = match (&report.outcome, &truth) {
                (Outcome::Completed, Truth::One(spec, healthy)) => *spec == new && *healthy,
                (Outcome::RolledBack, truth) => *truth == old,
                (Outcome::Unchanged | Outcome::Locked(_), truth) => *truth == begun,
                (Outcome::Cancelled, truth) => is_old_or_new(truth),
                (Outcome::Halted, _) => true,
                _ => false,
            };
            if !fine && (up || report.outcome != Outcome::Unchanged) && !fells {
                broken.push(format!("I5: {name}: the report says {:?}, but it is {truth:?}", report.outcome));
            }
            if single && !fells && !is_old_or_new(&truth) {
                broken.push(format!("I4: {name}: after a single fault it is {truth:?} ({:?})", report.outcome));
            }
            Self::judge_row(report, name, &truth, up, fells, broken);
        }
        let undisturbed = faults.iter().all(|(_, fault)| *fault == Fault::Interrupt);
        if undisturbed {
            broken.extend(left_behind(world, names).into_iter().filter(|left| !self.left.contains(left)));
        }
        // Where an earlier run was killed, hosts that this one never came to are neither old nor new.
        let interrupted = !self.begins.is_empty() && undisturbed;
        if single && !fells && self.good && report.outcome == Outcome::Halted && !interrupted {
            broken.push("I4: a single fault of a call ended the rollout undecided".to_owned());
        }
        if !self.good && report.outcome == Outcome::Completed {
            broken.push("I5: a bad release was reported as completed".to_owned());
        }
    }

    fn judge_row(report: &Report, name: &HostName, truth: &Truth, up: bool, fells: bool, broken: &mut Vec<String>) {
        let Some(row) = report.rows.iter().find(|row| row.host == *name) else { return };
        let says_running = matches!(row.now, Running::Release { .. });
        let is_running = matches!(truth, Truth::One(..));
        let unknown = row.now == Running::Unknown;
        // A host that loses power after it was asked is not known to be down.
        if !unknown && says_running != is_running && !fells {
            broken.push(format!("I5: {name}: the row says {:?}, but it is {truth:?}", row.now));
        }
        if up && unknown && report.outcome == Outcome::Completed {
            broken.push(format!("I5: {name} is unknown in a completed rollout"));
        }
    }

    /// I6: in a quiet world the same command converges, and once more changes nothing.
    async fn judge_convergence(&self, operator: &Operator, names: &[HostName], broken: &mut Vec<String>) {
        let world = &operator.world;
        // What the first run may not do is not what the second one finds: it begins anew.
        world.state().rules = Rules { max_unavailable: names.len(), ..Rules::default() };
        let already = names.iter().all(|name| running(world, name) == Truth::One(self.target(name), true));
        // A rollback that is done would go one release further back.
        let again =
            if self.command == Command::Rollback && already { Command::Deploy("v1".to_owned()) } else { self.wanted() };
        let target = |name: &HostName| if self.good { Truth::One(self.target(name), true) } else { self.origin(name) };
        let mut end = operator.run(&again).await;
        if self.command == Command::Rollback && !names.iter().all(|name| running(world, name) == target(name)) {
            // An unfinished rollback first restores the release in force; the next one goes back.
            end = operator.run(&again).await;
        }
        for name in names {
            let truth = running(world, name);
            // What a killed run has brought to a host that had nothing is all there is: the next one has nothing to put in
            // its place, and leaves it, healthy or not.
            let is_first =
                !self.origins.contains_key(name) && matches!(&truth, Truth::One(spec, _) if *spec == self.target(name));
            if truth != target(name) && !is_first {
                broken.push(format!("I6: {name}: a quiet second run ({end:?}) leaves {truth:?}"));
            }
        }
        if let Some((old, new)) = self.published() {
            let (there, wanted) = (world.state().store.text(PUBLISHED), if self.good { new } else { old });
            if there.as_ref() != Some(&wanted) {
                broken.push(format!("I6: a quiet second run ({end:?}) leaves {there:?} in the store"));
            }
        }
        if !self.good {
            return;
        }
        let before = world.state().mutations;
        let again = if self.command == Command::Rollback { Command::Deploy("v1".to_owned()) } else { again };
        let end = operator.run(&again).await;
        if !matches!(end, End::Nothing) || world.state().mutations != before {
            broken.push(format!("I6: a third run still changes something: {end:?}"));
        }
    }
}

/// What a host really runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    Nothing,
    One(SpecDigest, bool),
    Several(usize),
}

fn standing(world: &World) -> Vec<String> {
    let state = world.state();
    let hosts = state.hosts.iter().flat_map(|(name, host)| host.containers.iter().map(move |one| (name, one)));
    let lines = hosts.map(|(name, one)| {
        let SimContainer { name: container, phase, restart, files, stopped, .. } = one;
        format!("{name} {container} {phase:?} {restart:?} {files:?} {stopped}")
    });
    let mut lines: Vec<_> = lines.collect();
    let places =
        state.hosts.iter().flat_map(|(name, host)| host.places.iter().map(move |one| format!("{name} {one:?}")));
    lines.extend(places);
    lines.extend(state.store.text(PUBLISHED));
    lines.sort();
    lines
}

/// What a run that met no fault must not leave: its lock, and containers that never proved themselves.
fn left_behind(world: &World, names: &[HostName]) -> Vec<String> {
    let state = world.state();
    let hosts = names.iter().map(|name| (name, &state.hosts[name]));
    let left = hosts.flat_map(|(name, host)| {
        let locks = host.markers.keys().filter(|marker| marker.starts_with("shipctl-lock")).cloned();
        let unproven = host.containers.iter().filter(|one| !one.is_proven()).map(|one| one.name.clone());
        let mounted: Vec<_> = host.containers.iter().flat_map(|one| &one.stamp.mounted).collect();
        let places = host.places.keys().filter(|place| !mounted.contains(place)).map(ToString::to_string);
        let places: Vec<_> = places.collect();
        locks.chain(unproven).chain(places).map(move |left| format!("I5: {name}: {left} is left behind"))
    });
    left.collect()
}

/// The truth about a host. Healthy means: healthy, proven, restarted by the engine as declared, and in traffic.
pub fn running(world: &World, name: &HostName) -> Truth {
    let now = Instant::now();
    let state = world.state();
    let running: Vec<_> = state.hosts[name].containers.iter().filter(|container| container.is_running()).collect();
    match running[..] {
        [] => Truth::Nothing,
        [one] => {
            let settled = one.is_proven() && one.restart != RestartPolicy::No;
            let gets_requests = state.balancers.values().all(|balancer| !balancer.drained.contains_key(name));
            Truth::One(one.stamp.spec.clone(), settled && one.is_healthy(now) && gets_requests)
        }
        ref several => Truth::Several(several.len()),
    }
}
