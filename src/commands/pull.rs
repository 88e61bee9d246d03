//! `pull`: make the images of the release present on the hosts, and those of what they keep for `rollback`.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli;
use crate::container::PinnedImage;
use crate::environment::Environment;
use crate::error::{Exit, Result};
use crate::fleet::observed::Observed;
use crate::fleet::select::Selection;
use crate::journal::hand::{Ending, Place};
use crate::name::{HostName, ServiceName};
use crate::report::pull::PullAnswer;
use crate::rollout::pull;

use super::doors::all_answer;
use super::hand::Recorded;
use super::proposal::Input;
use super::{Context, images};

/// Pins the images, and pulls them.
pub(super) async fn run(context: &Context, arguments: &cli::Pull) -> Result<Exit> {
    let input = Input::read(context, &arguments.target, &arguments.selectors, &[], &arguments.overrides).await?;
    let (environment, recorder) = (&input.environment, context.recorder());
    context
        .visit(environment, async |fleet| {
            let prepare = async {
                let observed = fleet.observe(&recorder).await;
                all_answer(&observed, &input.selection)?;
                let pinned = images::pin(fleet, &input.logins, &input.secrets, &recorder).await?;
                let baked = images::bake(fleet, &input, &pinned, &recorder).await?;
                let wanted = wanted(environment, &observed, &input.selection, &pinned, &baked);
                fleet.learn_for(&input.logins, wanted.values().flatten()).await?;
                Ok(wanted)
            };
            let wanted = context.signals.unless_cancelled(prepare).await?;
            let cancel = context.signals.act(&recorder);
            let parallel = usize::from(arguments.parallel);
            let images: BTreeSet<_> = wanted.values().flatten().map(ToString::to_string).collect();
            let images: Vec<_> = images.into_iter().collect();
            let hosts = wanted.keys().map(Place::host).collect();
            let note = Recorded::begin_at(context, environment, "pull", hosts, &images, arguments.reason.as_ref())?;
            let pulled = pull::all(&fleet.doors, &wanted, parallel, &recorder, cancel).await;
            context.signals.rest();
            let failure = |host: &HostName| pulled.iter().find(|one| one.host == *host && one.failure.is_some());
            let ending = |host| Ending::of_host(host, failure(host).and_then(|one| one.failure.clone()));
            note.end_after(context, &recorder, &wanted.keys().map(ending).collect::<Vec<_>>());
            let exit = match pulled.iter().all(|one| one.failure.is_none()) {
                true => Exit::Done,
                false if cancel.is_requested() => Exit::Interrupted,
                false => Exit::Unchanged,
            };
            context.reporter.answer(&PullAnswer { scope: environment.scope(), pulled: &pulled }, exit);
            Ok(exit)
        })
        .await
}

/// The images of each selected host: those of the manifest's services there, and those of the containers that it keeps.
fn wanted(
    environment: &Environment,
    observed: &Observed,
    selection: &Selection,
    pinned: &BTreeMap<ServiceName, PinnedImage>,
    baked: &BTreeMap<(HostName, ServiceName), PinnedImage>,
) -> BTreeMap<HostName, Vec<PinnedImage>> {
    let mut wanted = BTreeMap::<HostName, Vec<PinnedImage>>::new();
    let mut add = |host: &HostName, image: &PinnedImage| {
        let images = wanted.entry(host.clone()).or_default();
        if !images.contains(image) {
            images.push(image.clone());
        }
    };
    for service in environment.services.values().filter(|service| selection.has_service(&service.name)) {
        for host in environment.placed(service).into_iter().filter(|host| selection.has_host(&host.name)) {
            let key = (host.name.clone(), service.name.clone());
            if let Some(image) = baked.get(&key).or_else(|| pinned.get(&service.name)) {
                add(&host.name, image);
            }
        }
    }
    for name in observed.hosts.keys().filter(|name| selection.has_host(name)) {
        let containers = observed.seen(name).into_iter().flat_map(|host| &host.containers);
        let kept = containers.filter(|one| one.was_proven() && selection.has_service(&one.stamp.service));
        kept.for_each(|one| add(name, &one.stamp.image));
    }
    wanted
}
