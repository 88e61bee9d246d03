//! Environments for tests of what comes after the manifest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use shipctl::container::PinnedImage;
use shipctl::environment::{
    AgeKeys, BatchSize, Check, Delivery, Environment, FailureAction, FileTarget, Health, Limits, Logging, Naming,
    Network, Order, Port, Privileges, Protocol, RestartPolicy, Runtime, Secret, Service, UpdatePolicy,
};
use shipctl::fleet::key::FingerprintKey;
use shipctl::fleet::{Endpoint, Host};
use shipctl::name::{HostName, SecretName, ServiceName};
use shipctl::release::{Files, Release};
use shipctl::template::rendered::RenderedFile;

/// `web1`, `web2` and so on.
pub fn host(number: usize) -> HostName {
    format!("web{number}").parse().expect("a host name")
}

/// A service name.
pub fn service(name: &str) -> ServiceName {
    name.parse().expect("a service name")
}

/// One service, `web`, stop-first on port 8080, on `hosts` hosts.
pub fn environment(hosts: usize) -> Environment {
    let hosts = (1..=hosts).map(|number| {
        let endpoint = Endpoint::Unix(PathBuf::from(format!("/run/web{number}.sock")));
        (host(number), Host { name: host(number), endpoint, role: None, labels: BTreeMap::new() })
    });
    let web = web();
    Environment {
        project: "shop".parse().expect("a project name"),
        name: "prod".parse().expect("an environment name"),
        root: PathBuf::from("/nonexistent"),
        registry: None,
        builder: Endpoint::Unix(PathBuf::from("/run/builder.sock")),
        hosts: hosts.collect(),
        balancers: BTreeMap::new(),
        services: IndexMap::from([(web.name.clone(), web)]),
        overrides: BTreeMap::new(),
        secrets: BTreeMap::new(),
        networks: BTreeMap::new(),
        volumes: BTreeMap::new(),
        age: AgeKeys::default(),
        keep_releases: 2,
    }
}

/// A service that is gated over HTTP.
pub fn web() -> Service {
    Service {
        name: service("web"),
        image: "shop/web".to_owned(),
        build: None,
        platform: None,
        health: Health {
            check: Check::Http { port: 80, path: "/up".to_owned() },
            interval: Duration::from_millis(200),
            timeout: Duration::from_secs(1),
            min_healthy_time: Duration::from_millis(200),
            healthy_deadline: Duration::from_secs(3),
        },
        constraints: Vec::new(),
        only: None,
        instance: 1,
        instance_of: None,
        update: UpdatePolicy {
            parallelism: BatchSize::Count(1),
            order: Order::StopFirst,
            monitor: Duration::from_millis(400),
            delay: Duration::ZERO,
            failure_action: FailureAction::Rollback,
        },
        traffic: None,
        configs: Vec::new(),
        secrets: Vec::new(),
        runtime: Runtime {
            command: None,
            entrypoint: None,
            environment: BTreeMap::new(),
            ports: vec![Port { host_ip: None, host_port: Some(8080), container_port: 80, protocol: Protocol::Tcp }],
            volumes: Vec::new(),
            networks: vec![Network::plain("shop-prod_default".to_owned())],
            healthcheck: None,
            restart: RestartPolicy::OnFailure(5),
            logging: Logging { driver: "json-file".to_owned(), options: BTreeMap::new() },
            labels: BTreeMap::new(),
            user: None,
            init: false,
            stop_signal: None,
            stop_grace_period: Duration::from_secs(1),
            working_dir: None,
            tty: false,
            stdin_open: false,
            expose: Vec::new(),
            privileges: Privileges::default(),
            limits: Limits::default(),
            naming: Naming::default(),
            annotations: BTreeMap::new(),
        },
    }
}

/// Image `shop/web:<tag>` with a digest made of the tag.
pub fn image(tag: &str) -> PinnedImage {
    let [.., kind, number] = tag.as_bytes() else { panic!("a tag is a letter and a digit") };
    PinnedImage::Registry {
        repository: "registry.example/shop/web".to_owned(),
        digest: format!("sha256:{}", format!("{kind:02x}{number:02x}").repeat(16)),
        tag: format!("shop/web:{tag}"),
        platform: None,
    }
}

/// The key that operators know an environment by.
pub fn key() -> FingerprintKey {
    FingerprintKey::parse(&"5e".repeat(32)).expect("a key")
}

/// A secret for every service on every host.
pub fn secrets(environment: &Environment) -> Files {
    let target = FileTarget { path: "/run/secrets/token".to_owned(), uid: 0, gid: 0, mode: 0o400 };
    let (name, secret): (SecretName, _) = ("token".parse().expect("a name"), Secret::new("hunter2".to_owned()));
    let file = RenderedFile::secret(target, name, secret, Delivery::Copied);
    let places = environment
        .hosts
        .keys()
        .flat_map(|host| environment.services.keys().map(|service| (host.clone(), service.clone())));
    places.map(|place| (place, vec![file.clone()])).collect()
}

/// The release of every service with this image tag and a secret.
pub fn secret_release(environment: &Environment, tag: &str) -> Release {
    let images = environment.services.keys().map(|name| (name.clone(), image(tag)));
    Release::assemble(environment, images.collect(), &secrets(environment), Some(&key()))
}

/// The release of every service with this image tag.
pub fn release(environment: &Environment, tag: &str) -> Release {
    let images = environment.services.keys().map(|name| (name.clone(), image(tag)));
    Release::assemble(environment, images.collect(), &Files::new(), None)
}
