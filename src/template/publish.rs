//! What a release publishes to stores: text as it is, configs rendered for the environment, secrets.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use super::library::{FOLDER, Library};
use super::renderer::{Process, Renderer};
use super::{machine, map, slashed};
use crate::environment::publish::PublishedValue;
use crate::environment::{ConfigSource, Environment, Secret};
use crate::manifest::{Diagnostic, Diagnostics, text};
use crate::name::SecretName;
use crate::publish::{Published, Values};

/// The values of every store. Templates see the project, the environment, all hosts and `vars`, but no host and no
/// service. Without `secrets` those that are secret are left out.
///
/// # Errors
/// Everything that is wrong with any template, and secrets that are not in `secrets`.
pub fn published(
    environment: &Environment,
    secrets: Option<&BTreeMap<SecretName, Secret>>,
    process: Process<'_>,
) -> Result<BTreeMap<String, Values>, Diagnostics> {
    let library = Library::open(&environment.root);
    let engine = Renderer::new(&library, &environment.root, process)?;
    let (mut stores, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, store) in &environment.publish {
        let mut values = Values::default();
        for (key, value) in &store.values {
            match (value, secrets) {
                (PublishedValue::Text(source), _) => match rendered(&engine, environment, source) {
                    Ok(text) => drop(values.0.insert(key.clone(), Published::text(text))),
                    Err(problem) if problems.contains(&problem) => {}
                    Err(problem) => problems.push(problem),
                },
                (PublishedValue::Secret(_), None) => {}
                (PublishedValue::Secret(secret), Some(secrets)) => match secrets.get(secret) {
                    Some(value) => {
                        values.0.insert(key.clone(), Published::secret(secret.clone(), value.clone()));
                    }
                    None => problems.push(Diagnostic::general(format!("the secret `{secret}` has no value"))),
                },
            }
        }
        stores.insert(name.clone(), values);
    }
    Diagnostics::check(problems)?;
    Ok(stores)
}

fn rendered(engine: &Renderer<'_>, environment: &Environment, source: &ConfigSource) -> Result<String, Diagnostic> {
    match source {
        ConfigSource::Content(text) => Ok(text.clone()),
        ConfigSource::File(path) => text(&environment.root, path),
        ConfigSource::Template { path, variables } => {
            let scope: Value = context! {
                project => environment.project.as_str(),
                environment => environment.name.as_str(),
                hosts => environment.hosts.values().map(machine).collect::<Vec<_>>(),
                vars => map(variables),
            };
            engine.render(&slashed(path.strip_prefix(FOLDER).unwrap_or(path)), &scope)
        }
    }
}
