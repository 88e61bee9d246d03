//! A project of an operator: a manifest, a template, secrets. In a directory of its own, away from every other's.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::process::finish;
use super::{Fleet, Host, Run, Running, root};

/// What the application gets to know that nobody else may.
pub const API_TOKEN: &str = "tok-3b9f0c55e1d84a7f";
const ENVIRONMENT: &str = "environments/prod.yml";
const TEMPLATE: &str = "templates/app.conf.j2";

/// A directory with a manifest that suits the fleet.
pub struct Project {
    directory: TempDir,
    pub ssh_config: PathBuf,
}

impl Project {
    /// Release v1 of an application that does well, for all hosts.
    pub fn new(fleet: &Fleet) -> Self {
        let project = Self { directory: TempDir::new().expect("a directory"), ssh_config: fleet.file("ssh/config") };
        for directory in ["environments", "templates", "secrets", "run"] {
            fs::create_dir(project.path(directory)).expect("a directory");
        }
        fs::copy(fleet.file("registry/password"), project.path("secrets/registry_password")).expect("a password");
        project.write("secrets/api_token", API_TOKEN);
        project.write(ENVIRONMENT, &manifest(fleet));
        project.template("");
        project
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).expect("a file can be written");
    }

    /// Adds to the configuration file, which names the host it was made for.
    pub fn template(&self, more: &str) {
        self.write(TEMPLATE, &format!("host={{{{ host.name }}}}\n{more}\n"));
    }

    /// The next release misbehaves everywhere.
    pub fn misbehave(&self, mode: &str) {
        self.template(&format!("mode={mode}"));
    }

    /// The next release misbehaves on one host.
    pub fn misbehave_on(&self, host: &str, mode: &str) {
        self.template(&format!("{{% if host.name == \"{host}\" %}}mode={mode}{{% endif %}}"));
    }

    /// The application counts POSTs where a new container finds them.
    pub fn count_posts(&self) {
        self.edit("services:\n  web:\n", "volumes: { data: {} }\nservices:\n  web:\n    volumes: [\"data:/data\"]\n");
        self.edit("GREETING: hello", "GREETING: hello, POSTS_FILE: /data/posts");
    }

    /// Requests come through balancers: through the first one's process, and the second one's master.
    pub fn behind_balancers(&self) {
        let traffic = "    traffic: { balancer: [lb1, lb2], backend: app, drain_deadline: 20s, up_deadline: 20s }\n";
        self.edit("    health:\n", &format!("{traffic}    health:\n"));
        let balancers = "  lb1: { haproxy: { ssh: deploy@lb1, socket: /run/haproxy/admin.sock } }\n  lb2: { haproxy: { ssh: \
                         deploy@lb2, master: /run/haproxy/master.sock } }\n";
        self.edit("registry:\n", &format!("balancers:\n{balancers}registry:\n"));
    }

    /// Names the image's tag in the manifest.
    pub fn tag(&self, tag: &str) {
        let text = fs::read_to_string(self.path(ENVIRONMENT)).expect("a manifest");
        let (before, rest) = text.split_once("image: shop/web:").expect("the manifest names the image");
        let (_, after) = rest.split_once('\n').expect("the manifest goes on");
        self.write(ENVIRONMENT, &format!("{before}image: shop/web:{tag}\n{after}"));
    }

    /// Changes the manifest.
    #[track_caller]
    pub fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(ENVIRONMENT)).expect("a manifest");
        assert!(text.contains(from), "the manifest does not say `{from}`");
        self.write(ENVIRONMENT, &text.replace(from, to));
    }

    /// Puts what the image is built from beneath the project, at `app`.
    pub fn sources(&self) {
        fs::create_dir(self.path("app")).expect("a directory");
        for file in ["Dockerfile", "fixture-app"] {
            let from = root().join("target/fixture/image").join(file);
            fs::copy(from, self.path("app").join(file)).expect("the application is built");
        }
    }

    /// Runs shipctl to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.start(arguments).end()
    }

    /// Starts shipctl.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self, arguments)
    }

    /// What shipctl says to people, which must go well.
    #[track_caller]
    pub fn said(&self, arguments: &[&str]) -> String {
        finish(Running::command(self, "plain").args(arguments))
    }

    /// `deploy`, to its end, which must be this one.
    #[track_caller]
    pub fn deploy(&self, exit: i32) -> Run {
        self.run(&["deploy", "prod", "--yes"]).expect(exit)
    }

    /// Deploys the manifest's release to all hosts at once: where a test begins.
    #[track_caller]
    pub fn install(&self) -> Run {
        let quickly = ["parallelism=100%", "monitor=0s"].map(|set| format!("services.web.deploy.update_config.{set}"));
        self.run(&["deploy", "prod", "--yes", "--set", &quickly[0], "--set", &quickly[1]]).expect(0)
    }

    /// Names a tag and deploys it, which must go well.
    #[track_caller]
    pub fn deployed(&self, tag: &str) -> Run {
        self.tag(tag);
        self.deploy(0)
    }
}

/// Waiting is as short as it can be without proving nothing.
fn manifest(fleet: &Fleet) -> String {
    let certificate = |name: &str| fleet.file(&format!("certs/{name}.pem")).display().to_string();
    let host = |host: Host| {
        let Host { name, address, by_ssh, .. } = host;
        if by_ssh {
            return format!("  {name}: {{ ssh: deploy@{name} }}\n");
        }
        let [ca, cert, key] = ["ca", "cert", "key"].map(certificate);
        format!(
            "  {name}:\n    docker: \"tcp://{address}:2376\"\n    tls:\n      ca: {ca}\n      cert: {cert}\n      \
             key: {key}\n"
        )
    };
    let hosts: Vec<String> = fleet.hosts().into_iter().map(host).collect();
    format!(
        r#"project: shop
configs:
  app_conf: {{ template: {TEMPLATE} }}
services:
  web:
    image: shop/web:v1
    ports: ["8080:80"]
    environment: {{ GREETING: hello }}
    configs: [{{ source: app_conf, target: /etc/app/app.conf }}]
    secrets: [api_token]
    health:
      http: {{ port: 80, path: /up }}
      interval: 100ms
      min_healthy_time: 300ms
      healthy_deadline: 5s
    deploy:
      update_config: {{ parallelism: 1, monitor: 300ms }}
hosts:
{hosts}registry:
  host: {registry}
  ca: {ca}
  username: shipctl
  password: {{ secret: registry_password }}
builder: {{ docker: "unix://{builder}" }}
secrets:
  registry_password: {{ file: secrets/registry_password }}
  api_token: {{ file: secrets/api_token }}
"#,
        hosts = hosts.concat(),
        registry = fleet.registry(),
        ca = certificate("ca"),
        builder = fleet.file("builder/docker.sock").display(),
    )
}
