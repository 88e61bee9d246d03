//! Whether a store holds what the release in force has published, by a look at it. Names keys, never values.

use std::collections::BTreeSet;

use super::State;
use crate::fleet::status::StoreStatus;
use crate::store::Store;

/// Looks at a store. `in_force` is the digest of what the release in force has published there, by the ledger; `None` comes
/// back where no release has published anything.
pub async fn standing(name: &str, store: &dyn Store, state_key: &str, in_force: Option<&str>) -> Option<StoreStatus> {
    let status = |state: &'static str, keys: Vec<String>, why: Option<String>| {
        Some(StoreStatus { store: name.to_owned(), state, keys, why })
    };
    let unknown = |why: String| status("unknown", Vec::new(), Some(why));
    let differs = |why: &str| status("differs", Vec::new(), Some(why.to_owned()));
    let record = match store.read(&BTreeSet::from([state_key.to_owned()])).await {
        Ok(held) => held,
        Err(error) => return unknown(error.to_string()),
    };
    let state = match record.get(state_key).map(|value| State::read(&value.bytes)) {
        Some(Ok(state)) => state,
        Some(Err(why)) => return unknown(format!("the record under `{state_key}` cannot be read: {why}")),
        None if in_force.is_none() => return None,
        None => return differs("its record is gone"),
    };
    if state.current.as_deref() != in_force {
        return differs("it has what an unfinished rollout has published");
    }
    let Some(values) = state.values(in_force?) else { return differs("its record does not know the release in force") };
    let held = match store.read(&values.keys().cloned().collect()).await {
        Ok(held) => held,
        Err(error) => return unknown(error.to_string()),
    };
    let is_other = |key: &&String| held.get(*key).map(|value| &value.bytes) != values.get(*key).map(|kept| &kept.bytes);
    let keys: Vec<String> = values.keys().filter(is_other).cloned().collect();
    if keys.is_empty() { status("held", keys, None) } else { status("differs", keys, None) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use async_trait::async_trait;

    use super::*;
    use crate::publish::Kept;
    use crate::store::{Change, Held, StoreError, Value};

    struct Memory(Result<Held, StoreError>);

    #[async_trait]
    impl Store for Memory {
        async fn read(&self, keys: &BTreeSet<String>) -> Result<Held, StoreError> {
            let held = self.0.clone()?;
            Ok(held.into_iter().filter(|(key, _)| keys.contains(key)).collect())
        }

        fn fits(&self, _: &[Change]) -> Result<(), String> {
            Ok(())
        }

        async fn swap(&self, _: &[Change]) -> Result<(), StoreError> {
            unreachable!("a look changes nothing")
        }
    }

    fn holding(pairs: &[(&str, &str)]) -> Memory {
        let kept = |text: &str| Kept { secret: true, bytes: text.as_bytes().to_vec() };
        let values = BTreeMap::from([("a".to_owned(), kept("hush-1")), ("b".to_owned(), kept("hush-2"))]);
        let releases = vec![("d1".to_owned(), values)];
        let record = State { current: Some("d1".to_owned()), releases, ..State::default() }.write();
        let value = |bytes: Vec<u8>| Value { bytes, version: 1 };
        let mut held = Held::from([("state".to_owned(), value(record))]);
        held.extend(pairs.iter().map(|(key, text)| ((*key).to_owned(), value(text.as_bytes().to_vec()))));
        Memory(Ok(held))
    }

    #[tokio::test]
    async fn a_store_is_compared_with_the_release_in_force_by_key() {
        let look = async |store: Memory, in_force: Option<&str>| standing("settings", &store, "state", in_force).await;
        let same = holding(&[("a", "hush-1"), ("b", "hush-2")]);
        assert_eq!(look(same, Some("d1")).await.map(|it| it.state), Some("held"));
        let status = look(holding(&[("a", "hush-3")]), Some("d1")).await.expect("something is in force");
        assert_eq!((status.state, &status.keys[..]), ("differs", &["a".to_owned(), "b".to_owned()][..]));
        assert!(!format!("{status:?}").contains("hush"));
        let unfinished = look(holding(&[]), None).await.expect("something is there");
        assert_eq!(unfinished.why.as_deref(), Some("it has what an unfinished rollout has published"));
        assert_eq!(look(Memory(Ok(Held::new())), None).await, None);
        let gone = look(Memory(Ok(Held::new())), Some("d1")).await.expect("something is in force");
        assert_eq!((gone.state, gone.why.as_deref()), ("differs", Some("its record is gone")));
        let silent = Memory(Err(StoreError::InDoubt("no route".to_owned())));
        let silent = look(silent, Some("d1")).await.expect("nobody knows");
        assert_eq!((silent.state, silent.why.as_deref()), ("unknown", Some("no route")));
    }
}
