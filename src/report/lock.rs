//! Who holds the lock of an environment.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::environment::Scope;
use crate::name::HostName;
use crate::rollout::report::Holder;

use super::Answer;
use super::clean::clean;
use super::page::{Page, silent};
use super::style::{Tone, moment};

/// What the hosts say about the lock.
#[derive(Debug)]
pub struct LockAnswer {
    /// Project and environment.
    pub scope: Scope,
    /// On every host that carries one.
    pub holders: Vec<Holder>,
    /// Hosts that did not answer, with what was heard.
    pub unreachable: Vec<(HostName, String)>,
    /// By the operator's clock.
    pub now: Timestamp,
}

impl Answer for LockAnswer {
    fn json(&self) -> (&'static str, Value) {
        ("lock", json!({ "holders": self.holders, "unreachable": self.unreachable }))
    }

    fn text(&self) -> String {
        let Scope { project, environment } = &self.scope;
        let mut page = Page::default();
        // One rollout holds the same lock on all hosts; it is told once.
        let mut told: Vec<&str> = Vec::new();
        for holder in &self.holders {
            if !told.contains(&holder.rollout.as_str()) {
                told.push(&holder.rollout);
                page.line(Tone::Warning, &format!("{project} {environment}: {}", held(holder, self.now)));
            }
        }
        if self.holders.is_empty() {
            let whom =
                if self.unreachable.is_empty() { "nobody holds the lock" } else { "no host that answered is locked" };
            page.line(Tone::Neutral, &format!("{project} {environment}: {whom}"));
        }
        silent(&mut page, &self.unreachable);
        page.into_text()
    }
}

/// `ann@laptop holds the lock, taken …, on web1: deploy, web on web2, gate new (rollout …)`
pub fn held(holder: &Holder, now: Timestamp) -> String {
    format!(
        "{} holds the lock, taken {}, on {}: {}, at {} (rollout {})",
        clean(&holder.by),
        moment(holder.since, now),
        holder.host,
        clean(&holder.kind),
        clean(&holder.step),
        clean(&holder.rollout)
    )
}
