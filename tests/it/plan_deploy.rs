//! What the planner decides, as the text an operator reads.

use std::collections::BTreeMap;
use std::time::Duration;

use insta::assert_snapshot;
use jiff::Timestamp;
use shipctl::balancer::{Admin, Health, Server};
use shipctl::container::{ContainerId, ContainerSpec};
use shipctl::delivery::Delivery;
use shipctl::engine::Provision;
use shipctl::environment::{
    BatchSize, Canary, Drain, Environment, Mount, MountOptions, MountSource, Network, NetworkSpec, OnDeadline, Order,
    Port, Protocol, RestartPolicy, Traffic, VolumeSpec,
};
use shipctl::fleet::ledger::{Entry, Kind, Ledger, RolloutResult};
use shipctl::fleet::observed::{
    BackendView, ContainerState, EngineFacts, EngineHealth, HostView, Observed, ObservedContainer, ObservedHost, Phase,
};
use shipctl::fleet::select::Selection;
use shipctl::fleet::stamp::Stamp;
use shipctl::plan::{Plan, check, saved};
use shipctl::plan::{Refusal, planner};
use shipctl::release::{Release, ReleaseId, content_digest};

use crate::support::environment::{
    configs, delivering, environment, host, image, published, publishing, release, service,
};

/// A fleet as it is after `tags` were rolled out one after the other, the last one running.
fn fleet(environment: &Environment, tags: &[&str]) -> Observed {
    let mut ledger = Ledger::default();
    let releases: Vec<Release> = tags.iter().map(|tag| release(environment, tag)).collect();
    for (release, number) in releases.iter().zip(1..) {
        let placements = release.placements();
        ledger = ledger.with(Entry {
            number,
            rollout: format!("rollout-{number}"),
            kind: Kind::Deploy,
            release: ReleaseId { number, digest: content_digest(&placements) },
            images: BTreeMap::new(),
            result: RolloutResult::Completed,
            by: "ann@desk".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            placements,
            published: std::collections::BTreeMap::new(),
        });
    }
    let hosts = environment.hosts.keys().map(|name| {
        let containers = releases.iter().zip(1..).map(|(release, number)| {
            let spec = &release.containers[&(name.clone(), service("web"))];
            let last = number == ledger.last_release();
            container(spec, number, if last { State::Settled } else { State::Kept(number) })
        });
        let seen = ObservedHost {
            engine: EngineFacts { id: name.to_string(), ..EngineFacts::default() },
            containers: containers.collect(),
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
        id: ContainerId(format!("id-r{release}-{}", spec.host)),
        name: if proven { name.0.clone() } else { name.unproven() },
        proven,
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
        emptied: false,
    }
}

fn seen(observed: &mut Observed, number: usize) -> &mut ObservedHost {
    match observed.hosts.get_mut(&host(number)) {
        Some(HostView::Seen(seen)) => seen,
        _ => panic!("web{number} was seen"),
    }
}

fn deploy(environment: &Environment, observed: &Observed, tag: &str) -> Plan {
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
      prepare web1: pull shop/web:v1 (763176317631), create network shop-prod_default, check that port 8080 is free
      prepare web2: pull shop/web:v1 (763176317631), check that port 8080 is free
      batch 1 of 2: web, then monitor 400ms
        web1: nothing -> shop-prod-web-#, not running yet
          create new (before the first batch); start new; gate new; promote new
      batch 2 of 2: web, then monitor 400ms
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
      prepare web1: pull shop/web:v3 (763376337633)
      prepare web2: pull shop/web:v3 (763376337633)
      prepare web3: pull shop/web:v3 (763376337633)
      batch 1 of 3: web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v2 (763276327632) -> shop/web:v3 (763376337633)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      batch 2 of 3: web, then monitor 400ms
        web2: shop-prod-web-# -> shop-prod-web-#, image shop/web:v2 (763276327632) -> shop/web:v3 (763376337633)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      batch 3 of 3: web, then monitor 400ms
        web3: shop-prod-web-# -> shop-prod-web-#, image shop/web:v2 (763276327632) -> shop/web:v3 (763376337633)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      note: web is replaced stop-first: 2 of 3 hosts serve while a batch is replaced
    ");
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
      prepare web1: pull shop/web:v2 (763276327632)
      prepare web2: pull shop/web:v2 (763276327632)
      batch 1 of 3: web, then monitor 400ms
        web3: shop-prod-web-# -> shop-prod-web-#, left unfinished
          gate new; promote new
      batch 2 of 3: web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      batch 3 of 3: web, then monitor 400ms
        web2: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      note: web is replaced stop-first: 2 of 3 hosts serve while a batch is replaced
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
      prepare web1: pull shop/web:v2 (763276327632)
      batch 1 of 1: web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          remove left-over shop-prod-web-#, create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      note: web is replaced stop-first: 0 of 1 hosts serve while a batch is replaced
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
      prepare web1: pull shop/web:v2 (763276327632)
      prepare web2: pull shop/web:v2 (763276327632)
      batch 1 of 1: web, then monitor 400ms
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
      batch 1 of 2: web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v2 (763276327632) -> shop/web:v1 (763176317631)
          stop old (grace 1s); start new; gate new; promote new
      batch 2 of 2: web, then monitor 400ms
        web2: shop-prod-web-# -> shop-prod-web-#, image shop/web:v2 (763276327632) -> shop/web:v1 (763176317631)
          stop old (grace 1s); start new; gate new; promote new
      note: web is replaced stop-first: 1 of 2 hosts serve while a batch is replaced
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
fn behind_a_balancer(states: [(&str, Admin); 2]) -> (Environment, Observed) {
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
        (name.to_owned(), Server { address, port, admin, health, sessions: 0, queued: 0, backup: false })
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
      prepare web1: pull shop/web:v2 (763276327632)
      prepare web2: pull shop/web:v2 (763276327632)
      batch 1 of 2: web, then monitor 400ms
        web1: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); drain; stop old (grace 1s); start new; gate new; promote new; admit
      batch 2 of 2: web, then monitor 400ms
        web2: shop-prod-web-# -> shop-prod-web-#, image shop/web:v1 (763176317631) -> shop/web:v2 (763276327632)
          create new (before the first batch); stop old (grace 1s); start new; gate new; promote new
      note: web is replaced stop-first: 1 of 2 hosts serve while a batch is replaced
      note: front web/web2 is in maintenance and stays so: no request reaches it
    ");
}

#[test]
fn a_server_that_a_rollout_left_drained_is_put_back_after_another_gate() {
    let (environment, observed) = behind_a_balancer([("web1", Admin::Drain), ("web2", Admin::Ready)]);
    assert_snapshot!(text(&deploy(&environment, &observed, "v1")), @r"
    deploy shop prod: r1 (in force)
      image web: shop/web:v1 (763176317631)
      batch 1 of 1: web, then monitor 400ms
        web1: shop-prod-web-#, out of traffic
          drain; gate new; promote new; admit
      unchanged web2: web
    ");
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
    assert_eq!(
        notes,
        [
            "web is drained host by host: 1 of 2 serve while a batch is replaced",
            "front web/web2 leads to web2:9090, which does not look like the service on web2"
        ]
    );
}

#[test]
fn a_canary_comes_first_and_is_watched_before_the_others_follow() {
    let mut environment = environment(4);
    let update = &mut environment.services[0].update;
    update.parallelism = BatchSize::Count(2);
    update.canary = Some(Canary { hosts: BatchSize::Count(1), monitor: Duration::from_mins(5) });
    let observed = fleet(&environment, &["v1"]);
    let batches = deploy(&environment, &observed, "v2").batches;
    let shown: Vec<_> = batches.iter().map(|batch| (batch.canary, batch.replacements.len(), batch.monitor)).collect();
    let usual = Duration::from_millis(400);
    assert_eq!(shown, [(true, 1, Duration::from_mins(5)), (false, 2, usual), (false, 1, usual)]);
    assert!(batches[0].to_string().starts_with("web (canary), then monitor 5m\n"), "{}", batches[0]);
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
