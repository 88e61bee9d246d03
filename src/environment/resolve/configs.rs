//! Entries of the top-level `configs`: where their text comes from.

use std::path::{Component, Path, PathBuf};

use super::words::pairs;
use crate::environment::ConfigSource;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Node, quoted};
use crate::manifest::suggest;

/// Of which a config has exactly one.
const SOURCES: [&str; 4] = ["template", "file", "content", "environment"];

/// The source of a config. `environment` names a variable, whose value has been read into `content` before.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>, root: &Path) -> ConfigSource {
    let sources: Vec<(&str, &Entry)> = SOURCES.iter().filter_map(|key| Some((*key, fields.entry(key)?))).collect();
    let variables = fields.entry("variables");
    let values = pairs(fields, "variables", decoder);
    let nothing = ConfigSource::Content(String::new());
    let source = match sources.as_slice() {
        [("template", entry)] => {
            let path = template(&entry.value, decoder, root).unwrap_or_default();
            return ConfigSource::Template { path, variables: values };
        }
        [("file", entry)] => file(&entry.value, decoder, root).map_or(nothing, ConfigSource::File),
        [(_, entry)] => decoder.text(&entry.value).map_or(nothing, |text| ConfigSource::Content(text.to_owned())),
        [(first, _), (other, entry), ..] => {
            let message = format!("a config comes from `{first}` or from `{other}`, not from both");
            decoder.problem(entry.key, message);
            return nothing;
        }
        [] => {
            let help = "write `{ template: templates/<file> }`, `{ file: path }`, `{ content: text }` or `{ environment: VARIABLE }`";
            fields.lack(decoder, "nothing says where this config comes from", help);
            return nothing;
        }
    };
    if let Some(entry) = variables {
        decoder.problem(entry.key, "`variables` are for templates");
    }
    source
}

/// A file of the project, which is delivered as it is.
fn file(node: &Node, decoder: &mut Decoder<'_>, root: &Path) -> Option<PathBuf> {
    let path = Path::new(decoder.text(node)?);
    match crate::manifest::text(root, path) {
        Ok(_) => Some(path.to_owned()),
        Err(problem) => {
            decoder.problem(node.span, problem.message);
            None
        }
    }
}

/// A template's path: beneath `templates/`, also after symbolic links are followed.
fn template(node: &Node, decoder: &mut Decoder<'_>, root: &Path) -> Option<PathBuf> {
    let text = decoder.text(node)?;
    let path = PathBuf::from(text);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || !path.starts_with("templates") || path.components().count() < 2 {
        let message = format!("{} is not beneath templates/", quoted(text));
        decoder.problem_with_help(node.span, message, "write `templates/<file>`, without `..`");
        return None;
    }
    match (root.join(&path).canonicalize(), root.join("templates").canonicalize()) {
        (Ok(file), Ok(templates)) if !file.starts_with(&templates) => {
            decoder.problem(node.span, format!("{} is a link that leads out of templates/", quoted(text)));
            None
        }
        (Ok(file), Ok(_)) if file.is_file() => Some(path),
        (Ok(_), Ok(_)) => {
            decoder.problem(node.span, format!("{} is not a file", quoted(text)));
            None
        }
        _ => {
            let files = siblings(root, &path);
            let near = suggest::nearest(text, files.iter().map(String::as_str));
            let help =
                near.map_or("create it, or correct the path".to_owned(), |near| format!("did you mean `{near}`?"));
            decoder.problem_with_help(node.span, format!("there is no file {}", quoted(text)), help);
            None
        }
    }
}

/// Files beside a missing template, as a manifest would write them.
fn siblings(root: &Path, missing: &Path) -> Vec<String> {
    let folder = missing.parent().unwrap_or(missing);
    let Ok(entries) = root.join(folder).read_dir() else { return Vec::new() };
    let mut paths: Vec<String> =
        entries.filter_map(|entry| Some(folder.join(entry.ok()?.file_name()).to_str()?.to_owned())).collect();
    paths.sort();
    paths
}
