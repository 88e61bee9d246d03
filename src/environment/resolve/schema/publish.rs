//! `publish.<name>`, and `deliver` of a config.

use super::shape::{Shape, boolean, either, form, key, level, list, name, named_text, text, text_of, words_or};

/// Words with slashes between them.
const KEY: &str = "[^/]+(/[^/]+)*";

/// `publish.<name>`
pub(super) fn store() -> Shape {
    let secret = || level([key("secret", "The secret that holds it.", name())]);
    let access = |own: Vec<super::shape::Key>| {
        let common = [
            key("address", "`https://host:port`, without a path.", form("https?://[^/@?# ]+/*")),
            key("insecure", "Accept `http://`: whoever is on the way can read and change this.", boolean()),
            key("ca", "An authority to trust beside the system's, a file.", text()),
            key("cert", "A certificate that shipctl shows, a file.", text()),
            key("key", "Its key, a file.", text()),
        ];
        level(common.into_iter().chain(own))
    };
    let consul = access(vec![key("token", "An ACL token, which is a secret.", secret())]);
    let etcd = access(vec![
        key("username", "The login.", text()),
        key("password", "The login's password, which is a secret.", secret()),
    ]);
    let value = level([
        key("config", "The config whose text it is.", name()),
        key("secret", "The secret whose value it is.", name()),
    ]);
    level([
        key("consul", "A Consul server or agent.", consul),
        key("etcd", "An etcd server.", etcd),
        key("keys", "What is published, by key.", named_text(either([text(), value.item(&[])]))),
        key("prefix", "What every key begins with; `<project>/<environment>` where it is not said.", text_of(KEY)),
        key(
            "state",
            "The key of shipctl's own record; `shipctl/<project>/<environment>/<name>` where it is not said.",
            text_of(KEY),
        ),
        key("services", "Those that read it; all of them where it is not said.", list(text())),
    ])
}

/// `deliver` of a config.
pub(super) fn deliver() -> Shape {
    let host = level([key("host", "A directory of the host for files of releases.", form("/.+"))]);
    words_or(["container", "volume", "host", "image"], &host)
}
