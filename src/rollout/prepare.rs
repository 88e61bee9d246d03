//! Everything that can fail without hurting anybody, on every host, before the first container is stopped:
//! images pulled, networks and volumes there, ports free, files in their places, balancers willing.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::time::timeout;

use crate::balancer::BalancerError;
use crate::event::{Direction, Event, Failure};
use crate::name::HostName;
use crate::plan::Preparation;
use crate::rollout::arrival::Way;
use crate::rollout::run::{Bound, CALL, Run};

/// Hosts prepared at the same time.
pub(super) const AT_ONCE: usize = 16;
/// How often a balancer that gives no answer is asked.
const ASKED: u32 = 3;
/// Longest pull; the engine's own stall timeout ends a dead one sooner.
const PULL: Bound = Bound { answer: Duration::from_mins(30), late: Duration::ZERO };

/// Prepares all hosts, and asks balancers at the same time; all failures are returned, not only the first.
pub(super) async fn all(run: &Run<'_>) -> Result<(), Vec<Failure>> {
    let hosts = run.plan.preparations.iter().map(|(host, preparation)| one(run, host, preparation));
    let hosts = stream::iter(hosts).buffered(AT_ONCE).collect::<Vec<_>>();
    let (hosts, balancers) = tokio::join!(hosts, balancers(run));
    let mut failures: Vec<_> = hosts.into_iter().filter_map(Result::err).collect();
    failures.extend(balancers);
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// Balancers that the plan tells something, and that would not obey.
async fn balancers(run: &Run<'_>) -> Vec<Failure> {
    let routes = run.plan.replacements().flat_map(|one| &one.traffic).flat_map(|traffic| &traffic.routes);
    let names: BTreeSet<_> = routes.map(|route| &route.balancer).collect();
    let asked = names.into_iter().map(|name| async move {
        let failed = |reason: String| Failure::new(format!("ask balancer {name}"), reason);
        let Some(door) = run.doors.balancers.get(name) else { return Some(failed("no connection".to_owned())) };
        for attempt in 0.. {
            match timeout(CALL, door.balancer.may_change()).await {
                Ok(Ok(())) => return None,
                Ok(Err(BalancerError::Refused(why))) => return Some(failed(why)),
                Ok(Err(error)) if attempt == ASKED - 1 => return Some(failed(error.to_string())),
                Err(_) if attempt == ASKED - 1 => return Some(failed("no answer".to_owned())),
                Ok(Err(_)) | Err(_) => {}
            }
        }
        None
    });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn one(run: &Run<'_>, host: &HostName, preparation: &Preparation) -> Result<(), Failure> {
    let failed = |doing: String, reason: String| Failure::new(doing, reason).on(host);
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
        let way = Way::begin(run.recorder, host, image);
        let pulled = run.change(host, Direction::Forward, PULL, || doors.engine.pull(image, &way.progress)).await;
        let arrival = pulled.map_err(|error| failed(way.doing(), way.failed(&error.to_string())))?;
        run.recorder.note(way.arrived(arrival));
    }
    for provision in &preparation.provisions {
        let provide = || doors.engine.provide(&run.plan.scope, provision);
        let provided = run.change(host, Direction::Forward, Bound::HARMLESS, provide).await;
        provided.map_err(|error| failed("create networks and volumes".to_owned(), error.to_string()))?;
    }
    for (service, set) in &preparation.deliveries {
        let all = run.files.get(&(host.clone(), service.clone())).map_or(&[][..], Vec::as_slice);
        // A job has files that do not change where its service has files that do.
        let files = all.iter().filter(|file| !file.is_secret()).map(|file| match set.version {
            Some(_) => file.clone(),
            None => file.clone().delivered(file.deliver.clone().fixed()),
        });
        let files: Vec<_> = files.filter(|file| set.files.contains(&file.stamp(None))).collect();
        let deliver = || doors.engine.deliver(&run.plan.scope, set, &files);
        let delivered = run.change(host, Direction::Forward, Bound::HARMLESS, deliver).await;
        delivered.map_err(|error| failed(format!("put files into {}", set.place), error.to_string()))?;
    }
    for (place, version) in &preparation.versions {
        let check = || doors.engine.holds(&run.plan.scope, place, version);
        let doing = || format!("look for files in {place}");
        match run.change(host, Direction::Forward, Bound::HARMLESS, check).await {
            Ok(true) => {}
            Ok(false) => return Err(failed(doing(), format!("the files {version} are not there any more"))),
            Err(error) => return Err(failed(doing(), error.to_string())),
        }
    }
    run.recorder.note(Event::Prepared(host.clone()));
    Ok(())
}
