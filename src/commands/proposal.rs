//! From the manifest and a look at the fleet to a plan: what `deploy` and `plan` have in common.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::anyhow;

use crate::cli::{Overrides, Selectors, Target};
use crate::container::PinnedImage;
use crate::environment::{Environment, Secret};
use crate::error::{Error, Result};
use crate::fleet::key::FingerprintKey;
use crate::fleet::observed::Observed;
use crate::fleet::select::Selection;
use crate::name::{SecretName, ServiceName};
use crate::plan::{Plan, check, planner};
use crate::publish::{Publishing, Values};
use crate::registry::credentials::Logins;
use crate::registry::docker_config;
use crate::release::{Files, Release, has_secrets};
use crate::rollout::recorder::Recorder;
use crate::template::{self, Process};

use super::doors::{Fleet, all_answer, refused};
use super::publish::Published;
use super::{Context, images, key, publish, root, secrets, select};

/// Everything that is read and checked before anybody is contacted.
pub(super) struct Input {
    /// The environment.
    pub(super) environment: Environment,
    /// The part of it that is meant.
    pub(super) selection: Selection,
    /// Contents of all files of all containers.
    pub(super) files: Files,
    /// What is published, by store.
    pub(super) published: Published,
    /// Values of secrets, for stores.
    secrets: BTreeMap<SecretName, Secret>,
    /// Credentials of registries.
    pub(super) logins: Arc<Logins>,
}

impl Input {
    /// Reads manifest, secrets and templates.
    pub(super) async fn read(
        context: &Context,
        target: &Target,
        selectors: &Selectors,
        overrides: &Overrides,
    ) -> Result<Self> {
        let environment = context.environment(target, overrides)?;
        let selection = select(&environment, selectors)?;
        let redactor = context.reporter.redactor();
        let secrets = secrets::read(&environment, redactor).await?;
        let program = root::program()?;
        let process = Process::Own(&program);
        let files = template::render_all(&environment, &secrets, process).map_err(Error::bad_input)?;
        let logins = Logins::new(environment.registry.as_ref(), &secrets, docker_config::path(), redactor.clone());
        let logins = logins.map_err(Error::bad_input)?;
        let published = template::published(&environment, Some(&secrets), process).map_err(Error::bad_input)?;
        Ok(Self { environment, selection, files, published, secrets, logins })
    }
}

/// A plan and what it was made from.
pub(super) struct Proposal {
    /// What would be done.
    pub(super) plan: Plan,
    /// What was seen.
    pub(super) observed: Observed,
    /// Stores, and what it changes in them.
    pub(super) publishing: Vec<Publishing>,
    /// The key of its secrets' fingerprints, if it has secrets.
    pub(super) key: Option<FingerprintKey>,
}

/// Looks at the fleet and plans the way to the manifest's release. `images` are those of a plan made earlier;
/// `None` builds and resolves them now.
pub(super) async fn propose(
    fleet: &Fleet<'_>,
    input: &Input,
    images: Option<BTreeMap<ServiceName, PinnedImage>>,
    recorder: &Recorder,
) -> Result<Proposal> {
    if let Some(images) = &images {
        same_names(&input.environment, images)?;
    }
    let is_built = input.environment.services.values().any(|service| service.build.is_some());
    let (observed, images) = match images {
        // What is built is not built again for a reviewed plan; a tag that is not ours may have moved, and is asked again.
        Some(images) if is_built => (fleet.observe(recorder).await, images),
        // A build takes long, and is for nothing if a host does not answer.
        _ if is_built => {
            let observed = fleet.observe(recorder).await;
            all_answer(&observed, &input.selection)?;
            (observed, images::pin(fleet, &input.logins, recorder).await?)
        }
        _ => {
            let (observed, images) = tokio::join!(fleet.observe(recorder), images::pin(fleet, &input.logins, recorder));
            all_answer(&observed, &input.selection)?;
            (observed, images?)
        }
    };
    all_answer(&observed, &input.selection)?;
    let environment = &input.environment;
    let find = || key::find(&environment.root, &environment.scope(), &observed);
    let is_compared = has_secrets(&input.files) || input.published.values().any(Values::has_secrets);
    let key = is_compared.then(find).transpose()?;
    let published = publish::keyed(&input.published, key.as_ref());
    let baked = images::bake(fleet, input, &images, recorder).await?;
    let release = Release::assemble(environment, images, &input.files, key.as_ref()).baked(baked);
    let release = release.publishing(environment, publish::digests(&published));
    let mut plan = planner::deploy(environment, &observed, &input.selection, &release).map_err(refused)?;
    let ledger = observed.ledger();
    let publishing = publish::propose(environment, &input.secrets, Some(&published), &ledger, &mut plan).await?;
    Ok(Proposal { plan: checked(plan)?, observed, publishing, key })
}

/// Refuses the images of a reviewed plan if the manifest now names others.
fn same_names(environment: &Environment, images: &BTreeMap<ServiceName, PinnedImage>) -> Result<()> {
    let stale = |what: String| {
        let source = anyhow!("the plan is stale: {what}");
        Err(Error::unchanged(source).hint("plan again, and have it reviewed: shipctl plan ENV -o FILE"))
    };
    for service in environment.services.values() {
        let Some(image) = images.get(&service.name) else {
            return stale(format!("it does not have the service {}", service.name));
        };
        let (PinnedImage::Registry { tag, .. } | PinnedImage::Local { tag, .. }) = image;
        let (name, digest) = service.image.split_once('@').unwrap_or((&service.image, image.digest()));
        let rest = tag.strip_prefix(name).filter(|_| digest == image.digest());
        if rest.is_none_or(|rest| !rest.is_empty() && !rest.starts_with(':')) {
            return stale(format!("the image of {} is {} in the manifest now, not {tag}", service.name, service.image));
        }
    }
    match images.keys().find(|name| !environment.services.contains_key(*name)) {
        Some(gone) => stale(format!("the manifest no longer has the service {gone}")),
        None => Ok(()),
    }
}

/// A plan that the linter has nothing against.
pub(super) fn checked(plan: Plan) -> Result<Plan> {
    let faults = check::faults(&plan);
    if faults.is_empty() {
        return Ok(plan);
    }
    let source = anyhow!("the plan contradicts itself and is not carried out:\n{}", faults.join("\n"));
    Err(Error::unchanged(source)
        .hint("this is a fault of shipctl: please report it with the output of `shipctl plan --format json`"))
}
