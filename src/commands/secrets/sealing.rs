//! What the verbs of `secrets` have in common: the encrypted files of an environment, and how they are written.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;

use crate::cli::{Overrides, Target};
use crate::commands::Context;
use crate::environment::{Environment, SecretSource};
use crate::error::{Error, Result};
use crate::report::secrets::Recipients;
use crate::sealed::file::Opened;
use crate::sealed::identity::Places;
use crate::sealed::{Identity, SealedError, SealedFile};

impl Context {
    /// Reads an environment for its secrets.
    pub(super) fn secrets_environment(&self, target: &Target) -> Result<Environment> {
        self.recorded_environment(target, &Overrides::default())
    }
}

/// The encrypted files of an environment.
pub(super) fn files<'e>(environment: &'e Environment) -> BTreeSet<&'e Path> {
    let file = |source: &'e SecretSource| match source {
        SecretSource::Age { file, .. } => Some(file.as_path()),
        SecretSource::File(_) | SecretSource::Variable(_) | SecretSource::Command { .. } => None,
    };
    environment.secrets.values().filter_map(file).collect()
}

/// An environment, and with what its encrypted files are read and written.
pub(super) struct Sealing {
    pub(super) environment: Environment,
    /// For whom is written.
    pub(super) recipients: Recipients,
    own: std::result::Result<Identity, SealedError>,
}

impl Sealing {
    /// Reads the environment. Nobody to encrypt to is an error; no identity is one only when it is needed.
    pub(super) fn begin(context: &Context, target: &Target) -> Result<Self> {
        let environment = context.secrets_environment(target)?;
        let recipients = &environment.age.recipients;
        if recipients.is_empty() {
            let hint =
                "write `age: { recipients: [age1…] }` at the top of the manifest; shipctl secrets init shows yours";
            return Err(Error::bad_input(anyhow!("nobody could read it: the manifest names no recipients")).hint(hint));
        }
        let own = Identity::find(&Places::of(Some(&environment)));
        // Somebody who writes need not be able to read; but mostly that is a mistake.
        let are_others = own.as_ref().is_ok_and(|own| !own.recipients().iter().any(|own| recipients.contains(own)));
        Ok(Self { recipients: Recipients { count: recipients.len(), are_others }, own, environment })
    }

    /// A file, and what it holds if it is there.
    pub(super) fn open(&self, name: &Path) -> Result<(SealedFile, Option<Opened>)> {
        let file = SealedFile::new(&self.environment.root, name);
        if !file.exists() {
            return Ok((file, None));
        }
        let own = self.own.as_ref().map_err(refused)?;
        let opened = file.open(own).map_err(|error| refused(&error))?;
        Ok((file, opened))
    }

    /// Encrypts a text into the place of a file.
    pub(super) fn write(&self, file: &SealedFile, plain: &[u8], before: Option<&Opened>) -> Result<()> {
        file.write(plain, &self.environment.age.recipients, before).map_err(|error| refused(&error))
    }
}

/// An error with what to do about it.
pub(super) fn refused(error: &SealedError) -> Error {
    let source = anyhow!("{error}");
    let refused = match error {
        SealedError::Unwritable { .. } | SealedError::IdentityUnwritable { .. } | SealedError::Changed(_) => {
            Error::unchanged(source)
        }
        _ => Error::bad_input(source),
    };
    hint(error).into_iter().fold(refused, Error::hint)
}

/// An error as one text, with what to do about it.
pub(super) fn explained(error: &SealedError) -> String {
    hint(error).map_or(error.to_string(), |hint| format!("{error} ({hint})"))
}

fn hint(error: &SealedError) -> Option<&'static str> {
    match error {
        SealedError::NoIdentity { .. } => Some("shipctl secrets init makes one"),
        SealedError::WrongIdentity { .. } => {
            Some("whoever can read it adds your recipient to the manifest, and runs: shipctl secrets rotate ENV")
        }
        SealedError::NoFile(_) => Some("shipctl secrets set ENV NAME makes it"),
        SealedError::Changed(_) => Some("do it again"),
        _ => None,
    }
}

/// There is no encrypted file.
pub(super) fn none(environment: &Environment) -> Error {
    let name = &environment.name;
    Error::bad_input(anyhow!("no secret of {name} comes from an encrypted file"))
        .hint(format!("declare one under `secrets`, such as `db_password: {{ age: secrets/{name}.age.yml }}`"))
}
