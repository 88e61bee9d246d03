//! What sound manifests resolve to, and what holds where they are silent.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use shipctl::environment::{
    BatchSize, Build, Ceiling, Check, ConfigSource, Expect, FailureAction, FileTarget, Health, Healthcheck, Logging,
    Mount, MountOptions, MountSource, Network, Order, Port, Protocol, RestartPolicy, SecretSource, Service, Share,
    UpdatePolicy, WayBack,
};
use shipctl::fleet::Endpoint;

use crate::manifest_support::{Project, with_service_keys, with_services};

fn service(keys: &str) -> Service {
    Project::of(&with_service_keys(keys)).sound().services[0].clone()
}

fn text(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn defaults_are_fit_for_production() {
    let environment = Project::of(&with_service_keys("")).sound();
    assert_eq!(environment.keep_releases, 3);
    assert_eq!(environment.builder, Endpoint::Unix("/var/run/docker.sock".into()));
    let service = &environment.services[0];
    let runtime = &service.runtime;
    assert_eq!(runtime.restart, RestartPolicy::OnFailure(5));
    let logging = Logging { driver: "json-file".into(), options: text(&[("max-file", "3"), ("max-size", "10m")]) };
    assert_eq!(runtime.logging, logging);
    assert_eq!(runtime.stop_grace_period, Duration::from_secs(10));
    assert!(!runtime.init);
    assert_eq!(runtime.networks, [Network::plain("shop-test_default".into())]);
    let update = UpdatePolicy {
        parallelism: BatchSize::Count(1),
        max_unavailable: Ceiling::Batch,
        max_surge: Ceiling::Batch,
        canary: None,
        order: Order::StopFirst,
        monitor: Duration::from_secs(5),
        delay: Duration::ZERO,
        progress_deadline: Duration::from_mins(10),
        failure_action: FailureAction::Rollback,
        max_failures: Share::NONE,
        back: WayBack::default(),
        error_rate: None,
        queries: Vec::new(),
    };
    assert_eq!(service.update, update);
}

/// Nothing turns into a number, a boolean or a time on its way (YAML 1.1 would do all of it).
#[test]
fn text_stays_as_it_is_written() {
    let values = [
        "1.10",
        "NO",
        "yes",
        "0777",
        "22:22",
        "1e3",
        "0x1F",
        "12345678901234567890123",
        "2026-01-01",
        "true",
        "-0",
        "$HOME",
        "$$",
        "a#b",
    ];
    let keys = values
        .iter()
        .enumerate()
        .map(|(n, value)| format!("  V{n}: {}\n", value.replace('$', "$$")))
        .collect::<Vec<_>>()
        .concat();
    let environment = service(&format!("environment:\n{keys}")).runtime.environment;
    for (n, value) in values.iter().enumerate() {
        assert_eq!(environment[&format!("V{n}")], *value);
    }
    let listed = service("environment: [\"A=1=2\", B=, 'C=x y', \"D=$${x}\"]").runtime.environment;
    assert_eq!(listed, text(&[("A", "1=2"), ("B", ""), ("C", "x y"), ("D", "${x}")]));
    let quoted = service(r#"environment: { EMPTY: "", LINES: "a\r\nb", EMOJI: "🚢" }"#).runtime.environment;
    assert_eq!(quoted, text(&[("EMPTY", ""), ("LINES", "a\r\nb"), ("EMOJI", "🚢")]));
}

#[test]
fn ports_have_a_short_and_a_long_form() {
    let port = |host_ip: Option<&str>, host_port, container_port, protocol| Port {
        host_ip: host_ip.map(str::to_owned),
        host_port,
        container_port,
        protocol,
    };
    let keys = r#"ports: [80, "8080:80", "127.0.0.1:8081:80/udp", "[::1]:8082:80", "127.0.0.1::81", { target: 82, published: "8083", host_ip: 10.0.0.1, protocol: udp }]"#;
    let expected = [
        port(None, None, 80, Protocol::Tcp),
        port(None, Some(8080), 80, Protocol::Tcp),
        port(Some("127.0.0.1"), Some(8081), 80, Protocol::Udp),
        port(Some("::1"), Some(8082), 80, Protocol::Tcp),
        port(Some("127.0.0.1"), None, 81, Protocol::Tcp),
        port(Some("10.0.0.1"), Some(8083), 82, Protocol::Udp),
    ];
    assert_eq!(service(keys).runtime.ports, expected);
}

#[test]
fn volumes_and_networks_get_full_names() {
    let keys =
        "volumes: [data:/data, '/srv/x:/x:ro', /cache, { type: volume, source: data, target: /d2, read_only: true }]
networks: { back: { aliases: [db] }, default: }";
    let runtime = service(keys).runtime;
    let mount = |source, target: &str, read_only| Mount {
        source,
        target: target.to_owned(),
        read_only,
        options: MountOptions::default(),
    };
    let expected = [
        mount(MountSource::Volume("shop-test_data".into()), "/data", false),
        mount(MountSource::Bind("/srv/x".into()), "/x", true),
        mount(MountSource::Anonymous, "/cache", false),
        mount(MountSource::Volume("shop-test_data".into()), "/d2", true),
    ];
    assert_eq!(runtime.volumes, expected);
    let network = |name: &str, aliases: &[&str]| Network {
        aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
        ..Network::plain(name.to_owned())
    };
    assert_eq!(runtime.networks, [network("shop-test_back", &["db"]), network("shop-test_default", &[])]);
    assert_eq!(service("networks: [back]").runtime.networks, [network("shop-test_back", &[])]);
    assert_eq!(service("network_mode: host").runtime.networks, [network("host", &[])]);
}

#[test]
fn files_have_a_path_an_owner_and_a_mode() {
    let file = |path: &str, uid, gid, mode| FileTarget { path: path.to_owned(), uid, gid, mode };
    let service = service(
        "configs: [app, { source: app, target: /etc/app.conf, mode: 0440 }, { source: app, target: etc/b, mode: '0o640', uid: '1000', gid: 7 }]
secrets: [token, { source: token, target: renamed, mode: 0444 }, { source: token, target: /etc/token }]",
    );
    let configs: Vec<_> = service.configs.iter().map(|config| config.file.clone()).collect();
    assert_eq!(
        configs,
        [file("/app", 0, 0, 0o444), file("/etc/app.conf", 0, 0, 0o440), file("/etc/b", 1000, 7, 0o640)]
    );
    let template = ConfigSource::Template { path: "templates/app.conf.j2".into(), variables: BTreeMap::new() };
    assert_eq!(service.configs[0].content, template);
    let secrets: Vec<_> = service.secrets.iter().map(|secret| secret.file.clone()).collect();
    let expected = [
        file("/run/secrets/token", 0, 0, 0o400),
        file("/run/secrets/renamed", 0, 0, 0o444),
        file("/etc/token", 0, 0, 0o400),
    ];
    assert_eq!(secrets, expected);
}

#[test]
fn commands_are_words() {
    let words = |list: &[&str]| Some(list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
    assert_eq!(
        service("command: serve --name 'a b' $$HOME").runtime.command,
        words(&["serve", "--name", "a b", "$HOME"])
    );
    assert_eq!(service("command: [sh, -c, exit 1, 5]").runtime.command, words(&["sh", "-c", "exit 1", "5"]));
    assert_eq!(service("entrypoint: []").runtime.entrypoint, words(&[]));
    assert_eq!(service("user: 1000").runtime.user.as_deref(), Some("1000"));
}

#[test]
fn a_gate_is_what_was_asked_for() {
    let health = |keys: &str| Project::of(&with_services(keys)).sound().services[0].health.clone();
    let checks = [
        ("health: none", Check::Running),
        ("health: container", Check::Container),
        ("health: { container: {} }", Check::Container),
        ("healthcheck: { test: curl }", Check::Container),
        ("health: { interval: 1s }, healthcheck: { test: curl }", Check::Container),
        ("health: { tcp: { port: 5432 } }", Check::Tcp { port: 5432 }),
        ("health: { http: { port: 80 } }", Check::Http { port: 80, path: "/".into() }),
        ("health: { http: { port: 80, path: '/up?full=1' } }", Check::Http { port: 80, path: "/up?full=1".into() }),
        ("health: { exec: pg_isready -q }", Check::Exec { command: vec!["pg_isready".into(), "-q".into()] }),
    ];
    for (keys, check) in checks {
        assert_eq!(health(keys).check, check, "{keys}");
    }
    let times = "health: { none: , interval: 1s, timeout: 3s, min_healthy_time: 0s, healthy_deadline: 1m30s }";
    let expected = Health {
        check: Check::Running,
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(3),
        min_healthy_time: Duration::ZERO,
        healthy_deadline: Duration::from_secs(90),
        successes: 1,
        expect: Expect::default(),
        smoke: Vec::new(),
    };
    assert_eq!(health(times), expected);
}

#[test]
fn a_healthcheck_is_in_the_engines_words() {
    let found =
        service("healthcheck: { test: curl localhost, interval: 5s, timeout: 2s, retries: 3, start_period: 0s }");
    let expected = Healthcheck {
        test: vec!["CMD-SHELL".into(), "curl localhost".into()],
        interval_ms: Some(5000),
        timeout_ms: Some(2000),
        retries: Some(3),
        start_period_ms: Some(0),
        start_interval_ms: None,
    };
    assert_eq!(found.runtime.healthcheck, Some(expected));
    assert_eq!(service("healthcheck: { disable: true }").runtime.healthcheck.unwrap().test, ["NONE"]);
}

#[test]
fn a_thousand_hosts_are_as_good_as_one() {
    let hosts = (0..1000).map(|n| format!("h{n}: {{ ssh: h{n} }}")).collect::<Vec<_>>().join(", ");
    let environment = Project::of(&crate::manifest_support::with_hosts(&hosts)).sound();
    assert_eq!(environment.placed(&environment.services[0]).len(), 1000);
}

#[test]
fn parallelism_is_a_number_or_a_share() {
    for (text, size) in [
        ("2", BatchSize::Count(2)),
        ("0", BatchSize::All),
        ("25%", BatchSize::Percent(25)),
        ("\"3\"", BatchSize::Count(3)),
    ] {
        assert_eq!(
            service(&format!("deploy: {{ update_config: {{ parallelism: {text} }} }}")).update.parallelism,
            size
        );
    }
}

#[test]
fn a_build_has_a_context_and_names_the_image() {
    let manifest = "project: shop
hosts: { h1: { docker: unix:///run/other.sock } }
builder: { docker: unix:///run/other.sock }
services:
  web: { build: ., health: none }
  api: { image: shop/api:1, build: { context: api, dockerfile: build/Dockerfile, args: [V=1.10], target: run }, health: none }
";
    let environment = Project::of(manifest).sound();
    let build = |context: &str, dockerfile: &str, args: &[(&str, &str)], target: Option<&str>| Build {
        context: PathBuf::from(context),
        dockerfile: dockerfile.to_owned(),
        args: text(args),
        target: target.map(str::to_owned),
        ..Build::default()
    };
    let services: Vec<_> =
        environment.services.values().map(|service| (service.image.as_str(), service.build.clone().unwrap())).collect();
    let expected = [
        ("shop/web", build(".", "Dockerfile", &[], None)),
        ("shop/api:1", build("api", "build/Dockerfile", &[("V", "1.10")], Some("run"))),
    ];
    assert_eq!(services, expected);
}

#[test]
fn a_build_says_what_it_may_ask_for() {
    let manifest = |build: &str| {
        format!(
            "project: shop
hosts: {{ h1: {{ docker: unix:///run/other.sock }} }}
builder: {{ docker: unix:///run/other.sock }}
secrets: {{ npm: {{ environment: PATH }}, pip: {{ environment: PATH }} }}
services: {{ web: {{ health: none, build: {{ context: ., {build} }} }} }}
"
        )
    };
    let build = |text: &str| Project::of(&manifest(text)).sound().services[0].build.clone().unwrap();
    let all = build(
        "secrets: [npm, { source: pip, target: token }], ssh: [default, deploy=/run/agent], platforms: [linux/arm64], \
         labels: { team: shop }, network: none, extra_hosts: [cache=10.0.0.7], shm_size: 64m, cache_from: shop/web:latest, \
         no_cache: true, pull: true",
    );
    let secrets: Vec<_> = all.secrets.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    assert_eq!(secrets, [("npm", "npm"), ("token", "pip")]);
    let agents =
        BTreeMap::from([("default".to_owned(), None), ("deploy".to_owned(), Some(PathBuf::from("/run/agent")))]);
    assert!(all.no_cache && all.pull && all.needs_buildkit() == Some("secrets"));
    assert_eq!((&all.ssh, build("ssh: { default: , deploy: /run/agent }").ssh), (&agents, agents.clone()));
    assert_eq!((all.platform.as_deref(), all.network.as_deref()), (Some("linux/arm64"), Some("none")));
    assert_eq!((all.labels, all.extra_hosts), (text(&[("team", "shop")]), vec!["cache:10.0.0.7".to_owned()]));
    assert_eq!((all.shm_size, all.cache_from), (Some(64 << 20), vec!["shop/web:latest".to_owned()]));
    let diagnosis = |text: &str| Project::of(&manifest(text)).load("test", &[]).unwrap_err().to_string();
    for (text, said) in [
        ("secrets: [nmp]", "nmp"),
        ("secrets: [npm, { source: pip, target: npm }]", "two secrets of the build have the id `npm`"),
        ("ssh: [deploy=agent]", "`agent` is not the socket of an SSH agent"),
        ("platforms: [linux/amd64, linux/arm64]", "an engine makes an image for one platform"),
        ("platforms: [arm]", "`arm` is not a platform"),
    ] {
        let diagnosis = diagnosis(text);
        assert!(diagnosis.contains(said), "{text}: {diagnosis}");
    }
}

#[test]
fn a_tcp_endpoint_has_certificates_or_is_insecure_on_purpose() {
    let manifest = "project: shop
hosts:
  a: { docker: 'tcp://[2001:db8::1]:2376', tls: { ca: ca.pem, cert: ca.pem, key: /etc/hostname } }
  b: { docker: tcp://b:2375, insecure: true }
  c: { ssh: 'deploy@c.internal:2222' }
registry: { host: 'registry:5000', ca: ca.pem, username: u, password: { secret: p } }
secrets: { p: { file: p } }
services: { web: { image: shop/web, health: none } }
";
    let project = Project::of(manifest).with("ca.pem", "");
    let environment = project.sound();
    let endpoints: Vec<String> = environment.hosts.values().map(|host| host.endpoint.to_string()).collect();
    assert_eq!(endpoints, ["tcp://[2001:db8::1]:2376", "tcp://b:2375", "ssh://deploy@c.internal:2222"]);
    let Endpoint::Tcp { tls: Some(tls), .. } = &environment.hosts.values().next().unwrap().endpoint else {
        panic!("no certificates")
    };
    assert_eq!((&tls.ca, &tls.key), (&project.root().join("ca.pem"), &PathBuf::from("/etc/hostname")));
    assert_eq!(environment.registry.unwrap().login.unwrap().password.as_str(), "p");
    assert_eq!(environment.secrets.values().collect::<Vec<_>>(), [&SecretSource::File("p".into())]);
}
