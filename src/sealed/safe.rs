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

    /// The keys that were used, for whoever keeps secrets out of texts.
    pub fn keys(&self) -> Vec<Secret> {
        self.identity.iter().flatten().flat_map(|identity| identity.texts()).collect()
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
        let missing = || SealedError::NoFile(file.to_owned());
        Entries::parse(&sealed.open(identity)?.ok_or_else(missing)?.plain, file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_decrypted_once() {
        let root = tempfile::tempdir().unwrap();
        let identity = Identity::create(&root.path().join("key"), "2026-11-20T12:00:00Z".parse().unwrap()).unwrap();
        let manifest = "project: a\nhosts: { h: { ssh: h } }\nservices: { web: { image: a, health: none } }\n";
        std::fs::create_dir(root.path().join("environments")).unwrap();
        std::fs::write(root.path().join("environments/test.yml"), manifest).unwrap();
        let environment = crate::manifest::load(root.path(), "test", &crate::manifest::Overrides::default()).unwrap();
        let name = Path::new("secrets/test.age");
        let file = SealedFile::new(root.path(), name);
        file.write(b"a: x\nb: ''\n", &identity.recipients(), None).unwrap();
        let mut safe = Safe { identity: Some(Ok(Arc::new(identity))), ..Safe::new(&environment) };
        assert_eq!(safe.value(name, "a").unwrap().expose(), "x");
        std::fs::remove_file(root.path().join(name)).unwrap();
        assert_eq!(safe.value(name, "a").unwrap().expose(), "x");
        assert_eq!(safe.value(name, "b").unwrap_err().to_string(), "`b` in secrets/test.age is empty");
        let missing = safe.value(name, "c").unwrap_err().to_string();
        assert_eq!(missing, "secrets/test.age holds no `c` (did you mean `a`?)");
        assert_eq!(safe.value(Path::new("none"), "a").unwrap_err().to_string(), "there is no file none");
    }
}
