//! What is printed from now on: of containers that run, of those that take their place, and again after a connection was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Line;
use super::bookmark::{Bookmark, Reading};
use super::sieve::Sieve;
use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::engine::console::{Console, Sighting, Wanted};
use crate::environment::Scope;
use crate::event::Listening;
use crate::fleet::select::Selection;
use crate::name::HostName;

/// From one look at a host to the next, unless a container is started meanwhile.
const LOOK: Duration = Duration::from_secs(3);
/// Longest look.
const ANSWER: Duration = Duration::from_secs(10);
/// After a connection was lost.
const AGAIN: Duration = Duration::from_secs(1);

/// What is heard of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<T> {
    /// A line, or whatever is heeded for.
    Line(T),
    /// What has become of the host, or of a container.
    Note(Listening),
}

/// What to follow on one host.
#[derive(Clone)]
pub struct Following {
    /// The host.
    pub host: HostName,
    /// The door.
    pub console: Arc<dyn Console>,
    /// Project and environment.
    pub scope: Scope,
    /// Which services.
    pub selection: Selection,
    /// Which lines.
    pub sieve: Sieve,
    /// Containers that are there, and how far each was read; one that is not among them is read from its beginning.
    pub known: BTreeMap<ContainerId, Option<Bookmark>>,
}

/// Follows a host until nobody listens any more.
pub async fn follow(following: Following, heard: UnboundedSender<Heard<Line>>) {
    let Following { host, console, scope, selection, sieve, known } = following;
    let mut seen: BTreeSet<_> = known.keys().cloned().collect();
    let bookmarks = Arc::new(Mutex::new(known));
    let link = Arc::new(Link { host: host.clone(), heard, is_lost: Mutex::new(false) });
    let (mut heeded, mut tasks) = (BTreeSet::new(), JoinSet::new());
    let (mut starts, mut is_first_look) = (None, true);
    loop {
        match timeout(ANSWER, console.sightings(&scope)).await {
            Ok(Ok(sightings)) => {
                link.is_back();
                let meant = sightings.into_iter().filter(|one| selection.has_service(&one.service));
                for container in meant {
                    let is_first_seen = seen.insert(container.id.clone());
                    // One that has ended before it was seen for the first time has printed something, too.
                    if (container.runs || is_first_seen) && heeded.insert(container.id.clone()) {
                        if !is_first_look {
                            let (service, release) = (container.service.clone(), container.release);
                            link.note(Listening::Joined { host: host.clone(), service, release });
                        }
                        let listener = Listener {
                            console: Arc::clone(&console),
                            container,
                            sieve: sieve.clone(),
                            bookmarks: Arc::clone(&bookmarks),
                            link: Arc::clone(&link),
                        };
                        tasks.spawn(listener.listen());
                    }
                }
                is_first_look = false;
            }
            Ok(Err(error)) => link.is_lost(&error.to_string()),
            Err(_) => link.is_lost(&format!("no answer within {} s", ANSWER.as_secs())),
        }
        if link.heard.is_closed() {
            return;
        }
        let pause = if link.is_down() { AGAIN } else { LOOK };
        let stream = starts.get_or_insert_with(|| console.starts(&scope));
        tokio::select! {
            () = sleep(pause) => {}
            next = start(stream) => if !next { starts = None; sleep(AGAIN).await; },
            Some(Ok(Some(ended))) = tasks.join_next() => drop(heeded.remove(&ended)),
        }
    }
}

/// Waits for a container to be started; false if the stream is of no use any more.
async fn start(stream: &mut BoxStream<'static, Result<(), EngineError>>) -> bool {
    matches!(stream.next().await, Some(Ok(())))
}

/// The way to a host, as far as it is known to be there.
struct Link {
    host: HostName,
    heard: UnboundedSender<Heard<Line>>,
    is_lost: Mutex<bool>,
}

impl Link {
    /// If nobody listens any more, the next look ends it all.
    fn tell(&self, heard: Heard<Line>) {
        drop(self.heard.send(heard));
    }

    fn note(&self, note: Listening) {
        self.tell(Heard::Note(note));
    }

    fn is_down(&self) -> bool {
        *self.is_lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_lost(&self, reason: &str) {
        let mut is_lost = self.is_lost.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_lost {
            *is_lost = true;
            self.note(Listening::Lost { host: self.host.clone(), reason: reason.to_owned() });
        }
    }

    fn is_back(&self) {
        let mut is_lost = self.is_lost.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_lost {
            *is_lost = false;
            self.note(Listening::Back { host: self.host.clone() });
        }
    }
}

/// Listens to one container.
struct Listener {
    console: Arc<dyn Console>,
    container: Sighting,
    sieve: Sieve,
    bookmarks: Arc<Mutex<BTreeMap<ContainerId, Option<Bookmark>>>>,
    link: Arc<Link>,
}

impl Listener {
    /// Until the container has ended, or is gone. Which one it was; `None` if it cannot be heeded to at all.
    async fn listen(self) -> Option<ContainerId> {
        let id = &self.container.id;
        loop {
            let bookmark = self.bookmarks().get(id).cloned().flatten();
            let since = bookmark.as_ref().map(Bookmark::since);
            let mut reading = Reading::on_from(bookmark);
            let mut said = self.console.said(id, &Wanted { since, follow: true, ..Wanted::default() });
            let ended = loop {
                match said.next().await {
                    Some(Ok(said)) => {
                        if reading.is_new(said.at) {
                            self.bookmarks().insert(id.clone(), reading.bookmark().cloned());
                            if let Some(said) = self.sieve.pass(said) {
                                self.link.tell(Heard::Line(Line::of(&self.link.host, &self.container, said)));
                            }
                        }
                    }
                    Some(Err(error)) => break Some(error),
                    None => break None,
                }
            };
            match ended {
                // It is looked at again: if it runs, it is heeded to again.
                None | Some(EngineError::NotFound(_)) => break,
                Some(EngineError::Refused(reason)) => {
                    let (host, service) = (self.link.host.clone(), self.container.service.clone());
                    self.link.note(Listening::Unreadable { host, service, reason });
                    return None;
                }
                Some(error) => self.link.is_lost(&error.to_string()),
            }
            sleep(AGAIN).await;
        }
        Some(self.container.id)
    }

    fn bookmarks(&self) -> std::sync::MutexGuard<'_, BTreeMap<ContainerId, Option<Bookmark>>> {
        self.bookmarks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
