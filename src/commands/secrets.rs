//! Values of secrets, from files and from the environment of this process.

use std::collections::{BTreeMap, BTreeSet};

use crate::environment::{Environment, Secret, SecretSource};
use crate::error::{Error, Result};
use crate::manifest::{self, Diagnostic, Diagnostics};
use crate::name::SecretName;

/// The values of all secrets that something in the environment uses.
pub(super) fn read(environment: &Environment) -> Result<BTreeMap<SecretName, Secret>> {
    let (mut values, mut missing) = (BTreeMap::new(), Vec::new());
    for name in used(environment) {
        match value(environment, name) {
            Ok(secret) => drop(values.insert(name.clone(), secret)),
            Err(diagnostic) => missing.push(diagnostic),
        }
    }
    Diagnostics::check(missing).map_err(Error::bad_input)?;
    Ok(values)
}

fn used(environment: &Environment) -> BTreeSet<&SecretName> {
    let files = environment.services.values().flat_map(|service| service.secrets.iter().map(|file| &file.source));
    let login = environment.registry.as_ref().and_then(|registry| registry.login.as_ref());
    files.chain(login.map(|login| &login.password)).collect()
}

fn value(environment: &Environment, name: &SecretName) -> Result<Secret, Diagnostic> {
    let missing = |why: String| Diagnostic::general(format!("the secret `{name}` has no value: {why}"));
    let text = match environment.secrets.get(name) {
        Some(SecretSource::File(path)) => {
            let text = manifest::text(&environment.root, path).map_err(|diagnostic| missing(diagnostic.message))?;
            text.strip_suffix('\n')
                .map(|text| text.strip_suffix('\r').unwrap_or(text))
                .map(str::to_owned)
                .unwrap_or(text)
        }
        // The value itself must not be in a message, so what is wrong with it is not told either.
        Some(SecretSource::Variable(variable)) => std::env::var(variable).map_err(|error| match error {
            std::env::VarError::NotPresent => missing(format!("the variable {variable} is not set")),
            std::env::VarError::NotUnicode(_) => missing(format!("the variable {variable} is not UTF-8")),
        })?,
        None => return Err(missing("it is not declared under `secrets`".to_owned())),
    };
    if text.is_empty() { Err(missing("it is empty".to_owned())) } else { Ok(Secret::new(text)) }
}
