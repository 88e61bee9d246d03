//! The files beneath `templates/`. All of them are read at once, so that includes need no file access
//! while a template runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::manifest::source::Source;
use crate::manifest::{Diagnostic, text};

/// Where templates live, beneath the project root.
pub(super) const FOLDER: &str = "templates";

/// Folders within folders.
const MAX_DEPTH: usize = 8;

/// Templates by their path beneath [`FOLDER`].
#[derive(Debug, Default)]
pub(super) struct Library {
    pub(super) sources: BTreeMap<String, Arc<Source>>,
    /// Files that cannot be templates; of interest only if one of them is asked for.
    pub(super) unreadable: BTreeMap<String, Diagnostic>,
}

impl Library {
    /// Reads every regular file, also through links that stay within the folder; hidden files are left out.
    pub(super) fn open(root: &Path) -> Self {
        let mut library = Self::default();
        // Without the folder there are no templates; a service that wants one was refused when it was resolved.
        if let Ok(folder) = root.join(FOLDER).canonicalize() {
            library.walk(root, &folder, "", 0);
        }
        library
    }

    /// A problem from elsewhere with the text that it is about, for its line to be shown.
    pub(super) fn sourced(&self, problem: Diagnostic) -> Diagnostic {
        let name = problem.file.as_deref().and_then(|file| file.strip_prefix(FOLDER)?.strip_prefix('/'));
        match name.and_then(|name| self.sources.get(name)) {
            Some(source) if problem.span.end <= source.text.len() => {
                let mut sourced = Diagnostic::at(source, problem.span, problem.message);
                sourced.help = problem.help;
                sourced
            }
            _ => problem,
        }
    }

    /// A problem of a template as a whole.
    pub(super) fn about(&self, name: &str, message: String) -> Diagnostic {
        match self.sources.get(name) {
            Some(source) => Diagnostic::at(source, source.line_span(1), message),
            None => Diagnostic::general(message),
        }
    }

    /// Takes in what is beneath `templates/<prefix>`; `top` is `templates/` without links.
    fn walk(&mut self, root: &Path, top: &Path, prefix: &str, depth: usize) {
        let Ok(entries) = fs::read_dir(top.join(prefix)) else { return };
        for entry in entries.flatten() {
            let file_name = entry.file_name();
            let Some(name) = file_name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let Ok(real) = entry.path().canonicalize() else { continue };
            let name = format!("{prefix}{name}");
            if !real.starts_with(top) {
                let problem = Diagnostic::general(format!("{FOLDER}/{name} is a link that leads out of {FOLDER}/"));
                self.unreadable.insert(name, problem);
            } else if real.is_dir() && depth < MAX_DEPTH {
                self.walk(root, top, &format!("{name}/"), depth + 1);
            } else if real.is_file() {
                match text(root, &Path::new(FOLDER).join(&name)) {
                    Ok(text) => drop(self.sources.insert(name.clone(), Source::new(format!("{FOLDER}/{name}"), text))),
                    Err(problem) => drop(self.unreadable.insert(name, problem)),
                }
            }
        }
    }
}
