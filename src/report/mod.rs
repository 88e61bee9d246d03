//! What people and programs get to read: events while they happen, and one answer at the end.
//!
//! Progress goes to standard error, answers go to standard output. Everything for people is written through
//! [`anstream`], the one authority on colours. Nothing in here decides anything about a run, and no failure to
//! write ends one.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::error::{Error, Exit};
use crate::event::{EventSink, Record};
use crate::redact::Redactor;

use group::{Groups, System};
use plain::PlainDisplay;

mod act;
pub mod clean;
pub mod compare;
pub mod config;
pub mod doctor;
pub mod failure;
pub mod group;
pub mod hand;
pub mod history;
pub mod host;
pub mod html;
pub mod identity;
pub mod json;
pub mod line;
mod listening;
pub mod lock;
pub mod page;
pub mod panic;
pub mod plain;
pub mod plan;
pub mod prune;
pub mod pull;
pub mod registry;
pub mod rollout;
pub mod secrets;
pub mod start;
pub mod status;
pub mod stream;
pub mod style;
pub mod table;
pub mod terminal;
pub mod told;
pub mod top;
pub mod transfer;

/// Version of the result object of `--format json`.
const RESULT_FORMAT: u32 = 1;

/// How an operator wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Live lines on a terminal, tables, colours
    Human,
    /// A line per event, tables, no colours
    Plain,
    /// Events as JSON lines, and one result object at the end
    Json,
}

/// Shows events while they happen.
pub trait Display: EventSink {
    /// Takes away what is only of interest at the moment, to make room for other output.
    fn clear(&self);
}

/// What a command says at its end.
pub trait Answer {
    /// Key and value in the result object.
    fn json(&self) -> (&'static str, Value);

    /// For people: whole lines, styled, with all foreign text cleaned.
    fn text(&self) -> String;
}

/// The one way to the screen.
#[derive(Clone)]
pub struct Reporter {
    format: Format,
    display: Arc<dyn Display>,
    redactor: Redactor,
    system: Option<System>,
}

impl Reporter {
    /// The reporter for what was asked for and what there is to write on.
    pub fn choose(asked: Option<Format>) -> Self {
        let live = can_redraw();
        let format = asked.unwrap_or(if live { Format::Human } else { Format::Plain });
        let redactor = Redactor::default();
        let hides = redactor.clone();
        let system = System::of(|name| std::env::var(name).ok());
        let groups = || system.map(|system| Groups::new(system, Box::new(io::stderr())));
        let plain = |out| PlainDisplay::new(out, hides.clone()).grouped(groups());
        let display: Arc<dyn Display> = match format {
            Format::Human if live => {
                Arc::new(terminal::TerminalDisplay::new(is_coloured(&io::stderr()), hides.clone()))
            }
            Format::Human => Arc::new(plain(Box::new(anstream::stderr()))),
            Format::Plain => Arc::new(plain(Box::new(AutoStream::never(io::stderr())))),
            Format::Json => Arc::new(json::JsonDisplay::new(Box::new(io::stdout()), hides.clone())),
        };
        Self { format, display, redactor, system }
    }

    /// What it keeps out of everything that it shows.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Takes the events of a run.
    pub fn sink(&self) -> Arc<dyn EventSink> {
        Arc::clone(&self.display) as Arc<dyn EventSink>
    }

    /// Takes the events of a command that only looks: shown where they go away again, and nowhere else.
    pub fn live_sink(&self) -> Arc<dyn EventSink> {
        if self.format == Format::Human && can_redraw() { self.sink() } else { Arc::new(Silence) }
    }

    /// Whether somebody is there to answer a question.
    pub fn can_ask(&self) -> bool {
        self.format == Format::Human && can_redraw() && io::stdin().is_terminal()
    }

    /// Whether the answer goes to a terminal, where people read it.
    pub fn is_read_by_people(&self) -> bool {
        self.format != Format::Json && io::stdout().is_terminal()
    }

    /// Whether the answer is an object.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Takes away live lines.
    pub fn clear(&self) {
        self.display.clear();
    }

    /// Shows people something before the end, such as a plan they are asked about. Programs get it as an event.
    pub fn preview(&self, answer: &dyn Answer) {
        if self.format != Format::Json {
            self.print(&self.redactor.text(&answer.text()));
        }
    }

    /// Whether what is shown can be drawn over.
    pub fn can_redraw(&self) -> bool {
        self.format == Format::Human && can_redraw()
    }

    /// Shows people something in the place of what was shown before it, on a screen of their own.
    pub fn redraw(&self, answer: &dyn Answer, is_first: bool) {
        let text = self.redactor.text(&answer.text()).into_owned();
        // To the corner, each line to its end, and nothing behind the last.
        let lines = text.replace('\n', "\x1b[K\n");
        let clear = if is_first { "\x1b[2J" } else { "" };
        self.print(&format!("{clear}\x1b[H{lines}\x1b[J"));
    }

    /// Says what a command came to.
    pub fn answer(&self, answer: &dyn Answer, exit: Exit) {
        if self.format == Format::Json {
            let (key, mut value) = answer.json();
            self.redactor.value(&mut value);
            result(key, value, exit);
        } else {
            self.print(&self.redactor.text(&answer.text()));
        }
    }

    /// The same for values of secrets that somebody asked to see.
    pub fn reveal(&self, answer: &dyn Answer, exit: Exit) {
        if self.format == Format::Json {
            let (key, value) = answer.json();
            result(key, value, exit);
        } else {
            self.print(&answer.text());
        }
    }

    /// Says why a command ended without an answer.
    pub fn error(&self, error: &Error) {
        self.clear();
        if self.format == Format::Json {
            let mut value = failure::json(error);
            self.redactor.value(&mut value);
            result("error", value, error.exit);
        } else {
            let coloured = self.format == Format::Human && is_coloured(&io::stderr());
            let text = failure::text(error, coloured);
            let text = self.redactor.text(&text);
            let text = self.harmless(&text);
            // There is nobody left to be told; the exit code says it too.
            let _ = match self.format {
                Format::Plain => AutoStream::never(io::stderr()).write_all(text.as_bytes()),
                Format::Human | Format::Json => anstream::stderr().write_all(text.as_bytes()),
            };
        }
    }

    /// The text without what a CI system would take for a command.
    fn harmless<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.system.map_or(Cow::Borrowed(text), |system| system.harmless(text))
    }

    fn print(&self, text: &str) {
        self.clear();
        let text = self.harmless(text);
        let mut out = match self.format {
            Format::Plain => AutoStream::never(io::stdout()),
            Format::Human | Format::Json => anstream::stdout(),
        };
        // A reader that went away (`| head`) is its own business.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// Writes the one result object.
fn result(key: &str, value: Value, exit: Exit) {
    let mut object = Map::new();
    object.insert("format".to_owned(), json!(RESULT_FORMAT));
    object.insert(key.to_owned(), value);
    object.insert("exit".to_owned(), json!(exit.code()));
    // A reader that went away is its own business.
    let _ = json::write_line(&mut io::stdout(), &object);
}

struct Silence;

impl EventSink for Silence {
    fn take(&self, _record: &Record) {}
}

/// Whether live lines can be drawn: indicatif draws nothing at all on a dumb terminal, and would animate in CI.
fn can_redraw() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "false");
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stderr().is_terminal() && !is_dumb && !is_set("CI")
}

fn is_coloured(stream: &io::Stderr) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}
