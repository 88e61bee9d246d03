//! Files of `NAME=VALUE`, as Compose reads them: comments, `export`, single quotes (literal), double quotes (escapes), values
//! of several lines in quotes, and `${VARIABLE}` where a value is not in single quotes.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::interpolate::{Room, Text, Unset, Variables};
use super::node::quoted;
use super::source::Source;

/// One variable of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: String,
    /// Where its name is.
    pub(super) at: Range<usize>,
}

/// Reads a file. Values may refer to variables of `outside`, which win over those of earlier lines. A name alone takes its
/// value from `outside`.
pub(super) fn parse(
    source: &Arc<Source>,
    outside: &Variables,
    unset: Unset,
) -> Result<Vec<Assignment>, Vec<Diagnostic>> {
    let (known, room) = (outside.clone(), Room::default());
    let mut reader = Reader { source, at: 0, known, outside, unset, room, problems: Vec::new() };
    let mut found = Vec::new();
    while reader.at < source.text.len() && !reader.room.is_exceeded() {
        found.extend(reader.line());
    }
    if reader.problems.is_empty() { Ok(found) } else { Err(reader.problems) }
}

/// Reads a file as it is: what stands between the first `=` and the end of a line is the value.
pub(super) fn parse_raw(source: &Arc<Source>) -> Vec<Assignment> {
    let mut at = 0;
    let mut found = Vec::new();
    for line in source.text.split_inclusive('\n') {
        let text = line.trim_end_matches(['\n', '\r']);
        let assignment = text.split_once('=').filter(|_| !text.trim_start().starts_with('#'));
        found.extend(assignment.map(|(name, value)| Assignment {
            name: name.trim().to_owned(),
            value: value.to_owned(),
            at: at..at + name.len(),
        }));
        at += line.len();
    }
    found
}

/// The names that a file sets, without reading what they stand for.
pub(crate) fn names(source: &Arc<Source>) -> BTreeSet<String> {
    let name = |one: Assignment| one.name.strip_prefix("export ").unwrap_or(&one.name).trim().to_owned();
    let is_plain = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_name = |name: &String| is_plain(name) && name.chars().next().is_some_and(|first| !first.is_ascii_digit());
    parse_raw(source).into_iter().map(name).filter(is_name).collect()
}

/// How a value is written.
enum Style {
    /// Nothing in it means anything.
    Literal,
    /// `${VARIABLE}` does.
    Expanded,
}

struct Reader<'s> {
    source: &'s Arc<Source>,
    at: usize,
    /// Of the lines so far and from outside.
    known: Variables,
    outside: &'s Variables,
    unset: Unset,
    room: Room,
    problems: Vec<Diagnostic>,
}

impl<'s> Reader<'s> {
    fn rest(&self) -> &'s str {
        &self.source.text[self.at..]
    }

    /// Reads an assignment, which may take several lines.
    fn line(&mut self) -> Option<Assignment> {
        let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
        let (start, text) = (self.at + line.len() - line.trim_start().len(), line.trim());
        if text.is_empty() || text.starts_with('#') {
            self.at += line.len();
            return None;
        }
        let (skipped, text) = match text.strip_prefix("export ") {
            Some(rest) => (text.len() - rest.trim_start().len(), rest.trim_start()),
            None => (0, text),
        };
        let start = start + skipped;
        let name = text.split(['=', '#']).next().unwrap_or_default().trim();
        let at = start..start + name.len();
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if !is_plain || name.chars().next().is_none_or(|first| first.is_ascii_digit()) {
            self.at += line.len();
            return self.fail(at, format!("{} is not the name of a variable", quoted(name)));
        }
        let value = if text[name.len()..].trim_start().starts_with('=') {
            let equals = self.source.text[at.end..].find('=').unwrap_or_default();
            self.at = at.end + equals + 1;
            self.value(&at)
        } else {
            self.at += line.len();
            match self.outside.get(name) {
                Some(value) => Some(value.clone()),
                None => self.fail(at.clone(), format!("the variable `{name}` is not set, and no value is written")),
            }
        }?;
        if !self.outside.contains_key(name) {
            self.known.insert(name.to_owned(), value.clone());
        }
        Some(Assignment { name: name.to_owned(), value, at })
    }

    /// The value that begins here; afterwards the next line does.
    fn value(&mut self, name: &Range<usize>) -> Option<String> {
        let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let quote = line[indent..].chars().next().filter(|c| matches!(c, '\'' | '"'));
        let (text, style) = if let Some(quote) = quote {
            self.at += indent + 1;
            let Some((text, length)) = quoted_value(self.rest(), quote) else {
                self.at += self.rest().split_inclusive('\n').next().map_or(0, str::len);
                return self.fail(name.clone(), "a quote without its end".to_owned());
            };
            self.at += length;
            let tail = self.rest().split_inclusive('\n').next().unwrap_or_default();
            self.at += tail.len();
            if !(tail.trim().is_empty() || tail.trim_start().starts_with('#')) {
                return self.fail(name.clone(), "something follows the quote that ends the value".to_owned());
            }
            (text, if quote == '"' { Style::Expanded } else { Style::Literal })
        } else {
            self.at += line.len();
            let text = line.trim();
            // A `#` begins a comment only after white space.
            let end = text.match_indices('#').find(|(at, _)| text[..*at].ends_with(char::is_whitespace) || *at == 0);
            (end.map_or(text, |(at, _)| &text[..at]).trim_end().to_owned(), Style::Expanded)
        };
        if matches!(style, Style::Literal) {
            return Some(text);
        }
        match Text::new(&text, &self.known, self.unset, &self.room).expand(0) {
            Ok(value) => Some(value),
            Err(problem) => {
                let (message, _) = problem.words(&self.known);
                let help = "a value in single quotes is taken as it is";
                self.problems.push(Diagnostic::at(self.source, name.clone(), message).with_help(help));
                None
            }
        }
    }

    fn fail<T>(&mut self, at: Range<usize>, message: String) -> Option<T> {
        let help = "write `NAME=value`, `NAME='literal'` or `NAME=\"with \\n\"`";
        self.problems.push(Diagnostic::at(self.source, at, message).with_help(help));
        None
    }
}

/// What stands between quotes, and how long it is with the quote that ends it. In double quotes escapes are read; `\$` becomes
/// `$$`, which stands for a `$`.
fn quoted_value(text: &str, quote: char) -> Option<(String, usize)> {
    if quote == '\'' {
        let (value, _) = text.split_once('\'')?;
        return Some((value.to_owned(), value.len() + 1));
    }
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, at + 1)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                '$' => value.push_str("$$"),
                escaped @ ('"' | '\\' | '\'') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let outside = Variables::from([("OUT".to_owned(), "side".to_owned())]);
        let source = Source::new("app.env", text.to_owned());
        match parse(&source, &outside, Unset::Refused) {
            Ok(found) => Ok(found.into_iter().map(|one| (one.name, one.value)).collect()),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
    }

    #[test]
    fn values_are_read_as_compose_reads_them() {
        let text = "# c\n\nA=plain # comment\nexport B='l $x #'\nC=\"a\\n\\\"b\\\"\" # c\nD=\nE=a#b\nF = x = y \nG=#c\nH=${A}-$OUT\n\
                    I=\"-----BEGIN\nx ${A}\n-----END\"\nJ='two\nlines'\nOUT=in\nK=$OUT\nL=\"\\$A $$A\"\n";
        let found = read(text).unwrap();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("A", "plain"),
            ("B", "l $x #"),
            ("C", "a\n\"b\""),
            ("D", ""),
            ("E", "a#b"),
            ("F", "x = y"),
            ("G", ""),
            ("H", "plain-side"),
            ("I", "-----BEGIN\nx plain\n-----END"),
            ("J", "two\nlines"),
            ("OUT", "in"),
            ("K", "side"),
            ("L", "$A $A"),
        ];
        assert_eq!(found, expected);
        assert_eq!(read("OUT\n").unwrap(), [("OUT".to_owned(), "side".to_owned())]);
    }

    #[test]
    fn what_cannot_be_read_is_placed_and_no_value_is_shown() {
        let problems = read("no value\n1X=hunter2\nA=hunter2$NONE\nNONE\nC='hunter2' x\nB=\"hunter2\n").unwrap_err();
        let lines: Vec<_> = problems.lines().map(|line| line.split(" (").next().unwrap_or_default()).collect();
        let expected = [
            "app.env:1:1: `no value` is not the name of a variable",
            "app.env:2:1: `1X` is not the name of a variable",
            "app.env:3:1: the variable `NONE` is not set",
            "app.env:4:1: the variable `NONE` is not set, and no value is written",
            "app.env:5:1: something follows the quote that ends the value",
            "app.env:6:1: a quote without its end",
        ];
        assert_eq!(lines, expected);
        assert!(!problems.contains("hunter2"), "{problems}");
    }

    #[test]
    fn a_raw_file_is_taken_as_it_is() {
        let source = Source::new("raw.env", "# c\nA='x' # $y\n\nB=\r\n".to_owned());
        let found: Vec<_> = parse_raw(&source).into_iter().map(|one| (one.name, one.value)).collect();
        assert_eq!(found, [("A".to_owned(), "'x' # $y".to_owned()), ("B".to_owned(), String::new())]);
    }
}
