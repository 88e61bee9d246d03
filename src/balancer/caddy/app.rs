//! Caddy's HTTP app, as data: its `reverse_proxy` handlers, and the upstreams that are parked.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::balancer::{Admin, BalancerError, Health, Member, Members, Server, Servers};
use crate::image::printable::printable;

/// The server that holds what is drained. It listens nowhere.
const PARK: &str = "shipctl-drained";

/// The HTTP app of a configuration.
pub(super) struct App(Value);

/// A `reverse_proxy`, and what it may be called: by its own `@id`, by the domains of its routes, and by its server.
struct Handler {
    pointer: String,
    id: Option<String>,
    domains: Vec<String>,
    server: String,
}

impl App {
    pub(super) fn new(value: Value) -> Self {
        Self(value)
    }

    /// As Caddy reads it.
    pub(super) fn text(&self) -> String {
        self.0.to_string()
    }

    /// The upstreams of a backend under the names of their hosts; one that is no host's under its address.
    pub(super) fn servers(&self, backend: &str, counts: &Value, members: &Members) -> Result<Servers, BalancerError> {
        let handler = &self.0.pointer(&self.handler(backend, members)?.pointer).unwrap_or(&Value::Null);
        let is_checked = handler.pointer("/health_checks/active").is_some_and(|checks| !checks.is_null());
        let known = members.get(backend);
        let live = upstreams(handler).iter().map(|upstream| (upstream, Admin::Ready));
        let parked = self.parked(backend).map(|upstream| (upstream, Admin::Drain));
        let mut servers = Servers::new();
        for (upstream, admin) in live.chain(parked) {
            let dial = dial(upstream);
            let counted = counts.as_array().into_iter().flatten().find(|one| one["address"] == *dial);
            let sessions = counted.and_then(|one| one["num_requests"].as_i64()).ok_or_else(|| {
                BalancerError::InDoubt(format!("Caddy does not count the requests of {}", printable(dial)))
            })?;
            let (address, port) = split(dial);
            let member = known.into_iter().flatten().find(|(_, member)| member.is_at(address, port));
            let name = member.map_or(dial, |(name, _)| name).to_owned();
            let health = if is_checked { Health::Unknown } else { Health::Unchecked };
            let sessions = Some(u64::try_from(sessions).unwrap_or(0));
            let server = Server { sessions, ..Server::uncounted(address.to_owned(), port, admin, health) };
            // What is given requests counts, if somebody has put back what is parked.
            servers.entry(name).or_insert(server);
        }
        Ok(servers)
    }

    /// Takes an upstream out of its handler; `false` if it is parked already.
    pub(super) fn park(
        &mut self,
        backend: &str,
        server: &str,
        member: &Member,
        members: &Members,
    ) -> Result<bool, BalancerError> {
        let pointer = self.handler(backend, members)?.pointer;
        let gone = self.places(backend);
        let places = (0..).filter(|place| !gone.contains(place));
        let mut taken = Vec::new();
        if let Some(Value::Array(all)) = self.0.pointer_mut(&format!("{pointer}/upstreams")) {
            for (place, upstream) in places.zip(std::mem::take(all)) {
                if is_of(member, &upstream) {
                    taken.push((place, upstream));
                } else {
                    all.push(upstream);
                }
            }
        }
        if taken.is_empty() {
            let is_parked = self.parked(backend).any(|upstream| is_of(member, upstream));
            return if is_parked { Ok(false) } else { Err(unknown(backend, server)) };
        }
        self.forget(backend, member);
        for (place, upstream) in taken {
            let handler = json!({ "handler": "reverse_proxy", "upstreams": [upstream] });
            self.park_routes().push(json!({ "group": format!("{backend}#{place}"), "handle": [handler] }));
        }
        Ok(true)
    }

    /// Puts an upstream back into its handler, where it was; `false` if it is there.
    pub(super) fn restore(
        &mut self,
        backend: &str,
        server: &str,
        member: &Member,
        members: &Members,
    ) -> Result<bool, BalancerError> {
        let pointer = self.handler(backend, members)?.pointer;
        let is_live = |app: &Self| {
            let handler = app.0.pointer(&pointer).unwrap_or(&Value::Null);
            upstreams(handler).iter().any(|upstream| is_of(member, upstream))
        };
        let is_there = is_live(self);
        let parked = self.forget(backend, member);
        let gone = self.places(backend);
        if is_there {
            return Ok(!parked.is_empty());
        }
        if parked.is_empty() {
            return Err(unknown(backend, server));
        }
        let handler = self.0.pointer_mut(&pointer).and_then(Value::as_object_mut);
        let list = handler.map(|handler| handler.entry("upstreams").or_insert_with(|| json!([])));
        let Some(list) = list.and_then(Value::as_array_mut) else { return Err(unknown(backend, server)) };
        for (place, upstream) in parked {
            // Those before it that are still away take no room.
            let index = place - gone.iter().filter(|other| **other < place).count();
            list.insert(index.min(list.len()), upstream);
        }
        Ok(true)
    }

    /// The places that parked upstreams of a backend had, when all were there.
    fn places(&self, backend: &str) -> BTreeSet<usize> {
        let routes = self.0["servers"][PARK]["routes"].as_array().into_iter().flatten();
        routes.filter_map(|route| place(route, backend)).collect()
    }

    /// Removes what is parked of a member; each upstream with the place that it had.
    fn forget(&mut self, backend: &str, member: &Member) -> Vec<(usize, Value)> {
        let mut found = Vec::new();
        let servers = self.0.get_mut("servers").and_then(Value::as_object_mut);
        let Some(servers) = servers else { return found };
        let routes = servers.get_mut(PARK).and_then(|park| park.get_mut("routes")).and_then(Value::as_array_mut);
        let Some(routes) = routes else { return found };
        routes.retain(|route| {
            let upstream = &route["handle"][0]["upstreams"][0];
            let Some(index) = place(route, backend).filter(|_| is_of(member, upstream)) else { return true };
            found.push((index, upstream.clone()));
            false
        });
        if routes.is_empty() {
            servers.remove(PARK);
        }
        found
    }

    fn parked(&self, backend: &str) -> impl Iterator<Item = &Value> {
        let routes = self.0["servers"][PARK]["routes"].as_array().into_iter().flatten();
        routes.filter(move |route| place(route, backend).is_some()).map(|route| &route["handle"][0]["upstreams"][0])
    }

    fn park_routes(&mut self) -> &mut Vec<Value> {
        let empty = json!({ "listen": [], "routes": [], "automatic_https": { "disable": true } });
        let park = &mut self.0["servers"][PARK];
        if !park["routes"].is_array() {
            *park = empty;
        }
        let Value::Array(routes) = &mut park["routes"] else { unreachable!("it has just been made a list") };
        routes
    }

    /// The handler of a backend: the only one with such an `@id`, domain or server, or of several the only one that has hosts
    /// of the manifest.
    fn handler(&self, backend: &str, members: &Members) -> Result<Handler, BalancerError> {
        let mut all = Vec::new();
        for (name, server) in self.0["servers"].as_object().into_iter().flatten().filter(|(name, _)| *name != PARK) {
            let pointer = format!("/servers/{}", name.replace('~', "~0").replace('/', "~1"));
            find(server, &pointer, name, &[], &mut all);
        }
        let by = |is_it: &dyn Fn(&Handler) -> bool| {
            all.iter().filter(|one| is_it(one)).map(|one| one.pointer.clone()).collect::<Vec<_>>()
        };
        let ways = [
            by(&|one| one.id.as_deref() == Some(backend)),
            by(&|one| one.domains.iter().any(|domain| domain == backend)),
            by(&|one| one.server == backend),
        ];
        let Some(named) = ways.into_iter().find(|way| !way.is_empty()) else {
            let message = format!("Caddy has no reverse_proxy with the @id, domain or server `{backend}`");
            return Err(BalancerError::Refused(message));
        };
        let has_hosts = |pointer: &&String| {
            let of_handler = upstreams(self.0.pointer(pointer).unwrap_or(&Value::Null)).iter();
            let mut known = members.get(backend).into_iter().flat_map(|members| members.values());
            let of_handler: Vec<_> = of_handler.collect();
            known.any(|member| of_handler.iter().any(|upstream| is_of(member, upstream)))
        };
        let all_named: Vec<_> = named.iter().collect();
        let with_hosts: Vec<_> = named.iter().filter(has_hosts).collect();
        let (([pointer], _) | (_, [pointer])) = (&all_named[..], &with_hosts[..]) else {
            let message = format!("Caddy has {} handlers for `{backend}`: give the right one an @id", named.len());
            return Err(BalancerError::Refused(message));
        };
        let found = all.iter().position(|one| one.pointer == **pointer).map(|index| all.swap_remove(index));
        found.ok_or_else(|| BalancerError::Refused(format!("Caddy has no handler `{backend}`")))
    }
}

/// All `reverse_proxy` handlers beneath a value.
fn find(value: &Value, pointer: &str, server: &str, domains: &[String], found: &mut Vec<Handler>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find(item, &format!("{pointer}/{index}"), server, domains, found);
            }
        }
        Value::Object(map) => {
            let own = domains_of(map);
            let domains = if own.is_empty() { domains.to_vec() } else { own };
            if map.get("handler").is_some_and(|handler| handler == "reverse_proxy") {
                let id = map.get("@id").and_then(Value::as_str).map(str::to_owned);
                let (pointer, server) = (pointer.to_owned(), server.to_owned());
                found.push(Handler { pointer, id, domains, server });
                return;
            }
            for (key, item) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                find(item, &format!("{pointer}/{key}"), server, &domains, found);
            }
        }
        _ => {}
    }
}

/// The domains that a route is for.
fn domains_of(route: &Map<String, Value>) -> Vec<String> {
    let sets = route.get("match").and_then(Value::as_array).into_iter().flatten();
    let hosts = sets.filter_map(|set| set["host"].as_array()).flatten();
    hosts.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The place in its handler that a parked upstream of a backend had.
fn place(route: &Value, backend: &str) -> Option<usize> {
    let (of, index) = route["group"].as_str()?.rsplit_once('#')?;
    if of == backend { index.parse().ok() } else { None }
}

fn upstreams(handler: &Value) -> &[Value] {
    handler["upstreams"].as_array().map_or(&[], Vec::as_slice)
}

fn dial(upstream: &Value) -> &str {
    upstream["dial"].as_str().unwrap_or_default()
}

fn is_of(member: &Member, upstream: &Value) -> bool {
    let (address, port) = split(dial(upstream));
    member.is_at(address, port)
}

/// Address and port of `host:port`; what has no port has none that is a host's.
fn split(dial: &str) -> (&str, u16) {
    let (address, port) = dial.rsplit_once(':').unwrap_or((dial, ""));
    (address.trim_start_matches('[').trim_end_matches(']'), port.parse().unwrap_or(0))
}

fn unknown(backend: &str, server: &str) -> BalancerError {
    BalancerError::Refused(format!("Caddy has no upstream for {server} in `{backend}`"))
}

#[cfg(test)]
mod tests;
