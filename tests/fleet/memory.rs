//! Secrets that a host keeps in memory: what is there, what a restart of the host takes away, and what heals it.

use crate::support::{API_TOKEN, Fleet, Project, files_with};

/// A project whose containers cannot be written to, and get their secret from memory.
fn project(fleet: &Fleet) -> Project {
    let project = Project::new(fleet);
    project.edit("configs: [{ source: app_conf, target: /etc/app/app.conf }]", "read_only: true");
    project.edit("secrets: [api_token]", "secrets: [{ source: api_token, tmpfs: true, uid: 1000 }]");
    project
}

/// Directories of secrets on a host.
fn directories(fleet: &Fleet, host: &str) -> Vec<String> {
    let found = fleet.script(&["exec", host, "find", "/run/shipctl", "-mindepth", "1", "-maxdepth", "1", "-type", "d"]);
    let mut found: Vec<_> = found.lines().map(|line| line.trim_start_matches("/run/shipctl/").to_owned()).collect();
    found.sort();
    found
}

/// Directories that the containers of a host name.
fn named(fleet: &Fleet, host: &str) -> Vec<String> {
    let labels = fleet.host(host).containers().into_iter().map(|container| container.labels());
    let mut named: Vec<_> = labels.filter_map(|mut labels| labels.remove("shipctl.memory")).collect();
    named.sort();
    named
}

#[test]
fn a_read_only_container_reads_a_secret_that_is_on_no_disk_and_a_rollback_finds_it_again() {
    let fleet = Fleet::start();
    let project = project(&fleet);
    project.install();
    for host in fleet.hosts() {
        let container = host.only();
        assert_eq!(container.host_config().readonly_rootfs, Some(true));
        let secret = host.get("/secret").expect("an answer");
        assert_eq!(secret[0]["length"], API_TOKEN.len(), "{secret}");
        let file = format!("/run/shipctl/{}/0", container.name());
        assert_eq!(files_with(&fleet, &host.name, API_TOKEN), [file.as_str()]);
        let stat = fleet.script(&[
            "exec",
            &host.name,
            "bash",
            "-c",
            &format!("stat -c '%a %u' {file}; stat -f -c %T {file}; stat -c %a $(dirname {file})"),
        ]);
        assert_eq!(stat.split_whitespace().collect::<Vec<_>>(), ["400", "1000", "tmpfs", "700"]);
    }
    project.run(&["plan", "prod", "--check"]).expect(0);
    project.write("secrets/api_token", "the second value");
    project.tag("v2");
    project.install();
    assert_eq!(fleet.host("h1").get("/secret").expect("an answer")[0]["length"], 16);
    project.run(&["rollback", "prod", "--yes"]).expect(0);
    assert_eq!(fleet.releases(), ["v1"; 3]);
    assert_eq!(fleet.host("h3").get("/secret").expect("an answer")[0]["length"], API_TOKEN.len());
}

#[test]
fn what_is_removed_leaves_nothing_in_memory() {
    let fleet = Fleet::start();
    let project = project(&fleet);
    project.edit("project: shop", "project: shop\nkeep_releases: 1");
    project.install();
    project.edit("GREETING: hello", "GREETING: hello, MODE: exit");
    project.deploy(3);
    assert_eq!(fleet.releases(), ["v1"; 3]);
    project.edit(", MODE: exit", "");
    for tag in ["v2", "v3"] {
        project.tag(tag);
        project.install();
    }
    for host in ["h1", "h2", "h3"] {
        assert_eq!(directories(&fleet, host), named(&fleet, host));
        assert_eq!(named(&fleet, host).len(), 2, "the one that runs, and the one before it");
    }
}

#[test]
fn after_a_restart_of_the_host_nothing_starts_without_its_secret_and_a_deploy_brings_it_back() {
    let fleet = Fleet::start();
    let project = project(&fleet);
    project.install();
    project.tag("v2");
    project.install();
    fleet.script(&["power-off", "h1"]);
    fleet.boot("h1");
    let drift = |project: &Project, exit| {
        let run = project.run(&["status", "prod", "--check"]).expect(exit);
        let rows = run.result["status"]["rows"].as_array().expect("rows").clone();
        rows.iter().map(|row| row["drift"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(fleet.releases(), ["-", "v2", "v2"], "it does not run without its secret");
    assert_eq!(drift(&project, 7), ["secrets_gone", "-", "-"]);
    let before = fleet.snapshot();
    for arguments in [&["rollback", "prod", "--yes"][..], &["rollback", "prod", "--yes", "--to", "r1"]] {
        let run = project.run(arguments).expect(1);
        assert!(run.result["error"]["hints"].to_string().contains("deploy that release again"), "{run}");
    }
    assert_eq!(fleet.snapshot(), before, "a rollback that cannot be done everywhere is done nowhere");
    let run = project.deploy(0);
    assert_eq!(fleet.releases(), ["v2"; 3]);
    fleet.assert_true(&run);
    assert_eq!(drift(&project, 0), ["-"; 3]);
    assert_eq!(directories(&fleet, "h1"), named(&fleet, "h1"));
}
