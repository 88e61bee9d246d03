//! What is told of an image on its way to a host, and when it is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::container::PinnedImage;
use crate::engine::{Arrival, PullProgress, Sent};
use crate::event::{Arrived, Event};
use crate::name::HostName;
use crate::rollout::recorder::Recorder;
use crate::size;

/// An image on its way to a host, however often that is tried.
pub(super) struct Way<'a> {
    host: &'a HostName,
    image: &'a PinnedImage,
    begun: Instant,
    reached: Arc<Reached>,
    /// Takes note of how far it is, and tells of it.
    pub(super) progress: PullProgress,
}

/// The most bytes in any attempt.
#[derive(Default)]
struct Reached {
    done: AtomicU64,
    total: AtomicU64,
}

impl<'a> Way<'a> {
    pub(super) fn begin(recorder: &Recorder, host: &'a HostName, image: &'a PinnedImage) -> Self {
        let reached = Arc::new(Reached::default());
        let (recorder, noted, name, is_sent) = (recorder.clone(), Arc::clone(&reached), host.clone(), image.is_sent());
        let progress: PullProgress = Arc::new(move |done, total| {
            noted.done.fetch_max(done, Ordering::Relaxed);
            noted.total.fetch_max(total, Ordering::Relaxed);
            let host = name.clone();
            recorder.note(if is_sent {
                Event::Sending { host, done, total }
            } else {
                Event::Pulling { host, done, total }
            });
        });
        Self { host, image, begun: Instant::now(), reached, progress }
    }

    /// What is done, in words.
    pub(super) fn doing(&self) -> String {
        format!("{} {}", if self.image.is_sent() { "send" } else { "pull" }, self.image)
    }

    /// Why it did not arrive, and how far it came.
    pub(super) fn failed(&self, why: &str) -> String {
        let (done, total) = (self.done(), self.reached.total.load(Ordering::Relaxed));
        if !self.image.is_sent() || done == 0 {
            return why.to_owned();
        }
        format!("{why} ({} of {} had gone out)", size::display(done), size::display(total))
    }

    /// It is there.
    pub(super) fn arrived(&self, arrival: Arrival) -> Event {
        let (host, image, took) = (self.host.clone(), self.image.to_string(), self.begun.elapsed());
        match arrival {
            Arrival::Pulled => Event::Pulled { host, image, bytes: self.done(), took },
            Arrival::Sent(Sent { layers, of, bytes, refused, from }) => {
                let (from, not_pulled) = from.unzip();
                Event::Sent(Arrived { host, image, layers, of, bytes, refused, from, not_pulled, took })
            }
        }
    }

    fn done(&self) -> u64 {
        self.reached.done.load(Ordering::Relaxed)
    }
}
