//! `health` and `healthcheck` of a service.

use super::super::health::DEFAULTS;
use super::shape::{
    Key, Shape, boolean, command, duration, either, form, key, level, list, listed, named_text, number, text, words,
};
use crate::duration;
use crate::environment::Method;

/// The gate and the engine's own check.
pub(super) fn keys() -> [Key; 2] {
    let gate = "The gate: a new container gets its place after it has answered for `min_healthy_time` without a break. \
                A service without one says `none`.";
    [
        key("health", gate, either([words(["none", "container"]), health()])),
        key("healthcheck", "The engine's own check, which `health: container` asks.", healthcheck()),
    ]
}

fn health() -> Shape {
    let port = || key("port", "The port in the container.", number(1..=65535));
    let path = key("path", "What is asked for; an answer from 200 to 299 is healthy.", form("/.*")).default("/");
    level([
        key("http", "GET answers with a status from 200 to 299.", level([port(), path])),
        key("tcp", "The port accepts a connection and keeps it open.", level([port()])),
        key("exec", "A command in the container exits with 0.", command()),
        key("container", "The engine's own check, of the image or of `healthcheck`.", level([])),
        key("none", "Only that the container keeps running.", level([])),
        key("interval", "From one question to the next.", duration()).default(duration::display(DEFAULTS.interval)),
        key("timeout", "For one answer.", duration()).default(duration::display(DEFAULTS.timeout)),
        key("min_healthy_time", "Healthy for so long without a break.", duration())
            .default(duration::display(DEFAULTS.min_healthy_time)),
        key("healthy_deadline", "Healthy by then, or the release has failed.", duration())
            .default(duration::display(DEFAULTS.healthy_deadline)),
        key("successes", "So many answers in a row must be a yes.", number(1..=1000)).default(DEFAULTS.successes),
        key(
            "expect",
            "What the answer to an `http` check must be; a status from 200 to 299 is enough.",
            level(answer()),
        ),
        key("smoke", "Requests made once, in order, when it is healthy and before it counts as such.", list(smoke())),
    ])
}

/// What an answer must be.
fn answer() -> [Key; 3] {
    let header = "Headers with their values, such as one that names the release that answers.";
    [
        key("status", "A status, or a list of them; 200 to 299 where it is not said.", listed(number(200..=599))),
        key("header", header, named_text(text())),
        key("contains", "Text that is in the body.", text()),
    ]
}

fn smoke() -> Shape {
    let methods = words(Method::ALL.map(Method::as_str));
    let own = [
        key("path", "What is asked for.", form("/.*")),
        key("method", "How, without a body.", methods).default(Method::Get.as_str()),
        key("port", "The port in the container; that of the `http` check where it is not said.", number(1..=65535)),
        key("timeout", "How long the answer may take; as for the gate where it is not said.", duration()),
    ];
    level(own.into_iter().chain(answer())).item(&["path"])
}

fn healthcheck() -> Shape {
    let test = "The command: text for a shell, `[CMD, program, argument]`, `[CMD-SHELL, text]` or `[NONE]`.";
    level([
        key("test", test, either([text(), list(text())])),
        key("disable", "The image's own check is not asked.", boolean()).default(false),
        key("interval", "From one check to the next; the engine's 30s where it is not said.", duration()),
        key("timeout", "For one check; the engine's 30s where it is not said.", duration()),
        key(
            "retries",
            "Failures in a row that make it unhealthy; the engine's 3 where it is not said.",
            number(1..=1000),
        ),
        key("start_period", "In this time after the start failures do not count.", duration()),
        key("start_interval", "From one check to the next within `start_period`.", duration()),
    ])
}
