//! What an environment needs of this machine: an engine to build with, credentials of registries, secrets, and the identity
//! that decrypts them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::environment::{Environment, SecretSource};
use crate::fleet::Endpoint;
use crate::image::reference::ImageName;
use crate::redact::Redactor;
use crate::registry::credentials::{Logins, Origin};
use crate::registry::docker_config;
use crate::sealed::Identity;
use crate::sealed::identity::Places;

use super::{Finding, PATIENCE, is_there};

pub(super) async fn examine(environment: &Environment, redactor: &Redactor) -> Vec<Finding> {
    let mut findings = vec![manifest(environment)];
    findings.extend(engines(environment).await);
    findings.extend(registries(environment, redactor).await);
    findings.extend(secrets(environment));
    findings.extend(identity(environment));
    findings
}

fn about(environment: &Environment, what: &str) -> String {
    format!("{}: {what}", environment.name)
}

fn manifest(environment: &Environment) -> Finding {
    let (hosts, services) = (environment.hosts.len(), environment.services.len());
    let plural = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let found = format!("{}, {}", plural(hosts, "host"), plural(services, "service"));
    Finding::ok(about(environment, "manifest"), found)
}

/// Engines of this machine: the one that builds, and those of the environment.
async fn engines(environment: &Environment) -> Vec<Finding> {
    let builds = environment.services.values().any(|service| service.build.is_some());
    let hosts = environment.hosts.values().map(|host| (&host.endpoint, format!("Docker of {}", host.name)));
    let builder = builds.then(|| (&environment.builder, "Docker that builds".to_owned()));
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for (endpoint, what) in builder.into_iter().chain(hosts) {
        match endpoint {
            Endpoint::Unix(path) if seen.insert(path.clone()) => {
                findings.push(engine(about(environment, &what), path).await);
            }
            Endpoint::Ssh(_) | Endpoint::Tcp { .. } if what.ends_with("builds") => {
                findings.push(Finding::ok(about(environment, &what), format!("{endpoint}, which is not asked here")));
            }
            Endpoint::Unix(_) | Endpoint::Ssh(_) | Endpoint::Tcp { .. } => {}
        }
    }
    findings
}

async fn engine(about: String, path: &Path) -> Finding {
    use std::io::ErrorKind;
    let shown = path.display();
    match timeout(PATIENCE, UnixStream::connect(path)).await {
        Ok(Ok(_)) => Finding::ok(about, format!("{shown}")),
        Ok(Err(error)) if error.kind() == ErrorKind::PermissionDenied => {
            let advice = "sudo usermod -aG docker $USER, and log in anew (the group is as good as root)";
            Finding::fail(about, format!("{shown} is not for you: {error}"), advice)
        }
        Ok(Err(error)) => Finding::fail(about, format!("{shown}: {error}"), "install Docker, or start it"),
        Err(_) => Finding::fail(about, format!("{shown} does not answer"), "look at the Docker service"),
    }
}

/// Registries that images come from or go to. None of them is asked whether it takes the credentials.
async fn registries(environment: &Environment, redactor: &Redactor) -> Vec<Finding> {
    let own = environment.registry.as_ref();
    let images = environment.services.values().filter_map(|service| service.image.parse::<ImageName>().ok());
    let mut names: BTreeSet<String> =
        images.map(|name| name.locate(own.map(|it| it.host.as_str())).registry().to_owned()).collect();
    names.extend(own.map(|registry| registry.host.clone()));
    // The manifest's own password is among the secrets.
    let logins = Logins::new(None, &BTreeMap::new(), docker_config::path(), redactor.clone());
    let Ok(logins) = logins else { return Vec::new() };
    let mut findings = Vec::new();
    for name in names {
        let about = about(environment, &format!("registry {name}"));
        let login = own.filter(|own| own.host == name).and_then(|own| own.login.as_ref());
        if let Some(login) = login {
            let found = format!("{}, with the secret {}", login.username, login.password);
            findings.push(Finding::ok(about, found));
            continue;
        }
        let is_own = own.is_some_and(|own| own.host == name);
        findings.push(match logins.of(&name).await {
            Ok(found) if matches!(found.origin, Origin::Nothing) && is_own => {
                let found = "no credentials, in the manifest or in the Docker configuration";
                Finding::warn(about, found, format!("docker login {name}, or `registry.username` and `password`"))
            }
            Ok(found) if matches!(found.origin, Origin::Nothing) => {
                Finding::ok(about, "no credentials: what is public can be pulled")
            }
            Ok(_) => Finding::ok(about, "credentials in the Docker configuration"),
            Err(error) => Finding::fail(about, error.to_string(), format!("docker login {name}")),
        });
    }
    findings
}

/// Secrets that are had from files and variables, and the programs that print others. None of these is run.
fn secrets(environment: &Environment) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut well = 0;
    for (name, source) in &environment.secrets {
        let about = about(environment, &format!("secret {name}"));
        match source {
            SecretSource::Command { words, .. } => match words.first() {
                Some(program) if !is_there(program) && !environment.root.join(program).is_file() => {
                    let found = format!("the program `{program}` is not found");
                    findings.push(Finding::fail(about, found, "install it"));
                }
                _ => well += 1,
            },
            SecretSource::Age { file, .. } => {
                let file = environment.root.join(file);
                if file.is_file() {
                    well += 1;
                } else {
                    let advice = format!("shipctl secrets set {} {name}", environment.name);
                    findings.push(Finding::fail(about, format!("{} is not there", file.display()), advice));
                }
            }
            SecretSource::File(_) | SecretSource::Variable(_) => match source.read(&environment.root) {
                Some(Err(error)) => {
                    let advice = "provide it before a deploy; a rollback does without";
                    findings.push(Finding::warn(about, format!("{:#}", anyhow::Error::from(error)), advice));
                }
                Some(Ok(_)) | None => well += 1,
            },
        }
    }
    if well > 0 {
        findings.push(Finding::ok(about(environment, "secrets"), format!("{well} of {}", environment.secrets.len())));
    }
    findings
}

/// The operator's key, where something is encrypted to it.
fn identity(environment: &Environment) -> Option<Finding> {
    let is_needed = environment.secrets.values().any(|source| matches!(source, SecretSource::Age { .. }));
    if !is_needed {
        return None;
    }
    let about = about(environment, "age identity");
    let advice = "shipctl secrets init makes one; somebody who has one adds you and runs shipctl secrets rotate";
    Some(match Identity::find(&Places::of(Some(environment))) {
        Ok(identity) => {
            let recipients = &environment.age.recipients;
            if identity.recipients().iter().any(|own| recipients.contains(own)) {
                Finding::ok(about, identity.place())
            } else {
                let found = format!("{}, which is none of the manifest's recipients", identity.place());
                Finding::fail(about, found, "have it added to `age.recipients`, and the files rotated")
            }
        }
        Err(error) => Finding::fail(about, error.to_string(), advice),
    })
}
