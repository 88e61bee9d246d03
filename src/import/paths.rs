//! Relative paths of other tools, which begin elsewhere than ours.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// Where a folder is, seen from the root of a project; `None` where that is not beneath it.
pub(super) fn prefix(folder: &Path, root: &Path) -> Option<PathBuf> {
    let (folder, root) = (folder.canonicalize().ok()?, root.canonicalize().ok()?);
    folder.strip_prefix(root).ok().map(Path::to_path_buf)
}

/// A path that begins at `prefix`, from the root of the project; `None` where it leads out of it.
pub(super) fn beneath(prefix: &Path, text: &str) -> Option<String> {
    let path = prefix.join(text);
    let mut parts: Vec<&OsStr> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            Component::ParentDir => drop(parts.pop()?),
            _ => return None,
        }
    }
    let joined: PathBuf = parts.iter().collect();
    Some(if parts.is_empty() { ".".to_owned() } else { joined.display().to_string() })
}
