//! `config show`, `config render`, `config validate`: manifests and templates. Nothing is contacted, no secret is read.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow};

use crate::cli;
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::fleet::select::Selection;
use crate::manifest;
use crate::report::config::{DiffAnswer, ManifestAnswer, RenderAnswer, RenderedConfig, ValidAnswer};
use crate::template::{self, Contents};

use super::{Context, select};

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
pub(super) fn render(context: &Context, arguments: &cli::ConfigRender) -> Result<Exit> {
    let environment = context.environment(&arguments.target, &arguments.overrides)?;
    let selection = select(&environment, &arguments.selectors)?;
    let mut files = rendered(&environment, &selection)?;
    if let Some(directory) = &arguments.output {
        for file in &mut files {
            file.written = Some(write(directory, file)?);
        }
    }
    context.reporter.answer(&RenderAnswer { files }, Exit::Done);
    Ok(Exit::Done)
}

fn rendered(environment: &Environment, selection: &Selection) -> Result<Vec<RenderedConfig>> {
    let mut all = Vec::new();
    for service in environment.services.values().filter(|service| selection.has_service(&service.name)) {
        for host in environment.placed(service).into_iter().filter(|host| selection.has_host(&host.name)) {
            let files = template::render(environment, host, service).map_err(Error::bad_input)?;
            all.extend(files.into_iter().filter_map(|file| match file.contents {
                Contents::Config(text) => {
                    let (host, service) = (host.name.clone(), service.name.clone());
                    Some(RenderedConfig { host, service, target: file.target, text, written: None })
                }
                Contents::Secret(_) => None,
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
