//! The environments and templates that are shipped are sound.

use std::collections::BTreeMap;
use std::path::Path;

use shipctl::environment::Secret;
use shipctl::fleet::Endpoint;
use shipctl::manifest::{self, Overrides};
use shipctl::name::EnvironmentName;
use shipctl::template::{self, Process};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_shipped_environment_resolves_and_renders() {
    let environments = manifest::environments(root());
    let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
    assert_eq!(names, ["local", "prod", "staging"]);
    for name in names {
        let environment = manifest::load(root(), name, &Overrides::default())
            .unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        let secrets: BTreeMap<_, _> =
            environment.secrets.keys().map(|name| (name.clone(), Secret::new("example".to_owned()))).collect();
        let rendered = template::render_all(&environment, &secrets, Process::This)
            .unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        assert!(rendered.values().all(|files| !files.is_empty()), "{name}");
    }
}

#[test]
fn local_needs_nothing_but_a_docker_socket() {
    let local = manifest::load(root(), "local", &Overrides::default()).unwrap();
    assert!(local.registry.is_none() && local.secrets.is_empty());
    assert!(local.hosts.values().all(|host| host.endpoint == Endpoint::Unix("/var/run/docker.sock".into())));
    let host = local.hosts.values().next().unwrap();
    let files = template::render(&local, host, &local.services[0], Process::This).unwrap();
    let expected = "# shop, local: web on local\nenvironment=local\nlog_level=info\npublic_port=8080\n";
    assert_eq!(String::from_utf8_lossy(files[0].bytes()), expected);
}
