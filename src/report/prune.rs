//! What was removed from hosts, or would be.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::environment::Scope;
use crate::name::HostName;
use crate::plan::pruning::Stays;
use crate::rollout::clean::Cleaned;

use super::Answer;
use super::clean::clean;
use super::line::{count, names, size};
use super::page::Page;
use super::style::Tone;
use super::table::Table;

/// What came of cleaning up.
#[derive(Debug)]
pub struct PruneAnswer {
    /// Project and environment.
    pub scope: Scope,
    /// Every host.
    pub hosts: BTreeMap<HostName, Cleaned>,
    /// Whether it was done, or only looked for.
    pub done: bool,
}

impl Answer for PruneAnswer {
    fn json(&self) -> (&'static str, Value) {
        let one = |(host, it): (&HostName, &Cleaned)| {
            let gone = |(name, bytes): &(String, u64)| json!({ "name": name, "bytes": bytes });
            let kept = |(name, why): &(String, Stays)| json!({ "name": name, "why": words(why) });
            json!({
                "host": host, "containers": it.containers, "images": it.images.gone.iter().map(gone).collect::<Vec<_>>(),
                "kept": it.images.kept.iter().map(kept).collect::<Vec<_>>(), "bytes": it.images.bytes,
                "failure": it.failure,
            })
        };
        ("prune", json!({ "removed": self.done, "hosts": self.hosts.iter().map(one).collect::<Vec<_>>() }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        let mut table = Table::new(&["HOST", "WHAT", "SIZE", "STATE"]);
        let mut is_empty = true;
        let gone = if self.done { "removed" } else { "would be removed" };
        let mut row = |tone, host: &HostName, cells: [&str; 3]| {
            is_empty = false;
            table.row(tone, [host.as_str(), cells[0], cells[1], cells[2]]);
        };
        for (host, it) in &self.hosts {
            for name in &it.containers {
                row(Tone::Neutral, host, [&format!("container {}", clean(name)), "", gone]);
            }
            for (name, bytes) in &it.images.gone {
                row(Tone::Neutral, host, [&format!("image {}", short(name)), &size(*bytes), gone]);
            }
            for (name, why) in it.images.kept.iter().filter(|_| !self.done) {
                row(Tone::Quiet, host, [&format!("image {}", short(name)), "", &format!("stays: {}", words(why))]);
            }
            if let Some(why) = &it.failure {
                row(Tone::Bad, host, ["", "", &format!("failed: {}", clean(why))]);
            }
        }
        if !is_empty {
            page.ready(&table.text());
            page.gap();
        }
        self.conclude(&mut page);
        page.into_text()
    }
}

impl PruneAnswer {
    fn conclude(&self, page: &mut Page) {
        let Scope { project, environment } = &self.scope;
        let failed: Vec<_> =
            self.hosts.iter().filter(|(_, it)| it.failure.is_some()).map(|(host, _)| host.clone()).collect();
        let (images, containers) = (self.sum(|it| it.images.gone.len()), self.sum(|it| it.containers.len()));
        let bytes = size(self.hosts.values().map(|it| it.images.bytes).sum());
        let what = format!("{} and {}", count(containers, "container"), count(images, "image"));
        let is_nothing = images + containers == 0;
        match (self.done, is_nothing) {
            (_, true) if failed.is_empty() => {
                let words = format!("Nothing to remove: the hosts of {project} {environment} have what releases need.");
                page.line(Tone::Good, &words);
            }
            (_, true) => {}
            (true, false) => page.line(Tone::Good, &format!("Removed {what}; hosts have {bytes} back.")),
            (false, false) => {
                page.line(Tone::Neutral, &format!("{what} would go, and give {bytes} back."));
                page.line(Tone::Neutral, &format!("next: shipctl prune {environment}"));
            }
        }
        if !failed.is_empty() {
            page.line(Tone::Bad, &format!("Failed on {}; nothing that a release needs was touched.", names(&failed)));
        }
    }

    fn sum(&self, of: impl Fn(&Cleaned) -> usize) -> usize {
        self.hosts.values().map(of).sum()
    }
}

/// `registry.internal/shop/web@3fa9c1d2e4b5`
fn short(name: &str) -> String {
    let text = match name.split_once("@sha256:") {
        Some((repository, hex)) => format!("{repository}@{}", hex.get(..12).unwrap_or(hex)),
        None => name.to_owned(),
    };
    clean(&text).into_owned()
}

fn words(why: &Stays) -> String {
    match why {
        Stays::Used(container) => format!("container {} was made from it", clean(container)),
        Stays::Named(name) => format!("somebody knows it as {}", short(name)),
        Stays::Release(number) => format!("release r{number} has it"),
        Stays::Excluded(pattern) => format!("left alone as {}", clean(&pattern.to_string())),
        Stays::Young(since) => format!("new, since {}", since.strftime("%Y-%m-%d %H:%M UTC")),
    }
}
