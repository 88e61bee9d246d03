//! `config show`, `config diff`, `config render`, `config validate`: manifests and templates. No secret is read, and nothing
//! is contacted but for `render --diff`.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow};

use crate::cli;
use crate::environment::Environment;
use crate::environment::publish::Publishing;
use crate::error::{Error, Exit, Result};
use crate::fleet::select::Selection;
use crate::manifest;
use crate::report::compare::{CompareAnswer, ComparedConfig, Now};
use crate::report::config::{DiffAnswer, ManifestAnswer, RenderAnswer, RenderedConfig, RenderedValue, ValidAnswer};
use crate::template::{self, Contents, Process};

use super::{Context, root, select};

/// Beneath the directory of `render --output`, in the place of a host; no host is called so.
const PUBLISHED: &str = "_publish";

/// The merged manifest, each value with the file and line that set it.
pub(super) fn show(context: &Context, arguments: &cli::ConfigShow) -> Result<Exit> {
    let read = if arguments.interpolate { manifest::read_interpolated } else { manifest::read };
    let (environment, layers) = (&arguments.target.environment, arguments.overrides.layers());
    let manifest = read(&context.root, environment, &layers).map_err(Error::bad_input)?;
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
    let mut values = published(&environment, &selection)?;
    if let Some(directory) = &arguments.output {
        for file in &mut files {
            let folder = Path::new(file.host.as_str()).join(file.service.as_str());
            file.written = Some(write(&directory.join(folder), &file.target.path, &file.text)?);
        }
        for value in &mut values {
            let folder = directory.join(PUBLISHED).join(&value.store);
            // One file per key: a key may be the beginning of another one.
            value.written = Some(write(&folder, &value.key.replace('/', "%2F"), &value.text)?);
        }
    }
    context.reporter.answer(&RenderAnswer { files, values }, Exit::Done);
    Ok(Exit::Done)
}

/// What goes to the stores that selected services read.
fn published(environment: &Environment, selection: &Selection) -> Result<Vec<RenderedValue>> {
    let stores = template::published(environment, None, Process::Own(&root::program()?)).map_err(Error::bad_input)?;
    let is_read = |store: &String| {
        let read = |publishing: &Publishing| {
            environment.services.keys().any(|service| selection.has_service(service) && publishing.is_read_by(service))
        };
        environment.publish.get(store).is_some_and(read)
    };
    let mut values = Vec::new();
    for (store, published) in stores.into_iter().filter(|(store, _)| is_read(store)) {
        let texts =
            published.kept().into_iter().filter_map(|(key, kept)| Some((key, String::from_utf8(kept.bytes).ok()?)));
        values.extend(texts.map(|(key, text)| RenderedValue { store: store.clone(), key, text, written: None }));
    }
    Ok(values)
}

/// What the containers would get, against what they have.
async fn compare(
    context: &Context,
    environment: &Environment,
    files: Vec<RenderedConfig>,
    check: bool,
) -> Result<Exit> {
    context
        .visit(environment, async |fleet| {
            let observed = context.look(fleet).await?;
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

/// Writes to a path beneath the folder, and never anywhere else.
fn write(folder: &Path, path: &str, text: &str) -> Result<PathBuf> {
    let inside = Path::new(path.trim_start_matches('/'));
    if !inside.components().all(|component| matches!(component, Component::Normal(_))) {
        return Err(Error::bad_input(anyhow!("{path} leads out of the directory")));
    }
    let path = folder.join(inside);
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
    written.with_context(|| format!("{} cannot be written", path.display())).map_err(Error::unchanged)?;
    Ok(path)
}
