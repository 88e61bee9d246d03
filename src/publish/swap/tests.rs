use super::*;
use crate::publish::Published;

const STATE: &str = "shipctl/shop/prod/settings";

/// A store in memory.
#[derive(Default)]
struct Memory {
    held: Held,
    revision: u64,
}

impl Memory {
    fn set(&mut self, key: &str, value: Option<&[u8]>) {
        self.revision += 1;
        match value {
            Some(bytes) => {
                drop(self.held.insert(key.to_owned(), Value { bytes: bytes.to_vec(), version: self.revision }));
            }
            None => drop(self.held.remove(key)),
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.held.get(key).map(|value| std::str::from_utf8(&value.bytes).unwrap())
    }

    fn prepared(&self, target: Target, in_force: Option<&str>) -> Option<(Publication, Swap)> {
        let situation =
            Situation { store: "settings", at: "memory", state_key: STATE, in_force, keep: 3, held: &self.held };
        prepare(&situation, target, "token").unwrap_or_else(|why| panic!("{why}"))
    }

    fn publish(&mut self, target: Target, in_force: Option<&str>) -> Option<String> {
        let (publication, swap) = self.prepared(target, in_force).expect("there is something to do");
        for change in &swap.changes {
            assert_eq!(self.held.get(&change.key).map_or(0, |value| value.version), change.version, "{}", change.key);
            self.set(&change.key, change.value.as_deref());
        }
        publication.to
    }
}

fn values(pairs: &[(&str, &str)]) -> Target {
    let value = |(key, text): &(&str, &str)| ((*key).to_owned(), Published::text((*text).to_owned()));
    Target::Values(Values(pairs.iter().map(value).collect()))
}

#[test]
fn a_release_brings_its_keys_takes_its_own_away_and_leaves_others() {
    let mut memory = Memory::default();
    memory.set("shop/foreign", Some(b"1"));
    let one = memory.publish(values(&[("a", "1"), ("b", "1")]), None);
    assert!(memory.prepared(values(&[("a", "1"), ("b", "1")]), one.as_deref()).is_none(), "it is there");
    let two = memory.publish(values(&[("a", "2"), ("c", "2")]), one.as_deref());
    assert_eq!([memory.text("a"), memory.text("b"), memory.text("c")], [Some("2"), None, Some("2")]);
    memory.publish(Target::Remembered(one.clone()), two.as_deref());
    assert_eq!([memory.text("a"), memory.text("b"), memory.text("c")], [Some("1"), Some("1"), None]);
    memory.publish(Target::Remembered(None), one.as_deref());
    assert_eq!([memory.text("a"), memory.text("shop/foreign")], [None, Some("1")]);
}

#[test]
fn what_an_unfinished_rollout_published_is_not_what_there_is_to_go_back_to() {
    let mut memory = Memory::default();
    memory.set("b", Some(b"theirs"));
    let one = memory.publish(values(&[("a", "1")]), None);
    memory.publish(values(&[("a", "2"), ("b", "2")]), one.as_deref());
    // It was killed, so that the first is still in force.
    let (_, swap) = memory.prepared(values(&[("a", "3")]), one.as_deref()).expect("something to do");
    assert_eq!(swap.old["a"].as_deref(), Some(&b"1"[..]));
    assert_eq!(swap.old["b"].as_deref(), Some(&b"theirs"[..]));
    memory.publish(values(&[("a", "3")]), one.as_deref());
    assert_eq!([memory.text("a"), memory.text("b")], [Some("3"), Some("theirs")]);
    let (publication, swap) = memory.prepared(values(&[("a", "3")]), one.as_deref()).expect("it is not in force");
    assert!(publication.changes.is_empty());
    assert_eq!(swap.old["a"].as_deref(), Some(&b"1"[..]));
}

#[test]
fn a_key_that_is_no_longer_published_gets_back_what_was_there_before_any_release() {
    let mut memory = Memory::default();
    memory.set("a", Some(b"theirs"));
    let one = memory.publish(values(&[("a", "1"), ("b", "1")]), None);
    let two = memory.publish(values(&[("a", "2"), ("b", "2")]), one.as_deref());
    // A release without them is killed: it changes nothing of what there is to give back.
    memory.publish(values(&[("c", "3")]), two.as_deref());
    assert_eq!([memory.text("a"), memory.text("b")], [Some("theirs"), None]);
    memory.publish(values(&[("a", "4")]), two.as_deref());
    let (_, swap) = memory.prepared(values(&[("c", "5")]), two.as_deref()).expect("something to do");
    let (new, old) = (|key: &str| swap.new[key].as_deref(), |key: &str| swap.old[key].as_deref());
    assert_eq!([new("a"), new("b")], [Some(&b"theirs"[..]), None]);
    assert_eq!([old("a"), old("b")], [Some(&b"2"[..]), Some(&b"2"[..])]);
    let five = memory.publish(values(&[("c", "5")]), two.as_deref());
    assert_eq!([memory.text("a"), memory.text("b")], [Some("theirs"), None]);
    // It is theirs again, and so is what they make of it.
    memory.set("a", Some(b"theirs too"));
    let six = memory.publish(values(&[("a", "6")]), five.as_deref());
    memory.publish(Target::Remembered(five), six.as_deref());
    assert_eq!(memory.text("a"), Some("theirs too"));
}

#[test]
fn a_value_that_somebody_else_changed_is_named_and_is_what_a_failure_puts_back() {
    let mut memory = Memory::default();
    let one = memory.publish(values(&[("a", "1")]), None);
    memory.set("a", Some(b"theirs"));
    let (publication, swap) = memory.prepared(values(&[("a", "2")]), one.as_deref()).expect("something to do");
    assert!(publication.changes[0].foreign, "{publication}");
    assert_eq!(swap.old["a"].as_deref(), Some(&b"theirs"[..]));
}

#[test]
fn a_secret_is_never_shown_and_binary_values_come_back_as_they_were() {
    let mut memory = Memory::default();
    memory.set("a", Some(&[0xff, 0]));
    let secret = crate::environment::Secret::new("hush-hush".to_owned());
    let hidden = Values([("a".to_owned(), Published::secret("a".parse().expect("a name"), secret))].into());
    let hidden = hidden.keyed(&crate::fleet::key::FingerprintKey::generate());
    let (publication, swap) = memory.prepared(Target::Values(hidden), None).expect("something to do");
    let said = format!("{publication}{publication:?}{}", serde_json::to_string(&publication).unwrap());
    assert!(!said.contains("hush"), "{said}");
    let written = swap.changes.last().and_then(|change| change.value.clone()).expect("a record");
    let before = State::read(&written).unwrap_or_else(|why| panic!("{why}")).before;
    assert_eq!(before["a"].as_ref().map(|kept| kept.bytes.clone()), Some(vec![0xff, 0]));
}

#[test]
fn as_many_releases_are_remembered_as_hosts_keep_and_the_one_in_force_always() {
    let mut memory = Memory::default();
    let first = memory.publish(values(&[("a", "0")]), None);
    for number in 1..9 {
        memory.publish(values(&[("a", &number.to_string())]), first.as_deref());
    }
    let state = State::read(&memory.held[STATE].bytes).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(state.releases.len(), 4);
    assert!(state.values(first.as_deref().unwrap()).is_some());
}

#[test]
fn under_another_prefix_keys_that_go_count_like_keys_that_come_and_so_does_the_record() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kind = crate::environment::publish::StoreKind::Consul { token: None };
    let address = "http://127.0.0.1:1".to_owned();
    let access = crate::environment::publish::StoreAccess { kind, address, ca: None, identity: None };
    let consul = crate::store::consul::Consul::open(std::path::Path::new("/"), &access, None).unwrap();
    let beneath = |prefix: &str, count: usize| {
        let keys: Vec<String> = (0..count).map(|number| format!("{prefix}/{number}")).collect();
        Target::Values(Values(keys.into_iter().map(|key| (key, Published::text("x".to_owned()))).collect()))
    };
    let mut memory = Memory::default();
    let one = memory.publish(beneath("a", 32), None);
    let fits = |memory: &Memory, target: Target, in_force: Option<&str>| {
        memory.prepared(target, in_force).expect("something to do").1.fits(&consul)
    };
    assert_eq!(fits(&memory, beneath("b", 31), one.as_deref()), Ok(()));
    let why = fits(&memory, beneath("b", 32), one.as_deref()).expect_err("65 changes");
    assert!(why.starts_with("the release needs 65 changes at once, and it takes 64: put more into one value"), "{why}");
    let mut memory = Memory::default();
    let large = "x".repeat(300 * 1024);
    memory.set("big", Some(large.as_bytes()));
    let why = fits(&memory, values(&[("big", "small")]), None).expect_err("the record keeps what was there");
    assert!(why.contains("bytes, as they are sent"), "{why}");
}
