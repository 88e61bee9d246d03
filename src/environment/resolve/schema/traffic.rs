//! `balancers`, and `traffic` of a service.

use super::super::traffic::{DRAIN, UP};
use super::shape::{Shape, duration, form, key, level, listed, name, text, text_of, words};
use crate::duration;

/// A name that HAProxy takes.
const HAPROXY_NAME: &str = "[A-Za-z0-9_:.-]{1,128}";

/// `balancers.<name>`
pub(super) fn balancer() -> Shape {
    let socket = "HAProxy's runtime API, a `stats socket` of `level admin`.";
    let master = "The socket of HAProxy's master process instead (`haproxy -W -S`).";
    let haproxy = level([
        key("ssh", "The machine that HAProxy runs on, `[user@]host[:port]`; this one where it is not said.", text()),
        key("socket", socket, form("/.+")),
        key("master", master, form("/.+")),
    ]);
    level([key("haproxy", "A HAProxy that is there already.", haproxy)])
}

/// `traffic`
pub(super) fn traffic() -> Shape {
    let on_deadline = "`abort`: the host gets requests again, and the rollout has failed; `force`: they are cut off.";
    level([
        key("balancer", "The load balancer in front of it, or a list of them; all must agree.", listed(name())),
        key("backend", "The backend that its hosts are servers of.", text_of(HAPROXY_NAME)),
        key("server", "The host's name in the backend, where that is not its own.", text_of(HAPROXY_NAME)),
        key("drain_deadline", "How long requests may take to end.", duration()).default(duration::display(DRAIN)),
        key("on_drain_deadline", on_deadline, words(["abort", "force"])).default("abort"),
        key("up_deadline", "How long balancers may take to find a container healthy.", duration())
            .default(duration::display(UP)),
    ])
}
