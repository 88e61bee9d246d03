//! The JSON Schema of a layer of a manifest: what may be written, for editors. It stands beside the code that reads the
//! keys and takes words and defaults from it; a test holds every level, word, shape and default against that code.
//!
//! A layer is a part of a manifest, so nothing is required in it but what an item of a list needs by itself. Tags are
//! outside JSON Schema: a value with `!reset` is to be taken for absent, and one with `!override` for the value alone.

use serde_json::{Map, Value, json};

use super::KEEP_RELEASES;
use crate::environment::prune::Prune;
use shape::{Shape, boolean, duration, key, level, listed, name, named, named_text, number, service, text, text_of};

mod build;
mod confinement;
mod declared;
mod deploy;
mod given;
mod health;
mod hooks;
mod limits;
mod notify;
mod publish;
mod service;
mod shape;
mod traffic;

/// The schema, as an object of JSON Schema's draft 7, which is what editors know best.
pub fn schema() -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".to_owned(), json!("A layer of a shipctl manifest"));
    schema.insert("description".to_owned(), json!("A file in environments/, without what it extends."));
    schema.extend(top().into_map());
    let definitions = json!({ "service": service::service(), "override": service::written_differently() });
    schema.insert("definitions".to_owned(), definitions);
    Value::Object(schema)
}

fn top() -> Shape {
    level([
        key("project", "The project's name; with the environment's it begins every name on a host.", name()),
        key("extends", "The layer below this one, or a list of layers; `base` where it is not said.", listed(name())),
        key(
            "profiles",
            "Profiles that are active here: a service with `profiles` runs where one of them is.",
            listed(text()),
        ),
        key("keep_releases", "Earlier releases that each host keeps for a rollback.", number(1..=100))
            .default(KEEP_RELEASES),
        key(
            "prune",
            "What is removed from hosts once no release needs it any more.",
            level([
                key("automatic", "Remove images at the end of each rollout that came to a good one.", boolean())
                    .default(Prune::default().automatic),
                key("grace", "How long an image stays after it was made or rolled out.", duration())
                    .default(crate::duration::display(Prune::default().grace)),
                key(
                    "exclude",
                    "Images that stay: names in which `*` stands for any characters.",
                    listed(text_of(r"^\S{1,512}$")),
                ),
            ]),
        ),
        key("hosts", "The machines, by name.", named(declared::host())),
        key("registry", "The private registry that images are pushed to and pulled from.", declared::registry()),
        key("images", "How images come to hosts.", declared::images()),
        key("balancers", "The load balancers in front of hosts, by name.", named(traffic::balancer())),
        key("edge", "The way in that shipctl runs on hosts that have no load balancer.", traffic::edge()),
        key(
            "builder",
            "The engine that builds images; this machine's own Docker where it is not said.",
            declared::builder(),
        ),
        key("roles", "How services differ for the hosts of a role.", named_text(declared::role())),
        key("services", "What runs on the hosts, in the words of the Compose Specification.", named(service())),
        key("secrets", "Secrets that services, and the registry's login, refer to by name.", named(declared::secret())),
        key("configs", "Configuration files that services refer to by name.", named(declared::config())),
        key(
            "networks",
            "Networks that services refer to by name; `default` is there without being declared.",
            named(declared::network()),
        ),
        key("publish", "Key-value stores that a release writes configuration to.", named(publish::store())),
        key("jobs", "What runs once for a release, such as a migration, by name.", named(declared::job())),
        key("hooks", "What runs on this machine at named points of a rollout.", hooks::hooks()),
        key("notify", "Who is told what comes of a rollout, by name.", named(notify::notification())),
        key("volumes", "Volumes that services refer to by name. A volume is never removed.", named(declared::volume())),
        key("age", "Who can read the encrypted files of the repository.", declared::age()),
    ])
}
