//! From a draft to files that are sound: what the manifest's own reader refuses is taken out, listed, and asked again.

use std::path::Path;

use crate::manifest::load::resolve_with;
use crate::manifest::node::Node;
use crate::manifest::{Diagnostic, Diagnostics, Manifest, Overrides};
use crate::name::EnvironmentName;

use super::draft::{Draft, shown};
use super::variables::Guesses;
use super::{ImportError, Imported, NewFile, Remark, emit, tree, write};

/// Each round takes something out.
const MAX_ROUNDS: usize = 200;

/// What all environments have in common.
const BASE: [&str; 6] = ["project", "keep_releases", "services", "configs", "networks", "volumes"];
/// What belongs to one.
const OWN: [&str; 4] = ["hosts", "registry", "builder", "secrets"];

/// An importer's words on what it reads.
pub(super) struct Words<'w> {
    /// What the files say at their top.
    pub(super) header: String,
    /// Why a key (by its path in the manifest) is not supported, and what to do instead.
    pub(super) reason: fn(&[String]) -> Option<(&'static str, &'static str)>,
    /// The key as it is called in the file that was read.
    pub(super) key: &'w dyn Fn(&[String], &Diagnostic) -> String,
}

/// Makes a draft sound, and files of it.
pub(super) fn finish(mut draft: Draft, name: &EnvironmentName, words: &Words<'_>) -> Result<Imported, ImportError> {
    // Templates are looked for on the disk.
    let folder = tempfile::tempdir().map_err(ImportError::Temporary)?;
    let unusable = |error| ImportError::Temporary(std::io::Error::other(error));
    write::all(folder.path(), &draft.files).map_err(unusable)?;
    settle(&mut draft, name, folder.path(), words)?;
    let Draft { mut tree, left, changed, comments, mut files, .. } = draft;
    tidy(&mut tree);
    let mut made = vec![
        layer("base", &format!("{} What all environments have in common.", words.header), &tree, &BASE, &comments),
        layer(
            name.as_str(),
            &format!("{} What `{name}` adds to environments/base.yml.", words.header),
            &tree,
            &OWN,
            &comments,
        ),
    ];
    made.append(&mut files);
    check(folder.path(), name, &made[..2]).map_err(|problem| match problem {
        Check::Written(error) => unusable(error),
        Check::Refused(problems) => ImportError::Input(problems),
    })?;
    let variables = Guesses::names(&tree);
    Ok(Imported { environment: name.clone(), files: made, left: sorted(left), changed: sorted(changed), variables })
}

fn layer(
    name: &str,
    header: &str,
    tree: &Node,
    keys: &[&str],
    comments: &std::collections::BTreeMap<String, String>,
) -> NewFile {
    let path = Path::new("environments").join(format!("{name}.yml"));
    NewFile { path, text: emit::file(header, tree, keys, comments) }
}

/// Brings the keys of services into the order in which people read them, without a `deploy` that says nothing.
fn tidy(tree: &mut Node) {
    const FIRST: [&str; 12] = [
        "image",
        "build",
        "command",
        "entrypoint",
        "environment",
        "ports",
        "networks",
        "volumes",
        "configs",
        "secrets",
        "healthcheck",
        "health",
    ];
    let is_empty = |entry: &crate::manifest::node::Entry| tree::entries(&entry.value).next().is_none();
    tree::as_map(tree)
        .retain(|key, entry| !matches!(&**key, "configs" | "secrets" | "volumes" | "networks") || !is_empty(entry));
    let Some(services) = tree::as_map(tree).get_mut("services") else { return };
    for service in tree::as_map(&mut services.value).values_mut() {
        let map = tree::as_map(&mut service.value);
        let place = |key: &str| match key {
            "deploy" => usize::MAX,
            key => FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len()),
        };
        // Stable: the others stay as they were.
        map.sort_by(|one, _, other, _| place(one).cmp(&place(other)));
        map.retain(|key, entry| &**key != "deploy" || !is_empty(entry));
    }
}

fn sorted(mut remarks: Vec<Remark>) -> Vec<Remark> {
    // Stable: what was found in one line stays in the order in which it was found.
    remarks.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    remarks.dedup();
    remarks
}

/// Takes out what is refused, until nothing is.
fn settle(draft: &mut Draft, name: &EnvironmentName, root: &Path, words: &Words<'_>) -> Result<(), Diagnostics> {
    let mut guesses = Guesses::of(&draft.tree);
    for _ in 0..MAX_ROUNDS {
        let (sources, tree) = (draft.sources.clone(), draft.tree.clone());
        let manifest = Manifest { name: name.clone(), root: root.to_owned(), sources, tree };
        let Err(problems) = resolve_with(manifest, &guesses.variables()) else { return Ok(()) };
        let mut moved = false;
        guesses.begin();
        for problem in &problems {
            let refused = problem.source_text().and_then(|text| text.get(problem.span.clone())).unwrap_or_default();
            moved |= guesses.next(refused) || refuse(draft, problem, words);
        }
        if !moved {
            return Err(problems);
        }
    }
    Err(Diagnostic::general("too much of this file is not supported").into())
}

/// Takes out what a diagnostic points at. `false` where that is nothing that can be taken out.
fn refuse(draft: &mut Draft, problem: &Diagnostic, words: &Words<'_>) -> bool {
    let Some(file) = &problem.file else { return false };
    let removed = draft.remove(file, problem.span.start, problem.span.end);
    for (path, span) in &removed {
        let (reason, instead) = match (words.reason)(path) {
            Some((reason, instead)) => (reason.to_owned(), instead.to_owned()),
            None => (problem.message.clone(), problem.help.clone().unwrap_or_else(|| "correct it by hand".to_owned())),
        };
        draft.leave((words.key)(path, problem), *span, reason, instead);
        if let [services, service, key, ..] = path.as_slice()
            && services == "services"
            && key == "health"
        {
            // A gate of which a part is missing asks something else than what was meant.
            let none = tree::word(tree::nowhere(*span), "none");
            tree::set(&mut draft.tree, &["services", service, "health"], none);
        }
    }
    !removed.is_empty()
}

/// The path in the manifest, for importers of files that have the same keys.
pub(super) fn same_key(path: &[String], _problem: &Diagnostic) -> String {
    shown(path)
}

/// Whether files are a sound project with this environment.
///
/// # Errors
/// What is wrong with them.
pub fn sound(files: &[NewFile], environments: &[&str]) -> Result<(), ImportError> {
    let folder = tempfile::tempdir().map_err(ImportError::Temporary)?;
    write::all(folder.path(), files).map_err(|error| ImportError::Temporary(std::io::Error::other(error)))?;
    for environment in environments {
        let manifest = crate::manifest::read(folder.path(), environment, &Overrides::default())?;
        resolve_with(manifest, &crate::manifest::interpolate::Variables::new())?;
    }
    Ok(())
}

enum Check {
    Written(write::WriteError),
    Refused(Diagnostics),
}

/// Reads what is to be written, as an operator's next command would.
fn check(root: &Path, name: &EnvironmentName, files: &[NewFile]) -> Result<(), Check> {
    write::all(root, files).map_err(Check::Written)?;
    let manifest = crate::manifest::read(root, name.as_str(), &Overrides::default()).map_err(Check::Refused)?;
    let mut guesses = Guesses::of(&manifest.tree);
    loop {
        let Err(problems) = resolve_with(manifest.clone(), &guesses.variables()) else { return Ok(()) };
        let refused = |problem: &Diagnostic| {
            problem.source_text().and_then(|text| text.get(problem.span.clone())).unwrap_or_default().to_owned()
        };
        guesses.begin();
        // Each of them is asked, so that each moves on.
        if problems.iter().filter(|problem| guesses.next(&refused(problem))).count() == 0 {
            return Err(Check::Refused(problems));
        }
    }
}
