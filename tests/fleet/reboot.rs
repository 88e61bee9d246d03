//! Hosts drained, admitted and rebooted as a whole: real machines that go down and come up again.

use std::fs;

use crate::support::{API_TOKEN, Container, Fleet, Meter, Project};

const RATE: u32 = 300;

/// v1 everywhere, behind two balancers.
fn serving(fleet: &Fleet) -> Project {
    let project = Project::new(fleet);
    project.count_posts();
    project.behind_balancers();
    project.install();
    project
}

/// The life that a host is in: its first process, as this machine sees it.
fn life(fleet: &Fleet, host: &str) -> String {
    fs::read_to_string(fleet.file(&format!("{host}/init.pid"))).expect("a host has a first process")
}

fn containers(fleet: &Fleet, host: &str) -> Vec<String> {
    fleet.host(host).running().iter().map(|one: &Container| one.id().to_owned()).collect()
}

#[test]
fn the_weekly_reboot_fails_no_request_and_brings_the_same_containers_back() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    let before = ["h1", "h2", "h3"].map(|host| (life(&fleet, host), containers(&fleet, host)));
    let meters = ["lb1", "lb2"].map(|name| Meter::start(&fleet, &fleet.balancer(name).url, RATE / 2));
    for meter in &meters {
        meter.wait_for_more(u64::from(RATE));
    }
    let run = project.run(&["host", "reboot", "prod", "--host", "h1,h2", "--yes", "--reason", "weekly"]).expect(0);
    assert_eq!(run.table(), ["h1 r1 r1 healthy", "h2 r1 r1 healthy"]);
    for meter in meters {
        meter.wait_for_more(u64::from(RATE));
        let measured = meter.stop();
        assert_eq!(measured.failures(), 0, "{measured}");
        measured.assert_posts_arrived_once();
    }
    let after = ["h1", "h2", "h3"].map(|host| (life(&fleet, host), containers(&fleet, host)));
    for (was, is) in before.iter().zip(&after) {
        assert_eq!(was.1, is.1, "the same containers");
    }
    let is_rebooted: Vec<_> = before.iter().zip(&after).map(|(was, is)| was.0 != is.0).collect();
    assert_eq!(is_rebooted, [true, true, false]);
    assert!(project.said(&["status", "prod", "--check"]).contains("Everything runs as recorded."));
    let history = project.said(&["history", "prod"]);
    assert!(history.contains("host reboot") && history.contains("weekly"), "{history}");
}

#[test]
fn a_host_that_does_not_come_back_is_reported_and_the_next_one_is_not_touched() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    let all = project.run(&["host", "reboot", "prod", "--yes"]).expect(1);
    assert!(all.text().contains("host h3 cannot be told to reboot"), "{all}");

    fs::write(fleet.file("h1/stays-down"), "").expect("a file can be written");
    let (first, second) = (life(&fleet, "h1"), life(&fleet, "h2"));
    let run = project.run(&["host", "reboot", "prod", "--host", "h1,h2", "--timeout", "15s", "--yes"]).expect(4);
    assert_eq!(run.failure()["host"], "h1", "{run}");
    assert!(run.failure()["reason"].as_str().is_some_and(|why| why.contains("not back within 15s")), "{run}");
    assert_eq!(run.table(), ["h1 r1 unknown unknown", "h2 r1 r1 running"], "{run}");
    assert_eq!((fleet.releases(), life(&fleet, "h2")), (vec!["-".into(), "v1".into(), "v1".into()], second));
    for name in ["lb1", "lb2"] {
        assert!(!fleet.balancer(name).server("h1").is_up() && fleet.balancer(name).server("h2").is_up());
    }

    fleet.boot("h1");
    assert_ne!(life(&fleet, "h1"), first);
    project.run(&["start", "prod", "--host", "h1"]).expect(0);
    project.run(&["host", "admit", "prod"]).expect(0);
    assert_eq!(fleet.releases(), ["v1"; 3]);
    assert!(project.said(&["status", "prod", "--check"]).contains("Everything runs as recorded."));
}

#[test]
fn secrets_in_memory_are_there_again_after_a_reboot() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.edit("secrets: [api_token]", "secrets: [{ source: api_token, tmpfs: true, uid: 1000 }]");
    project.install();
    let before = (life(&fleet, "h1"), containers(&fleet, "h1"));
    project.run(&["host", "reboot", "prod", "--host", "h1", "--yes"]).expect(0);
    assert_ne!(life(&fleet, "h1"), before.0);
    assert_eq!((containers(&fleet, "h1"), fleet.releases()), (before.1, vec!["v1".to_owned(); 3]));
    let secret = fleet.host("h1").get("/secret").expect("an answer");
    assert_eq!(secret[0]["length"], API_TOKEN.len(), "{secret}");
    let file = format!("/run/shipctl/{}/0", fleet.host("h1").only().name());
    let stat = fleet.script(&["exec", "h1", "bash", "-c", &format!("stat -c '%a %u' {file}; stat -f -c %T {file}")]);
    assert_eq!(stat.split_whitespace().collect::<Vec<_>>(), ["400", "1000", "tmpfs"]);
    project.run(&["plan", "prod", "--check"]).expect(0);
}

#[test]
fn a_host_that_is_drained_by_hand_stays_so_through_a_deploy_until_it_is_admitted() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    let meter = Meter::start(&fleet, &fleet.balancer("lb1").url, RATE);
    meter.wait_for_more(u64::from(RATE));
    let run = project.run(&["host", "drain", "prod", "--host", "h1", "--yes", "--reason", "a new disk"]).expect(0);
    assert_eq!(run.table(), ["h1 r1 r1 running"]);
    let is_drained = || ["lb1", "lb2"].map(|name| fleet.balancer(name).server("h1").is("status", "DRAIN"));
    assert_eq!(is_drained(), [true, true]);
    let status = project.said(&["status", "prod"]);
    assert!(status.contains("drained by ") && status.contains(": a new disk"), "{status}");
    assert!(status.contains("next: shipctl host admit prod --host h1"), "{status}");
    let plan = project.said(&["plan", "prod", "--set", "services.web.image=shop/web:v2"]);
    assert!(plan.contains("web on h1 was drained by "), "{plan}");
    project.deployed("v2");
    assert_eq!((fleet.releases(), is_drained()), (vec!["v2".to_owned(); 3], [true, true]));
    project.run(&["host", "admit", "prod", "--host", "h1"]).expect(0);
    for name in ["lb1", "lb2"] {
        assert!(fleet.balancer(name).server("h1").is_up());
    }
    meter.wait_for_more(u64::from(RATE));
    let measured = meter.stop();
    assert_eq!(measured.failures(), 0, "{measured}");
}
