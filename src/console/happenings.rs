//! What engines do with the containers of a fleet, as it happens, across lost connections.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{sleep, timeout};

use super::bookmark::{Bookmark, Reading};
use super::follow::Heard;
use crate::engine::console::{Console, Happened};
use crate::environment::Scope;
use crate::event::Listening;
use crate::fleet::select::Selection;
use crate::name::{HostName, ServiceName};

/// After a connection was lost.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest look whether a host answers again.
const ANSWER: Duration = Duration::from_secs(10);

/// Something that an engine did with a container, or saw of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happening {
    /// When, by the host's clock.
    pub at: Timestamp,
    /// Where.
    pub host: HostName,
    /// Of which service.
    pub service: ServiceName,
    /// Number of the release that created the container.
    pub release: u64,
    /// The container's name.
    pub container: String,
    /// What, in the engine's words.
    pub action: String,
    /// Exit code of a container that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
}

/// What to hear of one host.
#[derive(Clone)]
pub struct Hearing {
    /// The host.
    pub host: HostName,
    /// The door.
    pub console: Arc<dyn Console>,
    /// Project and environment.
    pub scope: Scope,
    /// Which services.
    pub selection: Selection,
    /// From when on; from now on if `None`.
    pub since: Option<Timestamp>,
    /// Until when; without an end if `None`.
    pub until: Option<Timestamp>,
    /// Now, by the operator's clock.
    pub now: Timestamp,
    /// Also what only looks at a container, or is done in it.
    pub all: bool,
}

/// Hears a host, to the end that was asked for or until nobody listens any more.
pub async fn hear(hearing: Hearing, heard: UnboundedSender<Heard<Happening>>) {
    let Hearing { host, console, scope, selection, since, until, now, all } = hearing;
    let mut reading = Reading::on_from(since.map(Bookmark::from));
    let mut from = since;
    let tell = |note: Listening| heard.send(Heard::Note(note)).is_ok();
    loop {
        let mut happened = console.happened(&scope, from, until);
        let reason = loop {
            match happened.next().await {
                Some(Ok(Happened { at, service, release, container, action, exit_code })) => {
                    let is_meant = selection.has_service(&service) && (all || !is_look(&action));
                    if reading.is_new(at) && is_meant {
                        let host = host.clone();
                        let one = Happening { at, host, service, release, container, action, exit_code };
                        if heard.send(Heard::Line(one)).is_err() {
                            return;
                        }
                    }
                }
                Some(Err(error)) => break error.to_string(),
                None if until.is_some() => return,
                None => break "the engine ended the connection".to_owned(),
            }
        };
        if !tell(Listening::Lost { host: host.clone(), reason }) {
            return;
        }
        loop {
            sleep(AGAIN).await;
            if heard.is_closed() {
                return;
            }
            if let Ok(Ok(_)) = timeout(ANSWER, console.sightings(&scope)).await {
                break;
            }
        }
        if !tell(Listening::Back { host: host.clone() }) {
            return;
        }
        let bookmark = reading.bookmark().cloned();
        from = Some(bookmark.as_ref().map_or(now, Bookmark::since));
        reading = Reading::on_from(bookmark);
    }
}

/// What is done to look at a container, or in it: health checks do that all the time.
fn is_look(action: &str) -> bool {
    let looks = ["exec_", "archive-path", "extract-to-dir", "top", "resize", "attach", "detach"];
    looks.iter().any(|look| action.starts_with(look))
}
