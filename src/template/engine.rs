//! minijinja, set up so that a template can neither surprise nor hang us: undefined variables are
//! errors, running time and output are limited, and nothing but `templates/` can be reached.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, escape_formatter};

use super::filters;
use super::library::{FOLDER, Library};
use crate::manifest::node::quoted;
use crate::manifest::source::Source;
use crate::manifest::{Diagnostic, suggest};

/// Instructions that one template may run: some ten milliseconds.
const FUEL: u64 = 1_000_000;

/// A rendered file is at most this large.
const MAX_OUTPUT: usize = 1 << 20;

/// All templates of a project, parsed.
pub(super) struct Engine<'l> {
    library: &'l Library,
    templates: Environment<'l>,
    /// Templates that do not parse; of interest only if one of them is asked for.
    broken: BTreeMap<&'l str, Error>,
}

impl<'l> Engine<'l> {
    /// Parses the templates.
    pub(super) fn new(library: &'l Library) -> Result<Self, Diagnostic> {
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true).build();
        let mut templates = Environment::new();
        templates.set_syntax(syntax.map_err(|error| Diagnostic::general(format!("template syntax: {error}")))?);
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|_| AutoEscape::None);
        templates.set_formatter(format);
        templates.set_fuel(Some(FUEL));
        // With it, errors would show the values of variables.
        templates.set_debug(false);
        templates.remove_global("debug");
        filters::add(&mut templates);
        let mut broken = BTreeMap::new();
        for (name, source) in &library.sources {
            if let Err(error) = templates.add_template(name, &source.text) {
                broken.insert(name.as_str(), error);
            }
        }
        Ok(Self { library, templates, broken })
    }

    /// Renders the template at a path beneath `templates/`.
    pub(super) fn render(&self, name: &str, scope: &Value) -> Result<String, Diagnostic> {
        if let Some(error) = self.broken.get(name) {
            return Err(self.diagnose(error, name, scope));
        }
        let mut output = Capped(Vec::new());
        let outcome = self
            .templates
            .get_template(name)
            .and_then(|template| template.render_captured_to(scope.clone(), &mut output).map(drop));
        match outcome {
            Ok(()) => String::from_utf8(output.0)
                .map_err(|_| Diagnostic::general(format!("{FOLDER}/{name} renders text that is not UTF-8"))),
            Err(error) => Err(self.diagnose(&error, name, scope)),
        }
    }

    /// Says where the error really is: in an included template, behind the `include` that failed.
    fn diagnose(&self, error: &Error, template: &str, scope: &Value) -> Diagnostic {
        let mut innermost = error;
        while let Some(cause) = innermost.source().and_then(|cause| cause.downcast_ref::<Error>()) {
            innermost = cause;
        }
        if let Some(missing) = Self::missing(innermost) {
            return match (self.broken.get(missing), self.library.unreadable.get(missing)) {
                (Some(broken), _) => self.place(broken, missing, describe(broken)),
                (None, Some(unreadable)) => unreadable.clone(),
                (None, None) => {
                    let names = self.library.sources.keys().map(String::as_str);
                    let message = format!("there is no template {}", quoted(&format!("{FOLDER}/{missing}")));
                    self.place(innermost, template, message).with_help(suggest::hint(missing, names))
                }
            };
        }
        let diagnostic = self.place(innermost, template, describe(innermost));
        match diagnostic.marked_path().filter(|_| innermost.kind() == ErrorKind::UndefinedError) {
            Some((span, path)) => {
                let mut undefined = diagnostic.moved(span, format!("{} is not defined", quoted(path)));
                undefined.help = nearest_variable(path, scope);
                undefined
            }
            None => diagnostic,
        }
    }

    /// The template that an error says is not there. minijinja has its name only in the text for people.
    fn missing(error: &Error) -> Option<&str> {
        match error.kind() {
            ErrorKind::TemplateNotFound => error.detail()?.split(['"', '\'']).nth(1),
            _ => None,
        }
    }

    /// Puts a message at the error's place in its template.
    fn place(&self, error: &Error, template: &str, message: String) -> Diagnostic {
        let name = error.name().filter(|name| self.library.sources.contains_key(*name)).unwrap_or(template);
        let Some(source) = self.library.sources.get(name) else { return Diagnostic::general(message) };
        let whole_line = |source: &Source| source.line_span(error.line().unwrap_or(1));
        let span = error
            .range()
            .filter(|range| !range.is_empty() && range.end <= source.text.len())
            .unwrap_or_else(|| whole_line(source));
        Diagnostic::at(source, span, message)
    }
}

fn describe(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "this template runs too long".to_owned(),
        (ErrorKind::WriteFailure, _) => "this template renders more than 1 MiB".to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

/// A defined name near the first part of `a.b.c` that is not defined.
fn nearest_variable(path: &str, scope: &Value) -> Option<String> {
    let mut value = scope.clone();
    for part in path.split('.') {
        let next = value.get_attr(part).ok()?;
        if next.is_undefined() {
            let names: Vec<String> = value.try_iter().ok()?.map(|name| name.to_string()).collect();
            return suggest::nearest(part, names.iter().map(String::as_str))
                .map(|near| format!("did you mean `{near}`?"));
        }
        value = next;
    }
    None
}

/// Prints text and numbers; what has no one obvious form in a file must be given one by the template.
fn format(out: &mut minijinja::Output<'_>, state: &mut minijinja::State<'_, '_>, value: &Value) -> Result<(), Error> {
    let refuse = |what: &str| Err(Error::new(ErrorKind::InvalidOperation, what.to_owned()));
    match value.kind() {
        ValueKind::Bool => out.write_str(if value.is_true() { "true" } else { "false" }).map_err(Error::from),
        ValueKind::String | ValueKind::Number => escape_formatter(out, state, value),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => refuse("none has no text; write `value or \"text\"`"),
        _ => refuse("a list or map has no text; use a loop, `join` or `tojson`"),
    }
}

/// Takes up to [`MAX_OUTPUT`] bytes.
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "output limit"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
