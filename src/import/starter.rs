//! The files of a new project. Pure: the same answers give the same text.

use super::compose::on_the_hub;
use super::{HostArgument, NewFile};

/// The example's image: small, public, and configured by one file.
const EXAMPLE: &str = "nginx:1.29-alpine";

/// What an operator has said about a project that is to be made.
#[derive(Debug, Clone)]
pub struct Start {
    /// Its name.
    pub project: String,
    /// What it runs.
    pub image: Image,
    /// Hosts of `prod`.
    pub hosts: Vec<HostArgument>,
    /// The registry that hosts pull from.
    pub registry: Option<String>,
}

/// What a new project runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// An image that somebody else has built.
    Named(String),
    /// What the Dockerfile in the project's folder builds.
    Built,
    /// An example, to be replaced.
    Example,
}

/// Lines that belong into `.gitignore`.
pub const IGNORED: [&str; 2] = [".shipctl/", ".env"];

impl Start {
    /// The files.
    pub fn files(&self) -> Vec<NewFile> {
        let mut files = vec![file("environments/base.yml", self.base())];
        files.push(file("environments/prod.yml", self.prod()));
        files.push(file("environments/local.yml", LOCAL.to_owned()));
        if self.image == Image::Example {
            files.push(file("templates/site.conf.j2", TEMPLATE.to_owned()));
        }
        files
    }

    /// What is to be edited before `prod` is deployed.
    pub fn edit(&self) -> Vec<String> {
        let mut edit = Vec::new();
        if self.image == Image::Example {
            edit.push("environments/base.yml: the image is an example".to_owned());
        } else {
            edit.push(
                "environments/base.yml: the port and the path of the health check, if they are others".to_owned(),
            );
        }
        if self.hosts.is_empty() {
            edit.push("environments/prod.yml: the address of the host".to_owned());
        }
        if self.registry.is_none() && self.image == Image::Built {
            edit.push("environments/prod.yml: the registry".to_owned());
        }
        edit
    }

    fn base(&self) -> String {
        let project = &self.project;
        let image = match &self.image {
            Image::Named(image) => format!("    image: {image}\n"),
            Image::Built => format!(
                "    # Without a registry part, the image is pushed to the environment's `registry`, if there is one.\n    \
                 image: {project}/web\n    build: {{ context: . }}\n"
            ),
            Image::Example => {
                let image = self.registry.as_ref().and_then(|_| on_the_hub(EXAMPLE)).unwrap_or(EXAMPLE.to_owned());
                format!("    image: {image}\n")
            }
        };
        let (path, configs, declared) = if self.image == Image::Example {
            (
                "/up",
                "\n    # Rendered for each host, and copied into the container before it starts.\n    configs:\n      \
                 - { source: site, target: /etc/nginx/conf.d/default.conf }\n",
                "\nconfigs:\n  site: { template: templates/site.conf.j2 }\n",
            )
        } else {
            ("/", "", "")
        };
        format!(
            "# What all environments have in common. environments/<name>.yml is laid over it; `shipctl config show <name>`
# says which line set what. Services are written in the words of the Compose Specification.

project: {project}

services:
  web:
{image}    environment:
      LOG_LEVEL: info
{configs}
    # The gate: a new container takes its place only after it has answered for `min_healthy_time` without a break.
    # Others are tcp: {{ port: 5432 }}, exec: [program, argument], container (the image's own check), and `health: none`.
    health:
      http: {{ port: 80, path: {path} }}
      min_healthy_time: 2s
      healthy_deadline: 60s

    # From the request to stop until it is ended by force.
    stop_grace_period: 10s
    deploy:
      update_config:
        # Hosts at a time: a number, or a share such as 25%.
        parallelism: 1
        # After a host is done, a failure within this time still brings every host back.
        monitor: 10s
{declared}"
        )
    }

    fn prod(&self) -> String {
        let host = |host: &HostArgument| {
            let (key, value) = host.key();
            format!("  {}: {{ {key}: {} }}\n", host.name, serde_json::json!(value))
        };
        let mut hosts: String = self.hosts.iter().map(host).collect();
        if hosts.is_empty() {
            hosts.push_str("  web1: { ssh: deploy@web1.example.com }\n");
        }
        let registry = match (&self.registry, &self.image) {
            (Some(host), _) => format!("registry:\n  host: {host}\n"),
            (None, Image::Built) => {
                "registry:\n  # A placeholder: what is built is pushed there, and pulled by every host.\n  \
                                     host: registry.example.com\n"
                    .to_owned()
            }
            (None, _) => "# registry:\n#   host: registry.example.com\n".to_owned(),
        };
        let lead = if registry.starts_with('#') { "#   " } else { "  # " };
        format!(
            "# What `prod` adds to environments/base.yml.

hosts:
  # `[user@]host[:port]`, or an alias of ~/.ssh/config, which is honoured.
{hosts}
{registry}{lead}username: shipctl                        # without a login, Docker's own configuration is asked
{lead}password: {{ secret: registry_password }}

services:
  web:
    ports: [\"80:80\"]

# Secrets are files in a container, at /run/secrets/<name>, of the services that name them: `secrets: [db_password]`.
# secrets:
#   db_password: {{ environment: DB_PASSWORD }}
#   registry_password: {{ command: [op, read, \"op://shop/registry/password\"] }}
"
        )
    }
}

fn file(path: &str, text: String) -> NewFile {
    NewFile { path: path.into(), text }
}

const LOCAL: &str =
    "# This machine's own Docker: no SSH, no registry. `shipctl deploy local`, then http://localhost:8080.

hosts:
  local: { docker: \"unix:///var/run/docker.sock\" }

services:
  web:
    ports: [\"8080:80\"]
    environment:
      LOG_LEVEL: debug
";

const TEMPLATE: &str = "# {{ project }} in {{ environment }}, on {{ host.name }}
server {
    listen 80;
    default_type text/plain;

    location = /up {
        access_log off;
        return 200 \"ok\\n\";
    }

    location / {
        return 200 \"{{ project }} in {{ environment }}, on {{ host.name }}\\n\";
    }
}
";
