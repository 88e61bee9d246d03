//! What a container is given besides its image: networks, volumes, limits, and what it may do.

use serde_json::Value;

use crate::support::{Fleet, Project};

#[test]
fn networks_volumes_and_limits_are_on_the_host_as_the_manifest_describes_them() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.edit(
        "    health:",
        "    networks: { default: , inner: { aliases: [front] } }
    volumes: [\"data:/data\", { type: tmpfs, target: /cache, tmpfs: { size: 1m } }]
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    mem_limit: 64m
    cpus: 0.5
    pids_limit: 50
    ulimits: { nofile: 1024 }
    extra_hosts: { db: 10.9.8.7 }
    health:",
    );
    project.edit(
        "services:",
        "networks: { inner: { internal: true, labels: { team: blue }, ipam: { config: [{ subnet: 10.201.0.0/24 }] } } }
volumes: { data: { labels: { keep: forever } } }
services:",
    );
    let run = project.deploy(0);
    let read = |arguments: &[&str]| {
        let text = fleet.script(&[&["docker", "h1"], arguments].concat());
        serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}"))[0].take()
    };
    let prefix = run.result["scope"].as_str().map_or("shop-prod".to_owned(), str::to_owned);
    let network = read(&["network", "inspect", &format!("{prefix}_inner")]);
    assert_eq!(network["Internal"], true);
    assert_eq!(network["Labels"]["team"], "blue");
    assert_eq!(network["IPAM"]["Config"][0]["Subnet"], "10.201.0.0/24");
    let volume = read(&["volume", "inspect", &format!("{prefix}_data")]);
    assert_eq!(volume["Labels"]["keep"], "forever");
    let container = read(&["inspect", fleet.host("h1").only().id()]);
    let host = &container["HostConfig"];
    assert_eq!((&host["Memory"], &host["NanoCpus"]), (&Value::from(67_108_864), &Value::from(500_000_000)));
    assert_eq!(host["PidsLimit"], 50);
    assert_eq!((&host["CapDrop"][0], &host["Ulimits"][0]["Hard"]), (&Value::from("ALL"), &Value::from(1024)));
    assert_eq!(host["ExtraHosts"][0], "db:10.9.8.7");
    assert_eq!(container["NetworkSettings"]["Networks"].as_object().map(serde_json::Map::len), Some(2));
}

#[test]
fn an_external_network_that_is_missing_is_found_before_anything_is_changed() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    fleet.script(&["docker", "h1", "network", "create", "backbone"]);
    project.edit("    health:", "    networks: [default, backbone]\n    health:");
    project.edit("services:", "networks: { backbone: { external: true } }\nservices:");
    let before: Vec<_> = fleet.hosts().iter().map(|host| host.only().id().to_owned()).collect();
    let run = project.deploy(1);
    assert!(run.text().contains("the external network backbone is not on this host"), "{run}");
    assert!(run.text().contains("h2") && run.text().contains("h3"), "{run}");
    let after: Vec<_> = fleet.hosts().iter().map(|host| host.only().id().to_owned()).collect();
    assert_eq!(after, before);
    for host in ["h2", "h3"] {
        fleet.script(&["docker", host, "network", "create", "backbone"]);
    }
    project.deploy(0);
    let after: Vec<_> = fleet.hosts().iter().map(|host| host.only().id().to_owned()).collect();
    assert!(after.iter().zip(&before).all(|(after, before)| after != before));
}
