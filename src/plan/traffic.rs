//! Which servers of which balancers a replacement is about, and whether they get requests now.

use core::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::balancer::{Admin, Health, Server};
use crate::environment::{Balancer, Drain, Route, Service};
use crate::fleet::Endpoint;
use crate::fleet::act::Deed;
use crate::fleet::observed::{BackendView, ObservedContainer};
use crate::name::{HostName, ServiceName};
use crate::plan::incumbent::is_active;
use crate::plan::planner::{Planner, Wants};
use crate::plan::{Note, Plan, Refusal};

/// How the traffic of a service on a host is switched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The servers; all of them are drained before the old container is stopped.
    pub routes: Vec<Route>,
    /// How.
    pub drain: Drain,
    /// How long balancers may take to find the container healthy.
    #[serde(with = "crate::duration::text")]
    pub up_deadline: Duration,
}

impl Planner<'_> {
    /// What is to be told to balancers; `None` where there is nobody to tell. A server that somebody has put into
    /// maintenance stays there, and one that an operator has drained by hand stays drained.
    pub(super) fn traffic(&self, plan: &mut Plan, host: &HostName, service: &ServiceName) -> Option<Traffic> {
        let held = self.held(host, service);
        if let Some(deed) = &held {
            let (by, reason) = (deed.by.clone(), deed.act.reason.clone());
            plan.notes.push(Note::Held { host: host.clone(), service: service.clone(), by, reason });
        }
        let is_left =
            |route: &Route| held.is_some() && self.server(route).is_some_and(|server| server.admin == Admin::Drain);
        self.switchable(plan, host, service, is_left)
    }

    /// The same for all servers but those in maintenance and those that are left alone.
    pub(super) fn switchable(
        &self,
        plan: &mut Plan,
        host: &HostName,
        service: &ServiceName,
        is_left: impl Fn(&Route) -> bool,
    ) -> Option<Traffic> {
        let service = self.environment.on(host, self.environment.services.get(service)?);
        let traffic = service.traffic.as_ref()?;
        let (mut routes, all) = (Vec::new(), traffic.routes(host, service.instance));
        for route in all.into_iter().filter(|route| !is_left(route)) {
            if let Some(server) = self.server(&route)
                && self.leads_elsewhere(host, service, server)
            {
                let to = format!("{}:{}", server.address, server.port);
                plan.notes.push(Note::Elsewhere { route: route.clone(), to, host: host.clone() });
            }
            match self.server(&route) {
                Some(server) if server.admin == Admin::Maintenance => plan.notes.push(Note::Maintenance(route)),
                Some(server) if server.admin == Admin::Unknown => {
                    plan.notes.push(Note::Unread(route.clone()));
                    routes.push(route);
                }
                Some(server) if server.health == Health::Unchecked => {
                    plan.notes.push(Note::Unchecked(route.clone()));
                    routes.push(route);
                }
                _ => routes.push(route),
            }
        }
        for route in &routes {
            if self.server(route).is_some_and(|server| server.sticky) {
                plan.notes.push(Note::Sticky(route.clone()));
            }
            match self.environment.balancers.get(&route.balancer) {
                Some(Balancer::KamalProxy(proxy)) => {
                    plan.notes.push(Note::Waits { route: route.clone(), at_most: proxy.max_pause });
                }
                Some(Balancer::Caddy { .. }) => plan.notes.push(Note::Closes(route.clone())),
                _ => {}
            }
        }
        if routes.iter().any(|route| self.server(route).is_some_and(|server| server.sessions.is_none()))
            && !self.tells_connections(host, service)
        {
            plan.notes.push(Note::Uncounted { host: host.clone(), service: service.name.clone() });
        }
        (!routes.is_empty()).then_some(Traffic { routes, drain: traffic.drain, up_deadline: traffic.up_deadline })
    }

    /// The act by which a service on a host was drained, if it still is: by its balancers, or its empty seat behind the edge.
    pub(super) fn held(&self, host: &HostName, service: &ServiceName) -> Option<Deed> {
        let ledger = self.observed.ledger();
        let deed = ledger.drained(host, service)?;
        let on_host = self.environment.on(host, self.environment.services.get(service)?);
        let routes = on_host.traffic.iter().flat_map(|traffic| traffic.routes(host, on_host.instance));
        let mut admins = routes.filter_map(|route| Some(self.server(&route)?.admin));
        let sits = |one: &ObservedContainer| one.seat.is_some() && is_active(one);
        let seen = self.observed.seen(host)?;
        let is_unseated = || on_host.edge.is_some() && !seen.of_service(service).any(sits);
        (admins.any(|admin| admin == Admin::Drain) || is_unseated()).then(|| deed.clone())
    }

    /// Whether the host tells how many connections are open to the service: not over a bare Docker endpoint, and not of what
    /// is on the host's own network.
    fn tells_connections(&self, host: &HostName, service: &Service) -> bool {
        let endpoint = self.environment.hosts.get(host).map(|host| &host.endpoint);
        let is_bare = matches!(endpoint, Some(Endpoint::Tcp { .. }));
        !is_bare && service.runtime.networks.iter().all(|network| network.name != "host")
    }

    /// Whether a server that should get requests does not, because a rollout that came to no end drained it.
    pub(super) fn is_drained(&self, traffic: Option<&Traffic>) -> bool {
        let mut routes = traffic.into_iter().flat_map(|traffic| &traffic.routes);
        routes.any(|route| self.server(route).is_some_and(|server| server.admin == Admin::Drain))
    }

    /// Whether the balancer's requests go to a port that the service does not publish, or to another address than the host
    /// is reached at. Names are not looked up, and a host may have several addresses, so this is a doubt and no more.
    fn leads_elsewhere(&self, host: &HostName, service: &Service, server: &Server) -> bool {
        let runtime = &service.runtime;
        let published: Vec<u16> = runtime.ports.iter().filter_map(|port| port.host_port).collect();
        let other_port = server.port != 0 && !published.is_empty() && !published.contains(&server.port);
        let own = self.environment.hosts.get(host).and_then(|host| host.endpoint.address().parse::<IpAddr>().ok());
        let other_address = own.zip(server.address.parse::<IpAddr>().ok()).is_some_and(|(own, its)| own != its);
        other_port || other_address
    }

    fn server(&self, route: &Route) -> Option<&Server> {
        match self.observed.backends.get(&(route.balancer.clone(), route.backend.clone()))? {
            BackendView::Seen(servers) => servers.get(&route.server),
            BackendView::Unseen(_) => None,
        }
    }

    /// A balancer that does not answer, or does not know a server, is no reason to go on without it.
    pub(super) fn refuse_strange_balancers(&self, wants: &Wants<'_>) -> Result<(), Refusal> {
        let selected = |(host, service): &(&HostName, &ServiceName)| {
            self.selection.has_host(host) && self.selection.has_service(service)
        };
        for (host, service) in wants.keys().map(|(host, service)| (host, service)).filter(selected) {
            let Some(service) = self.environment.services.get(service) else { continue };
            let service = self.environment.on(host, service);
            let Some(traffic) = &service.traffic else { continue };
            for route in traffic.routes(host, service.instance) {
                let key = (route.balancer.clone(), route.backend.clone());
                match self.observed.backends.get(&key) {
                    Some(BackendView::Seen(servers)) if servers.contains_key(&route.server) => {}
                    Some(BackendView::Seen(servers)) => {
                        let servers = servers.keys().cloned().collect();
                        return Err(Refusal::NoServer { route, servers });
                    }
                    Some(BackendView::Unseen(why)) => {
                        return Err(Refusal::Balancer(route.balancer, why.clone()));
                    }
                    None => return Err(Refusal::Balancer(route.balancer, "it was not asked".to_owned())),
                }
            }
        }
        Ok(())
    }
}
