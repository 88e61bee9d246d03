//! Configuration that is not copied into the container: in a volume or a directory of the release, or in its image.

use serde_json::Value;

use crate::support::poll::until;
use crate::support::{Fleet, Project, SOON};

/// In the manifest of the tests.
const COPIED: &str = "target: /etc/app/app.conf }";

/// Delivers the configuration of the application in another way.
fn delivering(fleet: &Fleet, deliver: &str) -> Project {
    let project = Project::new(fleet);
    project
        .edit(COPIED, &format!("target: /etc/app/app.conf, uid: 1000, gid: 2000, mode: 0440, deliver: {deliver} }}"));
    project
}

/// Volumes of the project's configuration on a host.
fn volumes(fleet: &Fleet, host: &str) -> Vec<String> {
    let listed = fleet.script(&["docker", host, "volume", "ls", "--quiet", "--filter", "label=shipctl.files"]);
    listed.lines().map(str::to_owned).collect()
}

fn mounts(fleet: &Fleet, host: &str) -> Value {
    let text = fleet.script(&["docker", host, "inspect", fleet.host(host).only().id()]);
    let inspected: Value = serde_json::from_str(&text).expect("JSON");
    inspected[0]["Mounts"][0].clone()
}

/// The configuration as the running container finds it.
fn configuration(fleet: &Fleet, host: &str) -> String {
    let host = fleet.host(host);
    let (mode, text) = host.file(&host.only(), "/etc/app/app.conf");
    assert_eq!(mode & 0o7777, 0o440);
    String::from_utf8(text).expect("text")
}

#[test]
fn a_volume_holds_the_files_of_its_release_for_as_long_as_a_container_of_it_is_kept() {
    let fleet = Fleet::start();
    let project = delivering(&fleet, "volume");
    project.install();
    for host in ["h1", "h3"] {
        let mount = mounts(&fleet, host);
        assert_eq!((&mount["Destination"], &mount["RW"]), (&Value::from("/etc/app"), &Value::from(false)), "{mount}");
        assert!(configuration(&fleet, host).contains(&format!("host={host}")));
        assert_eq!(volumes(&fleet, host).len(), 1);
    }
    // Configuration alone is a rollout like any other, and what fails goes back with its own files.
    project.misbehave_on("h2", "exit");
    project.deploy(3);
    assert!(!configuration(&fleet, "h1").contains("mode"));
    assert_eq!(volumes(&fleet, "h1").len(), 1, "a release that did not come leaves no files behind");
    project.template("colour=blue");
    project.install();
    assert!(configuration(&fleet, "h3").contains("colour=blue"));
    assert_eq!(volumes(&fleet, "h3").len(), 2);
    project.run(&["rollback", "prod", "--yes"]).expect(0);
    assert!(!configuration(&fleet, "h3").contains("colour=blue"));
    // What no release refers to any more goes with the containers.
    for colour in ["red", "green"] {
        project.template(&format!("colour={colour}"));
        project.edit("project: shop", "keep_releases: 1\nproject: shop");
        project.install();
        project.edit("keep_releases: 1\nproject: shop", "project: shop");
    }
    assert_eq!(volumes(&fleet, "h1").len(), 2);
    let idle = fleet.script(&["docker", "h1", "ps", "--all", "--quiet", "--filter", "label=shipctl.hatch"]);
    assert_eq!(idle.trim(), "");
}

#[test]
fn a_directory_of_the_host_holds_the_files_of_its_release_without_ssh_too() {
    let fleet = Fleet::start();
    let project = delivering(&fleet, "{ host: /srv/configuration }");
    project.install();
    let files = |host: &str| {
        let find = "find /srv/configuration -name app.conf -printf '%p %m %U %G\\n'";
        fleet.script(&["exec", host, "bash", "-c", find]).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for host in ["h1", "h3"] {
        let there = files(host);
        assert_eq!(there.len(), 1, "{there:?}");
        assert!(there[0].starts_with("/srv/configuration/shop-prod/web-") && there[0].ends_with(" 440 1000 2000"));
        assert!(configuration(&fleet, host).contains(&format!("host={host}")));
    }
    project.misbehave_on("h2", "exit");
    project.deploy(3);
    assert_eq!(files("h1").len(), 1, "a release that did not come leaves no files behind");
    project.template("colour=blue");
    project.install();
    assert_eq!(files("h3").len(), 2);
    project.run(&["rollback", "prod", "--yes"]).expect(0);
    assert!(!configuration(&fleet, "h3").contains("colour=blue"));
}

/// What the application has taken up, on every host.
fn loaded(fleet: &Fleet) -> Vec<String> {
    let hosts = ["h1", "h2", "h3"].iter();
    let loaded = |host: &&str| fleet.host(host).get("/").map(|answer| answer["loaded"].to_string()).unwrap_or_default();
    hosts.map(loaded).collect()
}

#[test]
fn a_running_container_is_switched_to_other_files_by_a_signal_and_back_when_that_fails() {
    let fleet = Fleet::start();
    let project = delivering(&fleet, "volume, on_change: SIGHUP");
    project.install();
    let ids = || ["h1", "h2", "h3"].map(|host| fleet.host(host).only().id().to_owned());
    let began = ids();
    project.template("colour=blue");
    let run = project.install();
    assert!(run.text().contains("SIGHUP"), "{run}");
    assert_eq!(ids(), began, "no container is replaced");
    assert!(loaded(&fleet).iter().all(|text| text.contains("colour=blue")), "{:?}", loaded(&fleet));
    project.run(&["status", "prod", "--check"]).expect(0);
    // An engine restarts it as before, with the files that it has now.
    let pid = fleet.script(&["docker", "h1", "inspect", "--format", "{{.State.Pid}}", &began[0]]);
    fleet.script(&["exec", "h1", "kill", "-9", pid.trim()]);
    until("the container is started again", SOON, || {
        let pid_now = fleet.script(&["docker", "h1", "inspect", "--format", "{{.State.Pid}}", &began[0]]);
        (pid_now.trim() != "0" && pid_now != pid && fleet.host("h1").get("/").is_some()).then_some(())
    });
    assert!(loaded(&fleet).iter().all(|text| text.contains("colour=blue")), "{:?}", loaded(&fleet));
    // What does not bear its new files gets the old ones again: on the host itself, and on those before it.
    for mode in ["never-healthy", "exit"] {
        project.misbehave_on("h2", mode);
        project.deploy(3);
        assert_eq!(ids(), began);
        assert!(loaded(&fleet).iter().all(|text| text.contains("colour=blue")), "{:?}", loaded(&fleet));
        project.run(&["status", "prod", "--check"]).expect(0);
    }
    project.run(&["rollback", "prod", "--yes"]).expect(0);
    assert_eq!(ids(), began);
    assert!(loaded(&fleet).iter().all(|text| !text.contains("colour=blue")), "{:?}", loaded(&fleet));
    assert_eq!(volumes(&fleet, "h1").len(), 1);
}

#[test]
fn a_directory_of_the_host_holds_what_a_running_container_is_switched_to() {
    let fleet = Fleet::start();
    let project = delivering(&fleet, "{ host: /srv/configuration }, on_change: signal");
    project.install();
    let began = fleet.host("h3").only().id().to_owned();
    project.template("colour=blue");
    project.install();
    assert_eq!(fleet.host("h3").only().id(), began);
    assert!(loaded(&fleet).iter().all(|text| text.contains("colour=blue")), "{:?}", loaded(&fleet));
    // What runs is found at the end of its links.
    project.run(&["config", "render", "prod", "--diff", "--check"]).expect(0);
}

#[test]
fn a_read_only_container_gets_its_configuration_from_a_volume() {
    let fleet = Fleet::start();
    let project = delivering(&fleet, "volume");
    project.edit("    secrets: [api_token]\n", "    read_only: true\n");
    project.install();
    assert!(configuration(&fleet, "h2").contains("host=h2"));
}

#[test]
fn a_configuration_is_baked_once_for_each_content_and_deployed_by_digest() {
    let fleet = Fleet::start();
    let project = delivering(&fleet, "image");
    let run = project.install();
    let image = |host: &str| fleet.host(host).only().image().to_owned();
    assert!(image("h1").contains("/shop/web@sha256:"), "{}", image("h1"));
    assert_ne!(image("h1"), image("h2"), "their files differ");
    assert!(run.text().contains("shop/web:v1-prod-"), "{run}");
    let inside = fleet.script(&["docker", "h1", "cp", &format!("{}:/etc/app", fleet.host("h1").only().id()), "-"]);
    let mut archive = tar::Archive::new(inside.as_bytes());
    let mut entries = archive.entries().expect("an archive").map(|entry| entry.expect("an entry"));
    let file = entries.find(|entry| entry.path().is_ok_and(|path| path.ends_with("app.conf"))).expect("the file");
    assert_eq!((file.header().uid().ok(), file.header().gid().ok()), (Some(1000), Some(2000)));
    for host in ["h1", "h2", "h3"] {
        assert!(configuration(&fleet, host).contains(&format!("host={host}")));
    }
    // What the registry has is not made again, not even by a builder that never saw it.
    let images = ["h1", "h2", "h3"].map(image);
    project.edit("builder: {", "builder: { insecure: true, docker: \"tcp://127.0.0.1:1\" } #");
    let again = project.deploy(0);
    assert!(!again.text().contains("building"), "{again}");
    assert_eq!(["h1", "h2", "h3"].map(image), images);
    project.edit("builder: { insecure: true, docker: \"tcp://127.0.0.1:1\" } #", "builder: {");
    // Configuration alone is another image; a host that fails with it goes back to its own.
    project.misbehave_on("h2", "exit");
    project.deploy(3);
    assert_eq!(["h1", "h2", "h3"].map(image), images);
    project.template("colour=blue");
    project.install();
    assert!(configuration(&fleet, "h3").contains("colour=blue"));
    project.run(&["rollback", "prod", "--yes"]).expect(0);
    assert_eq!(["h1", "h2", "h3"].map(image), images);
}
