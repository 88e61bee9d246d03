//! `hosts:` and `builder:`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::{existing_file, nested, overrides};
use crate::fleet::{Endpoint, Host, TlsFiles};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::Map;
use crate::manifest::source::Span;
use crate::name::ResourceName;

/// The engine that builds where the manifest is silent.
pub(super) const LOCAL_SOCKET: &str = "/var/run/docker.sock";

/// A host and what its entry says beside it.
pub(super) struct Machine<'n> {
    pub(super) host: Host,
    /// Of its name.
    pub(super) at: Span,
    /// Services that are written differently for it.
    pub(super) services: Option<&'n Map>,
}

/// The hosts.
pub(super) fn decode<'n>(top: &mut Fields<'n>, decoder: &mut Decoder<'_>, root: &Path) -> Vec<Machine<'n>> {
    let Some(entry) = top.entry("hosts") else {
        decoder.problem_with_help(
            top.at,
            "`hosts` is missing",
            "name at least one: `hosts: { web1: { ssh: deploy@web1 } }`",
        );
        return Vec::new();
    };
    let problems = decoder.count();
    let mut hosts = Vec::new();
    for (key, entry) in decoder.map(&entry.value, entry.key).named() {
        let name = decoder.name(key, entry.key, "the name of a host");
        let mut fields = decoder.map(&entry.value, entry.key);
        let endpoint = endpoint(&mut fields, decoder, root);
        let labels = fields.get("labels").map(|node| decoder.pairs(node)).unwrap_or_default();
        let role = fields.get("role").and_then(|node| decoder.parsed::<ResourceName>(node, "a role"));
        let services = overrides::services(&mut fields, decoder);
        fields.finish(decoder);
        let labels = labels.into_iter().map(|pair| (pair.key, pair.value)).collect();
        if let (Some(name), Some(endpoint)) = (name, endpoint) {
            let host = Host { name, endpoint, role: role.map(|role| role.to_string()), labels };
            hosts.push(Machine { host, at: entry.key, services });
        }
    }
    if hosts.is_empty() && decoder.count() == problems {
        decoder.problem_with_help(
            entry.key,
            "`hosts` is empty",
            "a deployment to no host is not a success; name at least one",
        );
    }
    refuse_twins(&hosts, decoder);
    hosts
}

/// The engine that builds images.
pub(super) fn builder(top: &mut Fields<'_>, decoder: &mut Decoder<'_>, root: &Path) -> Endpoint {
    let endpoint = nested(top, "builder", decoder).and_then(|mut fields| {
        let endpoint = endpoint(&mut fields, decoder, root);
        fields.finish(decoder);
        endpoint
    });
    endpoint.unwrap_or_else(|| Endpoint::Unix(PathBuf::from(LOCAL_SOCKET)))
}

fn endpoint(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>, root: &Path) -> Option<Endpoint> {
    let (ssh, docker) = (fields.get("ssh"), fields.get("docker"));
    let tls = fields.entry("tls");
    let insecure = fields.get("insecure").map(|node| (decoder.boolean(node).unwrap_or(true), node.span));
    let endpoint = match (ssh, docker) {
        (Some(node), None) => decoder.parsed(node, "an SSH destination").map(Endpoint::Ssh),
        (None, Some(node)) => decoder.parsed(node, "a Docker endpoint"),
        (Some(_), Some(node)) => {
            decoder.problem(node.span, "a host is reached by `ssh` or by `docker`, not by both");
            None
        }
        (None, None) => {
            let help = "write `ssh: user@host`, `docker: tcp://host:2376` with `tls:`, or `docker: unix:///var/run/docker.sock`";
            fields.lack(decoder, "nothing says how this host is reached", help);
            None
        }
    };
    let files = tls.map(|entry| {
        let mut fields = decoder.map(&entry.value, entry.key);
        let [ca, cert, key] = ["ca", "cert", "key"].map(|key| {
            fields.required(key, decoder).and_then(|node| existing_file(node, decoder, root)).unwrap_or_default()
        });
        fields.finish(decoder);
        TlsFiles { ca, cert, key }
    });
    match (endpoint?, docker) {
        (Endpoint::Tcp { host, port, .. }, Some(node)) => {
            match (&files, insecure) {
                (None, Some((true, _))) | (Some(_), None | Some((false, _))) => {}
                (Some(_), Some((true, span))) => decoder.problem(span, "`insecure: true` contradicts `tls`"),
                (None, _) => {
                    let message = "a TCP endpoint without TLS lets everyone on the network be root on this host";
                    decoder.problem_with_help(
                        node.span,
                        message,
                        "add `tls: { ca: …, cert: …, key: … }`, or `insecure: true` to accept that",
                    );
                }
            }
            Some(Endpoint::Tcp { host, port, tls: files })
        }
        (endpoint, _) => {
            for span in [tls.map(|entry| entry.key), insecure.map(|(_, span)| span)].into_iter().flatten() {
                decoder.problem(span, "only a `tcp://` endpoint has `tls` or `insecure`");
            }
            Some(endpoint)
        }
    }
}

/// The same text for each way to write a host's name or address.
fn one_spelling(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => host.trim_end_matches('.').to_lowercase(),
    }
}

/// One machine under two names would be deployed to twice at once.
fn refuse_twins(hosts: &[Machine<'_>], decoder: &mut Decoder<'_>) {
    let mut seen = HashMap::new();
    for Machine { host, at: span, .. } in hosts {
        let address = match &host.endpoint {
            Endpoint::Ssh(ssh) => format!("ssh {}:{}", one_spelling(&ssh.host), ssh.port.unwrap_or(22)),
            Endpoint::Tcp { host, port, .. } => format!("tcp {}:{port}", one_spelling(host)),
            // As a path, so that `//` and `/./` make no difference.
            Endpoint::Unix(path) => format!("unix {}", path.components().collect::<PathBuf>().display()),
        };
        if let Some((first, place)) = seen.insert(address, (&host.name, *span)) {
            let message = format!("`{}` is the same machine as `{first}` ({})", host.name, decoder.place(place));
            decoder.problem_with_help(*span, message, "remove one of the two");
        }
    }
}
