//! Words of the Compose Specification that are real but not supported (yet). They get an answer of
//! their own, because whoever writes them did not misspell anything.

/// At the top of a manifest; also our own words that are still to come.
pub(super) const TOP: &[&str] =
    &["version", "name", "include", "models", "jobs", "hooks", "notify", "engine", "schema"];

/// In a service; also our own words that are still to come.
pub(super) const SERVICE: &[&str] = &[
    "attach",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "credential_spec",
    "develop",
    "external_links",
    "isolation",
    "links",
    "mac_address",
    "models",
    "post_start",
    "pre_stop",
    "provider",
    "scale",
    "use_api_socket",
    "volumes_from",
];

/// In `build`.
pub(super) const BUILD: &[&str] = &[
    "additional_contexts",
    "cache_from",
    "cache_to",
    "dockerfile_inline",
    "entitlements",
    "extra_hosts",
    "isolation",
    "labels",
    "network",
    "no_cache",
    "platforms",
    "privileged",
    "provenance",
    "pull",
    "sbom",
    "secrets",
    "shm_size",
    "ssh",
    "tags",
    "ulimits",
];

/// In `deploy`.
pub(super) const DEPLOY: &[&str] = &["endpoint_mode", "labels", "rollback_config"];

/// In `deploy.resources.reservations`: an engine reserves no processors.
pub(super) const RESERVATIONS: &[&str] = &["cpus", "generic_resources"];

/// In `deploy.update_config`; also our own words that are still to come.
pub(super) const UPDATE: &[&str] = &["max_failure_ratio"];

/// In a long volume.
pub(super) const VOLUME: &[&str] = &["consistency", "image"];

/// In a network of a service.
pub(super) const ATTACHMENT: &[&str] = &["gw_priority", "interface_name"];

/// In an entry of the top-level `networks`.
pub(super) const NETWORK: &[&str] = &["attachable", "enable_ipv4"];

/// In an entry of the top-level `configs`.
pub(super) const CONFIG: &[&str] = &["external", "labels", "name", "template_driver"];

/// In an entry of the top-level `secrets`.
pub(super) const SECRET: &[&str] = &["driver", "driver_opts", "external", "labels", "name", "template_driver"];
