//! A change of a store taken back, and made again for hosts that stay with the release.

use std::collections::BTreeMap;

use tokio::time::sleep;

use super::{Standing, TRIES, pause, read, swap, token};
use crate::event::{Event, Failure};
use crate::publish::{Publishing, State, Swap};
use crate::rollout::run::Run;
use crate::store::{Change, Held};

/// What keys hold, or are to hold.
type Values = BTreeMap<String, Option<Vec<u8>>>;

/// Takes all changes back, the last one first. What could not be is returned; asking twice is asking once.
pub(in crate::rollout) async fn withdraw(run: &Run<'_>) -> Vec<Failure> {
    let mut standings = run.published.0.lock().await;
    let mut failures = Vec::new();
    for (publishing, standing) in run.publishing.iter().zip(standings.iter_mut()).rev() {
        if matches!(standing, Standing::Untouched | Standing::Withdrawn) {
            continue;
        }
        let store = publishing.swap.store.clone();
        // A journal that fails keeps nobody from undoing; that it failed was reported when it did.
        run.recorder.note(Event::Withdrawing { store: store.clone() });
        match take_back(publishing, *standing).await {
            Ok(()) => {
                *standing = Standing::Withdrawn;
                run.recorder.note(Event::Withdrawn { store });
            }
            Err(reason) => failures.push(Failure::new(format!("put back what {store} held"), reason)),
        }
    }
    failures
}

async fn take_back(publishing: &Publishing, standing: Standing) -> Result<(), String> {
    let undone = format!("{} undone", publishing.swap.token);
    let mut last = String::new();
    for attempt in 0..TRIES[1] {
        if attempt > 0 {
            sleep(pause(attempt)).await;
        }
        let held = match read(publishing).await {
            Ok(held) => held,
            Err(error) => {
                last = error.to_string();
                continue;
            }
        };
        let now = token(publishing, &held);
        let (changes, foreign) = if now.as_ref() == Some(&publishing.swap.token) {
            let Swap { old, new, old_state, .. } = &publishing.swap;
            let (mut changes, foreign) = between(new, old, &held);
            let state = old_state.clone().map(|state| State { token: undone.clone(), ..state }.write());
            changes.push(record(publishing, &held, state));
            (changes, foreign)
        } else if now.as_ref() == Some(&undone) || standing == Standing::Made {
            // Done before; without a record it was removed again.
            return if now.is_none() || now.as_ref() == Some(&undone) {
                left(publishing, &held)
            } else {
                Err("another rollout has published since".to_owned())
            };
        } else {
            // It has not taken hold, and shall not: with another record it compares in vain.
            (vec![record(publishing, &held, Some(fence(publishing, &undone)))], Vec::new())
        };
        match swap(publishing, &changes).await {
            Ok(()) if foreign.is_empty() => return Ok(()),
            Ok(()) => return Err(format!("somebody else has changed {} since: it was left alone", foreign.join(", "))),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

/// The changes from what a store held to what it is to hold, and the keys that are somebody else's by now.
fn between(from: &Values, to: &Values, held: &Held) -> (Vec<Change>, Vec<String>) {
    let (mut changes, mut foreign) = (Vec::new(), Vec::new());
    for (key, value) in to {
        let there = held.get(key).map(|value| &value.bytes);
        if there == value.as_ref() {
            continue;
        }
        if there != from.get(key).and_then(Option::as_ref) {
            foreign.push(key.clone());
            continue;
        }
        let version = held.get(key).map_or(0, |value| value.version);
        changes.push(Change { key: key.clone(), version, value: value.clone() });
    }
    (changes, foreign)
}

/// Makes the changes again that were taken back. What could not be is returned.
pub(in crate::rollout) async fn again(run: &Run<'_>) -> Vec<Failure> {
    let mut standings = run.published.0.lock().await;
    let mut failures = Vec::new();
    for (publishing, standing) in run.publishing.iter().zip(standings.iter_mut()) {
        if *standing != Standing::Withdrawn {
            continue;
        }
        let store = publishing.swap.store.clone();
        let keys = publishing.swap.changes.len().saturating_sub(1);
        run.recorder.note(Event::Publishing { store: store.clone(), keys });
        match renew(publishing).await {
            Ok(()) => {
                *standing = Standing::Made;
                run.recorder.note(Event::Published { store });
            }
            Err(reason) => {
                let doing = format!("publish to {store} for the hosts that keep the release");
                failures.push(Failure::new(doing, reason));
            }
        }
    }
    failures
}

async fn renew(publishing: &Publishing) -> Result<(), String> {
    let mut last = String::new();
    for attempt in 0..TRIES[1] {
        if attempt > 0 {
            sleep(pause(attempt)).await;
        }
        let held = match read(publishing).await {
            Ok(held) => held,
            Err(error) => {
                last = error.to_string();
                continue;
            }
        };
        if token(publishing, &held).as_ref() == Some(&publishing.swap.token) {
            return Ok(());
        }
        let (mut changes, foreign) = between(&publishing.swap.old, &publishing.swap.new, &held);
        if !foreign.is_empty() {
            return Err(format!("somebody else has changed {} since", foreign.join(", ")));
        }
        let state = publishing.swap.changes.last().and_then(|change| change.value.clone());
        changes.push(record(publishing, &held, state));
        match swap(publishing, &changes).await {
            Ok(()) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

/// A record like the one that was there, with another token.
fn fence(publishing: &Publishing, undone: &str) -> Vec<u8> {
    let state = publishing.swap.old_state.clone().unwrap_or_default();
    State { token: undone.to_owned(), ..state }.write()
}

fn record(publishing: &Publishing, held: &Held, value: Option<Vec<u8>>) -> Change {
    let key = publishing.swap.state_key.clone();
    let version = held.get(&key).map_or(0, |value| value.version);
    Change { key, version, value }
}

/// Whether a change that is taken back has left everything as it was.
fn left(publishing: &Publishing, held: &Held) -> Result<(), String> {
    let differs = |(key, old): &(&String, &Option<Vec<u8>>)| held.get(*key).map(|value| &value.bytes) != old.as_ref();
    let foreign: Vec<_> = publishing.swap.old.iter().filter(differs).map(|(key, _)| key.as_str()).collect();
    if foreign.is_empty() { Ok(()) } else { Err(format!("somebody else has changed {} since", foreign.join(", "))) }
}
