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
use crate::plan::doubt::doubts;
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
    pub(super) secrets: BTreeMap<SecretName, Secret>,
    /// Credentials of registries.
    pub(super) logins: Arc<Logins>,
}

impl Input {
    /// Reads manifest, secrets and templates.
    pub(super) async fn read(
        context: &Context,
        target: &Target,
        selectors: &Selectors,
        rerun_jobs: &[String],
        overrides: &Overrides,
    ) -> Result<Self> {
        let environment = context.environment(target, overrides)?;
        let selection = select(&environment, selectors)?;
        let selection = selection.rerunning(&environment, rerun_jobs).map_err(Error::bad_input)?;
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

    /// The same for everything, with what is to follow a canary.
    pub(super) fn promoting(self) -> Self {
        Self { selection: self.selection.promoting(), ..self }
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

/// Which images a release is made of.
pub(super) enum Images {
    /// Those that the manifest names, built and resolved now.
    Manifest,
    /// Those of a plan made earlier.
    Reviewed(BTreeMap<ServiceName, PinnedImage>),
    /// Those that a canary runs.
    Canary(BTreeMap<ServiceName, PinnedImage>),
}

/// Looks at the fleet and plans the way to the manifest's release, made of these images.
pub(super) async fn propose(fleet: &Fleet<'_>, input: &Input, images: Images, recorder: &Recorder) -> Result<Proposal> {
    same_names(&input.environment, &images)?;
    let is_built = input.environment.services.values().any(|service| service.build.is_some());
    let is_reviewed = matches!(images, Images::Reviewed(_));
    let (mut observed, images) = match images {
        Images::Canary(images) => (fleet.observe(recorder).await, images),
        // What is built is not built again for a reviewed plan; a tag that is not ours may have moved, and is asked again.
        Images::Reviewed(images) if is_built => (fleet.observe(recorder).await, images),
        // A build takes long, and is for nothing if a host does not answer.
        _ if is_built => {
            let observed = fleet.observe(recorder).await;
            all_answer(&observed, &input.selection)?;
            (observed, images::pin(fleet, &input.logins, &input.secrets, recorder).await?)
        }
        _ => {
            let (observed, images) =
                tokio::join!(fleet.observe(recorder), images::pin(fleet, &input.logins, &input.secrets, recorder));
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
    // What was reviewed was shown then.
    if !is_reviewed {
        observed.layers = fleet.layers(images.values().chain(baked.values())).await;
    }
    let release = Release::assemble(environment, images, &input.files, key.as_ref()).baked(baked);
    let release = release.publishing(environment, publish::digests(&published));
    let mut plan = planner::deploy(environment, &observed, &input.selection, &release).map_err(refused)?;
    let ledger = observed.ledger();
    let publishing = publish::propose(environment, &input.secrets, Some(&published), &ledger, &mut plan).await?;
    Ok(Proposal { plan: checked(plan)?, observed, publishing, key })
}

/// Refuses the images of a reviewed plan, or of a canary, if the manifest now names others.
fn same_names(environment: &Environment, images: &Images) -> Result<()> {
    let (images, complaint, hint) = match images {
        Images::Manifest => return Ok(()),
        Images::Reviewed(images) => {
            (images, "the plan is stale", "plan again, and have it reviewed: shipctl plan ENV -o FILE")
        }
        Images::Canary(images) => (
            images,
            "the manifest is not what the canary was deployed from",
            "promote it from what it was deployed from, with the same --file and --set",
        ),
    };
    let stale = |what: String| Err(Error::unchanged(anyhow!("{complaint}: {what}")).hint(hint));
    for service in environment.services.values() {
        let Some(image) = images.get(&service.name) else {
            return stale(format!("it does not have the service {}", service.name));
        };
        let (tag, written) = (image.tag(), (&*service.image, image.digest()));
        // What is sent goes by its content, so its name has kept the digest.
        let (name, digest) = service.image.split_once('@').filter(|_| !image.is_sent()).unwrap_or(written);
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

/// Refuses a plan of which it is not proven that no request is lost, if that is asked for.
pub(super) fn without_downtime(plan: &Plan, is_required: bool) -> Result<()> {
    let doubts: Vec<_> = doubts(plan).iter().map(|doubt| format!("  {doubt}")).collect();
    if !is_required || doubts.is_empty() {
        return Ok(());
    }
    let source =
        anyhow!("it is not proven that this is without downtime, so nothing is changed:\n{}", doubts.join("\n"));
    Err(Error::unchanged(source)
        .hint("a balancer (`traffic`) with another host that serves meanwhile, or an `edge`, is a proof")
        .hint("or go without --require-zero-downtime"))
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
