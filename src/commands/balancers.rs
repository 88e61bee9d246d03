//! Doors to the balancers that services are behind. They are opened by the first question.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::balancer::caddy::Caddy;
use crate::balancer::command::CommandBalancer;
use crate::balancer::consul::Consul;
use crate::balancer::counters::Counting;
use crate::balancer::haproxy::{Haproxy, HaproxySocket};
use crate::balancer::kamal_proxy::{InContainer, KamalProxy, Proxy};
use crate::balancer::{LoadBalancer, Member, Members};
use crate::engine::docker::DockerHost;
use crate::environment::{Balancer, Environment, Secret, Service};
use crate::fleet::{Endpoint, Host, SshDestination};
use crate::name::{BalancerName, HostName, SecretName};
use crate::rollout::doors::BalancerDoor;
use crate::transport::{self, Place, PortOf, Socket};

fn haproxy(ssh: Option<&SshDestination>, socket: &HaproxySocket) -> Arc<Haproxy> {
    let way = transport::socket(ssh, Place::Socket(socket.path().clone()));
    Arc::new(Haproxy::new(way, socket))
}

/// What doors are made of.
pub(super) struct Opener<'a> {
    pub(super) environment: &'a Environment,
    /// Hosts with a connection.
    pub(super) hosts: &'a BTreeMap<HostName, DockerHost>,
    /// What it takes to be let in.
    pub(super) secrets: &'a BTreeMap<SecretName, Secret>,
}

/// The secrets that it takes to be let in to the balancers.
pub(super) fn keys_of(environment: &Environment) -> Vec<&SecretName> {
    environment.balancers.values().filter_map(Balancer::secret).collect()
}

impl Opener<'_> {
    /// Doors to all of them.
    pub(super) fn doors(&self) -> BTreeMap<BalancerName, BalancerDoor> {
        let doors = members(self.environment).into_iter().filter_map(|(name, members)| {
            let backends: BTreeSet<String> = members.keys().cloned().collect();
            let balancer = self.door(&name, members)?;
            Some((name, BalancerDoor { balancer, backends }))
        });
        doors.collect()
    }

    /// Doors to the counts of those whose servers are compared.
    pub(super) fn counting(&self) -> BTreeMap<BalancerName, Arc<dyn Counting>> {
        let mut doors: BTreeMap<BalancerName, Arc<dyn Counting>> = BTreeMap::new();
        let environment = self.environment;
        for service in environment.services.values().filter(|service| service.update.error_rate.is_some()) {
            let on_hosts = environment.placed(service).into_iter().map(|host| environment.on(&host.name, service));
            for traffic in on_hosts.chain([service]).filter_map(|service| service.traffic.as_ref()) {
                for name in &traffic.balancers {
                    if let Some(Balancer::Haproxy { ssh, socket }) = environment.balancers.get(name) {
                        doors.entry(name.clone()).or_insert_with(|| haproxy(ssh.as_ref(), socket));
                    }
                }
            }
        }
        doors
    }

    fn door(&self, name: &BalancerName, members: Members) -> Option<Arc<dyn LoadBalancer>> {
        Some(match self.environment.balancers.get(name)? {
            Balancer::Haproxy { ssh, socket } => haproxy(ssh.as_ref(), socket),
            Balancer::Caddy { ssh, admin } => {
                let way = transport::socket(ssh.as_ref(), admin.clone());
                Arc::new(Caddy::new(way, admin, members))
            }
            Balancer::Consul { agent, token, settle } => {
                let way = |host: &DockerHost| Box::new(PortOf(Arc::clone(&host.transport), *agent)) as Box<dyn Socket>;
                let agents = self.of_hosts(&members, way);
                let missing = |name: &SecretName| format!("the secret `{name}`, its token, has no value");
                let value = |name: &SecretName| self.secrets.get(name).ok_or_else(|| missing(name));
                let token = token.as_ref().map(value).transpose();
                Arc::new(Consul::new(agents, token, members, *settle))
            }
            Balancer::KamalProxy(service) => {
                let proxy = |host: &DockerHost| {
                    let docker = host.client.docker().clone();
                    Box::new(InContainer::new(docker, service.container.clone())) as Box<dyn Proxy>
                };
                let (proxies, drain) = (self.of_hosts(&members, proxy), self.longest_drain(name));
                Arc::new(KamalProxy::new(proxies, service.clone(), members, drain))
            }
            Balancer::Command(programs) => {
                let (root, scope) = (&self.environment.root, self.environment.scope());
                Arc::new(CommandBalancer::new(programs.clone(), root, name.clone(), scope, members))
            }
        })
    }

    /// Something of each host that is a server.
    fn of_hosts<T>(&self, members: &Members, make: impl Fn(&DockerHost) -> T) -> BTreeMap<HostName, T> {
        let hosts = members.values().flat_map(BTreeMap::values).map(|member| &member.host);
        hosts.filter_map(|name| Some((name.clone(), make(self.hosts.get(name)?)))).collect()
    }

    /// How long requests may take to end, of all services that are behind it.
    fn longest_drain(&self, name: &BalancerName) -> Duration {
        let services = self.environment.services.values().chain(self.environment.overrides.values());
        let behind = services.filter_map(|service| service.traffic.as_ref());
        let behind = behind.filter(|traffic| traffic.balancers.contains(name));
        behind.map(|traffic| traffic.drain.deadline).max().unwrap_or_default()
    }
}

/// The servers that hosts of the environment are, by balancer.
fn members(environment: &Environment) -> BTreeMap<BalancerName, Members> {
    let mut all: BTreeMap<BalancerName, Members> = BTreeMap::new();
    for service in environment.services.values() {
        for host in environment.placed(service) {
            let service = environment.on(&host.name, service);
            let Some(traffic) = &service.traffic else { continue };
            for route in traffic.routes(&host.name, service.instance) {
                let backends = all.entry(route.balancer).or_default();
                let member = member(host, service, &route.server);
                backends.entry(route.backend).or_default().insert(route.server, member);
            }
        }
    }
    all
}

/// A server may be called by its address and port, where it has others there than we know of.
fn member(host: &Host, service: &Service, server: &str) -> Member {
    let name = host.name.clone();
    if let Some((address, port)) = server.rsplit_once(':').and_then(|(at, port)| Some((at, port.parse().ok()?))) {
        return Member { host: name, addresses: vec![address.to_owned()], ports: vec![port], bound: None };
    }
    let mut addresses = vec![host.endpoint.address().to_owned(), name.to_string(), server.to_owned()];
    if let Endpoint::Unix(_) = host.endpoint {
        addresses.extend(["127.0.0.1", "::1"].map(str::to_owned));
    }
    let published: Vec<_> = service.runtime.ports.iter().filter(|port| port.host_port.is_some()).collect();
    let bound = published.first().and_then(|port| port.host_ip.clone()).filter(|at| !is_any(at));
    Member { host: name, addresses, ports: published.iter().filter_map(|port| port.host_port).collect(), bound }
}

fn is_any(address: &str) -> bool {
    address.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}
