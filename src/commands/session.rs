//! A program in one container, with this process's own input, output and terminal.

use std::io::{self, Write};

use crate::console::session::carry;
use crate::engine::console::Stream;
use crate::engine::session::{Session, Sessions, Size, Written};

use super::Context;
use super::terminal::{self, Raw};

/// What the program gets of what this process has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    /// Whether it reads what is typed, or piped in.
    pub(super) reads: bool,
    /// The terminal, if it gets it.
    pub(super) terminal: Option<Size>,
}

impl Ends {
    /// The terminal where there is one, unless it is not wanted; standard input otherwise only if it is.
    pub(super) fn choose(interactive: bool, no_tty: bool) -> Self {
        let has_terminal = !no_tty && terminal::is_there();
        let terminal = has_terminal.then(|| terminal::size().unwrap_or(Size { rows: 24, columns: 80 }));
        Self { reads: interactive || has_terminal, terminal }
    }
}

/// Carries it to its end. The terminal is given back whatever comes of it.
pub(super) async fn on_this_terminal(
    context: &Context,
    sessions: &dyn Sessions,
    session: Session,
    ends: Ends,
) -> Result<Option<i64>, String> {
    let raw = match ends.terminal.map(|_| Raw::begin()).transpose() {
        Ok(raw) => raw,
        Err(error) => return Err(format!("the terminal cannot be used: {error}")),
    };
    let input = ends.reads.then(terminal::typed);
    let write = |Written { stream, bytes }: Written| {
        let written = match stream {
            Stream::Stdout => io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush()),
            Stream::Stderr => io::stderr().write_all(&bytes),
        };
        written.is_ok()
    };
    let sizes = terminal::sizes();
    let ended = tokio::select! {
        biased;
        () = context.signals.cancel().requested() => Err("interrupted".to_owned()),
        ended = carry(sessions, session, input, sizes, write) => ended.map_err(|error| error.to_string()),
    };
    drop(raw);
    ended
}
