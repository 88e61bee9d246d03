//! Diagnostics as people see them: the line with a caret, drawn by miette.

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, Severity, SourceCode,
    SourceSpan, SpanContents,
};

use super::diagnostic::{Diagnostic, Diagnostics};

/// Wide enough for our messages; lines of files are never wrapped.
const WIDTH: usize = 110;

/// Longer lines are cut around the caret.
const LONGEST_LINE: usize = 200;

impl Diagnostics {
    /// All diagnostics with their source lines, and a line that counts them.
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler =
            GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_context_lines(1).with_links(false);
        let mut text = String::new();
        for diagnostic in self {
            if handler.render_report(&mut text, &Report::new(diagnostic)).is_err() {
                // miette gave up on the place; the words must not be lost with it.
                text.push_str(&printable(&diagnostic.to_string()));
            }
            text.push('\n');
        }
        let count = self.iter().len();
        text + &format!("{count} error{}; nothing was contacted.\n", if count == 1 { "" } else { "s" })
    }
}

/// A diagnostic in the form that miette draws.
#[derive(Debug)]
struct Report {
    message: String,
    help: Option<String>,
    excerpt: Option<Excerpt>,
}

/// The line that the caret is in; miette would otherwise show only what the caret marks.
#[derive(Debug)]
struct Excerpt {
    file: String,
    line: usize,
    column: usize,
    text: String,
    mark: SourceSpan,
}

impl Report {
    fn new(diagnostic: &Diagnostic) -> Self {
        let place = match (&diagnostic.file, diagnostic.source_text()) {
            (Some(file), None) => format!("{file}:{}:{}: ", diagnostic.line, diagnostic.column),
            _ => String::new(),
        };
        Self {
            message: printable(&format!("{place}{}", diagnostic.message)),
            help: diagnostic.help.as_deref().map(printable),
            excerpt: diagnostic.source_text().map(|text| Excerpt::new(text, diagnostic)),
        }
    }
}

impl Excerpt {
    /// A span over several lines marks the rest of its first line.
    fn new(text: &str, diagnostic: &Diagnostic) -> Self {
        let start = text.floor_char_boundary(diagnostic.span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let line = text[line_start..line_end].trim_end();
        let from = line.floor_char_boundary(start - line_start);
        let to = line.floor_char_boundary(diagnostic.span.end.saturating_sub(line_start)).max(from);
        // A window into a line that is too long to show.
        let left = line.floor_char_boundary(from.saturating_sub(LONGEST_LINE / 2));
        let right = line.floor_char_boundary(left + LONGEST_LINE).max(from);
        Self {
            file: printable(diagnostic.file.as_deref().unwrap_or_default()),
            line: diagnostic.line,
            column: diagnostic.column,
            text: printable(&line[left..right]),
            mark: (from - left, to.min(right) - from).into(),
        }
    }
}

impl SourceCode for Excerpt {
    /// Is asked without context for the position in the header, and with context for what to show.
    fn read_span<'a>(
        &'a self,
        _span: &SourceSpan,
        lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let column = if lines_before == 0 { self.column - 1 } else { 0 };
        let whole = (0, self.text.len()).into();
        let file = self.file.clone();
        Ok(Box::new(MietteSpanContents::new_named(file, self.text.as_bytes(), whole, self.line - 1, column, 1)))
    }
}

/// Replaces characters that would act on a terminal by harmless ones of the same length in bytes, so
/// that offsets stay true.
fn printable(text: &str) -> String {
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if !acts(c) => c,
            c if c.len_utf8() == 1 => '?',
            c if c.len_utf8() == 2 => '¿',
            _ => '\u{fffd}',
        })
        .collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let mark = self.excerpt.as_ref()?.mark;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(None, mark))))
    }
}
