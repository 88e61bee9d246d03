//! What a plan says of secrets: which changed, never what; and what becomes of the key that they are compared by.

use std::collections::BTreeMap;

use shipctl::container::ContainerId;
use shipctl::delivery::Delivery;
use shipctl::environment::{Environment, FileTarget, Secret};
use shipctl::fleet::key::FingerprintKey;
use shipctl::fleet::ledger::Ledger;
use shipctl::fleet::observed::{
    ContainerState, EngineHealth, HostView, Observed, ObservedContainer, ObservedHost, Phase,
};
use shipctl::fleet::select::Selection;
use shipctl::fleet::stamp::Stamp;
use shipctl::fleet::status::{Drift, Status};
use shipctl::plan::saved::{self, SavedPlanError};
use shipctl::plan::{Plan, Step, Subject, check, planner};
use shipctl::release::{Files, Release};
use shipctl::template::rendered::RenderedFile;

use crate::support::environment::{environment, host, image, service};

/// Release v1 with a secret of this value.
fn release(environment: &Environment, value: &str, key: &FingerprintKey) -> Release {
    let target = FileTarget { path: "/run/secrets/token".to_owned(), uid: 0, gid: 0, mode: 0o400 };
    let files: Files = environment
        .hosts
        .keys()
        .map(|name| {
            let secret = Secret::new(value.to_owned());
            let file =
                RenderedFile::secret(target.clone(), "token".parse().expect("a name"), secret, Delivery::Container);
            ((name.clone(), service("web")), vec![file])
        })
        .collect();
    Release::assemble(environment, [(service("web"), image("v1"))].into(), &files, Some(key))
}

/// Every host runs a release; all of them have the key.
fn fleet(release: &Release, key: Option<&FingerprintKey>) -> Observed {
    let hosts = release.containers.values().map(|spec| {
        let container = ObservedContainer {
            id: ContainerId(format!("id-{}", spec.host)),
            name: spec.name(&spec.digest()).0,
            proven: true,
            switching: false,
            stamp: Stamp::of(spec, spec.digest(), 1),
            state: ContainerState {
                phase: Phase::Running,
                started_at: None,
                finished_at: None,
                restarts: 0,
                health: EngineHealth::None,
            },
            restart: spec.runtime.restart.clone(),
            ports: [8080].into(),
            seat: None,
            emptied: false,
        };
        let engine = shipctl::fleet::observed::EngineFacts { id: spec.host.to_string(), ..Default::default() };
        let seen = ObservedHost {
            engine,
            containers: vec![container],
            jobs: Vec::new(),
            foreign_ports: BTreeMap::new(),
            networks: ["shop-prod_default".to_owned()].into(),
            volumes: std::collections::BTreeSet::new(),
            ledger: Ledger::default(),
            key: key.cloned(),
        };
        (spec.host.clone(), HostView::Seen(Box::new(seen)))
    });
    Observed { hosts: hosts.collect(), ..Observed::default() }
}

fn seen(observed: &mut Observed, number: usize) -> &mut ObservedHost {
    match observed.hosts.get_mut(&host(number)) {
        Some(HostView::Seen(seen)) => seen,
        _ => panic!("web{number} was seen"),
    }
}

fn deploy(environment: &Environment, observed: &Observed, release: &Release) -> Plan {
    let plan = planner::deploy(environment, observed, &Selection::default(), release).expect("a plan");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    plan
}

#[test]
fn an_equal_secret_is_no_change_and_another_one_is_named_without_its_value() {
    let (environment, key) = (environment(2), FingerprintKey::generate());
    let old = release(&environment, "hunter2", &key);
    let observed = fleet(&old, Some(&key));
    let same = deploy(&environment, &observed, &release(&environment, "hunter2", &key));
    assert!(same.batches.is_empty() && same.preparations.is_empty(), "{same}");

    let plan = deploy(&environment, &observed, &release(&environment, "hunter3", &key));
    let text = plan.to_string();
    assert_eq!(text.matches("configuration changed; secret token changed").count(), 2, "{text}");
    let saved = saved::write(&plan).expect("text");
    for told in [text, saved] {
        assert!(!told.contains("hunter"), "{told}");
        assert!(!told.contains(&**key.text()), "{told}");
    }
}

#[test]
fn a_key_that_is_gone_is_said_and_a_new_one_is_brought_to_every_host() {
    let (environment, key, new) = (environment(2), FingerprintKey::generate(), FingerprintKey::generate());
    let observed = fleet(&release(&environment, "hunter2", &key), None);
    assert_eq!(observed.key(), None);
    let plan = deploy(&environment, &observed, &release(&environment, "hunter2", &new));
    let text = plan.to_string();
    for number in [1, 2] {
        let note = format!("note: the key of web{number}'s secrets is gone");
        assert!(text.contains(&note), "{text}");
        assert!(plan.preparations[&host(number)].key, "{text}");
    }
}

#[test]
fn a_host_that_joins_later_gets_the_key_of_the_others() {
    let (environment, key) = (environment(2), FingerprintKey::generate());
    let wanted = release(&environment, "hunter2", &key);
    let mut observed = fleet(&wanted, Some(&key));
    let joined = seen(&mut observed, 2);
    joined.containers.clear();
    joined.key = None;
    assert_eq!(observed.key(), Some(&key));
    let plan = deploy(&environment, &observed, &wanted);
    assert_eq!(plan.preparations.keys().collect::<Vec<_>>(), [&host(2)]);
    assert!(plan.preparations[&host(2)].key && plan.unchanged.len() == 1, "{plan}");
}

#[test]
fn of_two_keys_the_one_that_explains_what_runs_wins() {
    let (environment, key, other) = (environment(3), FingerprintKey::generate(), FingerprintKey::generate());
    let mut observed = fleet(&release(&environment, "hunter2", &key), Some(&other));
    seen(&mut observed, 3).key = Some(key.clone());
    assert_eq!(observed.key(), Some(&key));
}

#[test]
fn a_plan_that_was_made_with_a_key_that_is_nowhere_is_stale_and_says_so() {
    let environment = environment(1);
    let mut observed = fleet(&release(&environment, "x", &FingerprintKey::generate()), None);
    seen(&mut observed, 1).containers.clear();
    let plan = |key| deploy(&environment, &observed, &release(&environment, "hunter2", key));
    let (one, two) = (FingerprintKey::generate(), FingerprintKey::generate());
    let Err(SavedPlanError::Stale(why)) = saved::compare(&plan(&one), &plan(&two)) else { panic!("it is stale") };
    assert!(why.contains("carried out where it was made"), "{why}");
    assert!(saved::compare(&plan(&one), &plan(&one)).is_ok());
}

#[test]
fn what_lost_its_secrets_is_made_again_and_is_no_way_back() {
    let (environment, key) = (environment(1), FingerprintKey::generate());
    let (wanted, next) = (release(&environment, "hunter2", &key), release(&environment, "hunter3", &key));
    let mut observed = fleet(&wanted, Some(&key));
    let container = &mut seen(&mut observed, 1).containers[0];
    container.state.phase = Phase::Exited { code: 127, oom_killed: false };
    container.emptied = true;
    let same = deploy(&environment, &observed, &wanted);
    let replacement = same.replacements().next().expect("a replacement");
    assert!(matches!(replacement.staging[..], [Step::Remove(Subject::Left(..)), Step::Create]), "{same}");
    assert!(matches!(replacement.steps[..], [Step::Start(_), Step::Gate(_), Step::Promote(_)]), "{same}");
    let other = deploy(&environment, &observed, &next);
    assert!(other.replacements().all(|replacement| replacement.before.is_none()), "{other}");
    assert_eq!(other.retirements[&host(1)].len(), 1, "it is removed when something else is in force: {other}");
}

#[test]
fn status_says_that_a_container_cannot_start_for_want_of_its_secrets() {
    use shipctl::fleet::ledger::{Entry, Kind, RolloutResult};
    use shipctl::release::{ReleaseId, content_digest};
    let (environment, key) = (environment(1), FingerprintKey::generate());
    let wanted = release(&environment, "hunter2", &key);
    let mut observed = fleet(&wanted, Some(&key));
    let placements = wanted.placements();
    let seen = seen(&mut observed, 1);
    seen.ledger = Ledger::default().with(Entry {
        published: BTreeMap::new(),
        pinned: std::collections::BTreeMap::new(),
        reason: None,
        jobs: BTreeMap::new(),
        number: 1,
        rollout: "one".to_owned(),
        kind: Kind::Deploy,
        release: ReleaseId { number: 1, digest: content_digest(&placements, &BTreeMap::new()) },
        images: BTreeMap::new(),
        result: RolloutResult::Completed,
        by: "ann@desk".to_owned(),
        at: jiff::Timestamp::UNIX_EPOCH,
        placements,
    });
    seen.containers[0].state.phase = Phase::Exited { code: 127, oom_killed: false };
    let drift = |observed: &Observed| Status::of(observed).rows.into_iter().map(|row| row.drift).collect::<Vec<_>>();
    assert_eq!(drift(&observed), [Some(Drift::NotRunning)]);
    self::seen(&mut observed, 1).containers[0].emptied = true;
    assert_eq!(drift(&observed), [Some(Drift::SecretsGone)]);
}
