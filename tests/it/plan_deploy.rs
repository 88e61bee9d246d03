//! What the planner decides, as the text an operator reads.

use std::collections::BTreeMap;
use std::time::Duration;

use insta::assert_snapshot;
use jiff::Timestamp;
use shipctl::balancer::{Admin, Health, Server};
use shipctl::container::{ContainerId, ContainerSpec};
use shipctl::delivery::Delivery;
use shipctl::engine::Provision;
use shipctl::environment::error_rate::{ErrorRate, Inconclusive, Percentage};
use shipctl::environment::{
    BatchSize, Ceiling, Drain, Environment, Mount, MountOptions, MountSource, Network, NetworkSpec, OnDeadline, Order,
    Port, Protocol, RestartPolicy, Traffic, VolumeSpec, When,
};
use shipctl::fleet::ledger::{Entry, Kind, Ledger, RolloutResult};
use shipctl::fleet::observed::{
    BackendView, ContainerState, EngineFacts, EngineHealth, HostView, Observed, ObservedContainer, ObservedHost, Phase,
};
use shipctl::fleet::select::Selection;
use shipctl::fleet::stamp::Stamp;
use shipctl::plan::rollback::{Reached, rollback};
use shipctl::plan::unwind::unwind;
use shipctl::plan::{Batch, Plan, check, saved};
use shipctl::plan::{Refusal, planner};
use shipctl::release::{Release, ReleaseId, content_digest};

use crate::support::environment::{
    configs, delivering, edged, environment, host, image, live, migrating, published, publishing, release, seats,
    service, with_database,
};

/// A fleet as it is after `tags` were rolled out one after the other, the last one running.
pub fn fleet(environment: &Environment, tags: &[&str]) -> Observed {
    let mut ledger = Ledger::default();
    let releases: Vec<Release> = tags.iter().map(|tag| release(environment, tag)).collect();
    for (release, number) in releases.iter().zip(1..) {
        let placements = release.placements();
        ledger = ledger.with(Entry {
            number,
            rollout: format!("rollout-{number}"),
            kind: Kind::Deploy,
            release: ReleaseId { number, digest: content_digest(&placements, &BTreeMap::new()) },
            images: BTreeMap::new(),
            result: RolloutResult::Completed,
            by: "ann@desk".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            placements,
            published: std::collections::BTreeMap::new(),
            jobs: std::collections::BTreeMap::new(),
            pinned: std::collections::BTreeMap::new(),
            reason: None,
        });
    }
    let hosts = environment.hosts.keys().map(|name| {
        let containers = releases.iter().zip(1..).flat_map(|(release, number)| {
            let state = if number == ledger.last_release() { State::Settled } else { State::Kept(number) };
            let here = release.containers.iter().filter(|((host, _), _)| host == name);
            here.map(move |(_, spec)| container(spec, number, state))
        });
        let seen = ObservedHost {
            engine: EngineFacts { id: name.to_string(), ..EngineFacts::default() },
            containers: containers.collect(),
            jobs: Vec::new(),
            foreign_ports: BTreeMap::new(),
            networks: ["shop-prod_default".to_owned()].into(),
            volumes: std::collections::BTreeSet::new(),
            ledger: ledger.clone(),
            key: None,
        };
        (name.clone(), HostView::Seen(Box::new(seen)))
    });
    Observed { hosts: hosts.collect(), ..Observed::default() }
}

#[derive(Clone, Copy)]
enum State {
    Settled,
    Kept(u64),
    RunningUnproven,
    CreatedUnproven,
}

fn container(spec: &ContainerSpec, release: u64, state: State) -> ObservedContainer {
    let name = spec.name(&spec.digest());
    let (phase, proven, restart, finished) = match state {
        State::Settled => (Phase::Running, true, spec.runtime.restart.clone(), None),
        State::Kept(at) => (Phase::Exited { code: 0, oom_killed: false }, true, RestartPolicy::No, Some(at)),
        State::RunningUnproven => (Phase::Running, false, RestartPolicy::No, None),
        State::CreatedUnproven => (Phase::Created, false, RestartPolicy::No, None),
    };
    ObservedContainer {
        id: ContainerId(format!("id-r{release}-{}-{}", spec.service, spec.host)),
        name: if proven { name.0.clone() } else { name.unproven() },
        proven,
        switching: false,
        stamp: Stamp::of(spec, spec.digest(), release),
        state: ContainerState {
            phase,
            started_at: Some(Timestamp::UNIX_EPOCH),
            finished_at: finished
                .map(|second| Timestamp::from_second(i64::try_from(second).expect("small")).expect("a date")),
            restarts: 0,
            health: EngineHealth::None,
        },
        restart,
        ports: spec.runtime.ports.iter().filter_map(|port| port.host_port).collect(),
        seat: None,
        emptied: false,
    }
}

fn seen(observed: &mut Observed, number: usize) -> &mut ObservedHost {
    match observed.hosts.get_mut(&host(number)) {
        Some(HostView::Seen(seen)) => seen,
        _ => panic!("web{number} was seen"),
    }
}

pub fn deploy(environment: &Environment, observed: &Observed, tag: &str) -> Plan {
    let plan =
        planner::deploy(environment, observed, &Selection::default(), &release(environment, tag)).expect("a plan");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    plan
}

/// Names with digests in them read the same whatever is in a spec.
fn text(plan: &Plan) -> String {
    let text = plan.to_string();
    let digest = |text: &str| {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("shop-prod-web-") {
            let end = at + "shop-prod-web-".len();
            out.push_str(&rest[..end]);
            out.push('#');
            rest = &rest[end + 10..];
        }
        out + rest
    };
    let mut text = digest(&text);
    for release in [Some(&plan.release), plan.from.as_ref()].into_iter().flatten() {
        text = text.replace(&release.to_string(), &format!("r{}", release.number));
    }
    text
}

#[test]
fn other_files_alone_are_a_replacement_and_lie_in_their_volume_before_the_first_batch() {
    let environment = delivering(environment(1), &Delivery::Volume);
    let observed = fleet(&environment, &["v1"]);
    let images = environment.services.keys().map(|name| (name.clone(), image("v1"))).collect();
    let release = Release::assemble(&environment, images, &configs(&environment, "v2"), None);
    let plan = planner::deploy(&environment, &observed, &Selection::default(), &release).expect("a plan");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    let said = plan.to_string();
    assert!(said.contains(", put 1 file into volume shop-prod-web-config-"), "{said}");
    assert!(said.contains("configuration changed") && said.contains("gate new"), "{said}");
    let mut bent = plan;
    bent.preparations.values_mut().for_each(|preparation| preparation.deliveries.clear());
    assert_eq!(check::faults(&bent), ["web on web1 mounts files that are not put in their place first"]);
}

#[test]
fn a_container_is_switched_to_other_files_and_told_and_back_again() {
    let environment = delivering(environment(1), &live());
    let observed = fleet(&environment, &["v1"]);
    let plan = deploy(&environment, &observed, "v2");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    let (said, replacement) = (plan.to_string(), &plan.batches[0].replacements[0]);
    let version = replacement.target.spec().version().expect("a version").to_owned();
    let steps =
        format!("mark new as unproven; switch new to files {version}; send SIGHUP to new; gate new; promote new");
    assert!(said.contains(&steps) && said.contains("configuration changed"), "{said}");
    assert!(said.contains("prepare web1: put 1 file into volume shop-prod-web-live-"), "{said}");
    assert!(!said.contains("stop-first"), "nothing goes down: {said}");
    let undone: Vec<_> = unwind(replacement, &replacement.steps[..1]).iter().map(ToString::to_string).collect();
    let before = replacement.before.as_ref().expect("what it had").spec.version().expect("a version").to_owned();
    let back = format!("mark old as unproven; switch old to files {before}; send SIGHUP to old; gate old; promote old");
    assert_eq!(undone.join("; "), back);
    assert_eq!(unwind(replacement, &[]), []);
    let mut bent = plan.clone();
    bent.batches[0].replacements[0].steps.remove(0);
    assert_eq!(
        check::faults(&bent),
        ["web on web1: a container is told of other files without being doubted, switched and gated around it"]
    );
}

#[test]
fn a_job_has_the_files_of_its_service_and_is_not_switched_to_others() {
    let environment = migrating(delivering(environment(1), &live()), When::Before);
    let plan = deploy(&environment, &fleet(&environment, &[]), "v1");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    assert_eq!(plan.jobs[0].spec.version(), None);
    let said = plan.to_string();
    assert!(said.contains("volume shop-prod-web-config-") && said.contains("volume shop-prod-web-live-"), "{said}");
}

#[test]
fn a_change_of_the_image_replaces_a_container_with_files_that_it_could_be_switched_to() {
    let environment = delivering(environment(1), &live());
    let observed = fleet(&environment, &["v1"]);
    let said = deploy(&environment, &observed, "w3").to_string();
    assert!(said.contains("stop old (grace 1s); switch new to files "), "{said}");
    assert!(said.contains("start new; gate new; promote new"), "{said}");
}

#[test]
fn a_service_that_reads_a_store_is_another_one_when_a_value_changes() {
    let environment = publishing(environment(1));
    let observed = fleet(&environment, &["v1"]);
    let images = environment.services.keys().map(|name| (name.clone(), image("v1"))).collect();
    let digests = published(&environment, "v2").into_iter().map(|(store, values)| (store, values.digest())).collect();
    let release =
        Release::assemble(&environment, images, &configs(&environment, "v1"), None).publishing(&environment, digests);
    let mut plan = planner::deploy(&environment, &observed, &Selection::default(), &release).expect("a plan");
    assert!(plan.to_string().contains("configuration changed"), "{plan}");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    plan.published.clear();
    assert_eq!(check::faults(&plan), ["web on web1 reads what is not published"]);
}

#[test]
fn a_first_deploy_creates_on_every_host_and_says_there_is_no_way_back() {
    let environment = environment(2);
    let mut observed = fleet(&environment, &[]);
    seen(&mut observed, 1).networks.clear();
    assert_snapshot!(text(&deploy(&environment, &observed, "v1")), @r"
    deploy shop prod: r1 (first release)
      image web: shop/web:v1 (763176317631)
      strategy web: started, as nothing of it runs there; no downtime is expected
      prepare web1: pull shop/web:v1 (763176317631), create network shop-prod_default, check that port 8080 is free
      prepare web2: pull shop/web:v1 (763176317631), check that port 8080 is free
      batch 1 of 2 (0 of 2 serve): web, then monitor 400ms
        web1: nothing -> shop-prod-web-#, not running yet
          create new (before the first batch); start new; gate new; promote new
      batch 2 of 2 (1 of 2 serve): web, then monitor 400ms
        web2: nothing -> shop-prod-web-#, not running yet
          create new (before the first batch); start new; gate new; promote new
      note: web has nothing to go back to on some hosts: there, a failure removes it again
    ");
}

#[test]
fn an_update_replaces_host_by_host_and_keeps_what_it_stops() {
    let environment = environment(3);
    let observed = fleet(&environment, &["v1", "v2"]);
    assert_snapshot!(text(&deploy(&environment, &observed, "v3")), @r"
    deploy shop prod: r3 (in force: r2)
      image web: shop/web:v3 (763376337633)
      strategy web: stop-first, as port 8080 of the host is for one container; downtime on each host until its gate is passed
      prepare web1: pull shop/web:v3 (763376337633)
      prepare web2: pull shop/web:v3 (763376337633)
      prepare web3: pull shop/web:v3 (763376337633)
      batch 1 of 3 (2 of 3 serve): web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v2 (763276327632) -> shop/web:v3 (763376337633)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      batch 2 of 3 (2 of 3 serve): web, then monitor 400ms
        web2: shop-prod-web-# -> shop-prod-web-#, image shop/web:v2 (763276327632) -> shop/web:v3 (763376337633)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      batch 3 of 3 (2 of 3 serve): web, then monitor 400ms
        web3: shop-prod-web-# -> shop-prod-web-#, image shop/web:v2 (763276327632) -> shop/web:v3 (763376337633)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
    ");
}

/// Of each batch: its hosts, and how many others must serve meanwhile.
fn batches(plan: &Plan) -> Vec<String> {
    let hosts = |batch: &Batch| batch.replacements.iter().map(|one| one.host.to_string()).collect::<Vec<_>>().join(" ");
    plan.batches.iter().map(|batch| format!("{}, keep {}", hosts(batch), batch.keep)).collect()
}

#[test]
fn hosts_that_do_not_serve_come_first_and_count_as_out_of_service() {
    let mut environment = environment(5);
    environment.services[0].update.parallelism = BatchSize::Count(2);
    let mut observed = fleet(&environment, &["v1"]);
    let plan = deploy(&environment, &observed, "v2");
    assert_eq!(batches(&plan), ["web1 web2, keep 3", "web3 web4, keep 3", "web5, keep 3"]);
    for number in [4, 5] {
        let unhealthy = EngineHealth::Unhealthy("500".to_owned());
        seen(&mut observed, number).containers[0].state.health = unhealthy;
    }
    let plan = deploy(&environment, &observed, "v2");
    assert_eq!(batches(&plan), ["web4 web5, keep 0", "web1 web2, keep 3", "web3, keep 3"]);
    seen(&mut observed, 5).containers[0].state.health = EngineHealth::None;
    let plan = deploy(&environment, &observed, "v2");
    assert_eq!(batches(&plan), ["web4 web1, keep 3", "web2 web3, keep 3", "web5, keep 3"]);
    let mut bent = plan.clone();
    bent.batches[1].keep = 2;
    bent.batches[2].keep = 5;
    assert_eq!(
        check::faults(&bent),
        [
            "web: a batch begins although too few other hosts serve",
            "web: a batch waits for more hosts than there will be"
        ]
    );
    let more = bent.batches.pop().expect("a batch").replacements;
    bent.batches[1].replacements.extend(more);
    bent.batches[1].keep = 2;
    assert_eq!(check::faults(&bent), ["web: a batch leaves 2 hosts in service, and 3 must be"]);
}

#[test]
fn max_unavailable_and_max_surge_say_how_many_at_a_time_and_are_kept() {
    let mut environment = environment(5);
    let mut observed = fleet(&environment, &["v1"]);
    let update = &mut environment.services[0].update;
    (update.parallelism, update.max_unavailable) = (BatchSize::All, Ceiling::Percent(50));
    assert_eq!(batches(&deploy(&environment, &observed, "v2"))[0], "web1 web2, keep 3");
    let update = &mut environment.services[0].update;
    (update.max_unavailable, update.max_surge, update.order) =
        (Ceiling::Batch, Ceiling::Percent(50), Order::StartFirst);
    assert_eq!(batches(&deploy(&environment, &observed, "v2")), ["web1 web2 web3, keep 0", "web4 web5, keep 0"]);
    let update = &mut environment.services[0].update;
    (update.max_unavailable, update.max_surge, update.order) = (Ceiling::Count(1), Ceiling::Batch, Order::StopFirst);
    observed.hosts.insert(host(5), HostView::Unreachable("no route to host".to_owned()));
    let selection = ["web1", "web2", "web3", "web4"].map(str::to_owned);
    let selection = Selection::resolve(&environment, &selection, &[]).expect("hosts");
    let refused = planner::deploy(&environment, &observed, &selection, &release(&environment, "v2"));
    assert_eq!(
        refused.expect_err("a refusal").to_string(),
        "web: at most 1 of its hosts may be out of service (`max_unavailable`), and web5 already is"
    );
}

#[test]
fn a_host_that_is_down_and_not_selected_takes_its_part_of_what_may_be_out() {
    let mut environment = environment(4);
    environment.services[0].update.parallelism = BatchSize::Count(2);
    let mut observed = fleet(&environment, &["v1"]);
    observed.hosts.insert(host(4), HostView::Unreachable("no route to host".to_owned()));
    let selection = ["web1", "web2", "web3"].map(str::to_owned);
    let selection = Selection::resolve(&environment, &selection, &[]).expect("hosts");
    let plan = planner::deploy(&environment, &observed, &selection, &release(&environment, "v2")).expect("a plan");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    assert_eq!(batches(&plan), ["web1, keep 2", "web2, keep 2", "web3, keep 2"]);
    let said = plan.to_string();
    assert!(said.contains("note: web is out of service on web4, and this changes nothing there\n"), "{said}");
}

#[test]
fn a_service_comes_after_what_it_needs_and_goes_back_before_it() {
    let environment = with_database(environment(2));
    let observed = fleet(&environment, &["v1", "v2"]);
    let services = |plan: &Plan| {
        let batches = plan.batches.iter().map(|batch| format!("{} {}", batch.service, batch.replacements[0].host));
        batches.collect::<Vec<_>>()
    };
    let plan = deploy(&environment, &observed, "v3");
    assert_eq!(services(&plan), ["db web1", "db web2", "web web1", "web web2"]);
    let ledger = observed.ledger();
    let older = ledger.last_good().expect("release 1");
    let back = planner::rollback(&environment, &observed, &Selection::default(), older).expect("a plan");
    assert_eq!(check::faults(&back), Vec::<String>::new());
    assert_eq!(services(&back), ["web web1", "web web2", "db web1", "db web2"]);
    let reached = Reached {
        promoted: plan.replacements().take(3).map(|one| (one.host.clone(), one.service.clone())).collect(),
        failed: Some((host(1), service("db"))),
        ..Reached::default()
    };
    let back: Vec<_> = rollback(&plan, &reached).iter().map(|batch| batch.replacements[0].clone()).collect();
    let back: Vec<_> = back.iter().map(|one| format!("{} {}", one.service, one.host)).collect();
    assert_eq!(back, ["web web1", "db web1", "db web2"]);
    let mut bent = plan;
    bent.batches.reverse();
    assert_eq!(check::faults(&bent), ["db is not replaced in the order in which services go back"]);
}

#[test]
fn what_already_runs_everywhere_is_left_alone() {
    let environment = environment(3);
    let observed = fleet(&environment, &["v1", "v2"]);
    let plan = deploy(&environment, &observed, "v2");
    assert!(plan.is_noop());
    assert_snapshot!(text(&plan), @r"
    deploy shop prod: r2 (in force)
      image web: shop/web:v2 (763276327632)
      unchanged web1: web
      unchanged web2: web
      unchanged web3: web
      nothing to do
    ");
}

#[test]
fn a_host_left_half_done_comes_first() {
    let environment = environment(3);
    let mut observed = fleet(&environment, &["v1"]);
    let spec = release(&environment, "v2").containers[&(host(3), service("web"))].clone();
    let web3 = seen(&mut observed, 3);
    web3.containers[0].state.phase = Phase::Exited { code: 0, oom_killed: false };
    web3.containers[0].restart = RestartPolicy::No;
    web3.containers.push(container(&spec, 2, State::RunningUnproven));
    assert_snapshot!(text(&deploy(&environment, &observed, "v2")), @r"
    deploy shop prod: r2 (in force: r1)
      image web: shop/web:v2 (763276327632)
      strategy web on web3: kept, and gated, as what is wanted runs already; no downtime is expected
      strategy web on web1, web2: stop-first, as port 8080 of the host is for one container; downtime on each host until its gate is passed
      prepare web1: pull shop/web:v2 (763276327632)
      prepare web2: pull shop/web:v2 (763276327632)
      batch 1 of 3 (2 of 3 serve): web, then monitor 400ms
        web3: shop-prod-web-# -> shop-prod-web-#, left unfinished
          gate new; promote new
      batch 2 of 3 (2 of 3 serve): web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      batch 3 of 3 (2 of 3 serve): web, then monitor 400ms
        web2: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      note: an earlier rollout did not finish on web3; it comes first
    ");
}

#[test]
fn a_container_that_was_created_and_never_started_is_made_anew() {
    let environment = environment(1);
    let mut observed = fleet(&environment, &["v1"]);
    let spec = release(&environment, "v2").containers[&(host(1), service("web"))].clone();
    seen(&mut observed, 1).containers.push(container(&spec, 2, State::CreatedUnproven));
    assert_snapshot!(text(&deploy(&environment, &observed, "v2")), @r"
    deploy shop prod: r2 (in force: r1)
      image web: shop/web:v2 (763276327632)
      strategy web: stop-first, as port 8080 of the host is for one container; downtime until the gate is passed: no other host serves
      prepare web1: pull shop/web:v2 (763276327632)
      batch 1 of 1 (0 of 1 serve): web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          remove left-over shop-prod-web-#, create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
    ");
}

#[test]
fn start_first_gates_the_new_one_before_the_old_one_goes() {
    let mut environment = environment(2);
    let web = environment.services.get_mut(&service("web")).expect("web");
    web.update.order = Order::StartFirst;
    web.update.parallelism = BatchSize::All;
    web.runtime.ports.clear();
    let observed = fleet(&environment, &["v1"]);
    assert_snapshot!(text(&deploy(&environment, &observed, "v2")), @r"
    deploy shop prod: r2 (in force: r1)
      image web: shop/web:v2 (763276327632)
      strategy web: start-first, as `order` says so; no downtime is expected
      prepare web1: pull shop/web:v2 (763276327632)
      prepare web2: pull shop/web:v2 (763276327632)
      batch 1 of 1 (2 of 2 serve): web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); start new; gate new; promote new; stop old (grace 1s)
        web2: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); start new; gate new; promote new; stop old (grace 1s)
    ");
}

#[test]
fn more_releases_than_are_kept_are_removed_afterwards() {
    let environment = environment(1);
    let observed = fleet(&environment, &["v1", "v2", "v3"]);
    let plan = deploy(&environment, &observed, "v4");
    let removed: Vec<_> = plan.retirements[&host(1)].iter().map(|one| one.release).collect();
    assert_eq!(removed, [1], "two earlier releases are kept: 3 and 2");
}

#[test]
fn a_rollback_starts_the_container_that_was_kept() {
    let environment = environment(2);
    let observed = fleet(&environment, &["v1", "v2"]);
    let ledger = observed.ledger();
    let entry = ledger.last_good().expect("release 1");
    let plan = planner::rollback(&environment, &observed, &Selection::default(), entry).expect("a plan");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    assert_snapshot!(text(&plan), @r"
    rollback shop prod: r1 (in force: r2)
      image web: shop/web:v1 (763176317631)
      strategy web: stop-first, as port 8080 of the host is for one container; downtime on each host until its gate is passed
      batch 1 of 2 (1 of 2 serve): web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v2 (763276327632) -> shop/web:v1 (763176317631)
          stop old (grace 1s); start new; gate new; promote new
      batch 2 of 2 (1 of 2 serve): web, then monitor 400ms
        web2: shop-prod-web-# -> shop-prod-web-#, image shop/web:v2 (763276327632) -> shop/web:v1 (763176317631)
          stop old (grace 1s); start new; gate new; promote new
    ");
}

#[test]
fn a_rollback_to_what_is_no_longer_kept_is_refused_before_anything_is_touched() {
    let environment = environment(2);
    let mut observed = fleet(&environment, &["v1", "v2"]);
    seen(&mut observed, 2).containers.retain(|container| container.stamp.release != 1);
    let ledger = observed.ledger();
    let refusal =
        planner::rollback(&environment, &observed, &Selection::default(), ledger.find("1").expect("release 1"));
    assert!(
        matches!(&refusal, Err(Refusal::NotKept { missing, .. }) if *missing == [(host(2), service("web"))]),
        "{refusal:?}"
    );
}

#[test]
fn a_host_that_does_not_answer_refuses_the_plan_unless_it_is_not_selected() {
    let environment = environment(2);
    let mut observed = fleet(&environment, &["v1"]);
    observed.hosts.insert(host(2), HostView::Unreachable("connection refused".to_owned()));
    let release = release(&environment, "v2");
    let refusal = planner::deploy(&environment, &observed, &Selection::default(), &release).expect_err("a refusal");
    assert_eq!(refusal.to_string(), "host web2 cannot be reached: connection refused");
    let only = Selection::resolve(&environment, &["web1".to_owned()], &[]).expect("web1 is there");
    let plan = planner::deploy(&environment, &observed, &only, &release).expect("a plan");
    assert_eq!(plan.replacements().map(|one| one.host.clone()).collect::<Vec<_>>(), [host(1)]);
}

#[test]
fn two_names_for_one_machine_are_refused() {
    let environment = environment(2);
    let mut observed = fleet(&environment, &["v1"]);
    seen(&mut observed, 2).engine.id = "web1".to_owned();
    let refusal = planner::deploy(&environment, &observed, &Selection::default(), &release(&environment, "v2"));
    assert_eq!(refusal, Err(Refusal::SameEngine(host(1), host(2))));
}

#[test]
fn the_same_inputs_give_the_same_plan_and_a_saved_plan_is_refused_when_anything_differs() {
    let environment = environment(3);
    let observed = fleet(&environment, &["v1"]);
    let plan = deploy(&environment, &observed, "v2");
    let written = saved::write(&plan).expect("text");
    assert_eq!(written, saved::write(&deploy(&environment, &observed, "v2")).expect("text"));
    let read = saved::read(&written).expect("a plan");
    assert!(saved::compare(&read, &plan).is_ok());

    let mut changed = observed.clone();
    seen(&mut changed, 2).containers[0].id = ContainerId("another".to_owned());
    let stale = saved::compare(&read, &deploy(&environment, &changed, "v2")).expect_err("stale");
    assert_eq!(stale.to_string(), "the plan is stale: host web2 no longer looks as it did");
    let stale = saved::compare(&read, &deploy(&environment, &observed, "v3")).expect_err("stale");
    assert_eq!(stale.to_string(), "the plan is stale: the image of web is another one now");
    assert!(saved::read("{}").is_err());
}

#[test]
fn a_rollout_on_selected_hosts_does_not_put_its_release_into_force() {
    let environment = environment(2);
    let mut observed = fleet(&environment, &["v1"]);
    let only = Selection::resolve(&environment, &["web1".to_owned()], &[]).expect("web1 is there");
    let next = release(&environment, "v2");
    let plan = planner::deploy(&environment, &observed, &only, &next).expect("a plan");
    assert!(plan.partial);

    // As it is afterwards: web1 runs release 2, web2 and the record are on release 1.
    let spec = next.containers[&(host(1), service("web"))].clone();
    let partial = Entry {
        number: 2,
        release: plan.release.clone(),
        result: RolloutResult::Partial,
        placements: next.placements(),
        published: std::collections::BTreeMap::new(),
        jobs: std::collections::BTreeMap::new(),
        pinned: std::collections::BTreeMap::new(),
        reason: None,
        ..observed.ledger().entries[0].clone()
    };
    let ledger = observed.ledger().with(partial);
    for number in 1..=2 {
        seen(&mut observed, number).ledger = ledger.clone();
    }
    let web1 = seen(&mut observed, 1);
    web1.containers[0] =
        container(&release(&environment, "v1").containers[&(host(1), service("web"))], 1, State::Kept(1));
    web1.containers.push(container(&spec, 2, State::Settled));
    assert_eq!(observed.ledger().current().expect("a release").release.number, 1);

    let again = planner::deploy(&environment, &observed, &only, &next).expect("a plan");
    assert!(again.is_noop(), "{again}");
    let everywhere = deploy(&environment, &observed, "v2");
    assert_eq!(everywhere.release.number, 2);
    assert_eq!(everywhere.resumed.len(), 1, "web1 goes back with web2 if web2 fails: {everywhere}");
}

#[test]
fn a_udp_port_does_not_meet_a_tcp_port_of_the_same_number() {
    let mut environment = environment(1);
    let dns = |protocol| Port { host_ip: None, host_port: Some(53), container_port: 53, protocol };
    environment.services[0].runtime.ports.push(dns(Protocol::Udp));
    let mut observed = fleet(&environment, &[]);
    seen(&mut observed, 1).foreign_ports.insert(53, "resolver".to_owned());
    assert_eq!(deploy(&environment, &observed, "v1").preparations[&host(1)].free_ports, [8080]);
    environment.services[0].runtime.ports.push(dns(Protocol::Tcp));
    let refused = planner::deploy(&environment, &observed, &Selection::default(), &release(&environment, "v1"));
    assert!(matches!(refused, Err(Refusal::PortTaken { port: 53, .. })), "{refused:?}");
}

#[test]
fn networks_and_volumes_are_made_as_described_and_external_ones_must_be_there() {
    let mut environment = environment(1);
    let web = &mut environment.services[0].runtime;
    web.networks.push(Network::plain("backbone".to_owned()));
    let data = MountSource::Volume("shop-prod_data".to_owned());
    web.volumes.push(Mount {
        source: data,
        target: "/data".to_owned(),
        read_only: false,
        options: MountOptions::default(),
    });
    let backbone = NetworkSpec { external: true, ..NetworkSpec::plain("backbone".to_owned()) };
    environment.networks.insert("backbone".to_owned(), backbone);
    let plan = deploy(&environment, &fleet(&environment, &[]), "v1");
    let provisions = &plan.preparations[&host(1)].provisions;
    assert_eq!(provisions[1], Provision::Volume(VolumeSpec::plain("shop-prod_data".to_owned())));
    assert!(
        text(&plan).contains("check that network backbone is there, create volume shop-prod_data"),
        "{}",
        text(&plan)
    );
}

/// Two hosts that run v1 behind a balancer, whose servers are in these states.
pub fn behind_a_balancer(states: [(&str, Admin); 2]) -> (Environment, Observed) {
    let mut environment = environment(2);
    environment.services[0].traffic = Some(Traffic {
        balancers: vec!["front".parse().expect("a name")],
        backend: "web".to_owned(),
        server: None,
        drain: Drain { deadline: Duration::from_secs(30), on_deadline: OnDeadline::Abort },
        up_deadline: Duration::from_secs(30),
    });
    let mut observed = fleet(&environment, &["v1"]);
    let server = |(name, admin): (&str, Admin)| {
        let (address, port, health) = (name.to_owned(), 8080, Health::Up);
        (
            name.to_owned(),
            Server {
                address,
                port,
                admin,
                health,
                sessions: Some(0),
                queued: 0,
                kept: 0,
                backup: false,
                sticky: false,
            },
        )
    };
    let key = ("front".parse().expect("a name"), "web".to_owned());
    observed.backends.insert(key, BackendView::Seen(states.into_iter().map(server).collect()));
    (environment, observed)
}

#[test]
fn what_is_behind_a_balancer_is_drained_first_and_admitted_last() {
    let (environment, observed) = behind_a_balancer([("web1", Admin::Ready), ("web2", Admin::Maintenance)]);
    assert_snapshot!(text(&deploy(&environment, &observed, "v2")), @r"
    deploy shop prod: r2 (in force: r1)
      image web: shop/web:v2 (763276327632)
      strategy web on web2: stop-first, as port 8080 of the host is for one container; no downtime is expected
      strategy web on web1: drained and stopped first, as front stops sending requests before; downtime until the gate is passed: no other host serves
      prepare web1: pull shop/web:v2 (763276327632)
      prepare web2: pull shop/web:v2 (763276327632)
      batch 1 of 2 (1 of 2 serve): web, then monitor 400ms
        web2: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      batch 2 of 2 (0 of 2 serve): web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); drain; stop old (grace 1s); start new; gate new; promote new; admit
      note: front web/web2 is in maintenance and stays so: no request reaches it
    ");
}

#[test]
fn the_plan_says_whose_errors_are_compared_with_whose() {
    let (mut environment, observed) = behind_a_balancer([("web1", Admin::Ready), ("web2", Admin::Ready)]);
    environment.services[0].update.error_rate =
        Some(ErrorRate { above_old: Percentage(50), requests: 20, inconclusive: Inconclusive::Pass });
    let plan = deploy(&environment, &observed, "v2");
    let text = text(&plan);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| line.contains("errors")).collect();
    assert_eq!(
        lines,
        [
            "batch 1 of 2 (1 of 2 serve): web, then monitor 400ms, comparing errors with web2: at most 0.5% more errors than on the old \
             servers, of 20 requests each; too few pass",
            "note: errors of web on web2 are not compared: no old server is left then"
        ]
    );
    // A host that is not selected stays a measure.
    let selection = Selection::resolve(&environment, &["web1".to_owned()], &[]).expect("a host");
    let release = release(&environment, "v2");
    let plan = planner::deploy(&environment, &observed, &selection, &release).expect("a plan");
    assert!(plan.batches[0].compare.as_ref().is_some_and(|it| it.old[0].server == "web2"), "{plan}");
    let mut wrong = plan.clone();
    let own = wrong.batches[0].replacements[0].traffic.clone().expect("traffic").routes;
    wrong.batches[0].compare.as_mut().expect("a comparison").old = own;
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    assert_eq!(check::faults(&wrong), ["batch 1 of web: its errors are compared with its own"]);
}

#[test]
fn a_server_that_a_rollout_left_drained_is_put_back_after_another_gate() {
    let (environment, observed) = behind_a_balancer([("web1", Admin::Drain), ("web2", Admin::Ready)]);
    assert_snapshot!(text(&deploy(&environment, &observed, "v1")), @r"
    deploy shop prod: r1 (in force)
      image web: shop/web:v1 (763176317631)
      strategy web: kept, and gated, as what is wanted runs already; no downtime is expected
      batch 1 of 1 (1 of 2 serve): web, then monitor 400ms
        web1: shop-prod-web-#, out of traffic
          drain; gate new; promote new; admit
      unchanged web2: web
    ");
}

#[test]
fn a_balancer_that_cannot_be_asked_is_told_all_the_same_and_the_plan_says_so() {
    let (environment, observed) = behind_a_balancer([("web1", Admin::Unknown), ("web2", Admin::Ready)]);
    let settled = text(&deploy(&environment, &observed, "v1"));
    assert!(settled.contains("nothing to do"), "{settled}");
    let plan = text(&deploy(&environment, &observed, "v2"));
    let note = "note: front web/web1: nothing can be read back, so what its programs say is believed";
    assert!(plan.contains(note), "{plan}");
    assert_eq!(
        plan.matches("drain; stop old (grace 1s); start new; gate new; promote new; admit").count(),
        2,
        "{plan}"
    );
}

#[test]
fn a_host_that_is_no_server_of_its_backend_is_refused() {
    let (environment, observed) = behind_a_balancer([("web1", Admin::Ready), ("h2", Admin::Ready)]);
    let release = release(&environment, "v2");
    let refusal = planner::deploy(&environment, &observed, &Selection::default(), &release).expect_err("a refusal");
    assert_snapshot!(refusal.to_string(), @"balancer front: backend web has no server web2; it has h2, web1");
}

#[test]
fn a_server_that_leads_to_another_port_is_named() {
    let (environment, mut observed) = behind_a_balancer([("web1", Admin::Ready), ("web2", Admin::Ready)]);
    for view in observed.backends.values_mut() {
        let BackendView::Seen(servers) = view else { panic!("the balancer was seen") };
        servers.get_mut("web2").expect("a server").port = 9090;
    }
    let notes = deploy(&environment, &observed, "v2").notes;
    let notes: Vec<_> = notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["front web/web2 leads to web2:9090, which does not look like the service on web2"]);
}

/// One host, v1 behind its edge.
pub fn behind_an_edge() -> (Environment, Observed) {
    let environment = edged(environment(1));
    let mut observed = fleet(&environment, &["v1"]);
    seen(&mut observed, 1).containers[0].seat = Some(seats()[0].address);
    seen(&mut observed, 1).networks.insert("shop-prod_edge-seats".to_owned());
    (environment, observed)
}

#[test]
fn behind_an_edge_the_old_one_leaves_its_seat_when_the_new_one_has_another() {
    let (environment, observed) = behind_an_edge();
    let plan = deploy(&environment, &observed, "v2");
    assert_snapshot!(text(&plan), @r"
    deploy shop prod: r2 (in force: r1)
      image web: shop/web:v2 (763276327632)
      strategy web: start-first, as the edge switches when it finds the new one up; no downtime is expected
      prepare web1: pull shop/web:v2 (763276327632)
      batch 1 of 1 (1 of 1 serve): web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); start new; gate new; promote new; seat new; unseat old; stop old (grace 1s)
    ");
    let seating = plan.batches[0].replacements[0].seating.as_ref().expect("seats");
    assert_eq!((&seating.new, &seating.old), (&seats()[1], &seats()[0]));
}

#[test]
fn what_runs_behind_an_edge_without_a_seat_is_gated_and_seated() {
    let (environment, mut observed) = behind_an_edge();
    seen(&mut observed, 1).containers[0].seat = None;
    assert_snapshot!(text(&deploy(&environment, &observed, "v1")), @r"
    deploy shop prod: r1 (in force)
      image web: shop/web:v1 (763176317631)
      strategy web: kept, and gated, as what is wanted runs already; no downtime is expected
      batch 1 of 1 (1 of 1 serve): web, then monitor 400ms
        web1: shop-prod-web-#, out of traffic
          gate new; promote new; seat new
    ");
}

#[tokio::test]
async fn a_way_back_without_the_store_that_its_release_published_to_is_refused() {
    let environment = environment(1);
    let observed = fleet(&environment, &["v1"]);
    let mut plan = deploy(&environment, &observed, "v2");
    plan.published.insert("settings".to_owned(), "a1b2".to_owned());
    let stores = BTreeMap::new();
    let proposed = shipctl::publish::propose(&environment, &stores, None, &observed.ledger(), "token", &mut plan).await;
    assert_eq!(
        proposed.err().expect("a refusal").to_string(),
        "store settings (no longer in the manifest): what the release had there cannot be put back without it"
    );
}
