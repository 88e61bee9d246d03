//! `config show`, `config diff`, `config render`, `config validate`: manifests and templates. No secret is read, and nothing
//! is contacted but for `render --diff`.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow};

use crate::cli;
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::fleet::select::Selection;
use crate::manifest;
use crate::report::compare::{CompareAnswer, ComparedConfig, Now};
use crate::report::config::{DiffAnswer, ManifestAnswer, RenderAnswer, RenderedConfig, ValidAnswer};
use crate::template::{self, Contents, Process};

use super::{Context, root, select};

/// The merged manifest, each value with the file and line that set it.
pub(super) fn show(context: &Context, arguments: &cli::ConfigShow) -> Result<Exit> {
    let manifest = manifest::read(&context.root, &arguments.target.environment, &arguments.overrides.layers())
        .map_err(Error::bad_input)?;
    context.reporter.answer(&ManifestAnswer { manifest, explain: arguments.explain }, Exit::Done);
    Ok(Exit::Done)
}

/// In which values two environments differ.
pub(super) fn diff(context: &Context, arguments: &cli::ConfigDiff) -> Result<Exit> {
    let read = |environment: &str| {
        manifest::read(&context.root, environment, &manifest::Overrides::default()).map_err(Error::bad_input)
    };
    let (left, right) = (read(&arguments.left)?, read(&arguments.right)?);
    let differences = left.differences(&right);
    let exit = if arguments.check && !differences.is_empty() { Exit::Differs } else { Exit::Done };
    let answer = DiffAnswer { left: arguments.left.clone(), right: arguments.right.clone(), differences };
    context.reporter.answer(&answer, exit);
    Ok(exit)
}

/// Whether manifest and templates are in order.
pub(super) fn validate(context: &Context, arguments: &cli::ConfigInput) -> Result<Exit> {
    let environment = context.environment(&arguments.target, &arguments.overrides)?;
    let files = rendered(&environment, &Selection::default())?.len();
    template::published(&environment, None, Process::Own(&root::program()?)).map_err(Error::bad_input)?;
    let answer = ValidAnswer {
        scope: environment.scope(),
        hosts: environment.hosts.len(),
        services: environment.services.len(),
        files,
    };
    context.reporter.answer(&answer, Exit::Done);
    Ok(Exit::Done)
}

/// The configuration files as the containers will get them.
pub(super) async fn render(context: &Context, arguments: &cli::ConfigRender) -> Result<Exit> {
    let environment = context.environment(&arguments.target, &arguments.overrides)?;
    let selection = select(&environment, &arguments.selectors)?;
    let mut files = rendered(&environment, &selection)?;
    if arguments.diff {
        return compare(context, &environment, files, arguments.check).await;
    }
    if let Some(directory) = &arguments.output {
        for file in &mut files {
            file.written = Some(write(directory, file)?);
        }
    }
    context.reporter.answer(&RenderAnswer { files }, Exit::Done);
    Ok(Exit::Done)
}

/// What the containers would get, against what they have.
async fn compare(
    context: &Context,
    environment: &Environment,
    files: Vec<RenderedConfig>,
    check: bool,
) -> Result<Exit> {
    let recorder = context.quiet_recorder();
    context
        .visit(environment, async |fleet| {
            let observed = context.signals.unless_cancelled(async { Ok(fleet.observe(&recorder).await) }).await?;
            let mut compared = Vec::new();
            for file in files {
                let running = observed.seen(&file.host).map(|host| {
                    let mut proven = host.of_service(&file.service).filter(|one| one.proven && one.state.is_running());
                    proven.next().map(|container| container.id.clone())
                });
                let now = match running {
                    None => Now::Unknown("the host did not answer".to_owned()),
                    Some(None) => Now::NotRunning,
                    Some(Some(id)) => match fleet.file(&file.host, &id, &file.target.path).await {
                        Ok(Some(text)) => Now::Text(text),
                        Ok(None) => Now::Missing,
                        Err(error) => Now::Unknown(error.to_string()),
                    },
                };
                compared.push(ComparedConfig { file, now });
            }
            let answer = CompareAnswer { files: compared };
            let exit = match (answer.is_complete(), answer.differs()) {
                (false, _) => Exit::Unchanged,
                (true, true) if check => Exit::Differs,
                (true, _) => Exit::Done,
            };
            context.reporter.answer(&answer, exit);
            Ok(exit)
        })
        .await
}

fn rendered(environment: &Environment, selection: &Selection) -> Result<Vec<RenderedConfig>> {
    let program = root::program()?;
    let mut all = Vec::new();
    for service in environment.services.values().filter(|service| selection.has_service(&service.name)) {
        for host in environment.placed(service).into_iter().filter(|host| selection.has_host(&host.name)) {
            let files =
                template::render(environment, host, service, Process::Own(&program)).map_err(Error::bad_input)?;
            all.extend(files.into_iter().filter_map(|file| match file.contents {
                Contents::Config(text) => {
                    let (host, service) = (host.name.clone(), service.name.clone());
                    Some(RenderedConfig { host, service, target: file.target, text, written: None })
                }
                Contents::Secret(..) => None,
            }));
        }
    }
    Ok(all)
}

/// Writes to `<directory>/<host>/<service>/<path in the container>`, and never anywhere else.
fn write(directory: &Path, file: &RenderedConfig) -> Result<PathBuf> {
    let inside = Path::new(file.target.path.trim_start_matches('/'));
    if !inside.components().all(|component| matches!(component, Component::Normal(_))) {
        return Err(Error::bad_input(anyhow!("{} leads out of the directory", file.target.path)));
    }
    let path = directory.join(file.host.as_str()).join(file.service.as_str()).join(inside);
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, &file.text));
    written.with_context(|| format!("{} cannot be written", path.display())).map_err(Error::unchanged)?;
    Ok(path)
}
