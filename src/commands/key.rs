//! The key of an environment's fingerprints before any host has it: made by the first plan, and kept beneath `.shipctl` of
//! the project until a rollout has brought it to the hosts, so that the plan that was shown is the one that is carried out.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context as _;

use crate::environment::Scope;
use crate::error::{Error, Result};
use crate::fleet::key::FingerprintKey;
use crate::fleet::observed::Observed;
use crate::journal;

/// Its name in the directory of the environment's journals.
const FILE: &str = "fingerprint-key";

/// Gives up the one that waits: the hosts have it.
pub(super) fn arrived(root: &Path, scope: &Scope) {
    // One that cannot be removed is removed by the next plan, and not used until then.
    let _ = fs::remove_file(journal::directory(root, scope).join(FILE));
}

/// The key that the hosts have, or else the one that waits for them.
pub(super) fn find(root: &Path, scope: &Scope, observed: &Observed) -> Result<FingerprintKey> {
    let path = journal::directory(root, scope).join(FILE);
    if let Some(key) = observed.key() {
        arrived(root, scope);
        return Ok(key.clone());
    }
    let waiting = || -> io::Result<FingerprintKey> {
        match fs::read_to_string(&path) {
            Ok(text) => parsed(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                keep(&journal::make_directory(root, scope)?, &FingerprintKey::generate())
            }
            Err(error) => Err(error),
        }
    };
    waiting()
        .with_context(|| format!("the key of fingerprints cannot be kept in {}", path.display()))
        .map_err(Error::unchanged)
}

/// Writes a key whole or not at all, and never over one that another run has written meanwhile: that one counts.
fn keep(directory: &Path, key: &FingerprintKey) -> io::Result<FingerprintKey> {
    let path = directory.join(FILE);
    let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(directory)?;
    file.write_all(key.text().as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(&path) {
        Ok(_) => File::open(directory)?.sync_all().map(|()| key.clone()),
        Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => parsed(&fs::read_to_string(&path)?),
        Err(failed) => Err(failed.error),
    }
}

fn parsed(text: &str) -> io::Result<FingerprintKey> {
    FingerprintKey::parse(text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_runs_that_make_a_key_both_use_the_first_one_whole() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (FingerprintKey::generate(), FingerprintKey::generate());
        assert_eq!(keep(directory.path(), &one).unwrap().id(), one.id());
        assert_eq!(keep(directory.path(), &other).unwrap().id(), one.id());
        let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [FILE], "nothing else is left");
        let mode = fs::metadata(directory.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
