//! What a rollout is to change in the stores of an environment, from a look at each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::swap::{Situation, keys};
use super::{State, Swap, Target, Values, prepare};
use crate::environment::Environment;
use crate::environment::publish::{StoreAccess, StoreKind};
use crate::fleet::ledger::Ledger;
use crate::plan::{Note, Plan};
use crate::store::Store;

/// A store of the plan, and its change.
#[derive(Clone)]
pub struct Publishing {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The change.
    pub swap: Swap,
}

/// Why nothing can be published. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpublishable {
    /// A store could not be read, or cannot be brought there.
    #[error("store {store} ({at}): {why}")]
    Store {
        /// Its name in the manifest.
        store: String,
        /// Kind and address.
        at: String,
        /// Why.
        why: String,
    },
    /// The release does not come into force.
    #[error("what is published is read by all hosts, and not all of them are selected")]
    Partial,
}

/// Looks at every store, and adds to the plan what is to be changed in it. `published` is what a deploy publishes;
/// without it the plan is a rollback, to what `plan.published` names. `token` is of this rollout alone.
///
/// # Errors
/// The first store that cannot be read or brought there.
pub async fn propose(
    environment: &Environment,
    stores: &BTreeMap<String, Arc<dyn Store>>,
    published: Option<&BTreeMap<String, Values>>,
    ledger: &Ledger,
    token: &str,
    plan: &mut Plan,
) -> Result<Vec<Publishing>, Unpublishable> {
    let mut changes = Vec::new();
    if let (None, Some(name)) = (published, plan.published.keys().find(|name| !environment.publish.contains_key(*name)))
    {
        let why = "what the release had there cannot be put back without it".to_owned();
        return Err(Unpublishable::Store { store: name.clone(), at: "no longer in the manifest".to_owned(), why });
    }
    if let Some(entry) = ledger.current() {
        let gone = entry.published.keys().filter(|name| !environment.publish.contains_key(*name));
        let note = |store: &String| Note::StoreGone { store: store.clone(), release: entry.release.clone() };
        plan.notes.extend(gone.map(note));
    }
    for (name, wish) in &environment.publish {
        let Some(store) = stores.get(name) else { continue };
        let at = at(&wish.store);
        let failed = |why: String| Unpublishable::Store { store: name.clone(), at: at.clone(), why };
        let in_force = ledger.current().and_then(|entry| entry.published.get(name)).map(String::as_str);
        let target = match published {
            Some(all) => Target::Values(all.get(name).cloned().unwrap_or_default()),
            None => Target::Remembered(plan.published.get(name).cloned()),
        };
        let record = store.read(&BTreeSet::from([wish.state.clone()])).await.map_err(|it| failed(it.to_string()))?;
        let state = match record.get(&wish.state).map(|value| State::read(&value.bytes)) {
            Some(Ok(state)) => state,
            Some(Err(why)) => return Err(failed(format!("the record under `{}` cannot be read: {why}", wish.state))),
            None => State::default(),
        };
        let wanted = keys(&wish.state, &state, &target, in_force);
        let held = store.read(&wanted).await.map_err(|error| failed(error.to_string()))?;
        let (state_key, keep) = (wish.state.as_str(), environment.keep_releases);
        let situation = Situation { store: name, at: &at, state_key, in_force, keep, held: &held };
        if let Some((publication, swap)) = prepare(&situation, target, token).map_err(failed)? {
            swap.fits(&**store).map_err(failed)?;
            plan.publications.push(publication);
            changes.push(Publishing { store: Arc::clone(store), swap });
        }
    }
    if plan.partial && !changes.is_empty() { Err(Unpublishable::Partial) } else { Ok(changes) }
}

fn at(access: &StoreAccess) -> String {
    let kind = match access.kind {
        StoreKind::Consul { .. } => "consul",
        StoreKind::Etcd { .. } => "etcd",
    };
    format!("{kind} at {}", access.address)
}
