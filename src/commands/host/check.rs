//! `host check`: whether hosts are fit to run containers. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::cli;
use crate::clock::Clock;
use crate::engine::EngineError;
use crate::engine::docker::DockerHost;
use crate::environment::{Environment, Protocol, Scope};
use crate::error::{Exit, Result};
use crate::fleet::Host;
use crate::fleet::checkup::{Facts, Finding, Skew, examine, silent};
use crate::fleet::machine::MachineFacts;
use crate::image::reference::ImageName;
use crate::machine::look::Wanted;
use crate::machine::{Machine, MachineError};
use crate::report::host::CheckAnswer;

use super::super::Context;
use super::meant;

/// Longest wait for all answers of one host.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks every selected host at the same time.
pub(in super::super) async fn run(context: &Context, arguments: &cli::HostCheck) -> Result<Exit> {
    let environment = context.recorded_environment(&arguments.target, &cli::Overrides::default())?;
    let hosts = meant(&environment, &arguments.selectors)?;
    context
        .visit(&environment, async |fleet| {
            let asked = hosts.iter().map(|host| async {
                let findings = match fleet.door(&host.name) {
                    Some(door) => findings(&*context.clock, door, &Asked::of(&environment, host)).await,
                    None => silent(fleet.doors.unreachable.get(&host.name).map_or("no answer", String::as_str)),
                };
                (host.name.clone(), findings)
            });
            let hosts = context.signals.unless_cancelled(async { Ok(join_all(asked).await) }).await?;
            let answer = CheckAnswer { hosts };
            let exit = if answer.is_fit() { Exit::Done } else { Exit::Unchanged };
            context.reporter.answer(&answer, exit);
            Ok(exit)
        })
        .await
}

/// What an environment wants of a host.
#[derive(Debug, Default)]
pub(super) struct Asked {
    scope: Option<Scope>,
    ports: BTreeSet<u16>,
    registries: BTreeSet<String>,
    mirrors: Vec<String>,
}

impl Asked {
    pub(super) fn of(environment: &Environment, host: &Host) -> Self {
        let own = environment.registry.as_ref().map(|registry| registry.host.as_str());
        let mut asked = Self {
            scope: Some(environment.scope()),
            registries: own.map(str::to_owned).into_iter().collect(),
            mirrors: environment.mirrors.iter().map(ToString::to_string).collect(),
            ..Self::default()
        };
        for service in environment.services.values() {
            if !environment.placed(service).iter().any(|placed| placed.name == host.name) {
                continue;
            }
            let service = environment.on(&host.name, service);
            let tcp = service.runtime.ports.iter().filter(|port| port.protocol == Protocol::Tcp);
            asked.ports.extend(tcp.filter_map(|port| port.host_port));
            // Without a registry of the manifest's, what is built stays on its engine.
            if own.is_some() || service.build.is_none() {
                let image = service.image.parse::<ImageName>().ok();
                asked.registries.extend(image.map(|image| image.locate(own).registry().to_owned()));
            }
        }
        asked
    }
}

/// What is found on one host.
pub(super) async fn findings(clock: &dyn Clock, door: &DockerHost, asked: &Asked) -> Vec<Finding> {
    match timeout(PATIENCE, facts(clock, door, asked)).await {
        Ok(Ok(facts)) => examine(&facts),
        Ok(Err(error)) => silent(&error.to_string()),
        Err(_) => silent(&format!("not all answers within {} s", PATIENCE.as_secs())),
    }
}

async fn facts(clock: &dyn Clock, door: &DockerHost, asked: &Asked) -> Result<Facts, EngineError> {
    // On its own: what it takes is the way there and back, and nothing else's.
    let before = clock.now();
    let (mut engine, told) = door.checkup.facts().await?;
    engine.clock = told.map(|told| Skew::of(before, told, clock.now()));
    let registries = asked.registries.iter().map(|registry| async {
        let answer = door.checkup.reach(registry).await.map_err(|error| error.to_string());
        (registry.clone(), answer)
    });
    let (machine, registries, ports) = tokio::join!(machine(door, &engine.root), join_all(registries), async {
        match &asked.scope {
            Some(scope) => door.checkup.ports(scope).await,
            None => Ok((BTreeSet::new(), BTreeMap::new())),
        }
    });
    let (ours, foreign) = ports?;
    let is_asked = machine.is_some();
    let MachineFacts { settings, disk, listeners, .. } = machine.unwrap_or_default();
    Ok(Facts {
        engine,
        settings,
        is_asked,
        disk,
        listeners,
        wanted: asked.ports.clone(),
        ours,
        foreign,
        mirrors: asked.mirrors.clone(),
        registries: registries.into_iter().collect(),
    })
}

/// What the host tells past its engine; `None` if it cannot be asked.
async fn machine(door: &DockerHost, root: &str) -> Option<MachineFacts> {
    let wanted = Wanted { root, ..Wanted::default() };
    let looked: Result<_, MachineError> = Machine::new(door.transport.clone()).look(&wanted).await;
    // What cannot be asked is not known, and is shown as that.
    looked.ok()
}
