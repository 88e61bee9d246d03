//! Values of secrets, from files and from the environment of this process.

use std::collections::{BTreeMap, BTreeSet};

use crate::environment::{Environment, Secret};
use crate::error::{Error, Result};
use crate::manifest::{Diagnostic, Diagnostics};
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
    let source =
        environment.secrets.get(name).ok_or_else(|| missing("it is not declared under `secrets`".to_owned()))?;
    source.read(&environment.root).map_err(|error| missing(error.to_string()))
}
