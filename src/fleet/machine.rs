//! What a host tells of itself, past its engine. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

/// What was found on a host. What is not told is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFacts {
    /// Which distribution it is.
    pub distribution: Option<Distribution>,
    /// What holds for it.
    pub traits: BTreeSet<Trait>,
    /// The words with which its engine was started, if it runs.
    pub flags: Option<Vec<String>>,
    /// The engine's settings, `/etc/docker/daemon.json`.
    pub settings: Content,
    /// Whom the engine trusts about the registry.
    pub authority: Content,
    /// The disk that the engine's directory is on.
    pub disk: Option<Disk>,
    /// TCP ports that something listens at.
    pub listeners: Option<BTreeSet<u16>>,
    /// The account that was asked about, if there is one.
    pub account: Option<Account>,
}

/// Something that holds for a host, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trait {
    /// Systemd runs it.
    Systemd,
    /// Its kernel confines programs with `AppArmor`.
    AppArmor,
    /// An engine is installed.
    Engine,
    /// The engine's settings were written after it was started.
    Stale,
    /// The engine is one of a swarm's, as far as we may see that.
    Swarm,
}

/// A distribution, by its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Such as `debian`.
    pub id: String,
    /// For people, such as `Debian GNU/Linux 12 (bookworm)`.
    pub name: String,
}

impl MachineFacts {
    /// Whether something holds for it.
    pub fn is(&self, one: Trait) -> bool {
        self.traits.contains(&one)
    }
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Content {
    /// There is none.
    #[default]
    Absent,
    /// There is one that we may not read.
    Unreadable,
    /// This.
    Text(String),
}

/// Room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Bytes altogether.
    pub size: u64,
    /// Bytes that are free for everybody.
    pub free: u64,
    /// Files that there can be, and how many more; `None` where the file system has no such bound.
    pub files: Option<(u64, u64)>,
}

/// An account of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// The groups that it is in.
    pub groups: BTreeSet<String>,
    /// The lines of its `authorized_keys`.
    pub keys: Vec<String>,
}

impl Account {
    /// Whether this key may log in.
    pub fn knows(&self, key: &str) -> bool {
        self.keys.iter().any(|line| body(line).is_some_and(|known| body(key) == Some(known)))
    }
}

/// A public key without options before it and the comment behind it.
fn body(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    words.find(|word| KEY_TYPES.iter().any(|start| word.starts_with(start)))?;
    words.next()
}

/// How the types of public keys begin, as OpenSSH writes them.
pub const KEY_TYPES: [&str; 3] = ["ssh-", "ecdsa-sha2-", "sk-"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_whatever_its_comment_and_options_are() {
        let keys = ["# ssh-rsa AAAA", "no-pty,from=\"10.0.0.0/8\" ssh-ed25519 AAAAC3 ann@desk", "ssh-rsa"];
        let account = Account { keys: keys.map(str::to_owned).into(), ..Account::default() };
        assert!(account.knows("ssh-ed25519 AAAAC3 ann@laptop"));
        assert!(!account.knows("ssh-ed25519 AAAAC4 ann@desk"));
        assert!(!account.knows("ssh-rsa"));
    }
}
