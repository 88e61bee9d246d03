//! What the verbs of `secrets` came to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::environment::{Scope, Secret};
use crate::name::SecretName;

use super::Answer;
use super::line::count;
use super::page::Page;
use super::style::Tone;
use super::table::Table;

/// For whom a file was encrypted.
#[derive(Debug, Clone, Copy)]
pub struct Recipients {
    /// How many they are.
    pub count: usize,
    /// Whether the operator has an identity, and it is not among them.
    pub are_others: bool,
}

/// What became of a file.
#[derive(Debug)]
pub enum Change {
    /// It holds what it held.
    None,
    /// One entry has another value.
    Entry(String),
    /// It was edited.
    Text,
    /// Others can read it.
    Recipients,
}

/// An encrypted file.
#[derive(Debug)]
pub struct WrittenFile {
    /// As the manifest names it.
    pub file: PathBuf,
    /// What became of it.
    pub change: Change,
}

/// Encrypted files that were written.
#[derive(Debug)]
pub struct WrittenAnswer {
    /// All of them.
    pub files: Vec<WrittenFile>,
    /// For whom.
    pub recipients: Recipients,
}

impl Answer for WrittenAnswer {
    fn json(&self) -> (&'static str, Value) {
        let file = |file: &WrittenFile| {
            let is_written = !matches!(file.change, Change::None);
            json!({ "file": file.file.display().to_string(), "written": is_written, "recipients": self.recipients.count })
        };
        ("encrypted", self.files.iter().map(file).collect())
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        let recipients = count(self.recipients.count, "recipient");
        for WrittenFile { file, change } in &self.files {
            let what = match change {
                Change::None => "holds this already; it is not written".to_owned(),
                Change::Entry(key) => format!("`{key}` is set, encrypted to {recipients}"),
                Change::Text | Change::Recipients => format!("encrypted to {recipients}"),
            };
            page.labelled(Tone::Good, &format!("{}:", file.display()), &what);
        }
        if self.files.iter().any(|file| matches!(file.change, Change::Recipients)) {
            let words = "Whoever could read them before still finds them in the repository's history.";
            page.line(Tone::Neutral, words);
        }
        if self.recipients.are_others {
            page.line(Tone::Warning, "Your own identity is not among the recipients: you cannot read this.");
        }
        page.into_text()
    }
}

/// A secret without its value.
#[derive(Debug)]
pub struct SecretRow {
    /// Its name.
    pub name: SecretName,
    /// `age`, `file`, `environment` or `command`.
    pub kind: &'static str,
    /// The file, variable or program.
    pub from: String,
    /// Changes when the value changes.
    pub fingerprint: Option<String>,
    /// Why it has no value.
    pub problem: Option<String>,
}

/// The secrets of an environment.
#[derive(Debug)]
pub struct SecretsAnswer {
    /// Project and environment.
    pub scope: Scope,
    /// By name.
    pub rows: Vec<SecretRow>,
    /// Whether there is an identity to key fingerprints with.
    pub is_keyed: bool,
}

impl Answer for SecretsAnswer {
    fn json(&self) -> (&'static str, Value) {
        let row = |row: &SecretRow| {
            let SecretRow { name, kind, from, fingerprint, problem } = row;
            json!({ "name": name, "source": kind, "from": from, "fingerprint": fingerprint, "problem": problem })
        };
        ("secrets", self.rows.iter().map(row).collect())
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        if self.rows.is_empty() {
            let Scope { project, environment } = &self.scope;
            page.line(Tone::Neutral, &format!("{project} {environment}: no secret is declared"));
            return page.into_text();
        }
        let mut table = Table::new(&["NAME", "SOURCE", "FROM", "FINGERPRINT"]);
        for row in &self.rows {
            let tone = if row.problem.is_some() { Tone::Bad } else { Tone::Neutral };
            let fingerprint = row.fingerprint.as_deref().unwrap_or_default();
            table.row(tone, [row.name.as_str(), row.kind, &row.from, fingerprint]);
        }
        page.ready(&table.text());
        for row in &self.rows {
            if let Some(problem) = &row.problem {
                page.labelled(Tone::Bad, &format!("{} has no value:", row.name), problem);
            }
        }
        if !self.is_keyed {
            page.line(Tone::Quiet, "No fingerprints: they are keyed with an identity, see shipctl secrets init.");
        }
        page.into_text()
    }
}

/// Values, for whoever asked to see them.
#[derive(Debug)]
pub struct ValuesAnswer {
    /// By name.
    pub values: BTreeMap<SecretName, Secret>,
    /// Whether one was asked for by its name.
    pub is_one: bool,
}

impl Answer for ValuesAnswer {
    fn json(&self) -> (&'static str, Value) {
        let value = |(name, value): (&SecretName, &Secret)| (name.to_string(), json!(value.expose()));
        ("values", Value::Object(self.values.iter().map(value).collect()))
    }

    fn text(&self) -> String {
        let mut page = Page::default();
        for (name, value) in &self.values {
            match value.expose() {
                value if self.is_one => page.foreign("", value),
                value if value.contains('\n') => {
                    page.line(Tone::Strong, &format!("{name}:"));
                    page.foreign("  ", value);
                }
                value => page.labelled(Tone::Strong, &format!("{name}:"), value),
            }
        }
        page.into_text()
    }
}
