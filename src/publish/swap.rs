//! From what a store holds and what a release publishes to the change between them, and back.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::{Kept, State, Values};
use crate::plan::publication::{KeyChange, Publication, Shown};
use crate::store::{Change, Held, Store, Value};

/// The values to be there.
pub enum Target {
    /// Those of the manifest.
    Values(Values),
    /// Those of an earlier release, which the store remembers; `None` for a release that published nothing.
    Remembered(Option<String>),
}

/// One store as it is, and what is known of it from elsewhere.
pub struct Situation<'a> {
    /// Its name in the manifest.
    pub store: &'a str,
    /// Kind and address, for people.
    pub at: &'a str,
    /// The key of shipctl's own record.
    pub state_key: &'a str,
    /// Digest of the values that the release in force has published, by the ledger.
    pub in_force: Option<&'a str>,
    /// How many earlier releases are remembered.
    pub keep: usize,
    /// What is under the keys of [`keys`].
    pub held: &'a Held,
}

/// The change of a store, and what takes it back. Holds secrets, so it cannot be printed.
#[derive(Clone)]
pub struct Swap {
    /// Its name in the manifest.
    pub store: String,
    /// The key of shipctl's own record.
    pub state_key: String,
    /// Tells this change from every other one, once it is in the record.
    pub token: String,
    /// All or none of them; the last one is of the record.
    pub changes: Vec<Change>,
    /// What each key holds with the release.
    pub new: BTreeMap<String, Option<Vec<u8>>>,
    /// What each key held before it.
    pub old: BTreeMap<String, Option<Vec<u8>>>,
    /// The record as it is to be when the change is taken back; `None` where there was none.
    pub old_state: Option<State>,
}

impl Swap {
    /// The changes that take it back, as far as their number and size go: of versions nothing is known yet.
    fn way_back(&self) -> Vec<Change> {
        let changed = self.old.iter().filter(|(key, old)| self.new.get(*key) != Some(old));
        let values = changed.map(|(key, old)| (key, old.clone()));
        let record =
            self.old_state.clone().map(|state| State { token: format!("{} undone", self.token), ..state }.write());
        let all = values.chain([(&self.state_key, record)]);
        all.map(|(key, value)| Change { key: key.clone(), version: 1, value }).collect()
    }

    /// Whether the store takes the changes at once, and those that take them back; the reason why not.
    pub fn fits(&self, store: &dyn Store) -> Result<(), String> {
        let advice = "put more into one value, such as a rendered config; keys that go away count too, and so do the \
                      releases that are remembered (`keep_releases`)";
        store.fits(&self.changes).map_err(|why| format!("the release needs {why}: {advice}"))?;
        store.fits(&self.way_back()).map_err(|why| format!("the way back from the release needs {why}: {advice}"))
    }
}

/// All keys that a store has to be asked for, once its record is known.
pub fn keys(state_key: &str, state: &State, target: &Target, in_force: Option<&str>) -> BTreeSet<String> {
    let wanted: Vec<&String> = match target {
        Target::Values(values) => values.0.keys().collect(),
        Target::Remembered(digest) => {
            digest.iter().filter_map(|digest| state.values(digest)).flat_map(BTreeMap::keys).collect()
        }
    };
    let known = [state.current.as_deref(), in_force];
    let known = known.into_iter().flatten().filter_map(|digest| state.values(digest)).flat_map(BTreeMap::keys);
    wanted.into_iter().chain(known).chain(state.before.keys()).chain([&state_key.to_owned()]).cloned().collect()
}

/// The way to the target; `None` if the store is there, and so is the release in force.
///
/// What an unfinished rollout has published is not what there is to go back to: that is what was there before it.
///
/// # Errors
/// Why there is no way.
pub fn prepare(situation: &Situation<'_>, target: Target, token: &str) -> Result<Option<(Publication, Swap)>, String> {
    let Situation { store, at, state_key, in_force, keep, held } = *situation;
    let record = held.get(state_key);
    let state = match record.map(|value| State::read(&value.bytes)) {
        Some(Ok(state)) => state,
        Some(Err(why)) => return Err(format!("the record under `{state_key}` cannot be read: {why}")),
        None => State::default(),
    };
    let (digest, wanted) = match target {
        Target::Values(values) => (Some(values.digest()), values.kept()),
        Target::Remembered(None) => (None, BTreeMap::new()),
        Target::Remembered(Some(digest)) => {
            let values = state.values(&digest).cloned();
            (Some(digest), values.ok_or("it no longer remembers the values of that release")?)
        }
    };
    let is_finished = state.current.as_deref() == in_force;
    let in_hand = in_force.and_then(|digest| state.values(digest)).cloned().unwrap_or_default();
    let current = state.current.as_deref().and_then(|digest| state.values(digest)).cloned().unwrap_or_default();
    let there = |key: &str| held.get(key).map(|value| &value.bytes);
    let origin = |key: &str| match state.before.get(key).filter(|_| !is_finished) {
        Some(before) => before.as_ref().map(|kept| kept.bytes.clone()),
        None => there(key).cloned(),
    };
    let mut touched: BTreeSet<&String> = wanted.keys().chain(in_hand.keys()).collect();
    if !is_finished {
        touched.extend(state.before.keys().chain(current.keys()));
    }
    // A release that no longer publishes a key gives back what it was found with.
    let adopted: BTreeMap<String, Kept> = state
        .adopted
        .iter()
        .filter(|(key, _)| in_hand.contains_key(*key))
        .map(|(key, kept)| (key.clone(), kept.clone()))
        .collect();
    let goal = |key: &str| match wanted.get(key) {
        Some(kept) => Some(kept.bytes.clone()),
        None if in_hand.contains_key(key) => adopted.get(key).map(|kept| kept.bytes.clone()),
        // Only what an unfinished rollout did to it is taken back.
        None => origin(key),
    };
    let is_secret =
        |key: &str| [&wanted, &in_hand, &current].iter().any(|all| all.get(key).is_some_and(|it| it.secret));
    let (mut changes, mut shown) = (Vec::new(), Vec::new());
    let (mut new, mut old) = (BTreeMap::new(), BTreeMap::new());
    for key in touched {
        let (before, after) = (origin(key), goal(key));
        if there(key) != after.as_ref() {
            let hidden = is_secret(key);
            let foreign = current.get(key).is_some_and(|ours| there(key) != Some(&ours.bytes));
            shown.push(KeyChange {
                key: key.clone(),
                from: Shown::of(there(key).map(Vec::as_slice), hidden),
                to: Shown::of(after.as_deref(), hidden),
                foreign,
            });
            let version = held.get(key).map_or(0, |value| value.version);
            changes.push(Change { key: key.clone(), version, value: after.clone() });
        }
        new.insert(key.clone(), after);
        old.insert(key.clone(), before);
    }
    if changes.is_empty() && is_finished && state.current == digest {
        return Ok(None);
    }
    let (current, found) = (in_force.map(str::to_owned), adopted.clone());
    let old_state = record.is_some().then(|| State { current, adopted: found, ..state.clone() });
    let old_state = match old_state {
        Some(old_state) if !is_finished => Some(State { before: BTreeMap::new(), ..old_state }),
        other => other,
    };
    let mut new_state = state;
    token.clone_into(&mut new_state.token);
    new_state.current.clone_from(&digest);
    let kept = |(key, bytes): (&String, &Option<Vec<u8>>)| {
        (key.clone(), bytes.clone().map(|bytes| Kept { secret: is_secret(key), bytes }))
    };
    new_state.before = old.iter().filter(|(key, before)| new.get(*key) != Some(before)).map(kept).collect();
    let is_new = |(key, _): &(&String, &Option<Vec<u8>>)| wanted.contains_key(*key) && !in_hand.contains_key(*key);
    let found = old.iter().filter(is_new).filter_map(|(key, before)| {
        let bytes = before.clone()?;
        Some((key.clone(), Kept { secret: is_secret(key), bytes }))
    });
    new_state.adopted = adopted.into_iter().chain(found).collect();
    if let Some(digest) = &digest {
        new_state.remember(digest, wanted.clone(), keep + 1, in_force);
    }
    let written = new_state.write();
    let version = record.map_or(0, |value| value.version);
    changes.push(Change { key: state_key.to_owned(), version, value: Some(written) });
    let publication = Publication {
        store: store.to_owned(),
        at: at.to_owned(),
        from: in_force.map(str::to_owned),
        to: digest,
        changes: shown,
        seen: fingerprint(held),
    };
    let (state_key, token) = (state_key.to_owned(), token.to_owned());
    Ok(Some((publication, Swap { store: store.to_owned(), state_key, token, changes, new, old, old_state })))
}

/// Differs when anything that was seen does.
fn fingerprint(held: &Held) -> String {
    let mut hash = Sha256::new();
    for (key, Value { bytes, version }) in held {
        hash.update(format!("{key}\0{version}\0{}\0", hex::encode(Sha256::digest(bytes))));
    }
    hex::encode(&hash.finalize()[..6])
}

#[cfg(test)]
mod tests;
