//! A container beside one of a service: its like in everything, but that nobody can take it for the service.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;

use bollard::body_full;
use bollard::models::{
    ContainerConfig, ContainerCreateBody, ContainerInspectResponse, ContainerWaitResponse, EndpointSettings,
    HealthConfig, HostConfig, NetworkConnectRequest, NetworkingConfig,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
    StartContainerOptions, UploadToContainerOptionsBuilder,
};
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use http::Request;
use http::header::HOST;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::DockerEngine;
use super::session::{DETACH, written};
use crate::container::ContainerId;
use crate::engine::client::SHORT;
use crate::engine::session::{OneOff, Running, Session, Sessions};
use crate::engine::{EngineError, memory, observe, spec};
use crate::environment::RestartPolicy;
use crate::environment::edge::SEATS;

/// Networks that know no names of containers.
const UNNAMED: [&str; 4] = ["host", "none", "default", "bridge"];

impl DockerEngine {
    pub(super) async fn create_one_off(&self, id: &ContainerId, one_off: &OneOff) -> Result<ContainerId, EngineError> {
        let like = self.inspect(&id.0).await?;
        let networks = networks(&like);
        let options = CreateContainerOptionsBuilder::new().name(&one_off.name).build();
        let body = body(like, one_off, networks.first());
        let created = ContainerId(self.short(self.docker().create_container(Some(options), body)).await?.id);
        match self.complete(id, &created, one_off, &networks).await {
            Ok(()) => Ok(created),
            Err(error) => {
                // The first error says what is wrong; half a container helps nobody.
                drop(self.remove_container(&created).await);
                Err(error)
            }
        }
    }

    /// What it needs before it is started.
    async fn complete(
        &self,
        id: &ContainerId,
        created: &ContainerId,
        one_off: &OneOff,
        networks: &[String],
    ) -> Result<(), EngineError> {
        for network in networks.iter().skip(1) {
            let endpoint_config = Some(endpoint(one_off));
            let connect = NetworkConnectRequest { container: created.0.clone(), endpoint_config };
            self.short(self.docker().connect_network(network, connect)).await?;
        }
        for path in &one_off.files {
            let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
            let parts = self.docker().download_from_container(&id.0, Some(options));
            let archive = match self.short(parts.map_ok(|part| part.to_vec()).try_concat()).await {
                Ok(archive) => archive,
                // The release that it is of has no such file.
                Err(EngineError::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let folder = path.rsplit_once('/').map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
            let archive = super::files::beneath(&archive, folder)
                .map_err(|error| EngineError::Refused(format!("{path} cannot be copied: {error}")))?;
            let options = UploadToContainerOptionsBuilder::new().path("/").build();
            self.short(self.docker().upload_to_container(&created.0, Some(options), body_full(archive.into()))).await?;
        }
        Ok(())
    }

    pub(super) async fn start_one_off(&self, id: &ContainerId, one_off: &OneOff) -> Result<Session, EngineError> {
        let options = AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true);
        let options = options.stdin(one_off.program.reads).detach_keys(DETACH).build();
        let attached = self.short(self.docker().attach_container(&id.0, Some(options))).await?;
        let ended = self.next_exit(id).await?;
        self.start_beside(id).await?;
        let running = Running::Container(id.clone());
        if let Some(size) = one_off.program.terminal {
            // A program that has ended by now needs no size.
            drop(self.resize(&running, size).await);
        }
        Ok(Session { running, output: written(attached.output), input: attached.input, ended: Some(ended) })
    }

    pub(super) async fn start_beside(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.short(self.docker().start_container(&id.0, None::<StartContainerOptions>)).await
    }

    /// The exit code that the container will end with. Once this returns, the engine remembers that somebody waits for it: one
    /// that removes itself at its end is not asked afterwards.
    async fn next_exit(
        &self,
        id: &ContainerId,
    ) -> Result<BoxFuture<'static, Result<Option<i64>, EngineError>>, EngineError> {
        let lost = |error: hyper::Error| EngineError::InDoubt(format!("the connection was lost: {error}"));
        let stream = self.transport.engine().await.map_err(|error| EngineError::Unreachable(error.message))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let connection = tokio::spawn(connection);
        let path = format!("/v{}/containers/{id}/wait?condition=next-exit", self.client.version().api, id = id.0);
        let request = Request::post(path).header(HOST, "docker").body(String::new());
        let request = request.map_err(|error| EngineError::Refused(error.to_string()))?;
        let late = |_| EngineError::silence(SHORT);
        let answer = timeout(SHORT, sender.send_request(request)).await.map_err(late)?.map_err(lost)?;
        let status = answer.status();
        let mut body = answer.into_body();
        if !status.is_success() {
            let why = read(&mut body).await.map_err(lost)?;
            return Err(EngineError::Refused(String::from_utf8_lossy(&why).trim().to_owned()));
        }
        Ok(Box::pin(async move {
            let text = read(&mut body).await.map_err(lost);
            connection.abort();
            let answer: Option<ContainerWaitResponse> = serde_json::from_slice(&text?).ok();
            Ok(answer.map(|answer| answer.status_code))
        }))
    }
}

async fn read(body: &mut Incoming) -> Result<Vec<u8>, hyper::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// The networks of a container, the one that it was made with first; not that of the seats behind the edge.
fn networks(like: &ContainerInspectResponse) -> Vec<String> {
    let first = like.host_config.as_ref().and_then(|config| config.network_mode.clone()).unwrap_or_default();
    let is_seats = |name: &str| name.rsplit_once('_').is_some_and(|(_, last)| last == SEATS);
    let others = observe::networks(like).into_iter().filter(|name| *name != first && !is_seats(name));
    [first.clone()].into_iter().chain(others).collect()
}

fn endpoint(one_off: &OneOff) -> EndpointSettings {
    // Who asks for the service must not get it.
    let alias = one_off.stamp.job.as_ref().map(|job| job.name.to_string());
    EndpointSettings { aliases: Some(alias.into_iter().collect()), ..EndpointSettings::default() }
}

fn body(like: ContainerInspectResponse, one_off: &OneOff, network: Option<&String>) -> ContainerCreateBody {
    let in_memory = observe::memory(&like).map(|directory| (memory::LABEL.to_owned(), directory.to_owned()));
    let ContainerConfig { image, env, user, working_dir, entrypoint, stop_signal, stop_timeout, .. } =
        like.config.unwrap_or_default();
    let program = &one_off.program;
    // Labels of the user's may be what others find services by.
    let labels = one_off.stamp.labels(&one_off.scope).into_iter().chain(in_memory).collect();
    let named = network.filter(|name| !UNNAMED.contains(&name.as_str()) && !name.starts_with("container:"));
    ContainerCreateBody {
        image,
        env,
        labels: Some(labels),
        user: program.user.clone().or(user),
        working_dir: program.directory.clone().or(working_dir),
        entrypoint: one_off.entrypoint.clone().map(|word| vec![word]).or(entrypoint),
        cmd: Some(program.words.clone()),
        stop_signal,
        stop_timeout,
        tty: Some(program.terminal.is_some()),
        open_stdin: Some(program.reads),
        // When nobody is connected any more, the program reads to its end.
        stdin_once: Some(program.reads),
        attach_stdin: Some(program.reads),
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        networking_config: named.map(|name| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(name.clone(), endpoint(one_off))])),
        }),
        host_config: Some(HostConfig {
            port_bindings: None,
            publish_all_ports: Some(false),
            restart_policy: Some(spec::restart_policy(&RestartPolicy::No)),
            auto_remove: Some(!one_off.keep),
            ..like.host_config.unwrap_or_default()
        }),
        ..ContainerCreateBody::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::session::Program;
    use crate::fleet::stamp::{JobStamp, Stamp};

    #[test]
    fn it_is_like_the_service_but_has_no_port_no_seat_and_no_name_of_it() {
        let like: ContainerInspectResponse = serde_json::from_value(json!({
            "Config": {
                "Image": "r/web@sha256:1", "Env": ["A=1"], "User": "app", "Cmd": ["serve"], "Entrypoint": ["/web"],
                "Labels": {"traefik.enable": "true", "shipctl.memory": "web-1"}, "Healthcheck": {"Test": ["CMD", "x"]},
            },
            "HostConfig": {
                "NetworkMode": "shop-prod_default", "Binds": ["data:/data"], "Memory": 1000,
                "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}, "RestartPolicy": {"Name": "always"},
            },
            "NetworkSettings": {"Networks": {"shop-prod_default": {}, "shop-prod_back": {}, "shop-prod_edge-seats": {}}},
        }))
        .unwrap();
        let stamp: Stamp = serde_json::from_value(json!({
            "format": 1, "service": "web", "release": 3, "spec": "ab12", "restart": "always", "grace": "10s",
            "image": {"registry": {"repository": "r/web", "digest": "sha256:1", "tag": "web:1"}},
            "health": {"check": "running", "interval": "1s", "timeout": "1s", "min_healthy_time": "1s", "healthy_deadline": "9s"},
        }))
        .unwrap();
        let job = JobStamp { name: "run-1".parse().unwrap(), release: "d".to_owned(), reversible: true };
        let one_off = OneOff {
            scope: crate::environment::Scope { project: "shop".parse().unwrap(), environment: "prod".parse().unwrap() },
            name: "shop-prod-job-run-1-d".to_owned(),
            stamp: stamp.for_job(job),
            program: Program { words: vec!["migrate".to_owned()], ..Program::default() },
            entrypoint: None,
            files: Vec::new(),
            keep: false,
        };
        let networks = networks(&like);
        assert_eq!(networks, ["shop-prod_default", "shop-prod_back"]);
        let body = body(like, &one_off, networks.first());
        assert_eq!((body.cmd, body.entrypoint), (Some(vec!["migrate".to_owned()]), Some(vec!["/web".to_owned()])));
        assert_eq!((body.env, body.user.as_deref()), (Some(vec!["A=1".to_owned()]), Some("app")));
        let labels = body.labels.unwrap();
        assert_eq!(labels.get("shipctl.memory").map(String::as_str), Some("web-1"));
        assert!(!labels.contains_key("traefik.enable") && labels.contains_key("shipctl.stamp"), "{labels:?}");
        let host = body.host_config.unwrap();
        assert_eq!((host.port_bindings, host.auto_remove, host.memory), (None, Some(true), Some(1000)));
        assert_eq!((host.binds.unwrap().len(), observe::restart(host.restart_policy.as_ref())), (1, RestartPolicy::No));
        let endpoints = body.networking_config.unwrap().endpoints_config.unwrap();
        assert_eq!(endpoints["shop-prod_default"].aliases.as_deref(), Some(&["run-1".to_owned()][..]));
        assert_eq!(body.healthcheck.unwrap().test.unwrap(), ["NONE"]);
    }
}
