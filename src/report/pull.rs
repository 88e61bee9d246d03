//! Which images hosts have now.

use serde_json::{Value, json};

use crate::environment::Scope;
use crate::rollout::pull::Pulled;

use super::Answer;
use super::clean::clean;
use super::line::count;
use super::page::Page;
use super::style::Tone;
use super::table::Table;

/// What came of pulling.
#[derive(Debug)]
pub struct PullAnswer<'a> {
    /// Project and environment.
    pub scope: Scope,
    /// Every image of every host.
    pub pulled: &'a [Pulled],
}

impl Answer for PullAnswer<'_> {
    fn json(&self) -> (&'static str, Value) {
        let one = |it: &Pulled| {
            json!({
                "host": it.host, "image": it.image.to_string(), "digest": it.image.digest(),
                "present": it.failure.is_none(), "failure": it.failure,
            })
        };
        ("pull", json!({ "images": self.pulled.iter().map(one).collect::<Vec<_>>() }))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        if self.pulled.is_empty() {
            page.line(Tone::Neutral, "Nothing to pull: no service of the manifest is on a selected host.");
            return page.into_text();
        }
        let mut table = Table::new(&["HOST", "IMAGE", "STATE"]);
        for it in self.pulled {
            let (tone, state) = match &it.failure {
                None => (Tone::Neutral, "there, by its digest".to_owned()),
                Some(why) => (Tone::Bad, clean(why).into_owned()),
            };
            table.row(tone, [it.host.as_str(), &it.image.to_string(), &state]);
        }
        page.gap();
        page.ready(&table.text());
        page.gap();
        let Scope { project, environment } = &self.scope;
        match self.pulled.iter().filter(|it| it.failure.is_some()).count() {
            0 => page.line(Tone::Good, &format!("Done: the hosts of {project} {environment} have their images.")),
            failed => {
                let words =
                    format!("Failed: {} could not be pulled; nothing that runs was touched.", count(failed, "image"));
                page.line(Tone::Bad, &words);
            }
        }
        page.into_text()
    }
}
