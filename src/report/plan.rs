//! A plan before it is carried out.

use std::path::Path;

use serde_json::{Value, json};

use crate::plan::Plan;
use crate::plan::strategy::strategies;

use super::Answer;
use super::clean::clean;
use super::page::Page;
use super::style::Tone;

/// What a rollout would do.
#[derive(Debug)]
pub struct PlanAnswer<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The file it was saved to.
    pub saved: Option<&'a Path>,
    /// Why it is this plan, if that is not plain from the command.
    pub remark: Option<String>,
}

impl Answer for PlanAnswer<'_> {
    fn json(&self) -> (&'static str, Value) {
        ("plan", with_changes(self.plan))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        for (index, line) in self.plan.to_string().lines().enumerate() {
            let tone = match line.trim_start() {
                _ if index == 0 => Tone::Strong,
                line if line.starts_with("note: ") => Tone::Warning,
                line if line.starts_with("strategy ") && line.contains("; downtime ") => Tone::Warning,
                line if line.starts_with("unchanged ") => Tone::Quiet,
                _ => Tone::Neutral,
            };
            page.line(tone, &clean(line));
        }
        if let Some(remark) = &self.remark {
            page.line(Tone::Warning, &clean(remark));
        }
        if let Some(file) = self.saved {
            let (environment, file) = (&self.plan.scope.environment, file.display().to_string());
            page.line(Tone::Neutral, &format!("saved; next: shipctl deploy {environment} --plan {}", clean(&file)));
        }
        page.into_text()
    }
}

/// The fleet already is as it is wanted.
#[derive(Debug)]
pub struct NothingToDo<'a> {
    /// The plan without a step.
    pub plan: &'a Plan,
}

impl Answer for NothingToDo<'_> {
    fn json(&self) -> (&'static str, Value) {
        ("plan", with_changes(self.plan))
    }

    fn text(&self) -> String {
        let Plan { scope, release, notes, held, .. } = self.plan;
        let mut page = Page::default();
        let whom = if held.is_empty() { "every selected host" } else { "the canary" };
        let sentence = match self.plan.act {
            Some(_) => format!("Nothing to do on {} {}.", scope.project, scope.environment),
            None => format!("Nothing to do: {whom} of {} {} runs {release}.", scope.project, scope.environment),
        };
        page.line(Tone::Good, &sentence);
        for note in notes {
            page.line(Tone::Warning, &format!("note: {}", clean(&note.to_string())));
        }
        page.into_text()
    }
}

/// Variables are the business of the file that a plan is saved to, which only its owner can read, and not of the log of a
/// pipeline. Their names stay.
fn hide_variables(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let runtime = map.get_mut("runtime").and_then(|runtime| runtime.get_mut("environment"));
            for variable in runtime.and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut()) {
                *variable = json!("…");
            }
            map.values_mut().for_each(hide_variables);
        }
        Value::Array(items) => items.iter_mut().for_each(hide_variables),
        _ => {}
    }
}

fn with_changes(plan: &Plan) -> Value {
    let mut value = json!(plan);
    hide_variables(&mut value);
    value["changes"] = json!(!plan.is_noop());
    value["strategies"] = json!(strategies(plan));
    for (index, serving) in plan.serving().into_iter().enumerate() {
        value["batches"][index]["serving"] = json!(serving);
    }
    value
}
