//! `init`: a new project. Nothing is contacted, and nothing is overwritten.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use dialoguer::Input;

use crate::cli;
use crate::error::{Error, Exit, Result};
use crate::image::reference::ImageName;
use crate::import::starter::{IGNORED, Image, Start};
use crate::import::{self, HostArgument, ImportError, write};
use crate::name::ProjectName;
use crate::report::Reporter;
use crate::report::start::InitAnswer;

use super::signals::{self, Signals};

/// Writes the files of a project.
pub(super) async fn run(reporter: &Reporter, global: &cli::Global, arguments: &cli::Init) -> Result<Exit> {
    let root = arguments.directory.clone().or_else(|| global.project.clone()).unwrap_or_else(|| PathBuf::from("."));
    let start = start(reporter, arguments, &root).await?;
    let files = start.files();
    import::sound(&files, &["prod", "local"]).map_err(|error| match error {
        ImportError::Input(problems) => Error::bad_input(problems),
        other => Error::unchanged(other),
    })?;
    write::all(&root, &files).map_err(Error::bad_input)?;
    let mut written: Vec<PathBuf> = files.into_iter().map(|file| file.path).collect();
    if !write::lines(&root, ".gitignore", &IGNORED).map_err(Error::unchanged)?.is_empty() {
        written.push(PathBuf::from(".gitignore"));
    }
    reporter.answer(&InitAnswer { root, files: written, edit: start.edit() }, Exit::Done);
    Ok(Exit::Done)
}

/// What was said on the command line, and where somebody is there to be asked, what they answer.
async fn start(reporter: &Reporter, arguments: &cli::Init, root: &Path) -> Result<Start> {
    if let Some(image) = &arguments.image {
        image.parse::<ImageName>().map_err(|error| Error::bad_input(anyhow!("--image: {error}")))?;
    }
    let default = import::project_of(root);
    let image = match &arguments.image {
        Some(image) => Image::Named(image.clone()),
        None if root.join("Dockerfile").is_file() => Image::Built,
        None => Image::Example,
    };
    let project = arguments.name.as_ref().map(ToString::to_string);
    let mut start = Start {
        project: project.clone().unwrap_or_else(|| default.clone()),
        image,
        hosts: arguments.hosts.clone(),
        registry: arguments.registry.clone(),
    };
    if reporter.can_ask() && (project.is_none() || start.hosts.is_empty()) {
        let signals = Signals::listen(reporter)?;
        if project.is_none() {
            let valid = |text: &String| text.parse::<ProjectName>().map(drop).map_err(|error| error.to_string());
            start.project = ask(&signals, "name of the project", &default, valid).await?;
        }
        if start.hosts.is_empty() {
            let prompt = "first host, as user@address";
            let named = |text: &String| format!("web1={text}").parse::<HostArgument>();
            let address = ask(&signals, prompt, "deploy@web1.example.com", move |text| named(text).map(drop)).await?;
            start.hosts = vec![named(&address).map_err(|error| Error::bad_input(anyhow!(error)))?];
        }
    }
    Ok(start)
}

/// Asks for a line, again until it is valid.
async fn ask(
    signals: &Signals,
    prompt: &str,
    default: &str,
    valid: impl Fn(&String) -> Result<(), String> + Send + 'static,
) -> Result<String> {
    let (prompt, default) = (prompt.to_owned(), default.to_owned());
    // By line, in the terminal's own mode: a process that ends here leaves the terminal as it was.
    let ask = move || Input::<String>::new().with_prompt(prompt).default(default).validate_with(valid).interact();
    let asking = async {
        let answer = tokio::task::spawn_blocking(ask).await;
        let answer = answer.context("the question could not be asked").map_err(Error::unchanged)?;
        answer.map_err(|_| signals::interrupted())
    };
    signals.unless_cancelled(asking).await
}
