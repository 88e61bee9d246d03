//! The first deploy to hosts that hold nothing.

use crate::support::process::{command, finish};
use crate::support::{API_TOKEN, Fleet, Project};

const SECRET: &str = "/run/secrets/api_token";

#[test]
fn an_image_is_built_pushed_and_run_by_its_digest_on_every_host() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.sources();
    project
        .edit("image: shop/web:v1\n", "image: shop/built:r1\n    build: { context: app, args: { RELEASE: built } }\n");
    let run = project.deploy(0);
    fleet.assert_true(&run);
    assert_eq!(fleet.releases(), ["built"; 3]);
    assert!(run.has("building") && run.has("pushing"), "{run}");
    let name = format!("{}/shop/built:r1", fleet.registry());
    let pushed = fleet.script(&["docker", "builder", "inspect", "--format", "{{index .RepoDigests 0}}", &name]);
    for host in fleet.hosts() {
        assert_eq!(host.only().image(), pushed.trim(), "on {}", host.name);
    }
    assert!(!fleet.is_locked());
}

#[test]
fn every_container_has_its_hosts_configuration_its_environment_and_its_secret() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.deploy(0);
    let digest = finish(command("sha256sum").arg(project.path("secrets/api_token")));
    for host in fleet.hosts() {
        let answer = host.get("/").expect("the application answers");
        assert_eq!(answer["config"], format!("host={}\n\n", host.name));
        assert_eq!(answer["greeting"], "hello");
        let secrets = host.get("/secret").expect("the application answers");
        assert_eq!(secrets[0]["name"], "api_token");
        assert_eq!(secrets[0]["sha256"], digest[..12]);
        let (mode, content) = host.file(&host.only(), SECRET);
        assert_eq!(mode & 0o7777, 0o400, "only its owner may read a secret");
        assert_eq!(content, API_TOKEN.as_bytes());
    }
}

#[test]
fn a_first_deploy_that_fails_removes_what_it_brought_and_says_so() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.misbehave_on("h2", "exit");
    let run = project.deploy(3);
    assert_eq!(fleet.snapshot(), Vec::<String>::new());
    assert_eq!(run.table(), ["h1 nothing nothing stopped", "h2 nothing nothing stopped", "h3 nothing nothing stopped"]);
    assert_eq!(run.failure()["host"], "h2");
    assert!(!fleet.is_locked());
}
