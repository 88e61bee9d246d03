//! `registry …` and `tag`: what is in the registry of an environment. Only `registry rm` looks at hosts, and none is changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::anyhow;
use futures_util::future::try_join_all;

use crate::cli::{self, Overrides, Registry, Target};
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::fleet::observed::Observed;
use crate::fleet::select::Selection;
use crate::image::digest::Digest;
use crate::image::reference::{ImageName, Reference, is_tag};
use crate::journal::hand::Ending;
use crate::registry::credentials::Logins;
use crate::registry::oci::OciRegistry;
use crate::registry::{Registry as _, RegistryError, docker_config};
use crate::report::registry::{ImageAnswer, MovedAnswer, RemovedAnswer, RepositoriesAnswer, Tagged, TagsAnswer};

use super::confirm::Answer;
use super::doors::{hinted, unreachable};
use super::hand::Recorded;
use super::{Context, secrets};

/// An environment and the way to its registries.
struct Shelf {
    environment: Environment,
    registry: OciRegistry,
}

/// Runs one of them.
pub(super) async fn run(context: &Context, command: &Registry) -> Result<Exit> {
    match command {
        Registry::Ls(arguments) => ls(context, arguments).await,
        Registry::Tags(arguments) => tags(context, arguments).await,
        Registry::Inspect(arguments) => inspect(context, arguments).await,
        Registry::Rm(arguments) => rm(context, arguments).await,
    }
}

impl Shelf {
    async fn open(context: &Context, target: &Target, overrides: &Overrides) -> Result<Self> {
        let environment = context.recorded_environment(target, overrides)?;
        let redactor = context.reporter.redactor();
        let login = environment.registry.as_ref().and_then(|registry| registry.login.as_ref());
        let names = login.iter().map(|login| &login.password);
        let secrets = secrets::only(&environment, names, redactor).await?;
        let logins = Logins::new(environment.registry.as_ref(), &secrets, docker_config::path(), redactor.clone());
        let logins = logins.map_err(Error::bad_input)?;
        let registry = OciRegistry::open(&environment.root, environment.registry.as_ref(), Arc::clone(&logins));
        let registry = registry.map_err(|error| hinted(Error::bad_input(error.clone()), error.hint()))?;
        Ok(Self { environment, registry })
    }

    /// An image as the manifest would find it.
    fn image(&self, text: &str) -> Result<Reference> {
        let name: ImageName = text.parse().map_err(Error::bad_input)?;
        Ok(name.locate(self.environment.registry.as_ref().map(|registry| registry.host.as_str())))
    }
}

fn failed(error: RegistryError) -> Error {
    let hint = error.hint();
    hinted(Error::unchanged(error), hint)
}

async fn ls(context: &Context, arguments: &cli::RegistryLs) -> Result<Exit> {
    let shelf = Shelf::open(context, &arguments.target, &arguments.overrides).await?;
    let Some(own) = &shelf.environment.registry else {
        let source = anyhow!("the manifest of {} names no registry", shelf.environment.name);
        return Err(Error::bad_input(source).hint("`registry: { host: registry.example }` in the manifest names one"));
    };
    let asking = async { shelf.registry.repositories(&own.host).await.map_err(failed) };
    let repositories = context.signals.unless_cancelled(asking).await?;
    context.reporter.answer(&RepositoriesAnswer { registry: own.host.clone(), repositories }, Exit::Done);
    Ok(Exit::Done)
}

async fn tags(context: &Context, arguments: &cli::RegistryTags) -> Result<Exit> {
    let shelf = Shelf::open(context, &arguments.target, &arguments.overrides).await?;
    let own: Vec<Reference> = {
        let images = shelf.environment.services.values().map(|service| shelf.image(&service.image));
        images.collect::<Result<_>>()?
    };
    let asked: Vec<Reference> = arguments.images.iter().map(|image| shelf.image(image)).collect::<Result<_>>()?;
    let wanted = if asked.is_empty() { &own } else { &asked };
    let mut seen = BTreeSet::new();
    let wanted = wanted.iter().filter(|image| seen.insert(image.repository()));
    let asking = wanted.map(|image| {
        let (registry, own) = (&shelf.registry, &own);
        async move {
            let tags = registry.tags_with_digests(image).await?;
            let is_named =
                |tag: &str| own.iter().any(|own| own.repository() == image.repository() && own.tag() == Some(tag));
            let tagged = |(tag, digest): (String, Option<Digest>)| Tagged {
                repository: image.repository(),
                is_named: is_named(&tag),
                tag,
                digest,
            };
            Ok(tags.into_iter().map(tagged).collect::<Vec<_>>())
        }
    });
    let asking = async { try_join_all(asking).await.map_err(failed) };
    let tags = context.signals.unless_cancelled(asking).await?.concat();
    context.reporter.answer(&TagsAnswer { tags }, Exit::Done);
    Ok(Exit::Done)
}

async fn inspect(context: &Context, arguments: &cli::RegistryInspect) -> Result<Exit> {
    let shelf = Shelf::open(context, &arguments.target, &arguments.overrides).await?;
    let image = shelf.image(&arguments.image)?;
    let asking = async { shelf.registry.describe(&image).await.map_err(failed) };
    let description = context.signals.unless_cancelled(asking).await?;
    context.reporter.answer(&ImageAnswer { image: image.to_string(), description }, Exit::Done);
    Ok(Exit::Done)
}

/// Has a tag lead to an image.
pub(super) async fn tag(context: &Context, arguments: &cli::Tag) -> Result<Exit> {
    let assent = context.assent_to(arguments.assent, "this moves a tag that others may go by")?;
    let shelf = Shelf::open(context, &arguments.target, &arguments.overrides).await?;
    let image = shelf.image(&arguments.image)?;
    if !is_tag(&arguments.tag) {
        let source = anyhow!("{:?} is not a tag: letters, digits, `_`, `.` and `-`, 128 at most", arguments.tag);
        return Err(
            Error::bad_input(source).hint("the image keeps its repository; name the tag alone, such as `stable`")
        );
    }
    let target = image.with_tag(&arguments.tag);
    let asking = async {
        let digest = shelf.registry.resolve(&image).await.map_err(failed)?;
        Ok((digest, existing(&shelf.registry, &target).await?))
    };
    let (digest, before) = context.signals.unless_cancelled(asking).await?;
    let mut answer = MovedAnswer { tag: target.to_string(), before, digest, is_moved: false };
    if answer.before.as_ref() == Some(&answer.digest) {
        context.reporter.answer(&answer, Exit::Done);
        return Ok(Exit::Done);
    }
    if answer.before.is_some() {
        context.reporter.preview(&answer);
        if context.confirm(assent, format!("Move the tag {target}? [y/N]")).await? == Answer::No {
            return Err(Error::unchanged(anyhow!("not confirmed; no tag was moved")));
        }
    }
    let by_digest = image.with_digest(answer.digest.clone());
    let words = [by_digest.to_string(), arguments.tag.clone()];
    let recorded =
        Recorded::begin_at(context, &shelf.environment, "tag", Vec::new(), &words, arguments.reason.as_ref())?;
    let moving = async { shelf.registry.tag(&by_digest, &arguments.tag).await.map_err(failed) };
    ended(context, recorded, context.signals.unless_cancelled(moving).await)?;
    answer.is_moved = true;
    context.reporter.answer(&answer, Exit::Done);
    Ok(Exit::Done)
}

/// Writes down how it ended, and gives that back.
fn ended<T>(context: &Context, recorded: Recorded, result: Result<T>) -> Result<T> {
    let error = result.as_ref().err().map(|error| format!("{:#}", error.source));
    recorded.end_after(context, &context.recorder(), &[Ending::in_registry(error)]);
    result
}

/// What a tag leads to, if there is one.
async fn existing(registry: &OciRegistry, image: &Reference) -> Result<Option<Digest>> {
    match registry.resolve(image).await {
        Ok(digest) => Ok(Some(digest)),
        Err(RegistryError::NotFound { .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

async fn rm(context: &Context, arguments: &cli::RegistryRm) -> Result<Exit> {
    let assent = context.assent_to(arguments.assent, "this removes an image")?;
    let shelf = Shelf::open(context, &arguments.target, &arguments.overrides).await?;
    let image = shelf.image(&arguments.image)?;
    let asking = async {
        let digest = shelf.registry.resolve(&image).await.map_err(failed)?;
        let tags = shelf.registry.tags_with_digests(&image).await.map_err(failed)?;
        Ok((digest, tags))
    };
    let (digest, tags) = context.signals.unless_cancelled(asking).await?;
    let tags: Vec<_> = tags.into_iter().filter(|(_, to)| to.as_ref() == Some(&digest)).map(|(tag, _)| tag).collect();
    let users = context
        .visit(&shelf.environment, async |fleet| {
            let observed = context.look(fleet).await?;
            let silent = unreachable(&observed, &Selection::default());
            let silent = silent.into_iter().map(|(host, _)| format!("{host} does not answer, and may need it"));
            Ok(users(&observed, &digest).into_iter().chain(silent).collect::<Vec<_>>())
        })
        .await?;
    if !users.is_empty() && !arguments.force {
        let source = anyhow!("{} is not removed:\n  {}", image.with_digest(digest), users.join("\n  "));
        return Err(Error::unchanged(source).hint("--force removes it all the same; hosts that have pulled it keep it"));
    }
    let mut answer = RemovedAnswer { repository: image.repository(), digest, tags, users, is_removed: false };
    context.reporter.preview(&answer);
    if context.confirm(assent, "Remove it? [y/N]".to_owned()).await? == Answer::No {
        return Err(Error::unchanged(anyhow!("not confirmed; nothing was removed")));
    }
    let words = [image.with_digest(answer.digest.clone()).to_string()];
    let recorded =
        Recorded::begin_at(context, &shelf.environment, "registry rm", Vec::new(), &words, arguments.reason.as_ref())?;
    let removing = async { shelf.registry.remove(&image, &answer.digest).await.map_err(failed) };
    ended(context, recorded, context.signals.unless_cancelled(removing).await)?;
    answer.is_removed = true;
    context.reporter.answer(&answer, Exit::Done);
    Ok(Exit::Done)
}

/// Who would miss an image: containers that run, or that are kept for a rollback, and a canary.
fn users(observed: &Observed, digest: &Digest) -> BTreeSet<String> {
    let is_it = |used: &str| used == digest.as_str();
    let hosts = observed.hosts.keys().filter_map(|host| Some((host, observed.seen(host)?)));
    let containers = hosts.flat_map(|(host, seen)| seen.containers.iter().map(move |one| (host, one)));
    let of_containers = containers.filter(|(_, one)| is_it(one.stamp.image.digest())).map(|(host, one)| {
        let how = if one.state.is_running() { "runs" } else { "keeps" };
        format!("{host} {how} it as {}", one.stamp.service)
    });
    let ledger = observed.ledger();
    let canary = ledger.canary().filter(|entry| entry.pinned.values().any(|image| is_it(image.digest())));
    of_containers.chain(canary.map(|entry| format!("it is of the canary {}", entry.release))).collect()
}
