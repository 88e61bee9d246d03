//! What the records of a rollout say beside their times: gates and their answers, images that came, what balancers
//! showed, measurements, warnings, and every line.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::event::{Arrived, Event, Failure, Record};
use crate::journal::story::{End, Span, Story, What};
use crate::plan::Step;
use crate::report::clean::{clean, clip};
use crate::report::line::{self, Weight, asked_words, compared_words, line, server_words, size};
use crate::report::style::{Tone, took};

use super::timeline::since;

const LONGEST: usize = 600;

/// A gate that was waited at.
#[derive(Debug, Serialize)]
pub(super) struct Gate {
    at: String,
    host: String,
    service: String,
    what: String,
    took: String,
    result: String,
    failed: bool,
    answers: Vec<Answer>,
}

/// What a container answered from then on.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    at: String,
    text: String,
    healthy: bool,
}

/// An image that came to a host.
#[derive(Debug, Serialize)]
pub(super) struct Pull {
    host: String,
    image: String,
    bytes: String,
    took: String,
}

/// What a balancer showed of a server.
#[derive(Debug, Serialize)]
pub(super) struct Routed {
    at: String,
    host: String,
    service: String,
    route: String,
    state: String,
    in_traffic: bool,
}

/// A record in words.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    at: String,
    who: String,
    text: String,
    tone: &'static str,
    milestone: bool,
}

pub(super) fn gates(story: &Story) -> Vec<Gate> {
    let gates = story.spans.iter().filter(|span| matches!(span.what, What::Step(Step::Gate(_))));
    gates.map(|span| gate(story, span)).collect()
}

fn gate(story: &Story, span: &Span) -> Gate {
    let text = |name: Option<&str>| name.unwrap_or_default().to_owned();
    let (result, failed) = match &span.end {
        End::Done => ("passed".to_owned(), false),
        End::Failed(why) => (clip(&why.replace('\n', "; "), LONGEST), true),
        End::Open => ("no end is recorded".to_owned(), true),
    };
    let What::Step(step) = &span.what else { unreachable!("only gates are asked for") };
    Gate {
        at: took(since(story.began, span.from)),
        host: text(span.host.as_ref().map(crate::name::HostName::as_str)),
        service: text(span.service.as_ref().map(crate::name::ServiceName::as_str)),
        what: step.to_string(),
        took: took(since(span.from, span.to)),
        result,
        failed,
        answers: answers(story, span),
    }
}

/// What was answered during a gate; the same answer in a row is one.
fn answers(story: &Story, span: &Span) -> Vec<Answer> {
    let within = |record: &&Record| record.at >= span.from && record.at <= span.to;
    let answer = |record: &Record| match &record.event {
        Event::Probed { host, service, not_ready }
            if span.host.as_ref() == Some(host) && span.service.as_ref() == Some(service) =>
        {
            Some(Answer {
                at: took(since(span.from, record.at)),
                text: not_ready.as_deref().map_or_else(|| "healthy".to_owned(), |why| clip(why, LONGEST)),
                healthy: not_ready.is_none(),
            })
        }
        _ => None,
    };
    story.records.iter().filter(within).filter_map(answer).collect()
}

/// The answers at the gate that a failure is about: the last so many.
pub(super) fn last_answers(story: &Story, failure: &Failure) -> Vec<Answer> {
    const SHOWN: usize = 8;
    let is_its = |span: &&Span| {
        span.host == failure.host
            && span.service == failure.service
            && matches!(&span.what, What::Step(step @ Step::Gate(_)) if step.to_string() == failure.doing)
    };
    let mut all = story.spans.iter().rev().find(is_its).map(|span| answers(story, span)).unwrap_or_default();
    all.split_off(all.len().saturating_sub(SHOWN))
}

pub(super) fn pulls(story: &Story) -> Vec<Pull> {
    let pull = |record: &Record| match &record.event {
        Event::Pulled { host, image, bytes, took: time } => Some(Pull {
            host: host.to_string(),
            image: clip(image, LONGEST),
            bytes: if *bytes == 0 { "none counted".to_owned() } else { size(*bytes) },
            took: took(*time),
        }),
        Event::Sent(Arrived { host, image, layers, of, bytes, took: time, .. }) => Some(Pull {
            host: host.to_string(),
            image: clip(image, LONGEST),
            bytes: format!("{}, {layers} of {of} layers", size(*bytes)),
            took: took(*time),
        }),
        _ => None,
    };
    story.records.iter().filter_map(pull).collect()
}

/// The sum of what was pulled, for the head of the page; `None` where nothing is known to have been.
pub(super) fn pulled(story: &Story) -> Option<String> {
    let bytes = story.records.iter().map(|record| match &record.event {
        Event::Pulled { bytes, .. } | Event::Sent(Arrived { bytes, .. }) => *bytes,
        _ => 0,
    });
    Some(bytes.sum()).filter(|sum| *sum > 0).map(size)
}

pub(super) fn routed(story: &Story) -> Vec<Routed> {
    let routed = |record: &Record| match &record.event {
        Event::Routed { host, service, route, server } => Some(Routed {
            at: took(since(story.began, record.at)),
            host: host.to_string(),
            service: service.to_string(),
            route: route.to_string(),
            state: server_words(server),
            in_traffic: server.is_in_traffic(),
        }),
        _ => None,
    };
    story.records.iter().filter_map(routed).collect()
}

/// What was measured, and whether it was as it may be.
pub(super) fn measured(story: &Story) -> Vec<(String, String)> {
    let words = |record: &Record| match &record.event {
        Event::Compared(compared) => Some((compared.service.to_string(), compared_words(compared))),
        Event::Asked(asked) => Some((asked.service.to_string(), asked_words(asked))),
        _ => None,
    };
    story.records.iter().filter_map(words).collect()
}

/// Warnings; those that were given again and again are told once, with how often.
pub(super) fn warnings(story: &Story) -> Vec<(String, String)> {
    let mut told: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut order = Vec::new();
    for record in story.records.iter().filter(|record| matches!(record.event, Event::Warning(_))) {
        let Some(line) = line(&record.event) else { continue };
        let text = format!("{}{}", who(&line), line.text);
        let seen = told.entry(text.clone()).or_insert_with(|| {
            order.push(text);
            (0, took(since(story.began, record.at)))
        });
        seen.0 += 1;
    }
    let again = |text: String| {
        let (times, first) = told.get(&text).cloned().unwrap_or_default();
        (first, if times > 1 { format!("{text} ({times} times)") } else { text })
    };
    order.into_iter().map(again).collect()
}

/// Every record that has words.
pub(super) fn said(story: &Story) -> Vec<Said> {
    let said = |record: &Record| {
        let line = line(&record.event)?;
        Some(Said {
            at: took(since(story.began, record.at)),
            who: who(&line),
            text: clean(&line.text).into_owned(),
            tone: tone(line.tone),
            milestone: line.weight == Weight::Milestone,
        })
    };
    story.records.iter().filter_map(said).collect()
}

fn who(line: &line::Line<'_>) -> String {
    let names = [line.host.map(crate::name::HostName::as_str), line.service.map(crate::name::ServiceName::as_str)];
    let names: Vec<_> = names.into_iter().flatten().collect();
    if names.is_empty() { String::new() } else { format!("{} ", names.join(" ")) }
}

pub(super) fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Neutral | Tone::Strong => "neutral",
        Tone::Quiet => "quiet",
        Tone::Warning => "warning",
        Tone::Bad => "bad",
    }
}
