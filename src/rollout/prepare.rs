//! Everything that can fail without hurting anybody, on every host, before the first container is stopped:
//! images pulled, networks and volumes there, ports free, files in their places.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::engine::PullProgress;
use crate::event::{Direction, Event, Failure};
use crate::name::HostName;
use crate::plan::Preparation;
use crate::rollout::run::{Bound, Run};
use crate::template::rendered::RenderedFile;

/// Hosts prepared at the same time.
pub(super) const AT_ONCE: usize = 16;
/// Longest pull; the engine's own stall timeout ends a dead one sooner.
const PULL: Bound = Bound { answer: Duration::from_mins(30), late: Duration::ZERO };

/// Prepares all hosts; all failures are returned, not only the first.
pub(super) async fn all(run: &Run<'_>) -> Result<(), Vec<Failure>> {
    let hosts = run.plan.preparations.iter().map(|(host, preparation)| one(run, host, preparation));
    let results: Vec<_> = stream::iter(hosts).buffered(AT_ONCE).collect().await;
    let failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

async fn one(run: &Run<'_>, host: &HostName, preparation: &Preparation) -> Result<(), Failure> {
    let failed = |doing: String, reason: String| Failure {
        host: Some(host.clone()),
        service: None,
        doing,
        reason,
        log: Vec::new(),
    };
    let intended = run.recorder.intend(Event::Preparing(host.clone()));
    intended.map_err(|broken| failed("prepare".to_owned(), broken.to_string()))?;
    let doors = run.host(host).map_err(|error| failed("prepare".to_owned(), error.to_string()))?;
    for port in &preparation.free_ports {
        if doors.prober.port_in_use(*port).await == Some(true) {
            return Err(failed(
                format!("check port {port}"),
                format!("port {port} is in use by something else on the host"),
            ));
        }
    }
    for image in &preparation.pulls {
        let (recorder, name) = (run.recorder.clone(), host.clone());
        let progress: PullProgress = Arc::new(move |done, total| {
            recorder.note(Event::Pulling { host: name.clone(), done, total });
        });
        let pulled = run.change(host, Direction::Forward, PULL, || doors.engine.pull(image, &progress)).await;
        pulled.map_err(|error| failed(format!("pull {image}"), error.to_string()))?;
    }
    for provision in &preparation.provisions {
        let provide = || doors.engine.provide(&run.plan.scope, provision);
        let provided = run.change(host, Direction::Forward, Bound::HARMLESS, provide).await;
        provided.map_err(|error| failed("create networks and volumes".to_owned(), error.to_string()))?;
    }
    for (service, set) in &preparation.deliveries {
        let all = run.files.get(&(host.clone(), service.clone())).map_or(&[][..], Vec::as_slice);
        let is_wanted = |file: &&RenderedFile| set.files.iter().any(|wanted| *wanted == file.stamp());
        let files: Vec<_> = all.iter().filter(is_wanted).cloned().collect();
        let deliver = || doors.engine.deliver(&run.plan.scope, set, &files);
        let delivered = run.change(host, Direction::Forward, Bound::HARMLESS, deliver).await;
        delivered.map_err(|error| failed(format!("put files into {}", set.place), error.to_string()))?;
    }
    run.recorder.note(Event::Prepared(host.clone()));
    Ok(())
}
