//! `jobs:`, what runs once for a release.

use std::time::Duration;

use indexmap::IndexMap;

use super::hosts::Machine;
use super::service::Draft;
use crate::environment::{Job, When};
use crate::fleet::Host;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, quoted};
use crate::manifest::suggest;
use crate::name::{HostName, JobName, ServiceName};

/// How long a job may take where the manifest is silent.
pub(super) const TIMEOUT: Duration = Duration::from_mins(5);

/// When a job runs, in words.
pub(super) const WHEN: [(&str, When); 2] = [("before", When::Before), ("after", When::After)];

/// All jobs whose services are active, in the order of the manifest. `known` are also services that are not.
pub(super) fn decode(
    top: &mut Fields<'_>,
    decoder: &mut Decoder<'_>,
    machines: &[Machine<'_>],
    drafts: &[Draft],
    known: &[ServiceName],
) -> IndexMap<JobName, Job> {
    let Some(entry) = top.entry("jobs") else { return IndexMap::new() };
    let entries = decoder.map(&entry.value, entry.key);
    let mut jobs = IndexMap::new();
    for (key, entry) in entries.named() {
        let name = decoder.name::<JobName>(key, entry.key, "the name of a job");
        if let (Some(name), Some(job)) =
            (name.clone(), name.and_then(|it| job(it, entry, decoder, machines, drafts, known)))
        {
            jobs.insert(name, job);
        }
    }
    jobs
}

fn job(
    name: JobName,
    entry: &Entry,
    decoder: &mut Decoder<'_>,
    machines: &[Machine<'_>],
    drafts: &[Draft],
    known: &[ServiceName],
) -> Option<Job> {
    let mut fields = decoder.map(&entry.value, entry.key);
    let service = fields.required("service", decoder).and_then(|node| {
        let text = decoder.text(node)?;
        let found = known.iter().find(|name| name.as_str() == text);
        if found.is_none() {
            let hint = suggest::hint(text, known.iter().map(ServiceName::as_str));
            decoder.problem_with_help(node.span, format!("there is no service {}", quoted(text)), hint);
        }
        found
    });
    let command = fields.required("command", decoder).and_then(|node| {
        let command = decoder.command(node)?;
        if command.is_empty() {
            decoder.problem(node.span, "a job needs a command that ends");
        }
        Some(command)
    });
    let entrypoint = fields.get("entrypoint").and_then(|node| decoder.command(node));
    let when = fields.get("when").and_then(|node| decoder.word(node, &WHEN)).unwrap_or(When::Before);
    let timeout = fields.get("timeout").and_then(|node| decoder.duration(node)).unwrap_or(TIMEOUT);
    if let (true, Some(node)) = (timeout.is_zero(), fields.get("timeout")) {
        decoder.problem(node.span, "a job that may take no time cannot run");
    }
    let reversible = if fields.entry("reversible").is_some() {
        fields
            .get("reversible")
            .and_then(|node| decoder.word(node, &[("yes", true), ("no", false), ("true", true), ("false", false)]))
    } else {
        let help =
            "write `reversible: yes` if the release before can still run once it has, otherwise `reversible: no`";
        fields.lack(decoder, "nothing says whether the job is reversible", help);
        None
    };
    let (host, role) = (fields.entry("host"), fields.entry("role"));
    if let (Some(_), Some(role)) = (host, role) {
        decoder.problem(role.key, "a job has a `host` or a `role`, not both");
    }
    let draft = drafts.iter().find(|draft| Some(&draft.service.name) == service);
    let mut placed: Vec<&Host> = machines.iter().map(|machine| &machine.host).collect();
    placed.retain(|host| draft.is_none_or(|draft| draft.admits(host)));
    placed.sort_by(|a, b| a.name.cmp(&b.name));
    let host = place(host, role, &placed, draft, decoder);
    fields.finish(decoder);
    // That of a service that is not active here, does not run here either.
    let service = draft?.service.name.clone();
    Some(Job { name, service, host: host?, command: command?, entrypoint, when, timeout, reversible: reversible? })
}

/// The host that is named, or the first of the role, or the first of all that run the service.
fn place(
    host: Option<&Entry>,
    role: Option<&Entry>,
    placed: &[&Host],
    draft: Option<&Draft>,
    decoder: &mut Decoder<'_>,
) -> Option<HostName> {
    let service = draft.map_or("the service", |draft| draft.service.name.as_str());
    if let Some(entry) = host {
        let text = decoder.text(&entry.value)?;
        let found = placed.iter().find(|host| host.name.as_str() == text);
        if found.is_none() {
            let hint = suggest::hint(text, placed.iter().map(|host| host.name.as_str()));
            let message = format!("no host {} runs {service}", quoted(text));
            decoder.problem_with_help(entry.value.span, message, hint);
        }
        return found.map(|host| host.name.clone());
    }
    if let Some(entry) = role {
        let text = decoder.text(&entry.value)?;
        let found = placed.iter().find(|host| host.role.as_deref() == Some(text));
        if found.is_none() {
            let roles: std::collections::BTreeSet<_> = placed.iter().filter_map(|host| host.role.as_deref()).collect();
            let message = format!("no host of the role {} runs {service}", quoted(text));
            decoder.problem_with_help(entry.value.span, message, suggest::hint(text, roles));
        }
        return found.map(|host| host.name.clone());
    }
    placed.first().map(|host| host.name.clone())
}
