//! Words of the Compose Specification that are real but not supported (yet). They get an answer of
//! their own, because whoever writes them did not misspell anything.

/// At the top of a manifest; also our own words that are still to come.
pub(super) const TOP: &[&str] = &["version", "name", "include", "models", "notify", "engine", "schema"];

/// In a service; also our own words that are still to come.
pub(super) const SERVICE: &[&str] = &[
    "attach",
    "cpu_count",
    "cpu_percent",
    "credential_spec",
    "develop",
    "isolation",
    "mac_address",
    "models",
    "post_start",
    "pre_stop",
    "provider",
    "use_api_socket",
    "volumes_from",
];

/// In a service, those that something else does here: the key, why not, and what to write instead.
pub(super) const SERVICE_ANSWERS: &[(&str, &str, &str)] = &[
    ("replicas", "is a key of `deploy`", "write `deploy: { replicas: … }`"),
    ("scale", "is not supported", "write `deploy: { replicas: … }`"),
    ("placement", "is a key of `deploy`", "write `deploy: { placement: … }`"),
    ("resources", "is a key of `deploy`", "write `deploy: { resources: … }`"),
    ("restart_policy", "is a key of `deploy`", "write `deploy: { restart_policy: … }`, or `restart`"),
    ("update_config", "is a key of `deploy`", "write `deploy: { update_config: … }`"),
    (
        "container_name",
        "is not supported: containers are named after project, environment, service and content, so that two releases \
         have room beside each other",
        "remove it; others find it by the service's name, and `aliases` of a network are further names",
    ),
    ("links", LINKED, LINKED_HELP),
    ("external_links", LINKED, LINKED_HELP),
];
const LINKED: &str = "is not supported: services on one network of a host find each other by name";
const LINKED_HELP: &str = "remove it, and name a network under `networks` of both";

/// In `build`.
pub(super) const BUILD: &[&str] = &[
    "additional_contexts",
    "cache_to",
    "dockerfile_inline",
    "entitlements",
    "isolation",
    "privileged",
    "provenance",
    "sbom",
    "tags",
    "ulimits",
];

/// In a secret of `build`: it is read as root, by the step that mounts it.
pub(super) const BUILD_SECRET: &[&str] = &["gid", "mode", "uid"];

/// In `deploy`.
pub(super) const DEPLOY: &[&str] = &["endpoint_mode", "labels"];

/// In `deploy.resources.reservations`: an engine reserves no processors.
pub(super) const RESERVATIONS: &[&str] = &["cpus", "generic_resources"];

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
