//! `registry:`.

use super::declared::Declared;
use super::{existing_file, nested};
use crate::environment::{Pusher, Registry, RegistryLogin};
use crate::fleet::parse::host_and_port;
use crate::manifest::decode::Decoder;
use crate::manifest::node::{Entry, quoted};

/// Who pushes, as it is written.
pub(super) const PUSHERS: [(&str, Pusher); 2] = [("builder", Pusher::Builder), ("shipctl", Pusher::Shipctl)];

/// The private registry.
pub(super) fn decode(entry: &Entry, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Option<Registry> {
    let mut fields = decoder.map(&entry.value, entry.key);
    let host = fields.required("host", decoder).and_then(|node| {
        let text = decoder.text(node)?;
        match host_and_port(text) {
            Ok(_) => Some(text.to_owned()),
            Err(error) => {
                let message = format!("{} is not a registry's `host[:port]`: {error}", quoted(text));
                decoder.problem_with_help(node.span, message, "leave out the scheme and any path");
                None
            }
        }
    });
    let ca = fields.get("ca").and_then(|node| existing_file(node, decoder, declared.root));
    let insecure = fields.get("insecure").and_then(|node| decoder.boolean(node)).unwrap_or(false);
    let push = fields.get("push").and_then(|node| decoder.word(node, &PUSHERS)).unwrap_or_default();
    let username = fields.entry("username");
    let password = fields.entry("password").map(|entry| entry.key);
    let login = nested(&mut fields, "password", decoder).and_then(|mut fields| {
        let node = fields.required("secret", decoder);
        fields.finish(decoder);
        node.and_then(|node| declared.secret(node, decoder))
    });
    match (username, password) {
        (Some(username), None) => decoder.problem(username.key, "`username` needs a `password: { secret: … }`"),
        (None, Some(password)) => decoder.problem(password, "`password` needs a `username`"),
        _ => {}
    }
    let username = username.and_then(|entry| decoder.text(&entry.value)).map(str::to_owned);
    fields.finish(decoder);
    let login = username.zip(login).map(|(username, password)| RegistryLogin { username, password });
    host.map(|host| Registry { host, ca, insecure, login, push })
}
