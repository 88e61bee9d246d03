//! `deploy` of a service.

use super::super::error_rate::DEFAULTS;
use super::limits;
use super::shape::{Shape, decimal, duration, either, form, key, level, list, number, number_or, ratio, text, words};
use crate::duration;
use crate::environment::UpdatePolicy;

/// `deploy`
pub(super) fn deploy() -> Shape {
    let mode = "`global`: one on every host that the constraints admit; `replicated`: `replicas` altogether.";
    level([
        key("mode", mode, words(["global", "replicated"])),
        key("replicas", "How many there are altogether.", number(1..=1000)),
        key("placement", "Which hosts run it.", placement()),
        key("update_config", "How it is rolled out.", update_config()),
        key("rollback_config", "How hosts go back when that fails.", rollback_config()),
        key("restart_policy", "As `restart` of the service, in other words; it wins.", restart_policy()),
        key("resources", "How much it may use, as `mem_limit` and its like, in other words.", limits::resources()),
    ])
}

fn placement() -> Shape {
    let subject = r"host\.(name|role|labels\..+)";
    let constraint = form(&format!(r"\s*{subject}\s*(==|!=).*"));
    let preference = level([key(
        "spread",
        "A label over whose values the containers are spread evenly: `host.labels.zone`.",
        form(subject),
    )]);
    let constraints = "Over `host.name`, `host.role` and `host.labels.<label>`, with `==` and `!=`; all must hold.";
    level([
        key("constraints", constraints, list(constraint)),
        key("max_replicas_per_node", "Of a replicated service on one host; 0 is no limit.", number(0..=1000)),
        key(
            "preferences",
            "Labels over whose values it is spread, the most important first.",
            list(preference.item(&["spread"])),
        ),
    ])
}

fn rollback_config() -> Shape {
    let parallelism = number_or(&(0..=i64::from(u32::MAX)), "([1-9][0-9]?|100)%");
    level([
        key(
            "parallelism",
            "Hosts at a time: a number (0 is all), or a share; as they came where it is not said.",
            parallelism,
        ),
        key("monitor", "A failure this long after a host is back counts.", duration()).default("0s"),
        key("delay", "From one batch to the next.", duration()).default("0s"),
    ])
}

fn update_config() -> Shape {
    let parallelism = || number_or(&(0..=i64::from(u32::MAX)), "([1-9][0-9]?|100)%");
    let limit = || number_or(&(0..=i64::from(u32::MAX)), "([0-9]|[1-9][0-9]|100)%");
    let canary = level([
        key("hosts", "How many: a number, or a share such as `10%`.", parallelism()),
        key("monitor", "How long they are watched; as the others where it is not said.", duration()),
        key(
            "promote",
            "`manual`: the rollout ends there, and the others follow when somebody says `promote`.",
            words(["automatic", "manual"]),
        )
        .default("automatic"),
    ]);
    let canary = either([parallelism(), canary.item(&[])]);
    level([
        key("parallelism", "Hosts at a time: a number (0 is all), or a share such as `25%`.", parallelism()).default(1),
        key(
            "max_unavailable",
            "Most hosts out of service at a time, those counted that are out anyway; a share is rounded down.",
            limit(),
        ),
        key(
            "max_surge",
            "Most hosts that run both containers at a time, which means `start-first`; a share is rounded up.",
            limit(),
        ),
        key("canary", "Hosts that come first and are watched before the others follow.", canary),
        key("delay", "From one batch to the next.", duration()).default("0s"),
        key(
            "order",
            "`stop-first`: the old container stops before the new one starts; `start-first`: both run for a moment.",
            words(["stop-first", "start-first"]),
        )
        .default("stop-first"),
        key("monitor", "A failure this long after promotion counts.", duration()).default(duration::display(UpdatePolicy::MONITOR)),
        key(
            "failure_action",
            "`rollback`: every host goes back to what it ran before; `pause`: the rollout halts; `continue`: the host that \
             failed goes back alone.",
            words(["rollback", "pause", "continue"]),
        )
        .default("rollback"),
        key(
            "max_failure_ratio",
            "The part of the hosts, from 0 to 1, that may fail and go back alone before that.",
            ratio(),
        ),
        key(
            "progress_deadline",
            "How long a batch may go on without another of its hosts getting ready.",
            duration(),
        )
        .default(duration::display(UpdatePolicy::PROGRESS)),
        key(
            "error_rate",
            "Requests that fail on the new servers compared with the old, while hosts are watched.",
            rate(),
        ),
        key(
            "queries",
            "What Prometheus is asked when hosts have been watched; what may not be is a failure.",
            list(query()),
        ),
    ])
}

fn query() -> Shape {
    let address = "Its address, `http[s]://host:port`, with a path where it has one before `/api`.";
    let query = level([
        key("prometheus", address, form("https?://.+")),
        key("query", "What is asked, in its language.", text()),
        key("at_most", "No number of the answer may be above this.", decimal()),
        key("at_least", "No number of the answer may be below this.", decimal()),
        key("ca", "A file with an authority to trust beside the system's.", text()),
    ]);
    query.item(&["prometheus", "query"])
}

fn rate() -> Shape {
    let share = form(r"(0|[1-9][0-9]?)(\.[0-9]{1,2})?%|100(\.00?)?%");
    let above = "By how much the share of failed requests may be above that of the old servers.";
    level([
        key("above_old", above, share).default(DEFAULTS.above_old.to_string()),
        key("requests", "So many are needed of the new servers, and of the old.", number(1..=1_000_000_000))
            .default(DEFAULTS.requests),
        key("inconclusive", "What it means when there were fewer.", words(["pass", "fail"])).default("fail"),
    ])
}

fn restart_policy() -> Shape {
    level([
        key("condition", "When the engine restarts it.", words(["none", "on-failure", "any"])).default("any"),
        key("max_attempts", "With `on-failure`: how often; 0 is without end.", number(0..=1000)).default(0),
    ])
}
