//! Why keys of Kamal are not translated, and what to do instead.

/// By the last key of a path in Kamal's file, and the section that it is in.
pub(super) fn of(section: &str, key: &str) -> (String, String) {
    let (reason, instead) = match (section, key) {
        ("proxy", _) => proxy(key),
        ("builder", _) => builder(key),
        ("ssh", _) => ("connections are made by your own `ssh`", "write it into ~/.ssh/config, which is honoured"),
        ("sshkit", _) | ("", "sshkit") => ("there is one connection per host and run", "nothing"),
        ("boot", "parallel_roles") => ("services are rolled out one after the other", "nothing"),
        ("options", "network" | "network-alias") => ("networks are those of the manifest", "use `networks`"),
        ("options", "log-driver" | "log-opt") => ("log drivers have a key of their own", "use `logging`"),
        ("options", _) => ("there is no key for this option of `docker run`", "leave it out, or set it on the host"),
        ("registry", _) => ("a registry has a host, a user name and a password", "nothing"),
        ("env", "tags") => (
            "all hosts of a service have the same environment",
            "render a file from a template, which sees `host.labels`; the tags are labels of the hosts",
        ),
        ("accessories", "registry") => ("one registry has a login", "log in with Docker's own configuration"),
        ("accessories", "network") => ("services are on the project's network on each host", "use `networks`"),
        _ => top(key),
    };
    (reason.to_owned(), instead.to_owned())
}

fn proxy(key: &str) -> (&'static str, &'static str) {
    match key {
        "ssl" | "ssl_redirect" | "host" | "hosts" | "path_prefix" | "path_prefixes" | "strip_path_prefix" => (
            "traffic is not taken over: kamal-proxy ended TLS and chose the container",
            "keep kamal-proxy as a balancer (`kamal_proxy`, with this under `deploy`), or put another one before the hosts",
        ),
        "forward_headers" | "response_timeout" | "buffering" | "logging" | "run" => {
            ("traffic is not taken over", "set it in your balancer")
        }
        _ => ("not a key that is known of Kamal's proxy", "nothing"),
    }
}

fn builder(key: &str) -> (&'static str, &'static str) {
    match key {
        "arch" => ("the builder's own platform is built", "name an engine of that platform as `builder`"),
        "local" | "driver" | "cache" => {
            ("the builder is an engine, with its own cache", "see `builder` in the manifest")
        }
        "secrets" => {
            ("what a build may read is said where it is built", "declare them, and write `build: { secrets: […] }`")
        }
        "ssh" => ("what a build may ask is said where it is built", "write `build: { ssh: [default] }`"),
        "pack" => ("images are built from a Dockerfile", "build elsewhere, and deploy the image by its name"),
        "provenance" | "sbom" => ("it is for builds by BuildKit in a pipeline", "build there"),
        _ => ("not a key that is known of Kamal's builder", "nothing"),
    }
}

fn top(key: &str) -> (&'static str, &'static str) {
    match key {
        "asset_path" => (
            "assets of two releases are not put together",
            "serve them from a bucket or a CDN, or keep those of the last release in the image",
        ),
        "error_pages_path" => ("traffic is not taken over", "let your balancer show them"),
        "hooks_path" | "hooks_output" | "hooks" => {
            ("hooks are told other facts, in other variables", "put them under `hooks` once they read those")
        }
        "secrets_path" => ("Kamal's secrets are not read", "set the variables where you deploy, or use `command`"),
        "aliases" => ("there are no aliases", "use those of your shell, or a Makefile"),
        "require_destination" | "allow_empty_roles" | "minimum_version" | "run_directory" => {
            ("it is about Kamal itself", "nothing")
        }
        "output" => ("a run is recorded in .shipctl/ as JSON lines", "use `--format json` in a pipeline"),
        "traefik" | "healthcheck" => ("it is of Kamal 1", "health is asked as Kamal 2 asks it"),
        _ => ("not a key that is known of Kamal", "nothing"),
    }
}
