//! What it takes until hosts can be deployed to, and what was done of that.

use serde_json::{Value, json};

use crate::fleet::checkup::Finding;
use crate::fleet::settings;
use crate::fleet::setup::{Item, Stands, Step, Task};
use crate::name::HostName;
use crate::report::Answer;
use crate::report::page::Page;
use crate::report::style::{Tone, paint};

use super::check::told;

/// One host.
#[derive(Debug)]
pub struct Prepared {
    /// Which.
    pub host: HostName,
    /// How things stand there.
    pub items: Vec<Item>,
    /// Why nothing, or not all, could be done.
    pub error: Option<String>,
    /// What was found there afterwards.
    pub findings: Vec<Finding>,
}

/// All of them: before, or afterwards.
#[derive(Debug)]
pub struct SetupAnswer {
    /// By name.
    pub hosts: Vec<Prepared>,
    /// Whether nothing was done yet.
    pub is_plan: bool,
}

impl SetupAnswer {
    /// Whether nothing failed, and nothing that was to be done is left undone.
    pub fn is_well(&self) -> bool {
        let is_undone = |item: &Item| !self.is_plan && matches!(item.stands, Stands::Will(_));
        self.hosts.iter().all(|one| one.error.is_none() && !one.items.iter().any(is_undone))
    }
}

impl Answer for SetupAnswer {
    fn json(&self) -> (&'static str, Value) {
        let item = |item: &Item| {
            let (state, step) = match &item.stands {
                Stands::Already => ("already", None),
                Stands::Will(step) => ("will", Some(words(step))),
                Stands::Left(why) => ("left", Some((*why).to_owned())),
            };
            json!({ "what": task(&item.task), "state": state, "step": step })
        };
        let host = |one: &Prepared| {
            let items: Vec<_> = one.items.iter().map(item).collect();
            json!({ "host": one.host, "items": items, "error": one.error, "findings": one.findings })
        };
        let hosts: Vec<_> = self.hosts.iter().map(host).collect();
        ("host_setup", json!({ "hosts": hosts, "plan": self.is_plan }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        for one in &self.hosts {
            page.line(Tone::Strong, one.host.as_str());
            for Item { task: what, stands } in &one.items {
                let (tone, words) = match stands {
                    Stands::Already => (Tone::Neutral, "is so already".to_owned()),
                    Stands::Will(step) if self.is_plan => (Tone::Good, format!("will {}", words(step))),
                    Stands::Will(step) => (Tone::Bad, format!("not done: {}", words(step))),
                    Stands::Left(why) => (Tone::Warning, format!("left to you: {why}")),
                };
                page.ready(&format!("  {}: {}\n", task(what), paint(tone, &words)));
            }
            if let Some(error) = &one.error {
                page.labelled(Tone::Bad, "  failed:", error);
            }
            told(&mut page, &one.host, &one.findings);
        }
        page.into_text()
    }
}

fn task(task: &Task) -> String {
    match task {
        Task::Settings => format!("settings of the engine ({})", settings::PATH),
        Task::Mirror(mirror) => format!("the mirror {mirror}"),
        Task::Authority(registry) => format!("authority of {registry}"),
        Task::Engine => "an engine".to_owned(),
        Task::Running => "the engine runs with its settings".to_owned(),
        Task::User(user) => format!("account {user}"),
        Task::Group(user) => format!("{user} may use the engine"),
        Task::Key(user) => format!("{user} logs in with the key"),
    }
}

fn words(step: &Step) -> String {
    match step {
        Step::Settings { before: None, adds, .. } => format!("write them: {}", adds.join(", ")),
        Step::Settings { before: Some(_), adds, .. } => format!("add {} to them", adds.join(" and ")),
        Step::Authority { .. } => "write its certificate".to_owned(),
        Step::Install(packages) => format!("install {} with apt", packages.join(", ")),
        Step::Reload { .. } => "have it read them again".to_owned(),
        Step::Restart => "restart it, unless containers would end with it".to_owned(),
        Step::User(_) => "make it, without a password".to_owned(),
        Step::Group(_) => "add it to the group docker".to_owned(),
        Step::Key { .. } => "add the key to its authorized_keys".to_owned(),
    }
}
