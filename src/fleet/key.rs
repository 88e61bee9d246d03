//! The key of an environment's fingerprints. What is hashed without one can be guessed at by whoever reads the hash; so
//! every environment has a random key, on its hosts and nowhere that a label, a plan or a journal is.

use std::fmt;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::environment::{Scope, Secret};
use crate::name::SecretName;

/// Bytes of a key.
const BYTES: usize = 32;

/// A key. It can be written to hosts but not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct FingerprintKey(Zeroizing<[u8; BYTES]>);

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FingerprintKey({})", self.id())
    }
}

/// Tells keys apart and says nothing about them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl KeyId {
    /// Whether a fingerprint was made with this key.
    pub fn made(&self, fingerprint: &str) -> bool {
        fingerprint.split_once(':').is_some_and(|(id, _)| id == self.0)
    }
}

/// Name of the marker that holds the key on each host of an environment: in a file, as labels are for everybody.
pub fn marker_name(scope: &Scope) -> String {
    format!("shipctl-key-{}", scope.prefix())
}

impl FingerprintKey {
    /// A new one.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; BYTES]);
        // Fails only where the system has no randomness to give; nothing that needs a key may go on then.
        SystemRandom::new().fill(bytes.as_mut()).unwrap_or_else(|_| unreachable!("the system has no random bytes"));
        Self(bytes)
    }

    /// Reads what [`Self::text`] wrote; `None` for everything else, such as a file that a power cut left empty.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        hex::decode_to_slice(text.trim_end(), bytes.as_mut()).ok()?;
        Some(Self(bytes))
    }

    /// How it is written on a host.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(*self.0))
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        KeyId(hex::encode(&self.mac(&[b"shipctl key id"]).as_ref()[..4]))
    }

    /// What stands for a secret's value: the key's id, a colon, and a digest that only who has the key can make. The name
    /// keeps equal values of different secrets apart; the key is one environment's.
    pub fn fingerprint(&self, name: &SecretName, secret: &Secret) -> String {
        let tag = self.mac(&[b"shipctl secret v2\0", name.as_str().as_bytes(), b"\0", secret.expose().as_bytes()]);
        format!("{}:{}", self.id(), hex::encode(&tag.as_ref()[..8]))
    }

    fn mac(&self, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_ref()));
        for part in parts {
            context.update(part);
        }
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_key_name_and_value_and_on_nothing_else() {
        let (key, other) = (FingerprintKey::generate(), FingerprintKey::generate());
        let of = |key: &FingerprintKey, name: &str, value: &str| {
            key.fingerprint(&name.parse().unwrap(), &Secret::new(value.to_owned()))
        };
        let again = FingerprintKey::parse(&key.text()).unwrap();
        assert_eq!(of(&key, "a", "hunter2"), of(&again, "a", "hunter2"));
        assert_ne!(of(&key, "a", "hunter2"), of(&key, "b", "hunter2"));
        assert_ne!(of(&key, "a", "hunter2"), of(&key, "a", "hunter3"));
        assert_ne!(of(&key, "a", "hunter2"), of(&other, "a", "hunter2"));
        assert!(key.id().made(&of(&key, "a", "x")) && !other.id().made(&of(&key, "a", "x")));
    }

    #[test]
    fn a_key_is_read_whole_or_not_at_all_and_never_printed() {
        let key = FingerprintKey::generate();
        let text = key.text();
        assert_eq!(FingerprintKey::parse(&format!("{}\n", *text)), Some(key.clone()));
        for broken in ["", "zz", &text[..62]] {
            assert_eq!(FingerprintKey::parse(broken), None);
        }
        assert!(!format!("{key:?}").contains(&text[..16]));
    }
}
