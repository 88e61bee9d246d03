//! `init`: what it writes is sound, and nothing is overwritten.

use shipctl::fleet::Endpoint;
use shipctl::template::{self, Process};

use crate::import_support::Fixture;
use crate::support::environment::service;

#[test]
fn a_new_project_is_valid_as_it_is() {
    let fixture = Fixture::of(&[]);
    let (code, stdout, stderr) = fixture.shipctl(&["init"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let expected = "\
wrote environments/base.yml
wrote environments/prod.yml
wrote environments/local.yml
wrote templates/site.conf.j2
wrote .gitignore
edit: environments/base.yml: the image is an example
edit: environments/prod.yml: the address of the host
next: shipctl deploy local
";
    assert_eq!(stdout, expected);
    assert_eq!(fixture.read(".gitignore"), ".shipctl/\n.env\n");
    for environment in ["prod", "local"] {
        let (code, stdout, stderr) = fixture.shipctl(&["config", "validate", environment]);
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(stdout, format!("shop {environment} is valid: 1 host, 1 service, 1 rendered file.\n"));
    }
    let local = fixture.environment("local");
    let host = local.hosts.values().next().expect("a host");
    let files = template::render(&local, host, &local.services[&service("web")], Process::This).expect("a file");
    assert!(String::from_utf8_lossy(files[0].bytes()).contains("return 200 \"shop in local, on local\\n\";"));
}

#[test]
fn flags_say_what_would_have_to_be_edited() {
    let fixture = Fixture::of(&[]);
    let (code, stdout, stderr) = fixture.shipctl(&[
        "init",
        "apps/billing",
        "--name",
        "billing-api",
        "--image",
        "ghcr.io/acme/billing:1.4",
        "--host",
        "web1=deploy@10.0.0.1:2222",
        "--host",
        "web2=web2.internal",
        "--registry",
        "ghcr.io",
    ]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("wrote apps/billing/environments/prod.yml") && !stdout.contains("prod.yml:"), "{stdout}");
    assert!(stdout.ends_with("next: cd apps/billing && shipctl deploy local\n"), "{stdout}");
    let (code, stdout, stderr) = fixture.shipctl(&["config", "validate", "prod", "--project", "apps/billing"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stdout, "billing-api prod is valid: 2 hosts, 1 service, 0 rendered files.\n");
    let environment =
        shipctl::manifest::load(&fixture.root().join("apps/billing"), "prod", &shipctl::manifest::Overrides::default())
            .expect("sound");
    assert_eq!(environment.services[&service("web")].image, "ghcr.io/acme/billing:1.4");
    assert!(matches!(&environment.hosts.values().next().expect("a host").endpoint,
        Endpoint::Ssh(ssh) if ssh.to_string() == "deploy@10.0.0.1:2222"));
    assert_eq!(environment.registry.expect("a registry").host, "ghcr.io");
}

#[test]
fn a_dockerfile_is_built() {
    let fixture = Fixture::of(&[("Dockerfile", "FROM scratch\n"), (".gitignore", "/target\n/.shipctl")]);
    let (code, stdout, _) = fixture.shipctl(&["init"]);
    assert_eq!(code, 0);
    assert!(stdout.contains("edit: environments/prod.yml: the registry"), "{stdout}");
    assert_eq!(fixture.read(".gitignore"), "/target\n/.shipctl\n.env\n");
    assert!(fixture.environment("prod").services[&service("web")].build.is_some());
    assert!(fixture.environment("local").registry.is_none());
}

#[test]
fn nothing_is_overwritten_and_then_nothing_is_written() {
    let fixture = Fixture::of(&[("environments/local.yml", "# mine\n")]);
    let (code, stdout, stderr) = fixture.shipctl(&["init"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("environments/local.yml is there already; nothing was written"), "{stderr}");
    assert_eq!(fixture.read("environments/local.yml"), "# mine\n");
    assert!(!fixture.root().join("environments/base.yml").exists() && !fixture.root().join(".gitignore").exists());
}

#[test]
fn what_is_no_name_is_refused() {
    let fixture = Fixture::of(&[]);
    for arguments in [
        &["init", "--name", "No Name"][..],
        &["init", "--image", "Not/An:Image:x"],
        &["init", "--host", "web1=-oProxyCommand=x"],
        &["init", "--registry", "https://registry"],
    ] {
        let (code, stdout, stderr) = fixture.shipctl(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(!fixture.root().join("environments").exists());
    }
}
