//! Environments for tests of what comes after the manifest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use shipctl::container::PinnedImage;
use shipctl::delivery::Delivery;
use shipctl::environment::publish::{PublishedValue, Publishing, StoreAccess, StoreKind};
use shipctl::environment::{
    AgeKeys, BatchSize, Check, ConfigFile, ConfigSource, Environment, FailureAction, FileTarget, Health, Limits,
    Logging, Naming, Network, Order, Port, Privileges, Protocol, RestartPolicy, Runtime, Secret, Service, UpdatePolicy,
};
use shipctl::fleet::key::FingerprintKey;
use shipctl::fleet::{Endpoint, Host};
use shipctl::name::{HostName, SecretName, ServiceName};
use shipctl::publish::{Published, Values};
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
        publish: BTreeMap::new(),
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
            canary: None,
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

/// The environment, whose service has a file that is delivered so. Its text is the tag of the release.
pub fn delivering(mut environment: Environment, deliver: &Delivery) -> Environment {
    let file = FileTarget { path: "/etc/app/app.conf".to_owned(), uid: 0, gid: 0, mode: 0o444 };
    let (source, deliver) = ("app_conf".to_owned(), deliver.clone());
    let config = ConfigFile { source, content: ConfigSource::Content(String::new()), file, deliver };
    environment.services[0].configs.push(config);
    environment
}

/// The key that [`publishing`] writes.
pub const PUBLISHED: &str = "shop/prod/release";

/// The environment, whose service reads a value from a store. It is the tag of the release.
pub fn publishing(mut environment: Environment) -> Environment {
    let kind = StoreKind::Etcd { login: None };
    let address = "https://etcd.internal:2379".to_owned();
    let value = PublishedValue::Text(ConfigSource::Content(String::new()));
    let store = Publishing {
        store: StoreAccess { kind, address, ca: None, identity: None },
        state: "shipctl/shop/prod/settings".to_owned(),
        values: BTreeMap::from([(PUBLISHED.to_owned(), value)]),
        readers: None,
    };
    environment.publish.insert("settings".to_owned(), store);
    environment
}

/// What a release with this tag publishes.
pub fn published(environment: &Environment, tag: &str) -> BTreeMap<String, Values> {
    let value = |key: &String| (key.clone(), Published::text(tag.to_owned()));
    let values = |store: &Publishing| Values(store.values.keys().map(value).collect());
    environment.publish.iter().map(|(name, store)| (name.clone(), values(store))).collect()
}

/// The configuration of a release with this tag.
pub fn configs(environment: &Environment, tag: &str) -> Files {
    let mut files = Files::new();
    for service in environment.services.values().filter(|service| !service.configs.is_empty()) {
        for host in environment.placed(service) {
            let configs = service.configs.iter().map(|config| {
                let text = format!("release={tag}\n");
                RenderedFile::config(config.file.clone(), text).delivered(config.deliver.clone())
            });
            files.insert((host.name.clone(), service.name.clone()), configs.collect());
        }
    }
    files
}

/// The key that operators know an environment by.
pub fn key() -> FingerprintKey {
    FingerprintKey::parse(&"5e".repeat(32)).expect("a key")
}

/// A secret for every service on every host.
pub fn secrets(environment: &Environment) -> Files {
    let target = FileTarget { path: "/run/secrets/token".to_owned(), uid: 0, gid: 0, mode: 0o400 };
    let (name, secret): (SecretName, _) = ("token".parse().expect("a name"), Secret::new("hunter2".to_owned()));
    let file = RenderedFile::secret(target, name, secret, Delivery::Container);
    let places = environment
        .hosts
        .keys()
        .flat_map(|host| environment.services.keys().map(|service| (host.clone(), service.clone())));
    places.map(|place| (place, vec![file.clone()])).collect()
}

/// All files of a release with this tag.
pub fn files(environment: &Environment, tag: &str) -> Files {
    let mut files = secrets(environment);
    for (place, configs) in configs(environment, tag) {
        files.entry(place).or_default().extend(configs);
    }
    files
}

/// The release of every service with this image tag and a secret.
pub fn secret_release(environment: &Environment, tag: &str) -> Release {
    assemble(environment, tag, &files(environment, tag), Some(&key()))
}

/// The release of every service with this image tag.
pub fn release(environment: &Environment, tag: &str) -> Release {
    assemble(environment, tag, &configs(environment, tag), None)
}

fn assemble(environment: &Environment, tag: &str, files: &Files, key: Option<&FingerprintKey>) -> Release {
    let images = environment.services.keys().map(|name| (name.clone(), image(tag)));
    let published = published(environment, tag).into_iter().map(|(store, values)| (store, values.digest()));
    Release::assemble(environment, images.collect(), files, key).publishing(environment, published.collect())
}
