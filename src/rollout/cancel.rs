//! The operator's wish to stop. The first one lets the hosts in hand be finished or undone; a second one ends
//! the process, which is not this module's business.

use std::sync::Arc;

use tokio::sync::watch;

/// Asked by the signal handler, heard by the rollout. Clones share the wish.
#[derive(Debug, Clone)]
pub struct Cancel {
    sender: Arc<watch::Sender<bool>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self { sender: Arc::new(watch::Sender::new(false)) }
    }
}

impl Cancel {
    /// Asks to stop.
    pub fn request(&self) {
        self.sender.send_replace(true);
    }

    /// Forgets that somebody asked.
    pub(super) fn forget(&self) {
        self.sender.send_replace(false);
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        *self.sender.borrow()
    }

    /// Returns when somebody asks; at once if somebody has.
    pub async fn requested(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives in `self`, so waiting cannot fail while this future is polled.
        let _closed = receiver.wait_for(|requested| *requested).await;
    }
}
