//! Where merging differs from "maps merge, lists are appended, scalars are replaced": the Compose
//! Specification's exceptions, and those of our own keys.

use std::sync::Arc;

use super::node::Node;
use super::short;

/// How the value under a key merges.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// By its shape.
    Plain,
    /// The later value, whole.
    Replace,
    /// A map that may be written as a list of `KEY=VALUE`.
    Pairs,
    /// A map that may be written as a list of its keys.
    Names,
    /// A map that may be written as the value of this key alone.
    Shorthand(&'static str),
    /// A list of texts, each once, that may be written as one text.
    Listed,
    /// A list of `name=address`, each once, that may be written as a map.
    Hosts,
    /// A list in which these items are the same and merge.
    Unique(Identity),
    /// A map in which one group of keys excludes the others: the later group replaces the earlier.
    Alternatives(&'static [&'static [&'static str]]),
    /// `logging`: options belong to their driver.
    Logging,
}

/// What makes two items of a list the same.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Identity {
    /// Address, published port, target and protocol.
    Port,
    /// The path in the container.
    Target,
    /// The path in the container, or else the source's name.
    File,
    /// The device in the container.
    Device,
    /// The text.
    Text,
    /// The text, or the path.
    Path,
}

/// Groups of keys of a host of which one says how it is reached.
pub(crate) const ENDPOINTS: &[&[&str]] = &[&["ssh"], &["docker", "tls", "insecure"]];
/// Checks of a health gate.
pub(crate) const CHECKS: &[&[&str]] = &[&["http"], &["tcp"], &["exec"], &["container"], &["none"]];
/// Sources of a secret.
pub(crate) const SECRETS: &[&[&str]] = &[&["file"], &["environment"], &["command", "timeout"], &["age", "key"]];

/// What says where a job runs.
const JOB_HOSTS: &[&[&str]] = &[&["host"], &["role"]];
/// Kinds of a store.
const STORES: &[&[&str]] = &[&["consul"], &["etcd"]];

/// Ways to tell somebody.
const WAYS: &[&[&str]] = &[&["webhook"], &["slack"], &["command"]];

/// The rule for the value at a path.
pub(crate) fn rule(path: &[Arc<str>]) -> Rule {
    let path: Vec<&str> = path.iter().map(|key| &**key).collect();
    match path.as_slice() {
        ["hosts", _] | ["builder"] => Rule::Alternatives(ENDPOINTS),
        ["hosts", _, "labels"] | ["configs", _, "variables"] => Rule::Pairs,
        ["secrets", _, "command"]
        | ["jobs", _, "command" | "entrypoint"]
        | ["hooks", _]
        | ["notify", _, "command" | "on"]
        | ["publish", _, "services"]
        | ["publish", _, "keys", _] => Rule::Replace,
        ["jobs", _] => Rule::Alternatives(JOB_HOSTS),
        ["secrets", _] => Rule::Alternatives(SECRETS),
        ["publish", _] => Rule::Alternatives(STORES),
        ["notify", _] => Rule::Alternatives(WAYS),
        ["age", "recipients"] => Rule::Unique(Identity::Text),
        ["services", _, rest @ ..] | ["hosts" | "roles", _, "services", _, rest @ ..] => service_rule(rest),
        _ => Rule::Plain,
    }
}

fn service_rule(path: &[&str]) -> Rule {
    match path {
        ["command" | "entrypoint"] | ["healthcheck", "test"] | ["health", "exec"] => Rule::Replace,
        ["environment" | "labels" | "annotations" | "sysctls" | "storage_opt"] | ["build", "args"] => Rule::Pairs,
        ["networks" | "depends_on"] => Rule::Names,
        ["extra_hosts"] => Rule::Hosts,
        ["extends"] => Rule::Shorthand("service"),
        ["dns" | "dns_opt" | "dns_search" | "env_file" | "label_file" | "tmpfs"] => Rule::Listed,
        ["build"] => Rule::Shorthand("context"),
        ["health"] => Rule::Alternatives(CHECKS),
        ["logging"] => Rule::Logging,
        ["ports"] => Rule::Unique(Identity::Port),
        ["volumes"] => Rule::Unique(Identity::Target),
        ["configs" | "secrets"] => Rule::Unique(Identity::File),
        ["cap_add" | "cap_drop" | "group_add" | "security_opt" | "expose" | "profiles"]
        | ["deploy", "placement", "constraints"]
        | ["networks", _, "aliases"] => Rule::Unique(Identity::Text),
        ["devices"] => Rule::Unique(Identity::Device),
        _ => Rule::Plain,
    }
}

impl Rule {
    /// What identifies an item of a list; `None` where items are only appended.
    pub(crate) fn identity(self, item: &Node) -> Option<String> {
        let identity = match self {
            Self::Unique(identity) => identity,
            Self::Listed => Identity::Path,
            Self::Hosts => Identity::Text,
            _ => return None,
        };
        let field = |key: &str| item.entry(key).and_then(|entry| entry.value.text());
        match (identity, item.text()) {
            (Identity::Port, Some(text)) => {
                let port = short::port(text);
                Some(port_identity(port.host_ip, port.host, port.container, port.protocol))
            }
            (Identity::Port, None) => {
                let protocol = field("protocol").unwrap_or("tcp");
                field("target").map(|target| port_identity(field("host_ip"), field("published"), target, protocol))
            }
            (Identity::Target, Some(text)) => Some(short::volume(text).target.to_owned()),
            (Identity::Target, None) => field("target").map(str::to_owned),
            (Identity::Device, Some(text)) => {
                Some(text.split(':').nth(1).filter(|part| part.starts_with('/')).unwrap_or(text).to_owned())
            }
            (Identity::File | Identity::Device, None) => field("target").or_else(|| field("source")).map(str::to_owned),
            (Identity::Path, None) => field("path").map(str::to_owned),
            (Identity::File | Identity::Text | Identity::Path, text) => text.map(str::to_owned),
        }
    }
}

fn port_identity(ip: Option<&str>, published: Option<&str>, target: &str, protocol: &str) -> String {
    format!("{}:{}:{target}/{protocol}", ip.unwrap_or_default(), published.unwrap_or_default())
}
