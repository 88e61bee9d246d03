//! The edge of one host, seen as a load balancer: HAProxy in a container that shipctl runs.
//!
//! Its runtime API is a socket within the container. It is spoken to by running the image's own `haproxy` in there once
//! more, with a few lines of Lua that carry one command and its answer: so it takes no shell and no tool in the image, no
//! socket on the host, and works over every connection to the engine.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::query_parameters::ListContainersOptionsBuilder;
use tokio::time::timeout;

use super::exec::execute;
use super::haproxy::{Haproxy, LONGEST, Line};
use super::{Admin, BalancerError, Health, LoadBalancer, Server, Servers};
use crate::container::ContainerId;
use crate::engine::client::{self, Client, SHORT};
use crate::environment::Scope;
use crate::environment::edge::{ASK, ASK_VARIABLE, EDGE};
use crate::fleet::stamp::{SCOPE_LABEL, SERVICE_LABEL};

/// Longest wait for an answer: a process is started for it, perhaps on a busy host.
const ANSWER: Duration = Duration::from_secs(15);

/// The edge of one host.
pub struct Edge {
    client: Client,
    scope: Scope,
}

impl Edge {
    /// The edge that belongs to `scope`, on the host whose engine is `client`'s.
    pub fn new(client: Client, scope: Scope) -> Self {
        Self { client, scope }
    }

    /// All that run: while one is replaced there are two, and either may be at requests.
    async fn running(&self) -> Result<Vec<Haproxy>, BalancerError> {
        let labels = [format!("{SCOPE_LABEL}={}", self.scope.label()), format!("{SERVICE_LABEL}={EDGE}")];
        let filters = HashMap::from([("label".to_owned(), labels.to_vec())]);
        let options = ListContainersOptionsBuilder::new().filters(&filters).build();
        let listed = client::call(SHORT, self.client.docker().list_containers(Some(options))).await;
        let listed = listed.map_err(|error| BalancerError::Unreachable(error.to_string()))?;
        let ids = listed.into_iter().filter_map(|container| container.id).map(ContainerId);
        let edges: Vec<_> =
            ids.map(|id| Haproxy::at(Box::new(ExecLine { docker: self.client.docker().clone(), id }))).collect();
        if edges.is_empty() { Err(BalancerError::Refused("the edge does not run".to_owned())) } else { Ok(edges) }
    }
}

#[async_trait]
impl LoadBalancer for Edge {
    async fn may_change(&self) -> Result<(), BalancerError> {
        for edge in self.running().await? {
            edge.may_change().await?;
        }
        Ok(())
    }

    async fn servers(&self, backend: &str) -> Result<Servers, BalancerError> {
        let mut all = BTreeMap::new();
        for edge in self.running().await? {
            for (name, server) in edge.servers(backend).await? {
                let both = match all.remove(&name) {
                    Some(other) => both(&other, server),
                    None => server,
                };
                all.insert(name, both);
            }
        }
        Ok(all)
    }

    async fn drain(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        for edge in self.running().await? {
            edge.drain(backend, server).await?;
        }
        Ok(())
    }

    async fn admit(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        for edge in self.running().await? {
            edge.admit(backend, server).await?;
        }
        Ok(())
    }

    async fn close(&self) {}
}

/// One server as two edges see it: busy if either is at a request, and only what both agree on.
fn both(one: &Server, other: Server) -> Server {
    let admin = if one.admin == other.admin { one.admin } else { Admin::Ready };
    let health = if one.health == other.health { one.health } else { Health::Down };
    let sessions = one.sessions.zip(other.sessions).map(|(one, other)| one + other);
    let (queued, kept) = (one.queued + other.queued, one.kept + other.kept);
    Server { admin, health, sessions, queued, kept, ..other }
}

/// The runtime API of the HAProxy in a container.
struct ExecLine {
    docker: Docker,
    id: ContainerId,
}

#[async_trait]
impl Line for ExecLine {
    async fn exchange(&self, command: &str) -> Result<Vec<u8>, BalancerError> {
        let (words, variables) = (ASK.map(str::to_owned).to_vec(), vec![format!("{ASK_VARIABLE}={command}")]);
        let asking = execute(&self.docker, &self.id.0, words, variables, LONGEST);
        let done = match timeout(ANSWER, asking).await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => return Err(BalancerError::InDoubt(format!("the edge: {error}"))),
            Err(_) => return Err(BalancerError::InDoubt(format!("the edge gave no answer in {} s", ANSWER.as_secs()))),
        };
        if done.code == Some(0) {
            return Ok(done.output);
        }
        let said = done.complaints.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no reason given");
        Err(BalancerError::InDoubt(format!("the edge cannot be asked: {}", super::haproxy::answer::shown(said))))
    }

    async fn close(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_edges_agree_or_the_worse_counts() {
        let server = Server {
            address: "198.18.0.10".to_owned(),
            port: 80,
            admin: Admin::Drain,
            health: Health::Up,
            sessions: Some(0),
            queued: 0,
            kept: 0,
            backup: false,
            sticky: false,
        };
        let other = Server { admin: Admin::Ready, health: Health::Down, sessions: Some(2), ..server.clone() };
        let both = both(&server, other);
        assert_eq!((both.admin, both.health, both.sessions), (Admin::Ready, Health::Down, Some(2)));
        assert_eq!(super::both(&server, server.clone()), server);
    }
}
