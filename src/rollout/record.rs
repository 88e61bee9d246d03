//! After the last step: the ledger on every host, and the removal of releases that are too old to go back to.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::engine::EngineError;
use crate::event::{Direction, Event, Warning};
use crate::fleet::ledger::{Ledger, marker_name};
use crate::fleet::observed::Observed;
use crate::name::HostName;
use crate::rollout::run::{Bound, Run};

/// Writes the ledger with its new entry to every host that can be reached. A host that misses it is named; the
/// others hold it, and the next rollout brings it there.
pub(super) async fn write(run: &Run<'_>, ledger: &Ledger) {
    let number = ledger.last_number();
    // A journal that fails keeps nobody from telling the hosts what they run.
    run.recorder.note(Event::Recording { number });
    let text = ledger.text();
    let name = marker_name(&run.plan.scope);
    let writes = run.doors.hosts.keys().map(|host| async {
        let written =
            run.change(host, Direction::Forward, Bound::CHANGE, || put(run, host, &name, number, &text)).await;
        let is_written = written.is_ok();
        if let Err(error) = written {
            run.recorder.note(Event::Warning(Warning::NotRecorded { host: host.clone(), reason: error.to_string() }));
        }
        is_written
    });
    if join_all(writes).await.contains(&true) {
        run.recorder.note(Event::Recorded { number });
    }
}

/// Removes sets of files that no container mounts any more: those of containers that were retired, and those that were
/// put there for a release that did not come. Failures are warnings: what is too much disturbs nobody.
pub(super) async fn tidy(run: &Run<'_>, before: &Observed) {
    let hosts = run.plan.seen.keys().filter_map(|host| {
        let kept = before.seen(host).into_iter().flat_map(|seen| seen.containers.iter().chain(&seen.jobs));
        let kept = kept.flat_map(|container| container.stamp.mounted.iter().cloned());
        let new = run.plan.preparations.get(host).into_iter().flat_map(|preparation| &preparation.deliveries);
        let places: BTreeSet<_> = kept.chain(new.map(|(_, set)| set.place.clone())).collect();
        (!places.is_empty()).then(|| (host, places.into_iter().collect::<Vec<_>>()))
    });
    let tidied = hosts.map(|(host, places)| async move {
        let result = match run.host(host) {
            Ok(doors) => {
                let tidy = || doors.engine.tidy(&run.plan.scope, &places);
                run.change(host, Direction::Forward, Bound::HARMLESS, tidy).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            run.recorder.note(Event::Warning(Warning::NotTidied { host: host.clone(), reason: error.to_string() }));
        }
    });
    join_all(tidied).await;
}

async fn put(run: &Run<'_>, host: &HostName, name: &str, number: u64, text: &str) -> Result<(), EngineError> {
    run.host(host)?.markers.put(name, number, text).await
}

/// Removes what the plan retires. Failures are warnings: the release is in force without this.
pub(super) async fn retire(run: &Run<'_>) {
    let hosts = run.plan.retirements.iter().map(|(host, retirements)| async move {
        for retirement in retirements {
            let container = retirement.name.clone();
            let intended = run.recorder.intend(Event::Retiring { host: host.clone(), container: container.clone() });
            let removed = match intended
                .map_err(|broken| EngineError::Unreachable(broken.to_string()))
                .and_then(|()| run.host(host))
            {
                Ok(doors) => {
                    run.change(host, Direction::Forward, Bound::CHANGE, || doors.engine.remove(&retirement.id)).await
                }
                Err(error) => Err(error),
            };
            run.recorder.note(match removed {
                Ok(()) => Event::Retired { host: host.clone(), container },
                Err(error) => {
                    Event::Warning(Warning::NotRetired { host: host.clone(), container, reason: error.to_string() })
                }
            });
        }
    });
    join_all(hosts).await;
}
