//! A project that was made: which files, what was not translated, and what to do next.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::import::{Imported, Remark};

use super::Answer;
use super::clean::clean;
use super::page::Page;
use super::style::{Tone, paint};

/// What came of `import`.
#[derive(Debug)]
pub struct ImportAnswer {
    /// Where the files were written.
    pub root: PathBuf,
    /// What they are, and what is missing from them.
    pub imported: Imported,
}

impl Answer for ImportAnswer {
    fn json(&self) -> (&'static str, Value) {
        let Imported { environment, files, left, changed, variables } = &self.imported;
        let files: Vec<String> = files.iter().map(|file| shown(&self.root, &file.path)).collect();
        let value = json!({
            "environment": environment, "files": files,
            "untranslated": left, "changed": changed, "variables": variables,
        });
        ("import", value)
    }

    fn text(&self) -> String {
        let Imported { environment, files, left, changed, variables } = &self.imported;
        let mut page = Page::default();
        for file in files {
            page.foreign("wrote ", &shown(&self.root, &file.path));
        }
        remarks(&mut page, Tone::Warning, "not translated:", left);
        remarks(&mut page, Tone::Strong, "translated, but not the same as before:", changed);
        page.gap();
        if left.is_empty() {
            page.line(Tone::Good, "Everything was translated.");
        }
        if !variables.is_empty() {
            let words = format!("set in the environment or in .env before you deploy: {}", variables.join(", "));
            page.foreign("", &words);
        }
        page.foreign("next: ", &format!("{}shipctl config validate {environment}", there(&self.root)));
        page.into_text()
    }
}

fn remarks(page: &mut Page, tone: Tone, heading: &str, remarks: &[Remark]) {
    if remarks.is_empty() {
        return;
    }
    page.gap();
    page.line(tone, heading);
    for Remark { key, file, line, reason, instead } in remarks {
        let place = paint(Tone::Quiet, &format!("({}:{line})", clean(file)));
        let next = if instead == "nothing" { String::new() } else { format!(" — {}", clean(instead)) };
        page.ready(&format!("  {} {place}: {}{next}\n", clean(key), clean(reason)));
    }
}

/// What came of `init`.
#[derive(Debug)]
pub struct InitAnswer {
    /// Where the project is, if not here.
    pub root: PathBuf,
    /// Which files were written.
    pub files: Vec<PathBuf>,
    /// What is to be edited first, one sentence each.
    pub edit: Vec<String>,
}

impl Answer for InitAnswer {
    fn json(&self) -> (&'static str, Value) {
        let files: Vec<String> = self.files.iter().map(|path| shown(&self.root, path)).collect();
        ("init", json!({ "files": files, "edit": self.edit }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        for path in &self.files {
            page.foreign("wrote ", &shown(&self.root, path));
        }
        for sentence in &self.edit {
            page.foreign("edit: ", sentence);
        }
        page.foreign("next: ", &format!("{}shipctl deploy local", there(&self.root)));
        page.into_text()
    }
}

/// How to get there, if that is not here.
fn there(root: &Path) -> String {
    if root == Path::new(".") { String::new() } else { format!("cd {} && ", root.display()) }
}

fn shown(root: &Path, path: &Path) -> String {
    let full = if root == Path::new(".") { path.to_owned() } else { root.join(path) };
    full.display().to_string()
}
