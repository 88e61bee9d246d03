//! What is wrong with the operator's input, and where. All diagnostics of a run are collected and
//! shown together; nothing is contacted while there are any.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::source::Source;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// File relative to the project root, or `--set`; `None` where no file is to blame.
    pub file: Option<String>,
    /// Line, from 1; 0 without a file.
    pub line: usize,
    /// Column in characters, from 1; 0 without a file.
    pub column: usize,
    /// Bytes of the file that the caret marks.
    pub span: Range<usize>,
    /// What is wrong and what is allowed.
    pub message: String,
    /// How to put it right, where that is known.
    pub help: Option<String>,
    #[serde(skip)]
    source: Option<Arc<Source>>,
}

impl Diagnostic {
    /// Something that no line of a file is to blame for.
    pub fn general(message: impl Into<String>) -> Self {
        Self { file: None, line: 0, column: 0, span: 0..0, message: harmless(message.into()), help: None, source: None }
    }

    /// Something wrong in a source. What is marked is made whole characters of it: not every parser counts them.
    pub(crate) fn at(source: &Arc<Source>, span: Range<usize>, message: impl Into<String>) -> Self {
        let start = source.text.floor_char_boundary(span.start);
        let span = start..source.text.ceil_char_boundary(span.end).max(start);
        let (line, column) = source.position(span.start);
        Self {
            file: Some(source.name.clone()),
            line,
            column,
            span,
            message: harmless(message.into()),
            help: None,
            source: Some(Arc::clone(source)),
        }
    }

    /// Adds how to put it right.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(harmless(help.into()));
        self
    }

    /// Keeps the place, and forgets what is written there.
    pub(crate) fn without_source(self) -> Self {
        Self { source: None, ..self }
    }

    /// The marked text with what it continues: minijinja marks only the last steps of `a.b.c`.
    pub(crate) fn marked_path(&self) -> Option<(Range<usize>, &str)> {
        let text = self.source_text()?;
        let before = text.get(..self.span.start)?;
        let step = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']');
        let start = before.trim_end_matches(step).len();
        let span = start..self.span.end;
        Some((span.clone(), text.get(span)?))
    }

    /// The same source with another place and message.
    pub(crate) fn moved(&self, span: Range<usize>, message: String) -> Self {
        match &self.source {
            Some(source) => Self::at(source, span, message),
            None => Self::general(message),
        }
    }

    /// The text that [`Diagnostic::span`] is in.
    pub(crate) fn source_text(&self) -> Option<&str> {
        self.source.as_deref().map(|source| source.text.as_str())
    }
}

/// Whatever of the operator's input a message repeats, it does not act on a terminal.
fn harmless(message: String) -> String {
    if !message.contains(char::is_control) {
        return message;
    }
    message.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] }).collect()
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:{}:{}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// `Ok` if nothing was found, otherwise all of it, in the order of files and lines.
    pub(crate) fn check(mut found: Vec<Diagnostic>) -> Result<(), Self> {
        if found.is_empty() {
            return Ok(());
        }
        // Stable: diagnostics of one place stay in the order in which they were found.
        found.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        found.dedup();
        Err(Self(found))
    }

    /// These, and those of others that are about other places.
    #[must_use]
    pub(crate) fn beside(mut self, others: &Self) -> Self {
        let is_elsewhere =
            |other: &&Diagnostic| !self.0.iter().any(|own| own.file == other.file && own.span == other.span);
        let others: Vec<Diagnostic> = others.iter().filter(is_elsewhere).cloned().collect();
        self.0.extend(others);
        match Self::check(self.0) {
            Err(all) => all,
            Ok(()) => unreachable!("there were some"),
        }
    }

    /// All diagnostics.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl fmt::Display for Diagnostics {
    /// One line each, for logs; people get [`Diagnostics::render`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
