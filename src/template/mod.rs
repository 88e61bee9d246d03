//! Files beneath `templates/` and an environment → [`RenderedFile`]. Strict: an undefined variable is
//! an error with its line. Templates see the project, the host and the service, but no secret, no
//! clock and no release, so that equal input always gives equal files.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::{Value, context};

use crate::environment::{ConfigSource, Environment, Port, Secret, Service};
use crate::fleet::Host;
use crate::manifest::{Diagnostic, Diagnostics, text};
use crate::name::{HostName, SecretName, ServiceName};

mod engine;
mod filters;
mod library;
mod publish;
pub mod rendered;
mod renderer;
pub mod worker;

use library::{FOLDER, Library};
pub use publish::published;
pub use rendered::{Contents, RenderedFile};
pub use renderer::Process;
use renderer::Renderer;

/// The files of every service on every host that runs it.
pub type Rendered = BTreeMap<(HostName, ServiceName), Vec<RenderedFile>>;

/// Renders the configs of one service for one host, in the order of the manifest.
///
/// # Errors
/// Everything that is wrong with its templates.
pub fn render(
    environment: &Environment,
    host: &Host,
    service: &Service,
    process: Process<'_>,
) -> Result<Vec<RenderedFile>, Diagnostics> {
    let library = Library::open(&environment.root);
    let engine = Renderer::new(&library, &environment.root, process)?;
    let mut problems = Problems::default();
    let files = configs(&engine, environment, host, service, &mut problems);
    problems.check().map(|()| files)
}

/// Renders the configs of all services for all their hosts, and adds the secrets after them.
///
/// # Errors
/// Everything that is wrong with any template, and secrets that are not in `secrets`.
pub fn render_all(
    environment: &Environment,
    secrets: &BTreeMap<SecretName, Secret>,
    process: Process<'_>,
) -> Result<Rendered, Diagnostics> {
    let library = Library::open(&environment.root);
    let engine = Renderer::new(&library, &environment.root, process)?;
    let mut problems = Problems::default();
    let mut rendered = Rendered::new();
    for service in environment.services.values() {
        for host in environment.placed(service) {
            let mut files = configs(&engine, environment, host, service, &mut problems);
            for file in &environment.on(&host.name, service).secrets {
                match secrets.get(&file.source) {
                    Some(secret) => {
                        let (target, name) = (file.file.clone(), file.source.clone());
                        files.push(RenderedFile::secret(target, name, secret.clone(), file.deliver.clone()));
                    }
                    None => problems.note(
                        Diagnostic::general(format!("the secret `{}` has no value", file.source)),
                        host,
                        service,
                    ),
                }
            }
            rendered.insert((host.name.clone(), service.name.clone()), files);
        }
    }
    problems.check().map(|()| rendered)
}

fn configs(
    renderer: &Renderer<'_>,
    environment: &Environment,
    host: &Host,
    service: &Service,
    problems: &mut Problems,
) -> Vec<RenderedFile> {
    let mut files = Vec::new();
    let service = environment.on(&host.name, service);
    for config in &service.configs {
        let text = match &config.content {
            ConfigSource::Content(text) => Ok(text.clone()),
            ConfigSource::File(path) => text(&environment.root, path),
            ConfigSource::Template { path, variables } => {
                let name = path.strip_prefix(FOLDER).unwrap_or(path);
                renderer.render(&slashed(name), &scope(environment, host, service, variables))
            }
        };
        match text {
            Ok(text) => {
                files.push(RenderedFile::config(config.file.clone(), text).delivered(config.deliver.clone()));
            }
            Err(problem) => problems.note(problem, host, service),
        }
    }
    files
}

/// The variables of a template.
fn scope(environment: &Environment, host: &Host, service: &Service, variables: &BTreeMap<String, String>) -> Value {
    let port = |port: &Port| {
        context! {
            host_ip => port.host_ip.as_deref(),
            host_port => port.host_port,
            container_port => port.container_port,
            protocol => port.protocol.as_str(),
        }
    };
    context! {
        project => environment.project.as_str(),
        environment => environment.name.as_str(),
        host => machine(host),
        hosts => environment.placed(service).into_iter().map(machine).collect::<Vec<_>>(),
        vars => map(variables),
        service => context! {
            name => service.instance_of.as_ref().unwrap_or(&service.name).as_str(),
            instance => service.instance,
            environment => map(&service.runtime.environment),
            ports => service.runtime.ports.iter().map(port).collect::<Vec<_>>(),
        },
    }
}

fn map(entries: &BTreeMap<String, String>) -> Value {
    Value::from_pairs(entries.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

/// A host, as templates see it.
fn machine(host: &Host) -> Value {
    context! {
        name => host.name.as_str(),
        address => host.endpoint.address(),
        role => host.role.as_deref().unwrap_or_default(),
        labels => map(&host.labels),
    }
}

fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Services and hosts named with a problem that many of them have.
const SHOWN_PLACES: usize = 3;

/// Problems of templates, each once, with the services and hosts that it was met for.
#[derive(Default)]
struct Problems(Vec<(Diagnostic, Vec<String>)>);

impl Problems {
    fn note(&mut self, problem: Diagnostic, host: &Host, service: &Service) {
        let met = format!("`{}` on {}", service.name, host.name);
        match self.0.iter_mut().find(|(known, _)| *known == problem) {
            Some((_, places)) => places.push(met),
            None => self.0.push((problem, vec![met])),
        }
    }

    fn check(self) -> Result<(), Diagnostics> {
        let told = |(problem, places): (Diagnostic, Vec<String>)| {
            let more = places.len().saturating_sub(SHOWN_PLACES);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let met = format!("rendering {}{more}", places[..places.len().min(SHOWN_PLACES)].join(", "));
            let help = problem.help.as_ref().map_or(met.clone(), |help| format!("{help} ({met})"));
            problem.with_help(help)
        };
        Diagnostics::check(self.0.into_iter().map(told).collect())
    }
}
