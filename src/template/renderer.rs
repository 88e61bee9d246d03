//! Rendering, here or in a process of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use minijinja::Value;

use super::engine::Engine;
use super::library::{FOLDER, Library};
use super::worker::Worker;
use crate::manifest::Diagnostic;

/// Where templates are rendered.
#[derive(Debug, Clone, Copy)]
pub enum Process<'p> {
    /// In this process, which a template can bring down by the memory that it takes.
    This,
    /// In one that this program, shipctl itself, is started for. Its memory and time are limited.
    Own(&'p Path),
}

/// Renders the templates of a project.
pub(super) enum Renderer<'l> {
    Here(Engine<'l>),
    Apart { library: &'l Library, root: &'l Path, program: PathBuf, state: RefCell<State> },
}

/// Of rendering in another process.
#[derive(Default)]
pub(super) struct State {
    worker: Option<Worker>,
    /// Why there was no answer about a template. It is not asked for again: there is a host more for each time.
    fatal: BTreeMap<String, String>,
}

impl<'l> Renderer<'l> {
    pub(super) fn new(library: &'l Library, root: &'l Path, process: Process<'_>) -> Result<Self, Diagnostic> {
        Ok(match process {
            Process::This => Self::Here(Engine::new(library)?),
            Process::Own(program) => {
                Self::Apart { library, root, program: program.to_owned(), state: RefCell::default() }
            }
        })
    }

    /// Renders the template at a path beneath `templates/`.
    pub(super) fn render(&self, name: &str, scope: &Value) -> Result<String, Diagnostic> {
        match self {
            Self::Here(engine) => engine.render(name, scope),
            Self::Apart { library, root, program, state } => {
                let state = &mut *state.borrow_mut();
                let start = || Worker::start(program, root).map_err(|error| cannot(&error.to_string()));
                let mut worker = state.worker.take().map_or_else(start, Ok)?;
                let answer = match state.fatal.get(name) {
                    Some(reason) => Err(reason.clone()),
                    None => worker.render(name, scope),
                };
                match answer {
                    Ok(answer) => {
                        state.worker = Some(worker);
                        answer.map_err(|problem| library.sourced(problem))
                    }
                    Err(reason) => {
                        state.fatal.insert(name.to_owned(), reason.clone());
                        Err(library.about(name, reason))
                    }
                }
            }
        }
    }
}

fn cannot(why: &str) -> Diagnostic {
    Diagnostic::general(format!("{FOLDER}/ cannot be rendered: {why}"))
}
