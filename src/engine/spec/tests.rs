use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::container::PinnedImage;
use crate::environment::{
    Attachment, Check, Expect, Health, Limits, Logging, MountOptions, Naming, Privileges, Protocol, Runtime, Scope,
};

fn spec() -> ContainerSpec {
    let port = |host_ip: Option<&str>, host_port, protocol| Port {
        host_ip: host_ip.map(str::to_owned),
        host_port,
        container_port: 8080,
        protocol,
    };
    let mount = |source, target: &str, read_only| Mount {
        source,
        target: target.to_owned(),
        read_only,
        options: MountOptions::default(),
    };
    let network = |name: &str, aliases: &[&str]| Network {
        name: name.to_owned(),
        aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
        attachment: Attachment::default(),
    };
    ContainerSpec {
        scope: Scope { project: "shop".parse().unwrap(), environment: "prod".parse().unwrap() },
        host: "web1".parse().unwrap(),
        service: "web".parse().unwrap(),
        image: PinnedImage::Registry {
            repository: "registry.example/shop/web".to_owned(),
            digest: "sha256:3fa9".to_owned(),
            tag: "shop/web:1.4".to_owned(),
            platform: None,
        },
        runtime: Runtime {
            command: Some(vec!["serve".to_owned()]),
            entrypoint: None,
            environment: BTreeMap::from([("B".to_owned(), "2".to_owned()), ("A".to_owned(), "x=1".to_owned())]),
            ports: vec![
                port(None, Some(80), Protocol::Tcp),
                port(Some("127.0.0.1"), None, Protocol::Tcp),
                port(None, Some(53), Protocol::Udp),
            ],
            volumes: vec![
                mount(MountSource::Bind("/srv/www".to_owned()), "/www", true),
                mount(MountSource::Volume("shop-prod_data".to_owned()), "/data", false),
                mount(MountSource::Anonymous, "/cache", false),
            ],
            networks: vec![network("shop-prod_default", &["www", "web"]), network("shop-prod_back", &[])],
            healthcheck: Some(Healthcheck {
                test: vec!["CMD".to_owned(), "check".to_owned()],
                interval_ms: Some(1500),
                timeout_ms: None,
                retries: Some(3),
                start_period_ms: None,
                start_interval_ms: None,
            }),
            restart: RestartPolicy::OnFailure(5),
            logging: Logging {
                driver: "json-file".to_owned(),
                options: BTreeMap::from([("max-size".to_owned(), "10m".to_owned())]),
            },
            labels: BTreeMap::from([
                ("team".to_owned(), "a".to_owned()),
                ("shipctl.scope".to_owned(), "forged".to_owned()),
            ]),
            user: Some("1000:1000".to_owned()),
            init: true,
            stop_signal: Some("SIGQUIT".to_owned()),
            stop_grace_period: Duration::from_secs(10),
            working_dir: None,
            tty: false,
            stdin_open: false,
            expose: Vec::new(),
            privileges: Privileges::default(),
            limits: Limits::default(),
            naming: Naming::default(),
            annotations: BTreeMap::new(),
        },
        files: Vec::new(),
        published: BTreeMap::new(),
        job: None,
        health: Health {
            check: Check::Running,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            min_healthy_time: Duration::from_secs(1),
            healthy_deadline: Duration::from_secs(9),
            successes: 1,
            expect: Expect::default(),
            smoke: Vec::new(),
        },
    }
}

fn body(spec: &ContainerSpec) -> Value {
    serde_json::to_value(create_body(spec, &Stamp::of(spec, spec.digest(), 7))).unwrap()
}

#[test]
fn the_engine_is_told_everything_in_the_spec() {
    let spec = spec();
    let mut body = body(&spec);
    let labels = body["Labels"].take();
    assert_eq!(
        body,
        json!({
            "User": "1000:1000",
            "ExposedPorts": {"8080/tcp": {}, "8080/udp": {}},
            "Env": ["A=x=1", "B=2"],
            "Cmd": ["serve"],
            "Healthcheck": {"Test": ["CMD", "check"], "Interval": 1_500_000_000, "Retries": 3},
            "Image": "registry.example/shop/web@sha256:3fa9",
            "Labels": null,
            "StopSignal": "SIGQUIT",
            "StopTimeout": 10,
            "HostConfig": {
                "Binds": ["/srv/www:/www:ro"],
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}},
                "NetworkMode": "shop-prod_default",
                "PortBindings": {
                    "8080/tcp": [{"HostPort": "80"}, {"HostIp": "127.0.0.1"}],
                    "8080/udp": [{"HostPort": "53"}],
                },
                "RestartPolicy": {"Name": "no"},
                "Mounts": [
                    {"Type": "volume", "Source": "shop-prod_data", "Target": "/data", "ReadOnly": false},
                    {"Type": "volume", "Target": "/cache", "ReadOnly": false},
                ],
                "Init": true,
            },
            "NetworkingConfig": {"EndpointsConfig": {"shop-prod_default": {"Aliases": ["web", "www"]}}},
        })
    );
    assert_eq!(labels["team"], "a");
    assert_eq!(labels["shipctl.scope"], "shop/prod");
    assert_eq!(labels["shipctl.release"], "7");
}

#[test]
fn secrets_in_memory_are_mounted_one_by_one_and_named_by_a_label() {
    use crate::container::FileDigest;
    use crate::delivery::Delivery;
    let mut spec = spec();
    let before = body(&spec);
    let file = |path: &str, deliver| FileDigest {
        target: FileTarget { path: path.to_owned(), uid: 0, gid: 0, mode: 0o400 },
        digest: "k:1".to_owned(),
        secret: Some("token".parse().unwrap()),
        deliver,
    };
    spec.files = vec![
        file("/a", Delivery::Container),
        file("/b", Delivery::Memory),
        file("C", Delivery::Variable),
        file("/d", Delivery::Memory),
    ];
    let body = body(&spec);
    let name = spec.name(&spec.digest());
    assert_eq!(body["Labels"]["shipctl.memory"], json!(name.0));
    let mounts = body["HostConfig"]["Mounts"].as_array().unwrap();
    let mount = |number: usize, target: &str| json!({"Type": "bind", "Source": format!("/run/shipctl/{name}/{number}"), "Target": target, "ReadOnly": true});
    assert_eq!(mounts[2..], [mount(0, "/b"), mount(1, "/d")]);
    // What is a variable is put in where the value is at hand.
    assert_eq!(body["Env"], before["Env"]);
    assert!(before["Labels"].get("shipctl.memory").is_none());
}

#[test]
fn further_networks_are_connected_one_by_one() {
    let further = further_networks(&spec(), &ContainerId("c1".to_owned()));
    assert_eq!(
        serde_json::to_value(&further).unwrap(),
        json!([
            ["shop-prod_back", {"Container": "c1", "EndpointConfig": {"Aliases": ["web"]}}]
        ])
    );
}

#[test]
fn the_network_of_the_host_has_no_aliases() {
    let mut spec = spec();
    spec.runtime.networks = vec![Network::plain("host".to_owned())];
    let body = body(&spec);
    assert_eq!(body["HostConfig"]["NetworkMode"], "host");
    assert!(body.get("NetworkingConfig").is_none());
}

#[test]
fn a_restart_policy_survives_the_way_there_and_back() {
    use RestartPolicy::{Always, No, OnFailure, UnlessStopped};
    for policy in [No, Always, UnlessStopped, OnFailure(5), OnFailure(0)] {
        assert_eq!(super::super::observe::restart(Some(&restart_policy(&policy))), policy);
    }
}
