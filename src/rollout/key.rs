//! The key of the secrets' fingerprints, on every host that lacks it: before a container is made whose labels only it
//! explains, and after the plan is known not to be stale, as one key must not take another's place.

use futures_util::future::join_all;

use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::event::{Direction, Failure};
use crate::fleet::key::{FingerprintKey, marker_name};
use crate::name::HostName;
use crate::rollout::run::{Bound, Run};

/// Writes it wherever the plan says that it is missing; all failures are returned, not only the first.
pub(super) async fn share(run: &Run<'_>) -> Result<(), Vec<Failure>> {
    let Some(key) = run.key else { return Ok(()) };
    let hosts = run.plan.preparations.iter().filter(|(_, preparation)| preparation.key);
    let writes = hosts.map(|(host, _)| async move {
        let put = || put(run, host, key);
        let put = run.change(host, Direction::Forward, Bound::CHANGE, put).await;
        put.map_err(|error| Failure::new("keep the key of fingerprints", error.to_string()).on(host))
    });
    let failures: Vec<_> = join_all(writes).await.into_iter().filter_map(Result::err).collect();
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

async fn put(run: &Run<'_>, host: &HostName, key: &FingerprintKey) -> Result<(), EngineError> {
    let markers = &run.host(host)?.markers;
    let name = marker_name(&run.plan.scope);
    let id: ContainerId = match markers.create(&name, "").await {
        Ok(id) => id,
        // Its first text is a label, which is for everybody; so it is made empty, and may have been left so.
        Err(EngineError::Conflict(taken)) => match markers.read(&name).await? {
            Some(marker) => marker.id,
            None => return Err(EngineError::Conflict(taken)),
        },
        Err(error) => return Err(error),
    };
    markers.write(&id, &key.text()).await
}
