//! An error as people and programs read it: what failed, why, and what to do next.

use anstream::adapter::strip_str;
use serde_json::{Value, json};

use crate::error::Error;
use crate::image::ImageError;
use crate::manifest::Diagnostics;

use super::page::Page;
use super::style::Tone;

/// For people, in whole lines.
pub fn text(error: &Error, coloured: bool) -> String {
    let mut page = Page::default();
    match error.source.downcast_ref::<Diagnostics>() {
        // Has its own form, with lines of files and carets, and counts itself.
        Some(diagnostics) => page.ready(&diagnostics.render(coloured)),
        None => message(&mut page, error),
    }
    for hint in &error.hints {
        page.labelled(Tone::Strong, "hint:", hint);
    }
    let text = page.into_text();
    if coloured { text } else { strip_str(&text).to_string() }
}

/// For programs.
pub fn json(error: &Error) -> Value {
    let mut value = json!({ "message": error.source.to_string(), "causes": causes(error), "hints": error.hints });
    if let Some(diagnostics) = error.source.downcast_ref::<Diagnostics>() {
        value["diagnostics"] = json!(diagnostics);
    }
    if !output(error).is_empty() {
        value["output"] = json!(output(error));
    }
    value
}

fn message(page: &mut Page, error: &Error) {
    page.labelled(Tone::Bad, "error:", &error.source.to_string());
    for cause in causes(error) {
        page.labelled(Tone::Neutral, "  because:", &cause);
    }
    for line in output(error) {
        page.foreign("  | ", line);
    }
}

/// Causes that the message before them does not already tell.
fn causes(error: &Error) -> Vec<String> {
    let mut told = error.source.to_string();
    let mut causes = Vec::new();
    for cause in error.source.chain().skip(1).map(ToString::to_string) {
        if !told.contains(&cause) {
            causes.push(cause.clone());
            told = cause;
        }
    }
    causes
}

/// The last lines of a failed build.
fn output(error: &Error) -> &[String] {
    error.source.downcast_ref::<ImageError>().map_or(&[], ImageError::output)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn an_error_says_what_failed_why_and_what_to_do() {
        let source = anyhow!("handshake\u{1b}[31m failed").context("host web2 cannot be reached\nnor can web3");
        let error = Error::unchanged(source).hint("ssh-keygen -R web2").hint("or look at web3");
        assert_eq!(
            text(&error, false),
            "error: host web2 cannot be reached\n       nor can web3\n  because: handshake\\u{1b}[31m failed\n\
             hint: ssh-keygen -R web2\nhint: or look at web3\n"
        );
        assert_eq!(
            json(&error).to_string(),
            r#"{"message":"host web2 cannot be reached\nnor can web3","causes":["handshake\u001b[31m failed"],"hints":["ssh-keygen -R web2","or look at web3"]}"#
        );
    }

    #[test]
    fn a_cause_that_the_message_repeats_is_told_once() {
        let source = anyhow!("no route").context("web2: no route");
        assert_eq!(text(&Error::unchanged(source), false), "error: web2: no route\n");
    }
}
