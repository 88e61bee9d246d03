//! Why words of the Compose Specification are not supported, and what to do instead. What is not in here is answered
//! in the words of the manifest's reader.

/// By the path of a key in the manifest.
pub(super) fn of(path: &[String]) -> Option<(&'static str, &'static str)> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["services", _, "build", key] => build(key),
        ["services", _, "deploy", rest @ ..] => deploy(rest),
        ["services", _, "networks", _, _] => Some(("older engines do not know it", "leave it to the engine")),
        ["services", _, "volumes", _, "consistency"] => Some(("it is for Docker Desktop", "the mount was kept")),
        ["services", _, key] => service(key),
        ["networks", _, "attachable" | "enable_ipv4"] => Some(("it is for Swarm", "nothing")),
        ["networks", _, "ipam", _] => Some(("subnets are supported, other drivers are not", "nothing")),
        [key] => top(key),
        _ => None,
    }
}

fn top(key: &str) -> Option<(&'static str, &'static str)> {
    Some(match key {
        "version" => ("Compose itself ignores it", "nothing"),
        "include" => ("other files are not read", "import them one by one, and put them together"),
        "models" => ("models are not run", "run the model as a service"),
        _ => return None,
    })
}

fn service(key: &str) -> Option<(&'static str, &'static str)> {
    Some(match key {
        "attach" | "develop" => ("it is for work on the program, not for running it", "nothing"),
        "container_name" => (
            "containers are named after project, environment, service and content",
            "other services find it by the service's name; `aliases` of a network are further names",
        ),
        "cpu_count" | "cpu_percent" | "isolation" | "credential_spec" => ("it is for Windows", "nothing"),
        "external_links" | "links" => (
            "services on one network of a host find each other by name",
            "remove it, and name the network of both where it is another one",
        ),
        "mac_address" => ("an address belongs to a network", "write it in `networks`"),
        "models" | "provider" | "use_api_socket" => ("it starts something that is no container", "run it as a service"),
        "network_mode" => ("only `host` and `none` are modes that do not tie containers together", "use `networks`"),
        "post_start" | "pre_stop" => ("there are no hooks in a container", "do it in the program's own start and stop"),
        "pull_policy" => ("every tag is looked up in each deploy, and hosts pull what they lack", "nothing"),
        "volumes_from" => ("containers come and go on their own", "name the volumes in both services"),
        _ => return None,
    })
}

fn build(key: &str) -> Option<(&'static str, &'static str)> {
    Some(match key {
        "cache_to" => ("the builder's own cache is used", "nothing"),
        "platforms" => {
            ("an engine makes an image for one platform", "name one, or an engine of the other as `builder`")
        }
        "dockerfile_inline" => ("a Dockerfile is a file", "write it beneath the context, and name it as `dockerfile`"),
        "additional_contexts" => ("a build has one context", "copy what is needed beneath it"),
        "tags" => ("an image is pushed under one name", "use `image`"),
        "provenance" | "sbom" | "entitlements" | "privileged" => {
            ("it is for builds by BuildKit in a pipeline", "build there")
        }
        "ulimits" | "isolation" => {
            ("a build runs as the engine runs it", "build elsewhere, and deploy the image by its name")
        }
        _ => return None,
    })
}

fn deploy(path: &[&str]) -> Option<(&'static str, &'static str)> {
    Some(match path {
        ["endpoint_mode"] => ("there are no virtual addresses", "nothing"),
        ["labels"] => ("a service is nothing but its containers", "use `labels` of the service"),
        ["rollback_config", _] => ("hosts go back as they came, and what fails there is never rolled back", "nothing"),
        ["placement", "constraints", _] => (
            "constraints are about hosts of the manifest, not about nodes of Swarm: the service runs on every host now",
            "label the hosts, and write `host.labels.<label> == <value>`, or `host.name == <name>`",
        ),
        ["placement", "preferences" | "max_replicas_per_node", ..] => {
            ("it is about nodes of Swarm", "label the hosts, and spread over `host.labels.…`")
        }
        ["resources", "reservations", "cpus" | "generic_resources"] => {
            ("an engine reserves no processors", "use `limits`, or `cpu_shares`")
        }
        _ => return None,
    })
}
