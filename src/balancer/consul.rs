//! Consul: each server is a service of its host's own agent, which is spoken to through the connection to the host.
//!
//! A server is drained by the agent's maintenance mode for it, and admitted by the end of that; one that the agent does not
//! know is registered first. What consumers see counts, so it is read back from the catalog and not from the agent. Consul
//! counts no requests.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::select_ok;
use http::header::HOST;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::http::ask;
use super::{Admin, BalancerError, Health, LoadBalancer, Member, Members, Server, Servers};
use crate::environment::Secret;
use crate::image::printable::printable;
use crate::name::HostName;
use crate::transport::Socket;

/// What tells a drain of ours from somebody's maintenance.
const REASON: &str = "shipctl: drained while it is replaced";
const TOKEN: HeaderName = HeaderName::from_static("x-consul-token");
/// Set where a token may not see all of an answer, which then is as if the rest were not there.
const FILTERED: HeaderName = HeaderName::from_static("x-consul-results-filtered-by-acls");
/// What an agent was told is in the catalog within this time.
const CATALOG: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Agents that are asked for the catalog together.
const AT_A_TIME: usize = 4;
/// Of a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Consul, by the agents of the hosts.
pub struct Consul {
    agents: BTreeMap<HostName, Box<dyn Socket>>,
    /// Or why there is none although there should be: without it an agent shows what anybody may see, which may be nothing.
    token: Result<Option<HeaderValue>, String>,
    members: Members,
    settle: Duration,
}

/// An instance of a service as consumers see it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Instance {
    node: Node,
    service: Service,
    #[serde(default)]
    checks: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    node: String,
    address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    address: String,
    port: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    #[serde(rename = "CheckID")]
    id: String,
    status: String,
    #[serde(default)]
    notes: String,
    #[serde(default, rename = "ServiceID")]
    service: String,
}

impl Consul {
    /// The Consul of these hosts' agents. Consumers take up a change within `settle`. Every question is refused for want of a
    /// token that cannot be had.
    pub fn new(
        agents: BTreeMap<HostName, Box<dyn Socket>>,
        token: Result<Option<&Secret>, String>,
        members: Members,
        settle: Duration,
    ) -> Self {
        let header = |token: &Secret| {
            let mut header =
                HeaderValue::from_str(token.expose()).map_err(|_| "its token is not one line of text".to_owned())?;
            header.set_sensitive(true);
            Ok(header)
        };
        let token = token.and_then(|token| token.map(header).transpose());
        Self { agents, token, members, settle }
    }

    /// Asks the agent of a host; `None` is 404.
    async fn ask(
        &self,
        host: &HostName,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Option<String>, BalancerError> {
        let agent = self.agents.get(host);
        let agent = agent.ok_or_else(|| BalancerError::Unreachable(format!("no connection to {host}")))?;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = http::Uri::try_from(path).map_err(|error| BalancerError::Refused(error.to_string()))?;
        request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
        let token = self.token.clone().map_err(BalancerError::Refused)?;
        request.headers_mut().extend(token.map(|token| (TOKEN, token)));
        let answer = ask(&**agent, request).await?;
        if answer.headers.get(FILTERED).is_some_and(|filtered| filtered == "true") {
            let message = format!("the token may not see all that Consul's agent on {host} was asked for");
            return Err(BalancerError::Refused(message));
        }
        let said = || format!("Consul's agent on {host} answered {}: {}", answer.status, printable(answer.text.trim()));
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(answer.text)),
            status if status.is_server_error() => Err(BalancerError::InDoubt(said())),
            _ => Err(BalancerError::Refused(said())),
        }
    }

    /// The instances of a service, as the agent of a host finds them in the catalog.
    async fn instances(&self, host: &HostName, backend: &str) -> Result<Vec<Instance>, BalancerError> {
        let path = format!("/v1/health/service/{}?consistent", utf8_percent_encode(backend, PART));
        let text = self.ask(host, Method::GET, &path, String::new()).await?.unwrap_or_default();
        serde_json::from_str(&text).map_err(|error| {
            BalancerError::InDoubt(format!("Consul's answer cannot be read: {}", printable(&error.to_string())))
        })
    }

    fn member(&self, backend: &str, server: &str) -> Result<&Member, BalancerError> {
        let member = self.members.get(backend).and_then(|members| members.get(server));
        member.ok_or_else(|| BalancerError::Refused(format!("the manifest has no server {backend}/{server}")))
    }

    /// Tells the agent of a member's host that its service is in maintenance, or no longer.
    async fn maintain(&self, member: &Member, id: &str, is_drained: bool) -> Result<(), BalancerError> {
        let (id, reason) = (utf8_percent_encode(id, PART), utf8_percent_encode(REASON, PART));
        let path = if is_drained {
            format!("/v1/agent/service/maintenance/{id}?enable=true&reason={reason}")
        } else {
            format!("/v1/agent/service/maintenance/{id}?enable=false")
        };
        if self.ask(&member.host, Method::PUT, &path, String::new()).await?.is_some() {
            return Ok(());
        }
        let message = format!("the service {id} is registered, and not with the agent on {}", member.host);
        Err(BalancerError::Refused(message))
    }

    /// Makes a server known, with a check of its port. Consumers reach it at the address of its node, unless it is published at
    /// another one alone.
    async fn register(&self, member: &Member, backend: &str, server: &str) -> Result<(), BalancerError> {
        let Some(port) = member.ports.first() else {
            return Err(BalancerError::Refused(format!("{backend}/{server} publishes no port to register")));
        };
        let at = member.bound.as_deref().unwrap_or("127.0.0.1");
        let at = if at.contains(':') { format!("[{at}]:{port}") } else { format!("{at}:{port}") };
        let check = json!({
            "Name": "its port", "TCP": at, "Interval": "5s", "Timeout": "2s", "Status": "passing",
        });
        let mut service = json!({ "ID": id(backend, server), "Name": backend, "Port": port, "Check": check });
        if let Some(address) = &member.bound {
            service["Address"] = json!(address);
        }
        let path = "/v1/agent/service/register";
        match self.ask(&member.host, Method::PUT, path, service.to_string()).await? {
            Some(_) => Ok(()),
            None => Err(BalancerError::Refused(format!("no Consul agent answers on {}", member.host))),
        }
    }

    /// Waits until the catalog has a server so.
    async fn confirmed(&self, backend: &str, server: &str, admin: Admin) -> Result<(), BalancerError> {
        let begun = Instant::now();
        loop {
            if self.server(backend, server).await?.is_some_and(|server| server.admin == admin) {
                return Ok(());
            }
            if begun.elapsed() >= CATALOG {
                let message = format!("Consul's catalog does not confirm the change of {backend}/{server}");
                return Err(BalancerError::Refused(message));
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}

/// The server that a member is. One that nobody has registered is given nothing, unless it may be an instance that is known
/// under another name and address.
fn seen(backend: &str, server: &str, members: &BTreeMap<String, Member>, instances: &[Instance]) -> Server {
    if let Some(instance) = members.get(server).and_then(|member| find(backend, server, member, instances)) {
        return instance.server();
    }
    let (admin, address) = match stranger(backend, members, instances) {
        None => (Admin::Drain, String::new()),
        Some(instance) => (Admin::Unknown, instance.server().address),
    };
    Server::uncounted(address, 0, admin, Health::Unknown)
}

/// An instance that is no member's.
fn stranger<'i>(backend: &str, members: &BTreeMap<String, Member>, instances: &'i [Instance]) -> Option<&'i Instance> {
    let known: Vec<_> =
        members.iter().filter_map(|(server, member)| find(backend, server, member, instances)).collect();
    instances.iter().find(|instance| !known.iter().any(|one| std::ptr::eq(*one, *instance)))
}

/// Under which a server is registered, if nobody else has done it.
fn id(backend: &str, server: &str) -> String {
    format!("{backend}-{server}")
}

/// Its own id, or else where it is.
fn find<'i>(backend: &str, server: &str, member: &Member, instances: &'i [Instance]) -> Option<&'i Instance> {
    let by_id = instances.iter().find(|instance| instance.service.id == id(backend, server));
    let is_there = |instance: &&Instance| {
        let Service { address, port, .. } = &instance.service;
        let address = if address.is_empty() { &instance.node.address } else { address };
        let is_on = instance.node.node == member.host.as_str() && member.ports.contains(port);
        is_on || member.is_at(address, *port)
    };
    by_id.or_else(|| instances.iter().find(is_there))
}

impl Instance {
    fn maintenance(&self) -> Option<&Check> {
        let own = format!("_service_maintenance:{}", self.service.id);
        let is_one = |check: &&Check| check.id == "_node_maintenance" || check.id == own;
        // Somebody's own is worth more than ours.
        let mut all = self.checks.iter().filter(is_one);
        let first = all.next();
        all.find(|check| check.notes != REASON).or(first)
    }

    fn server(&self) -> Server {
        let admin = match self.maintenance() {
            None => Admin::Ready,
            Some(check) if check.notes == REASON => Admin::Drain,
            Some(_) => Admin::Maintenance,
        };
        let is_check =
            |check: &&Check| !check.id.starts_with("_service_maintenance:") && check.id != "_node_maintenance";
        let checks: Vec<_> = self.checks.iter().filter(is_check).collect();
        let health = if checks.iter().any(|check| check.status == "critical") {
            Health::Down
        } else if checks.iter().any(|check| check.service == self.service.id) {
            Health::Up
        } else {
            Health::Unchecked
        };
        let address = if self.service.address.is_empty() { &self.node.address } else { &self.service.address };
        let (address, port) = (address.clone(), self.service.port);
        Server::uncounted(address, port, admin, health)
    }
}

#[async_trait]
impl LoadBalancer for Consul {
    async fn may_change(&self) -> Result<(), BalancerError> {
        Ok(())
    }

    async fn servers(&self, backend: &str) -> Result<Servers, BalancerError> {
        let Some(members) = self.members.get(backend) else { return Ok(Servers::new()) };
        // The catalog is the same everywhere, so the first agent that answers will do; a few at a time are asked, as each of
        // them may take its time to be found silent.
        let mut last = BalancerError::Unreachable("no connection to a host of it".to_owned());
        let hosts = members.values().map(|member| &member.host);
        let hosts: Vec<_> = hosts.filter(|host| self.agents.contains_key(*host)).collect();
        for some in hosts.chunks(AT_A_TIME) {
            match select_ok(some.iter().map(|host| Box::pin(self.instances(host, backend)))).await {
                Ok((instances, _)) => {
                    let seen = |name: &String| (name.clone(), seen(backend, name, members, &instances));
                    return Ok(members.keys().map(seen).collect());
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn server(&self, backend: &str, server: &str) -> Result<Option<Server>, BalancerError> {
        let Ok(member) = self.member(backend, server) else { return Ok(None) };
        let instances = self.instances(&member.host, backend).await?;
        Ok(self.members.get(backend).map(|members| seen(backend, server, members, &instances)))
    }

    async fn drain(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        let member = self.member(backend, server)?;
        let instances = self.instances(&member.host, backend).await?;
        let Some(instance) = find(backend, server, member, &instances) else {
            let others = self.members.get(backend).and_then(|members| stranger(backend, members, &instances));
            let Some(other) = others else { return Ok(()) };
            let Server { address, port, .. } = other.server();
            return Err(BalancerError::Refused(format!(
                "Consul has an instance of {backend} at {address}:{port} which is no host of the manifest, and none that is \
                 {server}: register it as `{}`, or name the hosts as their nodes are",
                id(backend, server)
            )));
        };
        match instance.server().admin {
            Admin::Drain => return Ok(()),
            Admin::Maintenance => {
                let message = format!("somebody has put {backend}/{server} into maintenance meanwhile");
                return Err(BalancerError::Refused(message));
            }
            Admin::Ready | Admin::Unknown => {}
        }
        self.maintain(member, &instance.service.id, true).await?;
        self.confirmed(backend, server, Admin::Drain).await?;
        sleep(self.settle).await;
        Ok(())
    }

    async fn admit(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        let member = self.member(backend, server)?;
        let instances = self.instances(&member.host, backend).await?;
        match find(backend, server, member, &instances) {
            Some(instance) => match instance.server().admin {
                Admin::Ready => return Ok(()),
                Admin::Maintenance => {
                    let message = format!("somebody has put {backend}/{server} into maintenance meanwhile");
                    return Err(BalancerError::Refused(message));
                }
                Admin::Drain | Admin::Unknown => self.maintain(member, &instance.service.id, false).await?,
            },
            None => self.register(member, backend, server).await?,
        }
        self.confirmed(backend, server, Admin::Ready).await
    }

    fn patience(&self) -> Duration {
        CATALOG + self.settle + Duration::from_secs(20)
    }

    async fn close(&self) {}
}
