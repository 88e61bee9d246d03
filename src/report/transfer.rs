//! How far a long transfer is, on a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Reporter;
use super::clean::clip;

/// Nothing is shown of what is done sooner.
const SOON: Duration = Duration::from_millis(500);
const OFTEN: Duration = Duration::from_millis(100);
/// Characters of what is transferred.
const LONGEST: usize = 80;

/// While this lives, it is shown.
pub struct Transfer(Option<JoinHandle<()>>);

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// A line that goes away with its task.
struct Shown(ProgressBar);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Reporter {
    /// Shows how many bytes there are, if somebody looks.
    pub fn transfer(&self, what: String, done: Arc<AtomicU64>) -> Transfer {
        let task = self.can_redraw().then(|| {
            tokio::spawn(async move {
                sleep(SOON).await;
                let style = ProgressStyle::with_template("{spinner} {msg}  {bytes} at {bytes_per_sec}");
                let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
                let shown = Shown(ProgressBar::new_spinner().with_style(style).with_message(clip(&what, LONGEST)));
                loop {
                    shown.0.set_position(done.load(Ordering::Relaxed));
                    sleep(OFTEN).await;
                }
            })
        });
        Transfer(task)
    }
}
