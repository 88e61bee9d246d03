//! The key of an environment's fingerprints before any host has it: made by the first plan, and kept beneath `.shipctl` of
//! the project until a rollout has brought it to the hosts, so that the plan that was shown is the one that is carried out.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
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
            Ok(text) => FingerprintKey::parse(&text).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = FingerprintKey::generate();
                journal::make_directory(root, scope)?;
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                file.write_all(key.text().as_bytes())?;
                Ok(key)
            }
            Err(error) => Err(error),
        }
    };
    waiting()
        .with_context(|| format!("the key of fingerprints cannot be kept in {}", path.display()))
        .map_err(Error::unchanged)
}
