//! The operator's age identity, and what to do with it.

use serde_json::{Value, json};

use super::Answer;
use super::page::Page;
use super::style::Tone;

/// What the operator's identity is to an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No environment was named.
    Unasked,
    /// Its secrets can be read.
    Recipient,
    /// Others are recipients.
    Stranger,
    /// Nobody is.
    First,
}

/// An identity.
#[derive(Debug)]
pub struct IdentityAnswer {
    /// Where it is.
    pub place: String,
    /// Whether it was made just now.
    pub is_new: bool,
    /// Its public side.
    pub recipients: Vec<String>,
    /// The environment that was asked about.
    pub environment: Option<String>,
    /// What it is to that environment.
    pub standing: Standing,
}

impl Answer for IdentityAnswer {
    fn json(&self) -> (&'static str, Value) {
        let is_recipient = match self.standing {
            Standing::Unasked => None,
            Standing::Recipient => Some(true),
            Standing::Stranger | Standing::First => Some(false),
        };
        let Self { place, is_new, recipients, .. } = self;
        let value = json!({ "place": place, "new": is_new, "recipients": recipients, "is_recipient": is_recipient });
        ("identity", value)
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        let new = if self.is_new { " (new; keep a copy where it is safe)" } else { "" };
        page.labelled(Tone::Strong, "identity:", &format!("{}{new}", self.place));
        for recipient in &self.recipients {
            page.labelled(Tone::Strong, "recipient:", recipient);
        }
        let environment = self.environment.as_deref().unwrap_or("ENV");
        let recipient = self.recipients.first().map_or("age1…", String::as_str);
        match self.standing {
            Standing::Recipient => page.line(Tone::Good, &format!("It is a recipient of {environment}.")),
            Standing::Stranger => {
                page.line(
                    Tone::Warning,
                    &format!("It is not a recipient of {environment}. Add it to `age.recipients`:"),
                );
                page.foreign("  ", &format!("age: {{ recipients: [{recipient}] }}"));
                page.line(Tone::Neutral, "Somebody who can read the secrets then runs:");
                page.foreign("  ", &format!("shipctl secrets rotate {environment}"));
            }
            Standing::First | Standing::Unasked => {
                page.line(Tone::Neutral, &format!("In the manifest (environments/{environment}.yml):"));
                page.foreign("  ", &format!("age: {{ recipients: [{recipient}] }}"));
                page.foreign("  ", &format!("secrets: {{ db_password: {{ age: secrets/{environment}.age.yml }} }}"));
                page.line(Tone::Neutral, "Then:");
                page.foreign("  ", &format!("shipctl secrets set {environment} db_password"));
            }
        }
        page.into_text()
    }
}
