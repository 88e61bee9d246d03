//! Key-value stores: changed as a whole before the first batch, and taken back when the rollout is.
//!
//! A change compares every key with what was seen, so it takes hold once at most, and never over somebody else's. The token
//! in the record tells whether it did, whatever became of the answer.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::event::{Event, Failure};
use crate::publish::{Publishing, State};
use crate::rollout::report::{StoreNow, StoreRow};
use crate::rollout::run::{CALL, Run};
use crate::store::{Change, Held, StoreError};

mod back;

pub(super) use back::{again, withdraw};

/// How often a store is asked that does not answer: towards the release, and when undoing.
const TRIES: [u32; 2] = [4, 6];

/// What is known of a store's change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Standing {
    /// It was not tried, has not taken hold, and cannot any more.
    #[default]
    Untouched,
    /// It may have taken hold, or may yet.
    Doubtful,
    /// It took hold.
    Made,
    /// It was taken back.
    Withdrawn,
}

/// What became of the changes so far, in the order of the plan.
#[derive(Default)]
pub(super) struct Published(Mutex<Vec<Standing>>);

/// Makes all changes. One that fails leaves the store as it was, or in doubt; the others are not taken back here.
pub(super) async fn all(run: &Run<'_>) -> Result<(), Failure> {
    let mut standings = run.published.0.lock().await;
    standings.resize(run.publishing.len(), Standing::Untouched);
    for (publishing, standing) in run.publishing.iter().zip(standings.iter_mut()) {
        let store = publishing.swap.store.clone();
        let doing = format!("publish to {store}");
        let keys = publishing.swap.changes.len().saturating_sub(1);
        run.lock.set_step(doing.clone());
        let intended = run.recorder.intend(Event::Publishing { store: store.clone(), keys });
        intended.map_err(|broken| Failure::new(doing.clone(), broken.to_string()))?;
        make(publishing, standing).await.map_err(|reason| Failure::new(doing, reason))?;
        run.recorder.note(Event::Published { store });
    }
    Ok(())
}

async fn make(publishing: &Publishing, standing: &mut Standing) -> Result<(), String> {
    let mut last = String::new();
    for attempt in 0..TRIES[0] {
        if attempt > 0 {
            sleep(pause(attempt)).await;
        }
        let error = match swap(publishing, &publishing.swap.changes).await {
            Ok(()) => {
                *standing = Standing::Made;
                return Ok(());
            }
            Err(error) => error,
        };
        // Also one that was refused may have taken hold; and it says so itself whether it did.
        *standing = Standing::Doubtful;
        last = error.to_string();
        let is_final = !matches!(error, StoreError::InDoubt(_));
        match read(publishing).await {
            Ok(held) if token(publishing, &held) == Some(publishing.swap.token.clone()) => {
                *standing = Standing::Made;
                return Ok(());
            }
            Ok(_) if is_final => {
                *standing = Standing::Untouched;
                return Err(last);
            }
            Ok(_) | Err(_) => {}
        }
    }
    Err(last)
}

/// What every store of the plan holds now, by a look at each.
pub(super) async fn look(run: &Run<'_>) -> Vec<StoreRow> {
    let standings = run.published.0.lock().await.clone();
    let mut rows = Vec::new();
    for (index, publishing) in run.publishing.iter().enumerate() {
        let standing = standings.get(index).copied().unwrap_or_default();
        let mut now = StoreNow::Unknown(String::new());
        for attempt in 0..TRIES[0] {
            if attempt > 0 {
                sleep(pause(attempt)).await;
            }
            match read(publishing).await {
                Ok(held) => {
                    now = found(publishing, &held, standing);
                    break;
                }
                Err(error) => now = StoreNow::Unknown(error.to_string()),
            }
        }
        rows.push(StoreRow { store: publishing.swap.store.clone(), now });
    }
    rows
}

fn found(publishing: &Publishing, held: &Held, standing: Standing) -> StoreNow {
    let holds = |wanted: &std::collections::BTreeMap<String, Option<Vec<u8>>>| {
        wanted.iter().all(|(key, value)| held.get(key).map(|value| &value.bytes) == value.as_ref())
    };
    let is_ours = token(publishing, held).as_ref() == Some(&publishing.swap.token);
    match (is_ours, standing) {
        (true, _) if holds(&publishing.swap.new) => StoreNow::New,
        // A change that may take hold yet says nothing for sure.
        (false, Standing::Doubtful) => StoreNow::Unknown("a change of it was given no answer".to_owned()),
        (false, _) if holds(&publishing.swap.old) => StoreNow::Old,
        _ => StoreNow::Changed,
    }
}

fn token(publishing: &Publishing, held: &Held) -> Option<String> {
    let state = State::read(&held.get(&publishing.swap.state_key)?.bytes).ok()?;
    Some(state.token)
}

async fn read(publishing: &Publishing) -> Result<Held, StoreError> {
    let keys = publishing.swap.old.keys().chain([&publishing.swap.state_key]).cloned().collect();
    timeout(CALL, publishing.store.read(&keys)).await.unwrap_or_else(|_| Err(silent()))
}

async fn swap(publishing: &Publishing, changes: &[Change]) -> Result<(), StoreError> {
    timeout(CALL, publishing.store.swap(changes)).await.unwrap_or_else(|_| Err(silent()))
}

fn silent() -> StoreError {
    StoreError::InDoubt(format!("no answer within {} s", CALL.as_secs()))
}

fn pause(attempt: u32) -> Duration {
    Duration::from_millis(100) * 2_u32.pow(attempt)
}
