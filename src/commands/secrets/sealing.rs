//! What the verbs of `secrets` have in common: the encrypted files of an environment, and how they are written.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;

use crate::cli::{Overrides, Target};
use crate::commands::Context;
use crate::environment::{Environment, SecretSource};
use crate::error::{Error, Result};
use crate::report::secrets::Recipients;
use crate::sealed::identity::Places;
use crate::sealed::{Identity, SealedError};

impl Context {
    /// Reads an environment for its secrets.
    pub(super) fn secrets_environment(&self, target: &Target) -> Result<Environment> {
        self.recorded_environment(target, &Overrides::default())
    }
}

/// The encrypted files of an environment.
pub(super) fn files(environment: &Environment) -> BTreeSet<&Path> {
    let file = |source| match source {
        &SecretSource::Age { ref file, .. } => Some(file.as_path()),
        SecretSource::File(_) | SecretSource::Variable(_) | SecretSource::Command { .. } => None,
    };
    environment.secrets.values().filter_map(file).collect()
}

/// For whom is encrypted; nobody is an error.
pub(super) fn recipients(environment: &Environment) -> Result<Recipients> {
    if environment.age.recipients.is_empty() {
        let source = anyhow!("nobody could read it: the manifest names no recipients");
        return Err(Error::bad_input(source).hint(
            "write `age: { recipients: [age1…] }` at the top of the manifest; shipctl secrets init shows yours",
        ));
    }
    // Somebody who writes need not be able to read; but mostly that is a mistake.
    let own = Identity::find(&Places::of(Some(environment))).map(|own| own.recipients()).unwrap_or_default();
    let is_among = own.iter().any(|recipient| environment.age.recipients.contains(recipient));
    Ok(Recipients { count: environment.age.recipients.len(), are_others: !own.is_empty() && !is_among })
}

/// The operator's identity.
pub(super) fn identity(environment: &Environment) -> Result<Identity> {
    Identity::find(&Places::of(Some(environment))).map_err(refused)
}

/// An error with what to do about it.
pub(super) fn refused(error: SealedError) -> Error {
    let hint = hint(&error);
    let error = match error {
        SealedError::Unwritable { .. } | SealedError::IdentityUnwritable { .. } | SealedError::Changed(_) => {
            Error::unchanged(error)
        }
        _ => Error::bad_input(error),
    };
    hint.into_iter().fold(error, Error::hint)
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
