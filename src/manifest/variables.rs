//! The variables that manifests may refer to: those of the process, over those of `.env` in the project's root.

use std::path::Path;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::interpolate::Variables;
use super::load::text;
use super::node::quoted;
use super::source::Source;

/// Beneath the project root; may be missing.
const FILE: &str = ".env";

/// Reads them all, once for a command. What of the process is not UTF-8 is left out.
pub(super) fn read(root: &Path) -> Result<Variables, Diagnostics> {
    let mut variables = Variables::new();
    if root.join(FILE).exists() {
        let text = text(root, Path::new(FILE))?;
        variables = parse(&Source::new(FILE, text))?;
    }
    let process =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables.extend(process);
    Ok(variables)
}

/// Lines of `NAME=VALUE`, as Compose reads them: comments, `export`, single quotes (literal), double quotes (escapes).
/// Values hold no variables of their own.
pub(crate) fn parse(source: &Arc<Source>) -> Result<Variables, Diagnostics> {
    let (mut variables, mut problems) = (Variables::new(), Vec::new());
    for (number, line) in (1..).zip(source.text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut fail = |message: String| {
            let problem = Diagnostic::at(source, source.line_span(number), message);
            problems.push(problem.with_help("write `NAME=value`, `NAME='literal'` or `NAME=\"with \\n\"`"));
        };
        let Some((name, value)) = line.strip_prefix("export ").unwrap_or(line).split_once('=') else {
            fail("expected `NAME=value`".to_owned());
            continue;
        };
        let name = name.trim();
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !plain || name.chars().next().is_none_or(|first| first.is_ascii_digit()) {
            fail(format!("{} is not the name of a variable", quoted(name)));
            continue;
        }
        match unquote(value.trim()) {
            Some(value) => drop(variables.insert(name.to_owned(), value)),
            None => fail("a quote without its end".to_owned()),
        }
    }
    Diagnostics::check(problems)?;
    Ok(variables)
}

/// `None` where a quote does not end.
fn unquote(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix('\'') {
        let (value, tail) = rest.split_once('\'')?;
        return is_comment(tail).then(|| value.to_owned());
    }
    let Some(rest) = text.strip_prefix('"') else {
        // A `#` begins a comment only after white space.
        let end = text.match_indices('#').find(|(at, _)| text[..*at].ends_with(char::is_whitespace) || *at == 0);
        return Some(end.map_or(text, |(at, _)| &text[..at]).trim_end().to_owned());
    };
    let (mut value, mut chars) = (String::new(), rest.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return is_comment(&rest[at + 1..]).then_some(value),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                escaped @ ('"' | '\\' | '$' | '\'') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

fn is_comment(tail: &str) -> bool {
    let tail = tail.trim_start();
    tail.is_empty() || tail.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_compose_reads_them() {
        let text =
            "# c\n\nA=plain # comment\nexport B='l $x #'\nC=\"a\\n\\\"b\\\"\" # c\nD=\nE=a#b\nF = x = y \nG=#c\n";
        let variables = parse(&Source::new(FILE, text.to_owned())).unwrap();
        let found: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected =
            [("A", "plain"), ("B", "l $x #"), ("C", "a\n\"b\""), ("D", ""), ("E", "a#b"), ("F", "x = y"), ("G", "")];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_cannot_be_read_is_placed_and_no_value_is_shown() {
        let text = "A='hunter2\nno value\n1X=hunter2\nB=\"hunter2\n";
        let problems = parse(&Source::new(FILE, text.to_owned())).unwrap_err();
        let text = problems.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].starts_with(".env:1:1: a quote without its end"), "{lines:?}");
        assert!(lines[2].starts_with(".env:3:1: `1X` is not the name of a variable"), "{lines:?}");
        assert!(lines.iter().all(|line| !line.contains("hunter2")), "{lines:?}");
    }
}
