//! What HAProxy is told: one file, the same for the same manifest, that changes when a service comes, goes or gets another
//! route, and not when it gets another release.

use std::fmt::Write as _;

use super::Edge;
use crate::environment::{Check, EdgeRoute, Service};

/// Within the edge's container: its configuration, and what it is asked with.
pub(super) const FOLDER: &str = "/usr/local/etc/shipctl-edge";
/// Within the edge's container, and gone with it: the socket of its own master process.
pub(super) const RUN: &str = "/run/shipctl-edge";
/// Shared by an edge and its successor, which takes over the listening sockets here.
pub(super) const HANDOVER: &str = "/var/lib/shipctl-edge";

/// Carries one command to HAProxy, and prints the answer. It goes through the master process: an edge hands all sockets of its
/// worker over to its successor, and the two must not be taken for each other.
pub(super) const ASK_LUA: &str = r#"core.register_task(function()
  local api = core.tcp()
  api:settimeout(5)
  if not api:connect("unix@/run/shipctl-edge/master.sock") then
    io.stderr:write("HAProxy does not answer at its socket\n")
    os.exit(1)
  end
  api:send("@1 " .. (os.getenv("SHIPCTL_ASK") or "show info") .. "\nquit\n")
  local answer = api:receive("*a")
  io.stdout:write(answer or "")
  io.stdout:flush()
  os.exit(answer and answer ~= "" and 0 or 1)
end)
"#;

/// HAProxy does not start without a socket of some kind.
pub(super) const ASK: &str = "global
    lua-load /usr/local/etc/shipctl-edge/ask.lua
    stats socket /run/shipctl-edge/ask.sock mode 600 level user
";

/// The configuration for a host that runs these services behind the edge.
pub(super) fn render(edge: &Edge, services: &[(&Service, &EdgeRoute)]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, edge, services);
    text
}

fn write(text: &mut String, edge: &Edge, services: &[(&Service, &EdgeRoute)]) -> std::fmt::Result {
    let tls = edge
        .https
        .map(|port| format!("    bind :{port} ssl crt {FOLDER}/certificates alpn h2,http/1.1 ssl-min-ver TLSv1.2\n"));
    writeln!(
        text,
        "global
    maxconn 8000
    no strict-limits
    uid 99
    gid 99
    hard-stop-after {grace}
    max-spread-checks 50
    stats socket {HANDOVER}/listeners.sock mode 600 level user expose-fd listeners
{log}
defaults
    mode http
{log_format}    option forwardfor
    option http-server-close
    option idle-close-on-response
    option redispatch 1
    retries 5
    timeout connect 500ms
    timeout check 3s
    timeout client 60s
    timeout http-request 10s
    timeout http-keep-alive 10s
    timeout server {timeout}
    timeout tunnel 1h
    default-server check inter 1s fastinter 200ms downinter 200ms rise 1 fall 3

frontend edge
    bind :{http}
{tls}    http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
    http-request set-header X-Forwarded-Proto http unless {{ ssl_fc }}
    http-request set-var(txn.host) req.hdr(host),field(1,:),lower",
        grace = milliseconds(edge.grace),
        log = if edge.access_log { "    log stdout format raw local0\n" } else { "" },
        log_format = if edge.access_log { "    log global\n    option httplog\n" } else { "" },
        timeout = milliseconds(edge.timeout),
        http = edge.http,
        tls = tls.unwrap_or_default(),
    )?;
    if let (true, Some(port)) = (edge.redirect, edge.https) {
        let port = if port == 443 { String::new() } else { format!(":{port}") };
        let location = format!("https://%[var(txn.host)]{port}%[pathq]");
        writeln!(text, "    http-request redirect code 308 location {location} unless {{ ssl_fc }}")?;
    }
    for (host, route) in by_precision(services) {
        let mut conditions = String::new();
        if let Some(host) = host {
            write!(conditions, " {{ var(txn.host) -m str {host} }}")?;
        }
        let path = &route.path;
        let conditions = match path.as_str() {
            "/" => vec![conditions],
            _ => vec![format!("{conditions} {{ path {path} }}"), format!("{conditions} {{ path_beg {path}/ }}")],
        };
        for condition in conditions {
            let condition = if condition.is_empty() { String::new() } else { format!(" if{condition}") };
            writeln!(text, "    use_backend {}{condition}", route.backend)?;
        }
    }
    writeln!(text, "    default_backend nobody\n\nbackend nobody\n    http-request deny deny_status 404")?;
    let mut backends: Vec<&str> = services.iter().map(|(_, route)| route.backend.as_str()).collect();
    backends.dedup();
    for backend in backends {
        writeln!(text, "\nbackend {backend}\n    balance leastconn")?;
        let mut of_backend = services.iter().filter(|(_, route)| route.backend == backend).peekable();
        if let Some((service, route)) = of_backend.peek() {
            write_check(text, service, route)?;
        }
        for (service, route) in of_backend {
            let check = match service.health.check {
                Check::Http { port, .. } | Check::Tcp { port } if port != route.port => format!(" port {port}"),
                _ => String::new(),
            };
            for seat in &route.seats {
                writeln!(text, "    server {} {}:{}{check}", seat.server, seat.address, route.port)?;
            }
        }
    }
    Ok(())
}

/// The edge asks as the gate does where it can, and takes the same statuses, and otherwise whether the port is open.
fn write_check(text: &mut String, service: &Service, route: &EdgeRoute) -> std::fmt::Result {
    let Check::Http { path, .. } = &service.health.check else { return Ok(()) };
    if path.contains(['\'', '\n', '\r']) {
        return Ok(());
    }
    let host = route.hosts.first().map_or("localhost", String::as_str);
    writeln!(text, "    option httpchk")?;
    writeln!(text, "    http-check send meth GET uri '{path}' ver HTTP/1.1 hdr Host {host} hdr Connection close")?;
    let statuses = match &service.health.expect.status[..] {
        [] => "^2[0-9][0-9]".to_owned(),
        some => format!("^({})$", some.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")),
    };
    writeln!(text, "    http-check expect rstatus {statuses}")
}

/// Every domain of every service, those first that fewer requests fit.
fn by_precision<'s>(services: &'s [(&Service, &'s EdgeRoute)]) -> Vec<(Option<&'s str>, &'s EdgeRoute)> {
    let mut all = Vec::new();
    for (service, route) in services {
        if service.instance > 1 {
            continue;
        }
        match &route.hosts[..] {
            [] => all.push((None, *route)),
            hosts => all.extend(hosts.iter().map(|host| (Some(host.as_str()), *route))),
        }
    }
    let depth = |route: &EdgeRoute| route.path.trim_end_matches('/').len();
    all.sort_by(|(a, one), (b, other)| (a.is_none(), a, depth(other)).cmp(&(b.is_none(), b, depth(one))));
    all
}

fn milliseconds(time: std::time::Duration) -> String {
    format!("{}ms", time.as_millis().max(1))
}
