//! The tables at the end of a run.

use std::collections::BTreeMap;

use anstream::adapter::strip_str;
use insta::assert_snapshot;
use jiff::Timestamp;
use shipctl::container::ContainerId;
use shipctl::environment::Scope;
use shipctl::event::Failure;
use shipctl::fleet::act::{Act, Deed, Part, Said};
use shipctl::fleet::ledger::{Entry, Kind, Placements, RolloutResult};
use shipctl::fleet::status::{Drift, Status, StatusRow, StoreStatus};
use shipctl::release::ReleaseId;
use shipctl::report::Answer;
use shipctl::report::history::HistoryAnswer;
use shipctl::report::lock::LockAnswer;
use shipctl::report::plan::PlanAnswer;
use shipctl::report::rollout::RolloutAnswer;
use shipctl::report::status::StatusAnswer;
use shipctl::rollout::report::{Holder, Outcome, Report, Row, RowHealth, Running, StoreNow, StoreRow};

use crate::report_lines::first_plan;
use crate::support::environment::{host, service};

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("a date")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a date")
}

fn scope() -> Scope {
    first_plan().scope
}

fn shown(answer: &dyn Answer) -> String {
    strip_str(&answer.text()).to_string()
}

fn id(number: u64) -> ReleaseId {
    ReleaseId { number, digest: format!("{number:02}a9c1d2e4b5") }
}

fn running(number: u64) -> Running {
    Running::Release { number, image: format!("shop/web:{number}.0 (3fa9c1d2e4b5)") }
}

fn row(number: usize, before: Running, now: Running, as_intended: bool, health: RowHealth) -> Row {
    Row { host: host(number), service: service("web"), before, now, as_intended, health, traffic: None }
}

fn report(outcome: Outcome, rows: Vec<Row>) -> Report {
    let failure = Failure {
        host: Some(host(2)),
        service: Some(service("web")),
        doing: "gate new".to_owned(),
        reason: "exited with code 1 before it was healthy\nlast answer: connection refused".to_owned(),
        log: vec!["listening".to_owned(), "\u{1b}[2Jpanic: no database\u{202e}".to_owned()],
    };
    Report {
        outcome,
        release: id(12),
        rows,
        failure: Some(failure),
        stores: Vec::new(),
        jobs: Vec::new(),
        compared: Vec::new(),
        asked: Vec::new(),
        further_failures: Vec::new(),
        undo_failures: Vec::new(),
    }
}

fn text(report: &Report) -> String {
    shown(&RolloutAnswer { report, plan: &first_plan(), now: now() })
}

#[test]
fn a_rolled_back_rollout_names_the_first_cause_and_what_runs_now() {
    let rows = vec![
        row(1, running(11), running(11), true, RowHealth::Healthy),
        row(2, running(11), running(11), true, RowHealth::Healthy),
    ];
    assert_snapshot!(text(&report(Outcome::RolledBack, rows)), @r#"

    HOST  SERVICE  BEFORE  NOW  HEALTH   IMAGE NOW
    web1  web      r11     r11  healthy  shop/web:11.0 (3fa9c1d2e4b5)
    web2  web      r11     r11  healthy  shop/web:11.0 (3fa9c1d2e4b5)

    first cause: web on web2, at gate new
      exited with code 1 before it was healthy
      last answer: connection refused
      the last lines of its output:
      | listening
      | \u{1b}[2Jpanic: no database\u{202e}

    Rolled back: every touched host runs what it ran before, healthy.
    next: shipctl deploy prod (once the cause is gone)
    "#);
}

#[test]
fn a_partial_rollout_says_that_its_release_is_not_in_force() {
    let rows = vec![
        row(1, running(11), running(12), true, RowHealth::Healthy),
        row(2, running(11), running(11), true, RowHealth::Healthy),
    ];
    let report = Report { failure: None, ..report(Outcome::Partial, rows) };
    let mut plan = first_plan();
    plan.from = Some(id(11));
    assert_snapshot!(shown(&RolloutAnswer { report: &report, plan: &plan, now: now() }), @r#"

    HOST  SERVICE  BEFORE  NOW  HEALTH   IMAGE NOW
    web1  web      r11     r12  healthy  shop/web:12.0 (3fa9c1d2e4b5)
    web2  web      r11     r11  healthy  shop/web:11.0 (3fa9c1d2e4b5)

    Partly done: some hosts run r12-12a9c1; hosts that failed run what they ran before, and the release in force stays what it was.
    next: shipctl status prod
    next: shipctl deploy prod (tries the others again)
    next: shipctl rollback prod (takes it back everywhere)
    "#);
}

#[test]
fn a_canary_says_who_waits_and_what_to_type() {
    let rows = vec![row(1, running(11), running(12), true, RowHealth::Healthy)];
    let report = Report { failure: None, ..report(Outcome::Canary, rows) };
    let mut plan = first_plan();
    plan.held = [host(2), host(3)].into();
    assert_snapshot!(shown(&RolloutAnswer { report: &report, plan: &plan, now: now() }), @r#"

    HOST  SERVICE  BEFORE  NOW  HEALTH   IMAGE NOW
    web1  web      r11     r12  healthy  shop/web:12.0 (3fa9c1d2e4b5)

    Canary: r12-12a9c1 runs on web1; web2, web3 wait until it is promoted.
    next: shipctl promote prod (brings it to the others)
    next: shipctl rollback prod (takes it back)
    "#);
    let row = StatusRow {
        host: host(1),
        service: service("web"),
        release: Some("r12-12a9c1".to_owned()),
        image: None,
        since: None,
        state: "running",
        traffic: std::collections::BTreeMap::new(),
        drift: Some(Drift::OtherRelease),
        act: None,
    };
    let canary = Some(id(12));
    let status = Status { release: Some(id(11)), canary, rows: vec![row], unreachable: Vec::new(), stores: Vec::new() };
    let answer = StatusAnswer { scope: scope(), status: &status, now: now() };
    assert_snapshot!(shown(&answer), @r#"
    shop prod: r11-11a9c1 is in force
    HOST  SERVICE  RELEASE     STATE    SINCE  DRIFT            IMAGE
    web1  web      r12-12a9c1  running  -      another release  -
    1 difference from the release in force.
    r12-12a9c1 runs as a canary, and waits to be promoted.
    next: shipctl promote prod, or shipctl rollback prod (takes it back)
    "#);
    assert_eq!(answer.json().1["canary"]["number"], 12);
}

#[test]
fn a_halted_rollout_says_which_host_runs_what() {
    let rows = vec![
        row(1, running(11), running(12), false, RowHealth::Unproven),
        row(2, running(11), Running::Unknown, false, RowHealth::Unknown),
        row(3, Running::Nothing, Running::Several(vec!["a".to_owned(), "b".to_owned()]), false, RowHealth::Running),
    ];
    let mut report = report(Outcome::Halted, rows);
    let undo = Failure {
        host: Some(host(1)),
        service: None,
        doing: "start old".to_owned(),
        reason: "no answer".to_owned(),
        log: Vec::new(),
    };
    report.undo_failures.push(undo);
    assert_snapshot!(text(&report), @r#"

    HOST  SERVICE  BEFORE   NOW            HEALTH    IMAGE NOW
    web1  web      r11      r12            unproven  shop/web:12.0 (3fa9c1d2e4b5)  not what was intended
    web2  web      r11      unknown        unknown   -                             not what was intended
    web3  web      nothing  several: a, b  running   -                             not what was intended

    first cause: web on web2, at gate new
      exited with code 1 before it was healthy
      last answer: connection refused
      the last lines of its output:
      | listening
      | \u{1b}[2Jpanic: no database\u{202e}

    could not be undone: web1, at start old
      no answer

    Halted: hosts run different releases, or cannot be asked; the table says which runs what.
    next: shipctl status prod
    next: shipctl deploy prod (once the cause is gone)
    "#);
}

#[test]
fn a_locked_environment_names_the_holder() {
    let holder = holder();
    let report = Report {
        outcome: Outcome::Locked(holder),
        release: id(12),
        rows: Vec::new(),
        failure: None,
        stores: Vec::new(),
        jobs: Vec::new(),
        compared: Vec::new(),
        asked: Vec::new(),
        further_failures: Vec::new(),
        undo_failures: Vec::new(),
    };
    assert_snapshot!(text(&report), @r#"

    Nothing was changed: bob@laptop holds the lock, taken 10m ago (2026-11-20 11:50:00Z), on web1: deploy, at web on web2: gate new (rollout 20261120T115000Z-0a1b2c).
    next: shipctl lock show prod
    "#);
}

#[test]
fn a_completed_rollout_is_short() {
    let rows = vec![row(1, Running::Nothing, running(12), true, RowHealth::Healthy)];
    let report = Report { failure: None, ..report(Outcome::Completed, rows) };
    assert_snapshot!(text(&report), @r#"

    HOST  SERVICE  BEFORE   NOW  HEALTH   IMAGE NOW
    web1  web      nothing  r12  healthy  shop/web:12.0 (3fa9c1d2e4b5)

    Done: r12-12a9c1 is in force on every selected host.
    "#);
}

#[test]
fn a_plan_is_shown_as_it_is_and_says_how_to_apply_a_saved_one() {
    let plan = first_plan();
    let answer = PlanAnswer { plan: &plan, saved: Some(std::path::Path::new("reviewed.json")), remark: None };
    let text = shown(&answer);
    assert_eq!(text, format!("{plan}saved; next: shipctl deploy prod --plan reviewed.json\n"));
    let (key, value) = answer.json();
    assert_eq!((key, &value["changes"], &value["kind"]), ("plan", &true.into(), &"deploy".into()));
}

#[test]
fn status_puts_the_release_in_force_on_top_and_names_silent_hosts() {
    let row = |number, release: Option<&str>, state, drift| StatusRow {
        host: host(number),
        service: service("web"),
        release: release.map(str::to_owned),
        image: release.map(|_| "shop/web:12.0 (3fa9c1d2e4b5)".to_owned()),
        since: release.map(|_| at("2026-11-20T09:00:00Z")),
        state,
        traffic: std::collections::BTreeMap::new(),
        drift,
        act: None,
    };
    let rows = vec![
        row(1, Some("r12-12a9c1"), "healthy", None),
        row(2, Some("r11-11a9c1"), "running", Some(Drift::OtherRelease)),
        row(3, None, "missing", Some(Drift::NotRunning)),
    ];
    let unreachable = vec![(host(4), "ssh: connection timed out\nssh deploy@web4 true".to_owned())];
    let status = Status { release: Some(id(12)), canary: None, rows, unreachable, stores: Vec::new() };
    let answer = StatusAnswer { scope: scope(), status: &status, now: now() };
    assert_snapshot!(shown(&answer), @r#"
    shop prod: r12-12a9c1 is in force
    HOST  SERVICE  RELEASE     STATE    SINCE                          DRIFT            IMAGE
    web1  web      r12-12a9c1  healthy  3h ago (2026-11-20 09:00:00Z)  -                shop/web:12.0 (3fa9c1d2e4b5)
    web2  web      r11-11a9c1  running  3h ago (2026-11-20 09:00:00Z)  another release  shop/web:12.0 (3fa9c1d2e4b5)
    web3  web      -           missing  -                              should run       -
    web4 did not answer: ssh: connection timed out
                         ssh deploy@web4 true
    2 differences from the release in force; 1 host did not answer.
    next: shipctl rollback prod --to r12 (puts it back in force), or deploy
    "#);
    assert_eq!(answer.json().1["clean"], false);
}

#[test]
fn status_says_what_stores_hold() {
    let store = |name: &str, state, keys: &[&str], why: Option<&str>| StoreStatus {
        store: name.to_owned(),
        state,
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        why: why.map(str::to_owned),
    };
    let stores = vec![
        store("flags", "held", &[], None),
        store("settings", "differs", &["shop/prod/level", "shop/prod/token"], None),
        store("spare", "unknown", &[], Some("no route to host")),
    ];
    let rows = vec![StatusRow {
        host: host(1),
        service: service("web"),
        release: Some("r12-12a9c1".to_owned()),
        image: Some("shop/web:12.0 (3fa9c1d2e4b5)".to_owned()),
        since: None,
        state: "healthy",
        traffic: std::collections::BTreeMap::new(),
        drift: None,
        act: None,
    }];
    let status = Status { release: Some(id(12)), canary: None, rows, unreachable: Vec::new(), stores };
    let answer = StatusAnswer { scope: scope(), status: &status, now: now() };
    let text = shown(&answer);
    let said = "store flags holds what the release in force publishes
store settings does not hold what the release in force publishes under shop/prod/level, shop/prod/token
store spare could not be asked: no route to host
What answered runs as recorded, but for 2 stores.
";
    assert!(text.contains(said), "{text}");
    let (_, value) = answer.json();
    assert_eq!((&value["clean"], &value["stores"][1]["state"]), (&false.into(), &"differs".into()));
}

#[test]
fn history_marks_the_release_in_force() {
    let entry = |number, kind, release, result, when| Entry {
        number,
        rollout: format!("rollout-{number}"),
        kind,
        release: id(release),
        images: BTreeMap::from([(service("web"), format!("shop/web:{release}.0"))]),
        result,
        by: "ann@desk".to_owned(),
        at: at(when),
        placements: Placements::new(),
        published: std::collections::BTreeMap::new(),
        jobs: std::collections::BTreeMap::new(),
        pinned: std::collections::BTreeMap::new(),
        reason: None,
    };
    let entries = vec![
        entry(15, Kind::Deploy, 13, RolloutResult::RolledBack, "2026-11-20T11:58:30Z"),
        entry(14, Kind::Rollback, 11, RolloutResult::Completed, "2026-11-20T09:00:00Z"),
        entry(13, Kind::Deploy, 12, RolloutResult::Completed, "2026-11-01T09:00:00Z"),
    ];
    let answer = HistoryAnswer {
        scope: scope(),
        entries,
        acts: Vec::new(),
        current: Some(id(11)),
        unreachable: Vec::new(),
        now: now(),
    };
    assert_snapshot!(shown(&answer), @r#"
    NUMBER  KIND      RELEASE     RESULT       BY        WHEN                            IMAGES
    15      deploy    r13-13a9c1  rolled back  ann@desk  90s ago (2026-11-20 11:58:30Z)  web shop/web:13.0
    14      rollback  r11-11a9c1  completed    ann@desk  3h ago (2026-11-20 09:00:00Z)   web shop/web:11.0  in force
    13      deploy    r12-12a9c1  completed    ann@desk  19d ago (2026-11-01 09:00:00Z)  web shop/web:12.0
    "#);
}

fn holder() -> Holder {
    Holder {
        host: host(1),
        by: "bob@laptop".to_owned(),
        since: at("2026-11-20T11:50:00Z"),
        kind: "deploy".to_owned(),
        rollout: "20261120T115000Z-0a1b2c".to_owned(),
        step: "web on web2: gate new".to_owned(),
    }
}

#[test]
fn a_lock_is_told_once_although_every_host_carries_it() {
    let holders = vec![holder(), Holder { host: host(2), ..holder() }];
    let answer =
        LockAnswer { scope: scope(), holders, unreachable: vec![(host(3), "no route".to_owned())], now: now() };
    assert_snapshot!(shown(&answer), @r#"
    shop prod: bob@laptop holds the lock, taken 10m ago (2026-11-20 11:50:00Z), on web1: deploy, at web on web2: gate new (rollout 20261120T115000Z-0a1b2c)
    web3 did not answer: no route
    "#);
    let answer = LockAnswer { scope: scope(), holders: Vec::new(), unreachable: Vec::new(), now: now() };
    assert_snapshot!(shown(&answer), @"shop prod: nobody holds the lock");
}

#[test]
fn what_a_store_holds_is_said_beside_what_hosts_run() {
    let store = |name: &str, now| StoreRow { store: name.to_owned(), now };
    let stores = vec![
        store("flags", StoreNow::Old),
        store("settings", StoreNow::Unknown("connection refused\u{1b}[2J".to_owned())),
    ];
    let text = text(&Report { stores, ..report(Outcome::Halted, Vec::new()) });
    assert!(text.contains("store flags holds what it held before\n"), "{text}");
    assert!(text.contains("store settings is not known to hold old or new values: connection refused"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn status_and_history_say_who_stopped_what_and_why() {
    let act = Act { reason: Some("new memory".to_owned()), forced: true };
    let (by, when) = ("ann@desk".to_owned(), at("2026-11-20T11:58:30Z"));
    let part = |number| Part {
        host: host(number),
        service: service("web"),
        container: ContainerId("c1".to_owned()),
        done: true,
    };
    let deed = |number, kind, act: &Act| Deed {
        number,
        rollout: format!("rollout-{number}"),
        kind,
        act: act.clone(),
        result: RolloutResult::Completed,
        by: by.clone(),
        at: when,
        parts: vec![part(1), part(2)],
    };
    let stop = deed(16, Kind::Stop, &act);
    let row = StatusRow {
        host: host(1),
        service: service("web"),
        release: None,
        image: None,
        since: None,
        state: "stopped",
        traffic: std::collections::BTreeMap::new(),
        drift: Some(Drift::NotRunning),
        act: Some(Said::from(&stop)),
    };
    let status =
        Status { release: Some(id(12)), canary: None, rows: vec![row], unreachable: Vec::new(), stores: Vec::new() };
    let answer = StatusAnswer { scope: scope(), status: &status, now: now() };
    assert_snapshot!(shown(&answer), @r#"
    shop prod: r12-12a9c1 is in force
    HOST  SERVICE  RELEASE  STATE    SINCE  DRIFT                                                                   IMAGE
    web1  web      -        stopped  -      stopped by ann@desk 90s ago (2026-11-20 11:58:30Z), forced: new memory  -
    1 difference from the release in force.
    next: shipctl start prod --host web1 --service web (brings it back)
    "#);
    assert_eq!(answer.json().1["rows"][0]["act"]["reason"], "new memory");
    let acts = vec![deed(17, Kind::Restart, &Act::default()), stop];
    let answer =
        HistoryAnswer { scope: scope(), entries: Vec::new(), acts, current: None, unreachable: Vec::new(), now: now() };
    assert_snapshot!(shown(&answer), @r#"
    NUMBER  KIND     RELEASE  RESULT     BY        WHEN                            IMAGES
    17      restart  -        completed  ann@desk  90s ago (2026-11-20 11:58:30Z)  web on web1, web2
    16      stop     -        completed  ann@desk  90s ago (2026-11-20 11:58:30Z)  web on web1, web2: new memory  forced
    "#);
}
