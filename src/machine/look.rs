//! What a host tells of itself.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Machine, MachineError, SHORT};
use crate::engine::sockets;
use crate::fleet::machine::{Account, Content, Disk, Distribution, MachineFacts, Trait};

const SCRIPT: &str = include_str!("look.sh");
const TRAITS: [(&str, Trait); 5] = [
    ("systemd", Trait::Systemd),
    ("apparmor", Trait::AppArmor),
    ("engine", Trait::Engine),
    ("stale", Trait::Stale),
    ("swarm", Trait::Swarm),
];

/// What is to be looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The engine's directory.
    pub root: &'a str,
    /// The registry whose authority is meant; empty for none.
    pub registry: &'a str,
    /// The account that is meant; empty for none.
    pub account: &'a str,
}

impl Machine {
    /// Looks at the host. Changes nothing.
    pub async fn look(&self, wanted: &Wanted<'_>) -> Result<MachineFacts, MachineError> {
        let said = self.run(SCRIPT, &[wanted.root, wanted.registry, wanted.account], &[], SHORT).await?;
        Ok(read(&said))
    }
}

/// The facts in what the script has written. A line that is not understood is none.
fn read(said: &str) -> MachineFacts {
    let facts: HashMap<&str, &str> = said.lines().filter_map(|line| line.split_once(' ')).collect();
    let content = |name: &str| match facts.get(name) {
        None => Content::Absent,
        Some(encoded) => decode(encoded).map_or(Content::Unreadable, Content::Text),
    };
    let text = |name: &str| facts.get(name).and_then(|encoded| decode(encoded));
    let lines = |text: String| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let account = |groups: String| Account {
        groups: groups.split_whitespace().map(str::to_owned).collect(),
        keys: text("keys").map(lines).unwrap_or_default(),
    };
    let disk = facts.get("disk").and_then(|words| pair(words)).map(|(size, free)| Disk {
        size: size * 1024,
        free: free * 1024,
        files: facts.get("inodes").and_then(|words| pair(words)).filter(|(all, _)| *all > 0),
    });
    MachineFacts {
        distribution: text("os-release").and_then(|text| distribution(&text)),
        traits: TRAITS.into_iter().filter(|(name, _)| facts.contains_key(name)).map(|(_, one)| one).collect(),
        flags: text("flags").map(lines),
        settings: content("settings"),
        authority: content("authority"),
        disk,
        listeners: text("sockets").map(|text| sockets::listening(&text)),
        account: text("account").map(account),
    }
}

fn decode(encoded: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
}

fn pair(words: &str) -> Option<(u64, u64)> {
    let (one, other) = words.split_once(' ')?;
    Some((one.parse().ok()?, other.parse().ok()?))
}

/// By `os-release(5)`.
fn distribution(text: &str) -> Option<Distribution> {
    let value = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim_matches(['"', '\'']).to_owned())
    };
    let id = value("ID")?;
    Some(Distribution { name: value("PRETTY_NAME").unwrap_or_else(|| id.clone()), id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_script_writes_is_read_and_what_it_does_not_write_is_not_known() {
        let encoded = |text: &str| STANDARD.encode(text);
        let tcp = "  sl  local_address rem_address   st\n   0: 00000000:1F90 00000000:0000 0A 0:0\n   1: 0200A8C0:0050 \
                   0100A8C0:C350 01 0:0\n";
        let said = format!(
            "os-release {}\nsettings unreadable\nsystemd yes\nengine yes\nflags {}\ndisk 2000 500\ninodes 0 0\nsockets \
             {}\naccount {}\nkeys {}\nwho knows\n",
            encoded("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n"),
            encoded("dockerd\n--log-driver\nlocal\n"),
            encoded(tcp),
            encoded("deploy docker\n"),
            encoded("ssh-ed25519 AAAA ann\n"),
        );
        let facts = read(&said);
        let distribution = Distribution { id: "debian".to_owned(), name: "Debian GNU/Linux 12 (bookworm)".to_owned() };
        let account = Account {
            groups: ["deploy", "docker"].map(str::to_owned).into(),
            keys: vec!["ssh-ed25519 AAAA ann".to_owned()],
        };
        let expected = MachineFacts {
            distribution: Some(distribution),
            traits: [Trait::Systemd, Trait::Engine].into(),
            flags: Some(["dockerd", "--log-driver", "local"].map(str::to_owned).into()),
            settings: Content::Unreadable,
            authority: Content::Absent,
            disk: Some(Disk { size: 2000 * 1024, free: 500 * 1024, files: None }),
            listeners: Some([8080].into()),
            account: Some(account),
        };
        assert_eq!(facts, expected);
        assert_eq!(read(""), MachineFacts::default());
    }
}
