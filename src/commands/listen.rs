//! What `logs` and `events` have in common: hosts are heard at the same time, what they tell is put in order, and who was not
//! heard whole is remembered.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use crate::console::follow::Heard;
use crate::console::window::Window;
use crate::error::Exit;
use crate::event::{Event, Listening};
use crate::name::HostName;
use crate::report::Answer;
use crate::report::stream::Lines;
use crate::rollout::recorder::Recorder;

/// Where lines and remarks go.
pub(super) struct Listener {
    pub(super) lines: Lines,
    pub(super) recorder: Recorder,
    /// Hosts that were not heard whole, and why.
    pub(super) troubled: BTreeMap<HostName, String>,
}

impl Listener {
    /// Takes what has become of a host.
    pub(super) fn note(&mut self, note: Listening) {
        match &note {
            Listening::Lost { host, reason } => drop(self.troubled.insert(host.clone(), reason.clone())),
            Listening::Back { host } => drop(self.troubled.remove(host)),
            Listening::Joined { .. } | Listening::Unreadable { .. } => {}
        }
        // A remark stands behind the lines before it.
        drop(self.lines.flush());
        self.recorder.note(Event::Listening(note));
    }

    /// How it ended.
    pub(super) fn exit(&self, is_interrupted: bool) -> Exit {
        match self.troubled.is_empty() {
            _ if is_interrupted => Exit::Interrupted,
            true => Exit::Done,
            false => Exit::Unchanged,
        }
    }
}

/// What is said at the end, to programs: people have read it all.
pub(super) struct Summary<'a> {
    /// The command.
    pub(super) command: &'static str,
    /// What was counted.
    pub(super) counted: &'static str,
    pub(super) listener: &'a Listener,
}

impl Answer for Summary<'_> {
    fn json(&self) -> (&'static str, Value) {
        let Listener { lines, troubled, .. } = self.listener;
        (self.command, json!({ self.counted: lines.count(), "unreachable": troubled }))
    }

    fn text(&self) -> String {
        String::new()
    }
}

/// Shows all that is heard, to the end of it, or until nobody reads any more.
pub(super) async fn listen<T>(
    mut heard: UnboundedReceiver<Heard<T>>,
    at: impl Fn(&T) -> Timestamp,
    listener: &mut Listener,
    show: impl Fn(&mut Lines, &T) -> io::Result<()>,
) -> io::Result<()> {
    let mut window = Window::default();
    loop {
        let next_due = window.next_due();
        let is_over = tokio::select! {
            () = sleep_until(next_due.unwrap_or_else(Instant::now)), if next_due.is_some() => false,
            next = heard.recv() => match next {
                Some(Heard::Line(one)) => {
                    window.put(at(&one), one, Instant::now());
                    false
                }
                Some(Heard::Note(note)) => {
                    listener.note(note);
                    false
                }
                None => true,
            },
        };
        let due = if is_over { window.rest() } else { window.due(Instant::now()) };
        for one in &due {
            show(&mut listener.lines, one)?;
        }
        if !due.is_empty() {
            listener.lines.flush()?;
        }
        if is_over {
            return Ok(());
        }
    }
}
