//! What Docker says of itself.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bollard::errors::Error as DockerError;
use jiff::Timestamp;

use super::DockerEngine;
use crate::engine::checkup::Checkup;
use crate::engine::client::{SHORT, call};
use crate::engine::{EngineError, observe};
use crate::environment::Scope;
use crate::fleet::checkup::EngineFacts;
use crate::fleet::settings::bare;

/// An image that no registry has: what is asked for is only the answer.
const NOBODYS: &str = "shipctl-host-check:none";
/// What registries answer where they are, and are asked for what they do not have, or who asks has no right to it.
const ANSWERS: [u16; 4] = [400, 401, 403, 404];
/// What engines say, with a status of their own, where a registry has asked them for a login.
const ASKS_FOR_LOGIN: &str = "no basic auth credentials";

#[async_trait]
impl Checkup for DockerEngine {
    async fn facts(&self) -> Result<(EngineFacts, Option<Timestamp>), EngineError> {
        let (info, version) = tokio::try_join!(self.short(self.docker().info()), self.short(self.docker().version()))?;
        let components = version.components.into_iter().flatten().map(|one| (one.name, one.version)).collect();
        let details = info.driver_status.into_iter().flatten().filter_map(|pair| {
            let [name, value] = <[String; 2]>::try_from(pair).ok()?;
            Some((name, value))
        });
        let mirrors = info.registry_config.and_then(|config| config.mirrors).unwrap_or_default();
        let facts = EngineFacts {
            version: info.server_version.or(version.version).unwrap_or_default(),
            components,
            storage: info.driver.unwrap_or_default(),
            storage_details: details.collect(),
            root: info.docker_root_dir.unwrap_or_default(),
            log_driver: info.logging_driver.unwrap_or_default(),
            restores: info.live_restore_enabled.unwrap_or(false),
            mirrors: mirrors.iter().map(|mirror| bare(mirror).to_owned()).collect(),
            warnings: info.warnings.unwrap_or_default(),
            clock: None,
        };
        Ok((facts, info.system_time.and_then(|time| time.parse().ok())))
    }

    async fn ports(&self, scope: &Scope) -> Result<(BTreeSet<u16>, BTreeMap<u16, String>), EngineError> {
        let (running, label) = (self.running().await?, scope.label());
        Ok((observe::own_ports(&running, &label), observe::foreign_ports(&running, &label)))
    }

    async fn reach(&self, registry: &str) -> Result<(), EngineError> {
        let image = format!("{registry}/{NOBODYS}");
        let asked = async {
            match self.docker().inspect_registry_image(&image, None).await {
                // An engine passes the registry's own status on; what it found itself on the way there is a 5xx.
                Err(DockerError::DockerResponseServerError { status_code, message })
                    if ANSWERS.contains(&status_code) || message.contains(ASKS_FOR_LOGIN) =>
                {
                    Ok(())
                }
                answer => answer.map(drop),
            }
        };
        call(SHORT, asked).await
    }
}
