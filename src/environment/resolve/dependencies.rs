//! `depends_on:` and `profiles:`: which services there are, and in which order.

use std::collections::BTreeSet;

use super::service::Draft;
use super::update::AS_ONE;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Kind, quoted};
use crate::manifest::source::Span;
use crate::manifest::suggest;

/// A service that another one needs.
#[derive(Clone)]
pub(super) struct Dependency {
    name: String,
    /// Whether it is an error that it is not there.
    is_required: bool,
    at: Span,
}

/// What a service needs: a list of names, or a map with conditions.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Vec<Dependency> {
    let Some(node) = fields.get("depends_on") else { return Vec::new() };
    if let Kind::Map(map) = &node.kind {
        return map.iter().map(|(name, entry)| conditional(name, entry, decoder)).collect();
    }
    let items = decoder.list(node).iter();
    let names = items.filter_map(|item| Some((decoder.text(item)?.to_owned(), item.span)));
    names.map(|(name, at)| Dependency { name, is_required: true, at }).collect()
}

/// A service that is started here is healthy before the next one begins, so both conditions are kept.
fn conditional(name: &str, entry: &Entry, decoder: &mut Decoder<'_>) -> Dependency {
    let mut fields = decoder.map(&entry.value, entry.key);
    if let Some(node) = fields.get("condition") {
        if node.text() == Some("service_completed_successfully") {
            let help = "services run for ever; a task that ends is not one";
            decoder.problem_with_help(node.span, "`service_completed_successfully` is not supported", help);
        } else {
            decoder.word(node, &[("service_started", ()), ("service_healthy", ())]);
        }
    }
    let is_required = fields.get("required").and_then(|node| decoder.boolean(node)).unwrap_or(true);
    if let Some(node) = fields.get("restart")
        && decoder.boolean(node) == Some(true)
    {
        let help = "a service must bear that one it depends on is replaced";
        decoder.problem_with_help(node.span, "`restart: true` is not supported", help);
    }
    fields.finish(decoder);
    Dependency { name: name.to_owned(), is_required, at: entry.key }
}

/// Leaves out services none of whose profiles is active, and puts the others behind what they depend on; otherwise the
/// order stays that of the manifest.
pub(super) fn arrange(drafts: Vec<Draft>, active: &[String], decoder: &mut Decoder<'_>) -> Vec<Draft> {
    let names: Vec<String> = drafts.iter().map(|draft| draft.service.name.to_string()).collect();
    let is_active =
        |draft: &Draft| draft.profiles.is_empty() || draft.profiles.iter().any(|profile| active.contains(profile));
    let (mut waiting, asleep): (Vec<Draft>, Vec<Draft>) = drafts.into_iter().partition(is_active);
    for dependency in waiting.iter().flat_map(|draft| &draft.depends_on) {
        let name = &dependency.name;
        if !names.contains(name) {
            if dependency.is_required {
                let help = suggest::hint(name, names.iter().map(String::as_str));
                decoder.problem_with_help(dependency.at, format!("there is no service {}", quoted(name)), help);
            }
        } else if let Some(other) = asleep.iter().find(|draft| draft.service.name.as_str() == name)
            && dependency.is_required
        {
            let help = format!("add `profiles: [{}]` to the environment", other.profiles.join(", "));
            decoder.problem_with_help(dependency.at, format!("no profile of `{name}` is active"), help);
        }
    }
    let mut arranged: Vec<Draft> = Vec::new();
    while !waiting.is_empty() {
        let still: BTreeSet<&str> = waiting.iter().map(|draft| draft.service.name.as_str()).collect();
        let ready = |draft: &Draft| !draft.depends_on.iter().any(|other| still.contains(other.name.as_str()));
        let next = waiting.iter().position(ready);
        if next.is_none()
            && let Some(dependency) = circle(&waiting)
        {
            decoder
                .problem(dependency.at, format!("`depends_on` goes in a circle through {}", quoted(&dependency.name)));
        }
        arranged.push(waiting.remove(next.unwrap_or(0)));
    }
    all_go_as_one(&arranged, decoder);
    arranged
}

/// What needs the new release of a service would meet the earlier one where hosts run different releases.
fn all_go_as_one(drafts: &[Draft], decoder: &mut Decoder<'_>) {
    let is_there = |other: &&Dependency| drafts.iter().any(|draft| draft.service.name.as_str() == other.name);
    let needed = drafts.iter().flat_map(|draft| &draft.depends_on).find(is_there);
    if let (Some(at), Some(needed)) = (drafts.iter().find_map(|draft| draft.alone), needed) {
        let (name, place) = (quoted(&needed.name), decoder.place(needed.at));
        let message = format!("some hosts would run the earlier {name}, and others what needs the new one ({place})");
        decoder.problem_with_help(at, message, AS_ONE);
    }
}

/// A dependency within a circle, where every service still waits for another one.
fn circle(waiting: &[Draft]) -> Option<&Dependency> {
    let find = |name: &str| waiting.iter().find(|draft| draft.service.name.as_str() == name);
    let waits_for = |draft: &Draft| draft.service.name.to_string();
    let mut seen = BTreeSet::new();
    let mut at = waiting.first()?;
    loop {
        let dependency = at.depends_on.iter().find(|other| find(&other.name).is_some())?;
        if !seen.insert(waits_for(at)) {
            return Some(dependency);
        }
        at = find(&dependency.name)?;
    }
}
