//! The operator's terminal while it belongs to a program in a container: every key goes there, Ctrl-C too.

use std::io::{self, IsTerminal, Read};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::channel;

use crate::engine::session::Size;

/// How the terminal was before, while it is lent: for an end that drops nothing.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// While this lives, keys are passed on as they are.
pub(super) struct Raw(());

impl Raw {
    /// Takes the terminal of standard input.
    pub(super) fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let lent = Self(());
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(lent)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was, if it is lent.
pub(super) fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // A terminal that is gone shows nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}

/// Whether somebody sits at both ends.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// How large it is.
pub(super) fn size() -> Option<Size> {
    let size = tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_row > 0 && size.ws_col > 0)?;
    Some(Size { rows: size.ws_row, columns: size.ws_col })
}

/// What comes from standard input. It is read on a thread of its own, which the end of this process ends.
pub(super) fn typed() -> impl Stream<Item = Bytes> + Send {
    let (sender, receiver) = channel(1);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 32 * 1024];
        while let Ok(read @ 1..) = io::stdin().read(&mut buffer) {
            if sender.blocking_send(Bytes::copy_from_slice(&buffer[..read])).is_err() {
                break;
            }
        }
    });
    stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|bytes| (bytes, receiver)))
}

/// Each size that it gets from now on.
pub(super) fn sizes() -> impl Stream<Item = Size> + Send {
    let changes = signal(SignalKind::window_change()).ok();
    stream::unfold(changes, async |changes| {
        let mut changes = changes?;
        loop {
            changes.recv().await?;
            if let Some(size) = size() {
                return Some((size, Some(changes)));
            }
        }
    })
}
