//! One schedule of faults: a command is run under it, then the world is left in peace, and everything that must hold
//! is checked, against the world and not against what the rollout says.

use std::collections::BTreeMap;
use std::time::Duration;

use shipctl::container::SpecDigest;
use shipctl::delivery::Delivery;
use shipctl::environment::error_rate::{ErrorRate, Inconclusive, Percentage};
use shipctl::environment::{
    BatchSize, Canary, Drain, Environment, FailureAction, OnDeadline, Order, Promote, RestartPolicy, Share, Together,
    Traffic, WayBack, When,
};
use shipctl::fleet::key;
use shipctl::name::{BalancerName, HostName, ServiceName};
use shipctl::rollout::cancel::Cancel;
use shipctl::rollout::report::{JobNow, Outcome, Report, Row, RowTraffic, Running, StoreNow};
use tokio::time::Instant;

use super::environment::{
    PUBLISHED, delivering, direct, edged, environment, hooked, host, image, image_of, image_tag, live, migrating,
    publishing, secret_release, service, transferred, with_database, with_mail,
};
use super::operator::{Command, End, Operator, let_pass};
use super::planted::Planted;
use super::sim::balancer::SimBalancer;
use super::sim::container::SimContainer;
use super::sim::edge::SimEdge;
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
    /// The host on which it fails, if that alone goes back.
    alone: Option<HostName>,
    /// Whether the release fails after it has proved itself. Who interrupts its monitor is not told of that.
    fails_late: bool,
    /// Most hosts that may be out of service through the command.
    at_once: usize,
    origins: BTreeMap<Key, SpecDigest>,
    targets: BTreeMap<Key, SpecDigest>,
    /// What an earlier run had left behind when the command is typed.
    left: Vec<String>,
    /// What hosts run when the command is typed, where that is not what they go back to.
    begins: BTreeMap<Key, Truth>,
}

/// A service on a host.
pub type Key = (HostName, ServiceName);

/// The service that all scenarios have, on a host.
pub fn web(number: usize) -> Key {
    (host(number), service("web"))
}

/// What each host runs of a release.
fn specs(operator: &Operator, tag: &str) -> BTreeMap<Key, SpecDigest> {
    let release = secret_release(&operator.environment, tag);
    release.containers.iter().map(|(key, spec)| (key.clone(), spec.digest())).collect()
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
        let (origins, targets) = (specs(&operator, "v2"), specs(&operator, "v3"));
        let version = targets.values().find_map(|spec| spec.version().map(str::to_owned));
        operator.world.behaves(version.as_deref().unwrap_or(image("v3").digest()), behaviour);
        let command = Command::Deploy("v3".to_owned());
        Self {
            operator,
            command,
            good,
            alone: None,
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

    /// Three hosts, which are sent their images.
    pub async fn direct(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::fleet(&direct(environment(3))).await, behaviour)
    }

    /// Three hosts, and a job that runs before them.
    pub async fn job(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::fleet(&migrating(environment(3), When::Before)).await, behaviour)
    }

    /// The same, with a job that runs after them.
    pub async fn job_after() -> Self {
        let good = Behaviour::Good(Duration::from_millis(200));
        Self::deploy_to(Self::fleet(&migrating(environment(3), When::After)).await, good)
    }

    /// Three hosts, and hooks at every point.
    pub async fn hooked(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::fleet(&hooked(environment(3))).await, behaviour)
    }

    /// Three hosts, whose containers are switched to another file while they run.
    pub async fn live(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::fleet(&delivering(environment(3), &live())).await, behaviour)
    }

    /// The same, about to go back to the file of release 1.
    pub async fn live_rollback() -> Self {
        Self::rollback_of(Self::fleet(&delivering(environment(3), &live())).await)
    }

    /// The same on another image since, about to get the image and the file of release 1: the container that was kept has
    /// the file of release 2.
    pub async fn live_kept(behaviour: Behaviour) -> Self {
        let operator = Self::fleet(&delivering(environment(3), &live())).await;
        operator.deploy("w3").await;
        let targets = specs(&operator, "v1");
        let version = targets[&web(1)].version().expect("a version").to_owned();
        let scenario = Self::deploy_to(operator, Behaviour::Good(Duration::from_millis(200)));
        let good = matches!(behaviour, Behaviour::Good(_));
        scenario.operator.world.behaves(&version, behaviour);
        let (origins, command) = (specs(&scenario.operator, "w3"), Command::Deploy("v1".to_owned()));
        Self { command, good, origins, targets, ..scenario }
    }

    /// Three hosts, whose containers read a value of their release from a store.
    pub async fn publishing(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::fleet(&publishing(environment(3))).await, behaviour)
    }

    /// The same, about to go back to release 1.
    pub async fn publishing_rollback() -> Self {
        Self::rollback_of(Self::fleet(&publishing(environment(3))).await)
    }

    /// The same, two of them at a time.
    pub async fn publishing_two_at_a_time(behaviour: Behaviour) -> Self {
        let mut environment = publishing(environment(3));
        environment.services[0].update.parallelism = BatchSize::Count(2);
        Self { at_once: 2, ..Self::deploy_to(Self::fleet(&environment).await, behaviour) }
    }

    /// What the store holds before the command, and if it succeeds.
    fn published(&self) -> Option<(String, String)> {
        let tag = |tag: &str| tag.to_owned();
        let ends = match &self.command {
            Command::Deploy(to) | Command::Promote(to) => (tag("v2"), to.clone()),
            Command::Rollback | Command::Hotfix(..) | Command::Act(..) => (tag("v2"), tag("v1")),
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
        // I17: a host that keeps the release keeps its values, or is said not to.
        let says_so = report.outcome == Outcome::Halted && report.stores.iter().any(|row| row.now != StoreNow::New);
        let keeps = |key: &&Key| matches!(running(world, key), Truth::One(spec, true) if spec == self.target(key));
        if let Some(key) = self.targets.keys().find(keeps).filter(|_| there != new && !says_so) {
            broken.push(format!("I17: {} runs the release, and the store holds {there:?}", said(key)));
        }
    }

    /// Three hosts, of which one may fail and go back alone: the second one does.
    pub async fn alone(behaviour: Behaviour) -> Self {
        let mut environment = environment(3);
        let update = &mut environment.services[0].update;
        (update.failure_action, update.max_failures) = (FailureAction::Continue, Share(340_000));
        Self { alone: Some(host(2)), ..Self::deploy_to(Self::fleet(&environment).await, behaviour) }
    }

    /// Two hosts with three services, of which the second fails on one: the first goes back with it, and the third is left.
    pub async fn services_alone(behaviour: Behaviour) -> Self {
        let mut environment = with_mail(with_database(environment(2)));
        for service in environment.services.values_mut() {
            service.update.max_failures = Share(500_000);
        }
        Self { alone: Some(host(2)), ..Self::deploy_to(Self::fleet(&environment).await, behaviour) }
    }

    /// Three hosts, of which the first is a canary that somebody has to promote, about to get it.
    pub async fn canary(behaviour: Behaviour) -> Self {
        let fleet = Self::fleet(&environment(3)).await;
        let environment = with_canary(fleet.environment.clone());
        let scenario = Self::deploy_to(Operator { environment, ..fleet }, behaviour);
        let first = |all: &BTreeMap<Key, SpecDigest>| BTreeMap::from([(web(1), all[&web(1)].clone())]);
        Self { origins: first(&scenario.origins), targets: first(&scenario.targets), ..scenario }
    }

    /// The same, whose canary is there, about to promote it.
    pub async fn promote(behaviour: Behaviour) -> Self {
        let fleet = Self::fleet(&environment(3)).await;
        let environment = with_canary(fleet.environment.clone());
        let scenario = Self::deploy_to(Operator { environment, ..fleet }, behaviour);
        let End::Reported(report) = scenario.operator.run(&scenario.command).await else { panic!("no report") };
        assert_eq!(report.outcome, Outcome::Canary, "{report:#?}");
        let begins = BTreeMap::from([(web(1), running(&scenario.operator.world, &web(1)))]);
        Self { command: Command::Promote("v3".to_owned()), begins, ..scenario }
    }

    /// Three hosts, which go back together.
    pub async fn way_back(behaviour: Behaviour) -> Self {
        let mut environment = environment(3);
        environment.services[0].update.back = WayBack {
            together: Together::Of(BatchSize::All),
            monitor: Duration::from_millis(300),
            delay: Duration::from_millis(100),
        };
        Self { at_once: 3, ..Self::deploy_to(Self::fleet(&environment).await, behaviour) }
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

    /// Three hosts with two services, of which the second needs the first. What is said is how the second one's image behaves.
    pub async fn services(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::fleet(&with_database(environment(3))).await, behaviour)
    }

    /// The same, about to go back to release 1.
    pub async fn services_rollback() -> Self {
        Self::rollback_of(Self::fleet(&with_database(environment(3))).await)
    }

    /// The same, about to go back.
    pub async fn balanced_rollback() -> Self {
        Self::rollback_of(Self::balanced_fleet().await)
    }

    pub async fn balanced_fleet() -> Operator {
        let mut environment = environment(3);
        let names: Vec<BalancerName> = ["lb1", "lb2"].map(|name| name.parse().expect("a name")).into();
        environment.services[0].traffic = Some(Traffic {
            balancers: names.clone(),
            backend: "web".to_owned(),
            server: None,
            drain: Drain { deadline: Duration::from_secs(5), on_deadline: OnDeadline::Abort },
            up_deadline: Duration::from_secs(5),
        });
        let rate = ErrorRate { above_old: Percentage(100), requests: 1, inconclusive: Inconclusive::Pass };
        environment.services[0].update.error_rate = Some(rate);
        let world = World::new((1..=3).map(host));
        let own = |name: &BalancerName| (name.as_str().parse().expect("a name"), SimBalancer::new());
        world.state().balancers = names.iter().map(own).collect();
        let operator = Operator::new(&world, &environment);
        operator.deploy("v1").await;
        operator.deploy("v2").await;
        operator
    }

    /// Three hosts, each with an edge.
    pub async fn edged(behaviour: Behaviour) -> Self {
        Self::deploy_to(Self::edged_fleet().await, behaviour)
    }

    /// The same, about to go back.
    pub async fn edged_rollback() -> Self {
        Self::rollback_of(Self::edged_fleet().await)
    }

    pub async fn edged_fleet() -> Operator {
        let world = World::new((1..=3).map(host));
        world.state().hosts.values_mut().for_each(|host| host.edge = Some(SimEdge::default()));
        let operator = Operator::new(&world, &edged(environment(3)));
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
            alone: None,
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
        origins.remove(&web(2));
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
        let fails_late = false;
        Self {
            operator,
            command,
            good,
            alone: None,
            fails_late,
            at_once: 1,
            origins,
            targets,
            left: Vec::new(),
            begins,
        }
    }

    /// Three hosts on release 2, two of which a killed rollout of release 3 has left half-done, about to get release 4.
    pub async fn after_a_kill(behaviour: Behaviour) -> Self {
        Self::after_a_kill_in(environment(3), "v4", behaviour).await
    }

    /// The same with containers that release 3 switched to other files, about to get another image.
    pub async fn live_after_a_kill(behaviour: Behaviour) -> Self {
        Self::after_a_kill_in(delivering(environment(3), &live()), "w4", behaviour).await
    }

    async fn after_a_kill_in(one_at_a_time: Environment, next: &str, behaviour: Behaviour) -> Self {
        let good = matches!(behaviour, Behaviour::Good(_));
        let mut environment = one_at_a_time.clone();
        environment.services[0].update.parallelism = BatchSize::Count(2);
        let fleet = Self::fleet(&environment).await;
        fleet.world.behaves(image(next).digest(), behaviour);
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
                operator = Some(Operator { environment: one_at_a_time.clone(), ..ann });
                break;
            }
        }
        let operator = operator.expect("a moment at which two hosts are half-done");
        let (origins, targets) = (specs(&operator, "v2"), specs(&operator, next));
        let begins = [web(1), web(2)].map(|key| (key.clone(), running(&operator.world, &key)));
        let (command, begins) = (Command::Deploy(next.to_owned()), begins.into());
        let names = [host(1), host(2), host(3)];
        let left = left_behind(&operator.world, &names);
        Self { operator, command, good, alone: None, fails_late: false, at_once: 2, origins, targets, left, begins }
    }

    pub async fn fleet(environment: &Environment) -> Operator {
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
    fn target(&self, key: &Key) -> SpecDigest {
        self.targets[key].clone()
    }

    /// The spec that a host has when the command is typed.
    fn origin(&self, key: &Key) -> Truth {
        self.origins.get(key).map_or(Truth::Nothing, |spec| Truth::One(spec.clone(), true))
    }

    /// What a host runs of a service when the command is typed.
    fn beginning(&self, key: &Key) -> Truth {
        self.begins.get(key).cloned().unwrap_or_else(|| self.origin(key))
    }

    /// The same, with a bug in it.
    pub fn with(mut self, planted: Planted) -> Self {
        self.operator.bend = planted.bend;
        self.operator.apart = planted.apart;
        self.operator.world.state().flaw = planted.flaw;
        self
    }

    /// Runs the command under `faults`, and then in peace.
    pub async fn play(&self, faults: &[(u64, Fault)]) -> Finding {
        let world = self.operator.world.fork();
        let operator = Operator { world: world.clone(), cancel: world.cancel(), ..self.operator.clone() };
        let names: Vec<_> = world.state().hosts.keys().cloned().collect();
        let services = || operator.environment.services.keys().cloned();
        // Of the two releases, the one whose services may need each other's, and the one that can do without.
        let (newer, needs) = match &self.command {
            Command::Deploy(_) | Command::Promote(_) => {
                (self.targets.clone(), services().skip(1).zip(services()).collect())
            }
            Command::Rollback | Command::Hotfix(..) | Command::Act(..) => {
                (self.origins.clone(), services().skip(1).zip(services()).collect())
            }
        };
        // Where hosts may run different releases, no service needs another one.
        let needs = if self.alone.is_some() { Vec::new() } else { needs };
        let rules = Rules {
            max_unavailable: self.at_once,
            origin: self.origins.clone(),
            images: match &self.command {
                Command::Deploy(tag) | Command::Promote(tag) => {
                    let tag = image_tag(&operator.environment, tag);
                    let image = |name| transferred(&operator.environment, image_of(&name, tag));
                    services().map(|name| image(name).reference()).collect()
                }
                Command::Rollback | Command::Hotfix(..) | Command::Act(..) => Vec::new(),
            },
            newer,
            needs,
            job_first: self.operator.environment.jobs.values().any(|job| job.when == When::Before),
            release: 3,
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
        let felled = faults.iter().any(|(_, fault)| fault.fells_host());
        self.judge_convergence(&operator, &names, felled, &mut broken).await;
        // I20: a job is started once for a release, whatever goes wrong, unless it is asked for again.
        for (name, starts) in world.state().job_starts.iter().filter(|(_, starts)| **starts > 1) {
            broken.push(format!("I20: {name} was started {starts} times"));
        }
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

    pub fn restore_power(world: &World) {
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
                for key in self.targets.keys() {
                    if !fells && running(world, key) != self.beginning(key) {
                        broken.push(format!("I4: {} was changed by a run that refused to begin", said(key)));
                    }
                }
                return;
            }
        };
        self.judge_store(world, end, fells, broken);
        for key in self.targets.keys() {
            let (truth, name) = (running(world, key), said(key));
            let (old, new) = (self.origin(key), self.target(key));
            // Who interrupts a monitor is told of a late failure only as far as a balancer has noticed it.
            let row = report.rows.iter().find(|row| row.host == key.0 && row.service == key.1);
            let is_out = row.is_some_and(|row| row.traffic == Some(RowTraffic::Out));
            let unwatched = self.fails_late && (report.outcome == Outcome::Cancelled || is_out);
            let is_new =
                |truth: &Truth| matches!(truth, Truth::One(spec, fine) if *spec == new && (*fine || unwatched));
            let begun = self.beginning(key);
            let is_old_or_new = |truth: &Truth| *truth == old || *truth == begun || is_new(truth);
            let up = world.state().hosts[&key.0].up;
            let fine = match (&report.outcome, &truth) {
                (Outcome::Completed | Outcome::Canary, Truth::One(spec, healthy)) => *spec == new && *healthy,
                (Outcome::RolledBack, truth) => *truth == old,
                (Outcome::Unchanged | Outcome::Locked(_), truth) => *truth == begun,
                (Outcome::Partial, truth) if self.alone.as_ref() == Some(&key.0) => {
                    *truth == old || self.good && is_new(truth)
                }
                (Outcome::Partial, truth) => self.alone.is_some() && is_old_or_new(truth),
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
            Self::judge_row(row, report, &truth, up, fells, broken);
        }
        let undisturbed = faults.iter().all(|(_, fault)| *fault == Fault::Interrupt);
        if undisturbed {
            broken.extend(left_behind(world, names).into_iter().filter(|left| !self.left.contains(left)));
        }
        // Where an earlier run was killed, hosts that this one never came to are neither old nor new.
        let interrupted = !self.begins.is_empty() && undisturbed;
        let waits_for_job = report.jobs.iter().any(|row| row.now != JobNow::Done);
        if single && !fells && self.good && report.outcome == Outcome::Halted && !interrupted && !waits_for_job {
            let why = (&report.failure, &report.undo_failures);
            broken.push(format!("I4: a single fault of a call ended the rollout undecided: {why:?}"));
        }
        let expected = if self.alone.is_some() { Outcome::Partial } else { Outcome::RolledBack };
        if !self.good && faults.is_empty() && report.outcome != expected {
            broken.push(format!("I4: a bad release alone ended as {:?}", report.outcome));
        }
        if !self.good && matches!(report.outcome, Outcome::Completed | Outcome::Canary) {
            broken.push("I5: a bad release was reported as completed".to_owned());
        }
    }

    fn judge_row(row: Option<&Row>, report: &Report, truth: &Truth, up: bool, fells: bool, broken: &mut Vec<String>) {
        let Some(row) = row else { return };
        let name = format!("{} on {}", row.service, row.host);
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
    async fn judge_convergence(&self, operator: &Operator, names: &[HostName], felled: bool, broken: &mut Vec<String>) {
        let world = &operator.world;
        // What the first run may not do is not what the second one finds: it begins anew.
        world.state().rules = Rules { max_unavailable: names.len(), ..Rules::default() };
        let keys = || self.targets.keys();
        let already = keys().all(|key| running(world, key) == Truth::One(self.target(key), true));
        // A rollback that is done would go one release further back.
        let again =
            if self.command == Command::Rollback && already { Command::Deploy("v1".to_owned()) } else { self.wanted() };
        let comes = |key: &Key| self.good || self.alone.as_ref().is_some_and(|host| *host != key.0);
        let target = |key: &Key| if comes(key) { Truth::One(self.target(key), true) } else { self.origin(key) };
        let mut end = operator.run(&again).await;
        if let (Command::Promote(tag), End::NoRelease) = (&again, &end) {
            // The canary went back with the others, so it begins anew.
            operator.run(&Command::Deploy(tag.clone())).await;
            end = operator.run(&again).await;
        }
        if matches!(&end, End::Refused(why) if why.starts_with("job ")) {
            // What it says of the job must be so; then it is run again on purpose.
            let operator = Operator { rerun: vec!["migrate".to_owned()], ..operator.clone() };
            if !felled {
                broken.push(format!("I6: the job did its work, and {end:?}"));
            }
            world.state().job_starts.clear();
            end = operator.run(&again).await;
        }
        if self.command == Command::Rollback && !keys().all(|key| running(world, key) == target(key)) {
            // An unfinished rollback first restores the release in force; the next one goes back.
            end = operator.run(&again).await;
        }
        for key in keys() {
            let (truth, name) = (running(world, key), said(key));
            // What a killed run has brought to a host that had nothing is all there is: the next one has nothing to put in
            // its place, and leaves it, healthy or not.
            let is_first =
                !self.origins.contains_key(key) && matches!(&truth, Truth::One(spec, _) if *spec == self.target(key));
            if truth != target(key) && !is_first {
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
        let again = match &self.command {
            Command::Rollback | Command::Hotfix(..) | Command::Act(..) => Command::Deploy("v1".to_owned()),
            Command::Promote(tag) => Command::Deploy(tag.clone()),
            Command::Deploy(_) => again,
        };
        let end = operator.run(&again).await;
        if !matches!(end, End::Nothing) || world.state().mutations != before {
            broken.push(format!("I6: a third run still changes something: {end:?}"));
        }
    }
}

/// The environment, whose service has a canary that somebody has to promote.
fn with_canary(mut environment: Environment) -> Environment {
    let (hosts, monitor) = (BatchSize::Count(1), Duration::from_millis(400));
    environment.services[0].update.canary = Some(Canary { hosts, monitor, promote: Promote::Manual });
    environment
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
        let SimContainer { name: container, phase, restart, files, stopped, loaded, .. } = one;
        format!("{name} {container} {phase:?} {restart:?} {files:?} {stopped} {loaded:?}")
    });
    let mut lines: Vec<_> = lines.collect();
    let places =
        state.hosts.iter().flat_map(|(name, host)| host.places.iter().map(move |one| format!("{name} {one:?}")));
    lines.extend(places);
    let live = state.hosts.iter().flat_map(|(name, host)| host.live.iter().map(move |one| format!("{name} {one:?}")));
    lines.extend(live);
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
        let unproven = host
            .containers
            .iter()
            .filter(|one| !one.is_proven() && one.stamp.job.is_none() && (one.is_running() || !one.is_switching()))
            .map(|one| one.name.clone());
        let mounted: Vec<_> = host.containers.iter().flat_map(|one| &one.stamp.mounted).collect();
        let places = host.places.keys().chain(host.live.keys());
        let places = places.filter(|place| !mounted.contains(place)).map(ToString::to_string);
        let places: Vec<_> = places.collect();
        locks.chain(unproven).chain(places).map(move |left| format!("I5: {name}: {left} is left behind"))
    });
    left.collect()
}

fn said((host, service): &Key) -> String {
    format!("{service} on {host}")
}

/// The truth about a service on a host. Healthy means: healthy, proven, restarted by the engine as declared, and in traffic.
pub fn running(world: &World, (name, service): &Key) -> Truth {
    let now = Instant::now();
    let state = world.state();
    let is_it = |one: &&SimContainer| one.is_running() && one.stamp.service == *service && one.stamp.job.is_none();
    let running: Vec<_> = state.hosts[name].containers.iter().filter(is_it).collect();
    match running[..] {
        [] => Truth::Nothing,
        [one] => {
            let settled = one.is_proven() && one.restart != RestartPolicy::No;
            let edge = state.hosts[name].edge.as_ref();
            let gets_requests = state.balancers.values().all(|balancer| !balancer.drained.contains_key(name))
                && edge.is_none_or(|edge| one.seat.is_some_and(|seat| !edge.is_drained(seat)));
            Truth::One(one.spec(), settled && one.is_healthy(now) && gets_requests)
        }
        ref several => Truth::Several(several.len()),
    }
}
