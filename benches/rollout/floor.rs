//! The floor: the calls that a rolling update cannot do without, sent straight to each engine's own socket, one
//! after the other. No plan, no lock, no journal, no second look, no way back.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bollard::auth::DockerCredentials;
use bollard::models::{ContainerCreateBody, EventMessage, HostConfig, NetworkCreateRequest, PortBinding};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, EventsOptionsBuilder, RemoveContainerOptions,
    StartContainerOptions, StopContainerOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::fleet::Fleet;
use crate::tool::Ended;

/// A network of one's own, as every container of a Compose file has: the engine needs longer to attach to it than to
/// its default bridge.
const NETWORK: &str = "floor";
/// Beside the port that shipctl's containers publish.
const PORT: u16 = 8081;

/// Plain clients of all engines, and what they run.
pub(crate) struct Floor {
    hosts: Vec<Host>,
    repository: String,
    login: DockerCredentials,
    /// The container that runs, and the stopped one that a rollback starts again.
    running: Option<String>,
    before: Option<String>,
    /// Left by the last rollback.
    stale: Option<String>,
}

struct Host {
    docker: Docker,
    address: String,
}

impl Floor {
    pub(crate) fn new(fleet: &Fleet, repository: &str) -> Result<Self> {
        let connect = |host: crate::fleet::Host| {
            let docker = Docker::connect_with_socket(&host.socket.to_string_lossy(), 120, API_DEFAULT_VERSION)?;
            Ok(Host { docker, address: host.address })
        };
        let login = DockerCredentials {
            username: Some(fleet.registry_user()?),
            password: Some(fs::read_to_string(fleet.registry_password())?),
            ..DockerCredentials::default()
        };
        Ok(Self {
            hosts: fleet.hosts()?.into_iter().map(connect).collect::<Result<_>>()?,
            repository: repository.to_owned(),
            login,
            running: None,
            before: None,
            stale: None,
        })
    }

    /// Pulls everywhere at once, then replaces the container host by host.
    pub(crate) async fn deploy(&mut self, tag: &str) -> Result<Duration> {
        let started = Instant::now();
        try_join_all(self.hosts.iter().map(|host| self.pull(host, tag))).await?;
        for host in &self.hosts {
            self.create(host, tag).await?;
            if let Some(running) = &self.running {
                host.docker.stop_container(running, None::<StopContainerOptions>).await?;
            }
            host.docker.start_container(tag, None::<StartContainerOptions>).await?;
            host.healthy().await?;
            if let Some(stale) = &self.stale {
                host.docker.remove_container(stale, None::<RemoveContainerOptions>).await?;
            }
        }
        self.stale = None;
        self.before = self.running.replace(tag.to_owned());
        Ok(started.elapsed())
    }

    /// Starts the stopped container again, host by host.
    pub(crate) async fn rollback(&mut self) -> Result<Duration> {
        let (running, before) = self.running.clone().zip(self.before.take()).context("nothing to go back to")?;
        let started = Instant::now();
        for host in &self.hosts {
            host.docker.stop_container(&running, None::<StopContainerOptions>).await?;
            host.docker.start_container(&before, None::<StartContainerOptions>).await?;
            host.healthy().await?;
        }
        let took = started.elapsed();
        self.stale = self.running.replace(before);
        Ok(took)
    }

    /// Creates the network everywhere; not part of what is measured.
    pub(crate) async fn lay_network(&self) -> Result<()> {
        for host in &self.hosts {
            let request = NetworkCreateRequest { name: NETWORK.to_owned(), ..NetworkCreateRequest::default() };
            host.docker.create_network(request).await?;
        }
        Ok(())
    }

    async fn pull(&self, host: &Host, tag: &str) -> Result<()> {
        let options = CreateImageOptionsBuilder::new().from_image(&self.repository).tag(tag).build();
        let progress = host.docker.create_image(Some(options), None, Some(self.login.clone()));
        progress.try_for_each(|_| async { Ok(()) }).await.with_context(|| format!("{}: pull {tag}", host.address))
    }

    async fn create(&self, host: &Host, tag: &str) -> Result<()> {
        let binding = PortBinding { host_ip: None, host_port: Some(PORT.to_string()) };
        let body = ContainerCreateBody {
            image: Some(format!("{}:{tag}", self.repository)),
            host_config: Some(HostConfig {
                network_mode: Some(NETWORK.to_owned()),
                port_bindings: Some(HashMap::from([("80/tcp".to_owned(), Some(vec![binding]))])),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(tag).build();
        host.docker.create_container(Some(options), body).await?;
        Ok(())
    }

    /// When a container first ended with status 1 on any host while the tool ran.
    pub(crate) async fn first_failure(&self, ended: &Ended) -> Result<SystemTime> {
        let mut first: Option<i64> = None;
        for host in &self.hosts {
            let options =
                EventsOptionsBuilder::new().since(&seconds(ended.began)?).until(&seconds(ended.over)?).build();
            let events: Vec<EventMessage> = host.docker.events(Some(options)).try_collect().await?;
            let failures =
                events.iter().filter(|event| event.action.as_deref() == Some("die") && exit_code(event) == Some("1"));
            first = failures.filter_map(|event| event.time_nano).chain(first).min();
        }
        let nanoseconds = first.context("no container ended with status 1")?;
        Ok(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds.unsigned_abs()))
    }
}

impl Host {
    async fn healthy(&self) -> Result<()> {
        let wait = async {
            while !matches!(self.answer().await, Ok(answer) if answer.starts_with("HTTP/1.1 200")) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        ensure!(timeout(Duration::from_secs(30), wait).await.is_ok(), "{} does not become healthy", self.address);
        Ok(())
    }

    async fn answer(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((self.address.as_str(), PORT)).await?;
        stream.write_all(b"GET /up HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

fn exit_code(event: &EventMessage) -> Option<&str> {
    event.actor.as_ref()?.attributes.as_ref()?.get("exitCode").map(String::as_str)
}

/// As the engine's API takes a moment.
fn seconds(moment: SystemTime) -> Result<String> {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(format!("{}.{:09}", since.as_secs(), since.subsec_nanos()))
}
