//! `services.<name>`.

use serde_json::json;

use super::super::overrides::OF_THE_FLEET;
use super::super::runtime::{RESTART, SIGNALS};
use super::super::service::STOP_GRACE;
use super::shape::{
    Key, Shape, boolean, command, duration, either, form, key, level, list, listed, name, named_text, number,
    only_false, pairs, service as reference, text, words, words_or,
};
use super::{build, confinement, deploy, given, health, limits, traffic};
use crate::duration;
use crate::environment::RestartPolicy;

/// All keys of a service.
pub(super) fn service() -> Shape {
    let keys = start().into_iter().chain(end()).chain(health::keys()).chain(order());
    level(keys.chain(given::keys()).chain(confinement::keys()).chain(limits::keys()))
}

/// A service as it is written for a host or a role: without what is the same on every host.
pub(super) fn written_differently() -> Shape {
    let refused = OF_THE_FLEET.iter().map(|&key| (key.to_owned(), json!(false)));
    Shape::from_iter([
        ("allOf".to_owned(), json!([reference()])),
        ("properties".to_owned(), refused.collect::<serde_json::Map<_, _>>().into()),
    ])
}

fn start() -> Vec<Key> {
    vec![
        key("image", "The image's name. Without a registry's part it is looked up in `registry`.", text()),
        key(
            "build",
            "How the image is built, or the directory that it is built from.",
            either([text(), build::build()]),
        ),
        key("platform", "For which machine: `linux/amd64`, `linux/arm64/v8`.", build::platform()),
        key(
            "pull_policy",
            "Tags are looked up in each deploy and hosts pull what they lack, so these come to the same.",
            words(["always", "missing", "if_not_present", "build"]),
        ),
        key("command", "What is run instead of the image's own command.", command()),
        key("entrypoint", "What is put before the command.", command()),
        key("working_dir", "The directory that the command starts in, an absolute path.", form("/.*")),
        key("user", "`user` or `user:group`, by name or number.", text()),
        key("init", "Run a small init as the first process, which reaps what others leave.", boolean()).default(false),
        key("tty", "With a terminal.", boolean()).default(false),
        key("stdin_open", "With an open standard input.", boolean()).default(false),
    ]
}

fn end() -> Vec<Key> {
    let restart = words_or(["no", "always", "unless-stopped", "on-failure"], &form("on-failure:(0|[1-9][0-9]*)"));
    let RestartPolicy::OnFailure(attempts) = RESTART else { unreachable!("no other policy counts") };
    let signal = number(1..=64);
    let named_signal = form("(SIG)?(RTMIN\\+([12]?[0-9]|30)|[A-Z0-9]+)");
    vec![
        key("restart", "What the engine does when the container ends.", restart)
            .default(format!("on-failure:{attempts}")),
        key(
            "stop_signal",
            "The signal that asks the container to end; the image's own, or SIGTERM, where it is not said.",
            words_or(SIGNALS, &either([signal, named_signal])),
        ),
        key("stop_grace_period", "From the stop signal until the container is ended by force.", duration())
            .default(duration::display(STOP_GRACE)),
    ]
}

fn order() -> Vec<Key> {
    let condition = level([
        key(
            "condition",
            "Services are healthy before the next one begins, so both come to the same.",
            words(["service_started", "service_healthy"]),
        ),
        key("required", "Whether it is an error that there is no such service.", boolean()).default(true),
        key("restart", "Only `false`: a service must bear that one it depends on is replaced.", only_false())
            .default(false),
    ]);
    let extends = level([
        key("service", "The service that this one is put over.", text()),
        key("file", "The file that it is in, beneath the project; this manifest where it is not said.", text()),
    ]);
    vec![
        key("deploy", "Where it runs, how often, and how it is rolled out.", deploy::deploy()),
        key("traffic", "The load balancers that its hosts are taken out of and put back into.", traffic::traffic()),
        key(
            "depends_on",
            "Services that are rolled out before it: a list, or a map with conditions.",
            either([list(text()), named_text(condition)]),
        ),
        key("profiles", "Where it runs at all: in environments where one of these profiles is active.", listed(text())),
        key("extends", "A service that it is put over, by name, or in another `file`.", either([name(), extends])),
        key("annotations", "Words to the runtime.", pairs()),
    ]
}
