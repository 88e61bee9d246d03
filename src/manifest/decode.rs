//! Nodes → typed values. A [`Decoder`] notes what is wrong and goes on, so that one run reports all of
//! it; whoever decodes puts a default in the place of what could not be read, which nobody sees
//! because nothing is returned while there are errors.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::diagnostic::{Diagnostic, Diagnostics};
pub(crate) use super::fields::Fields;
use super::node::{Kind, Node, quoted};
use super::source::{Sources, Span};
use super::{short, suggest};
use crate::duration;

/// Collects what is wrong with a tree.
pub(crate) struct Decoder<'m> {
    sources: &'m Sources,
    problems: Vec<Diagnostic>,
}

impl<'m> Decoder<'m> {
    /// For nodes whose spans are in these sources.
    pub(crate) fn new(sources: &'m Sources) -> Self {
        Self { sources, problems: Vec::new() }
    }

    /// How much is wrong so far.
    pub(crate) fn count(&self) -> usize {
        self.problems.len()
    }

    /// The value, if nothing was wrong.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Diagnostics> {
        Diagnostics::check(self.problems).map(|()| value)
    }

    /// `file:line` of a span.
    pub(crate) fn place(&self, span: Span) -> String {
        self.sources.place(span)
    }

    /// Notes something wrong.
    pub(crate) fn problem(&mut self, span: Span, message: impl Into<String>) {
        let problem = self.diagnostic(span, message);
        self.problems.push(problem);
    }

    /// Notes something wrong and how to put it right.
    pub(crate) fn problem_with_help(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let problem = self.diagnostic(span, message).with_help(help);
        self.problems.push(problem);
    }

    /// The same, where the line itself must not be shown.
    pub(crate) fn problem_unshown(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let problem = self.diagnostic(span, message).with_help(help).without_source();
        self.problems.push(problem);
    }

    fn diagnostic(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(self.sources.of(span), span.start as usize..span.end as usize, message)
    }

    /// Notes that something else was expected.
    pub(crate) fn expected(&mut self, node: &Node, what: &str) {
        let message = format!("expected {what}, found {}", node.describe());
        let empty = match what {
            "a list" => "[]",
            "a map" => "{}",
            _ => return self.problem(node.span, message),
        };
        if !node.is_null() && node.text().is_some_and(str::is_empty) {
            let help = format!("write `{empty}` for an empty one, or `!reset` to remove what an earlier layer set");
            return self.problem_with_help(node.span, message, help);
        }
        self.problem(node.span, message);
    }

    /// The entries of a map; none where nothing is written. `at` is the key it stands under.
    pub(crate) fn map<'n>(&mut self, node: &'n Node, at: Span) -> Fields<'n> {
        match &node.kind {
            Kind::Map(map) => Fields::new(at, Some(map)),
            _ if node.is_null() => Fields::new(at, None),
            _ => {
                self.expected(node, "a map");
                Fields::unreadable(at)
            }
        }
    }

    /// The items of a list; none where nothing is written.
    pub(crate) fn list<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        if let Kind::List(items) = &node.kind {
            return items;
        }
        if !node.is_null() {
            self.expected(node, "a list");
        }
        &[]
    }

    /// Text: any scalar but null, as it is written.
    pub(crate) fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        match node.text() {
            Some(text) if text.contains('\0') => {
                self.problem(node.span, "text cannot hold a NUL character");
                None
            }
            Some(text) => Some(text),
            None => {
                self.expected(node, "text");
                None
            }
        }
    }

    /// Text that a type can read; its error says what is allowed.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, node: &Node, what: &str) -> Option<T> {
        let text = self.text(node)?;
        self.name(text, node.span, what)
    }

    /// A key that is a name of the operator's.
    pub(crate) fn name<T: FromStr<Err: Display>>(&mut self, text: &str, at: Span, what: &str) -> Option<T> {
        match text.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                self.problem(at, format!("{} is not {what}: {error}", quoted(text)));
                None
            }
        }
    }

    /// `true` or `false`, without quotes.
    pub(crate) fn boolean(&mut self, node: &Node) -> Option<bool> {
        match &node.kind {
            Kind::Scalar { text, plain: true } if matches!(&**text, "true" | "false") => Some(&**text == "true"),
            _ => {
                self.expected(node, "true or false");
                None
            }
        }
    }

    /// A decimal number within a range.
    pub(crate) fn number(&mut self, node: &Node, range: RangeInclusive<u64>) -> Option<u64> {
        let number = node.text().and_then(decimal).filter(|number| range.contains(number));
        if number.is_none() {
            let limit = if *range.end() == u64::MAX { "up".to_owned() } else { format!("to {}", range.end()) };
            self.expected(node, &format!("a number from {} {limit}", range.start()));
        }
        number
    }

    /// A port number.
    pub(crate) fn port(&mut self, node: &Node) -> Option<u16> {
        self.number(node, 1..=65535).and_then(|port| u16::try_from(port).ok())
    }

    /// A duration with its unit.
    pub(crate) fn duration(&mut self, node: &Node) -> Option<Duration> {
        let text = self.text(node)?;
        match duration::parse(text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.problem(node.span, error);
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let hint = suggest::one_of(words.iter().map(|(word, _)| *word));
            let near = suggest::nearest(text, words.iter().map(|(word, _)| *word));
            let help = near.map_or(hint.clone(), |near| format!("did you mean `{near}`? Otherwise {hint}"));
            self.problem_with_help(node.span, format!("{} is not allowed here", quoted(text)), help);
        }
        found.map(|(_, value)| *value)
    }

    /// A command: a list of words, or text that is split as a shell splits words.
    pub(crate) fn command(&mut self, node: &Node) -> Option<Vec<String>> {
        if let Kind::List(items) = &node.kind {
            return items.iter().map(|item| self.text(item).map(str::to_owned)).collect();
        }
        match short::words(self.text(node)?) {
            Ok(words) => Some(words),
            Err(error) => {
                let message = format!("the command {error}");
                self.problem_with_help(node.span, message, "a list of words needs no quoting");
                None
            }
        }
    }
}

/// Decimal digits without sign or leading zero: what every reader of YAML takes for the same number.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if digits { text.parse().ok() } else { None }
}
