//! The encrypted files of a run: each is decrypted once, with an identity that is looked for once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::identity::Places;
use super::{Entries, Identity, SealedError, SealedFile};
use crate::environment::{Environment, Secret};

/// What has been decrypted so far, and why the rest could not be.
pub struct Safe<'e> {
    environment: &'e Environment,
    identity: Option<Result<Arc<Identity>, Arc<SealedError>>>,
    opened: BTreeMap<PathBuf, Result<Entries, Arc<SealedError>>>,
}

impl<'e> Safe<'e> {
    /// Nothing is looked at before it is asked for.
    pub fn new(environment: &'e Environment) -> Self {
        Self { environment, identity: None, opened: BTreeMap::new() }
    }

    /// The operator's identity.
    pub fn identity(&mut self) -> Result<Arc<Identity>, Arc<SealedError>> {
        let find = || Identity::find(&Places::of(Some(self.environment))).map(Arc::new).map_err(Arc::new);
        self.identity.get_or_insert_with(find).clone()
    }

    /// The value of an entry of a file.
    pub fn value(&mut self, file: &Path, key: &str) -> Result<Secret, Arc<SealedError>> {
        if !self.opened.contains_key(file) {
            let entries = self.identity().and_then(|identity| self.entries(file, &identity).map_err(Arc::new));
            self.opened.insert(file.to_owned(), entries);
        }
        let entries = self.opened[file].as_ref().map_err(Arc::clone)?;
        let value = entries.get(key, file)?.clone();
        Ok(value.usable(&format!("`{key}` in {}", file.display())).map_err(SealedError::from)?)
    }

    fn entries(&self, file: &Path, identity: &Identity) -> Result<Entries, SealedError> {
        let sealed = SealedFile::new(&self.environment.root, file);
        let missing = || SealedError::Unreadable { file: file.to_owned(), source: std::io::ErrorKind::NotFound.into() };
        Entries::parse(&sealed.open(identity)?.ok_or_else(missing)?.plain, file)
    }
}
