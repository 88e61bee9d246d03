//! `import compose`, `import kamal`: another tool's files as a project. Nothing is contacted, and nothing is overwritten.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::cli;
use crate::error::{Error, Exit, Result};
use crate::import::{self, ImportError, Imported, Input, Wishes, write};
use crate::name::EnvironmentName;
use crate::report::Reporter;
use crate::report::start::ImportAnswer;

/// What stands for standard input.
const STDIN: &str = "-";

/// Translates a Compose file.
pub(super) fn compose(reporter: &Reporter, global: &cli::Global, arguments: &cli::ImportCompose) -> Result<Exit> {
    let input = if arguments.file == Path::new(STDIN) { stdin() } else { Input::read(&arguments.file) };
    let input = input.map_err(refused)?;
    let root = root(arguments.output.as_ref(), global);
    let environment = known(&arguments.environment)?.clone();
    let wishes = Wishes { environment, hosts: arguments.hosts.clone(), root: &root };
    finish(reporter, &root, import::compose::import(&input, &wishes))
}

/// Translates Kamal's configuration.
pub(super) fn kamal(reporter: &Reporter, global: &cli::Global, arguments: &cli::ImportKamal) -> Result<Exit> {
    let input = Input::read(&arguments.file).map_err(refused)?;
    let over = arguments.destination.as_ref().map(|name| {
        let file = arguments.file.with_extension(format!("{name}.yml"));
        Input::read(&file)
    });
    let over = over.transpose().map_err(refused)?;
    let root = root(arguments.output.as_ref(), global);
    let asked = arguments.environment.as_ref().or(arguments.destination.as_ref());
    let prod = "prod".parse().unwrap_or_else(|error| unreachable!("a fixed name: {error}"));
    let environment = known(asked.unwrap_or(&prod))?.clone();
    let wishes = Wishes { environment, hosts: Vec::new(), root: &root };
    finish(reporter, &root, import::kamal::import(&input, over.as_ref(), &wishes))
}

/// Where the project is to be.
fn root(asked: Option<&PathBuf>, global: &cli::Global) -> PathBuf {
    asked.or(global.project.as_ref()).cloned().unwrap_or_else(|| PathBuf::from("."))
}

/// `base` is the layer below every environment.
fn known(environment: &EnvironmentName) -> Result<&EnvironmentName> {
    if environment.as_str() == "base" {
        return Err(Error::bad_input(anyhow!("`base` is the layer below every environment"))
            .hint("name the environment with --environment NAME"));
    }
    Ok(environment)
}

fn stdin() -> Result<Input, ImportError> {
    let mut text = String::new();
    let read = io::stdin().lock().read_to_string(&mut text);
    read.map_err(|source| ImportError::Unreadable { path: "standard input".to_owned(), source })?;
    Ok(Input { name: "stdin".to_owned(), text, folder: PathBuf::from(".") })
}

fn finish(reporter: &Reporter, root: &Path, imported: Result<Imported, ImportError>) -> Result<Exit> {
    let imported = imported.map_err(refused)?;
    write::all(root, &imported.files).map_err(|error| {
        let is_taken = matches!(error, write::WriteError::Taken(_));
        let error = Error::bad_input(error);
        if is_taken { error.hint("write beneath another directory with -o DIR, or move what is there") } else { error }
    })?;
    reporter.answer(&ImportAnswer { root: root.to_owned(), imported }, Exit::Done);
    Ok(Exit::Done)
}

fn refused(error: ImportError) -> Error {
    match error {
        // Shown with the lines that are wrong.
        ImportError::Input(problems) => Error::bad_input(problems),
        other => Error::bad_input(other),
    }
}
