//! Other tools' files → a project of ours. An importer turns a file into a [`draft::Draft`]: the tree of a manifest whose
//! values keep the place that they came from. What then is refused by [`crate::environment::resolve`] is taken out and
//! listed ([`settle`]), so that the manifest's own reader is the one authority on what is supported, and what is written
//! is always sound. Nothing is dropped without a [`Remark`]; nothing is contacted, no foreign code is evaluated, and the
//! value of no secret is copied.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::manifest::node::{Kind, Node};
use crate::manifest::source::{Source, Sources};
use crate::manifest::{Diagnostic, Diagnostics, parse};
use crate::name::EnvironmentName;

pub mod compose;
mod draft;
mod emit;
mod hosts;
pub mod kamal;
mod paths;
mod settle;
pub mod starter;
mod tree;
mod variables;
pub mod write;

pub use hosts::HostArgument;
pub use settle::sound;

/// A file that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Beneath the project's root.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// Something that was not translated, or not as it stood there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The key in the file that was read, such as `services.web.links`.
    pub key: String,
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
    /// What to do instead.
    pub instead: String,
}

/// What became of a file.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The environment that was made.
    pub environment: EnvironmentName,
    /// What is to be written.
    pub files: Vec<NewFile>,
    /// What was not translated, in the order of the file.
    pub left: Vec<Remark>,
    /// What means something else than it did, or was decided here.
    pub changed: Vec<Remark>,
    /// Variables without a default: they must be set before anything is deployed.
    pub variables: Vec<String>,
}

/// What an operator says about an import.
#[derive(Debug, Clone)]
pub struct Wishes<'w> {
    /// The environment to make.
    pub environment: EnvironmentName,
    /// Its hosts, where the file has none.
    pub hosts: Vec<HostArgument>,
    /// The root of the project to be written.
    pub root: &'w Path,
}

/// A file to translate.
#[derive(Debug, Clone)]
pub struct Input {
    /// As the operator named it.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// What its relative paths are beneath.
    pub folder: PathBuf,
}

impl Input {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| ImportError::Unreadable { path: name.clone(), source })?;
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Self { name, text: text.trim_start_matches('\u{feff}').to_owned(), folder })
    }

    /// The tree of the text, which must be a map.
    fn parse(&self, sources: &mut Sources) -> Result<Node, ImportError> {
        let source = Source::new(&*self.name, self.text.clone());
        let file = sources.add(Arc::clone(&source));
        match parse::parse(file, &source) {
            Ok(Some(node)) if matches!(node.kind, Kind::Map(_)) => Ok(node),
            Ok(Some(node)) => {
                let span = node.span.start as usize..node.span.end as usize;
                let message = format!("expected a map of keys, found {}", node.describe());
                Err(Diagnostics::from(Diagnostic::at(&source, span, message)).into())
            }
            Ok(None) => Err(Diagnostics::from(Diagnostic::general(format!("{} is empty", self.name))).into()),
            Err(problems) => Err(refused(problems)),
        }
    }
}

/// What keeps a text from being YAML.
fn refused(problems: Vec<Diagnostic>) -> ImportError {
    match Diagnostics::check(problems) {
        Err(problems) => problems.into(),
        Ok(()) => Diagnostics::from(Diagnostic::general("not YAML")).into(),
    }
}

/// A text as the name of a project: in lower case, other characters as `-`. `None` where nothing is left of it.
pub fn project_name(text: &str) -> Option<String> {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(plain).take(63).collect();
    let name = name.trim_matches(['-', '_']).to_owned();
    (!name.is_empty()).then_some(name)
}

/// The name of a folder as the name of a project.
pub fn project_of(folder: &Path) -> String {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = real.file_name().and_then(|name| name.to_str()).and_then(project_name);
    name.unwrap_or_else(|| "app".to_owned())
}

/// Why a file could not be translated at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Something in it, with its line.
    #[error(transparent)]
    Input(#[from] Diagnostics),
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// As it was named.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no place to check what is to be written.
    #[error("a temporary folder cannot be used: {0}")]
    Temporary(std::io::Error),
}
