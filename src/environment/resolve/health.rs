//! `health:` and `healthcheck:` of a service.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answer;
use crate::environment::{Check, Expect, Health, Healthcheck};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Kind, Node, quoted};
use crate::manifest::rules::CHECKS;
use crate::manifest::suggest;

pub(super) const DEFAULTS: Health = Health {
    check: Check::Running,
    interval: Duration::from_millis(200),
    timeout: Duration::from_secs(2),
    min_healthy_time: Duration::from_secs(1),
    healthy_deadline: Duration::from_mins(1),
    successes: 1,
    expect: Expect { status: Vec::new(), header: BTreeMap::new(), contains: None },
    smoke: Vec::new(),
};

/// The gate. A service without one must say so.
pub(super) fn gate(fields: &mut Fields<'_>, healthcheck: Option<&Healthcheck>, decoder: &mut Decoder<'_>) -> Health {
    let container = healthcheck.is_some_and(|check| check.test.first().is_some_and(|word| word != "NONE"));
    let Some(entry) = fields.entry("health") else {
        if !container {
            let help = "define `health: { http: { port: 80, path: /up } }` (or `tcp`, `exec`, `container`), or write `health: none`";
            fields.lack(decoder, "nothing says when this service is healthy", help);
        }
        return Health { check: Check::Container, ..DEFAULTS };
    };
    let health = match entry.value.text() {
        Some(_) => {
            let words = [("none", Check::Running), ("container", Check::Container)];
            let known: Vec<(&str, usize)> = words.iter().enumerate().map(|(index, (word, _))| (*word, index)).collect();
            let [(_, none), (_, image)] = words;
            match decoder.word(&entry.value, &known) {
                Some(1) => Health { check: image, ..DEFAULTS },
                _ => Health { check: none, ..DEFAULTS },
            }
        }
        None => long(entry, container, decoder),
    };
    if health.check == Check::Container && healthcheck.is_some() && !container {
        decoder.problem(entry.key, "the gate asks the container's health check, which `healthcheck` turns off");
    }
    health
}

fn long(entry: &Entry, container: bool, decoder: &mut Decoder<'_>) -> Health {
    let mut fields = decoder.map(&entry.value, entry.key);
    let checks: Vec<(&'static str, &Entry)> =
        CHECKS.iter().flat_map(|group| *group).filter_map(|key| Some((*key, fields.entry(key)?))).collect();
    let check = match checks.as_slice() {
        [(key, value)] => check(key, value, decoder),
        [] if container => Some(Check::Container),
        [] => {
            let help = suggest::one_of(CHECKS.iter().flat_map(|group| group.iter().copied()));
            decoder.problem_with_help(entry.key, "`health` does not say what to check", help);
            None
        }
        [(first, _), rest @ ..] => {
            for (key, value) in rest {
                decoder.problem(value.key, format!("`{key}` beside `{first}`: a gate has one check"));
            }
            None
        }
    };
    let mut time = |key, default: Duration, shortest: Duration| match fields.entry(key) {
        None => (default, entry.key),
        Some(entry) => {
            let value = decoder.duration(&entry.value).unwrap_or(default);
            if value < shortest {
                decoder.problem(entry.value.span, format!("`{key}` must be longer than `0s`"));
            }
            (value, entry.value.span)
        }
    };
    let tick = Duration::from_millis(1);
    let (interval, _) = time("interval", DEFAULTS.interval, tick);
    let (timeout, _) = time("timeout", DEFAULTS.timeout, tick);
    let (min_healthy_time, span) = time("min_healthy_time", DEFAULTS.min_healthy_time, Duration::ZERO);
    let (healthy_deadline, deadline) = time("healthy_deadline", DEFAULTS.healthy_deadline, tick);
    if min_healthy_time >= healthy_deadline {
        let at = if span == entry.key { deadline } else { span };
        let message = "`min_healthy_time` must be shorter than `healthy_deadline`, or no container ever passes";
        let values = |duration| crate::duration::display(duration);
        decoder.problem_with_help(
            at,
            message,
            format!("they are {} and {}", values(min_healthy_time), values(healthy_deadline)),
        );
    }
    let successes = fields.get("successes").and_then(|node| {
        let successes = decoder.number(node, 1..=1000).and_then(|number| u32::try_from(number).ok())?;
        let shortest = interval * (successes - 1);
        if shortest >= healthy_deadline {
            let help = format!("they take {} and more", crate::duration::display(shortest));
            let message = "so many `successes`, one `interval` after the other, take longer than `healthy_deadline`";
            decoder.problem_with_help(node.span, message, help);
        }
        Some(successes)
    });
    let port = match check {
        Some(Check::Http { port, .. }) => Some(port),
        _ => None,
    };
    let is_http = checks.first().is_some_and(|(key, _)| *key == "http");
    let expect = fields.entry("expect").map(|entry| {
        if !is_http && !checks.is_empty() {
            decoder.problem(entry.key, "`expect` is about the answer to an `http` check, and there is none");
        }
        answer::expect(entry, decoder)
    });
    let smoke = answer::smoke(&mut fields, port, timeout, is_http, decoder);
    fields.finish(decoder);
    Health {
        check: check.unwrap_or(Check::Running),
        interval,
        timeout,
        min_healthy_time,
        healthy_deadline,
        successes: successes.unwrap_or(1),
        expect: expect.unwrap_or_default(),
        smoke,
    }
}

fn check(key: &str, entry: &Entry, decoder: &mut Decoder<'_>) -> Option<Check> {
    if key == "exec" {
        let command = decoder.command(&entry.value)?;
        if command.is_empty() {
            decoder.problem(entry.value.span, "`exec` needs a command");
        }
        return Some(Check::Exec { command });
    }
    let mut fields = decoder.map(&entry.value, entry.key);
    let check = match key {
        "http" | "tcp" => {
            let port = fields.required("port", decoder).and_then(|node| decoder.port(node));
            if key == "tcp" {
                port.map(|port| Check::Tcp { port })
            } else {
                let path = fields.get("path").map_or(Some("/".to_owned()), |node| path(node, decoder));
                port.zip(path).map(|(port, path)| Check::Http { port, path })
            }
        }
        "container" => Some(Check::Container),
        _ => Some(Check::Running),
    };
    fields.finish(decoder);
    check
}

/// What goes into the request line, so nothing that could end it or name another host.
pub(super) fn path(node: &Node, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    let plain = text.bytes().all(|b| b.is_ascii_graphic());
    if !text.starts_with('/') || text.starts_with("//") || !plain || text.contains('#') {
        let help = "write a path such as `/up`: it begins with one `/`; escape what is not ASCII with `%`";
        decoder.problem_with_help(node.span, format!("{} is not a path", quoted(text)), help);
        return None;
    }
    Some(text.to_owned())
}

/// The engine's own check.
pub(super) fn healthcheck(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Option<Healthcheck> {
    let entry = fields.entry("healthcheck")?;
    let mut fields = decoder.map(&entry.value, entry.key);
    let disabled = fields.get("disable").and_then(|node| decoder.boolean(node)).unwrap_or(false);
    let test = match (fields.get("test"), disabled) {
        (_, true) => Some(vec!["NONE".to_owned()]),
        (Some(node), false) => test(node, decoder),
        (None, false) => fields.required("test", decoder).and(None),
    };
    let mut millis = |key| {
        let node = fields.get(key)?;
        let duration = decoder.duration(node)?;
        if duration < Duration::from_millis(1) && key != "start_period" {
            decoder.problem(node.span, format!("`{key}` must be longer than `0s`"));
        }
        u64::try_from(duration.as_millis()).ok()
    };
    let (interval_ms, timeout_ms, start_period_ms) = (millis("interval"), millis("timeout"), millis("start_period"));
    let start_interval_ms = millis("start_interval");
    let retries =
        fields.get("retries").and_then(|node| decoder.number(node, 1..=1000)).and_then(|n| u32::try_from(n).ok());
    fields.finish_compose(decoder, &[]);
    // What could not be read counts as a check, so that the gate does not complain as well.
    let test = test.unwrap_or_else(|| vec!["CMD".to_owned()]);
    Some(Healthcheck { test, interval_ms, timeout_ms, retries, start_period_ms, start_interval_ms })
}

fn test(node: &Node, decoder: &mut Decoder<'_>) -> Option<Vec<String>> {
    let Kind::List(items) = &node.kind else {
        return decoder.text(node).map(|text| vec!["CMD-SHELL".to_owned(), text.to_owned()]);
    };
    let words: Vec<String> = items.iter().map(|item| decoder.text(item).map(str::to_owned)).collect::<Option<_>>()?;
    let count = match words.first().map(String::as_str) {
        Some("NONE") => words.len() == 1,
        Some("CMD-SHELL") => words.len() == 2,
        Some("CMD") => words.len() >= 2,
        _ => false,
    };
    if !count {
        let help = "write `[CMD, program, argument]`, `[CMD-SHELL, \"text for a shell\"]` or `[NONE]`";
        decoder.problem_with_help(node.span, "this is not a health check", help);
    }
    count.then_some(words)
}
