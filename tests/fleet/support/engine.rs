//! Questions to a Docker engine, by its own socket.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, EventsOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
};
use bollard::{ClientVersion, Docker};
use futures_util::TryStreamExt;

use super::Container;

/// The oldest engine that the fleet may have speaks this version.
const VERSION: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };
/// Events that go with looking: reading a file out of a container, or asking in it.
const LOOKS: [&str; 2] = ["archive-path", "exec_"];

/// All containers, oldest first.
pub fn containers(socket: &Path) -> Vec<Container> {
    ask(socket, async |docker| {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let mut found = Vec::new();
        for summary in docker.list_containers(Some(options)).await? {
            match docker.inspect_container(&summary.id.unwrap_or_default(), None::<InspectContainerOptions>).await {
                Ok(container) => found.push(Container(container)),
                // Gone since it was listed.
                Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|a, b| a.0.created.cmp(&b.0.created));
        Ok(found)
    })
}

/// Everything that was changed since a moment after 1970, as `type action name`.
pub fn changes(socket: &Path, since: Duration) -> Vec<String> {
    let now = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970");
    let time = |moment: Duration| format!("{}.{:09}", moment.as_secs(), moment.subsec_nanos());
    let options = EventsOptionsBuilder::new().since(&time(since)).until(&time(now)).build();
    let events =
        ask(socket, async |docker| docker.events(Some(options.clone())).try_collect::<Vec<EventMessage>>().await);
    let changes = events.into_iter().filter_map(|event| {
        let (action, actor) = (event.action?, event.actor?);
        let name = actor.attributes.unwrap_or_default().remove("name").unwrap_or_default();
        let looks = LOOKS.iter().any(|look| action.starts_with(look));
        (!looks).then(|| format!("{:?} {action} {name}", event.typ))
    });
    changes.collect()
}

/// Mode and content of a file in a container, running or not.
#[track_caller]
pub fn file(socket: &Path, container: &str, path: &str) -> (u32, Vec<u8>) {
    let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
    let chunks = ask(socket, async |docker| {
        docker.download_from_container(container, Some(options.clone())).try_collect::<Vec<_>>().await
    });
    let archive = chunks.concat();
    let mut archive = tar::Archive::new(&archive[..]);
    let mut entry = archive.entries().expect("an archive").next().expect("an entry").expect("a whole entry");
    let mut content = Vec::new();
    entry.read_to_end(&mut content).expect("a whole file");
    (entry.header().mode().expect("a mode"), content)
}

#[track_caller]
fn ask<T>(socket: &Path, question: impl AsyncFn(Docker) -> Result<T, bollard::errors::Error>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let docker = Docker::connect_with_unix(&socket.to_string_lossy(), 30, &VERSION);
        let docker = docker.unwrap_or_else(|error| panic!("{}: {error}", socket.display()));
        question(docker).await.unwrap_or_else(|error| panic!("{}: {error}", socket.display()))
    })
}
