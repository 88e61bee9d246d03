//! Builds by the engine's own BuildKit: what a Dockerfile may ask for, what is not built again, and what a failure says.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::support::podman::Podman;
use crate::support::poll::until;
use crate::support::process::{command, finish, holds};
use crate::support::{Fleet, Project, Run, SOON};

/// A step that needs a shell, and what it leaves for later steps and builds.
const DOCKERFILE: &str = r#"FROM scratch AS tools
COPY busybox /bin/busybox
RUN ["/bin/busybox", "ln", "-s", "/bin/busybox", "/bin/sh"]
RUN --mount=type=secret,id=npm /bin/busybox sha256sum /run/secrets/npm > /digest
RUN --mount=type=cache,target=/cache /bin/busybox date +%s%N >> /cache/times && /bin/busybox cp /cache/times /times
RUN --mount=type=ssh,required=true /bin/busybox test -S "$SSH_AUTH_SOCK"
ARG FAIL=no
RUN if /bin/busybox test "$FAIL" = yes; then echo about to fail; /bin/busybox sleep 0.1; exit 3; fi
FROM scratch
COPY fixture-app /fixture-app
COPY --from=tools /digest /times /
EXPOSE 80
ENTRYPOINT ["/fixture-app"]
"#;

const SECRET: &str = "canary-of-a-build-7f3a";
/// Of it, by `sha256sum`.
const DIGEST: &str = "271f11b1663f3ec6ecf61fd131afa836cb3758a75e127fbfa2e439f5ba145957";

fn project(fleet: &Fleet) -> Project {
    let project = Project::new(fleet);
    project.sources();
    project.write("app/Dockerfile", DOCKERFILE);
    fs::copy("/bin/busybox", project.path("app/busybox")).expect("a shell without libraries");
    project.write("npm.txt", SECRET);
    project
}

fn manifest(fleet: &Fleet, agent: &str, fails: &str) -> String {
    let host = fleet.host("h1");
    format!(
        r#"project: shop
secrets: {{ npm_token: {{ file: npm.txt }} }}
services:
  web:
    image: shop/web
    build:
      context: app
      args: {{ FAIL: "{fails}" }}
      secrets: [{{ source: npm_token, target: npm }}]
      ssh: ["{agent}"]
      labels: {{ team: shop }}
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
}

/// An SSH agent, as operators have one.
struct Agent {
    process: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(project: &Project) -> Self {
        let socket = project.path("agent.sock");
        let mut agent = command("ssh-agent");
        agent.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        let process = agent.spawn().expect("ssh-agent");
        until("the agent listens", SOON, || UnixStream::connect(&socket).ok());
        Self { process, socket }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Has git know the sources, which it fetches with a login; the commit.
fn commit(project: &Project) -> String {
    let git = |arguments: &[&str]| {
        let own = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"];
        finish(command("git").arg("-C").arg(project.root()).args(own).args(arguments))
    };
    git(&["init", "--quiet"]);
    git(&["remote", "add", "origin", "https://ann:t0ken@git.example/shop/web.git"]);
    git(&["add", "app"]);
    git(&["commit", "--quiet", "--message", "the application"]);
    git(&["rev-parse", "HEAD"])
}

/// What the builder has said.
fn output(run: &Run) -> String {
    run.events("build_output").iter().filter_map(|line| line["line"].as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_build_gets_its_secrets_and_agents_and_what_is_the_same_is_not_built_again() {
    let fleet = Fleet::start();
    let project = project(&fleet);
    let agent = Agent::start(&project);
    project.write("environments/local.yml", &manifest(&fleet, &format!("default={}", agent.socket.display()), "no"));
    let commit = commit(&project);
    let first = project.run(&["deploy", "local", "--yes"]).expect(0);
    assert!(first.has("built") && output(&first).contains("RUN --mount=type=secret"), "{first}");
    let (host, image) = (fleet.host("h1"), fleet.host("h1").only().image().to_owned());
    let labels = fleet.script(&["docker", "h1", "image", "inspect", "-f", "{{json .Config.Labels}}", &image]);
    let labels: serde_json::Value = serde_json::from_str(&labels).expect("labels");
    assert_eq!(labels["team"], "shop", "{labels}");
    assert_eq!(labels["org.opencontainers.image.revision"], commit.trim(), "{labels}");
    assert_eq!(labels["org.opencontainers.image.source"], "https://git.example/shop/web.git", "{labels}");
    // The secret was read by the build, and is nowhere in what came of it.
    let saved = project.path("saved.tar");
    fleet.script(&["docker", "h1", "save", "-o", &saved.display().to_string(), &image]);
    let saved = fs::read(&saved).expect("the image");
    assert!(holds(&saved, DIGEST.as_bytes()) && !holds(&saved, SECRET.as_bytes()), "its digest, and not the secret");
    assert!(!first.text().contains(SECRET), "{first}");

    // Written again, with another time, which no image depends on.
    let again = fs::read(project.path("app/busybox")).expect("a file");
    fs::write(project.path("app/busybox"), again).expect("the same");
    let second = project.run(&["plan", "local"]).expect(0);
    assert!(second.has("build_unchanged") && !second.has("built"), "{second}");

    // Another key, whose steps the engine has done before.
    project.write("app/notes", "for people");
    let third = project.run(&["plan", "local"]).expect(0);
    assert!(third.has("built") && output(&third).contains("CACHED"), "{third}");
    // What the Dockerfile asks for and the manifest does not name is not there for it.
    project.write("environments/local.yml", &manifest(&fleet, &format!("other={}", agent.socket.display()), "no"));
    let fourth = project.run(&["plan", "local", "--set", "services.web.build.no_cache=true"]).expect(1);
    assert!(fourth.text().contains("the build has no agent `default`"), "{fourth}");
    assert_eq!(host.only().image(), image, "nothing was done to the host");
}

#[test]
fn a_step_that_fails_shows_its_own_last_lines() {
    let fleet = Fleet::start();
    let project = project(&fleet);
    let agent = Agent::start(&project);
    project.write("environments/local.yml", &manifest(&fleet, &format!("default={}", agent.socket.display()), "yes"));
    let failed = project.run(&["deploy", "local", "--yes"]).expect(1);
    assert!(output(&failed).contains("about to fail") && failed.text().contains("exit code: 3"), "{failed}");
    assert!(fleet.host("h1").containers().is_empty());
}

#[test]
fn a_builder_that_is_reached_by_ssh_gets_secrets_and_agents_too() {
    let fleet = Fleet::start();
    let project = project(&fleet);
    let agent = Agent::start(&project);
    let build = format!(
        "    image: shop/elsewhere:v1\n    build: {{ context: app, args: {{ FAIL: \"no\" }}, secrets: [{{ source: npm_token, target: \
         npm }}], ssh: [\"default={}\"] }}\n",
        agent.socket.display()
    );
    project.edit("    image: shop/web:v1\n", &build);
    project.edit("GREETING: hello", "GREETING: hello, RELEASE: v1");
    project.edit("\nsecrets:\n", "\nsecrets:\n  npm_token: { file: npm.txt }\n");
    let own = format!("{{ docker: \"unix://{}\" }}", fleet.file("builder/docker.sock").display());
    project.edit(&own, "{ ssh: deploy@h2 }");
    let run = project.run(&["deploy", "prod", "--yes"]).expect(0);
    assert!(run.has("built") && run.has("pushing") && !run.text().contains(SECRET), "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    let images = fleet.script(&["docker", "h2", "images", "--format", "{{.Repository}}"]);
    assert!(images.contains("shipctl-build/shop/elsewhere"), "it was built there: {images}");
}

/// It has no registry either: shipctl takes from it what it has built, and pushes that.
#[test]
fn an_engine_without_buildkit_builds_by_its_own_builder() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.sources();
    let podman = Podman::start();
    let build = "    build: { context: app, args: { RELEASE: v1 }, labels: { team: shop } }\n";
    project.edit("    image: shop/web:v1\n", &format!("    image: shop/older:v1\n{build}"));
    project.edit("  username: shipctl\n", "  username: shipctl\n  push: shipctl\n");
    let socket = fleet.file("builder/docker.sock").display().to_string();
    project.edit(&socket, &podman.socket().display().to_string());
    let run = project.run(&["deploy", "prod", "--yes"]).expect(0);
    assert!(output(&run).contains("COPY fixture-app"), "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    let (host, image) = (fleet.host("h1"), fleet.host("h1").only().image().to_owned());
    let labels = fleet.script(&["docker", &host.name, "image", "inspect", "-f", "{{json .Config.Labels}}", &image]);
    assert!(labels.contains(r#""team":"shop""#), "{labels}");
    let again = project.run(&["plan", "prod"]).expect(0);
    assert!(again.has("build_unchanged") && !again.has("built"), "{again}");
    // What only BuildKit can do is not left out in silence.
    project.write("npm.txt", SECRET);
    project.edit("labels: { team: shop }", "secrets: [{ source: npm_token, target: npm }]");
    project.edit("\nsecrets:\n", "\nsecrets:\n  npm_token: { file: npm.txt }\n");
    let run = project.run(&["deploy", "prod", "--yes"]).expect(1);
    assert!(run.text().contains("BuildKit"), "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3]);
}
