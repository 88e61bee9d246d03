//! Ctrl-C, SIGTERM and a closed terminal. The first one asks the run to stop in good order, the second one ends
//! the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::error::{Error, Exit, Result};
use crate::event::Event;
use crate::report::Reporter;
use crate::rollout::cancel::Cancel;
use crate::rollout::recorder::Recorder;

use super::terminal;

/// After a second signal, what does not end by itself is ended.
const LAST_RESORT: Duration = Duration::from_secs(3);

/// Hosts may be changed now.
const ACTING: u8 = 1;
/// Hosts were changed, and are not any more.
const OVER: u8 = 2;

/// The operator's wish to stop.
pub(super) struct Signals {
    cancel: Cancel,
    abort: Cancel,
    phase: Arc<AtomicU8>,
    lent: Arc<AtomicBool>,
}

/// While this lives, Ctrl-C is for whoever has the terminal.
pub(super) struct Lent(Arc<AtomicBool>);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Signals {
    /// Begins to listen; the signals' usual effect is gone from here on.
    pub(super) fn listen(reporter: &Reporter) -> Result<Self> {
        let signals =
            Self { cancel: Cancel::default(), abort: Cancel::default(), phase: Arc::default(), lent: Arc::default() };
        let stream = |kind| signal(kind).context("signals cannot be handled").map_err(Error::unchanged);
        let streams =
            [stream(SignalKind::interrupt())?, stream(SignalKind::terminate())?, stream(SignalKind::hangup())?];
        let wishes = (signals.cancel.clone(), signals.abort.clone());
        let (phase, lent) = (Arc::clone(&signals.phase), Arc::clone(&signals.lent));
        tokio::spawn(watch(streams, wishes, (phase, lent), reporter.clone()));
        Ok(signals)
    }

    /// Another program, such as an editor, has the terminal from here on: a Ctrl-C in it is not ours. The other signals are.
    pub(super) fn lend(&self) -> Lent {
        self.lent.store(true, Ordering::Relaxed);
        Lent(Arc::clone(&self.lent))
    }

    /// Waits for `work`, which changes no host and may be dropped at any point.
    pub(super) async fn unless_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.cancel.requested() => Err(interrupted()),
            result = work => result,
        }
    }

    /// Returns, with what to say, when the operator asked a second time. What then is dropped takes its processes and
    /// sockets with it.
    pub(super) async fn aborted(&self) -> Error {
        self.abort.requested().await;
        aborted(self.phase.load(Ordering::Relaxed))
    }

    /// The wish itself, for what changes no host and ends by itself when it hears it.
    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// From here on hosts may be changed; the rollout itself hears the wish, and `recorder` is told of it.
    pub(super) fn act(&self, recorder: &Recorder) -> &Cancel {
        self.phase.store(ACTING, Ordering::Relaxed);
        let (cancel, phase, recorder) = (self.cancel.clone(), Arc::clone(&self.phase), recorder.clone());
        tokio::spawn(async move {
            cancel.requested().await;
            if phase.load(Ordering::Relaxed) == ACTING {
                recorder.note(Event::CancelRequested);
            }
        });
        &self.cancel
    }

    /// From here on no host is changed any more.
    pub(super) fn rest(&self) {
        self.phase.store(OVER, Ordering::Relaxed);
    }
}

/// Stopped before any host was changed.
pub(super) fn interrupted() -> Error {
    Error { exit: Exit::Interrupted, source: anyhow!("interrupted; no host was changed"), hints: Vec::new() }
}

async fn watch(
    [mut interrupt, mut terminate, mut hangup]: [Signal; 3],
    (cancel, abort): (Cancel, Cancel),
    (phase, lent): (Arc<AtomicU8>, Arc<AtomicBool>),
    reporter: Reporter,
) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => if lent.load(Ordering::Relaxed) { continue },
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        match (cancel.is_requested(), abort.is_requested()) {
            (false, _) => cancel.request(),
            (true, false) => {
                abort.request();
                let (phase, reporter) = (Arc::clone(&phase), reporter.clone());
                tokio::spawn(async move {
                    sleep(LAST_RESORT).await;
                    end(&reporter, &phase);
                });
            }
            (true, true) => end(&reporter, &phase),
        }
    }
}

/// For what does not hear that it is to stop at once.
fn end(reporter: &Reporter, phase: &AtomicU8) {
    let error = aborted(phase.load(Ordering::Relaxed));
    reporter.error(&error);
    terminal::restore();
    std::process::exit(error.exit.code().into());
}

fn aborted(phase: u8) -> Error {
    if phase == OVER {
        let source = anyhow!("stopped at once, after the rollout had come to its end: the lock is released");
        let hints = vec!["see what it came to with `shipctl status` and `shipctl history`".to_owned()];
        return Error { exit: Exit::Interrupted, source, hints };
    }
    if phase != ACTING {
        return Error { source: anyhow!("stopped at once"), ..interrupted() };
    }
    let source =
        anyhow!("stopped at once: nothing was undone, hosts may be half-way, and the lock is held until it expires");
    Error {
        exit: Exit::Mixed,
        source,
        hints: vec!["look with `shipctl status`; the next deploy or rollback heals what was left".to_owned()],
    }
}
