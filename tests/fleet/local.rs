//! A machine's own Docker: a Unix socket, no SSH, no registry.

use crate::support::{Fleet, Project};

#[test]
fn an_image_is_built_and_run_on_the_same_engine_without_a_registry() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.sources();
    let host = fleet.host("h1");
    let manifest = |release: &str| {
        format!(
            r#"project: shop
services:
  web:
    image: shop/web
    build: {{ context: app, args: {{ RELEASE: {release} }} }}
    ports: ["8080:80"]
    health:
      exec: [/fixture-app, probe, "http://127.0.0.1/up"]
      interval: 100ms
      min_healthy_time: 300ms
    deploy: {{ update_config: {{ monitor: 300ms }} }}
hosts:
  local: {{ docker: "unix://{socket}" }}
builder: {{ docker: "unix://{socket}" }}
"#,
            socket = host.socket.display(),
        )
    };
    for release in ["first", "second"] {
        project.write("environments/local.yml", &manifest(release));
        let run = project.run(&["deploy", "local", "--yes"]).expect(0);
        assert!(!run.has("pushing"), "{run}");
        assert_eq!(host.release(), release);
    }
    let container = host.only();
    assert!(container.is_promoted() && container.image().starts_with("sha256:"), "{container}");
    project.run(&["rollback", "local", "--yes"]).expect(0);
    assert_eq!(host.release(), "first");
}
