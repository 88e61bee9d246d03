//! New files onto the disk: all of them or none, and never over one that is there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::NewFile;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Files of these names are there.
    #[error("{} there already; nothing was written", list(.0))]
    Taken(Vec<PathBuf>),
    /// A file or folder could not be made.
    #[error("{path} cannot be written", path = .path.display())]
    Failed {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

/// Writes files beneath `root`. What was made before a failure is taken away again.
///
/// # Errors
/// Files that are there already, and what the system refuses.
pub fn all(root: &Path, files: &[NewFile]) -> Result<(), WriteError> {
    // A link that leads nowhere is something too.
    let is_taken = |path: &PathBuf| fs::symlink_metadata(root.join(path)).is_ok();
    let taken: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).filter(is_taken).collect();
    if !taken.is_empty() {
        return Err(WriteError::Taken(taken));
    }
    let mut made = Vec::new();
    for file in files {
        let path = root.join(&file.path);
        if let Err(source) = create(&path, &file.text) {
            for path in made {
                // It was ours; if it cannot be taken away, the error below is what matters.
                let _ = fs::remove_file(path);
            }
            return Err(WriteError::Failed { path, source });
        }
        made.push(path);
    }
    Ok(())
}

fn create(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = fs::File::create_new(path)?;
    file.write_all(text.as_bytes())
}

/// Adds lines to a file, which is made if need be, where it does not hold them yet; which were added.
///
/// # Errors
/// What the system refuses.
pub fn lines(root: &Path, name: &str, lines: &[&str]) -> Result<Vec<String>, WriteError> {
    let path = root.join(name);
    let failed = |source| WriteError::Failed { path: path.clone(), source };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let bare = |line: &str| line.trim().trim_start_matches('/').trim_end_matches('/').to_owned();
    let is_missing = |line: &&&str| !text.lines().any(|there| bare(there) == bare(line));
    let missing: Vec<String> = lines.iter().filter(is_missing).map(|&line| line.to_owned()).collect();
    if !missing.is_empty() {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let added = format!("{gap}{}\n", missing.join("\n"));
        let file = fs::OpenOptions::new().append(true).create(true).open(&path);
        file.and_then(|mut file| file.write_all(added.as_bytes())).map_err(failed)?;
    }
    Ok(missing)
}
