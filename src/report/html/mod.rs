//! A rollout as one page for a browser: everything in it, nothing loaded, no script. Whatever came from elsewhere is
//! cleaned as for a terminal, and escaped by the template.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::journal::story::Story;

mod record;
mod timeline;
mod view;

pub(super) use timeline::since;
use view::View;

const PAGE: &str = include_str!("page.html");

/// The page. `unreadable` lines of its journal are said to be missing.
pub fn page(story: &Story, unreadable: usize) -> Result<String, minijinja::Error> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    templates.add_template("page.html", PAGE)?;
    templates.get_template("page.html")?.render(minijinja::value::Serde(View::of(story, unreadable)))
}
