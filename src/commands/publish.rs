//! The stores that an environment publishes to, opened for one command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::anyhow;
use futures_util::future::join_all;

use crate::environment::publish::{StoreAccess, StoreKind};
use crate::environment::{Environment, Secret};
use crate::error::{Error, Result};
use crate::fleet::key::FingerprintKey;
use crate::fleet::ledger::Ledger;
use crate::fleet::status::StoreStatus;
use crate::name::SecretName;
use crate::plan::Plan;
use crate::publish::propose::Unpublishable;
use crate::publish::standing::standing;
use crate::publish::{self, Publishing, Values};
use crate::redact::Redactor;
use crate::store::Store;
use crate::store::consul::Consul;
use crate::store::etcd::Etcd;

use super::{operator, secrets};

/// The values of the manifest, by store.
pub(super) type Published = BTreeMap<String, Values>;

/// Looks at every store, and adds to the plan what is to be changed in it; see [`publish::propose`].
pub(super) async fn propose(
    environment: &Environment,
    secrets: &BTreeMap<SecretName, Secret>,
    published: Option<&Published>,
    ledger: &Ledger,
    plan: &mut Plan,
) -> Result<Vec<Publishing>> {
    let mut stores = BTreeMap::new();
    for (name, wish) in &environment.publish {
        let failed = |why: String| Error::bad_input(anyhow!("store {name}: {why}"));
        stores.insert(name.clone(), open(environment, &wish.store, secrets).map_err(failed)?);
    }
    let token = format!("{}-{:016x}", plan.release, operator::random());
    let proposed = publish::propose(environment, &stores, published, ledger, &token, plan).await;
    proposed.map_err(|why| match why {
        Unpublishable::Partial => Error::unchanged(why)
            .hint("leave out --host and --service; a host that is down has to leave the manifest until it is back"),
        Unpublishable::Store { .. } => Error::unchanged(why),
    })
}

/// What every store holds, against the release in force; a store that cannot be asked says so.
pub(super) async fn standings(environment: &Environment, ledger: &Ledger, redactor: &Redactor) -> Vec<StoreStatus> {
    let secrets = secrets::only(environment, keys_of(environment), redactor).await;
    let looks = environment.publish.iter().map(|(name, wish)| {
        let in_force = ledger.current().and_then(|entry| entry.published.get(name)).map(String::as_str);
        let opened = match &secrets {
            Ok(secrets) => open(environment, &wish.store, secrets),
            Err(error) => Err(error.source.to_string()),
        };
        async move {
            match opened {
                Ok(store) => standing(name, &*store, &wish.state, in_force).await,
                Err(why) => {
                    Some(StoreStatus { store: name.clone(), state: "unknown", keys: Vec::new(), why: Some(why) })
                }
            }
        }
    });
    join_all(looks).await.into_iter().flatten().collect()
}

/// What is published, with its secrets compared by the environment's key.
pub(super) fn keyed(published: &Published, key: Option<&FingerprintKey>) -> Published {
    let keyed = |values: &Values| key.map_or_else(|| values.clone(), |key| values.clone().keyed(key));
    published.iter().map(|(name, values)| (name.clone(), keyed(values))).collect()
}

/// The digests of what is published.
pub(super) fn digests(published: &Published) -> BTreeMap<String, String> {
    published.iter().map(|(name, values)| (name.clone(), values.digest())).collect()
}

/// The secrets that it takes to be let in to the stores.
pub(super) fn keys_of(environment: &Environment) -> BTreeSet<&SecretName> {
    environment.publish.values().filter_map(|wish| wish.store.secret()).collect()
}

fn open(
    environment: &Environment,
    access: &StoreAccess,
    secrets: &BTreeMap<SecretName, Secret>,
) -> std::result::Result<Arc<dyn Store>, String> {
    let of = |name| secrets.get(name).cloned().ok_or_else(|| format!("the secret `{name}` has no value"));
    let secret = access.secret().map(of).transpose()?;
    Ok(match &access.kind {
        StoreKind::Consul { .. } => Arc::new(Consul::open(&environment.root, access, secret)?),
        StoreKind::Etcd { login } => {
            let login = login.as_ref().map(|(name, _)| name.clone()).zip(secret);
            Arc::new(Etcd::open(&environment.root, access, login)?)
        }
    })
}
