//! What is done to a host, one script for each step.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{Machine, MachineError, SHORT};
use crate::fleet::settings;
use crate::fleet::setup::{GROUP, Step};

pub(super) const WRITE: &str = include_str!("write.sh");
const INSTALL: &str = include_str!("install.sh");
const RELOAD: &str = include_str!("reload.sh");
const RESTART: &str = include_str!("restart.sh");
const USER: &str = include_str!("user.sh");
const ADD_TO_GROUP: &str = include_str!("group.sh");
const KEY: &str = include_str!("key.sh");

/// Packages come over networks.
const INSTALLING: Duration = Duration::from_mins(15);
/// An engine with many containers takes its time.
const RESTARTING: Duration = Duration::from_mins(3);

impl Machine {
    /// Does one step. One that was done already changes nothing more, but for a restart.
    pub async fn carry_out(&self, step: &Step) -> Result<(), MachineError> {
        let done = match step {
            Step::Settings { before, text, .. } => {
                let before = before.as_deref().map_or_else(|| "none".to_owned(), digest);
                self.run(WRITE, &[settings::PATH, &before], text.as_bytes(), SHORT).await
            }
            Step::Authority { registry, text } => {
                let file = format!("/etc/docker/certs.d/{registry}/ca.crt");
                self.run(WRITE, &[&file, "any"], text.as_bytes(), SHORT).await
            }
            Step::Install(packages) => self.run(INSTALL, packages, &[], INSTALLING).await,
            Step::Reload { is_enough } => {
                self.run(RELOAD, if *is_enough { &["enough"] } else { &[] }, &[], SHORT).await
            }
            Step::Restart => self.run(RESTART, &[], &[], RESTARTING).await,
            Step::User(user) => self.run(USER, &[user], &[], SHORT).await,
            Step::Group(user) => self.run(ADD_TO_GROUP, &[user, GROUP], &[], SHORT).await,
            Step::Key { user, key } => self.run(KEY, &[user], format!("{key}\n").as_bytes(), SHORT).await,
        };
        done.map(drop)
    }
}

/// What stands for a text in `write.sh`.
pub(super) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}
