//! Environments for tests of what comes after the manifest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use shipctl::container::PinnedImage;
use shipctl::delivery::{Delivery, Live};
use shipctl::environment::prune::Prune;
use shipctl::environment::publish::{PublishedValue, Publishing, StoreAccess, StoreKind};
use shipctl::environment::{
    AgeKeys, BatchSize, Ceiling, Check, ConfigFile, ConfigSource, Drain, EdgeRoute, Environment, Expect, FailureAction,
    FileTarget, Health, Hook, Job, Limits, Logging, Naming, Network, NetworkSpec, OnDeadline, Order, Point, Port,
    Privileges, Protocol, RestartPolicy, Runtime, Seat, Secret, Service, Share, Transfer, UpdatePolicy, WayBack, When,
};
use shipctl::fleet::key::FingerprintKey;
use shipctl::fleet::{Endpoint, Host};
use shipctl::name::{HostName, JobName, SecretName, ServiceName};
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
        transfer: Transfer::Registry,
        mirrors: Vec::new(),
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
        jobs: IndexMap::new(),
        hooks: BTreeMap::new(),
        notify: BTreeMap::new(),
        keep_releases: 2,
        prune: Prune { automatic: false, ..Prune::default() },
    }
}

/// The seats of `web`.
pub fn seats() -> Vec<Seat> {
    let seat = |number: u8| Seat { server: format!("web.{number}"), address: [198, 18, 7, number].into() };
    (1..=3).map(seat).collect()
}

/// The environment, whose service is behind the edges of its hosts.
pub fn edged(mut environment: Environment) -> Environment {
    let web = &mut environment.services[0];
    web.update.order = Order::StartFirst;
    web.runtime.ports.clear();
    web.edge = Some(EdgeRoute {
        hosts: Vec::new(),
        path: "/".to_owned(),
        port: 80,
        drain: Drain { deadline: Duration::from_secs(5), on_deadline: OnDeadline::Abort },
        up_deadline: Duration::from_secs(5),
        network: "shop-prod_edge-seats".to_owned(),
        backend: "web".to_owned(),
        seats: seats(),
    });
    let network = NetworkSpec::plain("shop-prod_edge-seats".to_owned());
    environment.networks.insert(network.name.clone(), network);
    environment
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
            successes: 1,
            expect: Expect::default(),
            smoke: Vec::new(),
        },
        constraints: Vec::new(),
        only: None,
        instance: 1,
        instance_of: None,
        update: UpdatePolicy {
            parallelism: BatchSize::Count(1),
            max_unavailable: Ceiling::Batch,
            max_surge: Ceiling::Batch,
            canary: None,
            order: Order::StopFirst,
            monitor: Duration::from_millis(400),
            delay: Duration::ZERO,
            progress_deadline: Duration::from_mins(10),
            failure_action: FailureAction::Rollback,
            max_failures: Share::NONE,
            back: WayBack::default(),
            error_rate: None,
            queries: Vec::new(),
        },
        traffic: None,
        edge: None,
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

/// The environment, whose service needs another one, `db`, on the same hosts.
pub fn with_database(mut environment: Environment) -> Environment {
    let mut db = Service { name: service("db"), image: "shop/db".to_owned(), ..web() };
    db.runtime.ports =
        vec![Port { host_ip: None, host_port: Some(5432), container_port: 5432, protocol: Protocol::Tcp }];
    environment.services.shift_insert(0, db.name.clone(), db);
    environment
}

/// The environment with a third service, `mail`, which is replaced last.
pub fn with_mail(mut environment: Environment) -> Environment {
    let mut mail = Service { name: service("mail"), image: "shop/mail".to_owned(), ..web() };
    mail.runtime.ports =
        vec![Port { host_ip: None, host_port: Some(2525), container_port: 2525, protocol: Protocol::Tcp }];
    environment.services.insert(mail.name.clone(), mail);
    environment
}

/// The image of a service in the release with this tag.
pub fn image_of(service: &ServiceName, tag: &str) -> PinnedImage {
    if service.as_str() == "web" {
        return image(tag);
    }
    let digest =
        image(tag).digest().replacen("sha256:76", &format!("sha256:{:02x}", service.as_str().as_bytes()[0]), 1);
    let repository = format!("registry.example/shop/{service}");
    PinnedImage::Registry { repository, digest, tag: format!("shop/{service}:{tag}"), platform: None }
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

/// The environment, whose hosts are sent their images.
pub fn direct(mut environment: Environment) -> Environment {
    environment.transfer = Transfer::Direct;
    environment
}

/// An image as it comes to the hosts of an environment.
pub fn transferred(environment: &Environment, image: PinnedImage) -> PinnedImage {
    match image {
        PinnedImage::Registry { digest, tag, platform, .. } if environment.transfer == Transfer::Direct => {
            let repository = tag.split_once(':').map_or("shipctl", |(name, _)| name);
            PinnedImage::Direct { repository: format!("shipctl/{repository}"), content: digest, tag, platform }
        }
        image => image,
    }
}

/// The image of a release with this tag. Where running containers are switched to other files, releases whose tags begin with
/// `v` differ in nothing else.
pub fn image_tag<'t>(environment: &Environment, tag: &'t str) -> &'t str {
    let mut configs = environment.services.values().flat_map(|service| &service.configs);
    let is_live = configs.any(|config| config.deliver.is_live());
    if is_live && tag.starts_with('v') { "v1" } else { tag }
}

/// Files that a running container is switched to, and told of.
pub fn live() -> Delivery {
    Delivery::Live(Live { folder: None, signal: "SIGHUP".to_owned() })
}

/// The environment, whose service has a file that is delivered so. Its text is the tag of the release.
pub fn delivering(mut environment: Environment, deliver: &Delivery) -> Environment {
    let file = FileTarget { path: "/etc/app/app.conf".to_owned(), uid: 0, gid: 0, mode: 0o444 };
    let (source, deliver) = ("app_conf".to_owned(), deliver.clone());
    let config = ConfigFile { source, content: ConfigSource::Content(String::new()), file, deliver };
    environment.services[0].configs.push(config);
    environment
}

/// The environment, with a job that cannot be undone.
pub fn migrating(mut environment: Environment, when: When) -> Environment {
    let name: JobName = "migrate".parse().expect("a name");
    let job = Job {
        name: name.clone(),
        service: service("web"),
        host: host(1),
        command: vec!["migrate".to_owned()],
        entrypoint: None,
        when,
        timeout: Duration::from_secs(20),
        reversible: false,
    };
    environment.jobs.insert(name, job);
    environment
}

/// The environment, with a hook at every point.
pub fn hooked(mut environment: Environment) -> Environment {
    let hook = |point: Point| Hook { command: vec![format!("tell-{point}")], timeout: Duration::from_secs(30) };
    environment.hooks = Point::ALL.into_iter().map(|point| (point, hook(point))).collect();
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
    let image = |name| transferred(environment, image_of(name, image_tag(environment, tag)));
    let images = environment.services.keys().map(|name| (name.clone(), image(name)));
    let published = published(environment, tag).into_iter().map(|(store, values)| (store, values.digest()));
    Release::assemble(environment, images.collect(), files, key).publishing(environment, published.collect())
}
