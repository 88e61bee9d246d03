//! `notify:`, who is told what comes of a rollout.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::declared::Declared;
use super::privileges::one_or_more;
use super::{existing_file, hooks};
use crate::duration;
use crate::environment::notify::{Given, Notification, Occasion, Recipient, Target};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Kind, Node, quoted};
use crate::name::ResourceName;

/// How long one attempt may take where the manifest is silent.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
/// The end of a rollout waits for it.
const LONGEST: Duration = Duration::from_mins(1);

/// Everybody who is told, by the name the manifest gives them.
pub(super) fn decode(
    top: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
) -> BTreeMap<String, Notification> {
    let Some(entry) = top.entry("notify") else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    for (name, entry) in decoder.map(&entry.value, entry.key).named() {
        decoder.name::<ResourceName>(name, entry.key, "the name of somebody to notify");
        if let Some(one) = notification(entry, decoder, declared) {
            all.insert(name.to_owned(), one);
        }
    }
    all
}

fn notification(entry: &Entry, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Option<Notification> {
    let mut fields = decoder.map(&entry.value, entry.key);
    let ways: Vec<_> =
        ["webhook", "slack", "command"].iter().filter_map(|key| Some((*key, fields.entry(key)?))).collect();
    let to = match ways.as_slice() {
        [("command", entry)] => hooks::command(&entry.value, decoder, declared.root).map(Recipient::Command),
        [(way, entry)] => over_the_web(*way == "webhook", entry, decoder, declared),
        [] => {
            let help = "write `webhook: { url: … }`, `slack: { url: … }` or `command: [program, argument]`";
            fields.lack(decoder, "nothing says how they are reached", help);
            None
        }
        [_, (way, entry), ..] => {
            decoder.problem(entry.key, format!("`{way}` beside another way: each entry is one of them"));
            None
        }
    };
    let on = match fields.get("on") {
        Some(node) => occasions(node, decoder),
        None => Occasion::ALL.into(),
    };
    let timeout = hooks::timeout(&mut fields, decoder).unwrap_or(TIMEOUT);
    if let Some(node) = fields.get("timeout").filter(|_| timeout > LONGEST) {
        let longest = duration::display(LONGEST);
        decoder.problem(node.span, format!("the end of a rollout waits for this, so it is at most {longest}"));
    }
    fields.finish(decoder);
    Some(Notification { to: to?, on, timeout })
}

fn occasions(node: &Node, decoder: &mut Decoder<'_>) -> BTreeSet<Occasion> {
    let words = Occasion::ALL.map(|occasion| (occasion.as_str(), occasion));
    let items = one_or_more(node);
    if items.is_empty() {
        decoder.problem_with_help(node.span, "they would be told of nothing", "leave `on` out for everything");
    }
    items.iter().filter_map(|item| decoder.word(item, &words)).collect()
}

fn over_the_web(
    is_webhook: bool,
    entry: &Entry,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
) -> Option<Recipient> {
    let mut fields = decoder.map(&entry.value, entry.key);
    let insecure = fields.get("insecure").and_then(|node| decoder.boolean(node)).unwrap_or(false);
    let url = fields.required("url", decoder).and_then(|node| {
        let url = given(node, decoder, declared)?;
        if let Given::Text(text) = &url {
            check_url(text, insecure, node, decoder);
        }
        Some(url)
    });
    let ca = fields.get("ca").and_then(|node| existing_file(node, decoder, declared.root));
    let headers = if is_webhook { fields.entry("headers") } else { None };
    let headers = headers.map(|entry| headers_of(entry, decoder, declared)).unwrap_or_default();
    fields.finish(decoder);
    let target = Target { url: url?, insecure, ca };
    Some(if is_webhook { Recipient::Webhook { target, headers } } else { Recipient::Slack(target) })
}

fn headers_of(entry: &Entry, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> BTreeMap<String, Given> {
    let mut headers = BTreeMap::new();
    for (name, entry) in decoder.map(&entry.value, entry.key).named() {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            decoder.problem(entry.key, format!("{} is not the name of a header", quoted(name)));
        }
        let Some(value) = given(&entry.value, decoder, declared) else { continue };
        if let Given::Text(text) = &value
            && text.chars().any(char::is_control)
        {
            decoder.problem(entry.value.span, "a header is one line of text");
        }
        headers.insert(name.to_owned(), value);
    }
    headers
}

/// Text, or the secret that holds it.
fn given(node: &Node, decoder: &mut Decoder<'_>, declared: &Declared<'_>) -> Option<Given> {
    let Kind::Map(_) = node.kind else { return decoder.text(node).map(|text| Given::Text(text.to_owned())) };
    let mut fields = decoder.map(node, node.span);
    let name = fields.required("secret", decoder);
    fields.finish(decoder);
    declared.secret(name?, decoder).map(Given::Secret)
}

fn check_url(text: &str, insecure: bool, node: &Node, decoder: &mut Decoder<'_>) {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let machine = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    let is_sound = |machine: &str| !machine.is_empty() && !machine.contains('@');
    if !machine.is_some_and(is_sound) || text.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        let message = format!("{} is not the address of a web server", quoted(text));
        decoder.problem_with_help(node.span, message, "write `https://host/path`, or `{ secret: NAME }`");
    } else if text.starts_with("http://") && !insecure {
        let help = "write `https://…`, or `insecure: true` to accept that";
        decoder.problem_with_help(node.span, "whoever is on the way can read and change this", help);
    }
}
