//! `balancers`, and `traffic` of a service.

use super::super::balancers::{ADMIN, AGENT, PAUSE, PROXY, SETTLE, TIMEOUT as PATIENCE};
use super::super::edge::{GRACE, HTTP, HTTPS, IMAGE, SUBNET, TIMEOUT};
use super::super::traffic::{DRAIN, UP};
use super::shape::{
    Shape, boolean, command, duration, form, key, level, list, listed, name, number, text, text_of, words,
};
use crate::duration;

/// The name of a backend or server.
const SERVER_NAME: &str = "[A-Za-z0-9_:.-]{1,128}";

/// A domain as HAProxy compares it.
fn domain() -> Shape {
    text_of("[a-z0-9.-]{1,253}")
}

/// `balancers.<name>`
pub(super) fn balancer() -> Shape {
    let socket = "HAProxy's runtime API, a `stats socket` of `level admin`.";
    let master = "The socket of HAProxy's master process instead (`haproxy -W -S`).";
    let haproxy = level([
        key("ssh", "The machine that HAProxy runs on, `[user@]host[:port]`; this one where it is not said.", text()),
        key("socket", socket, form("/.+")),
        key("master", master, form("/.+")),
    ]);
    let programs = level([
        key("drain", "Takes a server out of traffic: a program and its arguments, without a shell.", command()),
        key("admit", "Puts it back.", command()),
        key("state", "Says how the servers of the backend stand, a line for each.", command()),
        key("timeout", "How long each of them may take.", duration()).default(duration::display(PATIENCE)),
    ]);
    let admin = "Its admin API, as `host:port` or the path of a socket.";
    let caddy = level([
        key("ssh", "The machine that Caddy runs on, `[user@]host[:port]`; this one where it is not said.", text()),
        key("admin", admin, form("/.+|.+:[1-9][0-9]*")).default(ADMIN),
    ]);
    let agent = "Where the agent of a host listens, as the host sees it.";
    let settle = "How long consumers may take to take up a change.";
    let consul = level([
        key("agent", agent, text()).default(AGENT),
        key("token", "An ACL token, which is a secret.", level([key("secret", "The secret that holds it.", name())])),
        key("settle", settle, duration()).default(duration::display(SETTLE)),
    ]);
    let kamal_proxy = level([
        key("container", "The container that it runs in, on each host.", text()).default(PROXY),
        key("target", "What it sends requests to, `name:port` on a network that both are on.", form(".+:[1-9][0-9]*")),
        key("deploy", "Further arguments of its `deploy`.", command()),
        key("max_pause", "How long requests may wait in it while a host is in hand.", duration())
            .default(duration::display(PAUSE)),
    ]);
    level([
        key("haproxy", "A HAProxy that is there already.", haproxy),
        key("caddy", "A Caddy that is there already.", caddy),
        key("consul", "Consul, by the agent of each host.", consul),
        key("kamal_proxy", "The kamal-proxy of each host.", kamal_proxy),
        key("command", "Any other: programs of yours that speak to it, on this machine.", programs),
    ])
}

/// `edge`
pub(super) fn edge() -> Shape {
    level([
        key("image", "HAProxy's image.", text()).default(IMAGE),
        key("http", "The port of the host that requests come in at.", number(1..=65535)).default(HTTP),
        key("https", "The same for encrypted ones, where there is a certificate.", number(1..=65535)).default(HTTPS),
        key("certificates", "Secrets, each a certificate with its chain and its key, in PEM.", list(name())),
        key("redirect", "Send those who come unencrypted to HTTPS, where there is a certificate.", boolean())
            .default(true),
        key("access_log", "A line for each request, on the container's output.", boolean()).default(true),
        key("timeout", "How long a service may take to answer.", duration()).default(duration::display(TIMEOUT)),
        key("stop_grace_period", "How long the requests of an edge that is replaced may take.", duration())
            .default(duration::display(GRACE)),
        key("subnet", "65536 addresses that nothing else on the hosts uses.", form("[0-9.]+/16")).default(SUBNET),
    ])
}

/// `traffic`
pub(super) fn traffic() -> Shape {
    let on_deadline = "`abort`: the host gets requests again, and the rollout has failed; `force`: they are cut off.";
    let edge = level([
        key(
            "host",
            "The domain, or a list of them; all that no other service has where it is not said.",
            listed(domain()),
        ),
        key("path", "The path that it answers, with everything beneath it.", form("/[A-Za-z0-9/_.~-]*")).default("/"),
        key("port", "Where the container listens.", number(1..=65535)),
    ]);
    level([
        key("edge", "It is behind the edge of its hosts, and not behind a balancer.", edge),
        key("balancer", "The load balancer in front of it, or a list of them; all must agree.", listed(name())),
        key("backend", "The backend that its hosts are servers of.", text_of(SERVER_NAME)),
        key("server", "The host's name in the backend, where that is not its own.", text_of(SERVER_NAME)),
        key("drain_deadline", "How long requests may take to end.", duration()).default(duration::display(DRAIN)),
        key("on_drain_deadline", on_deadline, words(["abort", "force"])).default("abort"),
        key("up_deadline", "How long balancers may take to find a container healthy.", duration())
            .default(duration::display(UP)),
    ])
}
