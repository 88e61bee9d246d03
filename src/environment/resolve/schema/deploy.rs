//! `deploy` of a service.

use super::super::deploy::MONITOR;
use super::limits;
use super::shape::{Shape, duration, either, form, key, level, list, number, number_or, words};
use crate::duration;

/// `deploy`
pub(super) fn deploy() -> Shape {
    let mode = "`global`: one on every host that the constraints admit; `replicated`: `replicas` altogether.";
    level([
        key("mode", mode, words(["global", "replicated"])),
        key("replicas", "How many there are altogether.", number(1..=1000)),
        key("placement", "Which hosts run it.", placement()),
        key("update_config", "How it is rolled out.", update_config()),
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

fn update_config() -> Shape {
    let parallelism = || number_or(&(0..=i64::from(u32::MAX)), "([1-9][0-9]?|100)%");
    let canary = level([
        key("hosts", "How many: a number, or a share such as `10%`.", parallelism()),
        key("monitor", "How long they are watched; as the others where it is not said.", duration()),
    ]);
    let canary = either([parallelism(), canary.item(&[])]);
    level([
        key("parallelism", "Hosts at a time: a number (0 is all), or a share such as `25%`.", parallelism()).default(1),
        key("canary", "Hosts that come first and are watched before the others follow.", canary),
        key("delay", "From one batch to the next.", duration()).default("0s"),
        key(
            "order",
            "`stop-first`: the old container stops before the new one starts; `start-first`: both run for a moment.",
            words(["stop-first", "start-first"]),
        )
        .default("stop-first"),
        key("monitor", "A failure this long after promotion counts.", duration()).default(duration::display(MONITOR)),
        key(
            "failure_action",
            "`rollback`: every host goes back to what it ran before; `pause`: the rollout halts.",
            words(["rollback", "pause"]),
        )
        .default("rollback"),
    ])
}

fn restart_policy() -> Shape {
    level([
        key("condition", "When the engine restarts it.", words(["none", "on-failure", "any"])).default("any"),
        key("max_attempts", "With `on-failure`: how often; 0 is without end.", number(0..=1000)).default(0),
    ])
}
