//! Hosts, the registry, and what services refer to by name.

use super::super::declared::SECRET_TIMEOUT;
use super::super::hosts::LOCAL_SOCKET;
use super::super::images::TRANSFER;
use super::super::jobs::{TIMEOUT, WHEN};
use super::super::registry::PUSHERS;
use super::shape::{
    Key, Shape, boolean, command, duration, either, form, key, level, list, name, named_text, pairs, service_override,
    text, words,
};
use crate::duration;

/// `hosts.<name>`
pub(super) fn host() -> Shape {
    let own = [
        key("labels", "For constraints and templates.", pairs()),
        key("role", "What the host is for; see `roles`.", name()),
        key("services", "Services that are written differently for this host.", named_text(service_override())),
    ];
    level(endpoint().into_iter().chain(own))
}

/// `builder`
pub(super) fn builder() -> Shape {
    let [ssh, docker, tls, insecure] = endpoint();
    level([ssh, docker.default(format!("unix://{LOCAL_SOCKET}")), tls, insecure])
}

fn endpoint() -> [Key; 4] {
    let tls = level([
        key("ca", "The authority that signed the engine's certificate, a file.", text()),
        key("cert", "The certificate that shipctl shows, a file.", text()),
        key("key", "Its key, a file.", text()),
    ]);
    [
        key("ssh", "`[user@]host[:port]`, by the rules of your ~/.ssh/config.", text()),
        key("docker", "A Docker endpoint: `tcp://host:port` or `unix:///path`.", form("tcp://.+|unix:///.+")),
        key("tls", "Certificates for a TCP endpoint.", tls),
        key("insecure", "Do without TLS: everyone on the network can then be root on this host.", boolean()),
    ]
}

/// `roles.<name>`
pub(super) fn role() -> Shape {
    let services = named_text(service_override());
    level([key("services", "Services that are written differently for hosts of this role.", services)])
}

/// `registry`
pub(super) fn registry() -> Shape {
    let password = level([key("secret", "The secret that holds it.", name())]);
    let push = "Who pushes what is built: `builder`, or `shipctl` for a builder without access to the registry.";
    level([
        key("host", "`host[:port]`, as it begins an image's name.", text()),
        key("username", "The login. Without one, Docker's own configuration is asked.", text()),
        key("password", "The login's password, which is a secret.", password),
        key("ca", "An authority to trust beside the system's, a file.", text()),
        key("insecure", "Speak plain HTTP.", boolean()).default(false),
        key("push", push, words(PUSHERS.map(|(word, _)| word))).default("builder"),
    ])
}

/// `images`
pub(super) fn images() -> Shape {
    let transfer = "`registry`: each host pulls them; `direct`: the builder sends each host what it lacks.";
    let mirrors =
        "Mirrors of Docker Hub, `https://host[:port]`: asked first, here and by hosts that `host setup` has prepared.";
    level([
        key("transfer", transfer, words(TRANSFER.map(|(word, _)| word))).default("registry"),
        key("mirrors", mirrors, list(form("https?://[^/?#@]+/?"))),
    ])
}

/// `secrets.<name>`
pub(super) fn secret() -> Shape {
    level([
        key("file", "A file of the project, or an absolute path; one line end at its end is dropped.", text()),
        key("environment", "A variable of whoever runs shipctl.", text()),
        key("command", "A program that prints it.", command()),
        key("timeout", "How long the command may take.", duration()).default(duration::display(SECRET_TIMEOUT)),
        key("age", "A file of the repository that is encrypted with age.", text()),
        key("key", "What the secret is called in the encrypted file, if not as here.", text()),
    ])
}

/// `jobs.<name>`
pub(super) fn job() -> Shape {
    level([
        key("service", "The service whose image, configuration, secrets, networks and volumes it gets.", name()),
        key("command", "What is run instead of the service's command.", command()),
        key("entrypoint", "What is put before the command; as in the service where it is not said.", command()),
        key("when", "`before` the first host is changed, or `after` the last.", words(WHEN.map(|(word, _)| word)))
            .default("before"),
        key("timeout", "How long it may take.", duration()).default(duration::display(TIMEOUT)),
        key(
            "reversible",
            "Whether the release before can still run once it has; a plan shows where it cannot.",
            either([boolean(), words(["yes", "no", "true", "false"])]),
        ),
        key("host", "Where it runs, a host of the service; the first one by name where it is not said.", name()),
        key("role", "Where it runs: the first host of the service that has this role.", text()),
    ])
}

/// `configs.<name>`
pub(super) fn config() -> Shape {
    level([
        key("template", "A file beneath templates/, rendered for each host.", form("templates/.+")),
        key("variables", "What the template finds in `vars`.", pairs()),
        key("file", "A file of the project, delivered as it is.", text()),
        key("content", "The text itself.", text()),
        key("environment", "A variable that holds the text.", text()),
    ])
}

/// `networks.<name>`
pub(super) fn network() -> Shape {
    let subnet = level([
        key("subnet", "A range of addresses, such as `10.20.0.0/16`.", form("[0-9a-fA-F.:]+/[0-9]+")),
        key("ip_range", "The part of it that containers get addresses from.", text()),
        key("gateway", "The address of the host in it.", text()),
    ]);
    let ipam = level([key("config", "Ranges of addresses.", list(subnet.item(&["subnet"])))]);
    level([
        key("name", "Its full name on hosts; `<project>-<environment>_<name>` where it is not said.", name()),
        key("external", "Somebody else makes it.", boolean()).default(false),
        key("driver", "The engine's driver.", text()).default("bridge"),
        key("driver_opts", "Options of the driver.", pairs()),
        key("labels", "Labels of the network.", pairs()),
        key("internal", "Without a way out.", boolean()).default(false),
        key("enable_ipv6", "With IPv6 addresses.", boolean()).default(false),
        key("ipam", "Which addresses there are.", ipam),
    ])
}

/// `volumes.<name>`
pub(super) fn volume() -> Shape {
    level([
        key("name", "Its full name on hosts; `<project>-<environment>_<name>` where it is not said.", name()),
        key("external", "Somebody else makes it.", boolean()).default(false),
        key("driver", "The engine's driver.", text()).default("local"),
        key("driver_opts", "Options of the driver.", pairs()),
        key("labels", "Labels of the volume.", pairs()),
    ])
}

/// `age`
pub(super) fn age() -> Shape {
    level([
        key(
            "recipients",
            "Who can read the encrypted files: `age1…`, as `shipctl secrets init` prints it.",
            list(form("[aA][gG][eE]1.+")),
        ),
        key("identity", "Where your identity is; `~/.config/shipctl/age.key` where it is not said.", text()),
    ])
}
