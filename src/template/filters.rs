//! Filters that quote a value for the kind of file it goes into: whatever the value is, the file's reader gets exactly
//! it back, or the template is refused. Pure.

use std::fmt::Write;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value};

/// Makes the filters known.
pub(super) fn add(templates: &mut Environment<'_>) {
    templates.add_filter("yaml", yaml);
    templates.add_filter("json", json);
    templates.add_filter("env", env);
    templates.add_filter("shell", shell);
    templates.add_filter("haproxy", haproxy);
}

/// Any value as JSON on one line (RFC 8259). Unlike `tojson`, letters that only HTML minds are left alone.
fn json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| refuse(format!("cannot be written as JSON: {error}")))
}

/// Any value as YAML 1.2 on one line: JSON is YAML, once what YAML takes for a line end or for unprintable is escaped.
fn yaml(value: &Value) -> Result<String, Error> {
    let escaped = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let mut text = String::new();
    for c in json(value)?.chars() {
        if escaped(c) {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    Ok(text)
}

/// A value of an env file as Compose, dotenv and systemd read it. They agree on single quotes, which take everything
/// literally, and on nothing about what has to be escaped.
fn env(value: &Value) -> Result<String, Error> {
    let text = text(value)?;
    match text.chars().find(|c| *c == '\'' || c.is_control()) {
        Some(c) => {
            Err(refuse(format!("{} cannot be written into an env file; deliver it as a file", c.escape_debug())))
        }
        None => Ok(format!("'{text}'")),
    }
}

/// One word of a POSIX shell (XCU 2.2.2).
fn shell(value: &Value) -> Result<String, Error> {
    let text = text(value)?;
    if text.contains('\0') {
        return Err(refuse("a NUL character cannot be a part of a shell's word".to_owned()));
    }
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

/// One word of `HAProxy`'s configuration (Configuration Manual, 2.2 "Quoting and escaping").
fn haproxy(value: &Value) -> Result<String, Error> {
    let text = text(value)?;
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(refuse(format!("{} cannot be written into HAProxy's configuration", c.escape_debug())));
    }
    Ok(format!("'{}'", text.replace('\'', r#"'"'"'"#)))
}

fn text(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::String | ValueKind::Number => Ok(value.to_string()),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        _ => Err(refuse("a list or map has no text; use a loop, `join` or `json`".to_owned())),
    }
}

fn refuse(why: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}
