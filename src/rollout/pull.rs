//! Images made present on hosts ahead of time. Without the lock: an image that is there disturbs nothing that runs, and a
//! rollout that comes meanwhile finds it or pulls it itself.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{sleep, timeout};

use crate::container::PinnedImage;
use crate::engine::{Arrival, EngineError};
use crate::event::{Event, Failure};
use crate::name::HostName;
use crate::rollout::arrival::Way;
use crate::rollout::cancel::Cancel;
use crate::rollout::doors::Doors;
use crate::rollout::recorder::Recorder;

/// Longest pull; the engine's own stall timeout ends a dead one sooner.
const PULL: Duration = Duration::from_mins(30);
/// Pulls that get no answer, in all; and from one to the next.
const PULLS: u32 = 3;
const AGAIN: Duration = Duration::from_secs(1);

/// What came of one image on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Where.
    pub host: HostName,
    /// Which.
    pub image: PinnedImage,
    /// Why it is not known to be there; `None` if it is, by its digest.
    pub failure: Option<String>,
}

/// Makes all images present, on so many hosts at a time. What fails on one host keeps no other from being tried.
pub async fn all(
    doors: &Doors,
    wanted: &BTreeMap<HostName, Vec<PinnedImage>>,
    parallel: usize,
    recorder: &Recorder,
    cancel: &Cancel,
) -> Vec<Pulled> {
    let hosts = wanted.iter().map(|(host, images)| one(doors, host, images, recorder, cancel));
    stream::iter(hosts).buffered(parallel.max(1)).collect::<Vec<_>>().await.concat()
}

async fn one(
    doors: &Doors,
    host: &HostName,
    images: &[PinnedImage],
    recorder: &Recorder,
    cancel: &Cancel,
) -> Vec<Pulled> {
    recorder.note(Event::Preparing(host.clone()));
    let mut all = Vec::with_capacity(images.len());
    for image in images {
        let way = Way::begin(recorder, host, image);
        let pulled = tokio::select! {
            biased;
            () = cancel.requested() => Err("interrupted".to_owned()),
            pulled = pull(doors, host, image, &way, recorder) => pulled.map_err(|why| way.failed(&why)),
        };
        if let Err(why) = &pulled {
            let failure = Failure::new(way.doing(), why.clone()).on(host);
            recorder.note(Event::HostFailed { failure });
        }
        all.push(Pulled { host: host.clone(), image: image.clone(), failure: pulled.err() });
    }
    if all.iter().all(|one| one.failure.is_none()) {
        recorder.note(Event::Prepared(host.clone()));
    }
    all
}

async fn pull(
    doors: &Doors,
    host: &HostName,
    image: &PinnedImage,
    way: &Way<'_>,
    recorder: &Recorder,
) -> Result<(), String> {
    let Some(door) = doors.hosts.get(host) else { return Err(format!("no connection to {host}")) };
    let mut last = String::new();
    for attempt in 1..=PULLS {
        last = match timeout(PULL, door.engine.pull(image, &way.progress)).await {
            Ok(Ok(Arrival::Pulled)) => return Ok(()),
            Ok(Ok(sent)) => {
                recorder.note(way.arrived(sent));
                return Ok(());
            }
            Ok(Err(error @ (EngineError::InDoubt(_) | EngineError::Unreachable(_)))) => error.to_string(),
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => format!("no answer within {} min", PULL.as_secs() / 60),
        };
        if attempt < PULLS {
            recorder.note(Event::Retrying { host: host.clone(), reason: last.clone() });
            sleep(AGAIN).await;
        }
    }
    Err(last)
}
