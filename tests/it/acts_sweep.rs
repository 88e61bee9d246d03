//! Every call of an act fails once, in every way; the run is killed or interrupted at each call; hosts lose power. After each,
//! what the report says is so, and a deploy brings everything back.

use std::time::Duration;

use shipctl::fleet::act::Act;
use shipctl::fleet::ledger::Kind;
use shipctl::fleet::status::Status;
use shipctl::plan::act::Asked;
use shipctl::rollout::cancel::Cancel;
use shipctl::rollout::report::{Outcome, Report, Running};

use crate::support::environment::{delivering, environment, host, live};
use crate::support::operator::{Command, End, Operator, let_pass, runtime};
use crate::support::sim::rules::Rules;
use crate::support::sim::world::Call;
use crate::support::sim::{Behaviour, Fault, World};
use crate::support::sweep::{Scenario, Truth, running, web};

/// Where it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Plain,
    Balanced,
    Edged,
    /// With files that running containers are switched in.
    Live,
}

/// An act on a fleet of three hosts on release 2.
#[derive(Clone)]
struct Play {
    operator: Operator,
    command: Command,
    kind: Kind,
    place: Where,
    /// The hosts that it is about.
    hosts: Vec<usize>,
    /// Whether what is started again does well.
    good: bool,
}

impl Play {
    async fn of(kind: Kind, place: Where, good: bool) -> Self {
        let operator = match place {
            Where::Plain => Scenario::fleet(&environment(3)).await,
            Where::Balanced => Scenario::balanced_fleet().await,
            Where::Edged => Scenario::edged_fleet().await,
            Where::Live => Scenario::fleet(&delivering(environment(3), &live())).await,
        };
        let forced = kind == Kind::Remove;
        let asked = |kind| Asked {
            kind,
            act: Act { reason: None, forced },
            parallel: None,
            back_within: Duration::from_mins(2),
        };
        let hosts = if matches!(kind, Kind::Restart | Kind::Reboot) { vec![1, 2, 3] } else { vec![2] };
        let names: Vec<_> = hosts.iter().map(|number| host(*number).to_string()).collect();
        let before = match kind {
            Kind::Start => Some(Kind::Stop),
            Kind::Admit => Some(Kind::Drain),
            _ => None,
        };
        if let Some(before) = before {
            let End::Reported(report) = operator.run(&Command::Act(asked(before), names.clone())).await else {
                panic!("it is not stopped or drained");
            };
            assert_eq!(report.outcome, Outcome::Completed);
        }
        if !good {
            let mut state = operator.world.state();
            let mut all = state.host(&host(2)).containers.iter_mut().filter(|one| one.is_proven());
            let bad = if kind == Kind::Admit { Behaviour::NeverHealthy } else { Behaviour::Once };
            all.next_back().expect("a container").behaves(bad);
        }
        Self { operator, command: Command::Act(asked(kind), names), kind, place, hosts, good }
    }

    /// What each host runs before it, and if it is done.
    fn ends(&self, number: usize, origin: &Truth) -> (bool, bool) {
        let is_meant = self.hosts.contains(&number);
        let runs = matches!(origin, Truth::One(_, true));
        match self.kind {
            Kind::Stop | Kind::Remove | Kind::Drain => (runs, runs && !is_meant),
            Kind::Start | Kind::Admit => (runs, runs || is_meant),
            _ => (runs, runs),
        }
    }

    async fn play(&self, faults: &[(u64, Fault)]) -> (Vec<Call>, Vec<String>) {
        let world = self.operator.world.fork();
        let operator = Operator { world: world.clone(), cancel: world.cancel(), ..self.operator.clone() };
        let origins: Vec<_> = (1..=3).map(|number| running(&world, &web(number))).collect();
        // The edge of a host has nobody else to send requests to, and what is switched in place has no container beside it.
        let is_elsewhere = matches!(self.place, Where::Plain | Where::Balanced);
        if matches!(self.kind, Kind::Restart | Kind::Reboot) && self.good && is_elsewhere {
            let spec = |number: usize| match &origins[number - 1] {
                Truth::One(spec, _) => (web(number), spec.clone()),
                other => panic!("{other:?}"),
            };
            let origin = (1..=3).map(spec).collect();
            world.state().rules = Rules { max_unavailable: 1, origin, ..Rules::default() };
        }
        world.schedule(faults);
        let end = operator.run(&self.command).await;
        let kinds = world.state().kinds.clone();
        world.schedule(&[]);
        let mut broken = Vec::new();
        let fells = faults.iter().any(|(_, fault)| fault.fells_host());
        if !fells {
            self.judge(&world, &end, faults, &origins, &mut broken);
        }
        let_pass(&world, Duration::from_secs(90)).await;
        if !fells {
            self.judge(&world, &end, faults, &origins, &mut broken);
        }
        let operator = Operator { cancel: Cancel::default(), ..operator };
        Scenario::restore_power(&world);
        let_pass(&world, Duration::from_secs(2)).await;
        if let (End::Reported(report), false) = (&end, fells) {
            self.judge_record(&operator, report, &mut broken).await;
        }
        // In a quiet world a deploy puts everything right, and once more changes nothing.
        world.state().rules = Rules { max_unavailable: 3, ..Rules::default() };
        if self.good {
            if matches!(self.kind, Kind::Drain | Kind::Admit) {
                // What was drained by hand stays so until somebody admits it.
                let admit =
                    Asked { kind: Kind::Admit, act: Act::default(), parallel: None, back_within: Duration::ZERO };
                operator.run(&Command::Act(admit, Vec::new())).await;
            }
            let again = operator.run(&Command::Deploy("v2".to_owned())).await;
            for number in 1..=3 {
                let truth = running(&world, &web(number));
                if !matches!(truth, Truth::One(_, true)) {
                    broken.push(format!("I6: web{number}: a quiet deploy ({again:?}) leaves {truth:?}"));
                }
            }
            let third = operator.run(&Command::Deploy("v2".to_owned())).await;
            if !matches!(third, End::Nothing) {
                broken.push(format!("I6: a third run still changes something: {third:?}"));
            }
        }
        let mut state = world.state();
        broken.append(&mut state.violations);
        (kinds, broken)
    }

    fn judge(&self, world: &World, end: &End, faults: &[(u64, Fault)], origins: &[Truth], broken: &mut Vec<String>) {
        let report = match end {
            End::Reported(report) => report,
            End::Killed => return,
            other => {
                let now: Vec<_> = (1..=3).map(|number| running(world, &web(number))).collect();
                if now != origins {
                    broken.push(format!("I4: {other:?} left {now:?}"));
                }
                return;
            }
        };
        for number in 1..=3 {
            let (was, will) = self.ends(number, &origins[number - 1]);
            let truth = running(world, &web(number));
            let runs = matches!(truth, Truth::One(_, true));
            let is_out = matches!(self.kind, Kind::Drain | Kind::Admit) && matches!(truth, Truth::One(..));
            let is_sound = runs || is_out || truth == Truth::Nothing;
            let fine = match &report.outcome {
                Outcome::Completed => is_sound && runs == will,
                Outcome::RolledBack | Outcome::Unchanged | Outcome::Locked(_) => is_sound && runs == was,
                Outcome::Partial | Outcome::Cancelled => is_sound && (runs == was || runs == will),
                _ => true,
            };
            if !fine {
                broken.push(format!("I5: web{number}: the report says {:?}, but it is {truth:?}", report.outcome));
            }
            let row = report.rows.iter().find(|row| row.host == host(number));
            let says_running = row.map(|row| matches!(row.now, Running::Release { .. }));
            if says_running.is_some_and(|says| says != matches!(truth, Truth::One(..))) {
                broken.push(format!("I5: web{number}: {row:?}, but it is {truth:?}"));
            }
        }
        if self.good && faults.len() <= 1 && report.outcome == Outcome::Halted {
            let why = (&report.failure, &report.undo_failures);
            broken.push(format!("I4: a single fault of a call ended it undecided: {why:?}"));
        }
        let wanted = match self.kind {
            _ if self.good => Outcome::Completed,
            Kind::Start => Outcome::RolledBack,
            _ => Outcome::Halted,
        };
        if faults.is_empty() && report.outcome != wanted {
            broken.push(format!("without a fault it came to {:?}", report.outcome));
        }
    }

    /// What is done is on record, and `status` says whose doing it is.
    async fn judge_record(&self, operator: &Operator, report: &Report, broken: &mut Vec<String>) {
        let observed = operator.world.doors().observe(&operator.environment.scope()).await;
        let (status, ledger) = (Status::of(&observed), observed.ledger());
        let is_done = report.outcome == Outcome::Completed;
        if is_done && ledger.acts.last().is_none_or(|deed| deed.kind != self.kind || deed.by != "ann@desk") {
            broken.push(format!("I8: it is not on record: {:?}", ledger.acts));
        }
        for row in &status.rows {
            let number = (1..=3).find(|number| host(*number) == row.host).unwrap_or_default();
            let takes_away = matches!(self.kind, Kind::Stop | Kind::Remove) && self.hosts.contains(&number);
            if is_done && takes_away != row.act.is_some() {
                broken.push(format!("I8: web{number}: status says {row:?}"));
            }
            if row.act.is_some() && row.state == "running" {
                broken.push(format!("I8: web{number} runs, and status says that it was stopped"));
            }
        }
    }
}

/// Schedules of one fault each.
fn singles(calls: &[Call], faults: &[Fault]) -> Vec<Vec<(u64, Fault)>> {
    let of = |(number, call): (u64, &Call)| {
        // A look or a line of the journal fails or not; there is nothing to take hold.
        let some = if *call == Call::Change { faults.len() } else { 1 };
        faults.iter().take(some).map(move |fault| vec![(number, *fault)]).collect::<Vec<_>>()
    };
    (1..).zip(calls).flat_map(of).collect()
}

fn sweep(kind: Kind, place: Where, good: bool) {
    runtime().block_on(async {
        let play = Play::of(kind, place, good).await;
        let (calls, broken) = play.play(&[]).await;
        assert_eq!(broken, Vec::<String>::new(), "{kind:?} {place:?}: without a fault");
        let cut = [Fault::PowerCut(Duration::from_secs(20)), Fault::PowerOff];
        let mut schedules = singles(&calls, &Fault::OF_CALLS);
        for faults in [&[Fault::CrashBefore, Fault::CrashAfter][..], &[Fault::Interrupt], &cut] {
            schedules.extend(singles(&calls, faults));
        }
        let mut bad = Vec::new();
        for schedule in &schedules {
            let (_, broken) = play.play(schedule).await;
            if !broken.is_empty() {
                bad.push(format!("{schedule:?} -> {broken:#?}"));
            }
        }
        let shown = bad.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
        assert!(bad.is_empty(), "{kind:?} {place:?}: {} of {} broke something\n{shown}", bad.len(), schedules.len());
        assert!(schedules.len() > 50, "{kind:?} {place:?}: only {} schedules", schedules.len());
    });
}

#[test]
fn sweep_of_restarts() {
    for place in [Where::Plain, Where::Balanced, Where::Edged, Where::Live] {
        sweep(Kind::Restart, place, true);
    }
    sweep(Kind::Restart, Where::Balanced, false);
}

#[test]
fn sweep_of_stops() {
    for place in [Where::Plain, Where::Balanced, Where::Edged, Where::Live] {
        sweep(Kind::Stop, place, true);
    }
}

#[test]
fn sweep_of_starts() {
    for place in [Where::Plain, Where::Balanced, Where::Edged, Where::Live] {
        sweep(Kind::Start, place, true);
    }
    sweep(Kind::Start, Where::Balanced, false);
}

#[test]
fn sweep_of_removals() {
    for place in [Where::Plain, Where::Balanced] {
        sweep(Kind::Remove, place, true);
    }
}

#[test]
fn sweep_of_drains() {
    for place in [Where::Balanced, Where::Edged] {
        sweep(Kind::Drain, place, true);
    }
}

#[test]
fn sweep_of_admissions() {
    for place in [Where::Balanced, Where::Edged] {
        sweep(Kind::Admit, place, true);
    }
    sweep(Kind::Admit, Where::Balanced, false);
}

#[test]
fn sweep_of_reboots() {
    for place in [Where::Plain, Where::Balanced, Where::Edged, Where::Live] {
        sweep(Kind::Reboot, place, true);
    }
    sweep(Kind::Reboot, Where::Balanced, false);
}
