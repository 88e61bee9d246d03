//! The life of a container: created, started, promoted, stopped, removed.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bollard::body_full;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerSummary, ContainerUpdateBody};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use tokio::time::sleep;

use super::{DockerEngine, files, output};
use crate::container::{ContainerId, ContainerName, ContainerSpec};
use crate::delivery::Delivery;
use crate::engine::client::{self, SHORT};
use crate::engine::{EngineError, LineSink, memory, observe, spec as request};
use crate::environment::RestartPolicy;
use crate::fleet::observed::Phase;
use crate::fleet::stamp::Stamp;
use crate::template::rendered::RenderedFile;

/// What the engine may need to end a container beyond its grace period.
const STOP_MARGIN: Duration = Duration::from_secs(15);
/// A removal by somebody else is waited for so long.
const REMOVAL_POLLS: u32 = 40;
const REMOVAL_POLL: Duration = Duration::from_millis(250);

/// Those that get into the container this way.
fn of<'f>(files: &'f [RenderedFile], deliver: &Delivery) -> Vec<&'f RenderedFile> {
    files.iter().filter(|file| file.deliver == *deliver).collect()
}

impl DockerEngine {
    pub(super) async fn inspect(&self, id_or_name: &str) -> Result<ContainerInspectResponse, EngineError> {
        self.short(self.docker().inspect_container(id_or_name, None::<InspectContainerOptions>)).await
    }

    /// The container of exactly this name: the engine itself also takes the beginning of an id.
    pub(super) async fn inspect_named(&self, name: &str) -> Result<Option<ContainerInspectResponse>, EngineError> {
        match self.inspect(name).await {
            Ok(found) if observe::name(&found) == name => Ok(Some(found)),
            Ok(_) | Err(EngineError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn find_container(&self, name: &str) -> Result<Option<ContainerId>, EngineError> {
        Ok(self.inspect_named(name).await?.and_then(|found| found.id).map(ContainerId))
    }

    /// Containers with a label of this value, also those that do not run.
    pub(super) async fn labelled(&self, label: &str, value: &str) -> Result<Vec<ContainerSummary>, EngineError> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("{label}={value}")])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        self.short(self.docker().list_containers(Some(options))).await
    }

    pub(super) async fn create_container(
        &self,
        spec: &ContainerSpec,
        stamp: &Stamp,
        files: &[RenderedFile],
    ) -> Result<ContainerId, EngineError> {
        let api = &self.client.version().api;
        if let Some((what, least)) = request::too_new_for(spec, api) {
            return Err(EngineError::Refused(format!("`{what}` needs an engine with API {least}; this one has {api}")));
        }
        let name = stamp.created_as(spec);
        let options = CreateContainerOptionsBuilder::new().name(&name);
        let options = spec.image.platform().into_iter().fold(options, CreateContainerOptionsBuilder::platform).build();
        let directory = memory::directory(spec, stamp);
        if let Some(directory) = &directory {
            self.put_in_memory(directory, &of(files, &Delivery::Memory)).await?;
        }
        let mut body = request::create_body(spec, stamp);
        if let Some(live) = &stamp.live {
            let stop = self.stop_signal_of(spec).await?;
            if stop == live.signal {
                return Err(EngineError::Refused(format!(
                    "{stop} is what ends this container, so it cannot be told by it that its files have changed"
                )));
            }
            body.stop_signal = Some(stop);
        }
        // The only request that holds the value of a secret.
        let variable = |file: &&RenderedFile| format!("{}={}", file.target.path, String::from_utf8_lossy(file.bytes()));
        body.env.get_or_insert_default().extend(of(files, &Delivery::Variable).iter().map(variable));
        let create = |body| self.short(self.docker().create_container(Some(options.clone()), body));
        let mut created = create(body.clone()).await;
        if let (Err(EngineError::NotFound(_)), Some(name)) = (&created, spec.image.passed_on())
            && self.seen(&name).await?.is_some()
        {
            created = create(ContainerCreateBody { image: Some(name), ..body }).await;
        }
        let (id, attached) = match created {
            Ok(created) => (ContainerId(created.id), BTreeSet::new()),
            Err(EngineError::Conflict(why)) => self.adopt(&name, stamp).await?.ok_or(EngineError::Conflict(why))?,
            Err(error) => {
                if let Some(directory) = &directory {
                    // If this fails too, it is there until the next create, or until the host is restarted.
                    drop(self.forget(&ContainerId(String::new()), directory).await);
                }
                return Err(error);
            }
        };
        match self.furnish(&id, spec, files, &attached).await {
            Ok(()) => Ok(id),
            Err(error) => {
                // Half a container must not be found and started later. If it cannot be removed either, the first error still
                // says what is wrong, and the next create adopts it.
                drop(self.remove_with_memory(&id).await);
                Err(error)
            }
        }
    }

    /// The container of this name and the networks it is attached to, if it was made from the same spec and never started.
    async fn adopt(&self, name: &str, stamp: &Stamp) -> Result<Option<(ContainerId, BTreeSet<String>)>, EngineError> {
        let Some(found) = self.inspect_named(name).await? else { return Ok(None) };
        let same_spec = observe::stamp(&found).is_some_and(|theirs| theirs.spec == stamp.spec);
        let state = observe::state(&found);
        if !same_spec || state.phase != Phase::Created || state.started_at.is_some() {
            return Ok(None);
        }
        let networks = observe::networks(&found);
        Ok(found.id.map(|id| (ContainerId(id), networks)))
    }

    /// What a created container needs before its first start.
    async fn furnish(
        &self,
        id: &ContainerId,
        spec: &ContainerSpec,
        files: &[RenderedFile],
        attached: &BTreeSet<String>,
    ) -> Result<(), EngineError> {
        for (network, connect) in request::further_networks(spec, id) {
            if !attached.contains(&network) {
                self.short(self.docker().connect_network(&network, connect)).await?;
            }
        }
        let files = of(files, &Delivery::Container);
        if files.is_empty() {
            return Ok(());
        }
        let archive =
            files::archive(files).map_err(|error| EngineError::Refused(format!("cannot pack files: {error}")))?;
        self.upload(id, archive).await
    }

    /// Unpacks an archive at the root of a container.
    pub(super) async fn upload(&self, id: &ContainerId, archive: Vec<u8>) -> Result<(), EngineError> {
        let options = UploadToContainerOptionsBuilder::new().path("/").no_overwrite_dir_non_dir("true").build();
        self.short(self.docker().upload_to_container(&id.0, Some(options), body_full(archive.into()))).await
    }

    pub(super) async fn start_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.unseat_if_ended(id).await?;
        match self.short(self.docker().start_container(&id.0, None::<StartContainerOptions>)).await {
            // A network or device that is missing; the container is there.
            Err(EngineError::NotFound(why)) if !why.contains("No such container") => Err(EngineError::Refused(why)),
            other => other,
        }
    }

    pub(super) async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<(), EngineError> {
        match self.set_restart(id, &RestartPolicy::No).await {
            Ok(()) => {}
            Err(EngineError::NotFound(_)) => return Ok(()),
            Err(error) => {
                // A host without a byte left cannot write the policy down. One that never proved itself has none to lose, and
                // may be what has filled the disk.
                let found = self.inspect(&id.0).await?;
                let policy = found.host_config.as_ref().and_then(|config| config.restart_policy.as_ref());
                if observe::restart(policy) != RestartPolicy::No {
                    return Err(error);
                }
            }
        }
        // Whole seconds only; a part of one is rounded up, so that nobody gets less than they asked for.
        let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let options = StopContainerOptionsBuilder::new().t(i32::try_from(seconds).unwrap_or(i32::MAX)).build();
        match client::call(grace + STOP_MARGIN, self.docker().stop_container(&id.0, Some(options))).await {
            Ok(()) => {}
            Err(EngineError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
        let state = match self.inspect(&id.0).await {
            Ok(found) => observe::state(&found),
            Err(EngineError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        match state.phase {
            Phase::Running | Phase::Paused | Phase::Restarting => {
                Err(EngineError::InDoubt(format!("container {id} still runs after it was stopped")))
            }
            Phase::Created | Phase::Exited { .. } | Phase::Dead => Ok(()),
        }
    }

    pub(super) async fn promote_container(
        &self,
        id: &ContainerId,
        name: &ContainerName,
        restart: &RestartPolicy,
    ) -> Result<(), EngineError> {
        self.set_restart(id, restart).await?;
        // The engine refuses to give a container the name that it has.
        if observe::name(&self.inspect(&id.0).await?) == name.0 {
            return Ok(());
        }
        self.short(self.docker().rename_container(&id.0, RenameContainerOptionsBuilder::new().name(&name.0).build()))
            .await
    }

    pub(super) async fn set_restart(&self, id: &ContainerId, policy: &RestartPolicy) -> Result<(), EngineError> {
        let body = ContainerUpdateBody {
            restart_policy: Some(request::restart_policy(policy)),
            ..ContainerUpdateBody::default()
        };
        self.short(self.docker().update_container(&id.0, body)).await
    }

    pub(super) async fn remove_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.short(self.docker().remove_container(&id.0, Some(options))).await {
            Ok(()) | Err(EngineError::NotFound(_)) => Ok(()),
            Err(EngineError::Conflict(why)) if why.contains("already in progress") => self.wait_until_gone(id).await,
            Err(error) => Err(error),
        }
    }

    /// The same for a container of a service, which may have files in memory: those first, so that none is left behind.
    pub(super) async fn remove_with_memory(&self, id: &ContainerId) -> Result<(), EngineError> {
        let found = match self.inspect(&id.0).await {
            Ok(found) => found,
            Err(EngineError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        if let Some(directory) = observe::memory(&found) {
            self.forget(id, directory).await?;
        }
        self.remove_container(id).await
    }

    async fn wait_until_gone(&self, id: &ContainerId) -> Result<(), EngineError> {
        for _ in 0..REMOVAL_POLLS {
            match self.inspect(&id.0).await {
                Ok(_) => sleep(REMOVAL_POLL).await,
                Err(EngineError::NotFound(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(EngineError::InDoubt(format!("the removal of container {id} does not end")))
    }

    pub(super) async fn follow_log(&self, id: &ContainerId, skip: usize, line: &LineSink) -> Result<(), EngineError> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(true).build();
        let mut seen = 0;
        let each = |text: String| {
            seen += 1;
            if seen > skip {
                line(text);
            }
        };
        Ok(output::lines(self.docker().logs(&id.0, Some(options)), each).await?)
    }

    pub(super) async fn read_log(&self, id: &ContainerId, lines: usize) -> Result<Vec<String>, EngineError> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&lines.to_string()).build();
        let read = output::tail(self.docker().logs(&id.0, Some(options)));
        Ok(output::last_lines(&client::call(SHORT, read).await?, lines))
    }
}
