//! Probes of containers that run on a Docker engine.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::InspectContainerOptions;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{NotReady, Prober};
use crate::container::ContainerId;
use crate::engine::client::Client;
use crate::engine::docker::output::clean_line;
use crate::engine::observe;
use crate::environment::{Check, Expect, Health, Method, Port, Smoke};
use crate::fleet::observed::{EngineHealth, Phase};
use crate::transport::{Stream, Transport};

mod address;
mod exec;
mod http;

use address::Address;

/// A connection that is refused at the far end of a tunnel is opened here first, and closed so much later at most.
const SETTLE: Duration = Duration::from_millis(100);
/// For telling whether a port is in use.
const PORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Probes containers of one host through its engine's API and its transport.
pub struct DockerProber {
    client: Client,
    transport: Arc<dyn Transport>,
}

impl DockerProber {
    /// A prober of the host behind `transport`, whose engine `client` speaks to.
    pub fn new(client: Client, transport: Arc<dyn Transport>) -> Self {
        Self { client, transport }
    }

    async fn ask(
        &self,
        container: &ContainerId,
        ports: &[Port],
        check: &Check,
        expect: &Expect,
    ) -> Result<(), NotReady> {
        let inspected = self.running(container).await?;
        match check {
            Check::Running => Ok(()),
            Check::Container => engine_verdict(&observe::state(&inspected).health),
            Check::Exec { command } => exec::run(self.client.docker(), container, command).await,
            Check::Http { port, path } => {
                let request = http::Asked { method: Method::Get, path, expect };
                request.send(self.reach(&inspected, *port, ports).await?).await?;
                self.is_still(container, &inspected, *port).await
            }
            Check::Tcp { port } => {
                let mut stream = self.reach(&inspected, *port, ports).await?;
                if self.stays_open(&mut stream).await {
                    self.is_still(container, &inspected, *port).await
                } else {
                    Err(NotReady(format!("port {port} refuses connections")))
                }
            }
        }
    }

    async fn request(&self, container: &ContainerId, ports: &[Port], smoke: &Smoke) -> Result<(), NotReady> {
        let inspected = self.running(container).await?;
        let request = http::Asked { method: smoke.method, path: &smoke.path, expect: &smoke.expect };
        request.send(self.reach(&inspected, smoke.port, ports).await?).await?;
        self.is_still(container, &inspected, smoke.port).await
    }

    /// A container that runs. Looked at for every probe: one that was started again has another address, and its old one
    /// may by now belong to somebody who answers in its place.
    async fn running(&self, container: &ContainerId) -> Result<ContainerInspectResponse, NotReady> {
        let inspect = self.client.docker().inspect_container(&container.0, None::<InspectContainerOptions>);
        let inspected = inspect.await.map_err(|error| NotReady(clean_line(&error.to_string())))?;
        match observe::state(&inspected).phase {
            Phase::Running => Ok(inspected),
            Phase::Exited { code, .. } => Err(NotReady(format!("the container has exited with code {code}"))),
            phase => Err(NotReady(format!("the container is not running: {phase:?}").to_lowercase())),
        }
    }

    /// Whether the container is where it was before somebody answered there. If it is not, who knows who that was.
    async fn is_still(
        &self,
        container: &ContainerId,
        before: &ContainerInspectResponse,
        port: u16,
    ) -> Result<(), NotReady> {
        let now = self.running(container).await?;
        let life = |inspected| observe::state(inspected).started_at;
        if life(before) == life(&now) && Address::of(before, port) == Address::of(&now, port) {
            return Ok(());
        }
        Err(NotReady("the container was started again, or got another address, while it was asked".to_owned()))
    }

    /// A stream to a port of a container.
    async fn reach(
        &self,
        inspected: &ContainerInspectResponse,
        port: u16,
        ports: &[Port],
    ) -> Result<Box<dyn Stream>, NotReady> {
        match Address::of(inspected, port) {
            // On this machine a published port is the surer way: addresses of containers may be those of a virtual machine.
            Address::Container { published: Some(published), .. } if self.transport.address().is_none() => {
                connect(published.seen_from("127.0.0.1")?).await
            }
            Address::Container { ip, published } => self.reach_inside(ip, published, port, ports).await,
            Address::Host => self.reach_host(port).await,
            Address::Nowhere => Err(NotReady("the container has no network; use an exec check".to_owned())),
        }
    }

    async fn reach_inside(
        &self,
        ip: Option<IpAddr>,
        published: Option<address::Published>,
        port: u16,
        ports: &[Port],
    ) -> Result<Box<dyn Stream>, NotReady> {
        if let Some(ip) = ip
            && let Some(dialled) = self.transport.dial(SocketAddr::new(ip, port)).await
        {
            return dialled.map_err(|error| NotReady(clean_line(&error.message)));
        }
        match (published, self.transport.address()) {
            (Some(published), Some(host)) => connect(published.seen_from(&host)?).await,
            _ if ports.iter().any(|declared| declared.container_port == port) => {
                Err(NotReady(format!("port {port} is not published yet")))
            }
            _ => Err(NotReady(format!(
                "port {port} is not published, and this host is reached by its engine's API alone; publish it or use an exec check"
            ))),
        }
    }

    /// A stream to a port of the host itself.
    async fn reach_host(&self, port: u16) -> Result<Box<dyn Stream>, NotReady> {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        match self.transport.dial(loopback).await {
            Some(dialled) => dialled.map_err(|error| NotReady(clean_line(&error.message))),
            None => connect((self.transport.address().unwrap_or_else(|| "127.0.0.1".to_owned()), port)).await,
        }
    }

    /// Whether a new connection lives. Through a tunnel, or a port that the engine publishes, one that nobody answers is opened
    /// and closed again; that news travels the way that the ping travels, and is here soon after it.
    async fn stays_open(&self, stream: &mut Box<dyn Stream>) -> bool {
        let settled = async {
            // Only the time it takes matters.
            drop(self.client.docker().ping().await);
            sleep(SETTLE).await;
        };
        let mut byte = [0];
        tokio::select! {
            read = stream.read(&mut byte) => matches!(read, Ok(1)),
            () = settled => true,
        }
    }
}

#[async_trait]
impl Prober for DockerProber {
    async fn probe(&self, container: &ContainerId, ports: &[Port], health: &Health) -> Result<(), NotReady> {
        within(health.timeout, self.ask(container, ports, &health.check, &health.expect)).await
    }

    async fn smoke(&self, container: &ContainerId, ports: &[Port], request: &Smoke) -> Result<(), NotReady> {
        within(request.timeout, self.request(container, ports, request)).await
    }

    async fn port_in_use(&self, port: u16) -> Option<bool> {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let ask = async {
            let mut stream: Box<dyn Stream> = match (self.transport.dial(loopback).await, self.transport.address()) {
                (Some(Ok(stream)), _) => stream,
                // On this machine: nobody listens.
                (Some(Err(_)), None) => return Some(false),
                // The tunnel is gone; that says nothing of the port.
                (Some(Err(_)), Some(_)) | (None, None) => return None,
                (None, Some(host)) => match TcpStream::connect((host.as_str(), port)).await {
                    Ok(stream) => Box::new(stream),
                    Err(error) => return (error.kind() == ErrorKind::ConnectionRefused).then_some(false),
                },
            };
            if self.stays_open(&mut stream).await {
                return Some(true);
            }
            // A host that forbids tunnels closes them too, and says so only to whoever asks again.
            let forbidden =
                self.transport.address().is_some() && matches!(self.transport.dial(loopback).await, Some(Err(_)));
            (!forbidden).then_some(false)
        };
        timeout(PORT_TIMEOUT, ask).await.ok().flatten()
    }
}

async fn within(limit: Duration, answer: impl Future<Output = Result<(), NotReady>>) -> Result<(), NotReady> {
    let late = || NotReady(format!("no answer within {}", crate::duration::display(limit)));
    timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
}

fn engine_verdict(health: &EngineHealth) -> Result<(), NotReady> {
    match health {
        EngineHealth::Healthy => Ok(()),
        EngineHealth::Starting => Err(NotReady("the healthcheck has no verdict yet".to_owned())),
        EngineHealth::Unhealthy(output) => Err(NotReady(format!(
            "the healthcheck fails: {}",
            clean_line(output.lines().next_back().unwrap_or_default())
        ))),
        EngineHealth::None => Err(NotReady("the container has no HEALTHCHECK".to_owned())),
    }
}

async fn connect(to: (String, u16)) -> Result<Box<dyn Stream>, NotReady> {
    match TcpStream::connect((to.0.as_str(), to.1)).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(NotReady(format!("cannot connect to {}:{}: {error}", to.0, to.1))),
    }
}
